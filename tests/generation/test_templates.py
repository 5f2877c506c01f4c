"""Each template in overrides/ is needed: without it, what it is for breaks.

The generator falls back to its own template of the same name. For each of ours the table says what then
happens: nothing is generated at all, or a check of the result fails that passes with the template.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.generation import support
from tests.generation.support import HEADER

#: A generation for each template: for `make test-full`.
pytestmark = pytest.mark.nightly

TEMPLATES = support.ROOT / "overrides" / "templates"

#: In a process of its own: `package` is importable as `api`, of shop.yaml.
_CALL = """
import httpx
from api.client import AuthenticatedClient
from api.api.orders import list_lines, place_order
from api import models
sent = []
def handle(request):
    sent.append(request)
    return httpx.Response(520, content=b"<html>")
client = AuthenticatedClient(token="secret", base_url="http://a.example", httpx_args={"transport": httpx.MockTransport(handle)})
"""

#: Template -> what its absence breaks: a program that fails without it, or None where nothing is generated.
PROOFS: dict[str, str | None] = {
    # Only the header.
    "api_init.py.jinja": f"assert open('api/api/__init__.py').read().startswith({HEADER!r})",
    "endpoint_init.py.jinja": f"assert open('api/api/orders/__init__.py').read().startswith({HEADER!r})",
    "models_init.py.jinja": f"assert open('api/models/__init__.py').read().startswith({HEADER!r})",
    # The facts that the generator drops.
    "package_init.py.jinja": "import api; assert len(api.CONTRACT_DIGEST) == 64; assert api.CONTRACT_VERSION == '2.7.0'",
    # The key's header, the key in repr, the time limit.
    "client.py.jinja": _CALL + "assert 'secret' not in repr(client); assert client.get_httpx_client().timeout.read == 30",
    # A status that HTTPStatus does not know, and that the contract does not document.
    "endpoint_module.py.jinja": _CALL + "assert list_lines.sync_detailed('AB-1234', models.Grade.VALUE_1, client=client, x_request_id=__import__('uuid').UUID(int=0)).status_code == 520",
    # The limits, and errors that name them.
    "model.py.jinja": "from api.models import Person\ntry: Person(name='A')\nexcept ValueError: pass\nelse: raise AssertionError",
    "errors.py.jinja": "from api.errors import InvalidValue, Problem; assert str(Problem(('a',), 'b', 'c', 'd'))",
    "types.py.jinja": "import copy; from api.types import UNSET, Text; assert copy.deepcopy(UNSET) is UNSET",
    # Values and names that the generator loses.
    "str_enum.py.jinja": "from api.models import Colour; assert Colour('line\\nbreak'); assert len(Colour) == 9; assert Colour('\\u202etxet')",
    "int_enum.py.jinja": f"assert open('api/models/grade.py').read().startswith({HEADER!r})",
    # Shared by the others, which cannot be rendered without.
    "header.jinja": None,
    "python.jinja": None,
}  # fmt: skip


def test_the_table_is_complete() -> None:
    """Every template has a proof, and there is no proof without its template."""
    assert sorted(PROOFS) == sorted(path.name for path in TEMPLATES.iterdir())


@pytest.mark.parametrize("name", PROOFS)
def test_a_template_says_why(name: str) -> None:
    """A template opens with a Jinja comment: why it is there, the generator's repository where it replaces one, when it can go."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    comment = re.match(r"\{#(.*?)#\}", text, re.DOTALL)
    assert comment is not None
    words = " ".join(comment[1].split())
    assert "Why:" in words
    assert re.search(r"Stays|[Cc]an go when", words)
    if "Can go" in words:
        assert "openapi-generators/openapi-python-client" in words


def _run(program: str, package: Path) -> subprocess.CompletedProcess[str]:
    home = package.parent / f"home-{package.name}"
    if not home.exists():
        home.mkdir()
        (home / "api").symlink_to(package)
    return subprocess.run(
        [sys.executable, "-B", "-c", program],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, support.Answers]:
    """What shop.yaml gives with all templates, and with each of them removed."""
    work, output = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("without")
    overrides = {"all": support.ROOT / "overrides"}
    for name in PROOFS:
        overrides[name] = work / name
        shutil.copytree(support.ROOT / "overrides", overrides[name])
        (overrides[name] / "templates" / name).unlink()
    contracts = dict.fromkeys(overrides, support.HERE / "shop.yaml")
    return output, support.run_many(work, contracts, output=output, overrides=overrides)


@pytest.mark.parametrize("name", [name for name, proof in PROOFS.items() if proof])
def test_the_proof_holds_with_the_template(results: tuple[Path, support.Answers], name: str) -> None:
    """The control: each program of the table succeeds on what is generated with all templates."""
    output, answers = results
    assert answers["all"][0] == 0, answers["all"]
    done = _run(PROOFS[name] or "", output / "all")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", PROOFS)
def test_without_the_template(results: tuple[Path, support.Answers], name: str) -> None:
    """With one template removed, generation fails or the program of the table does."""
    output, answers = results
    if PROOFS[name] is None:
        assert answers[name][0] != 0
        return
    assert answers[name][0] == 0, answers[name]
    assert _run(PROOFS[name] or "", output / name).returncode != 0
