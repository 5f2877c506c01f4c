"""Prints the table of broken servers: the rule that must find each, what the check says, what stock schemathesis says.

    python -m tools.mutants [--no-stock] [WORD]

WORD takes only servers whose name holds it. Stock schemathesis is the tool as it comes, with the key and the
contract, and takes several seconds for each server.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from comfy_assets import specification
from comfy_assets.contract.selftest import KEYS, STORED, checked
from comfy_assets.scenarios.catalogue import CONFORMING, FAULTS
from comfy_assets.scenarios.faults import Fault
from comfy_assets.scenarios.serving import serving


def main() -> int:
    """The table on stdout; 1 where the check misses a broken server or blames a conforming one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--no-stock", action="store_true", help="leave stock schemathesis out")
    given = parser.parse_args()
    mistakes, stock_found, shown = 0, 0, 0
    # What it says of the model itself is no finding about a fault.
    usual = set() if given.no_stock else stock_failures(CONFORMING[0])
    print(f"{'server':<48} {'rule':<24} {'check':<8} {'stock':<6} findings")
    for fault in (*FAULTS, *CONFORMING):
        if given.word not in fault.name:
            continue
        outcome = checked(fault, drawn=True, confirm=True)
        rules = sorted({finding.rule for finding in outcome.judgement.all_findings()})
        right = fault.rule in rules if fault.rule else not rules
        stock = "-" if given.no_stock else ("found" if stock_failures(fault) - usual else "")
        mistakes, stock_found, shown = mistakes + (not right), stock_found + (stock == "found"), shown + 1
        said = ("found" if fault.rule else "silent") if right else ("MISSED" if fault.rule else "BLAMED")
        print(
            f"{fault.name:<48} {fault.rule or '(conforming)':<24} {said:<8} {stock:<6} {', '.join(rules)}",
            flush=True,
        )
    print(
        f"{shown} servers, {mistakes} mistakes of the check, {stock_found} found or blamed by stock schemathesis"
    )
    return 1 if mistakes else 0


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
