"""The steps of a generation that has something to do: environment, generator, formatter, swap."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent

#: What the programs see of the caller's surroundings: nothing that changes the output.
SURROUNDINGS = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    # One line per complaint, without frames.
    "COLUMNS": "1000",
    "_TYPER_STANDARD_TRACEBACK": "1",
}

_TRACEBACK = "Traceback (most recent call last)"


class BuildError(Exception):
    """Something that people can mend; the text is one sentence."""

    is_expected = True


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def write_atomically(path: str, text: str) -> None:
    """Write a file that is there whole or not at all. The lock is held: nobody else writes it."""
    temporary = f"{path}.new"
    Path(temporary).write_text(text, encoding="utf-8")
    os.replace(temporary, path)


@contextlib.contextmanager
def lock(cache: str) -> Iterator[int]:
    """Two runs at once wait for each other.

    The lock's file is handed to every program that is started, so that one which outlives a killed
    run keeps the next run waiting, instead of writing into what that cleans up.
    """
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, "lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


class Build:
    """One generation, under the lock: where it works, and with what."""

    def __init__(self, root: str, contract: str, output: str, cache: str, lock: int) -> None:
        self.root, self.contract, self.output, self.cache = (
            Path(root),
            Path(contract),
            Path(output),
            Path(cache),
        )
        self._lock = lock

    def environment(self, pins: Path) -> Path:
        """The generator's environment, made from the pins where there is none for them yet."""
        wanted = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:16]
        folder = self.cache / f"environment-{wanted}"
        done = folder / "complete"
        if done.exists() and (folder / "bin" / "python").exists():
            return folder
        for stale in self.cache.glob("environment-*"):
            remove(stale)
        print("generate.sh: installing the pinned generator (once)", file=sys.stderr)
        try:
            self._install(folder, pins)
        except BaseException:
            remove(folder)
            raise
        done.touch()
        return folder

    def _install(self, folder: Path, pins: Path) -> None:
        # The caller's settings for pip hold here: an index, a proxy, a certificate.
        self._run(
            [sys.executable, "-m", "venv", str(folder)],
            "cannot make a virtual environment",
            env=dict(os.environ),
        )
        command = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        command += [
            "--retries",
            "2",
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--requirement",
            str(pins),
        ]
        self._run(
            command, "cannot install the pinned generator (is the package index there?)", env=dict(os.environ)
        )

    @contextlib.contextmanager
    def generated(self, environment: Path, package: str) -> Iterator[Path]:
        """A temporary folder with what the output should hold; removed at the end."""
        # On the output's file system, or the swap could not be two renames.
        near = self.output.parent
        while not near.exists():
            near = near.parent
        beside = self.cache if os.stat(self.cache).st_dev == os.stat(near).st_dev else near
        for leftover in (*self.cache.glob("new-*"), *near.glob(".generate-new-*")):
            remove(leftover)
        prefix = "new-" if beside == self.cache else ".generate-new-"
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=beside))
        try:
            yield self._generate(folder, environment, package)
        finally:
            remove(folder)

    def _generate(self, folder: Path, environment: Path, package: str) -> Path:
        python = [str(environment / "bin" / "python"), "-I", "-B"]
        overrides = folder / "overrides"
        try:
            shutil.copytree(self.root / "overrides", overrides)
        except shutil.Error as error:
            # One entry for each file; the first says enough.
            raise BuildError(f"cannot copy overrides/: {error.args[0][0][2]}") from None
        output = folder / "generated"
        output.mkdir()
        command = [
            *python,
            str(HERE / "prepare.py"),
            str(self.contract),
            str(overrides),
            str(output / package),
        ]
        broken = f"tools/generate and overrides/ do not work with {_generator(environment)}"
        self._run(command, f"the generator refuses {self.contract.name}", cwd=folder, broken=broken)
        # Marks the package as typed (PEP 561), which the generator does for whole projects only.
        header = (overrides / "templates" / "header.jinja").read_text(encoding="utf-8").rpartition("#}\n")[2]
        (output / package / "py.typed").write_text(header, encoding="utf-8")
        self._format(str(environment / "bin" / "ruff"), output)
        return output

    def _format(self, ruff: str, output: Path) -> None:
        # File by file: a folder's files are subject to .gitignore, and to names such as `build`.
        files = sorted(str(path.relative_to(output)) for path in output.rglob("*.py"))
        common = [
            "--isolated",
            "--no-cache",
            "--quiet",
            "--target-version",
            "py311",
            "--line-length",
            "110",
            "--",
            *files,
        ]
        self._run(
            [ruff, "check", "--fix-only", "--select", "F401,F811,I,PIE790", *common], "ruff", cwd=output
        )
        self._run([ruff, "format", *common], "ruff", cwd=output)

    def _run(
        self,
        command: list[str],
        failure: str,
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        broken: str | None = None,
    ) -> None:
        """Run a program; BuildError, with what it said, where it fails.

        `broken` is said instead of `failure` of a program that broke down: no contract is to blame for that.
        """
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=SURROUNDINGS if env is None else env,
            cwd=cwd,
            pass_fds=(self._lock,),
            check=False,
        )
        if done.returncode:
            said = _complaint(done.stderr) or _complaint(done.stdout) or f"exit status {done.returncode}"
            # prepare.py exits with 2 where it says itself, in a sentence, what is wrong and where.
            # A full disk, too, ends in a traceback, but nobody's code is at fault.
            is_broken = broken and _TRACEBACK in done.stderr and "[Errno " not in said
            raise BuildError(said if done.returncode == 2 else f"{broken if is_broken else failure}: {said}")

    def swap(self, fresh: Path) -> None:
        """Put the new folder in the output's place.

        Two renames: between them, for an instant, there is no folder, which --check and every import
        notice, and the next run mends. There is never one with half of each.
        """
        old = fresh.parent / "old"
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with uninterrupted():
            if os.path.lexists(self.output):
                os.rename(self.output, old)
            try:
                os.rename(fresh, self.output)
            except OSError:
                if os.path.lexists(old):
                    os.rename(old, self.output)
                raise


def _generator(environment: Path) -> str:
    """The generator's name and the version that is installed."""
    found = [path.stem for path in environment.glob("lib/*/site-packages/openapi_python_client-*.dist-info")]
    return found[0].replace("-", " ").replace("_", "-") if found else "the generator"


def _complaint(said: str) -> str:
    """A program's own words on one line: of a traceback the last line, else all that is not decoration."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if any(line.startswith(_TRACEBACK) for line in lines):
        lines = lines[-1:]
    noise = (
        "Generating ",
        "Error(s) encountered",
        "Warning(s) encountered",
        "If you believe this was a mistake",
        "WARNING: Retrying",
    )
    return " ".join(line for line in lines if not line.startswith(noise))[:400]


def remove(path: Path) -> None:
    """Remove a folder, a file, or a link, whatever is there; what cannot be removed stays for the next run."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals that ask to end wait until this is over."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
