"""Finds the smallest request that still shows a finding, by sending smaller ones.

Another round of plan, probe and judge. Only drawn requests need it: the planned ones differ from their
control in one thing, and of several exchanges that show a finding the judge picks the smallest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from attrs import evolve

from comfy_assets.contract.confirm import scenario
from comfy_assets.contract.findings import shows
from comfy_assets.contract.judge import judge
from comfy_assets.contract.messages import encode
from comfy_assets.contract.plan import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.probe import Probe
    from comfy_assets.contract.record import Case, Record
    from comfy_assets.contract.verdicts import Finding

#: Requests for one finding, and findings that are made smaller.
MOST_TRIES = 24
MOST_FINDINGS = 6


def shrink(probe: Probe, record: Record) -> None:
    """Make the drawn findings smaller; what was found smallest goes into the record."""
    found = [one for one in judge(record).all_findings() if _is_drawn(record, one)]
    for finding in found[:MOST_FINDINGS]:
        _shrink_one(probe, record, finding)


def _is_drawn(record: Record, finding: Finding) -> bool:
    is_alone = len(set(finding.shown)) == 1
    return is_alone and not finding.proven and record.exchanges[finding.shown[-1]].case.startswith("drawn/")


def _shrink_one(probe: Probe, record: Record, finding: Finding) -> None:
    *before, smallest = scenario(record, finding.shown)
    base = Planner(record.facts).base
    tries = 0
    going = True
    while going and tries < MOST_TRIES:
        going = False
        for body in smaller(_value(smallest.request.body), base):
            tries += 1
            number = max(one.replay for one in record.exchanges) + 1
            candidate = _with_body(smallest, body)
            sent = probe.replay([*before, candidate], number)
            if sent is None or tries >= MOST_TRIES:
                return
            if shows(record, number, finding):
                smallest, going = candidate, True
                record.smallest[finding.fingerprint] = sent[-1].index
                break


def _value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _with_body(case: Case, body: Any) -> Case:
    return evolve(case, request=evolve(case.request, body=encode(body)))


def smaller(value: Any, base: dict[str, Any]) -> Iterator[Any]:
    """Bodies that are a step simpler: a member left out, as in the control, or itself simpler."""
    if not isinstance(value, dict):
        return
    for name in sorted(value, key=lambda name: -len(encode(value[name]))):
        yield {key: inner for key, inner in value.items() if key != name}
        if name in base and value[name] != base[name] and len(encode(base[name])) < len(encode(value[name])):
            yield {**value, name: base[name]}
        yield from ({**value, name: simpler} for simpler in _simpler(value[name]))


def _simpler(value: Any) -> Iterator[Any]:
    if isinstance(value, str) and len(value) > 1:
        yield value[: len(value) // 2]
        yield value[len(value) // 2 :]
    elif isinstance(value, list) and len(value) > 1:
        yield value[:1]
        yield value[-1:]
    elif isinstance(value, dict) and len(value) > 1:
        yield from ({name: inner} for name, inner in value.items())
