"""Scenarios bound to keys: what each does to a client, that it is the same everywhere, and off unless asked for."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from comfy_assets import specification
from comfy_assets.contract import Content, Options, check
from comfy_assets.scenarios import steps
from comfy_assets.scenarios.drift import CONDUCTS, DRIFTS
from comfy_assets.scenarios.wire import WIRES
from comfy_assets.server import keys
from comfy_assets.server.bindings import WITHOUT_KEY, Bindings
from comfy_assets.server.process import ServerProcess
from comfy_assets.server.store import Store
from comfy_assets.specification import Contract
from tests.server.asking import FILES, PORTRAIT, blake3_of, sha256_of, write_files

KEY, OTHER = "scenario-key-number-one", "scenario-key-number-two"
HASH = blake3_of(PORTRAIT)
CONTENTS = tuple(Content((blake3_of(data), sha256_of(data)), len(data), name) for name, data in FILES.items())


@pytest.fixture(scope="module")
def contract() -> Contract:
    return specification.load()


@contextlib.contextmanager
def bound(database: str, contract: Contract) -> Iterator[Bindings]:
    """The bindings of a database."""
    with contextlib.closing(Store(database)) as store:
        yield Bindings(store, contract)


def owner_of(database: str, key: str) -> int:
    with contextlib.closing(Store(database)) as store:
        owner = keys.known_owner(store, key)
    assert owner is not None
    return owner


def bind(database: str, contract: Contract, key: str | None, scenario: steps.Scenario, seed: int = 0) -> None:
    owner = WITHOUT_KEY if key is None else owner_of(database, key)
    with bound(database, contract) as bindings:
        bindings.bind(owner, scenario, seed)


def outcome(url: str, name: str, key: str | None = KEY, timeout: float = 10) -> int | str:
    """The status of one request, or in a word why there is none."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})
    body = json.dumps({"hash": HASH, "tags": ["a"], "name": name})
    try:
        connection.request("POST", "/api/assets/from-hash", body, headers)
        answer = connection.getresponse()
        answer.read()
    except TimeoutError:
        return "timeout"
    except http.client.IncompleteRead:
        return "cut short"
    except (http.client.HTTPException, ConnectionError):
        return "no answer"
    finally:
        connection.close()
    return answer.status


@contextlib.contextmanager
def serving(folder: Path, database: str, *options: str) -> Iterator[ServerProcess]:
    content = write_files(folder / "content", FILES)
    with ServerProcess(
        content=[content], api_keys=[KEY, OTHER], database=database, options=options, start_seconds=120
    ) as process:
        yield process


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, str]]:
    """A server with scenarios, and its database."""
    folder = tmp_path_factory.mktemp("scenarios")
    database = f"sqlite:///{folder / 'references.db'}"
    with serving(folder, database, "--scenarios") as process:
        yield process, database


DEVIATIONS = {
    **{name: one.rules for name, one in DRIFTS.items()},
    **{name: one.rules for name, one in CONDUCTS.items()},
}


@pytest.fixture(scope="module")
def keys_of_deviations(scripted: tuple[ServerProcess, str], contract: Contract) -> dict[str, str]:
    """A key for each deviation, with its scenario bound to it; those without a key are bound when used."""
    made = {}
    with contextlib.closing(Store(scripted[1])) as store:
        bindings = Bindings(store, contract)
        for name in DEVIATIONS:
            made[name] = keys.make_key()
            owner = keys.add_key(store, made[name], name).id
            if name not in WITHOUT:
                bindings.bind(owner, steps.scenario(contract, f"drift:{name}"), 0)
    time.sleep(keys.REFRESH)
    return made


@pytest.mark.parametrize("name", DEVIATIONS)
def test_check_finds_exactly_the_drift(
    scripted: tuple[ServerProcess, str], keys_of_deviations: dict[str, str], contract: Contract, name: str
) -> None:
    """A check with the key of a drift scenario finds the rules that it breaks, and no other."""
    process, database = scripted
    options = Options(
        process.url, api_key=keys_of_deviations[name], other_api_key=OTHER, contents=CONTENTS, run_id=name,
        drawn=False, confirm=False, max_references=500, contract=contract,
    )  # fmt: skip
    if name in WITHOUT:
        bind(database, contract, None, steps.scenario(contract, f"drift:{name}"))
    found = {one.rule for one in check(options).judgement.findings}
    if name in WITHOUT:
        with bound(database, contract) as bindings:
            assert bindings.unbind(WITHOUT_KEY)
    assert found == set(DEVIATIONS[name])


def test_each_step_is_what_it_says_and_commits_what_it_says(
    scripted: tuple[ServerProcess, str], contract: Contract
) -> None:
    """Lost answers, failures and shapes, one after the other; only those that act make references."""
    process, database = scripted
    expected = [
        ("wire:reset-before-answer", "no answer", True),
        ("wire:cut-short", "cut short", True),
        ("wire:no-answer", "timeout", True),
        ("status:500+committed", 500, True),
        ("wire:closed-before-answer+uncommitted", "no answer", False),
        ("status:402", 402, False),
        ("failing:status-429", 429, False),
        ("status:204", 204, False),
        ("allowed:chunked", 201, True),
        ("wire:split-packets", 201, True),
        ("delay:0.3", 201, True),
        ("carry", 201, True),
    ]
    bind(database, contract, KEY, steps.from_value(contract, [text for text, _, _ in expected], "all"))
    started = time.monotonic()
    got = [outcome(process.url, f"step {number}", timeout=1) for number in range(len(expected))]
    assert got == [result for _, result, _ in expected]
    assert time.monotonic() - started > 1.3
    assert outcome(process.url, "after") == 201
    with bound(database, contract) as bindings:
        found = bindings.find(owner_of(database, KEY))
        assert found is not None
        assert found.requests == len(expected) + 1
        names = {one["name"] for one in bindings.committed(found)}
    assert names == {f"step {n}" for n, one in enumerate(expected) if one[2]} | {"after"}
    assert outcome(process.url, "step 1", OTHER) == 201


def test_keys_do_not_notice_each_other(scripted: tuple[ServerProcess, str], contract: Contract) -> None:
    """A scenario of one key, or of requests without one, is not another's."""
    process, database = scripted
    bind(database, contract, KEY, steps.scenario(contract, "status:503"))
    assert [outcome(process.url, "n", key) for key in (KEY, OTHER, None)] == [503, 201, 401]
    bind(database, contract, None, steps.scenario(contract, "status:418"))
    assert [outcome(process.url, "n", key) for key in (KEY, OTHER, None, "wrong")] == [503, 200, 418, 418]
    with bound(database, contract) as bindings:
        assert bindings.unbind(WITHOUT_KEY)
        assert bindings.unbind(owner_of(database, KEY))
    assert [outcome(process.url, "m", key) for key in (KEY, OTHER, None)] == [201, 201, 401]


#: Deviations that requests without a valid key show.
WITHOUT = {name for name, one in CONDUCTS.items() if one.without_key}


@pytest.mark.parametrize("workers", [1, 4])
def test_numbers_are_given_once_to_requests_at_once(
    database: str, contract: Contract, tmp_path: Path, workers: int
) -> None:
    """With any number of workers, each of many requests at once gets the step of a number of its own."""
    numbers = list(range(400, 440))
    with serving(tmp_path, database, "--scenarios", "--workers", str(workers)) as process:
        bind(database, contract, KEY, steps.from_value(contract, [f"status:{n}" for n in numbers], "n"))
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: outcome(process.url, f"{n}", timeout=30), numbers))
        assert sorted(map(str, got)) == sorted(map(str, numbers))
        drawn = steps.scenario(contract, "failing")
        bind(database, contract, KEY, drawn, seed=7)
        got = [outcome(process.url, "d", timeout=30) for _ in range(12)]
    steps_due = [drawn.step(7, number) for number in range(1, 13)]
    due = [
        one.status or (500 if "500" in str(one) else 429 if "429" in str(one) else None) for one in steps_due
    ]
    assert [status if status not in (200, 201) else None for status in got] == due


def test_off_unless_asked_for(contract: Contract, tmp_path: Path) -> None:
    """Without the option there is no front, no route and no header: a binding in the database does nothing."""
    database = f"sqlite:///{tmp_path / 'references.db'}"
    with serving(tmp_path, database) as process:
        bind(database, contract, KEY, steps.scenario(contract, "status:503"))
        bind(database, contract, None, steps.scenario(contract, "drift:no-authentication"))
        assert [outcome(process.url, "n", key) for key in (KEY, OTHER, None)] == [201, 201, 401]
        with contextlib.closing(Store(database)) as store:
            from comfy_assets.server.fronting import stand_in

            assert outcome(process.url, "n", stand_in(store)) == 401
        with bound(database, contract) as bindings:
            assert [one.requests for one in bindings.all()] == [0, 0]
        asked = [("GET", "/scenario"), ("GET", "/scenarios"), ("POST", "/_scenario")]
        for method, path in asked:
            connection = http.client.HTTPConnection(urlsplit(process.url).netloc, timeout=10)
            connection.request(method, path, headers={"X-Scenario": "status:503"})
            assert connection.getresponse().status == 404
            connection.close()
    imported = "import sys, comfy_assets.server.app, comfy_assets.server.serving; sys.exit('comfy_assets.server.bindings' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", imported], check=False).returncode == 0


def test_step_is_a_function_of_seed_scenario_and_number(contract: Contract) -> None:
    """The same three give the same step; another seed gives others."""
    for name in steps.BUILT_IN:
        one, other = (steps.scenario(contract, name) for _ in range(2))
        again = steps.from_value(contract, json.loads(json.dumps(steps.to_value(one))), "x")
        rows = [[str(each.step(3, n)) for n in range(1, 60)] for each in (one, other, again)]
        assert rows[0] == rows[1] == rows[2]
    drawn = steps.scenario(contract, "any-failing")
    assert [drawn.step(1, n) for n in range(1, 30)] != [drawn.step(2, n) for n in range(1, 30)]


@pytest.mark.parametrize("name", WIRES)
def test_every_text_of_a_step_is_read_again(contract: Contract, name: str) -> None:
    """What `show` prints is what `bind` takes."""
    for text in (f"wire:{name}", f"status:503+delay:2+wire:{name}+committed"):
        step = steps.scenario(contract, text).step(0, 1)
        assert steps.scenario(contract, str(step)).step(0, 1) == step


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("carry", "a list of steps, or an object"),
        (None, "a list of steps, or an object"),
        ([], "steps: expected a list with at least one step"),
        ({"steps": ["carry"], "than": "last"}, "no member 'than'"),
        ({"steps": ["carry"], "then": "stop"}, "then: expected one of carry, last, repeat"),
        ({"steps": ["carry"], "name": 5}, "name: expected text"),
        (["carry", 5], "steps[1]: expected a step as text or as an object, got 5"),
        (["statsu:500"], "steps[0]: 'statsu:500' is no part of a step"),
        (["status:abc"], "steps[0].status: expected a status from 200 to 599, got 'abc'"),
        ([{"status": True}], "expected a status from 200 to 599"),
        ([{"status": 700}], "expected a status from 200 to 599"),
        (["drift:nonsense"], "steps[0].drift: 'nonsense' is not known"),
        ([{"drift": ["a"]}], "is not known"),
        ([{"wire": None}], "is not known"),
        ([{"delay": -1}], "seconds from 0"),
        ([{"delay": float("nan")}], "seconds from 0"),
        ([{"status": 500, "failing": "status-500"}], "exclude each other"),
        ([{"body": {}}], "belong to a status"),
        ([{"status": 204, "body": "x"}], "an answer 204 has none"),
        ([{"status": 500, "headers": {"A\r\nB": "c"}}], "names of headers"),
        ([{"status": 500, "headers": {"Content-Length": "5"}}], "names of headers"),
        ([{"commit": False}], "needs a status, or a wire"),
        ([{"commit": 1}], "true or false"),
        ([{"times": 0}], "a number of 1 or more"),
        ([{"times": 10**9}], "at most 100000 steps"),
        ([{"any": []}], "expected a list of steps"),
        ([{"any": ["carry"], "delay": 1}], "nothing beside it"),
        ([{"unknown": 1}], "a step has no member 'unknown'"),
    ],
)  # fmt: skip
def test_mistakes_in_a_scenario_are_one_sentence(contract: Contract, value: object, says: str) -> None:
    """The place, what was expected, what came."""
    with pytest.raises(steps.ScenarioError) as caught:
        steps.from_value(contract, value, "x")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
