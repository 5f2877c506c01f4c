"""How real services deviate in a success that can still be read, one deviation each.

Each takes a success of the contract, status and body, and gives what a drifting service answers
instead. The contract is told nothing of these; the client survives and names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

Body = dict[str, Any]


@frozen
class Drift:
    """One way in which answers deviate.

    Attributes:
        seen: what was seen, and where, in a few words.
        change: from the contract's status and body to those of the drifting service.
        told: place and rule of each deviation that a client must name; empty where the contract allows
            the answer.
    """

    seen: str
    change: Callable[[int, Body], tuple[int, Body]]
    told: tuple[tuple[tuple[str, ...], str], ...] = ()


def _set(**members: Any) -> Callable[[int, Body], tuple[int, Body]]:
    return lambda status, body: (status, {**body, **members})


def _without_prefix(status: int, body: Body) -> tuple[int, Body]:
    digest = str(body.get("asset_hash", "")).partition(":")[2]
    return status, {**body, "asset_hash": f"{digest}.png"}


def _naive(status: int, body: Body) -> tuple[int, Body]:
    times = {name: text[:19] for name, text in body.items() if name in _TIMES and isinstance(text, str)}
    return status, body | times


def _always_created(_status: int, body: Body) -> tuple[int, Body]:
    return 201, {**body, "created_new": False}


def _hash_beside(status: int, body: Body) -> tuple[int, Body]:
    return status, {**body, "hash": body.get("asset_hash")}


def _hash_instead(status: int, body: Body) -> tuple[int, Body]:
    rest = {name: value for name, value in body.items() if name != "asset_hash"}
    return status, {**rest, "hash": body.get("asset_hash")}


_TIMES: Final = ("created_at", "updated_at", "last_access_time")
_FURTHER: Final[Body] = {"metadata": {}, "display_name": None, "loader_path": "checkpoints/a", "job_id": None}

#: By name; the names are an interface.
DRIFTS: Final[dict[str, Drift]] = {
    "repeat-answers-201": Drift(
        "every repeat answers 201 with `created_new` false (open-source ComfyUI)",
        _always_created,
        ((("created_new",), "status"),),
    ),
    "naive-times": Drift(
        "times have no offset (open-source ComfyUI)",
        _naive,
        ((("created_at",), "format"), (("updated_at",), "format")),
    ),
    "relative-preview": Drift(
        "`preview_url` is relative (open-source ComfyUI)",
        _set(preview_url="/api/view?filename=a.png"),
        ((("preview_url",), "format"),),
    ),
    "bare-asset-hash": Drift(
        "`asset_hash` is hex digits and an extension (the cloud's front end)",
        _without_prefix,
        ((("asset_hash",), "pattern"),),
    ),
    "null-members": Drift(
        "optional members are null (the cloud's front end)",
        _set(mime_type=None, preview_url=None, user_metadata=None, is_immutable=None),
        tuple(((name,), "type") for name in ("mime_type", "preview_url", "user_metadata", "is_immutable")),
    ),
    "tags-as-text": Drift(
        "tags are text with commas (open-source ComfyUI)", _set(tags="input,a"), ((("tags",), "type"),)
    ),
    "size-with-fraction": Drift("an integer is written `1.0`", _set(size=1.0), ((("size",), "type"),)),
    "hash-beside": Drift("a member `hash` beside `asset_hash` (ComfyUI)", _hash_beside),
    "hash-instead": Drift("a member `hash` instead of `asset_hash` (ComfyUI)", _hash_instead),
    "further-members": Drift(
        "members that the contract does not name (ComfyUI, the cloud's front end)", _set(**_FURTHER)
    ),
    "sorted-tags": Drift(
        "tags come back sorted (open-source ComfyUI)",
        lambda status, body: (status, {**body, "tags": sorted(body.get("tags", []))}),
    ),
}
