"""A proposed configuration, tried on the requests that were: what would go elsewhere, what it would cost, what would be
refused, and what failures it would have got over.

Where a route draws, each request counts with its odds, so that all numbers are expected values and a second run says the same.
The log is read once, from the newest record on, and only sums are kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from lockgate.control.replay import Replay, Turn
from lockgate.core.failure import Failure, Refusal
from lockgate.core.record import Record
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.telling import said

#: Kinds of change that are told apart at most; callers choose the names of models, so there must be an end.
MOST = 5000
#: What the others are counted under.
OTHERS = "(others)"
#: Records that are in memory at a time, and bytes of their bodies.
_BATCH, _BATCH_BYTES = 500, 16 * 1024 * 1024


class Limits(Protocol):
    """What limits would have said of requests."""

    def judge(self, record: Record, provider: str, model: str, cost_nusd: int | None) -> Refusal | None:
        """The refusal of a request that would go to a target at this cost; None: it may go. Asked from the newest one on."""
        ...


class Shift(msgspec.Struct):
    """Requests that went to `before` and would go to `after` ("@slug/model", or "refused: CODE").

    `requests` are expected; `recorded_nusd` and `new_nusd` are summed over those of which both are known, `unpriced` counts
    the others that used something.
    """

    before: str
    after: str
    requests: float = 0.0
    recorded_nusd: float = 0.0
    new_nusd: float = 0.0
    unpriced: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether they go elsewhere."""
        return self.before != self.after


class Fate(msgspec.Struct):
    """Requests of which it was `then` so, and that would fare otherwise, or that nobody knows of, at the target `after`."""

    then: str
    before: str
    now: str
    after: str
    requests: float = 0.0


class Refused(msgspec.Struct):
    """Requests that would be refused, and were not; `message` is that of the first."""

    code: str
    message: str
    requests: float = 0.0


class Report(msgspec.Struct):
    """A back-test. Times are µs since the epoch; `skipped` and `undecided` count records by why, and by the facts that are not
    recorded; `bodies` says of how many records the body was there."""

    revision: str
    since_us: int | None = None
    until_us: int | None = None
    records: int = 0
    bodies: int = 0
    replayed: int = 0
    skipped: dict[str, int] = {}
    undecided: dict[str, int] = {}
    shifts: list[Shift] = []
    fates: list[Fate] = []
    refused: list[Refused] = []
    limits: list[Refused] = []

    @property
    def moved(self) -> float:
        """How many requests would go elsewhere."""
        return sum(shift.requests for shift in self.shifts if shift.changed)


def back_test(
    records: Iterable[Record], replay: Replay, new: Snapshot, limits: Limits | None, progress: Callable[[int], None]
) -> Report:
    """Try the world `new` on `records`. `progress` is told how many have been read, now and then."""
    adding = _Adding(new, replay, limits)
    count = 0
    for batch in _batches(records):
        # The oldest first: a price that has been looked up holds for some time from then on.
        for record in reversed(batch):
            adding.add(record)
        count += len(batch)
        progress(count)
    return adding.report()


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.request)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Adding:
    """A report while it grows."""

    def __init__(self, new: Snapshot, replay: Replay, limits: Limits | None) -> None:
        self._report = Report(new.revision)
        self._prices = new.prices
        self._replay = replay
        self._limits = limits
        self._skipped: Counter[str] = Counter()
        self._undecided: Counter[str] = Counter()
        self._shifts: dict[tuple[str, str], Shift] = {}
        self._fates: dict[tuple[str, str, str, str], Fate] = {}
        self._refused: dict[str, Refused] = {}
        self._barred: dict[str, Refused] = {}

    def add(self, record: Record) -> None:
        report = self._report
        report.records += 1
        report.bodies += bool(record.request) and not record.truncated
        report.until_us = record.time_us if report.until_us is None else max(report.until_us, record.time_us)
        report.since_us = record.time_us if report.since_us is None else min(report.since_us, record.time_us)
        case = self._replay.replay(record)
        if case.skipped:
            self._skipped[case.skipped] += 1
        elif case.unknown:
            self._undecided[", ".join(sorted(case.unknown))] += 1
        else:
            report.replayed += 1
            then, before = _then(record), _before(record)
            for turn in case.turns:
                self._turn(record, turn, then, before)

    def report(self) -> Report:
        report = self._report
        report.skipped, report.undecided = _most(self._skipped), _most(self._undecided)
        report.shifts = sorted(self._shifts.values(), key=lambda each: (-each.requests, each.before, each.after))
        report.fates = sorted(self._fates.values(), key=lambda each: (-each.requests, each.before, each.after))
        report.refused = sorted(self._refused.values(), key=lambda each: -each.requests)
        report.limits = sorted(self._barred.values(), key=lambda each: -each.requests)
        return report

    def _turn(self, record: Record, turn: Turn, then: str, before: str) -> None:
        after, now = _after(turn), _now(turn)
        shift = self._shift(before, after)
        shift.requests += turn.odds
        cost = self._cost(record, turn)
        if cost is not None and record.cost_nusd is not None:
            shift.recorded_nusd += turn.odds * record.cost_nusd
            shift.new_nusd += turn.odds * cost
        elif record.usage is not None or record.cost_nusd:
            shift.unpriced += turn.odds
        if then != "answered" or now not in ("answered", _UNTRIED):
            fate = self._fate(then, before, now, after)
            fate.requests += turn.odds
        if turn.refusal is not None:
            if not then.startswith("refused"):
                _count(self._refused, turn.refusal, turn.odds)
        elif self._limits is not None and turn.target is not None:
            barred = self._limits.judge(record, turn.target.provider.slug, turn.target.model, cost)
            if barred is not None:
                _count(self._barred, barred, turn.odds)

    def _cost(self, record: Record, turn: Turn) -> int | None:
        """What the recorded usage costs at the target, by the prices of the new world; None where nobody knows."""
        target = turn.target
        if turn.refusal is not None or turn.failure is not None or target is None:
            return 0
        if record.usage is None:
            return record.cost_nusd if record.operation == "count" else None
        same = (target.provider.slug, target.model) == (record.provider, record.model_sent)
        served = record.model_served if same else ""
        known = target.provider.known_by
        return self._prices.cost(target.provider.row, target.model, served, record.usage, record.time_us, known).nusd

    def _shift(self, before: str, after: str) -> Shift:
        key = (before, after)
        if key not in self._shifts and len(self._shifts) >= MOST:
            key = (OTHERS, OTHERS if before == after else f"{OTHERS} elsewhere")
        return self._shifts.setdefault(key, Shift(*key))

    def _fate(self, then: str, before: str, now: str, after: str) -> Fate:
        key = (then, before, now, after)
        if key not in self._fates and len(self._fates) >= MOST:
            key = (then, OTHERS, now, OTHERS)
        return self._fates.setdefault(key, Fate(*key))


def _most(counts: Counter[str]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _count(counts: dict[str, Refused], refusal: Refusal, odds: float) -> None:
    """Count a refusal by its code and rule."""
    key = f"{refusal.code} {refusal.rule}"
    if key not in counts and len(counts) >= MOST:
        key = refusal.code
    counts.setdefault(key, Refused(refusal.code, refusal.message)).requests += odds


_UNTRIED = "not known"
_NOW = {"recorded": "answered", "retried": "retried, not known", "unknown": _UNTRIED}


def _then(record: Record) -> str:
    """How a request fared: "answered", "failed: rate_limit (429)", "refused: CODE"."""
    if record.outcome == "refused":
        return f"refused: {record.error_code}"
    if record.outcome != "failed":
        return "answered"
    last = record.attempts[-1] if record.attempts else None
    return "failed" if last is None else f"failed: {last.kind} ({last.status or record.status})"


def _before(record: Record) -> str:
    return f"@{record.provider}/{record.model_sent}" if record.provider else _then(record)


def _after(turn: Turn) -> str:
    if turn.refusal is not None or turn.target is None:
        return f"refused: {turn.refusal.code if turn.refusal is not None else ''}"
    return f"@{turn.target.provider.slug}/{turn.target.model}"


def _now(turn: Turn) -> str:
    """How a request would fare."""
    if turn.refusal is not None:
        return f"refused: {turn.refusal.code}"
    return _NOW[turn.known] if turn.failure is None else _failed(turn.failure)


def _failed(failure: Failure) -> str:
    return f"failed: {said(failure)}"
