"""Proves, on the machine where it runs, that each rule finds its broken server and blames no conforming one.

The servers are models on loopback sockets. Nothing leaves the machine.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from comfy_assets import specification
from comfy_assets.contract.facts import Content
from comfy_assets.contract.rules import OBSERVED, RULES
from comfy_assets.contract.run import Options, check
from comfy_assets.scenarios.catalogue import CONFORMING, FAULTS
from comfy_assets.scenarios.model import Stored
from comfy_assets.scenarios.serving import serving

if TYPE_CHECKING:
    from comfy_assets.contract.run import Outcome
    from comfy_assets.scenarios.faults import Fault
    from comfy_assets.specification import Contract

KEYS = ("local-key-one", "local-key-two")
STORED = tuple(Stored.of(content) for content in (b"one", b"\0\1" * 500, b"three", b""))
CONTENTS = tuple(
    Content((one.blake3, one.sha256), one.size, f"sample {number}") for number, one in enumerate(STORED)
)
#: Rules that nothing in this contract gives an occasion for: no limit of other kinds, none to break.
WITHOUT_OCCASION = frozenset({"refuse-limits", "body-limits"})


@frozen
class Proof:
    """One server and what was said of it."""

    server: str
    rule: str
    passed: bool
    text: str

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"server": self.server, "rule": self.rule, "passed": self.passed, "text": self.text}


def run() -> list[Proof]:
    """All proofs: a conforming server without a finding, and for each rule its broken server."""
    proofs = [_silent(CONFORMING[0])]
    for id_, rule in RULES.items():
        if rule.level == OBSERVED or id_ in WITHOUT_OCCASION:
            continue
        fault = next((one for one in FAULTS if one.rule == id_), None)
        proofs.append(
            Proof("none", id_, passed=False, text=f"{id_}: no broken server")
            if fault is None
            else _found(fault)
        )
    return proofs


def _silent(fault: Fault) -> Proof:
    outcome = checked(fault)
    found = sorted({one.rule for one in outcome.judgement.all_findings()})
    text = (
        f"a conforming server is blamed by {', '.join(found)}"
        if found
        else "a conforming server is not blamed"
    )
    return Proof(fault.name, "", not found and not outcome.not_checked, text)


def _found(fault: Fault) -> Proof:
    outcome = checked(fault, fault.rule)
    found = any(one.rule == fault.rule for one in outcome.judgement.all_findings())
    return Proof(
        fault.name, fault.rule, found, f"{fault.rule}: {fault.name!r} {'is' if found else 'is not'} found"
    )


@cache
def _contract() -> Contract:
    """Read once: reading it takes as long as a check."""
    return specification.load()


def checked(fault: Fault, *rules: str, **options: Any) -> Outcome:
    """A check of one model; of these rules alone, where some are named."""
    contract = _contract()
    service = fault.service(STORED, KEYS, contract)
    defaults: dict[str, Any] = {
        "run_id": "selftest",
        "drawn": False,
        "confirm": False,
        "complete": True,
        "deadline": 60.0,
        "contract": contract,
    }
    more: dict[str, Any] = {
        "api_key": KEYS[0],
        "other_api_key": KEYS[1],
        "contents": CONTENTS,
        **defaults,
        **options,
    }
    with serving(service.answer) as url:
        return check(Options(url, rules=rules, **more))
