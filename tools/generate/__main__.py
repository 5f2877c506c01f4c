"""What generate.sh runs: openapi.yaml and overrides/ become generated/.

One code path for writing and for --check: everything is made afresh in an empty temporary folder and
compared with generated/; --check says so where they differ, otherwise the two change places. A stamp
remembers which inputs gave which outputs on this machine, so that an unchanged tree ends at once.

Up to the stamp only cheap modules are imported; the generator runs in an environment of its own, made
from hashed pins, so that nothing that is installed elsewhere can change its output.
"""

import sys

if sys.version_info < (3, 11):
    sys.exit("generate.sh: error: needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])

import hashlib
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache", "generate")
PACKAGE = "comfy_assets_api"
PINS = os.path.join(ROOT, "requirements", "generate.txt")
USAGE = """\
Usage: ./generate.sh [--check] [--contract FILE] [--output FOLDER]

Makes generated/ from openapi.yaml and overrides/.

  --check          change nothing; exit 1 where generated/ is not what it would be
  --contract FILE  another contract than openapi.yaml
  --output FOLDER  another folder than generated/

Exit status: 0 done, 1 generated/ differs (--check), 2 could not run.
"""


class Stop(Exception):
    """Ends the run: exit status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def files_below(folder: str) -> dict[str, bytes]:
    """The files below a folder by their paths in it, caches left out."""
    found = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in ("__pycache__", ".mypy_cache", ".ruff_cache"))
        for name in sorted(names):
            path = os.path.join(parent, name)
            try:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
            except OSError as error:
                found[os.path.relpath(path, folder)] = f"unreadable: {error.strerror}".encode()
    return found


def digest_of(contract: str, output: str) -> str:
    """A digest over everything that decides the result, and over the result."""
    total = hashlib.sha256(repr(sys.version_info[:2]).encode())
    folders = [os.path.join(ROOT, "overrides"), os.path.join(ROOT, "tools", "generate"), output]
    for name, files in [
        *((folder, files_below(folder)) for folder in folders),
        ("single", {path: read(path) for path in (contract, PINS)}),
    ]:
        for path, content in files.items():
            total.update(repr((name, path, len(content))).encode())
            total.update(content)
    return total.hexdigest()


def read(path: str) -> bytes:
    """A file's bytes; a missing file has none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def arguments(words: list[str]) -> tuple[bool, str, str]:
    """--check, contract and output folder."""
    options = {"--contract": os.path.join(ROOT, "openapi.yaml"), "--output": os.path.join(ROOT, "generated")}
    check, waiting = False, list(words)
    while waiting:
        word = waiting.pop(0)
        if word in ("-h", "--help"):
            print(USAGE, end="")
            raise SystemExit(0)
        if word == "--check":
            check = True
        elif word in options and waiting:
            options[word] = os.path.abspath(waiting.pop(0))
        else:
            raise Stop(2, f"{word!r} is no option, or its value is missing; see ./generate.sh --help")
    return check, options["--contract"], options["--output"]


def main(words: list[str]) -> None:
    """Run with these arguments; raises Stop where the status is not 0."""
    check, contract, output = arguments(words)
    stamp = os.path.join(CACHE, "stamp-" + hashlib.sha256(repr((contract, output)).encode()).hexdigest()[:16])
    if read(stamp).decode() == digest_of(contract, output):
        return

    # Only now: these take longer to import than an unchanged tree takes to check.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import build

    with build.lock(CACHE):
        environment = build.environment(CACHE, PINS)
        with build.generated(environment, ROOT, contract, PACKAGE, CACHE) as fresh:
            differing = build.differing(files_below(fresh), files_below(output))
            if differing and check:
                names = ", ".join(differing[:3]) + (f" and {len(differing) - 3} more" if len(differing) > 3 else "")
                raise Stop(
                    1,
                    f"{os.path.relpath(output)} is not what {os.path.relpath(contract)} and overrides/ give "
                    f"({names}): run ./generate.sh",
                )
            if differing:
                build.swap(fresh, output)
                print(f"generated {os.path.relpath(output)}: {build.counted(len(differing), 'file')} changed")
        build.write_atomically(stamp, digest_of(contract, output))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as stop:
        print(f"generate.sh: {stop}" if stop.status == 1 else f"generate.sh: error: {stop}", file=sys.stderr)
        sys.exit(stop.status)
    except KeyboardInterrupt:
        print("generate.sh: interrupted; generated/ is as it was", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if getattr(error, "is_expected", False) or isinstance(error, OSError):
            print(f"generate.sh: error: {error}", file=sys.stderr)
            sys.exit(2)
        raise
