"""Records that somebody posts: a request that went past this gateway, or a step of a program that is no request at all.

The shape is Portkey's (https://portkey.ai/docs/api-reference/inference-api/logs), with all that its SDK's own exporters say:
times as texts, ids as numbers, members in either spelling, addresses that are missing. What is priced is what a provider's
answer in a dialect that we know says of its usage, at a provider that we know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from lockgate.core.call import Operation
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.outcome import Outcome
from lockgate.core.record import Record, new_id
from lockgate.dialects.registry import RELAYS
from lockgate.pipeline.metadata import as_text
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.table import TABLE, Row

#: Members of a record's metadata, and characters of one: as many as a request may have.
MEMBERS, LENGTH = 64, 128
#: The longest that something may have taken, in ms: a day.
_LONGEST_MS = 86_400_000.0
#: Characters of an id of a trace or span.
_ID = 128

#: How a path ends → what was asked for, in which dialect. The first that fits.
_APIS: tuple[tuple[str, Operation, str], ...] = (
    ("/chat/completions", "chat", "openai.chat"),
    ("/completions", "complete", "openai.completions"),
    ("/responses", "respond", "openai.responses"),
    ("/messages", "message", "anthropic.messages"),
    ("/embeddings", "embed", "openai.embeddings"),
    ("/rerank", "rerank", "jina.rerank"),
    ("/moderations", "moderate", "openai.moderations"),
    ("/images/generations", "image", "openai.images"),
    (":generateContent", "chat", "gemini.generate"),
    (":streamGenerateContent", "chat", "gemini.generate"),
    (":embedContent", "embed", "gemini.embed"),
    ("/converse", "chat", "bedrock.converse"),
    ("/v2/chat", "chat", "cohere.chat"),
)
#: What metadata says of the record itself, in both spellings → our member.
_SPAN = {
    "traceId": "trace_id",
    "trace_id": "trace_id",
    "spanId": "span_id",
    "span_id": "span_id",
    "parentSpanId": "parent_span_id",
    "parent_span_id": "parent_span_id",
    "spanName": "span_name",
    "span_name": "span_name",
}
#: When it began and ended, in ns since the epoch: what an exporter of OpenTelemetry says.
_BEGAN, _ENDED = ("startTime", "start_time"), ("endTime", "end_time")


class PostedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked. `provider`: a slug of ours, or the provider's name; else the address tells. Headers are not kept."""

    url: str = ""
    provider: str = ""
    method: str = "POST"
    headers: dict[str, Any] = {}
    body: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class PostedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered: JSON, or the text of a stream. `response_time` in ms."""

    status: int = 200
    headers: dict[str, Any] = {}
    body: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    response_time: float | str | None = None
    streaming_mode: bool = msgspec.field(default=False, name="streamingMode")


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it is posted; members that are not known are let be."""

    request: PostedRequest
    response: PostedResponse
    metadata: dict[str, Any] = {}


def record_of(posted: Posted, chance: int, now_us: int, world: Snapshot) -> Record:
    """The record, with its cost where that can be known; `world` as its poster sees it. Its id says when it began, as all ids
    do, and has these 62 bits of chance. Raises `Refusal` 400."""
    asked, answered = posted.request, posted.response
    latency_us, time_us = _times(posted, now_us)
    operation, dialect = _api(asked.url)
    request, response = _bytes(asked.body), _bytes(answered.body)
    model = _model(request)
    slug, row = _provider(asked, world)
    ok = answered.status < 400
    outcome = _outcome(dialect, response) if ok else Outcome()
    record = Record(
        id=new_id(time_us, chance),
        time_us=time_us,
        source="posted",
        provider=slug,
        provider_kind=row.slug if row is not None else "",
        operation=operation,
        path=urlsplit(asked.url).path[:2048] if asked.url else "",
        dialect_in=dialect,
        dialect_out=dialect,
        model_asked=model,
        model_sent=model,
        model_served=outcome.model[:256],
        stream=answered.streaming_mode,
        status=answered.status,
        outcome="ok" if ok else "failed",
        finish=outcome.finish.reason if outcome.finish is not None else "",
        latency_us=latency_us,
        bytes_in=len(request),
        bytes_out=len(response),
        request=request,
        response=response,
        **_metadata(posted.metadata),
    )
    record.trace_id = record.trace_id or record.id.replace("-", "")
    if not ok and dialect:
        failure = RELAYS[dialect].read_error(answered.status, response)
        record.error_code, record.error = failure.code or failure.kind, failure.message[:2000]
    if outcome.usage is not None:
        record.usage, record.usage_source = outcome.usage, "provider"
        _price(record, row, slug, world)
    return record


def _price(record: Record, row: Row | None, slug: str, world: Snapshot) -> None:
    if row is None:
        record.cost_note = "unknown provider"
        return
    provider = world.providers.get(slug)
    known_by = slug if provider is None else provider.known_by
    priced = world.prices.cost(row, record.model_sent, record.model_served, record.usage, record.time_us, known_by)
    record.cost_nusd, record.price_version, record.cost_note = priced.nusd, priced.version, priced.note


def _provider(asked: PostedRequest, world: Snapshot) -> tuple[str, Row | None]:
    """Whose it was: its slug, and its row in the table, if there is one."""
    named = asked.provider.removeprefix("@")[:256]
    if named:
        provider = world.providers.get(named)
        return named, provider.row if provider is not None else TABLE.get(named)
    host = _host(asked.url)
    for provider in world.providers.values() if host else ():
        if provider.destination.host == host:
            return provider.slug, provider.row
    for row in TABLE.values() if host else ():
        if _host(row.base_url) == host:
            return row.slug, row
    return "", None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _api(url: str) -> tuple[Operation, str]:
    try:
        path = urlsplit(url).path.rstrip("/")
    except ValueError:
        raise Refusal(400, "invalid_value", f"'{url[:200]}' is no address.", param="request.url") from None
    for end, operation, dialect in _APIS:
        if path.endswith(end):
            return operation, dialect
    return "proxy", ""


def _outcome(dialect: str, body: bytes) -> Outcome:
    """What the answer says of itself."""
    if not dialect or not body:
        return Outcome()
    relay = RELAYS[dialect]
    if relay.tap is None or body.lstrip()[:1] in (b"{", b"["):
        return relay.observe(body)
    tap = relay.tap(False)
    tap.feed(body)
    tap.end()
    return tap.outcome


def _bytes(body: msgspec.Raw) -> bytes:
    """JSON as it came; a text as what it says."""
    data = bytes(body)
    if data in (b"", b"null"):
        return b""
    return msgspec.json.decode(data, type=str).encode("utf-8", "surrogatepass") if data[:1] == b'"' else data


def _model(request: bytes) -> str:
    try:
        return msgspec.json.decode(request, type=_Asked).model[:256]
    except msgspec.DecodeError:
        return ""


class _Asked(msgspec.Struct):
    model: str = ""


def _times(posted: Posted, now_us: int) -> tuple[int, int]:
    """How long it took, and when it began, in µs. One that does not say when has ended now."""
    try:
        ms = float(posted.response.response_time or 0)
    except ValueError:
        ms = -1.0
    if not 0 <= ms <= _LONGEST_MS:  # NaN as well
        raise Refusal(400, "invalid_value", "A response_time is in ms, and at most a day.", param="response.response_time")
    latency_us = int(ms * 1000)
    began_us = _moment(posted.metadata, _BEGAN)
    if began_us is None or not 0 < began_us <= now_us:
        ended_us = _moment(posted.metadata, _ENDED)
        began_us = (ended_us if ended_us is not None and 0 < ended_us <= now_us else now_us) - latency_us
    return latency_us, max(began_us, 1)


def _moment(metadata: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    found: Any = next((metadata[name] for name in names if name in metadata), None)
    # What is no number of ns since 2001 is somebody's own, and stays in the metadata.
    return found // 1000 if isinstance(found, int) and found > 10**18 else None


def _metadata(said: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a record that metadata says. Raises `Refusal` 400."""
    members: dict[str, Any] = {}
    rest: dict[str, str] = {}
    for name, value in said.items():
        if value is None:
            continue
        text = as_text(value) if isinstance(value, str | int | float | bool) else encode(value).decode()
        if name in _SPAN:
            members.setdefault(_SPAN[name], text[:_ID])
        elif len(name) > LENGTH or len(text) > LENGTH:
            raise Refusal(400, "invalid_metadata", f"A name or value is longer than {LENGTH} characters.", param="metadata")
        else:
            rest[name] = text
    if len(rest) > MEMBERS:
        raise Refusal(400, "invalid_metadata", f"Metadata may have at most {MEMBERS} members.", param="metadata")
    return {**members, "metadata": rest}
