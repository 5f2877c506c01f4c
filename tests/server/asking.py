"""A way to ask a server, and the files that it answers for; shared by the tests of this folder."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from blake3 import blake3

#: Contents of the files that the shared server indexes, by their names.
FILES = {
    "portrait.png": b"\x89PNG not really",
    "models/checkpoints/small.safetensors": bytes(range(256)) * 500,
    "empty.bin": b"",
}
PORTRAIT = FILES["portrait.png"]
PATH = "/api/assets/from-hash"


def blake3_of(content: bytes) -> str:
    """The content's hash as the contract writes it."""
    return "blake3:" + blake3(content).hexdigest()


def sha256_of(content: bytes) -> str:
    """The content's other hash as the contract writes it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Make these files under a folder, and the folders between."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@dataclass
class Answered:
    """An answer: status, headers with lower-case names, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes
    json: Any = field(init=False)

    def __post_init__(self) -> None:
        self.json = json.loads(self.body) if self.body else None


class Asker:
    """Asks a server over a connection of its own per request, byte by byte as told."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def send(
        self,
        body: bytes | None,
        *,
        method: str = "POST",
        path: str = PATH,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answered:
        """Send these bytes. A header of None is left out."""
        every = {"X-API-Key": self.key, "Content-Type": "application/json", **(headers or {})}
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
        try:
            given = {name: value for name, value in every.items() if value is not None}
            connection.request(method, path, body, given)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answered(response.status, names, response.read())
        finally:
            connection.close()

    def create(self, members: dict[str, Any]) -> Answered:
        """Send a request with these members."""
        return self.send(json.dumps(members).encode())


def connected(url: str) -> socket.socket:
    """A connection to a server; a read that waits too long ends the test."""
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=60)


def received(connection: socket.socket) -> bytes:
    """One whole answer."""
    data = b""
    while b"\r\n\r\n" not in data and (part := connection.recv(65536)):
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    ]
    while lengths and len(body) < int(lengths[0]) and (part := connection.recv(65536)):
        body += part
    return head + b"\r\n\r\n" + body
