"""A client without an HTTP library: a socket, and what RFC 9112 says of answers."""

import json
import os
import socket
import sys
import time
from urllib.parse import urlsplit

ENV = os.environ
WHOLE = 8.0


class Reader:
    """Lines and pieces of a connection, until the time is over."""

    def __init__(self, connection):
        self.connection, self.data, self.end = connection, b"", time.monotonic() + WHOLE

    def more(self):
        self.connection.settimeout(max(0.01, self.end - time.monotonic()))
        piece = self.connection.recv(65536)
        self.data += piece
        return bool(piece)

    def line(self):
        while b"\n" not in self.data:
            if not self.more():
                raise ConnectionError("the connection ended inside a line")
        line, _, self.data = self.data.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def exactly(self, size):
        while len(self.data) < size:
            if not self.more():
                raise ConnectionError("the answer was cut off")
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def everything(self):
        while self.more():
            pass
        return self.data


def head(reader):
    while True:
        version, status, *_ = reader.line().split(" ", 2)
        if not version.startswith("HTTP/1."):
            raise ConnectionError("this is no HTTP")
        headers = {}
        while line := reader.line():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if not 100 <= int(status) < 200:
            return int(status), headers


def content(reader, headers):
    if "chunked" in headers.get("transfer-encoding", "").lower():
        pieces = []
        while size := int(reader.line().partition(";")[0], 16):
            pieces.append(reader.exactly(size))
            reader.line()
        while reader.line():
            pass
        return b"".join(pieces)
    if "content-length" in headers:
        return reader.exactly(int(headers["content-length"]))
    return reader.everything()


def body():
    value = {"tags": json.loads(ENV["COMFY_ASSET_TAGS"]), "hash": ENV["COMFY_ASSET_HASH"]}
    if ENV["COMFY_ASSET_METADATA"]:
        value["user_metadata"] = json.loads(ENV["COMFY_ASSET_METADATA"])
    for name in ("MIME_TYPE", "NAME"):
        if ENV[f"COMFY_ASSET_{name}"]:
            value[name.lower()] = ENV[f"COMFY_ASSET_{name}"]
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def main():
    url, sent = urlsplit(ENV["COMFY_CLOUD_BASE_URL"]), body()
    lines = (
        "POST /api/assets/from-hash HTTP/1.1",
        f"host: {url.netloc}",
        f"x-api-key: {ENV['COMFY_CLOUD_API_KEY']}",
        "content-type: application/json",
        f"content-length: {len(sent)}",
        "connection: close",
    )
    with socket.create_connection((url.hostname, url.port), 4) as connection:
        connection.sendall("\r\n".join((*lines, "", "")).encode() + sent)
        reader = Reader(connection)
        status, headers = head(reader)
        answer = content(reader, headers)
    if status not in (200, 201):
        raise ValueError(f"status {status}")
    id_ = json.loads(answer)["id"]
    if not isinstance(id_, str):
        raise ValueError("the answer has no id")
    print(id_)


try:
    main()
except Exception as error:
    sys.exit(f"failed: {error!r}")
