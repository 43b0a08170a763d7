"""OpenTelemetry: records as spans, and as metrics, to a collector by OTLP/HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp).

Spans and metrics are two sinks, since one may fail without the other. A span's ids are those of its record, so that a collector
which is sent a batch again after a lost answer can tell.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lockgate import __version__
from lockgate.core.json import encode
from lockgate.dialects.otlp import schema
from lockgate.dialects.otlp.genai import SCHEMA, spans
from lockgate.dialects.otlp.metrics import CUMULATIVE, Measures
from lockgate.dialects.otlp.nouns import traces
from lockgate.stores.sinks.port import Batch
from lockgate.stores.sinks.poster import Place, Poster, Told
from lockgate.transport.exchange import Headers
from lockgate.wire.protobuf import Malformed, Message, Tree, from_json, read, to_json, write

SCOPE = ("lockgate", __version__)


class Line(msgspec.Struct, frozen=True):
    """How a collector is spoken to. `headers` may hold a key, so they are never shown."""

    place: Place
    headers: tuple[tuple[bytes, bytes], ...] = ()
    json: bool = False
    gzip: bool = True

    def __repr__(self) -> str:
        return f"Line({self.place})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("place", self.place)]

    def post(self, poster: Poster, message: Message, tree: Tree) -> Told:
        """Send a message. Raises `StoreError`, `Refused`."""
        body = encode(to_json(message, tree)) if self.json else write(message, tree)
        headers: Headers = [(b"content-type", b"application/json" if self.json else b"application/x-protobuf"), *self.headers]
        if self.gzip:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers.append((b"content-encoding", b"gzip"))
        return poster.post(self.place, headers, body)


def rejected(told: Told, message: Message, member: str) -> int:
    """How many of what was sent a collector has rejected (its partial success); 0 where its answer cannot be read."""
    kind = next((value for name, value in told.headers if name == b"content-type"), b"")
    try:
        if kind.startswith(b"application/json"):
            tree = from_json(message, msgspec.json.decode(told.body or b"{}"))
        else:
            tree = read(message, told.body)
    except (Malformed, msgspec.DecodeError):
        return 0
    return max(0, int(tree.get("partialSuccess", {}).get(member, 0)))


class OtlpTraces:
    """Records as spans. `content`: with what was said."""

    mark = ""

    def __init__(self, line: Line, poster: Poster, resource: Mapping[str, Any], *, content: bool = False) -> None:
        self._line = line
        self._poster = poster
        self._resource = resource
        self._content = content

    def __repr__(self) -> str:
        return f"OtlpTraces({self._line})"

    def send(self, batch: Batch) -> int:
        """See `Sink`. A collector counts the spans that it rejects, and says not which: as many records count as refused."""
        found = [span for record in batch.records for span in spans(record, content=self._content)]
        told = self._line.post(self._poster, schema.TRACES, traces(self._resource, SCOPE, found, SCHEMA))
        return min(rejected(told, schema.ANSWER, "rejectedSpans"), len(batch.records))

    def close(self) -> None:
        """See `Sink`."""
        self._poster.close()


class OtlpMetrics:
    """Records as metrics. `temporality`: what has been since the start of this process, or since the last batch. `clock` gives
    ns since the epoch."""

    mark = ""

    def __init__(
        self,
        line: Line,
        poster: Poster,
        resource: Mapping[str, Any],
        *,
        clock: Callable[[], int],
        temporality: int = CUMULATIVE,
    ) -> None:
        self._line = line
        self._poster = poster
        self._resource = resource
        self._clock = clock
        self._temporality = temporality
        self._measures = Measures(clock())
        self._counted = 0  # the last batch that is in the measures
        self._until = 0  # when it was counted

    def __repr__(self) -> str:
        return f"OtlpMetrics({self._line})"

    def send(self, batch: Batch) -> int:
        """See `Sink`. What is tried again is counted once."""
        if batch.number != self._counted:
            if self._temporality != CUMULATIVE and self._counted:
                self._measures = Measures(self._until)
            for record in batch.records:
                self._measures.count(record)
            self._counted = batch.number
            self._until = self._clock()
        tree = self._measures.tree(self._resource, SCOPE, SCHEMA, self._until, self._temporality)
        told = self._line.post(self._poster, schema.METRICS, tree)
        return min(rejected(told, schema.METRICS_ANSWER, "rejectedDataPoints"), len(batch.records))

    def close(self) -> None:
        """See `Sink`."""
        self._poster.close()
