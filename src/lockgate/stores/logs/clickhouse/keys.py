"""Rows by their keys: the time and the id, as the tables are ordered."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lockgate.core.record import Record, time_of_id
from lockgate.stores.logs.clickhouse.literals import text, texts
from lockgate.stores.logs.clickhouse.rows import kept_time

Key = tuple[int, str]


def among(records: Sequence[Record]) -> str:
    """The condition that a row is that of one of these records."""
    return among_keys([(kept_time(record.time_us), record.id) for record in records])


def among_keys(keys: Sequence[Key]) -> str:
    """The condition that a row has one of these keys."""
    times = [time_us for time_us, _ in keys]
    listed = ", ".join(f"({time_us}, {text(id)})" for time_us, id in keys)
    return f"time_us BETWEEN {min(times)} AND {max(times)} AND (time_us, id) IN ({listed})"


def among_ids(ids: Collection[str]) -> str:
    """The condition that a row has one of these ids, whose times are not known but from those of ours."""
    return f"id IN ({texts(ids)})"


def near(ids: Collection[str]) -> str:
    """The condition that a row is of the time that these ids say, where all are of ours; it holds for all rows otherwise."""
    times = [time_of_id(id) for id in ids]
    known = [time_us for time_us in times if time_us is not None]
    if not known or len(known) < len(times):
        return "1"
    return f"time_us BETWEEN {kept_time(min(known))} AND {kept_time(max(known) + 1999)}"
