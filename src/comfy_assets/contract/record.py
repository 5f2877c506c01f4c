"""A record of a run: every exchange as bytes, with placeholders for keys, and what was planned.

All that the judge gets. Written as JSON by `--report-json`, read again by `--rejudge` and `--replay`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from comfy_assets.contract import facts as facts_
from comfy_assets.contract.messages import Request, bytes_from_json, bytes_to_json

if TYPE_CHECKING:
    from comfy_assets.contract.facts import Facts
    from comfy_assets.specification import Contract

#: The form of the record; a reader refuses others.
SCHEMA = "comfy-assets-check-record/1"

# Why a case was left out.
BUDGET, THROTTLED, TIMED_OUT, STOPPED = "budget", "throttled", "timeout", "stopped"


@frozen
class Case:
    """A request of the plan: what it is for, and the case without its departure that has to be accepted."""

    id: str
    request: Request
    #: Rules that it is meant to exercise; the judge finds out by itself which it did.
    rules: tuple[str, ...] = ()
    #: The case that is the same request without the departure.
    control: str | None = None
    #: Cases of one scenario are sent in their order; replaying a finding replays its scenario.
    scenario: str = ""
    #: How many references it could make.
    makes: int = 1
    #: Copies sent at once, each over a connection of its own.
    at_once: int = 1
    #: Sent only where this case was not accepted: it has several features at once, this one has one.
    unless: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For a record; the request stands with its exchange."""
        return {
            "id": self.id,
            "rules": list(self.rules),
            "control": self.control,
            "scenario": self.scenario,
            "makes": self.makes,
            "at_once": self.at_once,
            "unless": self.unless,
            "request": self.request.to_json(),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Case:
        """From a record."""
        members: dict[str, Any] = {
            **value,
            "rules": tuple(value["rules"]),
            "request": Request.from_json(value["request"]),
        }
        return cls(**members)


@frozen
class Exchange:
    """One request and what came back."""

    index: int
    case: str
    request: Request
    raw: bytes
    failure: str | None = None
    detail: str = ""
    seconds: float = 0.0
    started: float = 0.0
    #: 0 for the plan; above, the number of the replay.
    replay: int = 0
    #: How often the same request was asked before and answered 429 or 503.
    attempt: int = 0
    #: Exchanges of one burst overlap in time: their order means nothing.
    burst: int | None = None

    def to_json(self) -> dict[str, Any]:
        """For a record."""
        return {
            "index": self.index,
            "case": self.case,
            "request": self.request.to_json(),
            "response": bytes_to_json(self.raw),
            "failure": self.failure,
            "detail": self.detail,
            "seconds": round(self.seconds, 6),
            "started": round(self.started, 6),
            "replay": self.replay,
            "attempt": self.attempt,
            "burst": self.burst,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Exchange:
        """From a record."""
        members = dict(value)
        raw = bytes_from_json(members.pop("response"))
        members["request"] = Request.from_json(members["request"])
        return cls(raw=raw, **members)


@define
class Record:
    """A run: facts, planned cases, exchanges in the order sent, and cases left out with the reason."""

    facts: Facts
    cases: list[Case] = field(factory=list)
    exchanges: list[Exchange] = field(factory=list)
    left_out: dict[str, str] = field(factory=dict)
    #: References made: id and the case that made it; and how many may exist beside them.
    made: dict[str, str] = field(factory=dict)
    made_unknown: int = 0
    #: The bound, and the bound that would have sufficed.
    max_references: int = 0
    references_needed: int = 0
    #: Why the run ended early, in words; empty where it did not.
    ended: str = ""
    #: Rules that were asked for; empty: all.
    only_rules: tuple[str, ...] = ()
    #: Findings, by fingerprint, and the numbers of their replays.
    replays: dict[str, list[int]] = field(factory=dict)
    #: The smallest request found that shows a finding, by its fingerprint: index of the exchange.
    smallest: dict[str, int] = field(factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        facts = self.facts
        return {
            "schema": SCHEMA,
            "contract": {"version": facts.contract.version, "sha256": facts.contract.digest},
            "server": facts.url,
            "path": facts.path,
            "authority": facts.authority,
            "seed": facts.seed,
            "run_id": facts.run_id,
            "complete": facts.complete,
            "telling_key": facts.telling_key,
            "keys": list(facts.keys),
            "headers": [list(pair) for pair in facts.headers],
            "contents": [
                {"hashes": list(one.hashes), "size": one.size, "label": one.label} for one in facts.contents
            ],
            "rules": list(self.only_rules),
            "replays": self.replays,
            "smallest": self.smallest,
            "max_references": self.max_references,
            "references_needed": self.references_needed,
            "made": self.made,
            "made_unknown": self.made_unknown,
            "ended": self.ended,
            "left_out": self.left_out,
            "cases": [case.to_json() for case in self.cases],
            "exchanges": [exchange.to_json() for exchange in self.exchanges],
        }

    @classmethod
    def from_json(cls, value: Any, contract: Contract) -> Record:
        """Read what `to_json` wrote; ValueError where it is something else."""
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise ValueError(f"not a record of the form {SCHEMA}")
        try:
            return cls._read(value, contract)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a whole record: {error}") from None

    @classmethod
    def _read(cls, value: dict[str, Any], contract: Contract) -> Record:
        facts = facts_.Facts(
            contract=contract,
            url=value["server"],
            path=value["path"],
            authority=value["authority"],
            contents=tuple(
                facts_.Content(tuple(one["hashes"]), one["size"], one["label"]) for one in value["contents"]
            ),
            keys=tuple(value["keys"]),
            run_id=value["run_id"],
            seed=value["seed"],
            complete=value["complete"],
            headers=tuple((str(name), str(text)) for name, text in value["headers"]),
            telling_key=value["telling_key"],
        )
        return cls(
            facts=facts,
            cases=[Case.from_json(one) for one in value["cases"]],
            exchanges=[Exchange.from_json(one) for one in value["exchanges"]],
            left_out=dict(value["left_out"]),
            made=dict(value["made"]),
            made_unknown=value["made_unknown"],
            max_references=value["max_references"],
            references_needed=value["references_needed"],
            ended=value["ended"],
            only_rules=tuple(value["rules"]),
            replays=dict(value["replays"]),
            smallest=dict(value["smallest"]),
        )
