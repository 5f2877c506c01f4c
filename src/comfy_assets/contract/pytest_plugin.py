"""The rules as tests, for the project of a server.

    # conftest.py
    pytest_plugins = ["comfy_assets.contract.pytest_plugin"]

    # test_contract.py
    from comfy_assets.contract.pytest_plugin import test_rule

and `pytest --server http://127.0.0.1:8765 --api-key KEY --known-file portrait.png`, or a fixture
`contract_options` of your own that starts your server and returns `Options`. The server is checked once;
each rule is a test of its own. A rule that could not be checked fails its test: it never reads as green.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from comfy_assets.contract import verdicts, words
from comfy_assets.contract.facts import Content
from comfy_assets.contract.rules import RULES
from comfy_assets.contract.run import Options, Outcome, check
from comfy_assets.contract.verdicts import counts
from comfy_assets.hashing import hash_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--server", {"metavar": "URL", "help": "the server to check"}),
    ("--api-key", {"metavar": "KEY", "default": "", "help": "a valid key of that server"}),
    ("--other-api-key", {"metavar": "KEY", "default": "", "help": "a key of another owner"}),
    ("--known-hash", {"metavar": "HASH", "action": "append", "default": [], "help": "a hash that it stores"}),
    ("--known-file", {"metavar": "FILE", "action": "append", "default": [], "help": "a file that it stores"}),
    ("--seed", {"metavar": "N", "type": int, "default": 0, "help": "the seed of the drawn cases"}),
    ("--max-references", {"metavar": "N", "type": int, "default": 50, "help": "at most N new references"}),
    ("--strict-contract", {"action": "store_true", "help": "violations of level `should` fail too"}),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that the project does not have yet under these names."""
    group = parser.getgroup("contract", "contract: the server to check")
    for name, attributes in _OPTIONS:
        try:
            group.addoption(name, **attributes)
        except ValueError:  # the project has an option of this name, and means the same by it
            continue


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for each rule."""
    if "contract_rule" in metafunc.fixturenames:
        metafunc.parametrize("contract_rule", list(RULES))


def contents(files: Iterable[str | os.PathLike[str]] = (), hashes: Iterable[str] = ()) -> tuple[Content, ...]:
    """Known content, from files that the server stores and from hashes."""
    from_files = [
        Content((hash_file(file), hash_file(file, "sha256")), os.path.getsize(file), Path(file).name)
        for file in files
    ]
    return (*from_files, *(Content((hash_,), None, hash_[:19]) for hash_ in hashes))


@pytest.fixture(scope="session")
def contract_options(pytestconfig: pytest.Config) -> Options:
    """What to check: from the command line; a project may have a fixture of its own."""
    given = pytestconfig.option
    if not given.server:
        pytest.skip("no --server to check")
    return Options(
        given.server,
        api_key=given.api_key or None,
        other_api_key=given.other_api_key or None,
        contents=contents(given.known_file, given.known_hash),
        seed=given.seed,
        max_references=given.max_references,
        strict=given.strict_contract,
    )


@pytest.fixture(scope="session")
def contract_outcome(contract_options: Options) -> Outcome:
    """The one check of this session."""
    return check(contract_options)


def test_rule(contract_rule: str, contract_outcome: Outcome) -> None:
    """The server keeps this rule."""
    assert_rule(contract_outcome, contract_rule)


def assert_rule(outcome: Outcome, id_: str) -> None:
    """Fail where a rule is violated or could not be checked; skip where it says nothing about this server."""
    verdict = outcome.judgement.verdicts[id_]
    found = [one for one in outcome.judgement.all_findings() if one.rule == id_]
    failing = [one for one in found if counts(one, strict=outcome.options.strict)]
    if failing:
        texts = "\n\n".join(_text(outcome, one) for one in failing)
        pytest.fail(f"{verdict.rule.title}\n\n{texts}", pytrace=False)
    if id_ in outcome.not_checked:
        pytest.fail(f"not checked: {verdict.text}", pytrace=False)
    if verdict.verdict != verdicts.PASSED:
        pytest.skip(f"{verdict.verdict}: {verdict.text or '; '.join(one.got for one in found)}")


def _text(outcome: Outcome, finding: Any) -> str:
    return (
        f"{finding.fingerprint} ({finding.verdict})\n  expected: {finding.expected}\n  got: {finding.got}\n"
        f"  evidence: {finding.evidence}\n  {words.reproduction(outcome, finding)}"
    )
