"""Contracts and circumstances that cannot be used: one sentence, exit 2, and generated/ as it was."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from pathlib import Path

import pytest

from tests.generation import support
from tests.generation.support import generate, refusal

START = """\
openapi: 3.0.3
info: {title: A, version: "1"}
"""
PATHS = (
    START
    + """\
paths:
  /a:
    get:
      operationId: a
      responses:
        "200":
          description: A.
          content:
            application/json:
              schema: {$ref: "#/components/schemas/A"}
components:
  schemas:
    A:
      type: object
      properties:
        b: {type: string}
"""
)


def _with(old: str, new: str) -> str:
    assert old in PATHS
    return PATHS.replace(old, new, 1)


B = "{type: string}"

#: The contract, and words that the sentence must hold: the line or the place, and what is wrong.
CONTRACTS: dict[str, tuple[str | bytes, list[str]]] = {
    "a syntax error": (START + "paths: {a: [}\n", ["line 3", "column 13", "not YAML"]),
    "an empty file": ("", ["mapping"]),
    "comments only": ("# nothing\n", ["mapping"]),
    "a list": ("- a\n", ["mapping"]),
    "text": ("hello\n", ["mapping"]),
    "two documents": (PATHS + "---\na: 1\n", ["not YAML"]),
    "a tab as indentation": (START + "paths:\n\t/a: {}\n", ["line 4", "not YAML", "\\t"]),
    "a key twice": (START + "paths: {}\npaths: {}\n", ["line 4", "duplicate", "paths"]),
    "a status twice": (_with('"200":', '200: {description: x}\n        "200":'), ["line 7", "200", "twice"]),
    "no UTF-8": (PATHS.encode() + b"# \xff\n", ["line 19", "byte", "UTF-8"]),
    "a null byte": (PATHS + "# \0\n", ["not YAML"]),
    "an unknown tag": (_with(B, "!!python/object:os.system {}"), ["not YAML"]),
    "an alias bomb": (
        START
        + "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(8)
        )
        + "paths: {}\n",
        ["too large"],
    ),
    "an alias of itself": (START + "a: &a [*a]\npaths: {}\n", ["too deep"]),
    "very deep": (START + "a: " + "[" * 400 + "]" * 400 + "\npaths: {}\n", [""]),
    "Swagger 2.0": ('swagger: "2.0"\npaths: {}\n', ["openapi", "missing"]),
    "OpenAPI 2.0": ('openapi: "2.0"\npaths: {}\n', ["line 1", "'2.0'"]),
    "OpenAPI 3.2": ("openapi: 3.2.0\npaths: {}\n", ["line 1", "'3.2.0'"]),
    "a version that is a number": ("openapi: 3.0\npaths: {}\n", ["line 1", "3.0", "quotes"]),
    "no paths": (START, ["paths"]),
    "a dangling reference": (
        _with("schemas/A", "schemas/Z"),
        ["line 12", "#/components/schemas/Z", "nothing"],
    ),
    "a dangling reference that nothing uses": (
        PATHS + "    Z: {type: array, items: {$ref: '#/components/schemas/Y'}}\n",
        ["line 19", "nothing"],
    ),
    "a reference to a file": (
        _with("#/components/schemas/A", "other.yaml#/A"),
        ["line 12", "other.yaml", "outside"],
    ),
    "a reference to a host": (_with("#/components/schemas/A", "https://a.example/A"), ["line 12", "outside"]),
    "a reference to elsewhere": (
        _with("#/components/schemas/A", "#/info"),
        ["line 12", "#/components/schemas/"],
    ),
    "a reference that is no text": (_with('"#/components/schemas/A"', "5"), ["line 12", "outside"]),
    "a loop of references": (
        PATHS + "    C: {$ref: '#/components/schemas/D'}\n    D: {$ref: '#/components/schemas/C'}\n",
        ["leads back to itself"],
    ),
    "a loop through allOf": (
        PATHS + "    C: {allOf: [{$ref: '#/components/schemas/C'}, {type: object}]}\n",
        ["leads back to itself"],
    ),
    "an array of itself": (
        PATHS + "    C: {type: array, items: {$ref: '#/components/schemas/C'}}\n",
        ["leads back to itself"],
    ),
    "a variant of itself": (
        PATHS + "    C: {oneOf: [{$ref: '#/components/schemas/C'}, {type: string}]}\n",
        ["leads back to itself"],
    ),
    "a parameter that refers to itself": (
        _with("responses:", "parameters: [{$ref: '#/components/parameters/P'}]\n      responses:")
        + "  parameters: {P: {$ref: '#/components/parameters/P'}}\n",
        ["leads back to itself"],
    ),
    "an array without items": (_with(B, "{type: array}"), ["line 18", "items"]),
    "a type that is none": (_with(B, "{type: text}"), ["line 18", "`type`"]),
    "a keyword that is none": (_with(B, "{type: string, maxlength: 3}"), ["line 18", "maxlength"]),
    "a keyword that cannot be kept": (_with(B, "{type: string, not: {enum: [a]}}"), ["line 18", "`not`"]),
    "a limit of another type": (
        _with(B, "{type: integer, maxLength: 3}"),
        ["line 18", "maxLength", "integer"],
    ),
    "a limit without a type": (_with(B, "{maxLength: 3}"), ["line 18", "add `type: string`"]),
    "a limit that is text": (
        _with(B, "{type: string, maxLength: '3'}"),
        ["line 18", "maxLength", "whole number"],
    ),
    "required: true": (_with(B, "{type: string, required: true}"), ["line 18", "`required`", "list"]),
    "a limit beside a reference": (
        _with(B, "{$ref: '#/components/schemas/A', nullable: true}"),
        ["line 18", "ignores nullable", "allOf"],
    ),
    "a pattern that is none": (_with(B, "{type: string, pattern: '('}"), ["line 18", "'('", "never closed"]),
    "a pattern that Python has not": (_with(B, "{type: string, pattern: '\\p{L}'}"), ["line 18", "\\p"]),
    "an enum of several types": (_with(B, "{enum: [[a], b]}"), ["line 18", "enum"]),
    "an enum of another type": (_with(B, "{type: string, enum: [a, 5]}"), ["line 18", "5 is no string"]),
    "null that cannot be": (_with(B, "{type: string, nullable: true, enum: [a]}"), ["line 18", "null"]),
    "variants that exclude each other": (
        _with(B, "{allOf: [{type: string}, {type: integer}]}"),
        ["line 18", "both string and integer"],
    ),
    "two patterns": (
        _with(B, "{allOf: [{type: string, pattern: a}, {type: string, pattern: b}]}"),
        ["line 18", "pattern"],
    ),
    "a closed part of allOf": (
        PATHS
        + "    C: {allOf: [{$ref: '#/components/schemas/A'}, {type: object, additionalProperties: false}]}\n",
        ["additionalProperties"],
    ),
    "an unquoted date": (
        _with(B, "{type: string, example: 2023-11-07}"),
        ["line 18", "2023-11-07", "quotes"],
    ),
    "an unquoted time": (_with(B, "{type: string, example: 2023-11-07T05:31:56Z}"), ["line 18", "quotes"]),
    "an infinite number": (_with(B, "{type: number, maximum: .inf}"), ["line 18", "inf"]),
    "a key that is a number": (_with(B, "{1.5: a}"), ["line 18", "1.5"]),
    "half a surrogate pair": (_with(B, '{type: string, example: "\\ud83d"}'), ["line 18", "surrogate"]),
    "a body that is no JSON": (_with("application/json", "text/html"), ["line 10", "text/html", "JSON"]),
    "two media types": (
        _with("application/json:", "application/xml: {}\n            application/json:"),
        ["line 10", "application/xml"],
    ),
    "a form as request": (
        _with(
            "responses:",
            "requestBody: {content: {multipart/form-data: {schema: {type: object}}}}\n      responses:",
        ),
        ["line 7", "multipart/form-data"],
    ),
    "a request without content": (
        _with("responses:", "requestBody: {required: true}\n      responses:"),
        ["line 7", "content"],
    ),
    "a status that is none": (_with('"200"', '"20x"'), ["line 8", "'20x'"]),
    "a path parameter that is not declared": (_with("/a:", "/a/{id}:"), ["line 5", "'id'", "not declared"]),
    "a path parameter that is not in the path": (
        _with(
            "responses:",
            "parameters: [{name: id, in: path, required: true, schema: {type: string}}]\n      responses:",
        ),
        ["line 5", "'id'", "not in the path"],
    ),
    "a path parameter that is optional": (
        _with("responses:", "parameters: [{name: id, in: path, schema: {type: string}}]\n      responses:"),
        ["line 7", "required"],
    ),
    "a parameter that is an object": (
        _with("responses:", "parameters: [{name: id, in: query, schema: {type: object}}]\n      responses:"),
        ["line 7", "plain values"],
    ),
    "a parameter without a schema": (
        _with("responses:", "parameters: [{name: id, in: query, content: {}}]\n      responses:"),
        ["line 7", "schema"],
    ),
    "a parameter in another style": (
        _with(
            "responses:",
            "parameters: [{name: id, in: query, style: spaceDelimited, schema: {type: array, items: {type: string}}}]\n      responses:",
        ),
        ["line 7", "style form"],
    ),
    "a header with a name that is none": (
        _with(
            "responses:", "parameters: [{name: 'a b', in: header, schema: {type: string}}]\n      responses:"
        ),
        ["line 7", "'a b'"],
    ),
    "a path without a slash": (_with("/a:", "a:"), ["line 4", "begins with /"]),
    "two operations of one name": (
        _with("components:", "  /b: {get: {operationId: A, responses: {}}}\ncomponents:"),
        ["line 13", "would both be a"],
    ),
    "two schemas of one name": (
        PATHS + "    a: {type: object, properties: {x: {}}}\n",
        ["line 19", "same name"],
    ),
    "two members of one name": (
        _with("b: {type: string}", "$b: {type: string}\n        b: {type: string}"),
        ["line 15", "same name"],
    ),
    "a member without letters": (
        _with("b: {type: string}", "'%': {}\n        '!': {}"),
        ["line 15", "same name"],
    ),
    "an unsupported security scheme": (
        PATHS + "  securitySchemes: {K: {type: oauth2, flows: {}}}\n",
        ["line 19", "'K'"],
    ),
    "a key in the query": (
        PATHS + "  securitySchemes: {K: {type: apiKey, in: query, name: k}}\n",
        ["line 19", "'K'"],
    ),
    "two security schemes": (
        PATHS
        + "  securitySchemes: {K: {type: http, scheme: bearer}, L: {type: apiKey, in: header, name: k}}\n",
        ["line 19", "only one"],
    ),
    "a server that is no address": (PATHS + "servers: [{url: 'ftp://a'}]\n", ["line 19", "ftp://a"]),
    "paths that are a list": (START + "paths: [a]\n", ["line 3", "paths"]),
    "an operation that is text": (START + "paths: {/a: {get: text}}\n", ["line 3", "mapping"]),
    "a path that is empty": (START + "paths:\n  /a:\n", ["line 4", "mapping"]),
    "schemas that are a list": (START + "paths: {}\ncomponents: {schemas: [a]}\n", ["line 4", "schemas"]),
    "a schema that is text": (START + "paths: {}\ncomponents: {schemas: {A: text}}\n", ["line 4", "mapping"]),
    "components that are text": (START + "paths: {}\ncomponents: text\n", ["line 4", "components"]),
    "info that is a list": ("openapi: 3.0.3\ninfo: [a]\npaths: {}\n", ["line 2", "info"]),
    "servers that are text": (START + "paths: {}\nservers: text\n", ["line 4", "servers"]),
    "a default that breaks its limit": (
        _with(B, "{type: string, maxLength: 1, default: ab}"),
        ["line 18", "default"],
    ),
    "a default of another type": (_with(B, "{type: integer, default: ab}"), ["line 18", "default"]),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout whose generated/ must never change."""
    return support.copy_checkout(tmp_path_factory.mktemp("errors") / "checkout")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> support.Answers:
    """What is said of each contract of the table."""
    folder = tmp_path_factory.mktemp("contracts")
    files = {}
    for position, (name, (text, _)) in enumerate(CONTRACTS.items()):
        files[name] = folder / str(position) / "contract.yaml"
        files[name].parent.mkdir()
        files[name].write_bytes(text.encode() if isinstance(text, str) else text)
    return support.run_many(folder, files)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_that_cannot_be_used(answers: support.Answers, name: str) -> None:
    """One sentence with the file, the line or the place, and what is wrong there."""
    status, said = answers[name]
    assert status == 2, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("contract.yaml")
    assert len(said) < 600
    assert [word for word in CONTRACTS[name][1] if word not in said] == [], said


@pytest.mark.parametrize(
    "name",
    [
        "a syntax error", "an empty file", "OpenAPI 2.0", "a dangling reference", "an array without items",
        "a pattern that Python has not", "a body that is no JSON", "two security schemes",
    ],
)  # fmt: skip
def test_the_whole_run_for_a_contract_that_cannot_be_used(place: Path, tmp_path: Path, name: str) -> None:
    """generate.sh says that sentence, exits with 2, and leaves no byte of generated/ or the cache changed."""
    text, words = CONTRACTS[name]
    contract = tmp_path / "contract.yaml"
    contract.write_bytes(text.encode() if isinstance(text, str) else text)
    before = support.tree(place / "generated")
    said = refusal(generate(place, "--contract", contract, "--output", place / "generated"))
    assert said.startswith("contract.yaml")
    assert [word for word in words if word not in said] == [], said
    assert support.tree(place / "generated") == before
    assert support.leftovers(place) == []


def test_the_contract_that_the_others_are_made_of_is_usable(place: Path, tmp_path: Path) -> None:
    """The control: the contract above, without any of the mistakes, is generated."""
    contract = tmp_path / "contract.yaml"
    contract.write_text(PATHS)
    assert generate(place, "--contract", contract, "--output", tmp_path / "out").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--contract", "missing.yaml"], ["missing.yaml", "No such file"]),
        (["--contract", "overrides"], ["overrides", "directory"]),
        (["--frobnicate"], ["--frobnicate", "--help"]),
        (["generated"], ["generated", "--help"]),
        (["--contract"], ["--contract", "value"]),
        (["--output", "--check"], ["--output", "value"]),
        (["--output", ""], ["--output", "value"]),
        (["--output", "openapi.yaml"], ["openapi.yaml", "not a folder"]),
        (["--output", "overrides"], ["overrides", "something else"]),
        (["--output", "."], ["something else"]),
        (["--output", "openapi.yaml/below"], ["openapi.yaml"]),
        (["--output", "/proc/below"], ["/proc"]),
    ],
)
def test_arguments_that_cannot_be_used(place: Path, arguments: list[str], words: list[str]) -> None:
    """Unknown options, missing values, and files or folders that cannot be used are told in one sentence."""
    before = support.tree(place)
    said = refusal(generate(place, *arguments))
    assert [word for word in words if word not in said] == [], said
    assert {name: content for name, content in support.tree(place).items() if ".cache" not in name} == {
        name: content for name, content in before.items() if ".cache" not in name
    }


def test_help_goes_to_stdout(place: Path) -> None:
    """--help prints the options and exits with 0."""
    done = generate(place, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--check" in done.stdout


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("package_nam_override: x\n", ["config.yaml", "line", "package_nam_override"]),
        ("post_hooks: 5\n", ["config.yaml", "post_hooks"]),
        ("a: [\n", ["config.yaml"]),
    ],
)
def test_a_setting_that_the_generator_would_ignore(checkout: Path, setting: str, words: list[str]) -> None:
    """An unknown or wrong setting in overrides/config.yaml is refused by name."""
    with (checkout / "overrides" / "config.yaml").open("a") as file:
        file.write(setting)
    before = support.tree(checkout / "generated")
    said = refusal(generate(checkout))
    assert [word for word in words if word not in said] == [], said
    assert support.tree(checkout / "generated") == before


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        (
            "tools/generate/operations.py",
            "from openapi_python_client.gone import gone\n",
            "ModuleNotFoundError: No module named 'openapi_python_client.gone'",
        ),
        (
            "overrides/templates/model.py.jinja",
            "{{ model.gone.name }}\n",
            "UndefinedError: ",
        ),
    ],
)
def test_a_generator_that_lacks_what_is_used(checkout: Path, file: str, text: str, complaint: str) -> None:
    """Where the generator's interface has moved, its version is named, and the contract is not blamed."""
    with (checkout / file).open("a") as appended:
        appended.write(text)
    before = support.tree(checkout / "generated")
    said = refusal(generate(checkout))
    assert re.match(
        r"tools/generate and overrides/ do not work with openapi-python-client \d+\.\d+\.\d+: ", said
    )
    assert complaint in said
    assert "openapi.yaml" not in said
    assert support.tree(checkout / "generated") == before


def test_a_template_that_is_broken(checkout: Path) -> None:
    """A mistake in a template is one sentence with the template's own error."""
    with (checkout / "overrides" / "templates" / "model.py.jinja").open("a") as file:
        file.write("{% if %}\n")
    before = support.tree(checkout / "generated")
    assert "TemplateSyntaxError" in refusal(generate(checkout))
    assert support.tree(checkout / "generated") == before


def test_a_full_disk(checkout: Path) -> None:
    """Where no file can grow, the run says so and leaves generated/ as it was."""
    before = support.tree(checkout / "generated")
    (checkout / "generated" / support.PACKAGE / "py.typed").write_text("changed\n")
    before = support.tree(checkout / "generated")
    done = subprocess.run(
        [str(checkout / "generate.sh")],
        cwd=checkout,
        capture_output=True,
        text=True,
        # Nothing may grow beyond 8 KiB; the largest file of the package is larger.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
        timeout=100,
        check=False,
    )
    assert "File too large" in refusal(done)
    assert support.tree(checkout / "generated") == before
    assert support.leftovers(checkout) == []


def test_the_swap_fails_half_way(checkout: Path) -> None:
    """Where the new folder cannot be put in place, the old one is put back."""
    (checkout / "generated" / support.PACKAGE / "py.typed").write_text("changed\n")
    before = support.tree(checkout / "generated")
    main = str(checkout / "tools" / "generate" / "__main__.py")
    code = (
        "import errno, os, runpy, sys\n"
        "real, calls = os.rename, []\n"
        "def rename(source, target):\n"
        "    calls.append(source)\n"
        "    if len(calls) == 2: raise PermissionError(errno.EACCES, 'Permission denied', str(target))\n"
        "    real(source, target)\n"
        "os.rename = rename\n"
        f"sys.argv = ['generate']\nrunpy.run_path({main!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [support.python(), "-I", "-S", "-B", "-c", code],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "Permission denied" in refusal(done)
    assert support.tree(checkout / "generated") == before
    assert support.leftovers(checkout) == []


@pytest.mark.nightly
def test_no_package_index(checkout: Path) -> None:
    """Without an index the environment cannot be made: one sentence, nothing half-made, and the next run works."""
    cache = checkout / ".cache" / "generate"
    [environment] = cache.glob("environment-*")
    target = os.readlink(environment)
    environment.unlink()
    (checkout / "openapi.yaml").write_text((checkout / "openapi.yaml").read_text() + "# changed\n")
    before = support.tree(checkout / "generated")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = generate(checkout, env=nowhere)
    # The first line says that something is being installed, which may take a while.
    first, *rest = done.stderr.splitlines()
    assert first == "generate.sh: installing the pinned generator (once)"
    said = refusal(subprocess.CompletedProcess(done.args, done.returncode, done.stdout, "\n".join(rest)))
    assert said.startswith("cannot install the pinned generator")
    assert support.tree(checkout / "generated") == before
    assert support.leftovers(checkout) == []
    assert list(cache.glob("environment-*")) == []
    environment.symlink_to(target)
    assert generate(checkout).returncode == 0
