"""JSON at the house's edges: one encoder, decoders that answer with a `Refusal` naming the path at fault.

Source of the error sentences: msgspec's messages, whose path suffix (``- at `$.a[0]` ``) becomes the refusal's `param`.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from lockgate.core.failure import Refusal

T = TypeVar("T")

#: What decoding raises where it cannot: no JSON, none of the expected shape, or nested too deeply.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

encode = msgspec.json.Encoder().encode
_NULL = msgspec.Raw(b"null")
_AT = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode trusted-shape JSON; raises `msgspec.DecodeError` (or `RecursionError`), for upstream answers."""
    return msgspec.json.decode(data, type=kind)


def readable(data: bytes | msgspec.Raw, kind: type[T], at: str = "") -> T:
    """Decode a caller's JSON; raises `Refusal` 400 that names the member at fault, `at` being the path of `data`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise wrong_type(error, at) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "invalid_json", f"{at or 'The request body'} is not valid JSON: {error}.", param=at) from None
    except RecursionError:
        raise too_deep(at) from None


def too_deep(at: str = "") -> Refusal:
    """The refusal for JSON nested deeper than the decoder's stack."""
    return Refusal(400, "invalid_json", f"{at or 'The request body'} is nested too deeply.", param=at)


def wrong_type(error: msgspec.ValidationError, at: str = "") -> Refusal:
    """A validation error as a refusal: the path inside the body, and what was expected there."""
    text = str(error)
    inner = ""
    if match := _AT.search(text):
        text, inner = text[: match.start()], match[1]
    path = at + (inner if not at or inner.startswith("[") or not inner else "." + inner)
    where = f"'{path}'" if path else "the request body"
    return Refusal(400, "invalid_type", f"Invalid value at {where}: {text[:1].lower()}{text[1:]}.", param=path)


def as_any(raw: msgspec.Raw | bytes) -> Any:
    """A raw JSON value as plain Python."""
    return msgspec.json.decode(raw)


def raw(value: object) -> msgspec.Raw:
    """A Python value (or struct) as a raw JSON value."""
    return msgspec.Raw(encode(value))


def given(raw: msgspec.Raw) -> bool:
    """Whether a raw struct member says anything: absent is an empty `Raw`, its default (no union with None may hold `Raw`)."""
    return len(raw) > 0 and raw != _NULL
