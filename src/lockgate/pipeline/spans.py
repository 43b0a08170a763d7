"""`POST /v1/otel/v1/traces` and `/logs`: spans of agents' own instrumentations, and what was said in them, by OTLP/HTTP.

Spans of generative AI become records of the key that brings them, priced as requests are; all others are taken and let be. The
same span is the same record, so that an exporter may send it again. Log records that tell what was said in a span are kept
beside it (`dialects.otlp.events`). The request itself is counted, and on no record.
Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

import msgspec

from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.dialects.otlp import events
from lockgate.dialects.otlp.nouns import Event, logged, told
from lockgate.dialects.otlp.reading import flaw_of, is_ours, record_of
from lockgate.dialects.otlp.schema import ANSWER, LOGS, LOGS_ANSWER, RPC_STATUS, TRACES
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.table import TABLE
from lockgate.wire.protobuf import Malformed, Message, Tree, from_json, read, to_json, write

PROTOBUF, JSON = b"application/x-protobuf", b"application/json"
#: Bytes of a request, also when it is unpacked: exporters send a few hundred spans at once.
MOST = 16 * 1024 * 1024
#: How long ago a span may have begun, and how far ahead a clock may be, in µs.
_PAST_US, _FUTURE_US = 30 * 86_400_000_000, 3600_000_000
#: Records that are written between two turns of others.
_AT_ONCE = 50
_CODES = {400: 3, 413: 8, 415: 3, 503: 14}  # google.rpc.Code


class Taken(msgspec.Struct):
    """What a request held."""

    records: list[Record]
    rejected: int = 0
    why: str = ""

    def reject(self, why: str) -> None:
        """One more was rejected."""
        self.rejected, self.why = self.rejected + 1, self.why or why


class Signal(msgspec.Struct, frozen=True):
    """What is sent: its name, its request and answer, the member of the answer that says how many were rejected, and what is
    taken of a request (of a principal, at a time)."""

    name: str
    request: Message
    answer: Message
    rejected: str
    take: Callable[[Tree, Principal, Snapshot, int], Taken]


async def take_spans(passing: Passing, provider_key: str) -> None:
    """Answer with how many were rejected. Raises no `Refusal` of its own: errors are said as OTLP says them."""
    await _take(passing, _SPANS)


async def take_events(passing: Passing, provider_key: str) -> None:
    """The same of log records."""
    await _take(passing, _EVENTS)


async def _take(passing: Passing, signal: Signal) -> None:
    call, account, runtime = passing.call, passing.account, passing.runtime
    account.record.unkept, account.record.cost_nusd = True, 0
    limit = min(passing.snapshot.limits.request, MOST)
    kind = call.headers.get(b"content-type", PROTOBUF).split(b";")[0].strip().lower()
    try:
        if kind not in (PROTOBUF, JSON):
            raise Refusal(415, "unsupported_media_type", f"Send {signal.name} as application/x-protobuf or application/json.")
        body = await passing.caller.body(limit)
        account.record.bytes_in = len(body)
        encoding = call.headers.get(b"content-encoding", b"identity").strip().lower()
        now_us = runtime.time_us()
        # Reading takes as long as many requests do: others have their turns meanwhile.
        data = await asyncio.to_thread(_unpacked, body, encoding, limit)
        taken = await asyncio.to_thread(_read, signal, data, kind, passing.principal, passing.snapshot, now_us)
        await _keep(passing, taken.records)
    except Refusal as refusal:
        status: Tree = {"code": _CODES.get(refusal.status, 2), "message": refusal.message}
        _answer(passing, refusal.status, kind, RPC_STATUS, status, refusal)
        return
    answer: Tree = {}
    if taken.rejected:
        answer = {"partialSuccess": {signal.rejected: taken.rejected, "errorMessage": taken.why}}
    _answer(passing, 200, kind, signal.answer, answer)


def _read(signal: Signal, data: bytes, kind: bytes, principal: Principal, snapshot: Snapshot, now_us: int) -> Taken:
    """The records in a body. Raises `Refusal`."""
    message = signal.request
    try:
        tree = read(message, data) if kind == PROTOBUF else from_json(message, msgspec.json.decode(data or b"{}"))
        return signal.take(tree, principal, snapshot, now_us)
    except (Malformed, msgspec.DecodeError, RecursionError) as error:
        raise Refusal(400, "invalid_body", f"The {signal.name} cannot be read: {error}.") from None


def _spans(tree: Tree, principal: Principal, snapshot: Snapshot, now_us: int) -> Taken:
    taken, (organisation, workspace) = Taken([]), _place(principal, snapshot)
    for each in told(tree):
        if flaw := flaw_of(each, now_us - _PAST_US, now_us + _FUTURE_US):
            taken.reject(flaw)
        elif is_ours(each):
            record = record_of(each, f"{organisation}/{workspace}")
            record.organisation, record.workspace, record.user = organisation, workspace, principal.user
            record.key_id, record.key_name, record.revision = principal.id, principal.name, snapshot.revision
            record.metadata = {**record.metadata, **principal.metadata}
            _price(record, snapshot)
            taken.records.append(record)
    return taken


def _events(tree: Tree, principal: Principal, snapshot: Snapshot, now_us: int) -> Taken:
    taken, (organisation, workspace) = Taken([]), _place(principal, snapshot)
    ours: list[Event] = []
    for each in filter(events.is_ours, logged(tree)):
        if flaw := events.flaw_of(each, now_us - _PAST_US, now_us + _FUTURE_US):
            taken.reject(flaw)
        else:
            ours.append(each)
    if snapshot.capture_of(principal, workspace) == "full":  # else there is nothing left to keep
        taken.records = events.records_of(ours, f"{organisation}/{workspace}", snapshot.log.body_limit // 2)
        for record in taken.records:
            record.organisation, record.workspace = organisation, workspace
    return taken


_SPANS = Signal("spans", TRACES, ANSWER, "rejectedSpans", _spans)
_EVENTS = Signal("log records", LOGS, LOGS_ANSWER, "rejectedLogRecords", _events)


def _place(principal: Principal, snapshot: Snapshot) -> tuple[str, str]:
    """The organisation and workspace that all of it belongs to."""
    if principal.organisation:
        return principal.organisation, principal.workspace
    return snapshot.home.organisation, snapshot.home.workspace


def _price(record: Record, snapshot: Snapshot) -> None:
    if record.usage is None:
        return
    provider = snapshot.providers.get(record.provider)
    row = provider.row if provider is not None else TABLE.get(record.provider)
    if row is None:
        record.cost_note = "unknown provider"
        return
    record.provider_kind = row.slug
    known_by = record.provider if provider is None else provider.known_by
    priced = snapshot.prices.cost(row, record.model_sent, record.model_served, record.usage, record.time_us, known_by)
    record.cost_nusd, record.price_version, record.cost_note = priced.nusd, priced.version, priced.note


async def _keep(passing: Passing, records: list[Record]) -> None:
    """Write them down, as far as may be. Raises `Refusal` 503 where that cannot be done now."""
    runtime, log = passing.runtime, passing.snapshot.log
    for n, record in enumerate(records):
        capture = passing.snapshot.capture_of(passing.principal, record.workspace)
        if capture != "full":
            record.request = record.response = b""
        if capture == "off":
            record.unkept, record.metadata, record.error = True, {}, ""
        redactor = runtime.redactor.under(passing.snapshot.mask_of(passing.principal, record.workspace))
        record.request, record.response = redactor(record.request), redactor(record.response)
        record.error = redactor.text(record.error)
        record.clip(log.body_limit)
        if not runtime.spool.append(record):
            raise Refusal(503, "log_unavailable", "The log takes nothing now. Send it again.", retry_after=5.0)
        if n % _AT_ONCE == _AT_ONCE - 1:
            await asyncio.sleep(0)


def _unpacked(body: bytes, encoding: bytes, limit: int) -> bytes:
    if encoding in (b"", b"identity"):
        return body
    if encoding != b"gzip":
        raise Refusal(415, "unsupported_encoding", "Send it as it is, or with content-encoding gzip.")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise Refusal(400, "invalid_body", "The body is no gzip.") from None
    if len(data) > limit:
        raise Refusal(413, "body_too_large", f"It is larger than {limit // (1024 * 1024)} MiB, the limit here.")
    if not unpacker.eof:
        raise Refusal(400, "invalid_body", "The body is cut short.")
    return data


def _answer(passing: Passing, status: int, kind: bytes, message: Message, tree: Tree, refusal: Refusal | None = None) -> None:
    """In the encoding that the caller speaks."""
    kind = kind if kind in (PROTOBUF, JSON) else JSON
    body = write(message, tree) if kind == PROTOBUF else encode(to_json(message, tree))
    account = passing.account
    account.record.bytes_out = len(body)
    account.close("refused" if refusal is not None else "ok", status, refusal)
    headers = [(b"content-type", kind), (b"x-lockgate-request-id", passing.call.id.encode())]
    if refusal is not None and refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(refusal.retry_after))))
    passing.caller.reply(status, headers, body)
