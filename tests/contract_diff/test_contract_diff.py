"""Each seeded change of the contract gets its verdict, with the exit status to gate on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from comfy_assets import specification
from tests.contract_diff.seeds import SEEDS, Seed
from tools.contract_diff import documents, meaning
from tools.contract_diff.changes import heaviest
from tools.contract_diff.patterns import is_within

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "openapi.yaml"

#: Run through the whole tool in every run; the rest of them at night.
WHOLE = {
    "nothing", "only the version", "example that no longer fits", "operationId", "tag", "pattern loosened",
    "answer's member made required", "schema renamed", "content type",
}  # fmt: skip
#: Where the whole tool needs the Python API for its verdict, and the document alone says less.
BY_PYTHON = {"tag", "schema renamed"}


def edited(seed: Seed, folder: Path, version: str = "") -> Path:
    """The contract with a change in it."""
    text = CONTRACT.read_text(encoding="utf-8")
    for old, new in seed.edits:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "openapi.yaml"
    path.write_text(
        text.replace("  version: 1.0.0", f"  version: {version}") if version else text, encoding="utf-8"
    )
    return path


def diff(*words: object, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run the tool."""
    command = [str(ROOT / "tools" / "contract-diff"), *map(str, words)]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, check=False, timeout=300)


@pytest.mark.parametrize(
    "seed", [one for one in SEEDS if one.name not in BY_PYTHON], ids=lambda one: one.name
)
def test_meaning(seed: Seed, tmp_path: Path) -> None:
    """The comparison of the documents demands what the change is worth, and tells of servers that may break."""
    found = meaning.changes(specification.load(CONTRACT), specification.load(edited(seed, tmp_path)))
    assert (heaviest([one.level for one in found]), any(one.breaks_servers for one in found)) == (
        seed.demands,
        seed.servers,
    ), found


@pytest.mark.parametrize(
    "seed",
    [pytest.param(one, marks=() if one.name in WHOLE else pytest.mark.nightly, id=one.name) for one in SEEDS],
)
def test_verdict(seed: Seed, tmp_path: Path) -> None:
    """The whole tool says so in its last line; 1 where the version does not follow."""
    done = diff(CONTRACT, edited(seed, tmp_path))
    assert done.stdout.splitlines()[-1] == f"demands: {seed.demands}", done.stdout + done.stderr
    assert done.returncode == (0 if seed.demands == "none" else 1), done.stderr


@pytest.mark.parametrize(
    ("old", "new", "demanded", "expected"),
    [
        ("1.2.3", "2.0.0", "major", True),
        ("1.2.3", "1.3.0", "major", False),
        ("1.2.3", "1.3.0", "minor", True),
        ("1.2.3", "2.0.0", "minor", True),
        ("1.2.3", "1.2.4", "minor", False),
        ("1.2.3", "1.2.4", "patch", True),
        ("1.2.3", "1.2.3", "patch", False),
        ("1.2.3", "1.2.3", "none", True),
        ("1.2.3", "1.2.2", "none", False),
        ("1.2.3", "0.9.9", "patch", False),
    ],
)
def test_version_follows(old: str, new: str, demanded: str, expected: bool) -> None:
    """A version is raised at least as far as is demanded, and never lowered."""
    assert documents.follows(old, new, demanded) is expected


def test_raised_version_passes(tmp_path: Path) -> None:
    """Exit status 0 where info.version follows."""
    seed = next(one for one in SEEDS if one.name == "operationId")
    done = diff(CONTRACT, edited(seed, tmp_path, "2.0.0"))
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("demands: major\n")


#: A member that is added, whose pattern no generated client can hold.
_NAME = "        name:\n          type: string\n          description: Name under"
_TITLE = "        title:\n          type: string\n          pattern: '^\\p{L}+$'\n"
UNGENERATED = Seed("", "minor", ((_NAME, _TITLE + _NAME),))


@pytest.mark.parametrize(
    ("version", "status", "said"),
    [
        ("1.1.0", 2, "may demand more"),
        pytest.param("1.0.0", 1, "", marks=pytest.mark.nightly),
        pytest.param("2.0.0", 2, "may demand more", marks=pytest.mark.nightly),
    ],
)
def test_ungenerated(version: str, status: int, said: str, tmp_path: Path) -> None:
    """Where no client can be generated, the documents' demand is the last line; what follows it is open."""
    done = diff(CONTRACT, edited(UNGENERATED, tmp_path, version), stderr=subprocess.STDOUT)
    *_, before, last = done.stdout.splitlines()
    assert (last, done.returncode) == ("demands: minor", status), done.stdout
    assert said in before
    assert "cannot be generated" in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "neither a file nor a git revision"),
        ("a: [", "not YAML"),
        ("", "not a mapping"),
        ("openapi: 3.0.3\n", "structure"),
        ("openapi: 3.0.3\ninfo: {version: 1.0.0}\npaths: 7\n", "structure"),
    ],
)
def test_broken_base(content: str | None, said: str, tmp_path: Path) -> None:
    """Exit status 2 and one sentence where the base cannot be read."""
    base = tmp_path / "base.yaml"
    if content is not None:
        base.write_text(content)
    done = diff(base)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize("words", [(), ("",), ("-x",), ("no-such-revision",), ("a", "b", "c")])
def test_wrong_words(words: tuple[str, ...]) -> None:
    """Exit status 2 and one sentence for what names no contract."""
    done = diff(*words)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


def test_dangling_reference(tmp_path: Path) -> None:
    """A new contract that is broken cannot be judged."""
    seed = Seed(
        "", "", (('$ref: "#/components/schemas/ErrorResponse"', '$ref: "#/components/schemas/Nothing"'),)
    )
    done = diff(CONTRACT, edited(seed, tmp_path))
    assert done.returncode == 2
    assert "points to nothing" in done.stderr


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ("^ab$", "^a(b|c)$", True),
        ("^a(b|c)$", "^ab$", False),
        ("^ab$", "b", True),
        ("b", "^ab$", False),
        (r"^(a)\1$", "a", None),
    ],
)
def test_patterns(narrow: str, wide: str, expected: bool | None) -> None:
    """Whether one pattern lets everything pass that another does is decided by automata, not by samples."""
    assert is_within(narrow, wide) is expected
