"""What records add to the metrics of the GenAI conventions: histograms of tokens, durations and first tokens.

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md, from which the borders of
the buckets are. The gateway is a client of its providers, and reports what they are measured by as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import msgspec

from lockgate.core.record import Record
from lockgate.dialects.otlp.genai import error_of, failed, operation_of, provider_of
from lockgate.dialects.otlp.nouns import pairs
from lockgate.wire.protobuf import Tree

DELTA, CUMULATIVE = 1, 2
#: Combinations of attributes of one metric; what is beyond goes together into one (limit and name are the SDK specification's).
SERIES = 2000
_OVERFLOW = (("otel.metric.overflow", True),)

_Labels = tuple[tuple[str, Any], ...]


class Instrument(msgspec.Struct, frozen=True):
    """One histogram."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...]


TOKENS = Instrument(
    "gen_ai.client.token.usage",
    "{token}",
    "Number of input and output tokens used.",
    tuple(float(4**n) for n in range(14)),
)
DURATION = Instrument(
    "gen_ai.client.operation.duration",
    "s",
    "GenAI operation duration.",
    tuple(round(0.01 * 2**n, 2) for n in range(14)),
)
FIRST_TOKEN = Instrument(
    "gen_ai.server.time_to_first_token",
    "s",
    "Time to generate first token for successful responses.",
    (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
INSTRUMENTS = (TOKENS, DURATION, FIRST_TOKEN)
_HITS = frozenset(("hit", "semantic hit"))


class Histogram(msgspec.Struct):
    """What was observed under one combination of attributes."""

    counts: list[int]
    count: int = 0
    sum: float = 0.0


class Measures:
    """All histograms, from `start_ns` on (ns since the epoch)."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self._series: dict[str, dict[_Labels, Histogram]] = {each.name: {} for each in INSTRUMENTS}

    def __repr__(self) -> str:
        return f"Measures({sum(map(len, self._series.values()))} series)"

    def count(self, record: Record) -> None:
        """What a record adds."""
        labels: list[tuple[str, Any]] = [("gen_ai.operation.name", operation_of(record))]
        if provider := provider_of(record):
            labels.append(("gen_ai.provider.name", provider))
        if model := record.model_sent or record.model_asked:
            labels.append(("gen_ai.request.model", model))
        if record.model_served:
            labels.append(("gen_ai.response.model", record.model_served))
        ended = [*labels, ("error.type", error_of(record))] if failed(record) else labels
        self._observe(DURATION, tuple(ended), max(0, record.latency_us) / 1e6)
        if record.cache in _HITS:  # no provider took a first token's time, or counted a token
            return
        if record.outcome == "ok" and record.ttft_us is not None:
            self._observe(FIRST_TOKEN, tuple(labels), record.ttft_us / 1e6)
        if record.usage is not None:
            for kind, number in (("input", record.usage.input), ("output", record.usage.output)):
                if number > 0:
                    self._observe(TOKENS, (*labels, ("gen_ai.token.type", kind)), float(number))

    def tree(self, resource: Mapping[str, Any], scope: tuple[str, str], schema: str, now_ns: int, temporality: int) -> Tree:
        """An `ExportMetricsServiceRequest`: how it stands at `now_ns`."""
        metrics: list[Tree] = []
        for instrument in INSTRUMENTS:
            if series := self._series[instrument.name]:
                points = [self._point(instrument, labels, each, now_ns) for labels, each in series.items()]
                metrics.append(
                    {
                        "name": instrument.name,
                        "description": instrument.description,
                        "unit": instrument.unit,
                        "histogram": {"dataPoints": points, "aggregationTemporality": temporality},
                    }
                )
        within = {"scope": {"name": scope[0], "version": scope[1]}, "metrics": metrics, "schemaUrl": schema}
        return {"resourceMetrics": [{"resource": {"attributes": pairs(resource)}, "scopeMetrics": [within]}]}

    def _observe(self, instrument: Instrument, labels: _Labels, value: float) -> None:
        series = self._series[instrument.name]
        found = series.get(labels)
        if found is None:
            if len(series) >= SERIES - 1:
                labels = _OVERFLOW
            found = series.setdefault(labels, Histogram([0] * (len(instrument.bounds) + 1)))
        found.counts[bisect_left(instrument.bounds, value)] += 1  # a border belongs to the bucket below it
        found.count += 1
        found.sum += value

    def _point(self, instrument: Instrument, labels: _Labels, histogram: Histogram, now_ns: int) -> Tree:
        return {
            "startTimeUnixNano": self.start_ns,
            "timeUnixNano": now_ns,
            "count": histogram.count,
            "sum": histogram.sum,
            "bucketCounts": histogram.counts,
            "explicitBounds": list(instrument.bounds),
            "attributes": pairs(dict(labels)),
        }
