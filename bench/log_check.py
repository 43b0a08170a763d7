"""What a request log must hold after anything: every answer that a caller got whole, once, as it was; and all ways to ask the
log agree. For a data directory whose gateway has ended.

A caller's answers are compared with the log one by one. The log is compared with itself: graphs and groups (roll-ups), searches
by provider, trace and word (indexes), the JSON lines of a sink, and the numbers of `/metrics`, with its rows.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from bench.callers import Answer, digest

from lockgate.core.record import Record
from lockgate.stores.logs.ports import Cursor, Filter
from lockgate.stores.logs.rollup import DAY_US, HOUR_US, MINUTE_US, Totals
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.metrics.saved import NAME, read_saved
from lockgate.stores.spool import segments

#: Requests that are looked for by each index; and those whose bodies are compared, when there are more.
SAMPLE, COMPARED = 200, 5000
_DIMENSIONS = ("model", "provider", "key", "user", "workspace", "operation", "status", "outcome", "error", "metadata.caller")


class Findings(msgspec.Struct):
    """What a log was found to hold; all but the first three must be 0, as far as nothing was left out.

    `bodiless`: a completed request's record came without its bodies and says so. `altered`: a body or the request's id is
    another than the caller's. `miscounted`: graphs and groups that are not the sum of the rows. `unfound`: searches that find
    something else than there is. `sink_*`: records of the sink that are missing or there twice. `uncounted`: how far `/metrics`
    is off.
    """

    rows: int = 0
    completed: int = 0
    broken: int = 0
    bodiless: int = 0
    missing: int = 0
    doubled: int = 0
    altered: int = 0
    miscounted: int = 0
    unfound: int = 0
    sink_missing: int = 0
    sink_doubled: int = 0
    uncounted: int = 0
    left: int = 0  # segments in the spool
    words: list[str] = []  # what the process log says that it should not

    def wrong(self, *but: str) -> list[str]:
        """The members that should be 0 and are not, but for these."""
        exact = self.__struct_fields__[3:]
        return [name for name in exact if name not in but and getattr(self, name)]


def check(data: Path, answers: Sequence[Answer], broken: Sequence[str], sink: Path | None, said: Path) -> Findings:
    """Hold a data directory against what callers got. `sink`: where a sink of JSON lines writes; `said`: the process log."""
    log = SqliteLog(data / "log", report=print)
    served = [answer for answer in answers if answer.id]  # what has no id was turned away before it was a request
    found = Findings(completed=len(served), broken=len(broken))
    rows = list(log.scan(Filter()))
    found.rows = len(rows)
    kept = Counter(row.trace_id for row in rows)
    found.missing = sum(not kept[answer.trace] for answer in served)
    found.doubled = sum(many - 1 for many in kept.values()) + len(rows) - len({row.id for row in rows})
    there = [answer for answer in served if kept[answer.trace]]
    stripped = {row.id for row in rows if row.truncated}
    found.bodiless = sum(answer.id in stripped for answer in there)
    for answer in random.Random(1).sample(there, min(COMPARED, len(there))):
        found.altered += not _is_same(answer, log.get(answer.id))
    found.miscounted = _miscounted(log, rows)
    found.unfound = _unfound(log, rows, there)
    if sink is not None:
        lines = Counter(
            json.loads(line)["id"] for path in sink.glob("*.jsonl") for line in path.read_bytes().splitlines() if line
        )
        found.sink_missing = len({row.id for row in rows} - lines.keys())
        found.sink_doubled = sum(lines.values()) - len(lines) + len(lines.keys() - {row.id for row in rows})
    saved = read_saved(data / NAME)
    counted = 0 if saved is None else sum(row[0] for _, row in saved.numbers.get("lockgate_records", ()))
    found.uncounted = abs(counted - len(rows))
    found.left = len(segments(data / "spool"))
    suspicious = ("Traceback", "damaged", "set aside", "CRITICAL")
    found.words = [line for line in said.read_text(errors="replace").splitlines() if any(word in line for word in suspicious)]
    log.close()
    return found


def _is_same(answer: Answer, record: Record | None) -> bool:
    """Whether a record says what the caller knows; its bodies may have been left out."""
    if record is None or record.trace_id != answer.trace or record.status != answer.status:
        return False
    if record.truncated and not record.request:
        return True
    return (digest(record.request), digest(record.response)) == (answer.request, answer.response)


def _miscounted(log: SqliteLog, rows: Sequence[Record]) -> int:
    """Graphs and groups that do not come to what the rows do."""
    if not rows:
        return 0
    true = (
        len(rows),
        sum(row.usage.input + row.usage.output for row in rows if row.usage is not None),
        sum(row.cost_nusd or 0 for row in rows),
        sum(row.latency_us for row in rows),
        sum(row.outcome == "client_left" for row in rows),
        len(rows),  # by its sketch of latencies
    )
    wide = Filter(since_us=min(row.time_us for row in rows) - DAY_US, until_us=max(row.time_us for row in rows) + DAY_US)
    series = [[totals for _, totals in log.series(wide, step)] for step in (MINUTE_US, HOUR_US, DAY_US)]
    groups = [[totals for _, totals in log.groups(wide, by, limit=1000, sketches=True).rows] for by in _DIMENSIONS]
    return sum(_sum(each) != true for each in (*series, *groups))


def _sum(totals: Sequence[Totals]) -> tuple[int, ...]:
    each = [(t.requests, t.input + t.output, t.cost_nusd, t.latency_us, t.client_left, t.latency.count) for t in totals]
    return tuple(sum(values) for values in zip(*each, strict=True))


def _unfound(log: SqliteLog, rows: Sequence[Record], served: Sequence[Answer]) -> int:
    """Searches that do not find what there is."""
    wrong = 0
    for meant, true in ((Filter(), rows), (Filter(providers=("up",)), [row for row in rows if row.provider == "up"])):
        wrong += Counter(row.id for row in _pages(log, meant)) != Counter(row.id for row in true)
    for answer in random.Random(1).sample(served, min(SAMPLE, len(served))):
        wrong += [row.id for row in log.page(Filter(traces=(answer.trace,))).records] != [answer.id]
        record = log.get(answer.id)
        if record is not None and record.request:
            wrong += [row.id for row in log.page(Filter(text=answer.word)).records] != [answer.id]
    return wrong


def _pages(log: SqliteLog, meant: Filter) -> list[Record]:
    found: list[Record] = []
    after: Cursor | None = None
    while True:
        page = log.page(meant, after, 500)
        found += page.records
        if page.next is None:
            return found
        after = page.next
