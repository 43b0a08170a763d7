"""Errors as the Messages API states them: `{"type": "error", "error": {"type", "message"}}`.

Source: https://platform.claude.com/docs/en/api/errors. The type follows the status, because the official SDKs and their
users look at both.
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode
from lockgate.dialects.error import read_error
from lockgate.wire import sse

__all__ = ["native_error", "read_error", "stream_error", "write_error"]

_TYPE_OF_STATUS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class _Error(msgspec.Struct):
    type: str
    message: str


class _Body(msgspec.Struct, omit_defaults=True):
    error: _Error
    type: str = ""
    request_id: str = ""


def write_error(error: Failure | Refusal) -> bytes:
    """The whole body of an error answer, to be sent with `error.status`."""
    kind = _TYPE_OF_STATUS.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    return encode(_Body(_Error(kind, error.message), "error"))


def stream_error(error: Failure | Refusal) -> bytes:
    """The error as an event."""
    return sse.write(write_error(error), "error")


def native_error(body: bytes) -> bool:
    """Whether an error body already is one of this API's."""
    try:
        shape = msgspec.json.decode(body, type=_Body)
    except UNREADABLE:
        return False
    return shape.type == "error"
