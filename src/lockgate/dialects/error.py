"""Provider errors, read: the message, type and code in whatever shape a host answers, and the kind of failure it is.

Shapes met in the wild: `{"error": {...}}` (OpenAI, Anthropic, Google), `[{"error": {...}}]` (Google streams),
`{"error": "text"}`, `{"message": ...}` (Mistral, Cohere, AWS), `{"detail": ...}` and lists of it (FastAPI), plain text, HTML.
Every dialect reads its errors here; how one is written is the dialect's own business.
"""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from lockgate.core.failure import Failure, FailureKind, kind_of_status

#: How much of an error body is kept for relaying, in bytes.
BODY_LIMIT = 64 * 1024
#: How much of a body that is no JSON is quoted, in characters.
EXCERPT = 300

_Object = dict[str, Any]

#: A provider's own words (code, type or status, lower case) → kind. They say more than an HTTP status does.
_KIND_OF_WORD: dict[str, FailureKind] = {
    "context_length_exceeded": "context_window",
    "context_window_exceeded": "context_window",
    "string_above_max_length": "context_window",
    "content_policy_violation": "content_policy",
    "content_policy": "content_policy",
    "content_filter": "content_policy",
    "content_filter_error": "content_policy",
    "responsibleaipolicyviolation": "content_policy",
    "moderation_blocked": "content_policy",
    "invalid_prompt": "content_policy",
    "insufficient_quota": "billing",
    "insufficient_balance": "billing",
    "insufficient_credits": "billing",
    "billing_error": "billing",
    "billing_hard_limit_reached": "billing",
    "billing_not_active": "billing",
    "overloaded_error": "overloaded",
    "engine_overloaded": "overloaded",
    "server_overloaded": "overloaded",
    "capacity_exceeded": "overloaded",
    "modelnotreadyexception": "overloaded",
    "serviceunavailableexception": "overloaded",
    "unavailable": "overloaded",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "too_many_requests": "rate_limit",
    "resource_exhausted": "rate_limit",
    "throttlingexception": "rate_limit",
    "authentication_error": "auth",
    "invalid_api_key": "auth",
    "permission_error": "auth",
    "permission_denied": "auth",
    "unauthenticated": "auth",
    "accessdeniedexception": "auth",
    "unrecognizedclientexception": "auth",
    "not_found_error": "not_found",
    "model_not_found": "not_found",
    "not_found": "not_found",
    "resourcenotfoundexception": "not_found",
    "timeout_error": "timeout",
    "deadline_exceeded": "timeout",
    "modeltimeoutexception": "timeout",
    "api_error": "server",
    "server_error": "server",
    "internal_server_error": "server",
    "internal": "server",
    "internalserverexception": "server",
    "modelerrorexception": "server",
    "invalid_request_error": "bad_request",
    "request_too_large": "bad_request",
    "invalid_argument": "bad_request",
    "validationexception": "bad_request",
}

#: Sentences that tell the kind where the words do not; only for answers that blame the request.
_KIND_OF_SENTENCE: tuple[tuple[re.Pattern[str], FailureKind], ...] = (
    (
        re.compile(
            r"prompt is too long|context[ _](?:length|window|size)|maximum context|input is too long|reduce the length of"
            r"|exceeds? the (?:model'?s )?(?:maximum|context)|too many (?:input )?tokens(?!.{0,40}please wait)"
            r"|token count .{0,40}exceeds",
            re.IGNORECASE,
        ),
        "context_window",
    ),
    (
        re.compile(r"credit balance|insufficient (?:balance|credits?|funds)|exceeded your current quota", re.IGNORECASE),
        "billing",
    ),
    (
        re.compile(r"content (?:management )?polic|usage polic|safety (?:system|filter)|content filter", re.IGNORECASE),
        "content_policy",
    ),
)

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


def read_error(status: int, body: bytes) -> Failure:
    """The failure that a provider's error answer states; never raises. A body without a message is quoted or named."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        message = _excerpt(body) or f"The provider answered with HTTP status {status} and no message."
        return Failure(_kind(status, [], message), status, message, body=body[:BODY_LIMIT])
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
    kind_words = [_word(inner.get(name)) for name in ("code", "type", "status", "__type")]
    own_status = next((n for n in (_int(inner.get("code")), _int(inner.get("status")), _int(outer.get("code"))) if n), 0)
    code = _word(inner.get("code")) or _word(outer.get("code"))
    status = status or own_status
    kind = _kind(status, kind_words, message)
    if not status:
        status = _STATUS_OF_KIND.get(kind, 502)
    return Failure(
        kind,
        status,
        message or f"The provider answered with HTTP status {status} and no message.",
        type=_type(inner, outer),
        code=code,
        param=_word(inner.get("param")),
        retry_after=_retry_after(inner),
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


def _kind(status: int, words: list[str], message: str) -> FailureKind:
    """The kind by the provider's words, then by its sentence, then by the status."""
    found: FailureKind | None = None
    for word in words:
        # AWS writes its types with a namespace: "com.amazonaws.bedrock#ThrottlingException".
        found = _KIND_OF_WORD.get(word.rsplit("#", 1)[-1].lower())
        if found and found not in ("bad_request", "server"):
            return found
    if status < 500:
        for pattern, kind in _KIND_OF_SENTENCE:
            if pattern.search(message):
                return kind
    return kind_of_status(status) if status else found or "server"


def _retry_after(inner: _Object) -> float | None:
    """Google's RetryInfo (`details[].retryDelay`: "13.5s"), in seconds."""
    details = inner.get("details")
    for entry in cast("list[Any]", details) if isinstance(details, list) else []:
        delay = cast("_Object", entry).get("retryDelay") if isinstance(entry, dict) else None
        if isinstance(delay, str) and re.fullmatch(r"\d+(?:\.\d+)?s", delay):
            return float(delay[:-1])
    return None


def _excerpt(body: bytes) -> str:
    """A short quotation of a body that is no JSON; of HTML, its title or its text."""
    text = body[:BODY_LIMIT].decode("utf-8", "replace")
    if re.search(r"<(?:!doctype|html|head|body|title)\b", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = title[1] if title else re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", text, flags=re.IGNORECASE | re.DOTALL)
    text = re.sub(r"\s+", " ", text).strip()
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
