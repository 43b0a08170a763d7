"""What people said of traces, in a small table of its own: it is said on another day, or before the request is kept.

Rows of requests hold what it comes to, for those of the same organisation or of none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lockgate.core.record import Record
from lockgate.stores.logs.ports import Feedback
from lockgate.stores.logs.postgres import rolling
from lockgate.stores.logs.postgres.days import within
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.postgres.locks import CHANGING, SAYING, hold, hold_rollups
from lockgate.stores.logs.postgres.rolling import Change
from lockgate.stores.logs.postgres.rows import LARGEST, clean, hashed

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Feedback).decode
_SAY = "INSERT INTO log_feedback VALUES (%s, %s, %s, %s, %s, %s, %b)"
#: What is said of the traces of rows now, for each of them.
_SUMS = """
    SELECT r.day, r.time_us, r.id, r.rated, r.weight, r.score, count(f.id)::int,
        coalesce(sum(f.weight), 0)::bigint, coalesce(sum(f.value * f.weight), 0)::bigint
    FROM log_requests r LEFT JOIN log_feedback f ON f.trace = r.trace AND f.organisation IN ('', r.organisation)
    WHERE {}
    GROUP BY r.day, r.time_us, r.id
"""
_RATE = """
    UPDATE log_requests r SET rated = c.rated, weight = c.weight, score = c.score
    FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::int[], %s::bigint[], %s::bigint[])
        AS c(day, time_us, id, rated, weight, score)
    WHERE r.day = c.day AND r.time_us = c.time_us AND r.id = c.id
"""


def say(db: Connection, feedback: Sequence[Feedback]) -> None:
    """Keep what was said, and count it with the requests of its traces. Within a transaction."""
    hold(db, SAYING)
    hold(db, CHANGING)
    last = {clean(each.id): each for each in feedback}
    ids = sorted(last)
    traces = {trace for (trace,) in db.rows("DELETE FROM log_feedback WHERE id = ANY(%s) RETURNING trace", (ids,))}
    for id in ids:
        each = last[id]
        trace = hashed(each.trace_id) or 0
        traces.add(trace)
        weight, value = min(max(each.weight, 0), LARGEST >> 8), min(max(each.value, -100), 100)
        db.run(_SAY, (id, trace, within(each.time_us), value, weight, clean(each.organisation), _encode(each)))
    query = "SELECT DISTINCT day FROM log_requests WHERE trace = ANY(%s) ORDER BY day"
    for (day,) in db.rows(query, (sorted(traces),)):
        hold_rollups(db, day)
        rows = db.rows(_SUMS.format("r.day = %s AND r.trace = ANY(%s)"), (day, sorted(traces)))
        changed = [row for row in rows if row[3:6] != row[6:9]]
        rolling.change(
            db,
            day,
            [
                Change(time_us, id, rated=now[0] - was[0], weight=now[1] - was[1], score=now[2] - was[2])
                for _, time_us, id, *both in changed
                for was, now in [(both[:3], both[3:])]
            ],
        )
        _write(db, changed)


def count_for(db: Connection, batches: Sequence[int], records: Iterable[Record]) -> None:
    """Count what was said before with the requests of batches that are just written. Within their
    transaction, which shares `SAYING`."""
    if not db.rows("SELECT 1 FROM log_feedback LIMIT 1"):
        return
    traces = sorted({trace for record in records if (trace := hashed(record.trace_id)) is not None})
    known = [trace for (trace,) in db.rows("SELECT DISTINCT trace FROM log_feedback WHERE trace = ANY(%s)", (traces,))]
    if known:
        _write(db, db.rows(_SUMS.format("r.batch = ANY(%s) AND r.trace = ANY(%s)"), (batches, known)))


def of(db: Connection, traces: Sequence[str]) -> list[Feedback]:
    """What was said of traces, oldest first."""
    hashes: Mapping[int, str] = {hashed(trace) or 0: trace for trace in traces}
    rows = db.rows("SELECT data FROM log_feedback WHERE trace = ANY(%s) ORDER BY time_us, id", (list(hashes),))
    return [said for (data,) in rows if (said := _decode(data)).trace_id in traces]


def prune(db: Connection, before_us: int) -> None:
    """Forget what was said before."""
    db.run("DELETE FROM log_feedback WHERE time_us < %s", (within(before_us),))


def _write(db: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        days, times, ids, _, _, _, rated, weights, scores = map(list, zip(*rows, strict=True))
        db.run(_RATE, (days, times, ids, rated, weights, scores))
