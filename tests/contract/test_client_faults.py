"""Would the tests of the client notice a faulty one? Each fault is put into the real client for one test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from comfy_assets_api import models, types

from . import test_client

pytestmark = pytest.mark.embedded

Patch = tuple[Any, str, Any]

_to_dict = models.AssetCreated.to_dict
_read: Any = vars(types.Model)["read"].__func__
_write_time = types.DateTime.write


def _known_only(self: Any) -> dict[str, Any]:
    return {name: value for name, value in _to_dict(self).items() if name not in self.additional_properties}


def _without_null(self: Any) -> dict[str, Any]:
    return {name: value for name, value in _to_dict(self).items() if value is not None}


def _size_as_number(self: Any) -> dict[str, Any]:
    return {**_to_dict(self), "size": float(self.size)}


def _swapped_times(self: Any) -> dict[str, Any]:
    written = _to_dict(self)
    return {**written, "created_at": written["updated_at"], "updated_at": written["created_at"]}


def _to_the_second(self: Any, value: Any) -> Any:
    return value if isinstance(value, str) else value.replace(microsecond=0).isoformat()


def _in_microseconds(self: Any, value: Any) -> Any:
    return value if isinstance(value, str) else value.isoformat()


def _without_offset(self: Any, value: Any) -> Any:
    return value if isinstance(value, str) else value.replace(tzinfo=None).isoformat() + "Z"


def _strict(cls: Any, source: Any, problems: Any, place: Any = ()) -> Any:
    if not source.keys() <= {name for name, _ in types.members(cls)}:
        raise ValueError("further members")
    return _read(cls, source, problems, place)


def _nothing(*_arguments: Any) -> Any:
    return iter(())


def _refuses_unicode(self: Any, value: Any, place: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        yield self.wrong_type(place, value)


READER: dict[str, Patch] = {
    "drops further members": (models.AssetCreated, "to_dict", _known_only),
    "refuses further members": (models.AssetCreated, "read", classmethod(_strict)),
    "drops null": (models.AssetCreated, "to_dict", _without_null),
    "writes the size as a number": (models.AssetCreated, "to_dict", _size_as_number),
    "swaps two times": (models.AssetCreated, "to_dict", _swapped_times),
    "keeps seconds only": (types.DateTime, "write", _to_the_second),
    "cuts nanoseconds": (types.DateTime, "write", _in_microseconds),
    "forgets the offset": (types.DateTime, "write", _without_offset),
}

SENDER: dict[str, Patch] = {
    "ignores patterns": (types.Text, "check", _nothing),
    "ignores minItems": (types.Array, "_limits", _nothing),
    "ignores what is in an array": (types.Array, "check", _nothing),
    "sends any metadata": (types.FreeForm, "check", _nothing),
    "refuses Unicode": (types.Text, "check", _refuses_unicode),
}

#: What a failing property may raise: its assertion, or what the faulty client stumbles over.
FAILURES = (Exception, BaseExceptionGroup, pytest.fail.Exception)


def fails(monkeypatch: pytest.MonkeyPatch, fault: Patch, test: Callable[[], None]) -> None:
    """The property fails while the fault is in the client; without it, it is a test that passes."""
    monkeypatch.setattr(*fault)
    with pytest.raises(FAILURES):
        test()


@pytest.mark.parametrize("fault", READER.values(), ids=READER)
def test_faulty_reader_is_noticed(monkeypatch: pytest.MonkeyPatch, fault: Patch) -> None:
    """A model that reads or writes an allowed value wrongly fails the property about it."""
    fails(monkeypatch, fault, test_client.test_model_reads_what_the_contract_allows)


@pytest.mark.parametrize("fault", SENDER.values(), ids=SENDER)
def test_faulty_sender_is_noticed(monkeypatch: pytest.MonkeyPatch, fault: Patch) -> None:
    """A model that takes what is wrong, or refuses what is right, fails the property about what is sent."""
    send, refusal = test_client.SENDERS["generated"]
    property_ = test_client.test_client_sends_exactly_what_the_contract_allows
    fails(monkeypatch, fault, lambda: property_(send=send, refusal=refusal))
