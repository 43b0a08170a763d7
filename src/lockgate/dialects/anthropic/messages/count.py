"""Counting tokens: a message request without what only an answer needs, and a number.

Source: https://docs.anthropic.com/en/api/messages-count-tokens
"""

from __future__ import annotations

from lockgate.core.json import encode
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages.read_request import read_request
from lockgate.dialects.codec import Counting, set_model


def read(sheet: Sheet) -> Request:
    """The request whose tokens are wanted; raises `Refusal`."""
    if "max_tokens" not in sheet:  # a count has none, a conversation needs one
        sheet = sheet.copy()
        sheet.set("max_tokens", 1)
    return read_request(sheet)


def write(tokens: int) -> bytes:
    """The answer's body."""
    return encode({"input_tokens": tokens})


COUNTING = Counting(read, write, set_model)
