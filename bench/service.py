"""A service that costs little: answers each registering after the same time, and remembers nothing.

    python bench/service.py LATENCY SIZE

Seconds, and the bytes that each content has. It prints its port. The answer echoes what was asked, so that no client has anything to complain about.
"""

import asyncio
import itertools
import json
import re
import sys

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_TIME = "2026-01-01T00:00:00Z"
_COUNT = itertools.count()


def answer(asked: dict) -> bytes:
    """A success, as the contract has it."""
    number = next(_COUNT)
    body = {
        "id": f"3c90c3cc-0d44-4b50-8888-{number:012x}",
        "name": asked.get("name", "unnamed"),
        "size": Connection.size,
        "asset_hash": asked["hash"],
        "tags": asked["tags"],
        "mime_type": asked.get("mime_type"),
        "user_metadata": asked.get("user_metadata", {}),
        "created_at": _TIME,
        "updated_at": _TIME,
        "last_access_time": _TIME,
        "created_new": True,
    }
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


class Connection(asyncio.Protocol):
    """One connection: requests one after the other."""

    latency = 0.0
    size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport, self.held = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.held, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.held) < whole:
                return
            body = answer(json.loads(self.held[end + 4 : whole]))
            self.held = self.held[whole:]
            head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            self.later(head % len(body) + body)

    def later(self, content: bytes) -> None:
        """Send it when its time has come."""
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self.transport.write, content)
        else:
            self.transport.write(content)


async def main() -> None:
    """Serve until killed."""
    Connection.latency, Connection.size = float(sys.argv[1]), int(sys.argv[2])
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
