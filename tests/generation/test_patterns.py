"""tools/generate/patterns.py against a real engine of ECMA-262.

What node says of the table is recorded in `patterns.json` and compared with where there is no node;
`UPDATE_GOLDEN=1 pytest tests/generation` writes it anew.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generation import ecma, support

RECORD = support.HERE / "patterns.json"

#: Patterns that ECMA-262 takes and we refuse: Python forgets or keeps groups where it does not.
BEYOND_PYTHON = [r"^(?:(a)|(b))+\1$", r"^\1(a)$", r"^(a\1)$", r"^(?!(a))\1b$", r"^(?<\u0061>a)$"]


@pytest.fixture(scope="module")
def translator() -> ModuleType:
    """tools/generate/patterns.py, which is no package."""
    specification = importlib.util.spec_from_file_location(
        "generate_patterns", support.ROOT / "tools" / "generate" / "patterns.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["generate_patterns"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def node() -> Iterator[ecma.Node | None]:
    """A real engine; None where there is none, which continuous integration does not accept."""
    program = shutil.which("node")
    assert program or not os.environ.get("CI"), "continuous integration must have node"
    if program is None:
        yield None
        return
    process = ecma.Node(program)
    yield process
    process.close()


@pytest.fixture(scope="module")
def verdicts(node: ecma.Node | None) -> dict[str, str | None]:
    """For each pattern of the table a digit for each text, from node or as it was recorded."""
    if node is None:
        recorded: dict[str, str | None] = json.loads(RECORD.read_text())
        return recorded
    asked = {pattern: node.ask(pattern, ecma.TEXTS) for pattern in [*ecma.PATTERNS, *ecma.REFUSED]}
    if os.environ.get("UPDATE_GOLDEN"):
        RECORD.write_text(json.dumps(asked, indent=0) + "\n")
    assert asked == json.loads(RECORD.read_text()), "patterns.json is not what node says: UPDATE_GOLDEN=1"
    return asked


def _matches(pattern: str, texts: list[str]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled = re.compile(pattern)
    return "".join("1" if compiled.search(text) else "0" for text in texts)


@pytest.mark.parametrize("pattern", ecma.PATTERNS)
def test_a_pattern_means_the_same_in_python(
    translator: ModuleType, verdicts: dict[str, str | None], pattern: str
) -> None:
    """Each pattern of the table matches exactly the texts that ECMA-262 says, or is refused by both."""
    expected = verdicts[pattern]
    if expected is None or pattern in BEYOND_PYTHON:
        with pytest.raises(translator.PatternError):
            translator.to_python(pattern)
        return
    got = _matches(translator.to_python(pattern), ecma.TEXTS)
    differing = [text for text, ours, theirs in zip(ecma.TEXTS, got, expected, strict=True) if ours != theirs]
    assert differing == [], translator.to_python(pattern)


def test_the_table_finds_something(verdicts: dict[str, str | None]) -> None:
    """Nearly all patterns of the table match one of its texts and not another, so that a wrong one shows."""
    idle = [pattern for pattern in ecma.PATTERNS if len(set(verdicts[pattern] or "")) == 1]
    assert len(idle) < len(ecma.PATTERNS) / 8, idle


@pytest.mark.parametrize("pattern", ecma.REFUSED)
def test_what_python_cannot_express_is_refused(translator: ModuleType, pattern: str) -> None:
    """A pattern that is an error, or that `re` cannot express, is refused with a reason."""
    with pytest.raises(translator.PatternError) as error:
        translator.to_python(pattern)
    assert str(error.value)


_PIECES = [
    "a", "b", "_", "0", "-", ".", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "^", "$", "|", "(", "(?:", "(?=", "(?!", "(?<=", "(?<!",
    "(?<n>", "\\k<n>", "\\1", "\\2", ")", "*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{,2}", "{", "}", "]", "[", "[^", "[]", "[^]", "\\]", "\\-", "\\/",
    "\\n", "\\t", "\\0", "\\cJ", "\\x41", "\\u0041", "\\u{1F600}", "\\ud83d\\ude00", "\U0001f600", "é", "&&", "~", "a-z", "\\Z", "\\p{L}", "(?i)", " ", "#",
]  # fmt: skip
_ALPHABET = "ab_0-. \nA٣é\U0001f600]{}[&~#\t\x00z/"


@settings(max_examples=30 * settings().max_examples)
@given(
    pattern=st.lists(st.sampled_from(_PIECES), max_size=8).map("".join),
    texts=st.lists(st.text(_ALPHABET, max_size=5), min_size=1, max_size=8),
)
def test_any_pattern_is_refused_or_means_the_same(
    translator: ModuleType, node: ecma.Node | None, pattern: str, texts: list[str]
) -> None:
    """Whatever pattern is put together of ECMA-262's pieces: it is refused, or node says the same of every text."""
    try:
        translated = translator.to_python(pattern)
    except translator.PatternError:
        return
    got = _matches(translated, texts)
    if node is None:
        return
    expected = node.ask(pattern, texts)
    assert expected is not None, f"{pattern!r} is no pattern, and became {translated!r}"
    # The lenient mode of browsers, which takes lone brackets, reads a character beyond 16 bits as two.
    plain = [position for position, text in enumerate(texts) if all(ord(c) < 0x10000 for c in text + pattern)]
    if "\\u{" not in pattern and "\\ud83d" not in pattern:
        assert [got[i] for i in plain] == [expected[i] for i in plain], translated
