"""generate.sh --check: what it notices, what it says, and that an unchanged tree costs nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.generation import support
from tests.generation.support import generate


def _said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, (done.returncode, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].endswith(": run ./generate.sh")
    assert done.stdout == ""
    return lines[0]


def test_the_committed_tree_is_up_to_date(checkout: Path) -> None:
    """What is committed in generated/ is what the contract and the overrides give, in a fresh copy too."""
    assert generate(checkout, "--check").returncode == 0
    assert support.leftovers(checkout) == []


def test_an_unchanged_tree_needs_no_generator(checkout: Path) -> None:
    """With nothing changed both commands end without any program: there is no environment to take one from."""
    assert generate(checkout).returncode == 0
    [environment] = (checkout / ".cache" / "generate").glob("environment-*")
    environment.unlink()
    unreachable = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_NO_INDEX": "1"}
    for arguments in (["--check"], []):
        done = generate(checkout, *arguments, env=unreachable)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _edit(checkout: Path, name: str, old: str, new: str) -> None:
    path = checkout / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _every_generated_file() -> list[str]:
    return sorted(f"generated/{name}" for name in support.tree(support.ROOT / "generated"))


def test_an_edit_in_any_generated_file_is_noticed_and_mended(checkout: Path) -> None:
    """One byte more in any generated file: --check is 1 and names the file; ./generate.sh restores all bytes."""
    before = support.tree(checkout / "generated")
    assert generate(checkout).returncode == 0
    for name, content in before.items():
        path = checkout / "generated" / name
        path.write_bytes(content + b"\n")
        assert name in _said(generate(checkout, "--check"))
        assert path.read_bytes() == content + b"\n", "--check changes nothing"
        path.write_bytes(content)
        assert generate(checkout, "--check").returncode == 0
    for name in before:
        (checkout / "generated" / name).write_bytes(b"x")
    # Without a stamp too, as on a machine that never generated.
    for stamp in (checkout / ".cache" / "generate").glob("stamp-*"):
        stamp.unlink()
    _said(generate(checkout, "--check"))
    assert generate(checkout).returncode == 0
    assert support.tree(checkout / "generated") == before
    assert generate(checkout, "--check").returncode == 0


def test_a_file_too_few_or_too_many_is_noticed_and_mended(checkout: Path) -> None:
    """A file that is missing from generated/, or that does not belong there, is drift and goes away."""
    before = support.tree(checkout / "generated")
    package = checkout / "generated" / support.PACKAGE
    assert generate(checkout).returncode == 0
    for stale in (
        package / "models" / "a.py",
        package / "new" / "a.txt",
        checkout / "generated" / "notes.txt",
    ):
        stale.parent.mkdir(exist_ok=True)
        stale.write_text("")
        assert stale.name in _said(generate(checkout, "--check"))
        stale.unlink()
    for gone in ("py.typed", "models/error_response.py"):
        (package / gone).unlink()
        assert gone in _said(generate(checkout, "--check"))
    (package / "models" / "stale.py").write_text("")
    assert generate(checkout).returncode == 0
    assert support.tree(checkout / "generated") == before
    (checkout / "generated").rename(checkout / "elsewhere")
    _said(generate(checkout, "--check"))
    assert generate(checkout).returncode == 0
    assert support.tree(checkout / "generated") == before


@pytest.mark.parametrize(
    ("name", "old", "new", "touched"),
    [
        # A comment: the digest of the contract stands in one file, so that only that one changes.
        ("openapi.yaml", "\nopenapi: 3.0.3", "\n# One more comment.\nopenapi: 3.0.3", {"__init__.py"}),
        (
            "openapi.yaml",
            "minItems: 1",
            "minItems: 2",
            {"__init__.py", "models/create_asset_from_hash_request.py"},
        ),
        ("overrides/templates/header.jinja", "Do not edit", "Never edit", None),
    ],
)
def test_an_edit_of_an_input_is_noticed(
    checkout: Path, name: str, old: str, new: str, touched: set[str] | None
) -> None:
    """An edit of the contract or a template is drift until ./generate.sh ran, and touches no more than it must."""
    before = support.tree(checkout / "generated" / support.PACKAGE)
    _edit(checkout, name, old, new)
    _said(generate(checkout, "--check"))
    assert support.tree(checkout / "generated" / support.PACKAGE) == before
    assert generate(checkout).returncode == 0
    after = support.tree(checkout / "generated" / support.PACKAGE)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed == (set(before) if touched is None else touched)
    assert generate(checkout, "--check").returncode == 0


def test_an_edit_during_the_run_is_not_taken_for_generated(checkout: Path) -> None:
    """The contract changes while generate.sh works: the next --check looks again, whatever the stamp says."""
    (checkout / "generated" / support.PACKAGE / "py.typed").unlink()
    running = subprocess.Popen(
        [str(checkout / "generate.sh")], cwd=checkout, env=support.surroundings(), stdout=subprocess.DEVNULL
    )
    cache = checkout / ".cache" / "generate"
    # The copy of the facts is written once the contract has been read.
    while running.poll() is None and not list(cache.glob("new-*/overrides/contract.json")):
        pass
    _edit(checkout, "openapi.yaml", "minItems: 1", "minItems: 2")
    assert running.wait() == 0
    _said(generate(checkout, "--check"))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[]"])
def test_a_damaged_stamp_is_no_obstacle(checkout: Path, content: bytes) -> None:
    """A stamp of the last run that cannot be read costs one generation and nothing else."""
    assert generate(checkout).returncode == 0
    [stamp] = (checkout / ".cache" / "generate").glob("stamp-*")
    stamp.write_bytes(content)
    assert generate(checkout, "--check").returncode == 0


def test_git_and_type_checkers_are_told(checkout: Path) -> None:
    """Each generated file opens with the header, names no machine, and git takes it for generated."""
    names = _every_generated_file()
    answer = subprocess.run(
        ["git", "check-attr", "linguist-generated", "--", *names],
        cwd=support.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert answer.splitlines() == [f"{name}: linguist-generated: true" for name in names]
    machine = [str(support.ROOT), str(checkout), os.environ.get("HOME", "/root"), "/tmp/", ".cache"]
    for name in names:
        text = (support.ROOT / name).read_text(encoding="utf-8")
        assert text.startswith(support.HEADER), name
        assert [word for word in machine if word in text] == [], name
    assert f"generated/{support.PACKAGE}/py.typed" in names


def test_the_formatter_would_change_nothing(checkout: Path) -> None:
    """generated/ is a fixed point of the pinned formatter, run as generate.sh runs it."""
    [environment] = (checkout / ".cache" / "generate").glob("environment-*")
    files = [str(path) for path in (checkout / "generated").rglob("*.py")]
    common = ["--isolated", "--no-cache", "--line-length", "110", "--target-version", "py311", *files]
    ruff = str(environment / "bin" / "ruff")
    assert subprocess.run([ruff, "format", "--check", *common], check=False).returncode == 0
    assert (
        subprocess.run([ruff, "check", "--select", "F401,F811,I,PIE790", *common], check=False).returncode
        == 0
    )
