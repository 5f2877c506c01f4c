"""The documentation: its snippets run, its links lead somewhere, and what is made from the code is up to date."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import pytest

from comfy_assets import defaults, ways
from tools.docs.__main__ import main as pages
from tools.pictures import diagram

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EVERY = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]

#: Pages of which every shell and Python snippet runs, in its order, as one script.
EXECUTED = [
    "tutorial/first-library",
    "how-to/register-a-huge-library",
    "how-to/check-my-server",
    "how-to/continuous-integration",
    "how-to/use-another-language",
]
#: Lines of other tests: `tests/house/test_readme.py` knows the steps of make, `tests/check_client` the other command.
OF_OTHERS = ("pip install", "make ", "comfy-assets check-client ")

KEY = "local-key"
#: The port that the pages write.
PORT = "8765"

#: A server of a page: in the background, until the script ends; its own is the page's first one.
SERVED = """{ %s --ready-file served.json >served.log 2>&1 & }
while [ ! -s served.json ]; do kill -0 $! || { cat served.log; exit 1; }; sleep 0.1; done"""


def script(text: str) -> str:
    """All that a page tells to run. Installing is what this test stands on."""
    parts = ["set -eu", "export COMFY_CLOUD_API_KEY=" + KEY]
    if "comfy-assets serve" not in text:
        parts += [f"export COMFY_CLOUD_BASE_URL=http://127.0.0.1:{PORT}"]
        parts += [SERVED % f"comfy-assets serve --content . --api-key {KEY} --port {PORT}"]
    found = re.findall(r"^ *```(sh|python)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    for language, snippet in ((language, textwrap.dedent(snippet)) for language, snippet in found):
        if language == "python":
            parts.append(f"python - <<'END'\n{snippet}END")
            continue
        for line in snippet.splitlines():
            if line.startswith("comfy-assets serve"):
                port = "" if "--port" in line else f" --port {PORT}"
                parts.append(SERVED % (line.replace("--ready-file ready.json", "") + port))
            elif not line.startswith(OF_OTHERS):
                parts.append(line)
    return "\n".join(parts) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the pages name."""
    (tmp_path / "portrait.png").write_bytes(b"a portrait")
    (tmp_path / "b.bin").write_bytes(b"something else")
    (tmp_path / "key.txt").write_text(KEY + "\n")
    (tmp_path / "cloud").mkdir()
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "portrait.png").write_bytes(b"a portrait")
    client = ROOT / "tests" / "check_client" / "conforming" / "raw_socket.py"
    (tmp_path / "my-client").write_text(f'#!/bin/sh\nexec python "{client}"\n')
    (tmp_path / "my-client").chmod(0o755)
    for name in ("models/checkpoints", "input"):
        (tmp_path / "ComfyUI" / name).mkdir(parents=True)
        (tmp_path / "ComfyUI" / name / "file.bin").write_bytes(name.encode())
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="the pages' commands are for a POSIX shell")
@pytest.mark.parametrize("page", EXECUTED)
def test_snippets_run(page: str, folder: Path) -> None:
    """Whoever types what a page says, from its begin to its end, meets no error."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    programs = folder.parent / f"{folder.name}-bin"
    programs.mkdir()
    for name, module in (
        ("comfy-assets", ["-m", "comfy_assets"]),
        ("pytest", ["-m", "pytest"]),
        ("python", []),
    ):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {" ".join(module)} "$@"\n')
        (programs / name).chmod(0o755)
    environment = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(programs),
    }
    process = subprocess.Popen(
        ["bash", "-c", script(text).replace(PORT, port)], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        told, _ = process.communicate(timeout=120)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert process.returncode == 0, told


def test_pages_that_are_made_from_the_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help texts, rules and scenarios on the pages are those of the code."""
    monkeypatch.setattr(sys, "argv", ["docs", "--check"])
    assert pages() == 0, capsys.readouterr().out


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link is a file, and its anchor one of that file's headings."""
    for target, anchor in re.findall(
        r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", path.read_text(encoding="utf-8")
    ):
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), target
        if anchor and there.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}, (
                anchor
            )


def test_every_variable_is_told() -> None:
    """The page about configuration names each variable of the environment that decides something for users."""
    rows = re.findall(
        r"^\| (`.*?`) \|", (DOCS / "reference/configuration.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    told = set(re.findall(r"`([A-Z_]+)`", " ".join(rows)))
    read = {defaults.API_KEY_VARIABLE, defaults.BASE_URL_VARIABLE, "NO_COLOR", "XDG_STATE_HOME"}
    assert told >= read | {name for name in ways._VARIABLES if name.endswith("_PROXY")}


def test_every_page_is_in_the_index() -> None:
    """No page is lost."""
    listed = set(
        re.findall(r"^[a-z-]+/[a-z-]+$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    there = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")} - {"index"}
    assert listed == there


def test_pictures() -> None:
    """Each picture is shown somewhere and small, draws nothing from the network, and the diagram is the tool's."""
    shown = {
        (path.parent / target).resolve()
        for path in EVERY
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    }
    pictures = set((DOCS / "pictures").iterdir())
    assert pictures <= shown
    for picture in pictures:
        assert picture.stat().st_size < 200_000
        if picture.suffix == ".svg":
            text = picture.read_text(encoding="utf-8")
            ElementTree.fromstring(text)
            assert not re.search(r"(href|src|url)\W+https?:", text)
    assert (DOCS / "pictures" / "data.svg").read_text(encoding="utf-8") == diagram.svg()
