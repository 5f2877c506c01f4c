"""What one run remembers of earlier ones, opened and closed together."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, Final

from attrs import Factory, frozen

from comfy_assets.errors import InputError
from comfy_assets.library import digests, journal, state
from comfy_assets.library.digests import Digests
from comfy_assets.library.events import Note
from comfy_assets.library.journal import Journal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator

    from comfy_assets.client import AsyncAssetsClient
    from comfy_assets.library.options import Options

#: SQLite's name for a database that vanishes with its connection, and may use the disk.
_FOR_THIS_RUN: Final = ""


@frozen
class Memory:
    """The digests, the journal, and who asks; `notes` is what could not be used."""

    digests: Digests
    journal: Journal
    owner: str
    notes: list[Note] = Factory(list)


@contextlib.asynccontextmanager
async def opened(client: AsyncAssetsClient, options: Options) -> AsyncIterator[Memory]:
    """The memory of a run for a client's service and key.

    Where the state folder cannot be used, the run remembers nothing and says so; a journal that was named
    has to be usable. Raises InputError where it is not, or where another run uses it.
    """
    notes: list[Note] = []
    async with contextlib.AsyncExitStack() as stack:
        folder = state.folder()
        path = options.journal or os.path.join(folder, "journal.sqlite")
        try:
            connection, words = state.open_database(path, journal.SCHEMA, journal.VERSION)
            stack.callback(connection.close)
            owner = state.owner(client, path)
            stack.enter_context(state.only_run(path, owner))
        except OSError as error:
            if options.journal is not None:
                raise InputError(f"the journal cannot be used: {error}") from None
            words = f"{error}: nothing of this run will be remembered (--journal names another place)"
            connection, _ = state.open_database(_FOR_THIS_RUN, journal.SCHEMA, journal.VERSION)
            owner = secrets.token_hex(16)
        notes += [Note(None, words)] if words else []
        kept = Journal(connection, stack.enter_context(contextlib.closing(state.reader(connection))))
        stack.push_async_callback(kept.close)
        cache = Digests(_cache(folder, notes), options.ignore)
        stack.callback(cache.close)
        yield Memory(cache, kept, owner, notes)


def _cache(folder: str, notes: list[Note]) -> sqlite3.Connection:
    try:
        path = os.path.join(folder, "digests.sqlite")
        connection, words = state.open_database(path, digests.SCHEMA, digests.VERSION)
    except OSError as error:
        words = f"{error}: files that were read before are read again"
        connection, _ = state.open_database(_FOR_THIS_RUN, digests.SCHEMA, digests.VERSION)
    notes += [Note(None, words)] if words else []
    return connection
