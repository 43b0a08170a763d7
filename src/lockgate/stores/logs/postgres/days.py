"""Days: when one begins, and the partitions that it is kept in. They are made when they are needed, whoever needs them first,
and dropped as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.postgres.locks import MAKER, hold
from lockgate.stores.logs.postgres.schema import PARTITIONED
from lockgate.stores.logs.rollup import DAY_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last moment that has a day.
LAST_US = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000


def within(time_us: int) -> int:
    """A moment that has a day: what lies before 1970 or beyond 9999 counts with the nearest."""
    return min(max(time_us, 0), LAST_US)


def day_of(time_us: int) -> int:
    """The day of a moment, in days since the epoch."""
    return within(time_us) // DAY_US


def make(db: Connection, days: Iterable[int]) -> None:
    """See that there are partitions for these days. Within a transaction of its own: others see them only when it ends."""
    hold(db, MAKER)
    for day in days:
        for table, options in PARTITIONED.items():
            name = _name(table, day)
            if db.rows("SELECT to_regclass(%s) IS NULL", (name,))[0][0]:
                # Made by itself and then attached: so nobody who reads or writes other days has to wait.
                storage = f" WITH ({options})" if options else ""
                db.run(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL){storage}")
                db.run(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES IN ({day})")


def kept(db: Connection) -> list[int]:
    """The days that there are, oldest first."""
    rows = db.rows("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'log_requests'::regclass")
    return sorted(_day(name) for (name,) in rows)


def drop(db: Connection, day: int) -> None:
    """Forget a day. Within a transaction of its own."""
    hold(db, MAKER)
    for table in PARTITIONED:
        db.run(f"DROP TABLE IF EXISTS {_name(table, day)}")
    for table in ("log_batches", "log_names", "log_full"):
        db.run(f"DELETE FROM {table} WHERE day = %s", (day,))  # noqa: S608 - names of tables


def table_of(day: int) -> str:
    """The partition of a day's requests, for who reads so long that nobody should have to wait for the whole table."""
    return _name("log_requests", day)


def _name(table: str, day: int) -> str:
    return f"{table}_{_EPOCH + timedelta(days=day):%Y%m%d}"


def _day(name: str) -> int:
    return (datetime.strptime(name[-8:] + "+0000", "%Y%m%d%z") - _EPOCH).days
