"""The curl line of a finding sends what the check sent: run by a real shell and a real curl."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from attrs import evolve

from comfy_assets.contract.keys import KEY as KEY_PLACE
from comfy_assets.contract.messages import Request
from comfy_assets.contract.words import curl
from tests.support import CREATED, missing, scripted
from tests.support import Request as Seen

KEY = "key-of-a-finding"
SENT = Request(
    "POST", "/a?b=c%27d", (("Host", "h"), ("X-API-Key", KEY_PLACE), ("Content-Type", "a/b")), b"{}"
)

REQUESTS = {
    "as it is": SENT,
    "characters of a shell": evolve(SENT, body='it\'s $HOME; `ls` \\ "ü"\n'.encode()),
    "no media type": evolve(SENT, headers=SENT.headers[:2]),
    "an empty header": evolve(SENT, headers=(*SENT.headers, ("X-Empty", ""))),
    "no body": evolve(SENT, body=b"", framing="none"),
    "another method": evolve(SENT, method="PUT"),
    "a head": evolve(SENT, method="HEAD", body=b"", framing="none"),
}


def seen_by_a_server(request: Request) -> Seen:
    """What a server gets of its line."""
    if shutil.which("curl") is None:
        missing("there is no curl")
    with scripted(CREATED) as server:
        server.closes = True
        line = curl(request, f"{server.url}/prefix")
        assert line is not None
        assert KEY not in line
        environment = {"COMFY_CLOUD_API_KEY": KEY, "HOME": "/nowhere"}
        subprocess.run(["/bin/sh", "-c", line], env=environment, capture_output=True, timeout=60, check=False)
        [seen] = server.requests
    return seen


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_line_sends_the_same(request_: Request) -> None:
    """Method, target, headers and body arrive; the key comes from the environment."""
    seen = seen_by_a_server(request_)
    assert seen.line == f"{request_.method} {request_.target} HTTP/1.1"
    assert seen.body == request_.body
    asked = {
        name.lower(): value.replace(KEY_PLACE, KEY) for name, value in request_.headers if name != "Host"
    }
    added = {"host", "user-agent", "accept", "content-length"}
    assert {name: value for name, value in seen.headers.items() if name not in added} == asked


def test_chunked_body() -> None:
    """A body that was sent in chunks is sent in chunks."""
    assert seen_by_a_server(evolve(SENT, framing="chunked")).headers["transfer-encoding"] == "chunked"


def test_what_curl_would_change_has_no_line() -> None:
    """Bytes that are no text, a NUL, what no command line holds, and a key of another kind are left to --replay."""
    for body in (b"\xff", b"a\0b", b"x" * 1_000_000):
        assert curl(evolve(SENT, body=body), "http://h") is None
    assert curl(evolve(SENT, headers=(("X-API-Key", f"Bearer {KEY_PLACE}"),)), "http://h") is None
