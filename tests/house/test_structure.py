"""How the project hangs together."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.leftovers import ordinary_folder

ROOT = Path(__file__).parents[2]
CORE = "comfy_assets"

#: The parts, and what each may import of the others; a part is a package or a module below it.
MAY_IMPORT = {
    "comfy_assets_api": set(),
    "comfy_assets": {"comfy_assets_api"},
    "comfy_assets.scenarios": {"comfy_assets", "comfy_assets_api"},
    "comfy_assets.contract": {"comfy_assets", "comfy_assets.scenarios"},
    "comfy_assets.library": {"comfy_assets", "comfy_assets_api"},
    "comfy_assets.server": {"comfy_assets", "comfy_assets_api", "comfy_assets.scenarios"},
    "comfy_assets.testing": {
        "comfy_assets",
        "comfy_assets_api",
        "comfy_assets.scenarios",
        "comfy_assets.server",
    },
    "comfy_assets.cli": {
        "comfy_assets",
        "comfy_assets_api",
        "comfy_assets.scenarios",
        "comfy_assets.contract",
        "comfy_assets.library",
        "comfy_assets.server",
    },
}


def part_of(module: str) -> str | None:
    """The part that a module belongs to; None for what is not ours."""
    parts = [part for part in MAY_IMPORT if module == part or module.startswith(part + ".")]
    return max(parts, key=len, default=None)


def modules() -> dict[str, Path]:
    """Our modules by their names."""
    found = {}
    for top in (ROOT / "src", ROOT / "generated"):
        for path in top.rglob("*.py"):
            name = ".".join(path.relative_to(top).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imported(module: str, path: Path) -> set[str]:
    """The modules that a module imports, relative ones made absolute."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            from_ = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{from_}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("module", modules())
def test_imports_point_one_way(module: str) -> None:
    """No module imports a part that stands above its own, or beside it."""
    part = part_of(module)
    if module == "comfy_assets.__main__":
        part = "comfy_assets.cli"
    assert part is not None
    allowed = {part, *MAY_IMPORT[part]}
    wrong = {name for name in imported(module, modules()[module]) if (part_of(name) or part) not in allowed}
    assert not wrong


#: Modules of the core that the check of a server may use: it must not judge by the client's own reading.
USED_BY_THE_CHECK = {"specification", "hashing", "_version", "scenarios", "contract"}


@pytest.mark.parametrize("part", ["comfy_assets.contract", "comfy_assets.scenarios"])
def test_check_does_not_use_the_client(part: str) -> None:
    """Neither rules, probe nor models import the client or what it is made of."""
    for module, path in modules().items():
        if part_of(module) == part:
            names = {
                name.split(".")[1] for name in imported(module, path) if name.startswith("comfy_assets.")
            }
            assert names <= USED_BY_THE_CHECK, module


def test_wrong_import_would_be_seen(tmp_path: Path) -> None:
    """The test above sees an import of a part that stands above, however it is written."""
    path = tmp_path / "x.py"
    for line in (
        "from comfy_assets.server import app",
        "import comfy_assets.server.app",
        "from .server import app",
    ):
        path.write_text(f"def f():\n    {line}\n")
        assert {part_of(name) for name in imported("comfy_assets.x", path)} == {"comfy_assets.server"}


def tracked() -> list[Path]:
    """The files that git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name]


def test_no_file_names_this_machine() -> None:
    """No tracked file names a path of a machine, a package registry's address or a download address."""
    # The folder for temporary files is named by every machine alike.
    place = ROOT if str(ROOT.parent) in ("/", ordinary_folder()) else ROOT.parent
    telling = re.compile(
        rf"{re.escape(str(place))}/|/(home|Users)/[a-z]+/|--(extra-)?index-url|\"resolved\":"
        r"|https?://[a-z0-9.-]+/(simple|packages)/"
    )
    here = Path(__file__).relative_to(ROOT)
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:100]}"
        for path in tracked()
        if path.is_file() and path.relative_to(ROOT) != here
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if telling.search(line)
    ]
    assert not found


def test_pins_are_hashed() -> None:
    """Every requirement is pinned to one version and has hashes, and nothing says where it was downloaded."""
    for path in (ROOT / "requirements").glob("*.txt"):
        requirements = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").replace("\\\n", " ").strip())
        assert len(requirements) > 20
        for requirement in requirements:
            assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ ", requirement, re.IGNORECASE), requirement[:80]
            assert "--hash=sha256:" in requirement
            assert "://" not in requirement


def test_pins_follow_the_project() -> None:
    """Everything that pyproject.toml and requirements/*.in ask for is pinned."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    asked += [
        line
        for line in (ROOT / "requirements" / "dev.in").read_text().splitlines()
        if line and line[0] != "#"
    ]
    pinned = set(
        re.findall(
            r"^([a-z0-9._-]+)==", (ROOT / "requirements" / "dev.txt").read_text().lower(), re.MULTILINE
        )
    )
    names = {re.split(r"[<>=!~\[; ]", one.lower())[0] for one in asked}
    assert not names - {name.replace("_", "-") for name in pinned}


def test_generated_is_marked() -> None:
    """Git itself says that generated/ is generated."""
    path = "generated/comfy_assets_api/models/__init__.py"
    said = subprocess.run(
        ["git", "check-attr", "linguist-generated", path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.strip() == f"{path}: linguist-generated: true"


def test_help_lists_every_step() -> None:
    """`make help` names each step of the Makefile that is meant to be called."""
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony
    for step in set(phony[1].split()) - {"prepared", "mypy", "pyright"}:
        assert f"make {step} " in said
