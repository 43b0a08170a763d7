"""`Record`: what is kept of one request, whoever answered it; and its form in bytes, for the spool and the stores.

A record is filled by the pipeline's one exit, written once and never changed. All times are integer microseconds, money is
integer nano-USD (`None`: the price is not known, which is not zero). Nothing here holds a secret: redact before filling.
"""

from __future__ import annotations

import struct
from typing import Any, Literal, cast

import msgspec

from lockgate.core.json import encode
from lockgate.core.reply import Usage

Gear = Literal["", "relay", "edit", "translate"]
End = Literal[
    "ok",  # the caller got a complete answer
    "refused",  # our own no, before or instead of an upstream's answer
    "failed",  # the upstream's fault: the caller got its error, or ours about it
    "broken",  # the answer broke off after it had begun
    "client_left",  # the caller went away first
]
UsageSource = Literal[
    "none",
    "provider",  # its own account
    "request",  # counted in what was sent, as the provider counts it
    "estimated",
]


#: Who has told of the request: the gateway has served it, somebody has posted it, or it came as a span of OpenTelemetry.
Source = Literal["gateway", "posted", "span"]
#: What the cache had to do with it; "": there was none.
Cache = Literal["", "hit", "semantic hit", "miss", "semantic miss", "refresh", "disabled"]

Decided = Literal["chosen", "drawn", "matched", "skipped", "stopped", "again", "hedged", "left"]


class Decision(msgspec.Struct, omit_defaults=True, array_like=True):
    """Why a target was chosen, skipped or left: `at` is its place in the route, or a strategy's."""

    at: str
    what: Decided
    why: str = ""


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try on one target. `kind` is the failure's kind, "" when the try delivered, "hedged" when it was broken off because
    the one beside it was faster.

    Tokens and cost are this try's own: one that failed may be billed all the same.
    """

    target: str = ""  # the target's name in its route
    provider: str = ""  # slug
    model: str = ""  # as it was sent
    status: int = 0  # the upstream's HTTP status; 0: it never gave one
    kind: str = ""
    message: str = ""
    start_us: int = 0  # after the request's start
    duration_us: int = 0
    input: int = 0
    output: int = 0
    cost_nusd: int | None = None


class Match(msgspec.Struct, omit_defaults=True):
    """How the answer to other words was found: by a level (`policy.caching.LEVELS`), for the words of the request `id`.

    What has judged words as alike: the `cosine` of their vectors, the verifier's `score` and the `least` that was asked for;
    `checks` are what could have spoken against it and did not. (The words are in that request's body.) `shadow`: it was not
    given, the provider was asked; then `answers` says how the two compare, and `alike` is the cosine of their texts.
    """

    level: str
    id: str = ""
    score: float | None = None
    least: float | None = None
    cosine: float | None = None
    checks: list[str] = []
    shadow: bool = False
    answers: Literal["", "equal", "canonical", "other"] = ""
    alike: float | None = None


class Record(msgspec.Struct, omit_defaults=True):
    """One request. Empty text, 0 and None mean "not known" or "does not apply"."""

    id: str  # see `new_id`: sorts by time and says when
    time_us: int  # the request's start, since the epoch
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    span_name: str = ""
    source: Source | Literal["event"] = "gateway"  # "event": it is none, but what log records say was said in a span
    organisation: str = ""
    workspace: str = ""
    user: str = ""  # whose key it is; the end user that a caller names stands in `metadata`
    key_id: str = ""
    key_name: str = ""
    route: str = ""  # a config's slug, "inline", or "" for none
    provider: str = ""  # slug of the target that answered (the last one tried, if none did)
    provider_kind: str = ""  # that provider's row in the provider table
    operation: str = ""
    path: str = ""  # of the request, without its query
    dialect_in: str = ""
    dialect_out: str = ""
    gear: Gear = ""
    model_asked: str = ""
    downgraded: str = ""  # the model that was asked for instead, since a budget was so far used
    model_sent: str = ""
    model_served: str = ""
    stream: bool = False
    status: int = 0  # the HTTP status that the caller got
    outcome: End = "ok"
    finish: str = ""  # why the model ended: the common word (`core.reply.FinishReason`)
    target: str = ""  # where in its route the target stands that answered, or was tried last ("config.targets[1]")
    decisions: list[Decision] = []  # how the route was walked, in order
    attempts: list[Attempt] = []
    usage: Usage | None = None  # of all attempts together; `raw` is the answering provider's own account
    usage_source: UsageSource = "none"
    cost_nusd: int | None = None
    cost_note: str = ""  # "unknown price", "estimated", ...
    price_version: str = ""
    latency_us: int = 0  # from the first byte in to the last byte out
    ttft_us: int | None = None  # to the first real event of the answer
    gap_us: int | None = None  # of a stream, the longest time between two events
    gateway_us: int = 0  # of the latency, what we spent ourselves
    cache: Cache = ""
    cached_id: str = ""  # of a hit, the request whose answer was given
    cached_us: int = 0  # and how old that was
    cache_note: str = ""  # how a semantic hit was found, or would have been; or why it was not looked for
    match: Match | None = None  # how that was
    saved_nusd: int = 0  # what a hit would have cost
    saved_us: int = 0  # and what the request had taken whose answer it is
    bytes_in: int = 0
    bytes_out: int = 0
    error_code: str = ""
    error: str = ""  # the sentence that the caller got
    metadata: dict[str, str] = {}
    losses: list[str] = []  # what the translation could not say
    revision: str = ""  # of the snapshot that the request lived in
    truncated: bool = False  # a body is not whole
    unkept: bool = False  # it is counted, and goes into no log
    request: bytes = b""  # the caller's body, as received, redacted
    response: bytes = b""  # the body that the caller got, as sent, redacted
    # What the provider was sent, where that is not `request`: all of it where it was translated; where it was edited, the
    # members that are others, null for those that were left out. Redacted.
    sent: bytes = b""
    received: bytes = b""  # and what it answered, where that is not `response`

    def __repr__(self) -> str:
        return f"Record({self.id}, {self.operation} {self.model_asked!r}, {self.status} {self.outcome})"

    @property
    def is_logged(self) -> bool:
        """Whether it is a request of the log: not one that is only counted, and not a part of another."""
        return not self.unkept and self.source != "event"

    def clip(self, limit: int) -> None:
        """Keep at most `limit` bytes of each body."""
        if len(self.request) <= limit and len(self.response) <= limit and not self.sent and not self.received:
            return  # as of most
        for name in BODIES:
            body: bytes = getattr(self, name)
            if len(body) > limit:
                setattr(self, name, body[:limit])
                self.truncated = True

    def strip(self) -> None:
        """Leave the bodies out, and say so."""
        for name in BODIES:
            if getattr(self, name):
                setattr(self, name, b"")
                self.truncated = True


#: The members that are bodies.
BODIES = ("request", "response", "sent", "received")


def new_id(time_us: int, chance: int) -> str:
    """A UUID of version 7 (RFC 9562 §5.7 and §6.2, method 3): sorts by time to a quarter of a microsecond.

    `chance` gives 62 random bits (`random.getrandbits(62)`); two ids of one moment differ by it.
    """
    ms, rest = divmod(time_us, 1000)
    fine, low = rest * 4096 // 1000, chance & 0xFFFFFFFFFFFF
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{fine:03x}-{chance >> 48 | 0x8000:04x}-{low:012x}"


def time_of_id(id: str) -> int | None:
    """The moment in an id of ours, in microseconds rounded down to the millisecond; None for any other text."""
    if len(id) != 36 or id[14] != "7" or id[8] != "-":
        return None
    try:
        return int(id[:8] + id[9:13], 16) * 1000
    except ValueError:
        return None


# A packed record: the sizes of its parts but the last, then the head as JSON, the provider's usage and the bodies as they are.
# JSON can be read by eye in a spool; the blobs are neither escaped nor parsed, and a blob that is no JSON harms nothing.
_SIZES = struct.Struct("<5I")
_head = msgspec.json.Decoder(Record)


def pack(record: Record, *, bodies: bool = True) -> bytes:
    """The record as bytes, with or without its bodies."""
    usage, request, response, sent, received = record.usage, record.request, record.response, record.sent, record.received
    raw = None if usage is None else usage.raw
    record.request = record.response = record.sent = record.received = b""  # defaults are left out of the head
    if usage is not None:
        usage.raw = None
    try:
        head = encode(record)
    except UnicodeEncodeError:  # a lone surrogate, from a header or an upstream's error
        head = encode(_printable(msgspec.to_builtins(record)))
    finally:
        record.request, record.response, record.sent, record.received = request, response, sent, received
        if usage is not None:
            usage.raw = raw
    account = b"" if raw is None else bytes(raw)
    if not bodies:
        request = response = sent = received = b""
    sizes = _SIZES.pack(len(head), len(account), len(request), len(response), len(sent))
    return b"".join((sizes, head, account, request, response, sent, received))


def unpack(data: bytes | memoryview) -> Record:
    """The record in `data`; raises `msgspec.DecodeError` when it is none."""
    view = memoryview(data)
    head, account, *bodies = _parts(view)
    record = _head.decode(head)
    if account and record.usage is not None:
        record.usage.raw = msgspec.Raw(bytes(account))
    record.request, record.response, record.sent, record.received = map(bytes, bodies)
    return record


def unpack_head(data: bytes | memoryview) -> Record:
    """The record without its bodies and the provider's own account; raises `msgspec.DecodeError` when it is none."""
    return _head.decode(_parts(memoryview(data))[0])


def _parts(view: memoryview) -> list[memoryview]:
    """Head, the provider's account, and the bodies."""
    if len(view) < _SIZES.size:
        raise msgspec.DecodeError("a packed record is cut short")
    at, parts = _SIZES.size, list[memoryview]()
    for size in _SIZES.unpack_from(view):
        parts.append(view[at : at + size])
        at += size
    if at > len(view):
        raise msgspec.DecodeError("a packed record is cut short")
    return [*parts, view[at:]]


def _printable(value: Any) -> Any:
    """The value with each text made encodable."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_printable(each) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_printable(key): _printable(each) for key, each in cast("dict[str, Any]", value).items()}
    return value
