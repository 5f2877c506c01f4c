"""A service like the open-source ComfyUI of August 2026, as far as the operation is concerned."""

from __future__ import annotations

import json
import uuid
from typing import Any

from comfy_assets.scenarios.faults import Fault
from comfy_assets.scenarios.model import Asked, RefusedError, Said, Service


def _owner(_self: Service, _asked: Asked) -> Any:
    return "everybody"


def _read(_self: Service, asked: Asked) -> Any:
    try:
        value = json.loads(asked.body)  # NaN and lone surrogates pass here, and fail later
    except (ValueError, RecursionError):
        raise RefusedError(400, "Request body must be valid JSON.") from None
    if b"NaN" in asked.body or b"Infinity" in asked.body or _surrogate(value):
        metadata = value.get("user_metadata") if isinstance(value, dict) else None
        raise RefusedError(404 if _surrogate(metadata) else 500, "Internal Server Error")
    return value


def _surrogate(value: Any) -> bool:
    return "\\ud" in json.dumps(value) and any(
        "\ud800" <= letter <= "\udfff" for letter in json.dumps(value, ensure_ascii=False)
    )


def _check(_self: Service, value: Any) -> None:
    if not isinstance(value, dict):
        raise RefusedError(400, "the body must be an object")
    hash_ = value.get("hash")
    if not isinstance(hash_, str):
        raise RefusedError(400, "hash is required")
    value["hash"] = hash_ = hash_.strip().lower()
    prefix, _, digest = hash_.partition(":")
    if prefix != "blake3" or len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise RefusedError(400, "hash must be like 'blake3:<hex>'")
    tags = value.get("tags")
    if isinstance(tags, str):
        tags = tags.split(",")
    if not isinstance(tags, list | None):
        raise RefusedError(400, "tags must be a list")
    value["tags"] = sorted({str(tag) for tag in tags or []})
    for name in ("name", "mime_type", "user_metadata"):
        if value.get(name) is None:
            value.pop(name, None)
    if not isinstance(value.get("name", ""), str) or not isinstance(value.get("user_metadata", {}), dict):
        raise RefusedError(400, "invalid")
    if not isinstance(value.get("mime_type", ""), str):
        raise RefusedError(400, "invalid")
    name = value.get("name", "").replace("\\", "/").rpartition("/")[2].strip()
    value["name"] = name or digest


def _refer(self: Service, owner: Any, stored: Any, value: Any) -> Any:
    return self.make(owner, stored, value), True


def _members(self: Service, reference: Any, *, created: bool) -> dict[str, Any]:
    right = Service.members(self, reference, created=created)
    naive = {name: right[name].rstrip("Z") for name in ("created_at", "updated_at")}
    more = {
        "preview_url": f"/api/view?filename={uuid.UUID(int=0)} x",
        "hash": right["asset_hash"],
        "display_name": None,
    }
    return {**right, **naive, **more, "created_new": False}


def _error(self: Service, status: int, message: str) -> Said:
    if status in {500, 403, 405}:
        return Said(
            status,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            body=f"{status}: {message}".encode(),
        )
    return Said(status, {"error": {"code": f"E{status}", "message": message, "details": {}}})


def _media_type(_self: Service, _asked: Asked) -> None:
    return


#: What the check must find here, rule and words of the cause: each is a deviation of its own.
DEVIATIONS: tuple[tuple[str, str], ...] = (
    ("accept-known", "sha256"),
    ("repeat-same", "another id"),
    ("created-status", "created_new false"),
    ("refuse-pattern", "upper-case"),
    ("refuse-pattern", "white space"),
    ("refuse-missing", "tags"),
    ("refuse-null", "tags"),
    ("refuse-empty", "tags"),
    ("refuse-type", "tags"),
    ("refuse-type", "tags[]"),
    ("name-kept", "trimmed"),
    ("name-kept", "path"),
    ("body-formats", "created_at"),
    ("body-formats", "preview_url"),
    ("error-body", "code"),
    ("auth-missing", "missing"),
    ("never-5xx", "non-finite"),
    ("never-5xx", "surrogate"),
    ("open-requests", "surrogate"),
    ("other-media-types", "media type"),
)

COMFYUI = Fault(
    "like the open-source ComfyUI",
    "repeat-same",
    {
        "owner": _owner, "read": _read, "check": _check, "refer": _refer, "members": _members, "error": _error,
        "check_media_type": _media_type,
    },
)  # fmt: skip
