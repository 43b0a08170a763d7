"""Errors as AWS states them: `{"message": …}`, with the exception's name in a header, and exceptions as frames of a stream.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode
from lockgate.dialects.error import failure_of, read_error
from lockgate.wire import eventstream
from lockgate.wire.eventstream import Frame

__all__ = ["native_error", "read_error", "stated", "stream_error", "write_error"]

_MESSAGE_TYPE, _EXCEPTION_TYPE = ":message-type", ":exception-type"
_JSON = {":content-type": "application/json"}

#: HTTP status → the exception that a stream may state; the service has no others there.
_EXCEPTION_OF_STATUS = {
    429: "throttlingException",
    503: "serviceUnavailableException",
    529: "serviceUnavailableException",
}


class _Body(msgspec.Struct):
    message: str
    error: msgspec.Raw = msgspec.Raw()


def stated(frame: Frame) -> Failure | None:
    """The failure that a frame of a stream states; None for an event."""
    kind = frame.headers.get(_MESSAGE_TYPE, "event")
    if kind == "event":
        return None
    if kind == "error":  # not modelled: the names stand in headers
        said = {"__type": frame.headers.get(":error-code", ""), "message": frame.headers.get(":error-message", "")}
        return failure_of(said)
    said = {"__type": frame.headers.get(_EXCEPTION_TYPE, "")}
    try:
        return failure_of({**said, **msgspec.json.decode(frame.payload, type=dict[str, object])})
    except UNREADABLE:
        return failure_of({**said, "message": frame.payload.decode("utf-8", "replace")})


def write_error(error: Failure | Refusal) -> bytes:
    """The whole body of an error answer, to be sent with `error.status`."""
    return encode({"message": error.message})


def stream_error(error: Failure | Refusal) -> bytes:
    """The error as an exception's frame."""
    other = "internalServerException" if error.status >= 500 else "validationException"
    kind = _EXCEPTION_OF_STATUS.get(error.status, other)
    return eventstream.write({_EXCEPTION_TYPE: kind, **_JSON, _MESSAGE_TYPE: "exception"}, write_error(error))


def native_error(body: bytes) -> bool:
    """Whether an error body already is one of AWS's."""
    try:
        return len(msgspec.json.decode(body, type=_Body).error) == 0
    except UNREADABLE:
        return False
