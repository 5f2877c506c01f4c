"""A client of the standard library alone, that keeps the contract; broken ones are this with one fault.

Run as `python template.py FAULT`, where FAULT names lines of `catalogue.py` that replace the marked ones.
"""

import http.client
import json
import os
import sys
import time
from urllib.parse import urlsplit

ENV = os.environ
KEY = ENV["COMFY_CLOUD_API_KEY"]
#: Seconds: for each wait, and for the whole answer.
WAIT, WHOLE = 4.0, 5.0


def body():
    value = {"hash": ENV["COMFY_ASSET_HASH"], "tags": json.loads(ENV["COMFY_ASSET_TAGS"])}
    for name, variable, read in (
        ("name", "COMFY_ASSET_NAME", str),
        ("mime_type", "COMFY_ASSET_MIME_TYPE", str),
        ("user_metadata", "COMFY_ASSET_METADATA", json.loads),
    ):
        if ENV[variable]:
            value[name] = read(ENV[variable])
    return value


def headers():
    return {"Content-Type": "application/json", "X-API-Key": KEY}


def target():
    return "/api/assets/from-hash"


def method():
    return "POST"


def encode(value):
    return json.dumps(value).encode()


class Response(http.client.HTTPResponse):
    """Passes over every interim answer, where the library passes over 100 alone."""

    def _read_status(self):
        while True:
            version, status, reason = super()._read_status()
            if not 101 < status < 200:
                return version, status, reason
            while self.fp.readline().strip():
                pass


def ask(url):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT)
    connection.response_class = Response
    connection.request(method(), target(), encode(body()), headers())
    response = connection.getresponse()
    return response.status, response.headers, read(response)


def read(response):
    end, content = time.monotonic() + WHOLE, b""
    while True:
        piece = response.read1(65536)
        if not piece:
            break
        content += piece
        if time.monotonic() > end:
            raise TimeoutError("the answer does not end")
    if response.length:
        raise ConnectionError("the answer was cut off")
    return content


def decode(status, content):
    if status not in (200, 201):
        raise ValueError(f"status {status}: {content[:100]!r}")
    answer = json.loads(content)
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise ValueError("the answer has no id")
    return answer


def tell(answer):
    print(answer["id"])


def register():
    status, _headers, content = ask(ENV["COMFY_CLOUD_BASE_URL"])
    return decode(status, content)


def failed(error):
    print(f"failed: {error!r}", file=sys.stderr)
    return 1


def main():
    try:
        answer = register()
    except Exception as error:
        return failed(error)
    tell(answer)
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        exec(sys.argv[1])
    sys.exit(main())
