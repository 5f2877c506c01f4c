"""The form of the JSON report, as JSON Schema: what others may rely on. Further members may come."""

from __future__ import annotations

from typing import Any

from comfy_assets.contract.record import SCHEMA as RECORD

_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_BYTES = {
    "description": "Bytes: as text where they are UTF-8, else as base64.",
    "type": "object",
    "oneOf": [{"required": ["text"]}, {"required": ["base64"]}],
    "properties": {"text": _TEXT, "base64": _TEXT},
}


def _object(required: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **more}}


_REQUEST = _object(
    {
        "method": _TEXT,
        "target": _TEXT,
        "headers": {"type": "array", "items": {"type": "array", "items": _TEXT}},
        "body": _BYTES,
        "framing": {"enum": ["length", "chunked", "none"]},
    }
)
_EXCHANGE = _object(
    {
        "index": _COUNT,
        "case": _TEXT,
        "request": _REQUEST,
        "response": _BYTES,
        "failure": {"enum": [None, "timeout", "closed", "refused", "not-http", "tls"]},
        "detail": _TEXT,
        "seconds": {"type": "number"},
        "started": {"type": "number"},
        "replay": _COUNT,
        "attempt": _COUNT,
        "burst": {"type": ["integer", "null"]},
    }
)
_VERDICTS = [
    "passed", "violated", "intermittent", "observed", "not applicable", "not checked", "accepted", "checker error",
]  # fmt: skip
_VERDICT = _object(
    {
        "rule": _TEXT,
        "level": {"enum": ["must", "should", "observed"]},
        "verdict": {"enum": _VERDICTS},
        "reason": _TEXT,
        "text": _TEXT,
        "exercised": _COUNT,
    }
)
_FINDING = _object(
    {
        "finding": _TEXT,
        "rule": _TEXT,
        "level": {"enum": ["must", "should", "observed"]},
        "verdict": {"enum": _VERDICTS},
        "cause": _TEXT,
        "expected": _TEXT,
        "got": _TEXT,
        "evidence": _TEXT,
        "exchanges": {"type": "array", "items": _COUNT},
        "shown_by": _COUNT,
        "reproduce": _TEXT,
        "under": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
    }
)

#: The report of `--report-json`.
REPORT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Report of comfy-assets check",
    **_object(
        {
            "schema": {"const": "comfy-assets-check/1"},
            "tool": _TEXT,
            "summary": _object({"exit_status": {"enum": [0, 1, 2, 130]}, "summary": _TEXT}),
            "verdicts": {"type": "array", "items": _VERDICT},
            "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
            "record": _object(
                {
                    "schema": {"const": RECORD},
                    "server": _TEXT,
                    "seed": {"type": "integer"},
                    "run_id": _TEXT,
                    "made": {"type": "object", "additionalProperties": _TEXT},
                    "left_out": {"type": "object", "additionalProperties": _TEXT},
                    "cases": {"type": "array"},
                    "exchanges": {"type": "array", "items": _EXCHANGE},
                }
            ),
        }
    ),
    "$defs": {"finding": _FINDING},
}
