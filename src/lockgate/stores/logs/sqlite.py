"""The embedded log store: one SQLite file a day (UTC, by a record's start), so that retention is deleting files.

A file may be taken away while we run, the directory may be read-only, the database locked: what can be tried again is a
`StoreError`. A damaged file is set aside as `.corrupt`, reported, and its day begun anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from lockgate.core.record import Record, time_of_id
from lockgate.stores.logs.day import Damage, Day
from lockgate.stores.logs.ports import Cursor, Filter, Page
from lockgate.stores.logs.rollup import Minute
from lockgate.stores.ports import StoreError

T = TypeVar("T")

SUFFIX = ".db"
#: Files that are kept open for writing: today, and yesterday around midnight.
_OPEN = 2
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
#: Records that are read at a time when all are.
_SCANNED = 200
_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_US = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000


def day_of(time_us: int) -> str:
    """The name of the day of a moment: "2026-11-25". What lies before 1970 or beyond 9999 counts with the nearest day."""
    return (_EPOCH + timedelta(microseconds=min(max(time_us, 0), _LAST_US))).strftime("%Y-%m-%d")


class SqliteLog:
    """A `LogStore` in a directory. One process may append, any number may read.

    `report` is told in words of files set aside; `busy_s` is how long to wait for a lock, in seconds.
    """

    def __init__(self, directory: Path, *, report: Callable[[str], None], busy_s: float = 5.0) -> None:
        self._directory = directory
        self._report = report
        self._busy_s = busy_s
        self._open: dict[str, tuple[Day, int]] = {}  # name → the day and its file's inode

    def __repr__(self) -> str:
        return f"SqliteLog({self._directory}, {len(self._open)} days open)"

    def append(self, records: Sequence[Record]) -> int:
        """Keep the records; how many were new. Raises `StoreError`; what was kept until then stays kept."""
        days: dict[int, list[Record]] = {}
        for record in sorted(records, key=lambda record: record.time_us):
            days.setdefault(record.time_us // _DAY_US, []).append(record)
        return sum(self._append(day_of(number * _DAY_US), batch) for number, batch in days.items())

    def page(self, meant: Filter, after: Cursor | None = None, limit: int = 50) -> Page:
        """The newest records that are meant, older than `after`, without bodies."""
        found: list[Record] = []
        until_us = min(meant.until_us if meant.until_us is not None else _LAST_US, after.time_us + 1 if after else _LAST_US)
        for name in self._days(meant.since_us or 0, until_us, newest_first=True):
            wanted = limit - len(found)
            found += self._read(name, lambda day, wanted=wanted: day.find(meant, after, wanted)) or []
            if len(found) >= limit:
                break
        return Page(found, Cursor.of(found[-1]) if found and len(found) >= limit else None)

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, newest first. No file is held open meanwhile, so that its log can be folded in."""
        until_us = meant.until_us if meant.until_us is not None else _LAST_US
        for name in self._days(meant.since_us or 0, until_us, newest_first=True):
            after: Cursor | None = None
            while found := self._read(name, lambda day, after=after: day.find(meant, after, _SCANNED, bodies=bodies)):
                yield from found
                after = Cursor.of(found[-1])

    def get(self, id: str) -> Record | None:
        """One record with its bodies. An id of ours says its day; for another all days are searched."""
        ms = time_of_id(id)
        first, last = (0, _LAST_US) if ms is None else (ms, ms + 999)
        for name in self._days(first, last + 1, newest_first=True):
            record = self._read(name, lambda day: day.get(id, first, last))
            if record is not None:
                return record
        return None

    def minutes(self, since_us: int, until_us: int) -> list[Minute]:
        """The roll-ups of minutes in [since, until), oldest first."""
        return [
            minute
            for name in self._days(since_us, until_us, newest_first=False)
            for minute in self._read(name, lambda day: list(day.minutes(since_us, until_us))) or []
        ]

    def prune(self, before_us: int) -> int:
        """Delete the days that ended before; how many."""
        first_kept = day_of(before_us)
        gone = 0
        for path in self._files():
            if path.stem < first_kept:
                self._let_go(path.stem)
                try:
                    _remove(path)
                except OSError as error:
                    raise StoreError(f"cannot delete {path}: {error.strerror}") from None
                gone += 1
        return gone

    def close(self) -> None:
        """Close the files."""
        for name in list(self._open):
            self._let_go(name)

    def _append(self, name: str, records: list[Record]) -> int:
        path = self._path(name)
        for _ in range(2):
            try:
                return self._day(name).append(records)
            except sqlite3.Error as error:
                self._let_go(name)
                if not _is_damage(error):
                    raise StoreError(f"cannot write to {path}: {error}") from None
                self._set_aside(path, error)
            except OSError as error:
                raise StoreError(f"cannot write to {path}: {error.strerror}") from None
        raise StoreError(f"cannot write to {path}: the file is damaged, and so was the one after it")

    def _day(self, name: str) -> Day:
        """The day, open for writing; anew when its file has been taken away."""
        path = self._path(name)
        if name in self._open:
            day, inode = self._open[name]
            try:
                if path.stat().st_ino == inode:
                    return day
            except FileNotFoundError:
                pass
            self._let_go(name)
            _remove_logs(path)  # of the file that is gone; a new one must not read them
        while len(self._open) >= _OPEN:
            self._let_go(next(iter(self._open)))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        day = Day(path, busy_s=self._busy_s, write=True)
        self._open[name] = day, path.stat().st_ino
        return day

    def _read(self, name: str, question: Callable[[Day], T]) -> T | None:
        """Ask a day; None when it is not there or not readable (which is reported)."""
        path = self._path(name)
        try:
            with closing(Day(path, busy_s=self._busy_s)) as day:
                return None if day.is_empty else question(day)
        except sqlite3.Error as error:
            if not path.exists():
                return None  # taken away in this moment
            if not _is_damage(error):
                raise StoreError(f"cannot read {path}: {error}") from None
            self._report(f"request log: {path} is damaged and left out: {error}")
            return None

    def _set_aside(self, path: Path, error: sqlite3.Error) -> None:
        number = 1
        while (aside := path.with_name(f"{path.name}.corrupt{'' if number == 1 else f'-{number}'}")).exists():
            number += 1
        for log in ("-wal", "-shm", ""):  # the file last: until it has gone, this can be begun again
            part = path.with_name(path.name + log)
            if part.exists():
                part.rename(aside.with_name(aside.name + log))
        self._report(f"request log: {path} is damaged ({error}); it is set aside as {aside.name} and its day begun anew")

    def _let_go(self, name: str) -> None:
        day, _ = self._open.pop(name, (None, 0))
        if day is not None:
            day.close()

    def _path(self, name: str) -> Path:
        return self._directory / (name + SUFFIX)

    def _files(self) -> list[Path]:
        try:
            return sorted(self._directory.glob("????-??-??" + SUFFIX))
        except OSError as error:
            raise StoreError(f"cannot read {self._directory}: {error.strerror}") from None

    def _days(self, since_us: int, until_us: int, *, newest_first: bool) -> Iterator[str]:
        """The names of the days that are there and touch [since, until)."""
        first, last = day_of(since_us), day_of(until_us - 1)
        names = [path.stem for path in self._files() if first <= path.stem <= last]
        return iter(reversed(names) if newest_first else names)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file, not the moment, is at fault."""
    return isinstance(error, Damage) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_logs(path)


def _remove_logs(path: Path) -> None:
    for log in ("-wal", "-shm"):
        path.with_name(path.name + log).unlink(missing_ok=True)
