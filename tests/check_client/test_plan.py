"""The scenarios as data: each way to send an answer is tried, and no name stands for two."""

from __future__ import annotations

import re

from comfy_assets import specification
from comfy_assets.contract.clients import RULES
from comfy_assets.contract.clients.plan import scenarios
from comfy_assets.scenarios.wire import WIRES

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ALL = scenarios(specification.load(), 0)


def test_names_are_unique_and_rules_exist() -> None:
    """A report finds the scenario by its name, and its rule by its id."""
    assert len({one.name for one in ALL}) == len(ALL)
    assert {one.rule for one in ALL} <= RULES.keys()


def test_every_way_to_send_an_answer_is_tried() -> None:
    """Slow, dripping, broken and silent: all but the ordinary one have a scenario of their own."""
    assert {f"wire-{name}" for name in WIRES} - {one.name for one in ALL} == {"wire-at-once"}


def test_seed_decides_which_request_goes_with_which_answer() -> None:
    """The same seed gives the same plan, another one another."""
    contract = specification.load()
    asked = [(one.name, one.ask) for one in ALL]
    assert [(one.name, one.ask) for one in scenarios(contract, 0)] == asked
    assert [(one.name, one.ask) for one in scenarios(contract, 1)] != asked


def test_no_scenario_is_there_twice() -> None:
    """Each run of the program costs time: no two get the same answers to the same end, whatever their ids."""
    seen = [(re.sub(_UUID, "", repr(one.replies)), one.rule) for one in ALL if one.rule != "survive-asks"]
    assert len(set(seen)) == len(seen)
