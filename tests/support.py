"""What several test folders use: servers on real sockets that answer what a test says, and sample content."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
from attrs import define, field

HASH = "blake3:" + "a1" * 32

#: The smallest success body that the contract allows.
BODY: dict[str, Any] = {
    "id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "name": "portrait.png",
    "size": 123,
    "created_at": "2023-11-07T05:31:56Z",
    "updated_at": "2023-11-07T05:31:56Z",
    "created_new": True,
}


def answer(
    status: int,
    body: Any = None,
    content_type: str | None = "application/json",
    headers: str = "",
    length: int | None = None,
) -> bytes:
    """The bytes of an HTTP answer; a body that is no bytes is written as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    type_ = f"Content-Type: {content_type}\r\n" if content_type else ""
    size = len(content) if length is None else length
    return f"HTTP/1.1 {status} X\r\n{type_}Content-Length: {size}\r\n{headers}\r\n".encode() + content


#: A server that made a reference.
CREATED = answer(201, BODY)


@define
class Request:
    """What a client sent."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@define
class ScriptedServer:
    """Answers each request with the bytes that `script` gives, on a real socket; None closes the connection."""

    script: Callable[[Request], bytes | None]
    requests: list[Request] = field(factory=list)
    connections: int = 0
    #: Whether it closes the connection after each answer.
    closes: bool = False
    #: Speaks TLS with this.
    tls: ssl.SSLContext | None = None
    _listener: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _threads: list[threading.Thread] = field(factory=list)
    _open: list[socket.socket] = field(factory=list)

    #: Where it listens; stays the same when it is closed.
    url: str = field(init=False)

    @url.default  # pyright: ignore[reportAttributeAccessIssue] # attrs' decorator: a field until the class is made
    def _url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Accept connections, each in a thread."""
        self._spawn(self._accept)

    def stop(self) -> None:
        """Close everything; the threads end by themselves."""
        for connection in (self._listener, *self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        for thread in self._threads:
            thread.join(5)

    def _spawn(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection, connection.makefile("rb") as stream:
                while request := _read(stream):
                    self.requests.append(request)
                    said = self.script(request)
                    if said is None:
                        return
                    connection.sendall(said)
                    if self.closes:
                        return
        except OSError:
            return


def _read(stream: Any) -> Request | None:
    line = stream.readline().decode("latin-1").strip()
    if not line:
        return None
    headers: dict[str, str] = {}
    while header := stream.readline().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def scripted(
    script: Callable[[Request], bytes | None] | bytes, tls: ssl.SSLContext | None = None
) -> Iterator[ScriptedServer]:
    """A scripted server for the time of a `with`; bytes are the answer to every request."""
    server = ScriptedServer((lambda request: script) if isinstance(script, bytes) else script, tls=tls)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def missing(words: str) -> NoReturn:
    """Something that a test needs is not on this machine: it is skipped by name; in continuous integration it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(words)
    pytest.skip(words)


def counted() -> dict[str, str]:
    """What a program with an environment of its own needs for `make coverage` to count in it, too."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def certificate_in(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that no CA has signed, and its key, in one file."""
    if shutil.which("openssl") is None:
        missing("there is no openssl, which makes the certificate of this test")
    path, key = folder / "both.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path


def until(condition: Callable[[], bool]) -> bool:
    """Whether the condition came true, on a busy machine too."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()
