"""The tally: what each record adds to the numbers.

A model becomes a label when it has answered, so that whatever callers invent stays "other"; a provider when it was asked.
"""

from __future__ import annotations

from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics.families import COUNTED, Family
from lockgate.stores.metrics.names import Names
from lockgate.stores.metrics.series import Series
from lockgate.stores.rollup import whole

#: How many of each have a label of their own.
MODELS, PROVIDERS, CODES = 100, 100, 100
#: Parts of `Usage` that are no tokens.
_UNITS = ("characters", "pages", "images", "audio_ms", "searches")


class Tally:
    """All that is counted."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {family.name: Series(family) for family in COUNTED}
        self.models = Names(MODELS)
        self.providers = Names(PROVIDERS)
        self.codes = Names(CODES)

    def __repr__(self) -> str:
        return f"Tally({sum(len(each.numbers) for each in self.series.values())} series)"

    def add(self, family: Family, number: int, *labels: str) -> None:
        """Count so many; no more than anybody can mean."""
        self.series[family.name].add(labels, whole(number))

    def count(self, record: Record) -> None:
        """Count a record."""
        self._learn(record)
        operation = record.operation
        target = self._target(record.provider, record.model_sent)
        status = f"{record.status // 100}xx"
        self.add(of.REQUESTS, 1, operation, *target, status, record.outcome)
        self.add(of.RECORDS, 1)
        stream = "true" if record.stream else "false"
        self._observe(of.DURATION, record.latency_us, operation, *target, stream)
        if record.stream and record.ttft_us is not None:
            self._observe(of.FIRST_TOKEN, record.ttft_us, *target)
        self._observe(of.OVERHEAD, record.gateway_us, operation)
        if record.outcome == "refused":
            self.add(of.REFUSALS, 1, operation, self.codes.label(record.error_code))
        if record.bytes_in > 0:
            self.add(of.RECEIVED, record.bytes_in, operation)
        if record.bytes_out > 0:
            self.add(of.SENT, record.bytes_out, operation)
        self._count_attempts(record.attempts)
        if record.usage is not None:
            self._count_usage(record.usage, target)
            if record.cost_nusd is None:
                self.add(of.UNPRICED, 1, *target)
        if record.cost_nusd is not None and record.cost_nusd > 0:
            self.add(of.COST, record.cost_nusd, *target)

    def _learn(self, record: Record) -> None:
        """The names that a record brings."""
        now = record.time_us
        for name in {record.provider, *(attempt.provider for attempt in record.attempts)}:
            self._forget("provider", self.providers.learn(name, now))
        if record.outcome == "ok":
            self._forget("model", self.models.learn(record.model_sent, now))
        if record.outcome == "refused":
            self._forget("code", self.codes.learn(record.error_code, now))

    def _forget(self, label: str, value: str | None) -> None:
        if value is not None:
            for series in self.series.values():
                series.forget(label, value)

    def _target(self, provider: str, model: str) -> tuple[str, str]:
        return self.providers.label(provider), self.models.label(model)

    def _observe(self, family: Family, value: int, *labels: str) -> None:
        self.series[family.name].observe(labels, whole(value))

    def _count_attempts(self, attempts: list[Attempt]) -> None:
        before: Attempt | None = None
        for attempt in attempts:
            target = self._target(attempt.provider, attempt.model)
            if attempt.kind == "hedged":
                self.add(of.ATTEMPTS, 1, *target, "hedged")
                continue
            self.add(of.ATTEMPTS, 1, *target, "failed" if attempt.kind else "ok")
            if attempt.kind:
                self.add(of.FAILURES, 1, *target, attempt.kind)
            if before is not None and before.kind:
                again = (before.target, before.provider, before.model) == (attempt.target, attempt.provider, attempt.model)
                self.add(of.RETRIES if again else of.FALLBACKS, 1, *self._target(before.provider, before.model))
            before = attempt

    def _count_usage(self, usage: Usage, target: tuple[str, str]) -> None:
        kinds = {
            "input": usage.input - usage.cached - usage.cache_write,
            "cache_read": usage.cached,
            "cache_write": usage.cache_write,
            "output": usage.output - usage.reasoning,
            "reasoning": usage.reasoning,
        }
        for kind, number in kinds.items():
            if number > 0:
                self.add(of.TOKENS, number, *target, kind)
        for unit in _UNITS:
            if (number := getattr(usage, unit)) > 0:
                self.add(of.UNITS, number, *target, unit)
