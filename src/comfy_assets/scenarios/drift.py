"""How real services deviate and still go on, one deviation each, named by the rule that each breaks.

`DRIFTS` deviate in a success that can still be read: each takes a success of the contract, status and
body, and gives what a drifting service answers instead. `CONDUCTS` deviate in what is taken and refused,
and in the form of errors. The contract is told nothing of these; the client survives and names them.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

Body = dict[str, Any]


@frozen
class Drift:
    """One way in which successes deviate.

    Attributes:
        seen: what was seen, and where, in a few words.
        change: from the contract's status and body to those of the drifting service.
        told: place and rule of each deviation that a client must name; empty where the contract allows
            the answer.
        rules: ids of the check's rules that it breaks; empty where the contract allows it.
        as_sent: the answer is of a reference that was made anew, so it holds what this request sent.
    """

    seen: str
    change: Callable[[int, Body], tuple[int, Body]]
    told: tuple[tuple[tuple[str, ...], str], ...] = ()
    rules: tuple[str, ...] = ()
    as_sent: bool = False

    def answer(self, sent: Any, status: int, body: Body) -> tuple[int, Body]:
        """What the drifting service answers to the JSON value that was sent, for the contract's success."""
        if self.as_sent and isinstance(sent, dict):
            body = body | {name: sent[name] for name in _AS_SENT if name in sent}
        return self.change(status, body)


@frozen
class Answer:
    """An error as a service writes it."""

    status: int
    media_type: str
    content: bytes


@frozen
class Conduct:
    """One way in which requests are treated otherwise than the contract says.

    Attributes:
        seen: what was seen, and where, in a few words.
        rules: ids of the check's rules that it breaks; empty where the contract allows it.
        mend: repairs the JSON value of a request before it is judged, so that it is not refused.
        refuse: an answer to a request's bytes and JSON value (None where it is no JSON), instead of
            what the service would do; None leaves it to the service.
        error: from the contract's error, status, code and message, to the drifting service's.
        without_key: it shows in requests without a valid key.
        admits: those are carried out all the same.
    """

    seen: str
    rules: tuple[str, ...]
    mend: Callable[[Any], Any] | None = None
    refuse: Callable[[bytes, Any], Answer | None] | None = None
    error: Callable[[int, Body], Answer] | None = None
    without_key: bool = False
    admits: bool = False


# --- Successes ------------------------------------------------------------------------------------


def _set(**members: Any) -> Callable[[int, Body], tuple[int, Body]]:
    return lambda status, body: (status, {**body, **members})


def _changed(name: str, change: Callable[[Any], Any]) -> Callable[[int, Body], tuple[int, Body]]:
    return lambda status, body: (status, {**body, name: change(body[name])} if name in body else body)


def _without(name: str) -> Callable[[int, Body], tuple[int, Body]]:
    return lambda status, body: (status, {key: value for key, value in body.items() if key != name})


def _without_prefix(status: int, body: Body) -> tuple[int, Body]:
    digest = str(body.get("asset_hash", "")).partition(":")[2]
    return status, {**body, "asset_hash": f"{digest}.png"}


def _naive(status: int, body: Body) -> tuple[int, Body]:
    times = {name: text[:19] for name, text in body.items() if name in _TIMES and isinstance(text, str)}
    return status, body | times


def _always_created(_status: int, body: Body) -> tuple[int, Body]:
    return 201, {**body, "id": str(uuid.uuid4()), "created_new": False}


def _hash_beside(status: int, body: Body) -> tuple[int, Body]:
    return status, {**body, "hash": body.get("asset_hash")}


def _hash_instead(status: int, body: Body) -> tuple[int, Body]:
    rest = {name: value for name, value in body.items() if name != "asset_hash"}
    return status, {**rest, "hash": body.get("asset_hash")}


def _digest_as_name(status: int, body: Body) -> tuple[int, Body]:
    hash_ = str(body.get("asset_hash", ""))
    is_made_up = body.get("name") in {"", hash_}
    return status, {**body, "name": hash_.partition(":")[2]} if is_made_up else body


def _last_segment(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


_AS_SENT: Final = ("tags", "user_metadata", "mime_type")
_TIMES: Final = ("created_at", "updated_at", "last_access_time")
_FURTHER: Final[Body] = {"metadata": {}, "display_name": None, "loader_path": "checkpoints/a", "job_id": None}
_NULLS: Final = (
    "asset_hash",
    "mime_type",
    "user_metadata",
    "preview_url",
    "last_access_time",
    "is_immutable",
)

#: By name; the names are an interface.
DRIFTS: Final[dict[str, Drift]] = {
    "repeat-answers-201": Drift(
        "every repeat answers 201 with a new id and `created_new` false (open-source ComfyUI)",
        _always_created,
        ((("created_new",), "status"),),
        ("repeat-same", "created-status"),
        as_sent=True,
    ),
    "created-new-never": Drift(
        "`created_new` is never true, not with 201 either (open-source ComfyUI)",
        _set(created_new=False),
        ((("created_new",), "status"),),
        ("created-status",),
    ),
    "naive-times": Drift(
        "times have no offset (open-source ComfyUI)",
        _naive,
        tuple(((name,), "format") for name in _TIMES),
        ("body-formats",),
    ),
    "relative-preview": Drift(
        "`preview_url` is relative (open-source ComfyUI)",
        _set(preview_url="/api/view?filename=a.png"),
        ((("preview_url",), "format"),),
        ("body-formats",),
    ),
    "bare-asset-hash": Drift(
        "`asset_hash` is hex digits and an extension (the cloud's front end)",
        _without_prefix,
        ((("asset_hash",), "pattern"),),
        ("body-patterns",),
    ),
    "null-members": Drift(
        "optional members are null (the cloud's front end)",
        _set(**dict.fromkeys(_NULLS)),
        tuple(((name,), "type") for name in _NULLS),
        ("body-null",),
    ),
    "size-missing": Drift(
        "`size` is missing (the cloud's front end)",
        _without("size"),
        ((("size",), "required"),),
        ("body-required",),
    ),
    "tags-as-text": Drift(
        "tags are text with commas (open-source ComfyUI)",
        _set(tags="input,a"),
        ((("tags",), "type"),),
        ("body-types",),
    ),
    "size-with-fraction": Drift(
        "an integer is written `1.0`",
        _changed("size", float),
        ((("size",), "type"),),
        ("integers-written",),
    ),
    "name-trimmed": Drift(
        "the name is trimmed (open-source ComfyUI)", _changed("name", str.strip), (), ("name-kept",)
    ),
    "name-last-segment": Drift(
        "the name is reduced to its last path segment (open-source ComfyUI)",
        _changed("name", _last_segment),
        (),
        ("name-kept",),
    ),
    "digest-as-name": Drift(
        "the name defaults to the bare digest, where an empty one was sent too (open-source ComfyUI)",
        _digest_as_name,
        (),
        ("name-kept",),
    ),
    "hash-beside": Drift("a member `hash` beside `asset_hash` (ComfyUI)", _hash_beside),
    "hash-instead": Drift("a member `hash` instead of `asset_hash` (ComfyUI)", _hash_instead),
    "further-members": Drift(
        "members that the contract does not name (ComfyUI, the cloud's front end)", _set(**_FURTHER)
    ),
    "sorted-tags": Drift("tags come back sorted (open-source ComfyUI)", _changed("tags", sorted)),
}


# --- What is taken, and what is refused -------------------------------------------------------------


def _member(name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Mends a member of a request, where it is there."""

    def mend(value: Any) -> Any:
        return {**value, name: change(value[name])} if isinstance(value, dict) and name in value else value

    return mend


def _texts(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, str) else value


#: What stands for tags that are not there: a list that the contract takes.
_SOME_TAGS: Final = ["input"]


def _tags_given(value: Any) -> Any:
    return {"tags": _SOME_TAGS, **value} if isinstance(value, dict) else value


def _tags_as_text(tags: Any) -> Any:
    return (
        [str(tag) if isinstance(tag, int | float) else tag for tag in tags]
        if isinstance(tags, list)
        else tags
    )


def _plain(status: int) -> Answer:
    return Answer(status, "text/plain; charset=utf-8", f"{status}: Internal Server Error".encode())


def _documented(status: int, message: str) -> Answer:
    body = {"code": "REFUSED", "message": message}
    return Answer(status, "application/json", json.dumps(body).encode())


def _nested(status: int, body: Body) -> Answer:
    content = json.dumps({"error": {**body, "details": {}}}).encode()
    return Answer(status, "application/json", content)


def _renumbered(old: int, new: int) -> Callable[[int, Body], Answer]:
    def error(status: int, body: Body) -> Answer:
        return Answer(new if status == old else status, "application/json", json.dumps(body).encode())

    return error


def _no_sha256(_raw: bytes, value: Any) -> Answer | None:
    hash_ = value.get("hash") if isinstance(value, dict) else None
    is_one = isinstance(hash_, str) and hash_.startswith("sha256:")
    return _documented(400, "hash must be like blake3:<hex>") if is_one else None


def _unknown_form(_raw: bytes, value: Any) -> Answer | None:
    """A hash without a prefix is looked for as if it were one, and not found."""
    hash_ = value.get("hash") if isinstance(value, dict) else None
    is_bare = isinstance(hash_, str) and ":" not in hash_
    return _documented(404, "no stored content has this hash") if is_bare else None


def _fails_at_nan(raw: bytes, _value: Any) -> Answer | None:
    return _plain(500) if b"NaN" in raw or b"Infinity" in raw else None


def _fails_at_surrogates(_raw: bytes, value: Any) -> Answer | None:
    if not _has_surrogate(value):
        return None
    in_metadata = isinstance(value, dict) and _has_surrogate(value.get("user_metadata"))
    return _documented(404, "no stored content has this hash") if in_metadata else _plain(500)


def _has_surrogate(value: Any) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in json.dumps(value, ensure_ascii=False))


#: By name; the names are an interface.
CONDUCTS: Final[dict[str, Conduct]] = {
    "sha256-refused": Conduct(
        "`sha256:` hashes are refused with 400 (open-source ComfyUI)", ("accept-known",), refuse=_no_sha256
    ),
    "upper-case-hash-taken": Conduct(
        "hashes in upper case are taken (open-source ComfyUI)",
        ("refuse-pattern",),
        mend=_member("hash", _texts(str.lower)),
    ),
    "padded-hash-taken": Conduct(
        "hashes with spaces around are taken (open-source ComfyUI)",
        ("refuse-pattern",),
        mend=_member("hash", _texts(str.strip)),
    ),
    "bare-hash-unknown": Conduct(
        "a file name or bare hex sent as `hash` is answered 404 (production, per a client's test)",
        ("refuse-pattern",),
        refuse=_unknown_form,
    ),
    "missing-tags-taken": Conduct(
        "`tags` may be missing (open-source ComfyUI)", ("refuse-missing",), mend=_tags_given
    ),
    "null-tags-taken": Conduct(
        "`tags` may be null (open-source ComfyUI)",
        ("refuse-null",),
        mend=_member("tags", lambda tags: _SOME_TAGS if tags is None else tags),
    ),
    "empty-tags-taken": Conduct(
        "`tags` may be empty (open-source ComfyUI)",
        ("refuse-empty",),
        mend=_member("tags", lambda tags: _SOME_TAGS if tags == [] else tags),
    ),
    "text-tags-taken": Conduct(
        "`tags` may be text with commas (open-source ComfyUI)",
        ("refuse-type",),
        mend=_member("tags", lambda tags: tags.split(",") if isinstance(tags, str) else tags),
    ),
    "number-tags-taken": Conduct(
        "numbers among the tags become text (open-source ComfyUI)",
        ("refuse-type",),
        mend=_member("tags", _tags_as_text),
    ),
    "nested-errors": Conduct(
        "error bodies are nested: `error` with code, message and details (open-source ComfyUI)",
        ("error-body",),
        error=_nested,
    ),
    "invalid-is-422": Conduct(
        "422 is answered where 400 is meant (the vendor's later description)",
        ("refuse-status",),
        error=_renumbered(400, 422),
    ),
    "nan-fails": Conduct(
        "NaN in the body is answered 500 in plain text (open-source ComfyUI)",
        ("never-5xx",),
        refuse=_fails_at_nan,
    ),
    "surrogate-fails": Conduct(
        "a lone surrogate is answered 500, one in metadata 404 (open-source ComfyUI)",
        ("never-5xx", "open-requests"),
        refuse=_fails_at_surrogates,
    ),
    "no-authentication": Conduct(
        "no key is asked for (open-source ComfyUI)", ("auth-missing",), without_key=True, admits=True
    ),
    "forbidden-without-key": Conduct(
        "403 is answered where 401 is meant (open-source ComfyUI, cloud guides)",
        ("auth-status",),
        error=_renumbered(401, 403),
        without_key=True,
    ),
}
