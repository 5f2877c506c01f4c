"""The form of the JSON reports, as JSON Schema: what others may rely on. Further members may come."""

from __future__ import annotations

from typing import Any

from comfy_assets.contract.clients.record import SCHEMA as CLIENT_RECORD
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
_FINDING_MEMBERS: dict[str, Any] = {
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
_FINDING = _object(_FINDING_MEMBERS)

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

_SAID = {
    "description": "What was answered: what a program can know after it, and the seconds it is asked to wait.",
    **_object(
        {
            "says": {"enum": ["success", "either", "failure"]},
            "status": {"type": ["integer", "null"]},
            "id": {"type": ["string", "null"]},
            "wait": {"type": ["number", "null"]},
        }
    ),
}
_ARRIVAL = _object(
    {
        "request": {"anyOf": [_REQUEST, {"type": "null"}]},
        "raw": _BYTES,
        "connection": _COUNT,
        "arrived": {"type": "number"},
        "answered": {"type": ["number", "null"]},
        "said": {"anyOf": [_SAID, {"type": "null"}]},
        "elsewhere": {"type": "boolean"},
        "wrong": _TEXT,
        "moved": {"type": "boolean"},
    }
)
_RUN = _object(
    {
        "index": _COUNT,
        "scenario": _TEXT,
        "rule": _TEXT,
        "must": {"enum": ["success", "either", "failure"]},
        "asked": {"type": "object"},
        "arrivals": {"type": "array", "items": _ARRIVAL},
        "ended": {"enum": ["ended", "timeout", "stopped"]},
        "status": {"type": ["integer", "null"]},
        "stdout": _BYTES,
        "stderr": _BYTES,
        "seconds": {"type": "number", "minimum": 0},
        "leaks": {
            "description": "Where the key was seen, and in which form.",
            "type": "array",
            "items": {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2},
        },
        "left": _COUNT,
        "cut": _COUNT,
        "replay": _COUNT,
    }
)

#: The report of `check-client --report-json`; `exchanges` and `shown_by` of a finding are numbers of runs.
CLIENT_REPORT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Report of comfy-assets check-client",
    **_object(
        {
            "schema": {"const": "comfy-assets-check-client/1"},
            "tool": _TEXT,
            "summary": _object(
                {
                    "exit_status": {"enum": [0, 1, 2, 130]},
                    "summary": _TEXT,
                    "command": {"type": "array", "items": _TEXT, "minItems": 1},
                    "not_checked": {"type": "array", "items": _TEXT},
                    "seconds": {"type": "number"},
                }
            ),
            "verdicts": {"type": "array", "items": _VERDICT},
            "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
            "record": _object(
                {
                    "schema": {"const": CLIENT_RECORD},
                    "contract": _object({"version": _TEXT, "sha256": _TEXT}),
                    "command": {"type": "array", "items": _TEXT, "minItems": 1},
                    "seed": {"type": "integer"},
                    "timeout": {"type": "number", "minimum": 10},
                    "rules": {"type": "array", "items": _TEXT},
                    "planned": {"type": "object", "additionalProperties": _TEXT},
                    "ended": _TEXT,
                    "runs": {"type": "array", "items": _RUN},
                }
            ),
        }
    ),
    "$defs": {"finding": _object({**_FINDING_MEMBERS, "scenario": _TEXT})},
}
