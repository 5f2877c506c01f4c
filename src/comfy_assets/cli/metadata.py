"""The option `--metadata K=V`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


def _parse(ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Any] | None:
    metadata: dict[str, Any] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{one!r} is not of the form K=V")
        if name in metadata:
            raise click.BadParameter(f"{name!r} is given twice")
        metadata[name] = _value(value)
    return metadata or None


def _value(text: str) -> Any:
    """JSON where it is JSON, otherwise the text itself."""
    try:
        return json.loads(text, parse_constant=lambda constant: constant)
    except (ValueError, RecursionError):
        return text


def metadata_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--metadata K=V`, repeatable, as a dict; None where it is not given."""
    return click.option(
        "--metadata",
        multiple=True,
        metavar="K=V",
        callback=_parse,
        help="A member of the reference's metadata; V is JSON where it can be read as JSON, else text.",
    )(command)
