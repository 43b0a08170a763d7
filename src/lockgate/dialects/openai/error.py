"""Errors as the OpenAI APIs state them: `{"error": {"message", "type", "param", "code"}}`.

Source: https://platform.openai.com/docs/guides/error-codes and the `error` object of the API reference.
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode
from lockgate.dialects.error import read_error

__all__ = ["error_object", "native_error", "read_error", "write_error"]

#: HTTP status → error type, for errors that name none.
_TYPE_OF_STATUS: dict[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}


class _ErrorObject(msgspec.Struct):
    message: str
    type: str
    param: str | None = None
    code: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _ErrorObject


class _NativeObject(msgspec.Struct):
    message: str
    type: str | None


class _NativeBody(msgspec.Struct):
    error: _NativeObject


def error_object(error: Failure | Refusal) -> _ErrorObject:
    """The value of the `error` member; param and code are null where there are none."""
    kind = error.type if isinstance(error, Failure) else ""
    if not kind:
        kind = _TYPE_OF_STATUS.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    return _ErrorObject(error.message, kind, error.param or None, error.code or None)


def write_error(error: Failure | Refusal) -> bytes:
    """The whole body of an error answer, to be sent with `error.status`."""
    return encode(_ErrorBody(error_object(error)))


def native_error(body: bytes) -> bool:
    """Whether an error body already is one of OpenAI's: an `error` object with a message and a type."""
    try:
        msgspec.json.decode(body, type=_NativeBody)
    except UNREADABLE:
        return False
    return True
