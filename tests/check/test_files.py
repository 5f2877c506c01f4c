"""Baselines and reports that cannot be used are told in a sentence, before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comfy_assets.cli.main import main

ENTRY = {"rule": "body-json", "fingerprint": "abc", "reason": "known"}

BASELINES: dict[str, tuple[Any, str]] = {
    "no list": ({}, "is not a list of entries"),
    "no object": ([1], "entry 1: not an object"),
    "no rule": ([ENTRY, {**ENTRY, "rule": " "}], "entry 2: the member rule is missing"),
    "unknown rule": ([{**ENTRY, "rule": "nothing"}], "entry 1: there is no rule 'nothing'"),
    "no day": ([{**ENTRY, "expires": "soon"}], "entry 1: expires is no date like 2027-01-31"),
    "no text": ([{**ENTRY, "expires": 20270131}], "entry 1: expires is no date like 2027-01-31"),
}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(("content", "words"), BASELINES.values(), ids=BASELINES)
def test_baseline_that_is_none(
    content: Any, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file, the entry, and what is wrong with it."""
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(content))
    said = refused(capsys, "check", "http://127.0.0.1:9", "--api-key", "k", "--baseline", str(path))
    assert f"the baseline {path}" in said
    assert words in said
    path.write_text("{")
    assert "is not JSON" in refused(capsys, "check", "--rejudge", "nowhere", "--baseline", str(path))


@pytest.mark.parametrize(
    ("command", "schema"),
    [("check", "comfy-assets-check/1"), ("check-client", "comfy-assets-check-client/1")],
)
def test_report_that_is_none(
    command: str, schema: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever is no report of the command is not judged: other files, those of the other command, half ones."""
    path = tmp_path / "report.json"
    for content, words in (
        ({}, f"not a report of `{command} --report-json`"),
        ({"schema": "another"}, f"not a report of `{command} --report-json`"),
        ({"schema": schema}, "not a record of the form"),
        ({"schema": schema, "record": {"schema": "another"}}, "not a record of the form"),
        ({"schema": schema, "record": {"schema": schema.replace("check", "record", 1)}}, ""),
    ):
        path.write_text(json.dumps(content))
        said = refused(capsys, command, "--rejudge", str(path))
        assert repr(str(path)) in said
        assert words in said
