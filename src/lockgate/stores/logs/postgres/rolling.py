"""Rolling up: batches that are counted from their rows go over into the roll-ups, many at a time.

To add each request to the dozen roll-ups it belongs to would cost more than all else; of sixteen thousand most share them. Who
rolls a day up has its roll-ups alone meanwhile (`locks`); who keeps requests does not wait for that, and who reads sees a batch
either in its rows or in the roll-ups, never in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from psycopg.sql import SQL, Identifier

from lockgate.stores.logs.cuts import CUTS, TENANCY, Cut
from lockgate.stores.logs.postgres import apart
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.postgres.schema import TOLD
from lockgate.stores.logs.postgres.sums import ADDS, BUCKETS, counted, packed, unpacked
from lockgate.stores.logs.rollup import SKETCHES, SUMS

#: So many requests, or batches, are rolled up together.
FRESH, BATCHES = 16_384, 1000
#: Sums that change after a request is kept.
CHANGING = ("cost_nusd", "unpriced", "rated", "weight", "score")

_COLUMNS = ("start_us", "span_us", *SUMS, "day", "status", "cut", "key_hash", *(name for name in TOLD if name != "status"),
            *SKETCHES)  # fmt: skip
_COPY = SQL("COPY log_rolling ({}) FROM STDIN").format(SQL(", ").join(map(Identifier, _COLUMNS)))
_FRESH = "r.day = %(day)s AND r.batch = ANY(%(batches)s)"


class Change(NamedTuple):
    """What is added to the sums of a request that is kept."""

    time_us: int
    id: str
    cost_nusd: int = 0
    unpriced: int = 0
    rated: int = 0
    weight: int = 0
    score: int = 0


def is_due(db: Connection, day: int) -> bool:
    """Whether there is enough of a day to be rolled up."""
    query = "SELECT count(*), coalesce(sum(requests), 0) FROM log_batches WHERE day = %s"
    ((batches, requests),) = db.rows(query, (day,))
    return requests >= FRESH or batches >= BATCHES


def behind(db: Connection, before: int) -> list[int]:
    """The days before this one that are not all rolled up."""
    query = "SELECT DISTINCT day FROM log_batches WHERE day < %s ORDER BY day"
    return [day for (day,) in db.rows(query, (before,))]


def roll_up(db: Connection, day: int) -> None:
    """Roll up all of a day that is fresh. Within a transaction that has the day's roll-ups."""
    batches = [batch for (batch,) in db.rows("SELECT batch FROM log_batches WHERE day = %s", (day,))]
    if not batches:
        return
    source = f"log_requests r WHERE {_FRESH}"
    values = {"day": day, "batches": batches}
    apart.learn(db, day, "log_requests r", _FRESH, values)
    _add(db, day, _found(db, day, source, ADDS, values, sketches=True))
    db.run("DELETE FROM log_batches WHERE day = %s AND batch = ANY(%s)", (day, batches))


def change(db: Connection, day: int, changes: Iterable[Change]) -> None:
    """Add changes to the roll-ups of requests of a day that are rolled up already. Within a transaction that has the day's
    roll-ups."""
    told = [each for each in changes if any(each[2:])]
    if not told:
        return
    columns = zip(*told, strict=True)
    values = {"day": day, **dict(zip(Change._fields, map(list, columns), strict=True))}
    types = {"id": "text"}
    arrays = ", ".join(f"%({name})s::{types.get(name, 'bigint')}[]" for name in Change._fields)
    source = (
        f"unnest({arrays}) AS c({', '.join(Change._fields)}) "  # noqa: S608 - names of columns
        "JOIN log_requests r ON r.day = %(day)s AND r.time_us = c.time_us AND r.id = c.id "
        "WHERE r.batch NOT IN (SELECT batch FROM log_batches WHERE day = %(day)s)"
    )
    adds = {name: f"c.{name}" if name in CHANGING else "0" for name in SUMS}
    _add(db, day, _found(db, day, source, adds, values, sketches=False))


def _found(
    db: Connection, day: int, source: str, adds: Mapping[str, str], values: Mapping[str, Any], *, sketches: bool
) -> Iterator[list[Any]]:
    """The roll-ups that rows come to, as values of `_COLUMNS`."""
    sums = ", ".join(f"sum({adds[name]})::bigint" for name in SUMS)
    buckets = ", ".join(f"string_agg(int2send({bucket}), '')" if sketches else "NULL::bytea" for bucket in BUCKETS.values())
    full = apart.full_of(db, day)
    metadata = {"metadata_name": "m.name", "metadata_value": apart.value_of_metadata(full)}
    for cut in CUTS:
        told = _told(cut)
        columns = ", ".join(metadata.get(name) or apart.column(name, full) for name in told)
        tables = source
        if "metadata_name" in told:
            each = (
                f" CROSS JOIN LATERAL jsonb_each_text(r.metadata) AS m(name, value) WHERE {apart.names_of_metadata(full)} AND "
            )
            tables = source.replace(" WHERE ", each, 1)
        for span_us in cut.spans_us:
            start = f"r.time_us / {span_us} * {span_us}"
            query = f"SELECT {start}, {columns}, {sums}, {buckets} FROM {tables} GROUP BY {_places(1 + len(told))}"  # noqa: S608
            for row in db.rows(query, values):
                names = dict(zip(told, row[1 : 1 + len(told)], strict=True))
                key = repr((cut.number, span_us, *row[: 1 + len(told)])).encode("utf-8", "replace")
                yield [
                    row[0], span_us, *row[1 + len(told) : 1 + len(told) + len(SUMS)], day, names.get("status"), cut.number,
                    hashlib.blake2b(key, digest_size=16).digest(), *[names.get(name) for name in TOLD if name != "status"],
                    *row[-len(SKETCHES) :],
                ]  # fmt: skip


def _told(cut: Cut) -> tuple[str, ...]:
    names = (*cut.names, *TENANCY)
    return tuple(each for name in names for each in (("metadata_name", "metadata_value") if name == "metadata" else (name,)))


def _places(count: int) -> str:
    return ", ".join(str(at + 1) for at in range(count))


def _add(db: Connection, day: int, rows: Iterable[list[Any]]) -> None:
    """Add them to those that are there. Sketches are added here, sums by the server."""
    key, count = _COLUMNS.index("key_hash"), len(SKETCHES)
    new = list(rows)  # by cut and time: so they lie side by side where they are read together
    known = {
        row[0]: row[1:]
        for row in db.rows(
            f"SELECT key_hash, {', '.join(SKETCHES)} FROM log_rollups WHERE day = %s AND key_hash = ANY(%s)",  # noqa: S608
            (day, [row[key] for row in new]),
        )
    }
    nothing = (b"",) * count
    with db.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in new:
            was = known.get(row[key], nothing)
            row[-count:] = [_merged(old, fresh) for old, fresh in zip(was, row[-count:], strict=True)]
            copy.write_row(row)
    db.run(f"INSERT INTO log_rollups AS r ({_LIST}) SELECT {_LIST} FROM log_rolling {_CONFLICT}")  # noqa: S608
    db.run("TRUNCATE log_rolling")


_LIST = ", ".join(f'"{name}"' for name in _COLUMNS)
_CONFLICT = "ON CONFLICT (day, key_hash) DO UPDATE SET " + ", ".join(
    [f"{name} = r.{name} + excluded.{name}" for name in SUMS] + [f"{name} = excluded.{name}" for name in SKETCHES]
)


def _merged(old: bytes, fresh: bytes | None) -> bytes:
    """A kept sketch with the buckets of rows added."""
    if not fresh:
        return old
    buckets = counted(fresh)
    if old:
        buckets.update(unpacked(old))
    return packed(buckets)
