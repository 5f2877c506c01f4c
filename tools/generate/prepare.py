"""From the contract to what the generator and the templates are given, and the generator itself.

Runs inside the generator's own environment. Usage: prepare.py CONTRACT OVERRIDES PACKAGE_FOLDER, where
OVERRIDES is a copy of overrides/ that is written to.

The generator gets a skeleton of the contract (OVERRIDES/contract.json): its operations, models and
enumerations by name, from which it decides which files there are. What is in them, the templates take
from OVERRIDES/templates/contract.jinja: types with every limit, security, servers. The generator
loses half of that, and its own reading of the rest would have to agree with ours.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

# Run with -I, which leaves out the script's own folder.
sys.path.insert(0, str(Path(__file__).parent))

from openapi_python_client.cli import app
from openapi_python_client.config import ConfigFile
from operations import Operations, base_url, key
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from schemas import Schemas
from source import ContractError, line_of, load


def skeleton(schemas: Schemas, operations: Operations) -> dict[str, Any]:
    """The contract as the generator needs it: what there is, not what it is like."""
    return {
        "openapi": "3.0.3",
        "info": {"title": "contract", "version": "1"},
        "paths": operations.skeleton,
        "components": {"schemas": {name: _class(definition) for name, definition in schemas.classes.items()}},
    }


def _class(definition: dict[str, Any]) -> dict[str, Any]:
    if definition["kind"] == "choice":
        members = definition["members"]
        return {
            "type": "string" if isinstance(members[0]["value"], str) else "integer",
            "enum": [member["value"] for member in members],
            "x-enum-varnames": [member["key"] for member in members],
        }
    # Without its members: the generator would name them, and refuse names that it cannot keep apart.
    return {"type": "object"}


def facts(document: dict[str, Any], schemas: Schemas, operations: Operations, digest: str) -> dict[str, Any]:
    """Everything that the templates import from contract.jinja."""
    key_header, key_prefix = key(schemas, document)
    return {
        "digest": digest,
        "version": str((document.get("info") or {}).get("version", "")),
        "base_url": base_url(document),
        "key_header": key_header,
        "key_prefix": key_prefix,
        "classes": schemas.classes,
        "operations": operations.facts,
    }


def as_jinja(value: Any) -> str:
    """A JSON value as Jinja text. JSON's strings are Jinja's, but for what stands outside ASCII."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{as_jinja(name)}: {as_jinja(member)}" for name, member in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(as_jinja, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def check_config(path: Path) -> None:
    """Refuse settings that the generator would ignore or choke on."""
    try:
        settings = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
        unknown = sorted(set(settings) - set(ConfigFile.model_fields))
        ConfigFile(**{name: value for name, value in settings.items() if name not in unknown})
    except OSError as error:
        raise ContractError("", f"it cannot be read: {error.strerror}") from None
    except (YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ContractError("", " ".join(str(error).split())[:300]) from None
    if unknown:
        raise ContractError(f"#/{unknown[0]}", f"the generator knows no setting {', '.join(unknown)}")


def prepare(contract: Path, overrides: Path) -> None:
    """Write OVERRIDES/contract.json and OVERRIDES/templates/contract.jinja."""
    document = load(contract)
    digest = hashlib.sha256(contract.read_bytes()).hexdigest()
    schemas = Schemas(document)
    schemas.components()
    operations = Operations(document, schemas)
    schemas.finish()
    told = facts(document, schemas, operations, digest)
    lines = [f"{{% set {name} = {as_jinja(value)} %}}\n" for name, value in told.items()]
    (overrides / "templates" / "contract.jinja").write_text("".join(lines), encoding="utf-8")
    (overrides / "contract.json").write_text(
        json.dumps(skeleton(schemas, operations), indent=1), encoding="utf-8"
    )


def generate(config: Path, overrides: Path, package: Path) -> None:
    """Run the generator, in this process since it is loaded already; exits, with 1 where it has a complaint."""
    options = {
        "--meta": "none",
        "--path": overrides / "contract.json",
        "--config": config,
        "--custom-template-path": overrides / "templates",
        "--output-path": package,
    }
    app(["generate", "--fail-on-warning", *(str(word) for option in options.items() for word in option)])


def main(contract: Path, config: Path, overrides: Path) -> None:
    """Check the settings, prepare the contract; says what is wrong by file, line and place, and exits with 2."""
    file = config
    try:
        check_config(config)
        file = contract
        prepare(contract, overrides)
    except ContractError as error:
        line = line_of(file, error.place) if error.place else None
        where = (f", line {line}" if line else "") + (f" ({error.place[:200]})" if error.place else "")
        said = f"{file.name}{where}: {error.text}"
        # The contract's own words may hold what would steer a terminal.
        print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in said), file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    contract_path, overrides_path, package_path = map(Path, sys.argv[1:])
    main(contract_path, overrides_path / "config.yaml", overrides_path)
    generate(overrides_path / "config.yaml", overrides_path, package_path)
