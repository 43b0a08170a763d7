"""Provider errors, read: the message, type and code in whatever shape a host answers, and the kind of failure it is.

Shapes met in the wild: `{"error": {...}}` (OpenAI, Anthropic, Google), `[{"error": {...}}]` (Google streams),
`{"error": "text"}`, `{"message": ...}` (Mistral, Cohere, AWS), `{"detail": ...}` and lists of it (FastAPI), plain text, HTML.
Every dialect reads its errors here; how one is written is the dialect's own business.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from lockgate.core.failure import Failure, FailureKind
from lockgate.core.json import UNREADABLE
from lockgate.dialects.error_kind import kind_of

#: How much of an error body is kept for relaying, in bytes.
BODY_LIMIT = 64 * 1024
#: How much of a body that is no JSON is quoted, in characters.
EXCERPT = 300

_Object = dict[str, Any]

#: The HTTP status that a kind stands for, for errors that come without one (inside a stream).
_STATUS_OF_KIND: dict[FailureKind, int] = {
    "rate_limit": 429,
    "overloaded": 529,
    "auth": 401,
    "billing": 402,
    "content_policy": 400,
    "context_window": 400,
    "not_found": 404,
    "bad_request": 400,
    "timeout": 504,
}

#: Kinds that pass with time, so that a wait may be asked for.
_PASSES: frozenset[FailureKind] = frozenset({"rate_limit", "overloaded", "server"})
#: "Please try again in 7m12s", "retry after 26 seconds": what an error in a stream has instead of a header.
_UNIT = r"milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d"
_TERM = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})", re.IGNORECASE)
_AGAIN_IN = re.compile(rf"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?\s*(?:{_UNIT})[\s,]*)+)", re.IGNORECASE)
_UNITS = {
    name + plural: seconds
    for names, seconds in (
        ("d day", 86400.0),
        ("h hr hour", 3600.0),
        ("m min minute", 60.0),
        ("s sec second", 1.0),
        ("ms millisecond", 0.001),
    )
    for name in names.split()
    for plural in ("", "s")
}
#: A quota that comes back with the next day. When that is, nobody says; within the hour it is not worth asking often.
_DAILY = re.compile(r"per[ _-]?day|daily (?:limit|quota)", re.IGNORECASE)
_DAYS_QUOTA_S = 3600.0


def read_error(status: int, body: bytes) -> Failure:
    """The failure that a provider's error answer states; never raises. A body without a message is quoted or named."""
    try:
        value: Any = msgspec.json.decode(body)
    except UNREADABLE:
        message = _excerpt(body) or f"The provider answered with HTTP status {status} and no message."
        return Failure(kind_of(status, (), message), status, message, body=body[:BODY_LIMIT])
    return failure_of(value, status, body)


def unreadable(why: str, body: bytes = b"") -> Failure:
    """The failure of an answer that says success and cannot be read."""
    return Failure("malformed", 502, f"The provider's answer cannot be read: {why}.", body=body[:BODY_LIMIT])


def failure_of(value: Any, status: int = 0, body: bytes = b"") -> Failure:
    """A decoded error value as a failure. `status` 0: it came inside a stream, the error's own words tell the status."""
    outer = _first_object(value)
    inner = _first_object(outer.get("error", outer.get("errors", outer)))
    if not inner and isinstance(outer.get("error"), str):
        inner = {**outer, "message": outer.get("message") or outer["error"]}
    inner = inner or outer
    message = _message(inner) or _message(outer) or (value if isinstance(value, str) else "")
    own_status = next((n for n in (_int(inner.get("code")), _int(inner.get("status")), _int(outer.get("code"))) if n), 0)
    code = _word(inner.get("code")) or _word(outer.get("code"))
    status = status or own_status
    kind = kind_of(status, _words(inner, outer), message)
    if not status:
        status = _STATUS_OF_KIND.get(kind, 502)
    return Failure(
        kind,
        status,
        message or f"The provider answered with HTTP status {status} and no message.",
        type=_type(inner, outer),
        code=code,
        param=_word(inner.get("param")),
        retry_after=_retry_after(kind, inner, message),
        body=body[:BODY_LIMIT],
    )


def _first_object(value: Any) -> _Object:
    """The value if it is an object, or the first object of a list; {} otherwise."""
    if isinstance(value, dict):
        return cast("_Object", value)
    if isinstance(value, list):
        for entry in cast("list[Any]", value):
            if isinstance(entry, dict):
                return cast("_Object", entry)
    return {}


def _message(holder: _Object) -> str:
    """The sentence in an error object: its message, its detail, or FastAPI's list of what is wrong where."""
    for name in ("message", "Message", "detail", "msg", "error_description", "error", "title"):
        text = _sentence(holder.get(name))
        if text:
            return text + _upstream_words(holder, text)
    return ""


def _sentence(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return _message(cast("_Object", value))
    if isinstance(value, list):
        return "; ".join(filter(None, (_complaint(v) for v in cast("list[Any]", value))))
    return ""


def _complaint(value: Any) -> str:
    """One entry of a list of errors: `{"loc": ["body", "messages"], "msg": "field required"}` → "messages: field required"."""
    text = _sentence(value)
    if isinstance(value, dict) and text:
        where = cast("_Object", value).get("loc")
        if isinstance(where, list):
            path = ".".join(str(step) for step in cast("list[Any]", where) if step != "body")
            return f"{path}: {text}" if path else text
    return text


def _upstream_words(holder: _Object, said: str) -> str:
    """What the host behind a router said (`error.metadata.raw`): the router itself often says no more than that it failed."""
    metadata = holder.get("metadata")
    raw = cast("_Object", metadata).get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str) or not raw.strip():
        return ""
    inner = read_error(0, raw.encode()).message
    return f": {inner[:EXCERPT]}" if inner and inner not in said else ""


def _type(inner: _Object, outer: _Object) -> str:
    """The error's type word; an Anthropic envelope's own "error" is no type."""
    for holder, name in ((inner, "type"), (inner, "__type"), (inner, "status"), (outer, "type")):
        word = _word(holder.get(name))
        if word and word not in ("error",) and not word.isdigit():
            return word
    return ""


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _int(value: Any) -> int:
    """An HTTP error status given as a number or as its digits, or 0."""
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 else 0


def _words(inner: _Object, outer: _Object) -> list[str]:
    """The words that an error has for itself, the narrowest first: its details' before its own, and those before its host's."""
    details = inner.get("details")
    entries = cast("list[Any]", details) if isinstance(details, list) else [details]
    inside = [cast("_Object", entry) for entry in [*entries, inner.get("innererror")] if isinstance(entry, dict)]
    words = [_word(each.get(name)) for each in inside for name in ("error_code", "reason", "code")]
    words += [_word(inner.get(name)) for name in ("code", "type", "status", "__type")]
    words += [_word(outer.get(name)) for name in ("code", "type", "name")]
    if "originalStatusCode" in outer:  # AWS's exception names itself in a header; this member is one exception's alone
        words.append("ModelErrorException")
    return [word for word in words if word]


def _retry_after(kind: FailureKind, inner: _Object, message: str) -> float | None:
    """The wait in seconds that an error asks for, in its details or in its sentence."""
    if kind not in _PASSES:
        return None
    delay = None
    details = inner.get("details")
    for entry in cast("list[Any]", details) if isinstance(details, list) else []:
        detail = _first_object(entry)
        stated = _word(detail.get("retryDelay"))
        if any(_DAILY.search(quota) for quota in _quotas(detail)):
            return _DAYS_QUOTA_S  # whatever the delay: it tells when the next minute begins
        if re.fullmatch(r"\d+(?:\.\d+)?s", stated):
            delay = float(stated[:-1])
    if delay is None and (said := _AGAIN_IN.search(message)) is not None:
        delay = sum(float(number) * _UNITS[unit.lower()] for number, unit in _TERM.findall(said[1]))
    return _DAYS_QUOTA_S if delay is None and _DAILY.search(message) else delay


def _quotas(detail: _Object) -> list[str]:
    """The names of the quotas that Google says are used up ("GenerateRequestsPerDayPerProjectPerModel-FreeTier")."""
    violations = detail.get("violations")
    return [
        _word(_first_object(each).get("quotaId"))
        for each in cast("list[Any]", violations if isinstance(violations, list) else [])
    ]


def _excerpt(body: bytes) -> str:
    """A short quotation of a body that is no JSON; of HTML, its title or its text."""
    text = body[:BODY_LIMIT].decode("utf-8", "replace")
    if re.search(r"<(?:!doctype|html|head|body|title)\b", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", text, flags=re.IGNORECASE | re.DOTALL)
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
