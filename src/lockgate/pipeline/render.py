"""What the caller sees around the answer: headers in its family, and errors in its dialect."""

from __future__ import annotations

import msgspec

from lockgate.core.call import Call
from lockgate.core.failure import Failure, Refusal
from lockgate.core.record import Record
from lockgate.dialects.codec import Relay
from lockgate.dialects.conventions import PLAIN, TRAVELS
from lockgate.dialects.registry import RELAYS
from lockgate.pipeline.ports import Headers
from lockgate.wire.hygiene import of_answer

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
#: Beside an answer that passes as it came, from our own address: a browser shows it as a stranger's, and guesses nothing.
_HARMLESS: Headers = [(b"content-security-policy", b"sandbox; default-src 'none'"), (b"x-content-type-options", b"nosniff")]


def answer_headers(call: Call, record: Record, kind: tuple[bytes, bytes], upstream: Headers, left: Headers) -> Headers:
    """The headers of an answer: the provider's that travel, then ours in the family that the caller uses. `left` is what is
    left of the caller's limits, which comes before what is left of ours at the provider."""
    headers: Headers = [kind]
    if upstream:
        headers += _without([pair for pair in upstream if pair[0].startswith(TRAVELS)], left)
    _add_ours(headers, call, record)
    headers += left
    return headers


def passed_headers(call: Call, record: Record, upstream: Headers, left: Headers) -> Headers:
    """The headers of an answer that passes as it came: all of the provider's that may, then ours."""
    headers = [*_without(of_answer(upstream), left), *_HARMLESS]
    _add_ours(headers, call, record)
    headers += left
    return headers


def _without(headers: Headers, left: Headers) -> Headers:
    """The provider's headers, but for what is told of our own limits."""
    if not headers or not left:
        return headers
    names = {name for name, _ in left}
    return [pair for pair in headers if pair[0] not in names]


class _Names(msgspec.Struct, frozen=True):
    """Our headers in a family."""

    trace: bytes
    provider: bytes
    option: bytes
    retries: bytes
    cache: bytes


_OURS = ("trace-id", "provider", "last-used-option-index", "retry-attempt-count", "cache-status")
_NAMES = {family: _Names(*(f"x-{family}-{name}".encode() for name in _OURS)) for family in ("lockgate", "portkey")}


def _add_ours(headers: Headers, call: Call, record: Record) -> None:
    names = _NAMES[call.family]
    headers.append((b"x-lockgate-request-id", call.id.encode()))
    headers.append((names.trace, call.trace_id.encode("latin-1", "replace")))
    if record.provider:
        headers.append((names.provider, record.provider.encode("latin-1", "replace")))
    if record.downgraded:
        headers.append((b"x-lockgate-downgraded", record.downgraded.encode("latin-1", "replace")))
    if record.losses:
        headers.append((b"x-lockgate-dropped", ", ".join(record.losses).encode("ascii", "replace")))
    if record.route or call.family == "portkey":
        headers.append((names.option, (record.target or "config").encode("latin-1", "replace")))
        headers.append((names.retries, b"%d" % retries(record)))
    if record.cache or call.family == "portkey":
        headers.append((names.cache, (record.cache or "disabled").upper().encode()))
    if record.cached_id:
        headers.append((b"x-lockgate-cache-from", record.cached_id.encode()))
        if record.match is not None:
            headers.append((b"x-lockgate-cache-match", record.match.level.encode()))
            if record.match.score is not None:
                headers.append((b"x-lockgate-cache-score", b"%.3f" % record.match.score))
        headers.append((b"age", b"%d" % (record.cached_us // 1_000_000)))


def retries(record: Record) -> int:
    """How often the target that answered was tried again; -1 when it was, and failed for good (as Portkey's users know it)."""
    failed = [each for each in record.attempts if each.target == record.target and each.kind not in ("", "hedged")]
    if record.outcome == "failed":
        return -1 if len(failed) > 1 else 0
    return len(failed)


def codec_of(call: Call) -> Relay:
    """The dialect that the caller reads errors in."""
    return RELAYS[call.dialect or PLAIN]


def error_body(call: Call, error: Failure | Refusal, spoken: Relay | None) -> bytes:
    """The error in the caller's dialect; a provider's own body passes when it already is one (`spoken`: its dialect)."""
    codec = codec_of(call)
    if isinstance(error, Failure) and spoken is codec and error.body and codec.native_error(error.body):
        return error.body
    return codec.write_error(error)


def error_headers(error: Failure | Refusal) -> Headers:
    """What an error adds to the headers."""
    if error.retry_after is None:
        return []
    return [(b"retry-after", str(max(0, round(error.retry_after))).encode())]
