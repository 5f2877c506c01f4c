"""Sequences of calls, drawn by a hypothesis state machine before anything is sent.

The machine walks over a few names, tags, hashes and owners; which of them make a reference another one is
found out by the run, and the judge holds the answers against a model with that identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from comfy_assets.contract.facts import HASH, METADATA, NAME, TAGS
from comfy_assets.contract.keys import KEY, OTHER_KEY
from comfy_assets.contract.plan import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from comfy_assets.contract.facts import Facts
    from comfy_assets.contract.record import Case

SEQUENCES = 3
STEPS = 10

# What a step is: owner, name, tags and hash by their numbers; the last says what is wrong with it.
_Step = tuple[int, int, int, int, str]
_NAMES, _TAGS = 2, 2


def sequence_cases(facts: Facts) -> list[Case]:
    """The steps of all sequences as cases; the same for the same seed and run id."""
    if not facts.contents:
        return []
    planner = Planner(facts)
    drawn = _drawn(facts)
    return [case for number, steps in enumerate(drawn, 1) for case in _cases(planner, number, steps)]


def _cases(planner: Planner, number: int, steps: list[_Step]) -> Iterator[Case]:
    hashes = planner.facts.contents[0].hashes
    for place, (owner, name, tags, hash_, wrong) in enumerate(steps, 1):
        body = planner.body(hashes[hash_ % len(hashes)], f"sequence-{name}")
        body[TAGS] = ["input", "check"] if tags == 0 else ["models", "check"]
        body[METADATA] = {"tags": tags}
        if wrong:
            body[TAGS] = [] if wrong == "tags" else body[TAGS]
            body[HASH] = body[HASH].upper() if wrong == "hash" else body[HASH]
            body[NAME] = 7 if wrong == "name" else body[NAME]
        key = OTHER_KEY if owner and OTHER_KEY in planner.facts.keys else KEY
        yield planner.case(
            f"sequence/{number}.{place}",
            body,
            "one-identity",
            key=key,
            control="control",
            scenario=f"sequence {number}",
        )


def _drawn(facts: Facts) -> list[list[_Step]]:
    sequences: list[list[_Step]] = []
    wrongs = st.sampled_from(["tags", "hash", "name"])

    class Calls(RuleBasedStateMachine):
        """A caller who registers, repeats, changes one thing, and errs."""

        def __init__(self) -> None:
            super().__init__()
            self.steps: list[_Step] = []

        @initialize(name=st.integers(0, _NAMES - 1))
        def first(self, name: int) -> None:
            self.steps.append((0, name, 0, 0, ""))

        @rule(name=st.integers(0, _NAMES - 1), tags=st.integers(0, _TAGS - 1), hash_=st.integers(0, 1))
        def register(self, name: int, tags: int, hash_: int) -> None:
            self.steps.append((0, name, tags, hash_, ""))

        @rule(back=st.integers(1, STEPS))
        def repeat(self, back: int) -> None:
            self.steps.append(self.steps[-min(back, len(self.steps))])

        @rule(name=st.integers(0, _NAMES - 1))
        def as_other_owner(self, name: int) -> None:
            self.steps.append((1, name, 0, 0, ""))

        @rule(name=st.integers(0, _NAMES - 1), wrong=wrongs)
        def err(self, name: int, wrong: str) -> None:
            self.steps.append((0, name, 0, 0, wrong))

        def teardown(self) -> None:
            sequences.append(list(self.steps))

    run_state_machine_as_test(
        seed(facts.seed)(Calls),
        settings=settings(
            max_examples=4 * SEQUENCES,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType] # its type says less
            print_blob=False,
        ),
    )
    return _longest(sequences)


def _longest(sequences: list[list[_Step]]) -> list[list[_Step]]:
    """The longest ones, in the order drawn: the first that hypothesis draws are nearly empty."""
    chosen: list[Any] = sorted(range(len(sequences)), key=lambda number: (-len(sequences[number]), number))
    return [sequences[number] for number in sorted(chosen[:SEQUENCES])]
