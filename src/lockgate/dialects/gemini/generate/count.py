"""Counting tokens: contents alone, or a whole request inside `generateContentRequest`; and a number.

Source: https://ai.google.dev/api/tokens
"""

from __future__ import annotations

import msgspec

from lockgate.core.json import encode, given, readable
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Counting
from lockgate.dialects.gemini.generate.read_request import read_request

_WHOLE = ("generateContentRequest", "generate_content_request")


def read(sheet: Sheet) -> Request:
    """The request whose tokens are wanted; raises `Refusal`."""
    for name in _WHOLE:
        if (inner := sheet.raw(name)) is not None and given(inner):
            return read_request(Sheet(readable(inner, dict[str, msgspec.Raw], name)))
    return read_request(sheet)


def write(tokens: int) -> bytes:
    """The answer's body."""
    return encode({"totalTokens": tokens})


def name_model(sheet: Sheet, model: str) -> None:
    """A whole request names its model once more, and that must be the path's."""
    for name in _WHOLE:
        if (inner := sheet.raw(name)) is not None and given(inner):
            members = readable(inner, dict[str, msgspec.Raw], name)
            sheet.set(name, {**members, "model": f"models/{model}"})


COUNTING = Counting(read, write, name_model)
