"""A record of a client's runs: every request as bytes, what the program printed and how it ended, no key in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, define, field, frozen

from comfy_assets.contract.messages import Request, bytes_from_json, bytes_to_json

if TYPE_CHECKING:
    from comfy_assets.contract.facts import Facts

SCHEMA = "comfy-assets-check-client-record/1"

# How a run ended: by itself, at the time limit, by whoever interrupted.
ENDED, TIMED_OUT, STOPPED = "ended", "timeout", "stopped"


@frozen
class Said:
    """What a request got: its reply's number, and what that says, as the plan has it."""

    says: str
    status: int | None
    id: str | None
    wait: float | None


@frozen
class Arrival:
    """One request as it arrived, in seconds since the run began; None for what is no HTTP request."""

    request: Request | None
    raw: bytes
    connection: int
    arrived: float
    #: When the answer had been sent.
    answered: float | None = None
    said: Said | None = None
    #: It came to the other host.
    elsewhere: bool = False
    wrong: str = ""
    #: It followed a redirect to the same host.
    moved: bool = False

    def to_json(self) -> dict[str, Any]:
        """For a record."""
        return {
            "request": self.request.to_json() if self.request else None,
            "raw": bytes_to_json(self.raw),
            "connection": self.connection,
            "arrived": self.arrived,
            "answered": self.answered,
            "said": asdict(self.said) if self.said else None,
            "elsewhere": self.elsewhere,
            "wrong": self.wrong,
            "moved": self.moved,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Arrival:
        """From a record."""
        members = dict(value)
        members["request"] = Request.from_json(members["request"]) if members["request"] else None
        members["raw"] = bytes_from_json(members["raw"])
        members["said"] = Said(**members["said"]) if members["said"] else None
        return cls(**members)


@frozen
class Run:
    """One run of the program in one scenario."""

    index: int
    scenario: str
    #: The rule about what the program makes of the scenario, and what it has to claim in the end.
    rule: str
    must: str
    #: The body that it has to send.
    asked: dict[str, Any]
    arrivals: tuple[Arrival, ...]
    ended: str
    #: Exit status; negative: the signal that ended it.
    status: int | None
    stdout: bytes
    stderr: bytes
    seconds: float
    #: Where the key stood: `stdout`, `stderr`, `url`, `body`, `header ...`, `elsewhere`; with the form of the key.
    leaks: tuple[tuple[str, str], ...] = ()
    #: Processes that were still there when the program had ended.
    left: int = 0
    #: Bytes that were printed beyond what is kept.
    cut: int = 0
    #: 0 for the plan; above, the number of the replay.
    replay: int = 0

    @property
    def asks(self) -> list[Arrival]:
        """Requests to the service."""
        return [one for one in self.arrivals if not one.elsewhere]

    @property
    def claims_success(self) -> bool:
        """Whether it said that it registered."""
        return self.ended == ENDED and self.status == 0

    @property
    def last_line(self) -> str:
        """The last non-empty line of its output."""
        lines = [line.strip() for line in self.stdout.decode("utf-8", "replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")

    def to_json(self) -> dict[str, Any]:
        """For a record."""
        return {
            "index": self.index, "scenario": self.scenario, "rule": self.rule, "must": self.must, "asked": self.asked,
            "arrivals": [one.to_json() for one in self.arrivals], "ended": self.ended, "status": self.status,
            "stdout": bytes_to_json(self.stdout), "stderr": bytes_to_json(self.stderr), "seconds": self.seconds,
            "leaks": [list(one) for one in self.leaks], "left": self.left, "cut": self.cut, "replay": self.replay,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Run:
        """From a record."""
        members = dict(value)
        members["arrivals"] = tuple(Arrival.from_json(one) for one in members["arrivals"])
        members["stdout"], members["stderr"] = (
            bytes_from_json(members[name]) for name in ("stdout", "stderr")
        )
        members["leaks"] = tuple((str(place), str(form)) for place, form in members["leaks"])
        return cls(**members)


@define
class ClientRecord:
    """All runs of a program."""

    command: tuple[str, ...]
    facts: Facts
    seed: int = 0
    timeout: float = 30.0
    runs: list[Run] = field(factory=list)
    #: Scenarios that were to be run, with their rules.
    planned: dict[str, str] = field(factory=dict)
    only_rules: tuple[str, ...] = ()
    #: Why the check ended early, in words.
    ended: str = ""

    def to_json(self) -> dict[str, Any]:
        """The record as JSON."""
        contract = self.facts.contract
        return {
            "schema": SCHEMA,
            "contract": {"version": contract.version, "sha256": contract.digest},
            "command": list(self.command),
            "seed": self.seed,
            "timeout": self.timeout,
            "rules": list(self.only_rules),
            "planned": self.planned,
            "ended": self.ended,
            "runs": [run.to_json() for run in self.runs],
        }

    @classmethod
    def from_json(cls, value: Any, facts: Facts) -> ClientRecord:
        """Read what `to_json` wrote; ValueError where it is something else."""
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise ValueError(f"not a record of the form {SCHEMA}")
        try:
            return cls(
                tuple(value["command"]), facts, value["seed"], value["timeout"],
                [Run.from_json(one) for one in value["runs"]], dict(value["planned"]), tuple(value["rules"]), value["ended"],
            )  # fmt: skip
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a whole record: {error}") from None
