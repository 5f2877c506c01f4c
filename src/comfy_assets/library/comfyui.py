"""A ComfyUI folder: which of its files are models, inputs and outputs, and the tags of each.

What is known of ComfyUI stands in `comfyui.yaml`, and a user can give another one.
"""

from __future__ import annotations

import importlib.resources
import os
from typing import TYPE_CHECKING, Any, Final

import yaml
from attrs import evolve, field, frozen

from comfy_assets.errors import InputError
from comfy_assets.library import sources
from comfy_assets.library.items import LeftOut, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from comfy_assets.library.options import Options
    from comfy_assets.library.sources import Given, Source

#: ComfyUI's own name for the file that names more folders of models.
EXTRA: Final = "extra_model_paths.yaml"


def _texts(_instance: object, attribute: Any, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(one, str) for one in value):
        raise InputError(f"{attribute.name}: expected a list of texts")


def _names(_instance: object, attribute: Any, value: object) -> None:
    if not isinstance(value, dict) or not all(isinstance(one, str) for pair in value.items() for one in pair):
        raise InputError(f"{attribute.name}: expected a mapping of names to names")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@frozen(kw_only=True)
class Mapping:
    """What `comfyui.yaml` says; its members are told there."""

    model_tags: tuple[str, ...] = field(converter=_tuple, validator=_texts)
    input_tags: tuple[str, ...] = field(converter=_tuple, validator=_texts)
    output_tags: tuple[str, ...] = field(converter=_tuple, validator=_texts)
    keys: dict[str, str] = field(validator=_names)
    not_models: tuple[str, ...] = field(converter=_tuple, validator=_texts)
    exclude: tuple[str, ...] = field(converter=_tuple, validator=_texts)

    @classmethod
    def of(cls, path: str | None = None) -> Mapping:
        """Ours, with what a file says otherwise. Raises InputError for one that cannot be used."""
        ours = importlib.resources.files("comfy_assets.library").joinpath("comfyui.yaml")
        members = yaml.safe_load(ours.read_text(encoding="utf-8"))
        theirs = {} if path is None else _mapping(path)
        unknown = [str(name) for name in theirs if name not in members]
        if unknown:
            raise InputError(f"{path!r}: unknown member {unknown[0]!r}; known are {', '.join(members)}")
        try:
            return cls(**{**members, **theirs})
        except InputError as error:
            raise InputError(f"{path!r}: {error}") from None

    def tags(self, folder: str) -> tuple[str, ...]:
        """Those of a model in a folder of this name or key."""
        key = self.keys.get(folder, folder)
        return tuple(tag.replace("{folder}", key) for tag in self.model_tags)


@frozen
class Place:
    """A folder, and the tags of what lies below it."""

    path: str
    tags: tuple[str, ...]


def source(
    folder: str, extra: Sequence[str], tags: Sequence[str], options: Options, mapping: Mapping
) -> Source:
    """Models, inputs and outputs of a ComfyUI folder; `extra` are more files like extra_model_paths.yaml.

    With `--name-from path` a file is named by its path below its folder of models, as ComfyUI's own lists
    do. Raises InputError where this is no ComfyUI folder, or a file cannot be used.
    """
    known = places(folder, extra, mapping)
    exclude: Any = (*options.exclude, *mapping.exclude)
    options = evolve(options, exclude=exclude)
    # A link to where another place leads would be walked twice.
    different = list({(os.path.realpath(one.path), one.tags): one for one in known}.values())

    def give() -> Iterator[Given]:
        for one in different:
            if os.path.isdir(one.path):
                all_tags = tuple(dict.fromkeys((*one.tags, *tags)))
                yield from sources.of_paths([one.path], all_tags, options)()
            else:
                yield LeftOut(one.path, f"is no folder, though {EXTRA} names it")

    return give


def places(folder: str, extra: Sequence[str], mapping: Mapping) -> list[Place]:
    """Every folder that holds something, in the order in which ComfyUI would look."""
    try:
        names = set(os.listdir(folder))
    except OSError as error:
        raise InputError(f"{folder!r} cannot be read: {words(error)}") from None
    if not names & {"models", "input", "output"}:
        raise InputError(f"{folder!r} is no ComfyUI folder: no models, input or output is in it")
    found = list(_models(os.path.join(folder, "models"), mapping))
    own = os.path.join(folder, EXTRA)
    for path in ([own] if os.path.exists(own) else []) + list(extra):
        found += _extra(path, mapping)
    for name, tags in (("input", mapping.input_tags), ("output", mapping.output_tags)):
        if name in names:
            found.append(Place(os.path.join(folder, name), tags))
    return found


def _models(folder: str, mapping: Mapping) -> Iterator[Place]:
    if os.path.isdir(folder):
        for name in sorted(os.listdir(folder)):
            if name not in mapping.not_models and os.path.isdir(os.path.join(folder, name)):
                yield Place(os.path.join(folder, name), mapping.tags(name))


def _extra(path: str, mapping: Mapping) -> Iterator[Place]:
    """The folders of an extra_model_paths.yaml, found as ComfyUI finds them."""
    for section in _mapping(path).values():
        if not isinstance(section, dict):
            continue
        base = os.path.expandvars(os.path.expanduser(str(section.get("base_path") or "")))
        base = os.path.join(os.path.dirname(os.path.abspath(path)), base)
        for key, below in section.items():
            if key in mapping.not_models or not isinstance(below, str):
                continue
            for line in filter(None, map(str.strip, below.splitlines())):
                yield Place(os.path.normpath(os.path.join(base, line)), mapping.tags(str(key)))


def _mapping(path: str) -> dict[Any, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            read = yaml.safe_load(file)
    except OSError as error:
        raise InputError(f"{path!r} cannot be read: {words(error)}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path!r} is no YAML: {' '.join(str(error).split())}") from None
    if read is None:
        return {}
    if not isinstance(read, dict):
        raise InputError(f"{path!r}: expected a mapping")
    return read
