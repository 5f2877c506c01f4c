"""What a generated client keeps and loses of the contract, read from how its program behaves.

Each program prints what its client holds of an answer, as `STATUS JSON`, before the id. check-client has it meet
every shape of answer, so that its record tells what became of them; a few requests are tried beside that.
"""

from __future__ import annotations

import json
import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from comfy_assets import specification
from comfy_assets.contract.clients import asks, plan
from comfy_assets.contract.clients.program import Programs
from comfy_assets.contract.clients.server import Service
from comfy_assets.contract.facts import CREATED, EXISTING, HASH, METADATA, SIZE, TAGS
from comfy_assets.scenarios.allowed import VALUES, success_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from comfy_assets.contract.clients.record import ClientRecord, Run

_CONTRACT: Final = specification.load()
_TIMES: Final = VALUES["string", "date-time"]
_LARGE: Final = VALUES["integer", "int64"]
#: Seconds for one run of a program that is asked to send something odd.
_PATIENCE: Final = 30.0


@define
class Answers:
    """What a program made of the answers of a check."""

    runs: dict[str, Run]

    @classmethod
    def of(cls, record: ClientRecord) -> Answers:
        """Those of the plan, replays aside."""
        return cls({run.scenario: run for run in record.runs if run.replay == 0})

    def held(self, scenario: str) -> tuple[int, dict[str, Any]] | None:
        """Status and members that the client held; None where it took the answer for no success."""
        run = self.runs[scenario]
        if not run.claims_success:
            return None
        status, _, text = run.stdout.decode().partition("\n")[0].partition(" ")
        return int(status), json.loads(text)

    def members(self, scenario: str) -> dict[str, Any] | None:
        """The members alone."""
        held = self.held(scenario)
        return held[1] if held else None

    def survival(self, *starts: str) -> str:
        """Whether answers were read, those whose scenario's name starts so."""
        failed = [name for name in self.runs if name.startswith(starts) and self.held(name) is None]
        every = [name for name in self.runs if name.startswith(starts)]
        if not failed:
            return "read"
        return "refused" if failed == every else f"refused in {len(failed)} of {len(every)} cases"


def _statuses(answers: Answers) -> str:
    held = [answers.held(f"allowed-status-{status}") for status in (EXISTING, CREATED)]
    return "told apart" if [one and one[0] for one in held] == [EXISTING, CREATED] else "not told apart"


def _absent(answers: Answers) -> str:
    members = answers.members("allowed-required-only")
    if members is None:
        return "refused"
    schema = success_schema(_CONTRACT)
    made = {name: one for name, one in members.items() if name not in schema["required"]}
    return "absent" if not made else "; ".join(f"`{name}` becomes `{_json(made[name])}`" for name in made)


def _null(answers: Answers) -> str:
    members = answers.members("allowed-null-preview_id")
    if members is None:
        return "refused"
    if "preview_id" not in members:
        return "becomes absent"
    return "null" if members["preview_id"] is None else f"becomes `{_json(members['preview_id'])}`"


def _integers(answers: Answers) -> str:
    for word, sent in _LARGE.items():
        members = answers.members(f"allowed-int64-{word}")
        got = "refused" if members is None else members.get(SIZE)
        if got != sent or isinstance(got, float):
            return f"{sent} becomes {got}"
    return "exact"


def _unknown(answers: Answers) -> str:
    held = [answers.members(f"allowed-further-{word}") for word in ("null", "nested", "many")]
    if None in held:
        return "refused"
    kept = ["display_name" in (held[0] or ()), "job" in (held[1] or ()), "further_0" in (held[2] or ())]
    return "kept" if all(kept) else "dropped" if not any(kept) else "kept in part"


def _times(answers: Answers) -> str:
    refused, changed, anew = [], [], False
    for word, sent in _TIMES.items():
        members = answers.members(f"allowed-date-time-{word}")
        if members is None:
            refused.append(f"`{sent}`")
        elif _instant(members["created_at"]) != _instant(sent):
            changed.append(f"`{sent}` becomes `{members['created_at']}`")
        else:
            anew = anew or members["created_at"] != sent
    texts = [f"refused: {', '.join(refused)}"] if refused else []
    texts += [*changed, "spelt anew" if anew else "as they were written"]
    return "; ".join(texts)


def _instant(text: str) -> tuple[object, str]:
    """What a time means: whole seconds, and the digits after them; text that is no time means itself."""
    whole, fraction, zone = re.fullmatch(r"([^.]*?)(?:\.(\d+))?([zZ]|[+-]\d\d:\d\d)?", text).groups()  # type: ignore[union-attr] # everything matches
    try:
        return datetime.fromisoformat(f"{whole}{zone or ''}".upper()), (fraction or "").rstrip("0")
    except ValueError:
        return text, ""


def _metadata(answers: Answers) -> str:
    sent = VALUES["object", None]["kinds"]
    members = answers.members("allowed-object-kinds")
    if members is None:
        return "refused"
    got = members.get(METADATA)
    if not isinstance(got, dict):
        return "dropped"
    changed = [name for name in sent if name not in got or _json(got[name]) != _json(sent[name])]
    return "; ".join(f"`{_json(sent[name])}` becomes `{_json(got.get(name))}`" for name in changed) or "kept"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- Requests -------------------------------------------------------------------------------------


@define
class Asked:
    """Lets the program register something odd, and sees what it sends."""

    command: Sequence[str]
    _programs: Programs = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._programs = Programs(tuple(self.command))

    def sent(self, **changes: Any) -> dict[str, Any] | None:
        """The body that it sends; None where it refuses before anything is sent."""
        plain = plan.scenarios(_CONTRACT, 0)[0]
        body = plain.ask.body("probe") | changes
        with Service(plain.replies, "X-API-Key") as service, tempfile.TemporaryDirectory() as home:
            given = asks.environment(body) | {asks.URL_VARIABLE: service.url, asks.KEY_VARIABLE: "probe-key"}
            self._programs.run(
                self._programs.environment(Path(home)) | given,
                f"{asks.URL_VARIABLE}={service.url}\0",
                _PATIENCE,
            )
            service.stop()
            requests = [one.request for one in service.arrivals if one.request is not None]
        return json.loads(requests[0].body) if requests else None


def _is_refused(name: str, value: Any) -> Callable[[Asked], str]:
    return lambda asked: "sent" if asked.sent(**{name: value}) is not None else "refused before it is sent"


def _empty_metadata(asked: Asked) -> str:
    sent = asked.sent(**{METADATA: {}})
    return "refused" if sent is None else "sent" if sent.get(METADATA) == {} else "dropped"


def _metadata_numbers(asked: Asked) -> str:
    numbers = {"a": 2**53 + 1, "b": 2**63, "c": 10**30}
    sent = asked.sent(**{METADATA: numbers})
    got = (sent or {}).get(METADATA, {})
    changed = (name for name in numbers if _json(got.get(name)) != _json(numbers[name]))
    return next((f"{numbers[name]} becomes {_json(got.get(name))}" for name in changed), "exact")


#: The rows of the page: of the contract, what became of it.
ANSWERS: Final[dict[str, Callable[[Answers], str]]] = {
    "200 against 201": _statuses,
    "a member that is absent": _absent,
    "null where it may be": _null,
    "null where it may not be": lambda answers: answers.survival("drift-null-members"),
    "a required member is missing": lambda answers: answers.survival("drift-without-", "drift-size-missing"),
    "another type": lambda answers: answers.survival("drift-tags-as-text"),
    "`pattern` of `asset_hash`": lambda answers: answers.survival("drift-bare-asset-hash"),
    "`int64`": _integers,
    "times": _times,
    "times without an offset": lambda answers: answers.survival("drift-naive-times"),
    "unknown members": _unknown,
    "`user_metadata`": _metadata,
}
REQUESTS: Final[dict[str, Callable[[Asked], str]]] = {
    "`pattern` of `hash`": _is_refused(HASH, "blake3:1234"),
    "`minItems` of `tags`": _is_refused(TAGS, []),
    "`user_metadata` that is empty": _empty_metadata,
    "large integers in `user_metadata`": _metadata_numbers,
}


def kept(record: ClientRecord) -> dict[str, dict[str, str]]:
    """All rows for a program, from the record of its check and from a few runs more."""
    answers, asked = Answers.of(record), Asked(record.command)
    return {
        "requests": {row: probe(asked) for row, probe in REQUESTS.items()},
        "answers": {row: probe(answers) for row, probe in ANSWERS.items()},
    }
