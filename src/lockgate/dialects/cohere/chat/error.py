"""Errors as Cohere states them: `{"id", "message"}`; and the answers that end by one, with a status of success.

Source: https://docs.cohere.com/reference/errors
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode
from lockgate.dialects.error import read_error
from lockgate.wire import sse

__all__ = ["failed", "native_error", "read_error", "stream_error", "write_error"]


class _Native(msgspec.Struct):
    message: str


def write_error(error: Failure | Refusal) -> bytes:
    """The whole body of an error answer, to be sent with `error.status`."""
    return encode(_Native(error.message))


def stream_error(error: Failure | Refusal) -> bytes:
    """The error as the last event of a stream, which has a place for it."""
    word = "TIMEOUT" if error.status == 504 else "ERROR"
    return sse.write(encode({"type": "message-end", "delta": {"error": error.message, "finish_reason": word}}), "message-end")


def native_error(body: bytes) -> bool:
    """Whether an error body already is one of Cohere's: a message without a wrapper."""
    try:
        msgspec.json.decode(body, type=_Native)
    except UNREADABLE:
        return False
    return True


def failed(word: str, said: str = "") -> Failure | None:
    """The failure that a finish reason stands for, with what the provider `said` of it; None for a proper end."""
    if word == "TIMEOUT":
        return Failure("timeout", 504, said or "The provider gave up: the answer took too long.", code=word)
    if word == "ERROR" or said:
        return Failure("server", 502, said or "The provider failed while it answered.", code=word or "ERROR")
    return None
