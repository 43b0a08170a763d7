"""`PostgresLog`: the request log at a PostgreSQL server, for gateways on several machines, all of which write into it.

One partition a day (`days`), so that retention is dropping tables. A batch is one transaction: rows, bodies, and the word that
they are to be rolled up. A record is known by its day, time and id, and kept once, whoever brings it and however often."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from threading import Lock
from typing import TypeVar

from psycopg import errors
from psycopg.sql import SQL, Identifier

from lockgate.core.record import Record
from lockgate.stores.logs import spoken
from lockgate.stores.logs.block_store import BLOCK_RECORDS, BodyReader, BodyWriter
from lockgate.stores.logs.ports import Cost, Cursor, Feedback, Filter, Groups, Page
from lockgate.stores.logs.postgres import costs as costs_of
from lockgate.stores.logs.postgres import days, find, ratings, rolling, sums
from lockgate.stores.logs.postgres.bodies import OpenBlocks, TableBlocks
from lockgate.stores.logs.postgres.days import day_of, within
from lockgate.stores.logs.postgres.find import Place, places
from lockgate.stores.logs.postgres.link import DEADLINE_S, Connection, Link
from lockgate.stores.logs.postgres.locks import MAKER, SAYING, hold, share, try_rollups
from lockgate.stores.logs.postgres.packing import Packing
from lockgate.stores.logs.postgres.rows import Row, Rows, clean
from lockgate.stores.logs.postgres.schema import COLUMNS, INCOMING, MIGRATIONS
from lockgate.stores.logs.postgres.where import understood
from lockgate.stores.logs.rollup import SUMS, Totals
from lockgate.stores.ports import StoreError

T = TypeVar("T")

_COPY = SQL("COPY log_incoming ({}) FROM STDIN").format(SQL(", ").join(map(Identifier, COLUMNS)))
_LIST = ", ".join(f'"{name}"' for name in COLUMNS)
_KEEP = f"""
    WITH new AS (INSERT INTO log_requests ({_LIST}) SELECT {_LIST} FROM log_incoming ON CONFLICT DO NOTHING RETURNING day)
    SELECT day, count(*)::int FROM new GROUP BY day
"""  # noqa: S608 - names of columns
_KNOWN = """
    SELECT r.time_us, r.id FROM unnest(%s::int[], %s::bigint[], %s::text[]) AS c(day, time_us, id)
    JOIN log_requests r ON r.day = c.day AND r.time_us = c.time_us AND r.id = c.id
"""
_TELL = """
    INSERT INTO log_spoken SELECT c.day, c.span, c.id, c.data
    FROM unnest(%s::int[], %s::bytea[], %s::text[], %s::bytea[]) AS c(day, span, id, data)
    WHERE (SELECT count(*) FROM log_spoken s WHERE s.day = c.day AND s.span = c.span) < %s ON CONFLICT DO NOTHING
"""
#: Ids are asked for so many at a time.
_ASKED = 1000


class PostgresLog:
    """A `LogStore` at a server. Any number may append and read; threads may share it.

    `busy_s` is how long to wait for somebody else who writes, `deadline_s` how long for an answer. With `text`, what is
    appended can be searched by its words. `open_blocks` says where bodies are kept, `close_blocks` lets go of what that took.
    Raises `StoreError` for a URL that is none."""

    def __init__(
        self,
        url: str,
        *,
        busy_s: float = 5.0,
        text: bool = True,
        open_blocks: OpenBlocks = TableBlocks,
        close_blocks: Callable[[], None] = lambda: None,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._link = Link(url, _prepare, busy_s=busy_s, deadline_s=deadline_s)
        self._open_blocks = open_blocks
        self._close_blocks = close_blocks
        self._turn = Lock()  # of who appends
        self._rows = Rows(Packing(), text=text)
        self._bodies = BodyWriter()
        self._made: set[int] = set()  # days whose partitions are there
        self._newest = -1

    def __repr__(self) -> str:
        return f"PostgresLog({self._link.where})"

    def append(self, records: Sequence[Record]) -> int:
        """Keep the records, all or none; how many were new. Raises `StoreError`."""
        if not records:
            return 0
        batch = sorted({(within(each.time_us), clean(each.id)): each for each in records}.items())
        touched = sorted({day_of(time_us) for (time_us, _), _ in batch})
        with self._turn:
            try:
                new = self._append([record for _, record in batch], touched)
            except BaseException:
                self._bodies.forget()
                raise
        self._roll_up(touched)
        return new

    def tell(self, told: Sequence[Record]) -> None:
        """Keep what log records say was said in spans, all or none. Raises `StoreError`."""
        rows = [(day_of(each.time_us), spoken.span_of(each), each.id, spoken.packed(each)) for each in told]
        if rows:
            rows.sort()
            with self._turn:
                self._write_days(
                    sorted({day for day, *_ in rows}),
                    lambda db: db.run(_TELL, (*map(list, zip(*rows, strict=True)), spoken.MOST)),
                )

    def told(self, span: Record) -> list[Record]:
        """What was said in a span."""
        first, last = map(day_of, spoken.when(span))
        query = "SELECT data FROM log_spoken WHERE day BETWEEN %s AND %s AND span = %s ORDER BY id LIMIT %s"
        with self._link.reading() as db:
            rows = db.rows(query, (first, last, spoken.span_of(span), spoken.MOST))
        return spoken.unpacked(data for (data,) in rows)

    def page(self, meant: Filter, after: Cursor | None = None, limit: int = 50) -> Page:
        """The newest records that are meant, older than `after`, without bodies."""
        with self._link.reading() as db:
            found = find.page(db, meant, after, limit, Packing())
        return Page(found, Cursor.of(found[-1]) if found and len(found) >= limit else None)

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, newest first. Each day is a transaction of its own: what a reader holds is that day
        alone, and only as long as he is at it."""
        with self._link.reading() as db:
            kept = days.kept(db)
        first = 0 if meant.since_us is None else day_of(meant.since_us)
        last = None if meant.until_us is None else day_of(meant.until_us - 1)
        for day in reversed(kept):
            if day < first or (last is not None and day > last):
                continue
            with suppress(_Gone), self._link.reading() as db:
                try:
                    yield from find.scan(db, day, meant, Packing(), BodyReader(self._open_blocks(db)) if bodies else None)
                except errors.UndefinedTable:
                    raise _Gone from None  # forgotten in this moment

    def get(self, id: str) -> Record | None:
        """One record with its bodies."""
        with self._link.reading() as db:
            for place in reversed(places(db, [id])):
                record = find.one(db, place, Packing(), BodyReader(self._open_blocks(db)))
                if record is not None and record.id == id:
                    return record
        return None

    def series(self, meant: Filter, step_us: int) -> list[tuple[int, Totals]]:
        """What the records that are meant come to, in steps, oldest first. Read from roll-ups where one tells apart all that
        `meant` names (see `cuts`), else from rows."""
        since_us, until_us = _times(meant)
        since_us, until_us = since_us // step_us * step_us, -(-until_us // step_us) * step_us
        with self._link.reading() as db:
            return sums.series(db, understood(meant), since_us, until_us, step_us)

    def groups(
        self, meant: Filter, by: str, *, order: str = "requests", limit: int = 50, offset: int = 0, sketches: bool = False
    ) -> Groups:
        """The same told apart by a dimension. Models are told apart as they were sent."""
        sums.check_dimension(by)
        if order not in SUMS:
            raise ValueError(f"'{order}' is none of {', '.join(SUMS)}")
        since_us, until_us = _times(meant)
        with self._link.reading() as db:
            return sums.groups(db, understood(meant), since_us, until_us, by, order, limit, offset, sketches=sketches)

    def spread(self, meant: Filter, by: str, step_us: int) -> list[tuple[int, int, int]]:
        """How many requests each step has that can be told apart by a dimension, and how many groups these make."""
        sums.check_dimension(by)
        since_us, until_us = _times(meant)
        since_us, until_us = since_us // step_us * step_us, -(-until_us // step_us) * step_us
        with self._link.reading() as db:
            return sums.spread(db, understood(meant), since_us, until_us, by, step_us)

    def reprice(self, costs: Mapping[str, Cost]) -> int:
        """Set what requests cost, a transaction a day."""
        changed = 0
        ids = list(costs)
        for at in range(0, len(ids), _ASKED):
            with self._link.reading() as db:
                found = places(db, ids[at : at + _ASKED])
            by_day: dict[int, list[Place]] = {}
            for place in found:
                by_day.setdefault(place.day, []).append(place)
            for day, some in by_day.items():
                with self._link.writing() as db:
                    changed += costs_of.reprice(db, day, some, costs, Packing())
        return changed

    def rate(self, feedback: Sequence[Feedback]) -> None:
        """Keep what people said. It counts with each request of its trace."""
        if feedback:
            with self._link.writing() as db:
                ratings.say(db, feedback)

    def feedback(self, traces: Sequence[str]) -> list[Feedback]:
        """What people said of traces, oldest first."""
        with self._link.reading() as db:
            return ratings.of(db, traces)

    def prune(self, before_us: int) -> int:
        """Drop the days that ended before; how many. What is left of others that are over is rolled up."""
        first_kept = day_of(before_us)
        with self._link.reading() as db:
            old = [day for day in days.kept(db) if day < first_kept]
        for day in old:
            with self._link.reading() as db:
                self._open_blocks(db).forget(day)  # it may take long: nobody waits for it meanwhile
            with self._link.writing() as db:
                days.drop(db, day)
                self._open_blocks(db).forget(day)  # and what others have written until now, who write no more
        with self._turn:
            self._made.difference_update(old)
        with self._link.writing() as db:
            ratings.prune(db, before_us)
        return len(old)

    def close(self) -> None:
        """Let go of the connections."""
        self._link.close()
        self._close_blocks()

    def _append(self, records: Sequence[Record], touched: Sequence[int]) -> int:
        return self._write_days(touched, lambda db: self._keep(db, records))

    def _write_days(self, touched: Sequence[int], work: Callable[[Connection], T]) -> T:
        """Write into these days, in one transaction."""
        for _ in range(2):
            if missing := [day for day in touched if day not in self._made]:
                with self._link.writing() as db:
                    days.make(db, missing)
                self._made.update(missing)
            with suppress(_Gone), self._link.writing() as db:
                share(db, SAYING)
                try:
                    return work(db)
                except errors.CheckViolation:  # no partition takes it: somebody forgot that day meanwhile
                    self._made.clear()
                    self._bodies.forget()
                    raise _Gone from None
        raise StoreError(
            f"{self._link.where}: somebody forgets days that others write into; set log.retention_days alike everywhere"
        )

    def _keep(self, db: Connection, records: Sequence[Record]) -> int:
        """Write records that should all be new; those that are not are left out, with their bodies."""
        db.run("SAVEPOINT batch")
        new = self._write(db, records)
        if new < len(records):
            db.run("ROLLBACK TO batch")
            self._bodies.forget()
            new = self._write(db, _unknown(db, records))
        return new

    def _write(self, db: Connection, records: Sequence[Record]) -> int:
        """Write records; how many were new. Bodies are kept when all were, or nobody brings the others once more."""
        by_day: dict[int, list[Record]] = {}
        for record in records:
            by_day.setdefault(day_of(record.time_us), []).append(record)
        number = _numbers(db, len(records), len(by_day))
        batches = {day: number() for day in by_day}  # a number each, since days are rolled up one by one
        rows: list[Row] = []
        kept: list[tuple[int, int, bytes]] = []
        for day, some in by_day.items():
            left = iter(some)
            for block, data, count in self._bodies.blocks(day, some, number):
                place = block if data else None
                rows += [self._rows.row(each, batches[day], place, at) for at, each in enumerate(islice(left, count))]
                if data:
                    kept.append((day, block, data))
        with db.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
        new = dict(db.rows(_KEEP))
        db.run("DELETE FROM log_incoming")
        store = self._open_blocks(db)
        for day, block, data in kept if new else ():
            store.put(day, str(block), data)
        for day, count in new.items():
            db.run("INSERT INTO log_batches VALUES (%s, %s, %s)", (day, batches[day], count))
        ratings.count_for(db, list(batches.values()), records)
        return sum(new.values())

    def _roll_up(self, touched: Sequence[int]) -> None:
        """Roll up what is due, and, when a new day has begun, what is left of those before. What fails is done another time:
        until then it is counted from rows."""
        with suppress(StoreError):
            due = list(touched)
            if touched[-1] > self._newest:
                self._newest = touched[-1]
                with self._link.reading() as db:
                    due = sorted({*due, *rolling.behind(db, self._newest)})
            for day in due:
                with self._link.writing() as db:
                    if (day < self._newest or rolling.is_due(db, day)) and try_rollups(db, day):
                        rolling.roll_up(db, day)


class _Gone(Exception):
    """A partition is not there any more."""


def _prepare(db: Connection) -> None:
    """Bring the schema to this version, and make what a connection writes into first. Raises `StoreError`."""
    exists = "SELECT to_regclass('log_version') IS NOT NULL"
    version = db.rows("SELECT version FROM log_version")[0][0] if db.rows(exists)[0][0] else 0
    if version < len(MIGRATIONS):
        with db.transaction():
            hold(db, MAKER)
            db.run("CREATE TABLE IF NOT EXISTS log_version (version integer NOT NULL)")
            rows = db.rows("SELECT version FROM log_version")
            version = rows[0][0] if rows else 0
            for script in MIGRATIONS[version:]:
                db.run(script)
            db.run("DELETE FROM log_version")
            db.run("INSERT INTO log_version VALUES (%s)", (max(version, len(MIGRATIONS)),))
    if version > len(MIGRATIONS):
        raise StoreError(f"The log was written by a later version of this program (schema {version}): run that one.")
    db.run(INCOMING)


def _numbers(db: Connection, records: int, days: int) -> Callable[[], int]:
    """Gives numbers that nobody else has: one for each day of so many records, and one for each block."""
    query = "SELECT nextval('log_numbers') FROM generate_series(1, %s)"
    free = [number for (number,) in db.rows(query, (2 * days + records // BLOCK_RECORDS,))]
    return lambda: free.pop() if free else db.rows(query, (1,))[0][0]


def _unknown(db: Connection, records: Sequence[Record]) -> list[Record]:
    """Those that are not in the log."""
    asked = [(day_of(each.time_us), within(each.time_us), clean(each.id)) for each in records]
    known = set(db.rows(_KNOWN, tuple(map(list, zip(*asked, strict=True)))))
    return [each for each, place in zip(records, asked, strict=True) if place[1:] not in known]


def _times(meant: Filter) -> tuple[int, int]:
    if meant.since_us is None or meant.until_us is None:
        raise ValueError("from when until when? Both times are needed")
    return meant.since_us, meant.until_us
