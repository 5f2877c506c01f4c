"""The vendor's own client, a program that we did not write, against the reference server."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from comfy_assets import hash_file
from comfy_assets.server.process import ServerProcess

ROOT = Path(__file__).parents[2]
COMFY = ROOT / ".cache" / "vendor" / "bin" / "comfy"
KEY = "vendor-key"


def ensure(url: str, hash_: str, home: Path, key: str = KEY) -> tuple[int, dict[str, Any]]:
    """`comfy assets library ensure`; its exit status and its envelope."""
    assert COMFY.exists(), "the vendor's client is not installed: make vendor"
    done = subprocess.run(
        [
            COMFY,
            "--json",
            "assets",
            "library",
            "ensure",
            "--hash",
            hash_,
            "--tags",
            "a,b",
            "--where",
            "cloud",
        ],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "COMFY_CLOUD_BASE_URL": url,
            "COMFY_CLOUD_API_KEY": key,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one stored file."""
    folder = tmp_path_factory.mktemp("stored")
    (folder / "a.txt").write_text("stored")
    return folder


def test_ensure(content: Path, tmp_path: Path) -> None:
    """It makes a reference, finds it again under the same id, and understands that content is unknown."""
    with ServerProcess(content=[content], api_keys=[KEY]) as server:
        known = hash_file(content / "a.txt")
        first, second = (ensure(server.url, known, tmp_path) for _ in range(2))
        unknown = ensure(server.url, "blake3:" + "0" * 64, tmp_path)
    assert (first[0], second[0], unknown[0]) == (0, 0, 1)
    made, found = first[1]["data"], second[1]["data"]
    assert (made["created_new"], found["created_new"]) == (True, False)
    assert made["id"] == found["id"]
    assert made["hash"] == known
    assert unknown[1]["error"]["code"] == "asset_not_found"
