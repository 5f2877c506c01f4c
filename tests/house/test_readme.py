"""The README's snippets work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from comfy_assets.server.process import ServerProcess

ROOT = Path(__file__).parents[2]
KEY = "readme-key"


def snippets(language: str) -> list[str]:
    """The README's code blocks of one language."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the snippets name."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "portrait.png").write_bytes(b"a portrait")
    (folder / "b.bin").write_bytes(b"something else")
    (folder / "key.txt").write_text(KEY + "\n")
    for name in ("models/checkpoints", "input"):
        (folder / "ComfyUI" / name).mkdir(parents=True)
        (folder / "ComfyUI" / name / "file.bin").write_bytes(name.encode())
    (folder / "empty").touch()
    return folder


def run(words: list[str], folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Run a program in that folder, with the service in its environment."""
    environment = {**os.environ, "COMFY_CLOUD_API_KEY": KEY, "COMFY_CLOUD_BASE_URL": url}
    environment["XDG_STATE_HOME"] = str(folder.parent / "state")
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_python_snippets(folder: Path) -> None:
    """The Python on the README's first screen registers a file: created, then existing."""
    [snippet] = snippets("python")
    assert snippet in (ROOT / "README.md").read_text(encoding="utf-8")[:2000]
    with ServerProcess(content=[folder], api_keys=[KEY]) as server:
        said = [run([sys.executable, "-c", snippet], folder, server.url) for _ in range(2)]
    assert [one.stderr for one in said] == ["", ""]
    assert [one.stdout.split()[1:] for one in said] == [["10", "created"], ["10", "existed"]]


def test_shell_snippets(folder: Path) -> None:
    """The `comfy-assets` lines of the README do what they say; `serve` is what they run against."""
    lines = [
        line
        for snippet in snippets("sh")
        for line in snippet.splitlines()
        if line.startswith("comfy-assets ")
    ]
    assert {shlex.split(line)[1] for line in lines} == {"register", "hash", "from-hash", "serve", "check"}
    [serve] = [shlex.split(line)[2:] for line in lines if line.startswith("comfy-assets serve")]
    assert serve[::2] == ["--content", "--api-key"]
    with ServerProcess(content=[folder], api_keys=[KEY]) as server:
        for line in lines:
            if not line.startswith("comfy-assets serve"):
                line = line.replace("http://127.0.0.1:8765", server.url)  # noqa: PLW2901 - where it listens here
                done = run(
                    [sys.executable, "-m", *shlex.split(line.replace("comfy-assets", "comfy_assets", 1))],
                    folder,
                    server.url,
                )
                assert (done.returncode, line) == (0, line), done.stderr


def test_make_targets_exist() -> None:
    """Every `make` step that the README and the docs name is one."""
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")]
    named = re.findall(r"\bmake ([a-z-]+)\b", "".join(snippets("sh")))
    named += [step for text in texts for step in re.findall(r"(?:^ *|`)make ([a-z-]+)", text, re.MULTILINE)]
    assert named
    for step in named:
        assert f"make {step} " in said
