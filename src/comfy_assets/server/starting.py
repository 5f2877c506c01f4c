"""What a server needs before it starts: folders, a socket, a database; each mistake is one sentence."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from comfy_assets.server.store import Store

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Sequence

#: Milliseconds in which a client must take what was sent to it. One that reads no more would hold its
#: connection for ever.
UNTAKEN_MS: Final = 30_000


class StartError(Exception):
    """The server cannot start: the text is one sentence, `code` a short name for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def check_folders(folders: Sequence[Path]) -> None:
    """Raise StartError where a folder cannot be read."""
    for folder in folders:
        try:
            os.scandir(folder).close()
        except (FileNotFoundError, NotADirectoryError):
            raise StartError(f"--content {folder}: no such folder", "usage") from None
        except OSError as error:
            raise StartError(f"--content {folder}: cannot be read: {error.strerror}", "usage") from error


def check_ready_file(path: Path) -> None:
    """Raise StartError where a ready file cannot be written; remove an old one."""
    if not path.absolute().parent.is_dir():
        raise StartError(f"--ready-file {path}: its folder does not exist", "usage")
    # One left by a server that was killed would tell a waiting program a lie.
    path.unlink(missing_ok=True)


def open_store(url: str | None, stack: contextlib.ExitStack) -> Store:
    """The database at `url`, or a temporary one that goes with `stack`."""
    if url:
        return Store(url)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="comfy-assets-"))
    return Store(f"sqlite:///{Path(folder) / 'references.db'}")


def bind(host: str, port: int) -> socket.socket:
    """A bound socket of our own, so that the port is known, or known to be taken, before the work."""
    try:
        # With the number of the protocol, or asyncio would not switch Nagle's algorithm off.
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, number)
    except (OSError, UnicodeError) as error:
        raise cannot_listen(host, port, error) from error
    try:
        if os.name == "posix":  # elsewhere this would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; the connections take it over
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise cannot_listen(host, port, error) from error
    return listener


def cannot_listen(host: str, port: int, error: Exception) -> StartError:
    """The sentence about an address that cannot be listened on."""
    in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    cause = "the port is in use" if in_use else getattr(error, "strerror", None) or str(error)
    return StartError(f"cannot listen on {host} port {port}: {cause}", "listen")


def url_of(listener: socket.socket) -> str:
    """Where a client on this machine reaches the socket."""
    host: str
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is replaced
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
