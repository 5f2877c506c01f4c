"""What `make languages` does around the toolchains; the toolchains themselves are tried by the step."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tools.languages import __main__ as languages
from tools.languages import page, probes, table

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "tests" / "check_client" / "template.py"
#: A client that keeps everything, and tells what it holds.
TELLING = """
right = register
def register():
    global told
    status, _headers, content = ask(ENV['COMFY_CLOUD_BASE_URL'])
    told = f'{status} {json.dumps(decode(status, content))}'
    return decode(status, content)
def tell(answer): print(told, answer['id'], sep='\\n')
"""


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with the languages in it, and a PATH with no toolchain on it but what a test puts there."""
    shutil.copytree(ROOT / "languages", tmp_path / "languages")
    shutil.copy(ROOT / "openapi.yaml", tmp_path)
    (tmp_path / "bin").mkdir()
    for module in (table, languages):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for name in ("sh", "mkdir", "cp", "chmod", "dirname"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["languages", *words])
    return languages.main()


def put(scratch: Path, name: str, *lines: str) -> None:
    """A program on the PATH."""
    path = scratch / "bin" / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]), encoding="utf-8")
    path.chmod(0o755)


def test_page_is_in_step() -> None:
    """The page says what the committed results of the last run say."""
    assert page.PAGE.read_text(encoding="utf-8") == page.text(), "run: make languages ARGS=--write"


def test_folders_are_those_of_the_table() -> None:
    """Each language is built by a script, says what it accepts, and was asked all that there is to ask."""
    assert {path.name for path in (ROOT / "languages").iterdir()} == set(table.LANGUAGES)
    for language in table.LANGUAGES.values():
        names = {path.name for path in language.source.iterdir()}
        assert names >= {"build.sh", "baseline.json", "kept.json", *language.pins}
        assert {about: list(rows) for about, rows in page._read(language, "kept.json").items()} == {
            "requests": list(probes.REQUESTS),
            "answers": list(probes.ANSWERS),
        }


@pytest.mark.parametrize(("ci", "status", "word"), [("", 0, "left out"), ("true", 2, "error")])
def test_missing_toolchain(
    ci: str,
    status: int,
    word: str,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is named; that is no failure on a developer's machine, and one in continuous integration."""
    monkeypatch.setenv("CI", ci)
    put(scratch, "java")
    assert run(monkeypatch, "java", "rust") == status
    told = capsys.readouterr().out
    assert f"java: {word}: there is no javac and no mvn on the PATH; JDK 17, Maven is needed" in told
    assert f"rust: {word}: there is no cargo and no rustc" in told
    assert told.endswith("languages: java left out, rust left out\n")


def test_unknown_language(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, with those that there are."""
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "cobol")
    assert ended.value.code == 2
    assert "there is no language 'cobol'; there are go, java, rust, typescript" in capsys.readouterr().err


def test_failed_build(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be built is not checked: exit status 2."""
    put(scratch, "go", "echo 'no such tool' >&2", "exit 1")
    assert run(monkeypatch, "go") == 2
    told = capsys.readouterr().out
    assert "go: error: languages/go/build.sh failed, see above" in told
    assert "checking" not in told


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        pytest.param(
            TELLING,
            1,
            "error: of times: as they were written; known: refused",
            id="keeps other things",
            marks=pytest.mark.nightly,
        ),
        pytest.param("def tell(answer): print('none')", 1, "could not register", id="tells no id"),
    ],
)
def test_whole_step_with_another_toolchain(
    lines: str,
    status: int,
    said: str,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What a toolchain builds is tried on the reference server, checked, and compared with what is known."""
    program = scratch / "program.py"
    program.write_text(
        f"import sys\nsys.argv[1:] = [{lines!r}]\n" + TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8"
    )
    put(
        scratch, "go", '[ "$1" = build ] || exit 0',
        f"printf '#!/bin/sh\\nexec {sys.executable} -I -S {program}\\n' >run", "chmod +x run",
    )  # fmt: skip
    assert run(monkeypatch, "go") == status
    assert said in capsys.readouterr().out
