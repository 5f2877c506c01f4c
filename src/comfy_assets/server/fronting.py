"""Puts the scripted front before a server that is about to start: for scenarios, a record, or both."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING, Any

from comfy_assets.server.front import Front
from comfy_assets.server.keys import Keys
from comfy_assets.server.recording import Recorder
from comfy_assets.server.scripted import OPERATION, Scripted
from comfy_assets.server.starting import bind

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from comfy_assets.server.run import Options
    from comfy_assets.server.store import Store
    from comfy_assets.specification import Contract


def stand_in(store: Store) -> str:
    """The key of those whom a scenario lets in without one; the same at every start, and known to nobody."""
    return "without-key-" + hashlib.blake2b(b"stand-in", key=store.salt, digest_size=24).hexdigest()


def put_before(
    listener: socket.socket,
    contract: Contract,
    store: Store,
    options: Options,
    stack: contextlib.ExitStack,
    say: Callable[[str], None],
) -> socket.socket:
    """Let the front accept on `listener`; returns the socket that the server shall accept on instead.

    Raises OSError where the record cannot be opened.
    """
    inner = stack.enter_context(contextlib.closing(bind("127.0.0.1", 0)))
    keys = Keys(store, options.keys)
    header = contract.operation(OPERATION).security_header or ""
    more: dict[str, Any] = {}
    if options.record:
        given = [*options.keys, stand_in(store)]
        recorder = Recorder(options.record, header, keys, given, say)
        stack.callback(recorder.close)
        more["seen"] = recorder.note
    scripted = Scripted(contract, store, keys, stand_in(store)) if options.scenarios else None
    decide = scripted.decide if scripted else lambda _request, _carry: None
    front = Front(listener, inner.getsockname()[:2], decide, **more)
    stack.callback(front.close)
    front.start()
    if scripted:
        say("scenarios act: answers to keys that one is bound to are not the contract's")
    return inner
