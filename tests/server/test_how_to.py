"""The how-to pages about the server: their commands, word for word but for addresses and keys, do what they say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from comfy_assets.cli.main import main
from comfy_assets.server.process import ServerProcess
from tests.postgres import new_database
from tests.server.asking import PORTRAIT, Asker, blake3_of, write_files
from tests.server.test_scenarios import outcome

PAGES = Path(__file__).parents[2] / "docs/how-to"
BODY = {"hash": blake3_of(PORTRAIT), "tags": ["a"], "name": "n"}


def commands(page: str) -> list[list[str]]:
    """The words of each `comfy-assets` line in the shell blocks of a page."""
    text = (PAGES / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("comfy-assets ")]


def replaced(words: list[str], **values: str) -> list[str]:
    """With other values of these options, which must be there."""
    changed = list(words)
    for option, value in values.items():
        changed[changed.index(f"--{option.replace('_', '-')}") + 1] = value
    return changed


def test_server_on_postgresql(postgresql_server: sa.URL, tmp_path: Path) -> None:
    """The page's `serve` runs, with its workers, on a new database."""
    [[name, *options]] = commands("run-the-server-on-postgresql.md")
    assert name == "serve"
    content = write_files(tmp_path / "content", {"portrait.png": PORTRAIT})
    options = replaced(options, database=new_database(postgresql_server), content=str(content))
    with ServerProcess(api_keys=["key"], options=options) as server:
        assert server.ready["database"].startswith("postgresql://")
        assert [Asker(server.url, "key").create(BODY).status for _ in range(2)] == [201, 200]


def test_client_under_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's commands: a server with scenarios, a key with one bound to it, what became of it, the end of it."""
    serve, bind, show, unbind = commands("test-a-client.md")
    content = write_files(tmp_path / "content", {"portrait.png": PORTRAIT})
    database = f"sqlite:///{tmp_path / 'references.db'}"
    with ServerProcess(
        api_keys=["other"], options=replaced(serve[1:], database=database, content=str(content))
    ) as server:
        assert main(replaced(bind, database=database)) == 0
        key = capsys.readouterr().out.strip()
        seen = outcome(server.url, "n", key, timeout=3)
        assert main(replaced(show, database=database, api_key=key)) == 0
        shown = capsys.readouterr().out
        assert "outcome-unknown, seed 0: 1 requests" in shown
        assert "1 references committed" in shown
        assert seen != 201
        assert main(replaced(unbind, database=database, api_key=key)) == 0
        assert outcome(server.url, "n", key) == 200


def test_scenario_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's YAML is a scenario, and the same as JSON."""
    import yaml

    text = (PAGES / "test-a-client.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "one.yaml").write_text(block, encoding="utf-8")
    (tmp_path / "one.json").write_text(json.dumps(yaml.safe_load(block)), encoding="utf-8")
    database = f"sqlite:///{tmp_path / 'references.db'}"
    bound = [bound_by(f"{tmp_path}/one.{kind}", database, capsys) for kind in ("yaml", "json")]
    assert bound[0]["steps"] == bound[1]["steps"]
    assert (bound[0]["then"], len(bound[0]["steps"])) == ("repeat", 4)


def bound_by(path: str, database: str, capsys: pytest.CaptureFixture[str]) -> Any:
    assert main(["scenario", "bind", "--file", path, "--database", database, "--json", "--without-key"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
