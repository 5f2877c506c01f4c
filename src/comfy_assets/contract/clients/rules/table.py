"""The rules about client programs: a line for each, with its level and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_assets.contract.clients.rules import made, sent
from comfy_assets.contract.rules.model import MUST, OBSERVED, SHOULD, Rule

if TYPE_CHECKING:
    from collections.abc import Callable

#: Groups in the order of reports, with what they are about.
GROUPS = {
    "plain": "An ordinary run",
    "sent": "What is sent",
    "key": "Where the key goes",
    "survive": "Every answer that the contract allows is survived",
    "told": "What the program tells",
    "fail": "No success without one",
    "repeats": "How often it asks",
    "drift": "Answers that deviate",
    "observed": "Left open",
}

_PAGE, _PUBLISHED = "the vendor's page", "the vendor's published description"
_PROTOCOL = "the protocol of check-client: docs/how-to/check-my-client.md"
_SCHEMA = "openapi.yaml: the request's schema"
#: Who asks something else beside the operation, or nothing that can be read, breaks these and others by it.
_ASKED_OTHERWISE = ("request-http", "request-target")


def _rule(
    id_: str,
    group: str,
    level: str,
    title: str,
    source: str,
    why: str,
    check: Callable[..., Any],
    blind: str = "",
    follows: tuple[str, ...] = (),
) -> Rule:
    return Rule(id_, group, title, level, source, why, blind, check, follows=follows)


_SENT = (
    _rule("plain", "plain", MUST, "An ordinary request is sent and its success understood", _PROTOCOL,
          "nothing else means anything for a program that cannot do this", made.plain),
    _rule("asks", "sent", MUST, "The service is asked in every run", f"{_PAGE}: body",
          "every environment is a request that the contract allows: refusing one loses a file", sent.asks),
    _rule("request-http", "sent", MUST, "What is sent is HTTP/1.1", "RFC 9112", "a server may drop anything else", sent.http),
    _rule("request-target", "sent", MUST, "Method and path are the contract's, and there is no query", f"{_PAGE}: POST /api/assets/from-hash",
          "a query ends up in logs, and means nothing here", sent.target, follows=("key-in-header-only",)),
    _rule("request-key", "sent", MUST, "The key stands once in its header", f"{_PAGE}: Authorizations", "the service knows no other place", sent.key,
          follows=_ASKED_OTHERWISE),
    _rule("request-media-type", "sent", MUST, "The body is announced as JSON", f"{_PAGE}: Body", "a server may refuse any other with 415", sent.media_type,
          follows=_ASKED_OTHERWISE),
    _rule("request-body", "sent", MUST, "The body keeps the contract's schema", _SCHEMA,
          "null is not absent, and text is not a list: a server refuses them with 400", sent.body, follows=_ASKED_OTHERWISE),
    *(
        _rule(f"sent-{name.replace('_', '-')}", "sent", MUST, f"`{name}` is sent as it was given", f"{_SCHEMA}: {name}",
              "what is dropped or changed on the way is lost without a word", sent.member(name), follows=("request-body",))
        for name in ("hash", "tags", "name", "mime_type", "user_metadata")
    ),
    _rule("sent-empty", "sent", MUST, "What was not given is not sent", _PROTOCOL,
          "an empty name is a name: the reference would bear it", sent.empty, follows=("request-body",)),
    _rule("sent-further", "sent", MUST, "Nothing else is sent", _PROTOCOL, "what nobody asked for may mean something one day", sent.further),
    _rule("key-not-printed", "key", MUST, "The key is not printed", "design of the client: the key never leaks",
          "output ends up in logs, tickets and screenshots", made.printed, "Parts of the key, or an encryption of it."),
    _rule("key-in-header-only", "key", MUST, "The key stands in its header and nowhere else", f"{_PAGE}: Authorizations",
          "URLs, bodies and other headers are logged by everything on the way", made.header_only, follows=("request-key",)),
    _rule("key-elsewhere", "key", MUST, "The key goes to no other host", "RFC 9110, section 15.4: redirects drop credentials",
          "whoever can answer with a redirect would get the key", made.key_elsewhere, "Only redirects lead to another host here."),
    _rule("request-elsewhere", "key", SHOULD, "Redirects to another host are not followed", f"{_PAGE}: one server",
          "names and hashes are nobody else's business", made.elsewhere, follows=("key-elsewhere",)),
)  # fmt: skip


def _survive(
    about: str, title: str, why: str, source: str = "openapi.yaml: the success body", level: str = MUST
) -> Rule:
    id_ = f"survive-{about}"
    return _rule(id_, "survive", level, title, source, why, made.survive(id_))


_SURVIVE = (
    _survive("asks", "Every request is understood, with every member set or empty", "users have names that nobody thought of"),
    _survive("status", "200 and 201 are both a success", "a repeat is answered with 200"),
    _survive("optional", "Optional members may be absent, or null where they may be", "servers leave out what they do not know"),
    _survive("unknown", "Members that the contract does not name are passed over", "a service adds members before clients hear of it"),
    _survive("values", "Every value that the schema allows can be read", "an unexpected time or size must not lose a registration"),
    _survive("json", "JSON may be spelt in any way", "spaces, escapes and order mean nothing", "RFC 8259"),
    _survive("http", "HTTP may be spelt in any way", "proxies change headers, lengths and pieces", "RFC 9112"),
    _survive("interim", "1xx before the answer are passed over", "proxies send early hints; some HTTP libraries stumble over them",
             "RFC 9110, section 15.2", SHOULD),
    _survive("slow", "An answer within 3 s is waited for", "a busy service needs a moment", _PROTOCOL),
)  # fmt: skip


def _fail(
    about: str, title: str, why: str, source: str, follows: tuple[str, ...] = (), level: str = MUST
) -> Rule:
    id_ = f"fail-{about}"
    return _rule(id_, "fail", level, title, source, why, made.fail(id_), follows=follows)


_MADE = (
    _rule("id-told", "told", MUST, "The last line is the id that the answer holds", _PROTOCOL,
          "it is all that finds the reference again", made.told, follows=("plain",)),
    _rule("no-hang", "told", MUST, "Every run ends", _PROTOCOL, "a program that waits for ever stops everything behind it", made.hang,
          "A program that needs longer than --timeout."),
    _rule("says-why", "told", SHOULD, "A failure says why on stderr", _PROTOCOL, "an exit status alone helps nobody", made.says_why),
    _fail("documented", "An error that the contract has is a failure", "content would be missing that somebody relies on", f"{_PUBLISHED}: responses"),
    _fail("other-status", "An error that the contract does not have is a failure", "gateways answer too", "RFC 9110, section 15"),
    _fail("odd-body", "An error is one, whatever its body looks like", "the status counts", "RFC 9110, section 15"),
    _fail("unreadable", "A success without a body that can be read is no success", "there is no id to tell", "openapi.yaml: the success body"),
    _fail("null-id", "A success whose id is null is no success", "there is no id to tell", "openapi.yaml: the success body", level=SHOULD),
    _fail("broken", "A connection that breaks off is a failure", "nobody knows what became of the request", "RFC 9112, section 8"),
    _fail("no-answer", "No answer is a failure", "nobody knows what became of the request", "RFC 9112, section 9.5"),
    _fail("redirect", "A redirect is a failure", "another host's word is not the service's", "openapi.yaml: responses", ("key-elsewhere", "request-elsewhere")),
    _rule("recover", "fail", MUST, "After a failure that passes, success is claimed where it came, and only there", _PROTOCOL,
          "repeats are safe by contract, and their answer is the answer", made.recover),
    _rule("once", "repeats", MUST, "Nothing is asked again after a success", _PROTOCOL, "a server that drifts makes a second reference", made.once,
          follows=_ASKED_OTHERWISE),
    _rule("retry-after", "repeats", MUST, "Nothing is asked again before Retry-After is over", "RFC 9110, section 10.2.3",
          "the service says when it can answer again", made.retry_after, follows=_ASKED_OTHERWISE),
    _rule("no-repeat-refused", "repeats", MUST, "What was refused is not asked again", f"{_PUBLISHED}: responses",
          "the same request gets the same answer", made.refused, follows=_ASKED_OTHERWISE),
    _rule("drift-survived", "drift", SHOULD, "A success that deviates and can be read is a success", "field evidence: how services deviate",
          "the service registered it, and a program that says otherwise is wrong", made.drift),
    _rule("recovers", "observed", OBSERVED, "Whether it asks again after a failure that may pass", "left open", "repeats are safe by contract", made.recovers),
    _rule("leftovers", "observed", OBSERVED, "Whether it leaves processes behind", "left open", "they were ended with it", made.left),
)  # fmt: skip

ALL: tuple[Rule, ...] = (*_SENT, *_SURVIVE, *_MADE)
