"""Makes docs/pictures anew, from real runs on this machine: `make pictures`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from samples import write_all

from comfy_assets.server.process import ServerProcess
from tools.pictures import diagram, page
from tools.pictures.terminal import Terminal

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
KEY, OTHER_KEY = "the-key-of-one-owner", "the-key-of-another"
COLUMNS = 100
#: A check says more.
CHECK_COLUMNS = 120


def main() -> int:
    """Run the commands, look at them, write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="comfy-assets-pictures-") as name:
        folder = Path(name)
        write_all(folder / "ComfyUI")
        # A picture is drawn in the reader's fonts, and not every one has every script.
        (folder / "ComfyUI" / "input" / "Küste 海.png").unlink()
        (folder / "key.txt").write_text(KEY + "\n")
        for path in [*(folder / "ComfyUI" / "input").iterdir(), *(folder / "ComfyUI" / "output").iterdir()]:
            shutil.copy(path, folder)
        (folder / "other.txt").write_text(OTHER_KEY + "\n")
        database = f"sqlite:///{folder}/references.db"
        with ServerProcess(
            content=[folder / "ComfyUI"],
            api_keys=[KEY, OTHER_KEY],
            database=database,
            options=["--scenarios"],
        ) as server:
            new = folder / "ComfyUI" / "models" / "vae" / "mine.safetensors"
            new.write_bytes(
                (folder / "ComfyUI" / "models" / "vae" / "tiny-vae.safetensors").read_bytes()[:-4] + b"mine"
            )
            environment = {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "LC_ALL": "C.UTF-8",
                "COMFY_CLOUD_BASE_URL": server.url,
                "COMFY_CLOUD_API_KEY": KEY,
            }
            write("register.svg", registered(folder, environment))
            write("check.svg", checked(folder, environment, database))
        page.screenshot(folder / "report.html", PICTURES / "report.png")
    write("data.svg", diagram.svg())
    print(f"pictures: {', '.join(sorted(path.name for path in PICTURES.iterdir()))}")
    return 0


def registered(folder: Path, environment: dict[str, str]) -> str:
    """A ComfyUI folder is registered; one of its files the service does not have."""
    with Terminal(folder, environment, columns=COLUMNS, lines=40) as terminal:
        terminal.run("comfy-assets register --comfyui ComfyUI")
        return terminal.svg("comfy-assets register")


def checked(folder: Path, environment: dict[str, str], database: str) -> str:
    """A server that answers 422 where 400 is meant is checked, and the page of that is written."""
    with Terminal(folder, environment, columns=CHECK_COLUMNS, lines=60) as terminal:
        terminal.run(
            f"comfy-assets scenario bind drift:invalid-is-422 --api-key-file key.txt --database {database}"
        )
        terminal.run("clear")
        terminal.run(
            f"comfy-assets check {environment['COMFY_CLOUD_BASE_URL']} --api-key-file key.txt "
            "--other-api-key-file other.txt --known-file tone.wav --known-file gradient.png "
            "--known-file ComfyUI_00001_.png --report-html report.html"
        )
        return terminal.svg("comfy-assets check")


def write(name: str, svg: str) -> None:
    """Into docs/pictures."""
    (PICTURES / name).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
