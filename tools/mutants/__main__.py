"""Prints the table of broken servers: the rule that must find each, what the check says, what stock schemathesis says.

    python -m tools.mutants [--no-stock] [WORD]

WORD takes only servers whose name holds it. Stock schemathesis is the tool as it comes, with the key and the
contract, and takes several seconds for each server.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from attrs import frozen

from comfy_assets import specification
from comfy_assets.contract import drawing
from comfy_assets.contract.selftest import KEYS, STORED, checked
from comfy_assets.scenarios.catalogue import CONFORMING, FAULTS
from comfy_assets.scenarios.faults import Fault
from comfy_assets.scenarios.serving import serving
from tests.check.drawing_once import drawing_once


def main() -> int:
    """The table on stdout; 1 where the check misses a broken server or blames a conforming one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--no-stock", action="store_true", help="leave stock schemathesis out")
    given = parser.parse_args()
    # What it says of the model itself is no finding about a fault.
    usual = set() if given.no_stock else stock_failures(CONFORMING[0])
    look = functools.partial(looked_at, usual=None if given.no_stock else usual)
    chosen = [fault.name for fault in (*FAULTS, *CONFORMING) if given.word in fault.name]
    print(f"{'server':<52} {'rule':<24} {'check':<8} {'stock':<6} findings")
    said: Counter[tuple[bool, str]] = Counter()
    with ProcessPoolExecutor(initializer=draw_once) as pool:
        for row in pool.map(look, chosen):
            said.update((bool(row.rule), word) for word in {"server", row.check, row.stock})
            print(
                f"{row.server:<52} {row.rule or '(conforming)':<24} {row.check:<8} {row.stock:<6} {row.findings}",
                flush=True,
            )
    print(f"{'':52} {'servers':>8} {'check':>8} {'stock':>8}")
    for broken, what, word in ((True, "broken: found", "found"), (False, "conforming: blamed", "BLAMED")):
        stock = "-" if given.no_stock else said[broken, "finds"]
        print(f"{what:<52} {said[broken, 'server']:>8} {said[broken, word]:>8} {stock:>8}")
    return 1 if said[True, "MISSED"] + said[False, "BLAMED"] else 0


@frozen
class Row:
    """A line of the table."""

    server: str
    rule: str
    check: str
    stock: str
    findings: str


def draw_once() -> None:
    """In each process, the drawn cases of all servers are the same."""
    drawing.drawing = drawing_once


def looked_at(name: str, usual: set[tuple[str, str]] | None) -> Row:
    """What the check and, unless `usual` is None, stock schemathesis say of a server."""
    fault = next(one for one in (*FAULTS, *CONFORMING) if one.name == name)
    outcome = checked(fault, drawn=True, confirm=True)
    rules = sorted({finding.rule for finding in outcome.judgement.all_findings()})
    found = fault.rule in rules if fault.rule else bool(rules)
    check = ("found" if found else "MISSED") if fault.rule else ("BLAMED" if found else "silent")
    stock = "-" if usual is None else "finds" if stock_failures(fault) - usual else ""
    return Row(name, fault.rule, check, stock, ", ".join(rules))


def stock_failures(fault: Fault) -> set[tuple[str, str]]:
    """The kinds of failures that schemathesis, as it comes, reports: check and title."""
    import schemathesis
    from schemathesis.engine import events, from_schema

    contract = specification.load()
    with serving(fault.service(STORED, KEYS, contract).answer) as url:
        header = contract.operation("createAssetFromHash").security_header
        settings: dict[str, Any] = {"seed": 1, "base-url": url, "headers": {header: KEYS[0]}}
        config = schemathesis.Config.from_dict(settings)
        schema = schemathesis.openapi.from_dict(contract.document, config=config)
        return {
            (check.name, str(check.failure_info.failure.title))
            for event in from_schema(schema).execute()
            if isinstance(event, events.ScenarioFinished)
            for several in event.recorder.checks.values()
            for check in several
            if check.failure_info
        }


if __name__ == "__main__":
    sys.exit(main())
