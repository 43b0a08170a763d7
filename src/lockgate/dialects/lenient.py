"""Reading what others send: a provider's odd member spoils no answer, and a caller's odd JSON is refused, never an accident."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.json import UNREADABLE, given, too_deep

A = TypeVar("A")
T = TypeVar("T")

#: Where msgspec says that a value is not as expected.
_AT = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
#: How many members of one value may be odd.
_TRIES = 8


def forgiving(data: bytes | msgspec.Raw, decode: Callable[[bytes | msgspec.Raw], T]) -> T:
    """Decode a provider's JSON; a member of an unexpected type is as good as absent. Raises `msgspec.DecodeError`."""
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        value: Any = msgspec.json.decode(data)
        for _ in range(_TRIES):
            if not _cut(value, error):
                raise
            try:
                return decode(msgspec.json.encode(value))
            except msgspec.ValidationError as another:
                error = another
        raise


def shaped(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """A provider's JSON as a struct of this kind, forgivingly; raises `msgspec.DecodeError`."""
    return forgiving(data, cast("msgspec.json.Decoder[T]", _decoder(kind)).decode)


def aside(data: msgspec.Raw, kind: type[T]) -> T | None:
    """What a provider says beside its answer, as a struct; None when it says nothing, or nothing that can be read."""
    if not given(data):
        return None
    try:
        return shaped(data, kind)
    except UNREADABLE:
        return None


@functools.cache
def _decoder(kind: type[Any]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, strict=False)


def _cut(value: Any, error: msgspec.ValidationError) -> bool:
    """Take out the member that an error names; False when it names none that can be done without."""
    match = _AT.search(str(error))
    steps = _STEP.findall(match[1]) if match else []
    holder: Any = value
    last: dict[str, Any] | None = None
    name = ""
    for member, index in steps:
        if member and isinstance(holder, dict):
            last, name = cast("dict[str, Any]", holder), member
            holder = last.get(member)
        elif index and isinstance(holder, list) and int(index) < len(cast("list[Any]", holder)):
            holder = cast("list[Any]", holder)[int(index)]
        else:
            break
    if last is None or name not in last:
        return False
    del last[name]
    return True


def refusing(function: Callable[[A], T]) -> Callable[[A], T]:
    """A request's reader or writer that refuses JSON which only turns out to be unreadable inside a raw member."""

    @functools.wraps(function)
    def guarded(argument: A) -> T:
        try:
            return function(argument)
        except RecursionError:
            raise too_deep() from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"The request holds JSON that cannot be read: {error}."
            raise Refusal(400, "invalid_json", message) from None

    return guarded
