"""Where requests stand, and what is read there: by their ids, a page of them, or all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, LiteralString, NamedTuple, cast

from lockgate.core.record import Record, time_of_id
from lockgate.stores.logs.block_store import BodyReader
from lockgate.stores.logs.ports import Cursor, Filter
from lockgate.stores.logs.postgres.days import day_of, table_of, within
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.postgres.packing import Packing
from lockgate.stores.logs.postgres.rows import clean
from lockgate.stores.logs.postgres.where import times, understood

_NEWEST = "ORDER BY r.day DESC, r.time_us DESC, r.id DESC"
#: Records that are read at a time when all are: the first number, without their bodies; the second, with them.
_SCANNED = (1000, 100)
#: An id of ours says its millisecond; the others have an index of their own.
_OURS = """
    SELECT r.day, r.time_us, r.id FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS c(day, ms, id)
    JOIN log_requests r ON r.day = c.day AND r.time_us BETWEEN c.ms AND c.ms + 999 AND r.id = c.id
"""
_STRANGE = "SELECT r.day, r.time_us, r.id FROM log_requests r WHERE r.strange AND r.id = ANY(%s)"


class Place(NamedTuple):
    """Where a request stands."""

    day: int
    time_us: int
    id: str


def places(db: Connection, ids: Sequence[str]) -> list[Place]:
    """Where the requests with these ids stand, of those that are there."""
    found: list[Place] = []
    cleaned = sorted({clean(id) for id in ids})
    ours = [(day_of(ms), ms, id) for id in cleaned if (ms := time_of_id(id)) is not None]
    if ours:
        found += [Place(*row) for row in db.rows(_OURS, tuple(map(list, zip(*ours, strict=True))))]
    left = sorted({*cleaned} - {place.id for place in found})
    if left:
        found += [Place(*row) for row in db.rows(_STRANGE, (left,))]
    return sorted(found)


def one(db: Connection, place: Place, packing: Packing, bodies: BodyReader) -> Record | None:
    """The record at a place, with its bodies."""
    query = "SELECT facts, block, at FROM log_requests WHERE day = %s AND time_us = %s AND id = %s"
    for facts, block, at in db.rows(query, place):
        record = packing.record(facts)
        if block is not None:
            bodies.give(record, place.day, block, at)
        return record
    return None


def page(db: Connection, meant: Filter, after: Cursor | None, limit: int, packing: Packing) -> list[Record]:
    """The newest records that are meant, older than `after`, without bodies."""
    where = understood(meant)
    conditions = [times(meant.since_us, meant.until_us), where.rows()]
    if after is not None:
        time_us = within(after.time_us)
        last = f"({day_of(time_us)}, {time_us}, {where.value(clean(after.id))})"
        conditions.append(f"r.day <= {day_of(time_us)} AND (r.day, r.time_us, r.id) < {last}")
    query = f"SELECT r.facts FROM log_requests r WHERE {' AND '.join(conditions)} {_NEWEST} LIMIT {max(limit, 0)}"  # noqa: S608
    return [packing.record(facts) for (facts,) in db.rows(query, where.values)]


def scan(db: Connection, day: int, meant: Filter, packing: Packing, bodies: BodyReader | None) -> Iterator[Record]:
    """All records of a day that are meant, newest first; with `bodies`, each with the body of its request. They come through a
    cursor at the server. Within a transaction, which holds nothing but that day."""
    where = understood(meant)
    conditions = " AND ".join((times(meant.since_us, meant.until_us), where.rows()))
    query = f"SELECT r.facts, r.block, r.at FROM {table_of(day)} r WHERE {conditions} {_NEWEST}"  # noqa: S608
    with db.cursor("log_scan", binary=True) as cursor:
        cursor.execute(cast("LiteralString", query), where.values)
        while rows := cast("list[tuple[Any, ...]]", cursor.fetchmany(_SCANNED[bodies is not None])):
            for facts, block, at in rows:
                record = packing.record(facts)
                if bodies is not None and block is not None:
                    bodies.give(record, day, block, at)
                    record.response = record.sent = record.received = b""
                yield record
