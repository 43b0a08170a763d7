"""The tally: what each record adds to the numbers.

A model becomes a label when it has answered, so that whatever callers invent stays "other"; a provider when it was asked.
"""

from __future__ import annotations

from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.stores.logs.rollup import whole
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics.families import COUNTED, Family
from lockgate.stores.metrics.names import Names
from lockgate.stores.metrics.series import Series

#: How many of each have a label of their own.
MODELS, PROVIDERS, CODES = 100, 100, 100
#: Words of `core.record.Cache` for an answer that no provider was asked for.
HITS = frozenset(("hit", "semantic hit"))


class Tally:
    """All that is counted."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {family.name: Series(family) for family in COUNTED}
        self.models = Names(MODELS)
        self.providers = Names(PROVIDERS)
        self.codes = Names(CODES)
        # For each record: looked up once.
        self._requests, self._records = self.of(of.REQUESTS), self.of(of.RECORDS)
        self._duration, self._first, self._overhead = self.of(of.DURATION), self.of(of.FIRST_TOKEN), self.of(of.OVERHEAD)
        self._received, self._sent = self.of(of.RECEIVED), self.of(of.SENT)
        self._attempts, self._tokens, self._cost = self.of(of.ATTEMPTS), self.of(of.TOKENS), self.of(of.COST)

    def __repr__(self) -> str:
        return f"Tally({sum(len(each.numbers) for each in self.series.values())} series)"

    def of(self, family: Family) -> Series:
        """The numbers of a family."""
        return self.series[family.name]

    def count(self, record: Record) -> None:
        """Count a record."""
        self._learn(record)
        operation, outcome = record.operation, record.outcome
        target = provider, model = self._target(record.provider, record.model_sent)
        self._requests.add((operation, provider, model, f"{record.status // 100}xx", outcome))
        self._records.add(())
        self._duration.observe((operation, provider, model, "true" if record.stream else "false"), whole(record.latency_us))
        hit = record.cache in HITS
        if record.cache:
            self._count_cache(record, target)
        if record.stream and record.ttft_us is not None and not hit:
            self._first.observe(target, whole(record.ttft_us))
        self._overhead.observe((operation,), whole(record.gateway_us))
        if outcome == "refused":
            self.of(of.REFUSALS).add((operation, self.codes.label(record.error_code)))
        self._received.add((operation,), whole(record.bytes_in))
        self._sent.add((operation,), whole(record.bytes_out))
        self._count_attempts(record.attempts)
        cost = record.cost_nusd
        if record.usage is not None and not hit:
            self._count_usage(record.usage, provider, model)
            if cost is None:
                self.of(of.UNPRICED).add(target)
        if cost is not None and cost > 0:
            self._cost.add(target, whole(cost))

    def _learn(self, record: Record) -> None:
        """The names that a record brings."""
        now, provider = record.time_us, record.provider
        self._forget("provider", self.providers.learn(provider, now))
        for attempt in record.attempts:
            if attempt.provider != provider:
                self._forget("provider", self.providers.learn(attempt.provider, now))
        if record.outcome == "ok":
            self._forget("model", self.models.learn(record.model_sent, now))
        elif record.outcome == "refused":
            self._forget("code", self.codes.learn(record.error_code, now))

    def _forget(self, label: str, value: str | None) -> None:
        if value is not None:
            for series in self.series.values():
                series.forget(label, value)

    def _target(self, provider: str, model: str) -> tuple[str, str]:
        return self.providers.label(provider), self.models.label(model)

    def _count_attempts(self, attempts: list[Attempt]) -> None:
        before: Attempt | None = None
        for attempt in attempts:
            provider, model = self._target(attempt.provider, attempt.model)
            if attempt.kind == "hedged":
                self._attempts.add((provider, model, "hedged"))
                continue
            self._attempts.add((provider, model, "failed" if attempt.kind else "ok"))
            if attempt.kind:
                self.of(of.FAILURES).add((provider, model, attempt.kind))
            if before is not None and before.kind:
                again = (before.target, before.provider, before.model) == (attempt.target, attempt.provider, attempt.model)
                self.of(of.RETRIES if again else of.FALLBACKS).add(self._target(before.provider, before.model))
            before = attempt

    def _count_cache(self, record: Record, target: tuple[str, str]) -> None:
        self.of(of.CACHE).add((*target, record.cache.replace(" ", "_")))
        if record.saved_nusd > 0:
            self.of(of.CACHE_SAVED).add(target, whole(record.saved_nusd))
        if (saved := record.saved_us - record.latency_us) > 0:
            self.of(of.CACHE_SAVED_TIME).add(target, whole(saved))

    def _count_usage(self, usage: Usage, provider: str, model: str) -> None:
        tokens = self._tokens
        for kind, number in (
            ("input", usage.input - usage.cached - usage.cache_write),
            ("cache_read", usage.cached),
            ("cache_write", usage.cache_write),
            ("output", usage.output - usage.reasoning),
            ("reasoning", usage.reasoning),
        ):
            if number > 0:
                tokens.add((provider, model, kind), whole(number))
        for unit, number in (
            ("characters", usage.characters),
            ("pages", usage.pages),
            ("images", usage.images),
            ("audio_ms", usage.audio_ms),
            ("searches", usage.searches),
        ):
            if number > 0:
                self.of(of.UNITS).add((provider, model, unit), whole(number))
