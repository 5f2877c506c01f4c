"""The client that the stock generator makes of the contract, without templates of ours: to compare with."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from tests.generation.support import PACKAGE, ROOT

CACHE = ROOT / ".cache"
CONTRACT = ROOT / "openapi.yaml"
PINS = ROOT / "requirements" / "generate.txt"


def _build() -> ModuleType:
    """tools/generate/build.py, which is no package."""
    name = "generate_build"
    specification = importlib.util.spec_from_file_location(name, ROOT / "tools" / "generate" / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def stock_package() -> Path:
    """The folder of the stock package, made where there is none for this contract and this generator."""
    digest = hashlib.sha256(CONTRACT.read_bytes() + PINS.read_bytes()).hexdigest()[:16]
    folder = CACHE / f"stock-{digest}"
    build, own = _build(), CACHE / "generate"
    with build.lock(str(own)) as lock:
        if not folder.exists():
            environment = build.Build(str(ROOT), str(CONTRACT), "", str(own), lock).environment(PINS)
            for stale in CACHE.glob("stock-*"):
                build.remove(stale)
            fresh = Path(tempfile.mkdtemp(prefix="stock-new-", dir=CACHE))
            _generate(environment, fresh, build.SURROUNDINGS)
            os.replace(fresh, folder)
    return folder / PACKAGE


def _generate(environment: Path, folder: Path, surroundings: dict[str, str]) -> None:
    # Our settings, which choose the package's name and no formatter; our templates are left out.
    options = {
        "--meta": "none",
        "--path": CONTRACT,
        "--config": ROOT / "overrides" / "config.yaml",
        "--output-path": folder / PACKAGE,
    }
    command = [
        environment / "bin" / "python",
        "-I",
        "-B",
        "-m",
        "openapi_python_client",
        "generate",
        "--fail-on-warning",
    ]
    command += [word for option in options.items() for word in option]
    subprocess.run([*map(str, command)], check=True, capture_output=True, env=surroundings, timeout=120)
