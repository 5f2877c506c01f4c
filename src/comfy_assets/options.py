"""The options that both clients take, checked when a client or a copy of it is made."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypedDict

from attrs import Attribute, field, frozen

from comfy_assets.answers import ON_DRIFT
from comfy_assets.clock import Clock
from comfy_assets.errors import InputError, shortened
from comfy_assets.retrying import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from comfy_assets_api.errors import Problem

    from comfy_assets.answers import OnDrift
    from comfy_assets.retrying import Attempt

#: The default policy and clock: frozen and without a state, so one of each is enough.
RETRY: Final = RetryPolicy()
CLOCK: Final = Clock()


class Changes(TypedDict, total=False):
    """The options that a copy of a client can have otherwise."""

    timeout: float
    retry: RetryPolicy | None
    on_drift: OnDrift
    attempt_hook: Callable[[Attempt], object] | None
    drift_hook: Callable[[Problem], object] | None


def _check(is_right: Callable[[Any], bool], expected: str) -> Any:
    return partial(_refuse, is_right, expected)


def _refuse(
    is_right: Callable[[Any], bool], expected: str, _instance: object, attribute: Attribute[Any], value: Any
) -> None:
    if not is_right(value):
        raise InputError(f"{attribute.name} is {shortened(value)}: expected {expected}")


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 < value <= sys.float_info.max


def _is_hook(value: Any) -> bool:
    return value is None or callable(value)


@frozen(kw_only=True)
class Options:
    """The options of one client; InputError for one that cannot be used."""

    timeout: float = field(validator=_check(_is_time, "a number of seconds above 0"))
    retry: RetryPolicy | None = field(
        validator=_check(
            lambda value: value is None or isinstance(value, RetryPolicy),
            "a RetryPolicy, or None for no repeats",
        )
    )
    on_drift: OnDrift = field(
        validator=_check(lambda value: value in ON_DRIFT, f"one of {', '.join(ON_DRIFT)}")
    )
    attempt_hook: Callable[[Attempt], object] | None = field(validator=_check(_is_hook, "something to call"))
    drift_hook: Callable[[Problem], object] | None = field(validator=_check(_is_hook, "something to call"))
    clock: Clock = field(validator=_check(lambda value: isinstance(value, Clock), "a Clock"))
