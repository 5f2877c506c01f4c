"""What commands need beyond the base installation, and how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from comfy_assets.cli.output import Failure

#: The modules that each extra of a command brings; `tests/packaging` holds it against the project's metadata.
BRINGS = {
    "cluster": ("distributed", "fsspec"),
    "check": ("h11", "hypothesis", "jsonschema_rs", "schemathesis"),
    "server": ("flask_swagger_ui", "jsonschema_rs", "sqlalchemy", "starlette", "uvicorn"),
}


def need_extra(command: str, extra: str) -> None:
    """Raises Failure, with what to install, where something of the extra is missing; imports nothing."""
    if not all(map(find_spec, BRINGS[extra])):
        raise Failure(
            f"{command} needs the \"{extra}\" extra: pip install 'comfy-assets[{extra}]'",
            code="missing_extra",
        )
