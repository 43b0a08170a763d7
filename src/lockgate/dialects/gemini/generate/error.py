"""Errors as Google's APIs state them: `{"error": {"code", "message", "status", "details"}}`.

Source: https://cloud.google.com/apis/design/errors (`google.rpc.Status`, and RetryInfo among its details).
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode
from lockgate.dialects.error import read_error

__all__ = ["native_error", "read_error", "stream_error", "write_error"]

#: HTTP status → canonical code of `google.rpc.Code`.
_CODE_OF_STATUS: dict[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}


class _NativeObject(msgspec.Struct):
    code: int
    message: str
    status: str


class _NativeBody(msgspec.Struct):
    error: _NativeObject


def write_error(error: Failure | Refusal) -> bytes:
    """The whole body of an error answer, to be sent with `error.status`."""
    word = _CODE_OF_STATUS.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    stated: dict[str, Any] = {"code": error.status, "message": error.message, "status": word}
    if error.retry_after is not None:
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after:g}s"}
        stated["details"] = [retry]
    return encode({"error": stated})


def stream_error(error: Failure | Refusal) -> bytes:
    """The error as an event of a stream."""
    return b"data: %b\n\n" % write_error(error)


def native_error(body: bytes) -> bool:
    """Whether an error body already is one of Google's."""
    try:
        msgspec.json.decode(body, type=_NativeBody)
    except UNREADABLE:
        return False
    return True
