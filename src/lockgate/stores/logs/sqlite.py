"""The embedded log store: one SQLite file a day (UTC, by a record's start), so that retention is deleting files.

A file may be taken away while we run, the directory may be read-only, the database locked: what can be tried again is a
`StoreError`. A damaged file is set aside as `.corrupt`, reported, and its day begun anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from lockgate.core.record import Record, time_of_id
from lockgate.stores.logs import spoken
from lockgate.stores.logs.blocks import Damage
from lockgate.stores.logs.cuts import MANY
from lockgate.stores.logs.day import Day
from lockgate.stores.logs.files import LAST_US, SUFFIX, by_day, day_of, remove, remove_logs, start_of
from lockgate.stores.logs.names import METADATA
from lockgate.stores.logs.patience import MOST_S, Patience, patiently
from lockgate.stores.logs.ports import Cost, Cursor, Feedback, Filter, Groups, Page
from lockgate.stores.logs.ratings import Ratings, Said
from lockgate.stores.logs.rollup import SUMS, Totals, add
from lockgate.stores.logs.sums import Answer, Question, as_totals, check_dimension
from lockgate.stores.ports import StoreError

T = TypeVar("T")

#: Files that are kept open for writing: today, and yesterday around midnight.
_OPEN = 2
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
#: Records that are read at a time when all are.
_SCANNED = 200


class SqliteLog:
    """A `LogStore` in a directory. One process may append, any number may read.

    `report` is told in words of files set aside; `busy_s` is how long to wait for a lock, `patience_s` how long one question
    may read, in seconds: a longer one is `TooLong`. With `text`, what is appended can be searched by its words; what was
    appended without it, never.
    """

    def __init__(
        self,
        directory: Path,
        *,
        report: Callable[[str], None],
        busy_s: float = 5.0,
        text: bool = True,
        patience_s: float = MOST_S,
    ) -> None:
        self._directory = directory
        self._report = report
        self._busy_s = busy_s
        self._text = text
        self.patience = Patience(patience_s)
        self._ratings = Ratings(directory / "feedback.sqlite", busy_s=busy_s)
        self._open: dict[str, tuple[Day, int]] = {}  # name → the day and its file's inode

    def __repr__(self) -> str:
        return f"SqliteLog({self._directory}, {len(self._open)} days open)"

    def append(self, records: Sequence[Record]) -> int:
        """Keep the records; how many were new. Raises `StoreError`; what was kept until then stays kept."""
        new = 0
        with self._held() as rated:
            for name, batch in by_day(records):
                new += self._append(name, batch, rated)
        return new

    def tell(self, told: Sequence[Record]) -> None:
        """Keep what log records say was said in spans. Raises `StoreError`; what was kept until then stays kept."""
        for name, batch in by_day(told):
            self._write(name, lambda day, batch=batch: day.tell(batch))

    @patiently
    def told(self, span: Record) -> list[Record]:
        """What was said in a span."""
        since_us, until_us = spoken.when(span)
        names = self._days(since_us, until_us + 1, newest_first=False)
        return [each for name in names for each in self._read(name, lambda day: day.told(span)) or ()]

    @patiently
    def page(self, meant: Filter, after: Cursor | None = None, limit: int = 50) -> Page:
        """The newest records that are meant, older than `after`, without bodies."""
        found: list[Record] = []
        until_us = min(meant.until_us if meant.until_us is not None else LAST_US, after.time_us + 1 if after else LAST_US)
        for name in self._days(meant.since_us or 0, until_us, newest_first=True):
            wanted = limit - len(found)
            begin = after if after is not None and day_of(after.time_us) == name else None
            found += self._read(name, lambda day, wanted=wanted, begin=begin: day.find(meant, begin, wanted)) or []
            if len(found) >= limit:
                break
        return Page(found, Cursor.of(found[-1]) if found and len(found) >= limit else None)

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, newest first. No file is held open meanwhile, so that its log can be folded in."""
        until_us = meant.until_us if meant.until_us is not None else LAST_US
        for name in self._days(meant.since_us or 0, until_us, newest_first=True):
            after: Cursor | None = None
            while found := self._read(name, lambda day, after=after: day.find(meant, after, _SCANNED, bodies=bodies)):
                yield from found
                after = Cursor.of(found[-1])

    @patiently
    def get(self, id: str) -> Record | None:
        """One record with its bodies. An id of ours says its day; for another all days are searched."""
        ms = time_of_id(id)
        first, last = (0, LAST_US) if ms is None else (ms, ms + 999)
        for name in self._days(first, last + 1, newest_first=True):
            record = self._read(name, lambda day: day.get(id))
            if record is not None:
                return record
        return None

    @patiently
    def series(self, meant: Filter, step_us: int) -> list[tuple[int, Totals]]:
        """What the records that are meant come to, in steps, oldest first.

        Read from roll-ups where one tells apart all that `meant` names (see `cuts`): organisation, workspace, and either models
        with providers, operation, status, outcome, error, cache and route, or keys, or users, or one value of metadata. For
        ranges, texts, traces, feedback and what is named across these, from the requests of the days concerned.
        """
        since_us, until_us = _times(meant)
        since_us, until_us = since_us // step_us * step_us, -(-until_us // step_us) * step_us
        whole = msgspec.structs.replace(meant, since_us=None, until_us=None)
        found = self._totals(
            self._days(since_us, until_us, newest_first=False), whole, since_us, until_us, Question(step_us=step_us)
        )
        return sorted((int(start), totals) for start, totals in found.items() if totals.requests)

    @patiently
    def groups(
        self, meant: Filter, by: str, *, order: str = "requests", limit: int = 50, offset: int = 0, sketches: bool = False
    ) -> Groups:
        """The same told apart by a dimension. A day tells at most some thousand values of each apart in its roll-ups; the rest
        are `rollup.OTHER`. Models are told apart as they were sent."""
        check_dimension(by)
        if order not in SUMS:
            raise ValueError(f"'{order}' is none of {', '.join(SUMS)}")
        since_us, until_us = _times(meant)
        whole = msgspec.structs.replace(meant, since_us=None, until_us=None)
        names = list(self._days(since_us, until_us, newest_first=False))
        full: dict[int | str, Totals] = {}
        if at_once := by not in MANY and not by.startswith(METADATA) and not sketches:
            full = self._totals(iter(names), whole, since_us, until_us, Question(by=by, sketches=False))
            found = {str(group): (totals.requests, getattr(totals, order)) for group, totals in full.items()}
        else:  # first the order of all, then the rest of those that are shown: there may be thousands, of many days
            found = self._ordered(names, whole, since_us, until_us, Question(by=by, of=("requests", order), sketches=False))
        ranked = sorted((group for group in found if found[group][0]), key=lambda group: (-found[group][1], group))
        shown = tuple(ranked[offset : offset + limit])
        if shown and not at_once:
            asked = Question(by=by, among=shown, sketches=sketches)
            full = self._totals(iter(names), whole, since_us, until_us, asked)
        return Groups([(group, full[group]) for group in shown if group in full], len(ranked))

    @patiently
    def spread(self, meant: Filter, by: str, step_us: int) -> list[tuple[int, int, int]]:
        """How many requests each step has that can be told apart by a dimension, and how many groups these make."""
        check_dimension(by)
        since_us, until_us = _times(meant)
        since_us, until_us = since_us // step_us * step_us, -(-until_us // step_us) * step_us
        whole = msgspec.structs.replace(meant, since_us=None, until_us=None)
        asked = Question(step_us=step_us, by=by, of=("requests",), sketches=False)
        counts: dict[int, int] = {}
        seen: dict[int, set[int | str]] = {}
        for name in self._days(since_us, until_us, newest_first=False):
            for group, (start, requests) in self._sums(name, whole, since_us, until_us, asked):
                if requests:
                    counts[start] = counts.get(start, 0) + requests
                    seen.setdefault(start, set()).add(group)
        return [(start, count, len(seen[start])) for start, count in sorted(counts.items())]

    def reprice(self, costs: Mapping[str, Cost]) -> int:
        """Set what requests cost. Ids of ours say their day; for others all days are searched."""
        days: dict[str, dict[str, Cost]] = {}
        names = {path.stem for path in self._files()}
        for id, cost in costs.items():
            ms = time_of_id(id)
            for name in names if ms is None else names & {day_of(ms)}:
                days.setdefault(name, {})[id] = cost
        return sum(self._reprice(name, some) for name, some in sorted(days.items()))

    def rate(self, feedback: Sequence[Feedback]) -> None:
        """Keep what people said. It counts with each request of its trace."""
        if not feedback:
            return
        try:
            rated = self._ratings.say(feedback)
        except sqlite3.Error as error:
            raise StoreError(f"cannot write to {self._ratings.path}: {error}") from None
        except OSError as error:
            raise StoreError(f"cannot write to {self._ratings.path}: {error.strerror}") from None
        for path in self._files():
            try:
                with closing(
                    Day(path, start_of(path.stem), busy_s=self._busy_s, report=self._damaged(path), write=True)
                ) as day:
                    day.rate(rated)
            except sqlite3.Error as error:
                if not _is_damage(error):
                    raise StoreError(f"cannot write to {path}: {error}") from None
                self._report(f"request log: {path} is damaged and left out: {error}")

    def feedback(self, traces: Sequence[str]) -> list[Feedback]:
        """What people said of traces, oldest first."""
        try:
            return self._ratings.of(traces)
        except sqlite3.Error as error:
            raise StoreError(f"cannot read {self._ratings.path}: {error}") from None

    def prune(self, before_us: int) -> int:
        """Delete the days that ended before; how many."""
        first_kept = day_of(before_us)
        gone = 0
        for path in self._files():
            if path.stem < first_kept:
                self._let_go(path.stem)
                try:
                    remove(path)
                except OSError as error:
                    raise StoreError(f"cannot delete {path}: {error.strerror}") from None
                gone += 1
        try:
            self._ratings.prune(before_us)
        except sqlite3.Error as error:
            raise StoreError(f"cannot write to {self._ratings.path}: {error}") from None
        return gone

    def close(self) -> None:
        """Close the files."""
        for name in list(self._open):
            self._let_go(name)

    def _sums(self, name: str, meant: Filter, since_us: int, until_us: int, asked: Question) -> list[Answer]:
        return self._read(name, lambda day: day.sums(meant, since_us, until_us, asked)) or []

    def _totals(
        self, names: Iterator[str], meant: Filter, since_us: int, until_us: int, asked: Question
    ) -> dict[int | str, Totals]:
        """What the days answer, added up."""
        found: dict[int | str, Totals] = {}
        for name in names:
            for group, numbers in self._sums(name, meant, since_us, until_us, asked):
                totals = as_totals(asked, numbers)
                if group in found:
                    add(found[group], totals)
                else:
                    found[group] = totals
        return found

    def _ordered(
        self, names: Sequence[str], meant: Filter, since_us: int, until_us: int, asked: Question
    ) -> dict[str, tuple[int, int]]:
        """Two sums of each group, which is enough to rank them."""
        found: dict[str, tuple[int, int]] = {}
        for name in names:
            for group, (requests, number) in self._sums(name, meant, since_us, until_us, asked):
                before = found.get(str(group), (0, 0))
                found[str(group)] = before[0] + requests, before[1] + number
        return found

    @contextmanager
    def _held(self) -> Iterator[Callable[[Sequence[str]], dict[str, Said]]]:
        """While requests are kept: what looks up what was said of traces."""
        for _ in range(2):
            with ExitStack() as held:
                try:
                    rated = held.enter_context(self._ratings.held())
                except sqlite3.Error as error:
                    if not _is_damage(error):
                        raise StoreError(f"cannot write to {self._ratings.path}: {error}") from None
                    self._set_aside(self._ratings.path, error)
                    continue
                except OSError as error:
                    raise StoreError(f"cannot write to {self._directory}: {error.strerror}") from None
                yield rated
                return
        raise StoreError(f"cannot write to {self._ratings.path}: the file is damaged, and so was the one after it")

    def _append(self, name: str, records: list[Record], rated: Callable[[Sequence[str]], dict[str, Said]]) -> int:
        traces = [record.trace_id for record in records if record.trace_id]
        return self._write(name, lambda day: day.append(records, rated(traces)))

    def _write(self, name: str, work: Callable[[Day], T]) -> T:
        path = self._path(name)
        for _ in range(2):
            try:
                return work(self._day(name))
            except sqlite3.Error as error:
                self._let_go(name)
                if not _is_damage(error):
                    raise StoreError(f"cannot write to {path}: {error}") from None
                self._set_aside(path, error)
            except OSError as error:
                raise StoreError(f"cannot write to {path}: {error.strerror}") from None
        raise StoreError(f"cannot write to {path}: the file is damaged, and so was the one after it")

    def _reprice(self, name: str, costs: Mapping[str, Cost]) -> int:
        path = self._path(name)
        try:
            # Not one of those that are kept open: this may be another process than the one that appends.
            with closing(Day(path, start_of(name), busy_s=self._busy_s, report=self._damaged(path), write=True)) as day:
                return day.reprice(costs)
        except sqlite3.Error as error:
            if not _is_damage(error):
                raise StoreError(f"cannot write to {path}: {error}") from None
            self._report(f"request log: {path} is damaged and left out: {error}")
            return 0

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
            remove_logs(path)  # of the file that is gone; a new one must not read them
        while len(self._open) >= _OPEN:
            self._let_go(next(iter(self._open)))
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        day = Day(path, start_of(name), busy_s=self._busy_s, report=self._damaged(path), write=True, text=self._text)
        self._open[name] = day, path.stat().st_ino
        return day

    def _read(self, name: str, question: Callable[[Day], T]) -> T | None:
        """Ask a day; None when it is not there or not readable (which is reported)."""
        path = self._path(name)
        try:
            report, watch = self._damaged(path), self.patience.watch
            with closing(Day(path, start_of(name), busy_s=self._busy_s, report=report, opened=watch)) as day:
                return None if day.is_empty else question(day)
        except sqlite3.Error as error:
            if (end := self.patience.end_of(error)) is not None:
                raise end from None
            if not path.exists():
                return None  # taken away in this moment
            if not _is_damage(error):
                raise StoreError(f"cannot read {path}: {error}") from None
            self._report(f"request log: {path} is damaged and left out: {error}")
            return None

    def _damaged(self, path: Path) -> Callable[[str], None]:
        """Tells of damage within a file."""
        return lambda sentence: self._report(f"request log: {path}: {sentence}")

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
            try:
                day.roll_up()
            except sqlite3.Error:
                pass  # it is done when the day is opened for writing again; until then its rows are counted
            finally:
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


def _times(meant: Filter) -> tuple[int, int]:
    if meant.since_us is None or meant.until_us is None:
        raise ValueError("from when until when? Both times are needed")
    return meant.since_us, meant.until_us


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file, not the moment, is at fault."""
    return isinstance(error, Damage) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
