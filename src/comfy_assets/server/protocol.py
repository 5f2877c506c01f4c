"""HTTP below the application: what is not HTTP is answered in the contract's form too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from comfy_assets.server.answers import Answer


def protocol(malformed: Answer) -> type[H11Protocol]:
    """HTTP/1.1 by uvicorn, with `malformed` as its answer to bytes that are not HTTP."""

    class Protocol(H11Protocol):
        def send_400_response(self, msg: str) -> None:  # noqa: ARG002, the name is uvicorn's
            headers = [
                (b"content-type", malformed.media_type.encode("ascii")),
                (b"content-length", str(len(malformed.body)).encode("ascii")),
                (b"connection", b"close"),
            ]
            try:
                events = [
                    h11.Response(status_code=malformed.status, headers=headers),
                    h11.Data(data=malformed.body),
                    h11.EndOfMessage(),
                ]
                for event in events:
                    self.transport.write(self.conn.send(event) or b"")
            except h11.LocalProtocolError:
                pass  # an answer was given before the rest of the request turned out malformed
            self.transport.close()

    return Protocol
