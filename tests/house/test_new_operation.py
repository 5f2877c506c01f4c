"""A second operation in the contract: what follows from it by itself, on a contract that has one more.

What stays to do by hand is in CONTRIBUTING.md, "Add an operation".
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from comfy_assets import specification
from comfy_assets.contract.facts import facts_for
from comfy_assets.contract.judge import judge
from comfy_assets.contract.record import Record
from comfy_assets.contract.wire import Target
from comfy_assets.server.process import ServerProcess
from comfy_assets.specification import Contract
from tests.generation.support import copy_checkout, generate
from tools.contract_diff import meaning
from tools.share.__main__ import files

ROOT = Path(__file__).parents[2]
HASH = "blake3:" + "a1" * 32
KEY = "a-key-of-one-owner"
OPERATION = """
  /api/assets/hash/{hash}:
    head:
      operationId: headAssetByHash
      summary: Whether content is stored
      description: Whether the service stores content of this hash.
      tags:
        - asset
      security:
        - ApiKeyAuth: []
      parameters:
        - name: hash
          in: path
          required: true
          schema:
            type: string
            pattern: "^(blake3|sha256):[a-f0-9]{64}$"
          example: blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262
        - name: at-most
          in: query
          schema:
            type: integer
            minimum: 1
      responses:
        "200":
          description: The content is stored.
        "400":
          description: The hash is malformed.
        "404":
          description: No stored content has this hash.

components:
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose contract has one more operation, generated."""
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"))
    text = (folder / "openapi.yaml").read_text(encoding="utf-8")
    (folder / "openapi.yaml").write_text(text.replace("\ncomponents:\n", OPERATION, 1), encoding="utf-8")
    done = generate(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def contract(checkout: Path) -> Contract:
    return specification.load(checkout / "openapi.yaml")


@pytest.fixture(scope="module")
def server(checkout: Path) -> Iterator[ServerProcess]:
    """The reference server, on that contract."""
    with ServerProcess(api_keys=[KEY], contract=checkout / "openapi.yaml") as server:
        yield server


def test_generated(checkout: Path) -> None:
    """The call is there, sync and async, sends what it should, and refuses what breaks the contract."""
    program = f"""
from comfy_assets_api.api.asset import create_asset_from_hash, head_asset_by_hash as operation
from comfy_assets_api.errors import InvalidValue
arguments = operation.request_arguments("{HASH}", at_most=3)
print(arguments["method"], arguments["url"], operation.sync.__name__, operation.asyncio.__name__)
try:
    operation.request_arguments("{HASH.upper()}")
except InvalidValue as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(checkout / "generated")},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = run.stdout.splitlines()
    assert first.startswith("HEAD /api/assets/hash/blake3")
    assert first.endswith("sync asyncio")
    assert second.startswith("hash: expected a string that matches")


#: Method, path, key → the status and, where there is a body, words of it.
ASKED = {
    "no key": ("HEAD", HASH, False, 401, ""),
    "nobody has written what it does": ("HEAD", HASH, True, 501, ""),
    "a parameter breaks the contract": ("HEAD", "blake3:1234", True, 400, ""),
    "a number that is none": ("HEAD", f"{HASH}?at-most=many", True, 400, ""),
    "a number that is too small": ("HEAD", f"{HASH}?at-most=0", True, 400, ""),
    "a number that fits": ("HEAD", f"{HASH}?at-most=7", True, 501, ""),
    "another method": ("GET", HASH, True, 405, "METHOD_NOT_ALLOWED"),
}


@pytest.mark.parametrize("name", ASKED)
def test_server(server: ServerProcess, contract: Contract, name: str) -> None:
    """The server asks for a key, refuses what the contract refuses, and says that it does not have the rest."""
    method, hash_, with_key, status, words = ASKED[name]
    connection = http.client.HTTPConnection(str(urlsplit(server.url).netloc), timeout=60)
    headers = {contract.operations[0].security_header or "": KEY} if with_key else {}
    connection.request(method, f"/api/assets/hash/{hash_}", headers=headers)
    answer = connection.getresponse()
    assert (answer.status, words in answer.read().decode()) == (status, True)
    if status == 405:
        assert answer.headers["Allow"] == "HEAD"
    connection.close()


def test_others_are_told(contract: Contract) -> None:
    """The comparison calls it minor and says so once, documents have it, and the check names what it leaves out."""
    changes = meaning.changes(specification.load(ROOT / "openapi.yaml"), contract)
    assert [(one.level, one.rule) for one in changes] == [("minor", "operation-added")]
    made = files(contract, with_page=False)
    assert "/api/assets/hash/{hash}" in json.loads(made["openapi-3.1.json"])["paths"]
    facts = facts_for(Target("http://127.0.0.1:9"), (), (), run_id="r", seed=0, contract=contract)
    told = judge(Record(facts)).verdicts["other-operations"].text
    assert told == "nothing was asked of HEAD /api/assets/hash/{hash}: there are no rules for it"
