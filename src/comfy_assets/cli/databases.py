"""What the commands that change a server's database share."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from comfy_assets.cli.extras import need_extra
from comfy_assets.cli.output import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from comfy_assets.server.store import Store


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--database` option of commands that change one."""
    return click.option(
        "--database",
        metavar="URL",
        required=True,
        help="The database of the server, such as sqlite:///references.db. It may be running.",
    )(command)


def _is_absent_file(url: str) -> bool:
    kind, _, path = url.partition(":///")
    return kind == "sqlite" and bool(path) and not os.path.exists(path.partition("?")[0])


@contextmanager
def opened(command: str, database: str) -> Iterator[Store]:
    """The database of a server."""
    need_extra(command, "server")
    from sqlalchemy.exc import DBAPIError

    from comfy_assets.server.database import StoreError, sentence
    from comfy_assets.server.store import Store

    is_new = _is_absent_file(database)
    try:
        store = Store(database)
    except StoreError as error:
        raise Failure(str(error), code="database") from error
    if is_new and not click.get_current_context().params["as_json"]:
        # A slip in the name would otherwise show itself as a server that does not know its key.
        click.echo(f"{database} was not there, and is new", err=True)
    try:
        yield store
    except StoreError as error:
        raise Failure(str(error), code="database") from error
    except DBAPIError as error:
        raise Failure(f"{store.url}: {sentence(error)}", code="database") from error
    finally:
        store.close()
