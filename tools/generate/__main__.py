"""What generate.sh runs: openapi.yaml and overrides/ become generated/.

One code path for writing and for --check: everything is made afresh in an empty temporary folder and
compared with generated/; --check says so where they differ, otherwise the two change places. A stamp
remembers which inputs gave which outputs on this machine, so that an unchanged tree ends at once.

Up to the stamp only cheap modules are imported; the generator runs in an environment of its own, made
from hashed pins, so that nothing that is installed elsewhere can change its output.
"""

import hashlib
import json
import os
import signal
import sys
from types import FrameType

# Until a run can end in order, a signal just ends it: nothing has been begun.
signal.signal(signal.SIGINT, signal.SIG_DFL)

# Whatever Python runs this has to understand it this far.
if sys.version_info < (3, 11):  # noqa: UP036 - an older one is to be told
    sys.exit("generate.sh: error: needs Python 3.11 or newer, this is %d.%d" % sys.version_info[:2])  # noqa: UP031 - as above

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache", "generate")
PACKAGE = "comfy_assets_api"
PINS = os.path.join(ROOT, "requirements", "generate.txt")
USAGE = """\
Usage: ./generate.sh [--check] [--contract FILE] [--output FOLDER]

Makes generated/ from openapi.yaml and overrides/.

  --check          change nothing; exit 1 where generated/ is not what it would be
  --contract FILE  another contract than openapi.yaml
  --output FOLDER  another folder than generated/; what it holds is replaced

Exit status: 0 done, 1 generated/ differs (--check), 2 could not run, 130 or 143 interrupted.
"""


class Stop(Exception):  # noqa: N818 - interrupted is no error
    """Ends the run: exit status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def files_below(folder: str) -> dict[str, str]:
    """The digests of the files below a folder by their paths in it, caches left out."""
    found = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in ("__pycache__", ".mypy_cache", ".ruff_cache")
        )
        for name in sorted(names):
            path = os.path.join(parent, name)
            try:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
            except OSError as error:
                found[os.path.relpath(path, folder)] = f"unreadable: {error.strerror}"
    return found


def read(path: str) -> bytes:
    """A file's bytes; a missing file has none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def digest(*parts: object) -> str:
    """One digest over everything that is given."""
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def digest_of_inputs(contract: str) -> str:
    """A digest over everything that decides the result."""
    folders = (os.path.join(ROOT, "overrides"), os.path.join(ROOT, "tools", "generate"))
    return digest(
        sys.version_info[:2], [files_below(folder) for folder in folders], read(contract), read(PINS)
    )


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
        elif word not in options:
            raise Stop(2, f"there is no option {word!r}; see ./generate.sh --help")
        elif not waiting or waiting[0] == "" or waiting[0].startswith("--"):
            raise Stop(2, f"{word} needs a value; see ./generate.sh --help")
        else:
            options[word] = os.path.abspath(waiting.pop(0))
    output = options["--output"]
    if os.path.lexists(output) and not os.path.isdir(output):
        raise Stop(2, f"--output {output} is not a folder")
    if os.path.isdir(output) and os.listdir(output) and PACKAGE not in os.listdir(output):
        raise Stop(2, f"--output {output} holds something else, which would be replaced")
    return check, options["--contract"], output


def differing(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """The files that are not the same in both, by name."""
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def remembered(stamp: str, inputs: str) -> dict[str, str] | None:
    """What the last run on this machine made of the same inputs; None where that is not known."""
    try:
        told = json.loads(read(stamp))
        return told["files"] if told["inputs"] == inputs else None
    except (ValueError, LookupError, TypeError):
        return None


def is_interrupted() -> bool:
    """Whether a run that was killed, or is at work, has left its folder: the long way tidies up."""
    return any(name.startswith("new-") for name in os.listdir(CACHE))


def drift(names: list[str], contract: str, output: str) -> Stop:
    """What --check says."""
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    source = f"{os.path.relpath(contract)} and overrides/"
    return Stop(1, f"{os.path.relpath(output)} is not what {source} give ({listed}): run ./generate.sh")


def main(words: list[str]) -> None:
    """Run with these arguments; raises Stop where the status is not 0."""
    check, contract, output = arguments(words)
    stamp = os.path.join(CACHE, "stamp-" + digest(contract, output)[:16])
    # Taken before the work begins: an edit during it is noticed by the next run.
    inputs = digest_of_inputs(contract)
    known = remembered(stamp, inputs)
    if known is not None:
        changed = differing(known, files_below(output))
        if changed and check:
            raise drift(changed, contract, output)
        if not changed and not is_interrupted():
            return

    # Only now: these take longer to import than an unchanged tree takes to check.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from pathlib import Path

    import build

    with build.lock(CACHE) as lock:
        one = build.Build(ROOT, contract, output, CACHE, lock)
        environment = one.environment(Path(PINS))
        with one.generated(environment, PACKAGE) as fresh:
            files = files_below(str(fresh))
            changed = differing(files, files_below(output))
            if changed and not check:
                one.swap(fresh)
                print(f"generated {os.path.relpath(output)}: {build.counted(len(changed), 'file')} changed")
        build.write_atomically(stamp, json.dumps({"inputs": inputs, "files": files}))
        if changed and check:
            raise drift(changed, contract, output)


def interrupt(number: int, _frame: FrameType | None) -> None:
    """End in order: programs that were started are ended, temporary folders removed."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    raise Stop(128 + number, "interrupted; what is there is whole, and ./generate.sh brings it up to date")


def run() -> int:
    """The exit status; everything that is said goes through here."""
    try:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, interrupt)
        main(sys.argv[1:])
    except Stop as stop:
        print(f"generate.sh: error: {stop}" if stop.status == 2 else f"generate.sh: {stop}", file=sys.stderr)
        return stop.status
    except Exception as error:
        if isinstance(error, OSError):
            print(f"generate.sh: error: {error.filename or 'a file'}: {error.strerror}", file=sys.stderr)
        elif getattr(error, "is_expected", False):
            print(f"generate.sh: error: {error}", file=sys.stderr)
        else:
            raise
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(run())
