"""Servers that are broken in one way each: the model with one method replaced.

`FAULTS` is data: a name, the rule that must find it, and the methods. At least one for each rule, so
that the self-test can show every rule its broken server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from comfy_assets.scenarios.model import RefusedError, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from comfy_assets.scenarios.model import Stored
    from comfy_assets.specification import Contract

Methods = dict[str, Any]


@frozen
class Fault:
    """One way to be broken, the rule that finds it, and the methods that make it."""

    name: str
    rule: str
    methods: Mapping[str, Any]
    #: Options of the model, such as its identity.
    options: Mapping[str, Any] = {}

    def service(
        self, stored: Sequence[Stored], keys: Sequence[str], contract: Contract | None = None
    ) -> Service:
        """A broken service."""
        kind = type("BrokenService", (Service,), dict(self.methods))
        more: dict[str, Any] = {} if contract is None else {"contract": contract}
        made: Service = kind(stored, keys, **self.options, **more)
        return made

    def and_(self, other: Fault) -> Fault | None:
        """Both at once; None where both replace the same method, and one would hide the other."""
        if self.methods.keys() & other.methods.keys() or (self.options and other.options):
            return None
        methods = {**self.methods, **other.methods}
        return Fault(f"{self.name} + {other.name}", self.rule, methods, {**self.options, **other.options})


# --- How a method is replaced ---------------------------------------------------------------------


def members(edit: Callable[[dict[str, Any]], dict[str, Any]], *, created: bool | None = None) -> Methods:
    """The success body, edited; only that of new or of existing references where `created` says so."""

    def method(self: Service, reference: Any, *, created: bool) -> dict[str, Any]:
        right = Service.members(self, reference, created=created)
        return edit(right) if wanted in (None, created) else right

    wanted = created
    return {"members": method}


def member(name: str, value: Any, **only: bool) -> Methods:
    """Another value of a member."""
    return members(lambda right: {**right, name: value}, **only)


def changed(name: str, change: Callable[[Any], Any], **only: bool) -> Methods:
    """A member's value, changed where it is there."""
    return members(lambda right: {**right, name: change(right[name])} if name in right else right, **only)


def without(name: str, **only: bool) -> Methods:
    """A member left out."""
    return members(lambda right: {key: value for key, value in right.items() if key != name}, **only)


def success(edit: Callable[[Any], Any], *statuses: int) -> Methods:
    """The whole answer of a success, edited."""

    def method(_self: Service, _asked: Any, said: Any) -> Any:
        return edit(said) if said.status in (statuses or (200, 201)) else said

    return {"after": method}


def errors(edit: Callable[[Any], Any], *statuses: int) -> Methods:
    """The whole answer of an error, edited."""

    def method(self: Service, asked: Any, said: Any) -> Any:
        is_meant = said.status in statuses if statuses else said.status >= 400
        return edit(said) if is_meant and asked.method == self.operation.method else said

    return {"after": method}


def allowing(keyword: str, place: str | None = None) -> Methods:
    """One kind of violation that is not refused."""

    def method(self: Service, path: list[Any], found: str, value: Any) -> None:
        where = "".join("[]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        if found == keyword and (place is None or where == place):
            return
        Service.refuse(self, path, found, value)

    return {"refuse": method}


def mending(mend: Callable[[dict[str, Any]], dict[str, Any]]) -> Methods:
    """Requests that are repaired before they are judged."""

    def method(self: Service, asked: Any) -> Any:
        value = Service.read(self, asked)
        return mend(dict(value)) if isinstance(value, dict) else value

    return {"read": method}


def mending_member(name: str, mend: Callable[[Any], Any]) -> Methods:
    """The same for one member, where it is there."""
    return mending(lambda value: {**value, name: mend(value[name])} if name in value else value)


def failing(when: Callable[[dict[str, Any]], bool], status: int = 500) -> Methods:
    """A failure for some requests that keep the contract."""

    def method(self: Service, value: Any) -> None:
        Service.check(self, value)
        if when(value):
            raise RefusedError(status, "this cannot be done")

    return {"check": method}


def key_from(find: Callable[[Any, str | None], str | None]) -> Methods:
    """Another way to find the key of a request."""
    return {"key": lambda self, asked: find(asked, Service.key(self, asked))}


def stored_by(find: Callable[[Service, str], Any]) -> Methods:
    """Another way to find content."""
    return {"find": lambda self, hash_, owner: Service.find(self, hash_, owner) or find(self, hash_)}


def reading(read: Callable[[Service, bytes], Any]) -> Methods:
    """Bytes that are no JSON, read all the same; None reads as usual."""

    def method(self: Service, asked: Any) -> Any:
        try:
            return Service.read(self, asked)
        except RefusedError:
            value = read(self, asked.body)
            if value is None:
                raise
            return value

    return {"read": method}
