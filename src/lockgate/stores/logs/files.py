"""The files of a log: one a day (UTC, by a record's start), named as its date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lockgate.core.record import Record
from lockgate.stores.logs.rollup import DAY_US

SUFFIX = ".db"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last moment that has a day of its own.
LAST_US = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000


def start_of(name: str) -> int:
    """When the day of that name begins, in µs since the epoch."""
    return int(datetime.fromisoformat(name + "T00:00:00+00:00").timestamp()) * 1_000_000


def day_of(time_us: int) -> str:
    """The name of the day of a moment: "2026-11-25". What lies before 1970 or beyond 9999 counts with the nearest day."""
    return (_EPOCH + timedelta(microseconds=min(max(time_us, 0), LAST_US))).strftime("%Y-%m-%d")


def by_day(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """The names of days, oldest first, and their records."""
    days: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.time_us):
        days.setdefault(record.time_us // DAY_US, []).append(record)
    return [(day_of(number * DAY_US), batch) for number, batch in days.items()]


def remove(path: Path) -> None:
    """Delete a day."""
    path.unlink(missing_ok=True)
    remove_logs(path)


def remove_logs(path: Path) -> None:
    """Delete what SQLite keeps beside a file."""
    for log in ("-wal", "-shm"):
        path.with_name(path.name + log).unlink(missing_ok=True)
