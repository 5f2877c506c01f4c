"""From the contract's schemas to trees that the templates write Python of.

A tree says what JSON a value is and which limits hold: {"kind": "text", "max_length": 5}. Objects with
members and enumerations become classes, which a tree names: {"kind": "object", "class": "Order"}.

The generator's own idea of a type is not used: it loses every limit, and of two variants that are
both strings it keeps one. What a client cannot be held to exactly is refused, never approximated.
"""

from __future__ import annotations

import re
from typing import Any

from defaults import fits
from keywords import ANNOTATIONS, KEYWORDS, LIMITS, NO_SCHEMAS, TYPES, check, is_number
from merging import both, plain, without_prose
from names import TAKEN_BY_MODELS, class_name, enum_keys, python_names
from openapi_python_client.strings import pascal_case
from patterns import PatternError, to_python
from source import ContractError, below, steps

Schema = dict[str, Any]
Tree = dict[str, Any]

COMPONENTS = "#/components/schemas/"

#: The range of each integer format (OpenAPI 3.0.3, "Data Types").
INTEGERS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
#: Formats of text that have a Python type of their own; of the others only `uri` is asserted.
TEXT_KINDS = {"uuid": "uuid", "date": "date", "date-time": "date_time"}


#: A title that names the class of a variant.
_GOOD_SUFFIX = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,39}")


class Schemas:
    """The schemas of one contract. `classes` are those that were met: models and enumerations by name."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._is_31 = document["openapi"].startswith("3.1")
        self._places: dict[int, str] = {}
        self._remember_places(document, "#")
        self.classes: dict[str, dict[str, Any]] = {}
        # What each class was made of, and the models whose members are still to be read.
        self._met: dict[str, tuple[str, Schema]] = {}
        self._waiting: list[str] = []

    def _remember_places(self, node: Any, place: str) -> None:
        """Where each node stands; every reference on the way must point to something."""
        if isinstance(node, dict):
            self._places[id(node)] = place
            if isinstance(node.get("$ref"), str):
                self.at(node["$ref"], place)
            for name, member in node.items():
                if name not in NO_SCHEMAS and not name.startswith("x-"):
                    self._remember_places(member, below(place, name))
        elif isinstance(node, list):
            for position, item in enumerate(node):
                self._remember_places(item, f"{place}/{position}")

    def place(self, node: dict[str, Any], otherwise: str = "#") -> str:
        """Where a node stands in the document."""
        return self._places.get(id(node), otherwise)

    def at(self, reference: Any, place: str) -> Any:
        """What a reference points to."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise ContractError(place, f"the reference {reference!r:.200} points outside the document")
        node: Any = self._document
        for step in steps(reference):
            if not isinstance(node, dict) or step not in node:
                raise ContractError(place, f"the reference {reference!r:.200} points to nothing")
            node = node[step]
        return node

    def resolved(self, node: Any, place: str) -> dict[str, Any]:
        """A node that is no schema, references followed."""
        seen = []
        while isinstance(node, dict) and "$ref" in node:
            if node["$ref"] in seen:
                raise ContractError(place, f"the reference {node['$ref']!r} leads back to itself")
            seen.append(node["$ref"])
            node = self.at(node["$ref"], place)
        if not isinstance(node, dict):
            raise ContractError(place, "there must be a mapping here")
        return node

    def components(self) -> None:
        """Meet every schema of the components, used or not."""
        schemas = self._document.get("components", {}).get("schemas", {})
        names: dict[str, str] = {}
        for name in schemas:
            place = COMPONENTS + name
            if not all(
                character.isascii() and (character.isalnum() or character in "._-") for character in name
            ):
                raise ContractError(
                    below("#/components/schemas", name), f"{name!r:.60} is no name for a component"
                )
            first = names.setdefault(class_name(name, place), name)
            if first != name:
                raise ContractError(place, f"{first!r} and {name!r} would have the same name in Python")
            self.tree({"$ref": COMPONENTS + name}, place, "")

    def finish(self) -> None:
        """Read the members of the models that were met, and of those that are met on the way."""
        while self._waiting:
            name = self._waiting.pop(0)
            place, whole = self._met[name]
            model = self.classes[name]
            schemas = {
                **{required: {} for required in whole.get("required", [])},
                **whole.get("properties", {}),
            }
            attributes = python_names(schemas, TAKEN_BY_MODELS, place)
            model["members"] = [
                {
                    "name": member,
                    "attribute": attributes[member],
                    "required": member in whole.get("required", []),
                    **self.member(schema, below(place, "properties", member), name + pascal_case(member)),
                }
                for member, schema in schemas.items()
            ]
            if whole.get("additionalProperties", True) not in (True, {}):
                model["further"] = self._further(whole["additionalProperties"], place, name, ())

    # --- one schema ---------------------------------------------------------------------------------

    def tree(self, schema: Schema, place: str, name: str, above: tuple[str, ...] = ()) -> Tree:
        """The tree of a schema. `name`: of its class, should it need one. `above`: references not yet left."""
        place = self.place(schema, place)
        reference = self._only_reference(schema, place)
        if reference is not None:
            return self._referenced(schema, reference, place, above)
        whole = self.whole(schema, place)
        if "anyOf" in whole or "oneOf" in whole:
            found = self._union(whole, place, name, above)
        elif "enum" in whole:
            found = self._enumeration(whole, place, name)
        else:
            found = self._by_type(whole, place, name, above)
        return _or_null(found) if whole.get("nullable") else found

    def _only_reference(self, schema: Schema, place: str) -> str | None:
        """The component that a schema is, and not only refers to."""
        if "$ref" in schema:
            beside = set(schema) - {"$ref"} - ANNOTATIONS - {key for key in schema if key.startswith("x-")}
            if beside and not self._is_31:
                words = f"beside a $ref OpenAPI 3.0 ignores {', '.join(sorted(beside))}: put the $ref into an allOf"
                raise ContractError(place, words)
            return None if beside else str(schema["$ref"])
        bare = {key for key in schema if key not in ANNOTATIONS and not key.startswith("x-")}
        if (
            bare - {"nullable"} == {"allOf"}
            and KEYWORDS["allOf"][0](schema["allOf"])
            and len(schema["allOf"]) == 1
        ):
            return self._only_reference(schema["allOf"][0], place)
        return None

    def _referenced(self, schema: Schema, reference: str, place: str, above: tuple[str, ...]) -> Tree:
        target = self.at(reference, place)
        if not reference.startswith(COMPONENTS) or len(steps(reference)) != 3:
            raise ContractError(place, f"the reference {reference!r} must be to {COMPONENTS}")
        if reference in above:
            raise ContractError(place, f"the reference {reference!r} leads back to itself")
        if not isinstance(target, dict):
            raise ContractError(reference, "a schema must be a mapping")
        found = self.tree(target, reference, class_name(steps(reference)[-1], reference), (*above, reference))
        return _or_null(found) if schema.get("nullable") else found

    def whole(self, schema: Schema, place: str, above: tuple[str, ...] = ()) -> Schema:
        """One schema that says what this one and all that it brings in by `allOf` say."""
        check(schema, place, is_31=self._is_31)
        if schema.get("$ref") in above:
            raise ContractError(place, f"the reference {schema['$ref']!r} leads back to itself")
        parts = []
        if "$ref" in schema:
            above = (*above, schema["$ref"])
            parts.append(self.whole(self.resolved({"$ref": schema["$ref"]}, place), schema["$ref"], above))
        parts += [self.whole(part, self.place(part, place), above) for part in schema.get("allOf", [])]
        if any(part.get("nullable") for part in parts):
            raise ContractError(place, "inside an allOf, nullable needs a type beside it")
        own = plain(
            {key: schema[key] for key in schema if key not in ("allOf", "$ref")}, place, alone=not parts
        )
        found: Schema = {}
        for part in parts:
            # A title, and what a component says of itself, do not hold for what is made of it and more.
            mine = part if len(parts) == 1 and not set(own) & set(KEYWORDS) else without_prose(part)
            found = both(found, mine, place)
        return both(found, own, place)

    # --- the kinds ----------------------------------------------------------------------------------

    def _union(self, whole: Schema, place: str, name: str, above: tuple[str, ...]) -> Tree:
        if "anyOf" in whole and "oneOf" in whole:
            raise ContractError(place, "anyOf and oneOf together cannot be generated")
        keyword = "oneOf" if "oneOf" in whole else "anyOf"
        beside = {
            key: whole[key]
            for key in whole
            if key in KEYWORDS and key not in (*ANNOTATIONS, keyword, "nullable")
        }
        variants = []
        for position, variant in enumerate(whole[keyword]):
            if beside and not beside.items() <= self.whole(variant, place).items():
                variant = {"allOf": [beside, variant]}
            title = str(variant.get("title"))
            suffix = title if _GOOD_SUFFIX.fullmatch(title) and "title" in variant else f"type_{position}"
            variants.append(self.tree(variant, place, name + pascal_case(suffix), above))
        return {"kind": "one_of", "variants": variants, "exclusive": keyword == "oneOf" and len(variants) > 1}

    def _enumeration(self, whole: Schema, place: str, name: str) -> Tree:
        values = whole["enum"]
        types = whole.get("type", list(TYPES))
        for keyword in whole:
            if keyword in KEYWORDS and keyword not in {"enum", "type", "format", "nullable", *ANNOTATIONS}:
                raise ContractError(
                    place, f"`{keyword}` beside an enum cannot be generated: list what is left"
                )
        for value in values:
            if not any(_is_of(value, one) for one in types):
                raise ContractError(place, f"the enum's value {value!r:.60} is no {' or '.join(types)}")
        if "null" in whole.get("type", []) and None not in values:
            raise ContractError(
                place, "null is not among the enum's values, so that nullable has no effect: add it"
            )
        rest = [value for value in values if value is not None]
        found = self._choice(rest, whole, place, name) if rest else {"kind": "null"}
        return _or_null(found) if rest and None in values else found

    def _choice(self, values: list[Any], whole: Schema, place: str, name: str) -> Tree:
        kinds = {type(value) for value in values}
        if kinds not in ({str}, {int}):
            if any(isinstance(value, (dict, list)) for value in values):
                raise ContractError(place, "an enum of arrays or objects cannot be generated")
            return {"kind": "constants", "constants": values}
        values = list(dict.fromkeys(values))
        members = [{"key": key, "value": value} for key, value in zip(enum_keys(values), values, strict=True)]
        return {
            "kind": "choice",
            "class": self._meet(name, place, whole, {"kind": "choice", "members": members}),
        }

    def _by_type(self, whole: Schema, place: str, name: str, above: tuple[str, ...]) -> Tree:
        types = whole.get("type") or _inferred(whole, place)
        limited = {keyword for one in types for keyword in LIMITS[one]}
        for keyword in whole:
            if keyword in KEYWORDS and keyword not in {*limited, *ANNOTATIONS, "type", "nullable"}:
                raise ContractError(place, f"`{keyword}` says nothing about {' or '.join(types)}")
        if not types:
            return {"kind": "anything"}
        variants = [self._of_type(one, whole, place, name, above) for one in types]
        return (
            variants[0]
            if len(variants) == 1
            else {"kind": "one_of", "variants": variants, "exclusive": False}
        )

    def _of_type(self, one: str, whole: Schema, place: str, name: str, above: tuple[str, ...]) -> Tree:
        limits = {ours: whole[theirs] for theirs, ours in LIMITS[one].items() if ours and theirs in whole}
        if one == "array":
            if "items" not in whole:
                raise ContractError(place, "an array needs `items`")
            return {"kind": "array", "each": self.tree(whole["items"], place, f"{name}Item", above), **limits}
        if one == "object":
            return self._object(whole, limits, place, name, above)
        if one in ("integer", "number"):
            return {"kind": one, **_in_range(limits, whole.get("format"))}
        if one == "string":
            return _text(limits, place)
        return {"kind": one}

    def _object(self, whole: Schema, limits: Tree, place: str, name: str, above: tuple[str, ...]) -> Tree:
        further = whole.get("additionalProperties", True)
        if "properties" not in whole and "required" not in whole:
            if further not in (True, {}):
                limits["each"] = self._further(further, place, name, above)
            return {"kind": "free_form", **limits}
        return {"kind": "object", "class": self._meet(name, place, whole, {"kind": "object", **limits})}

    def _further(self, further: Any, place: str, name: str, above: tuple[str, ...]) -> Tree:
        if further is False:
            return {"kind": "nothing"}
        return self.tree(further, place, f"{name}AdditionalProperty", above)

    def member(self, schema: Schema, place: str, name: str) -> dict[str, Any]:
        """What the templates need to know of a member or a parameter, but for its name."""
        place = self.place(schema, place)
        tree, whole = self.tree(schema, place, name), self.whole(schema, place)
        found = {"tree": tree, **_prose(whole)}
        if "default" in whole:
            if not fits(tree, whole["default"], self.classes):
                raise ContractError(
                    place, f"the default {whole['default']!r:.60} is not what the schema takes, or an object"
                )
            found["default"] = whole["default"]
        return found

    def _meet(self, name: str, place: str, whole: Schema, definition: dict[str, Any]) -> str:
        """The name of the class of a schema, which may have been met before."""
        name = class_name(name, place)
        known_place, known = self._met.setdefault(name, (place, whole))
        if known != whole:
            raise ContractError(
                place, f"two schemas would be {name} in Python, the other is {known_place}: rename one"
            )
        if name not in self.classes:
            self.classes[name] = {**definition, **_prose(whole)}
            if definition["kind"] == "object":
                self._waiting.append(name)
        return name


# --- parts of schemas, without a document -----------------------------------------------------------


def _prose(whole: Schema) -> dict[str, str]:
    return {"title": prose(whole.get("title", "")), "description": prose(whole.get("description", ""))}


def prose(text: str) -> str:
    """Text for people, without what only machines or tricksters write: control and direction marks."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = ("".join(c if c.isprintable() else " " for c in line) for line in lines)
    return "\n".join(line.rstrip() for line in clean).strip()


def _or_null(tree: Tree) -> Tree:
    return {"kind": "one_of", "variants": [tree, {"kind": "null"}], "exclusive": False}


def _is_of(value: Any, one: str) -> bool:
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    if one in kinds:
        return isinstance(value, kinds[one])
    return is_number(value) and (one == "number" or isinstance(value, int))


def _inferred(whole: Schema, place: str) -> list[str]:
    """The type of a schema that names none: by what it says of members, as people mean it."""
    said = [
        one
        for one in ("string", "integer", "array", "object")
        if any(keyword in whole for keyword in LIMITS[one])
    ]
    if said == ["object"] or not said:
        return said
    raise ContractError(place, f"it has limits but no type: add `type: {said[0]}`")


def _in_range(limits: Tree, format_: Any) -> Tree:
    if format_ not in INTEGERS:
        return limits
    low, high = INTEGERS[format_]
    return limits | {
        "minimum": max(limits.get("minimum", low), low),
        "maximum": min(limits.get("maximum", high), high),
    }


def _text(limits: Tree, place: str) -> Tree:
    kind = TEXT_KINDS.get(limits.get("format", ""), "text")
    if kind != "text":
        del limits["format"]
    if "pattern" in limits:
        try:
            limits["regex"] = to_python(limits["pattern"])
        except PatternError as error:
            words = f"the pattern {limits['pattern']!r:.200} cannot be generated: {error}"
            raise ContractError(below(place, "pattern"), words) from None
    return {"kind": kind, **limits}
