"""Client programs that are broken in one way each: the lines that replace functions of `template.py`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from attrs import frozen


@frozen
class Broken:
    """One way to be broken, the rule that finds it, and the lines that make it."""

    name: str
    rule: str
    lines: str


_RETRYING = """
def register():
    for attempt in range(3):
        status, headers, content = ask(ENV["COMFY_CLOUD_BASE_URL"])
        if {when}:
            {wait}
            continue
        return decode(status, content)
    raise ValueError(f"status {{status}}")
"""


def _retrying(when: str, wait: str = "pass") -> str:
    return _RETRYING.format(when=when, wait=wait)


def _decoding(check: str) -> str:
    return f"right = decode\ndef decode(status, content):\n    answer = right(status, content)\n    {check}\n    return answer"


_FOLLOWING = """
def ask(url, tries=2):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT)
    connection.request("POST", target(), encode(body()), headers())
    response = connection.getresponse()
    if 300 <= response.status < 400 and tries:
        return ask(response.headers["Location"], tries - 1)
    return response.status, response.headers, read(response)
"""

FAULTS = (
    Broken("adds a query", "request-target", "def target(): return '/api/assets/from-hash?source=cli'"),
    Broken("key in the query", "key-in-header-only", "def target(): return '/api/assets/from-hash?api_key=' + KEY"),
    Broken("key in a second header", "key-in-header-only", "right = headers\ndef headers(): return {**right(), 'Authorization': 'Bearer ' + KEY}"),
    Broken("another path", "request-target", "def target(): return '/api/assets/from-hash/'"),
    Broken("PUT", "request-target", "def method(): return 'PUT'"),
    Broken("key as a bearer", "request-key", "def headers(): return {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + KEY}"),
    Broken("form media type", "request-media-type", "def headers(): return {'Content-Type': 'text/plain', 'X-API-Key': KEY}"),
    Broken("drops metadata", "sent-user-metadata", "right = body\ndef body(): return {k: v for k, v in right().items() if k != 'user_metadata'}"),
    Broken("drops the name", "sent-name", "right = body\ndef body(): return {k: v for k, v in right().items() if k != 'name'}"),
    Broken("ignores the MIME type", "sent-mime-type", "right = body\ndef body(): return {k: v for k, v in right().items() if k != 'mime_type'}"),
    Broken("sends null members", "request-body", "right = body\ndef body(): return {'name': None, **right()}"),
    Broken("sends empty members", "sent-empty", "right = body\ndef body(): return {'name': '', **right()}"),
    Broken("tags as text", "request-body", "right = body\ndef body(): return {**right(), 'tags': ','.join(right()['tags'])}"),
    Broken("splits tags at commas", "sent-tags", "right = body\ndef body(): return {**right(), 'tags': ','.join(right()['tags']).split(',')}"),
    Broken("first tag only", "sent-tags", "right = body\ndef body(): return {**right(), 'tags': right()['tags'][:1]}"),
    Broken("normalises Unicode", "sent-name", "import unicodedata\nright = body\ndef body():\n    value = right()\n    if 'name' in value: value['name'] = unicodedata.normalize('NFC', value['name'])\n    return value"),
    Broken("trims the name", "sent-name", "right = body\ndef body():\n    value = right()\n    if 'name' in value: value['name'] = value['name'].strip()\n    return value"),
    Broken("bare hash", "request-body", "right = body\ndef body(): return {**right(), 'hash': right()['hash'].partition(':')[2]}"),
    Broken("a further member", "sent-further", "right = body\ndef body(): return {**right(), 'client': 'mine'}"),
    Broken("a byte order mark", "request-body", "def encode(value): return b'\\xef\\xbb\\xbf' + json.dumps(value).encode()"),
    Broken("refuses SHA-256", "asks", "right = body\ndef body():\n    assert right()['hash'].startswith('blake3')\n    return right()"),
    Broken("prints the key on error", "key-not-printed", "def failed(error):\n    print('failed', headers(), file=sys.stderr)\n    return 1"),
    Broken("prints the key in Base64", "key-not-printed", "import base64\ndef tell(answer):\n    print(base64.b64encode(b'user:' + KEY.encode()).decode())\n    print(answer['id'])"),
    Broken("key to another host", "key-elsewhere", _FOLLOWING),
    Broken("follows without the key", "request-elsewhere", _FOLLOWING.replace("headers())", "headers() if tries == 2 else {})")),
    Broken("success on 500", "fail-documented", "def register():\n    status, _, content = ask(ENV['COMFY_CLOUD_BASE_URL'])\n    return decode(status, content) if status != 500 else {'id': 'x'}"),
    Broken("success on 4xx bodies", "fail-odd-body", "def decode(status, content): return {'id': json.loads(content)['id']}"),
    Broken("success on anything", "fail-other-status", "def failed(error):\n    print('never mind')\n    return 0"),
    Broken("success on an error body", "fail-unreadable", "def decode(status, content):\n    assert status in (200, 201)\n    return {'id': json.loads(content or b'{}').get('id')}"),
    Broken("success on a cut answer", "fail-broken", "def failed(error):\n    if isinstance(error, (ConnectionError, http.client.HTTPException, json.JSONDecodeError)):\n        return 0\n    return 1"),
    Broken("success without an answer", "fail-no-answer", "def failed(error): return 0 if isinstance(error, TimeoutError) else 1"),
    Broken("constant id", "id-told", "def tell(answer): print('3c90c3cc-0d44-4b50-8888-8dd25736052a')"),
    Broken("the preview's id", "id-told", "def tell(answer): print(answer.get('preview_id') or answer['id'])"),
    Broken("talks after the id", "id-told", "def tell(answer): print(answer['id'], '\\ndone')"),
    Broken("prints the id and exits 1", "plain", "right = tell\ndef tell(answer):\n    right(answer)\n    sys.exit(1)"),
    Broken("hangs", "no-hang", "WAIT = None\nWHOLE = 1e9"),
    Broken("impatient", "survive-slow", "WAIT = 1.5"),
    Broken("dies on unknown members", "survive-unknown", _decoding("assert set(answer) <= {'id','name','size','created_at','updated_at','created_new','asset_hash','mime_type','tags','user_metadata','preview_url','preview_id','prompt_id','last_access_time','is_immutable'}")),
    Broken("dies on a null preview_id", "survive-optional", _decoding("assert answer.get('preview_id', '') is not None")),
    Broken("dies on missing tags", "survive-optional", _decoding("answer['tags']")),
    Broken("only 201 is a success", "survive-status", _decoding("assert status == 201")),
    Broken("only 200 is a success", "plain", _decoding("assert status == 200")),
    Broken("32 bits of size", "survive-values", _decoding("assert answer['size'] < 2 ** 31")),
    Broken("times end in Z", "survive-values", _decoding("assert answer['created_at'].endswith('Z')")),
    Broken("finds the id by a pattern", "survive-json", "import re\ndef decode(status, content):\n    assert status in (200, 201)\n    json.loads(content)\n    return {'id': re.search(r'\"id\": \"([^\"]*)\"', content.decode())[1]}"),
    Broken("needs a length", "survive-http", "right = read\ndef read(response):\n    assert response.headers['Content-Length']\n    return right(response)"),
    Broken("media type letter by letter", "survive-http", "right = read\ndef read(response):\n    assert response.headers['Content-Type'] in ('application/json', None)\n    return right(response)"),
    Broken("sends twice", "once", "right = register\ndef register():\n    right()\n    return right()"),
    Broken("retries 404", "no-repeat-refused", _retrying("status == 404")),
    Broken("retries everything", "no-repeat-refused", _retrying("status >= 400")),
    Broken("retries before Retry-After", "retry-after", _retrying("status in (429, 503)", "time.sleep(0.5)")),
    Broken("retries before a Retry-After that is a date", "retry-after", _retrying("status in (429, 503)", "time.sleep(float(headers['Retry-After']) if headers.get('Retry-After', '').isdigit() else 0.2)")),
    Broken("success on a redirect", "fail-redirect", "def decode(status, content):\n    assert status < 400\n    return {'id': json.loads(content or b'{}').get('id', 'moved')}"),
    Broken("retries twice on 500, then claims success", "recover", "def register():\n    for _ in range(2):\n        status, _, content = ask(ENV['COMFY_CLOUD_BASE_URL'])\n        if status != 500: return decode(status, content)\n    return {'id': 'x'}\nright = failed\ndef failed(error): return 0 if 'reset' in repr(error).lower() else right(error)"),
    Broken("silent about failures", "says-why", "def failed(error): return 1"),
    Broken("dies on a null member that drifts", "drift-survived", _decoding("assert answer.get('mime_type', '') is not None")),
    Broken("a daemon that asks again", "once", "right = register\ndef register():\n    answer = right()\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(0.2)\n        right()\n        os._exit(0)\n    return answer"),
)  # fmt: skip

CONFORMING = (
    Broken("the template itself", "", ""),
    Broken("asks again after 5xx and broken connections", "", """
def register():
    for attempt in range(3):
        try:
            status, headers, content = ask(ENV["COMFY_CLOUD_BASE_URL"])
        except (ConnectionError, http.client.HTTPException):
            if attempt == 2: raise
            continue
        if status in (429, 500, 502, 503, 504) and attempt < 2:
            time.sleep(float(headers.get("Retry-After", 0.05)))
            continue
        return decode(status, content)
"""),
    Broken("chunked, lower-case headers, more of them", "", """
def encode(value): return iter([json.dumps(value, ensure_ascii=False).encode()])
def headers(): return {"content-type": "application/json; charset=utf-8", "x-api-key": KEY, "Accept": "application/json", "User-Agent": "mine/1"}
"""),
    Broken("other order, escapes, talk before the id, upper case", "", """
right = body
def body(): return dict(reversed(right().items()))
def encode(value): return json.dumps(value, indent=2).encode("ascii")
def tell(answer): print("registered", answer.get("name", "")[:20].encode("ascii", "replace"), "", answer["id"].upper(), "", sep="\\n")
"""),
    Broken("follows redirects to the same host, and waits until a date", "", """
from email.utils import parsedate_to_datetime
def ask(url, where=None):
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=WAIT)
    connection.response_class = Response
    connection.request("POST", where or target(), encode(body()), headers())
    response = connection.getresponse()
    location = response.headers.get("Location", "")
    if 300 < response.status < 400 and location.startswith("/") and not where:
        return ask(url, location)
    return response.status, response.headers, read(response)
def register():
    while True:
        status, headers, content = ask(ENV["COMFY_CLOUD_BASE_URL"])
        if status not in (429, 503) or "Retry-After" not in headers:
            return decode(status, content)
        after = headers["Retry-After"]
        time.sleep(float(after) if after.isdigit() else max(0, parsedate_to_datetime(after).timestamp() - time.time()))
"""),
    Broken("Expect: 100-continue, closes", "", """
right = headers
def headers(): return {**right(), "Expect": "100-continue", "Connection": "close"}
"""),
)  # fmt: skip

_PYTHON = (sys.executable, "-I")
_FOLDER = Path(__file__).with_name("conforming")
#: Programs that keep the contract, written in other ways than the template.
PROGRAMS = {
    "raw socket": (*_PYTHON, "-S", str(_FOLDER / "raw_socket.py")),
    "comfy-assets from-hash": (*_PYTHON, str(_FOLDER / "from_hash.py")),
    "fetch of Node.js": ("node", str(_FOLDER / "fetch.mjs")),
    "HTTP::Tiny of Perl": ("perl", str(_FOLDER / "tiny.pl")),
    "curl in a shell script": ("curl", "sh", str(_FOLDER / "curl.sh"), sys.executable),
}
#: What they are advised to do otherwise, at level `should`: fetch gives up at 1xx, and our client at a success
#: without a member that the contract requires.
ADVISED = {
    "fetch of Node.js": frozenset({"survive-interim"}),
    "comfy-assets from-hash": frozenset({"drift-survived"}),
}


def program(name: str) -> tuple[str, ...] | str:
    """Its command; where a program that it needs is missing, why it is left out."""
    first, *more = PROGRAMS[name]
    if shutil.which(first) is None:
        return f"{name} is left out: there is no {first} here"
    return tuple(more) if first == "curl" else (first, *more)
