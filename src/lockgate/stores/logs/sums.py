"""What the requests of one day come to: from its roll-ups where these know what is asked, else from its rows.

A stretch of time is taken apart: a whole day, whole hours and minutes from roll-ups, what is left at its ends from rows; and of
the requests that are not rolled up yet, from their rows too.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from lockgate.stores.logs.cuts import COLUMNS, TENANCY, Cut, cut_for, stretches
from lockgate.stores.logs.names import METADATA, is_rolled
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.rollup import DAY_US, SKETCHES, SUMS, Totals
from lockgate.stores.logs.rows import BITS, RESCUED, RETRIED, RETRIES, STALLED, STREAM
from lockgate.stores.logs.schema import COUNTED, MIGRATIONS, SINCE
from lockgate.stores.logs.search import Search, span_of_numbers, times
from lockgate.stores.logs.sketch import Sketch

#: Member of `Totals` → what a request (`r`, rated `q`) adds to it; `{...}` is the number of a name.
_ADDS = {
    "requests": "1",
    "refused": "(r.outcome = {refused})",
    "failed": "(r.outcome = {failed})",
    "broken": "(r.outcome = {broken})",
    "client_left": "(r.outcome = {client_left})",
    "rescued": f"(r.flags & {RESCUED} > 0)",
    "retried": f"(r.flags & {RETRIED} > 0)",
    "streams": f"(r.flags & {STREAM} > 0)",
    "stalled": f"(r.flags & {STALLED} > 0)",
    "input": "ifnull(r.input, 0)",
    "output": "ifnull(r.output, 0)",
    "cached": "r.cached",
    "cost_nusd": "ifnull(r.cost_nusd, 0)",
    "unpriced": "(r.input IS NOT NULL AND r.cost_nusd IS NULL)",
    "hits": "(r.cache = {hit})",
    "semantic_hits": "(r.cache = {semantic})",
    "saved_nusd": "r.saved_nusd",
    "hit_us": "r.latency_us * (r.cache IN ({hit}, {semantic}))",
    "latency_us": "r.latency_us",
    "gateway_us": "r.gateway_us",
    "rated": "ifnull(q.rated, 0)",
    "weight": "ifnull(q.weight, 0)",
    "score": "ifnull(q.score, 0)",
}
assert tuple(_ADDS) == SUMS
#: A sketch → the bucket in it of a request (`r`).
BUCKETS = {"latency": "r.latency", "ttft": "r.ttft", "gap": "r.gap", "retries": f"nullif(r.flags >> {RETRIES}, 0)"}
assert tuple(BUCKETS) == SKETCHES
_SAID = {
    "refused": ("outcome", "refused"), "failed": ("outcome", "failed"), "broken": ("outcome", "broken"),
    "client_left": ("outcome", "client_left"), "hit": ("cache", "hit"), "semantic": ("cache", "semantic hit"),
}  # fmt: skip
#: A name that no request of the day has.
_NO_NAME = 0


def adds(db: sqlite3.Connection) -> dict[str, str]:
    """Member of `Totals` → what a request adds to it, in SQL, for this day."""
    numbers: dict[str, int] = {}
    for word, (kind, name) in _SAID.items():
        row = db.execute("SELECT id FROM names WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        numbers[word] = row[0] if row else _NO_NAME
    return {member: sql.format_map(numbers) for member, sql in _ADDS.items()}


class Question(msgspec.Struct, frozen=True):
    """What is asked of a day: by steps of time (`step_us`), or told apart `by` a dimension, or both; the sums `of`, with
    sketches or without; only the groups `among`, where these are given."""

    step_us: int = 0
    by: str = ""
    of: tuple[str, ...] = SUMS
    sketches: bool = True
    among: tuple[str, ...] | None = None


#: The start of a step or the name of a group; the sums that were asked for, then the sketches, packed. By both: the name, and
#: the start before the sums.
Answer = tuple[int | str, list[Any]]


class Sums:
    """Answers questions of an open day, whose requests `search` means. One of an earlier `version` of the schema lacks some
    roll-ups, or some of their columns. Raises `sqlite3.Error`."""

    def __init__(
        self, db: sqlite3.Connection, start_us: int, search: Search, asked: Question, *, version: int = len(MIGRATIONS)
    ) -> None:
        self._db = db
        self._start_us = start_us
        self._search = search
        self._asked = asked
        self._column = _column(asked.by)
        self._kind = asked.by if asked.by.startswith(METADATA) else self._column
        self._version = version
        self._adds = adds(db)
        self._fresh = db.execute("SELECT 1 FROM fresh LIMIT 1").fetchone() is not None
        db.create_aggregate("tally", 1, _Tally)  # pyright: ignore[reportArgumentType] - its parameters are SQL values
        db.create_aggregate("merge", 1, _Merge)  # pyright: ignore[reportArgumentType]

    def answer(self, since_us: int, until_us: int) -> Iterator[Answer]:
        """What lies in [since, until), within the day; a group may come several times."""
        since_us, until_us = max(since_us, self._start_us), min(until_us, self._start_us + DAY_US)
        cut = self._cut()
        if cut is None:
            yield from self._from_rows(since_us, until_us)
            return
        step_us = self._asked.step_us
        spans = [each for each in cut.spans_us if not step_us % each and self._version >= SINCE.get((cut, each), 1)]
        rolled: list[tuple[int, int]] = []
        for span_us, first_us, last_us in stretches(since_us, until_us, spans):
            if span_us:
                rolled.append((first_us, last_us))
                yield from self._from_rollups(cut, span_us, first_us, last_us)
            else:
                yield from self._from_rows(first_us, last_us)
        if rolled and self._fresh:  # those are one stretch of time; rows are at its ends
            yield from self._from_rows(min(rolled)[0], max(rolled)[1], fresh=True)

    def _cut(self) -> Cut | None:
        if self._search.rolled is None:
            return None
        named = set(self._search.named)
        if self._column and self._column not in TENANCY:
            if self._column == "metadata" and "metadata" in named:
                return None  # a cut has one value at a time
            if not is_rolled(self._db, self._kind):
                return None
            named.add(self._column)
        return cut_for(named)

    def _from_rollups(self, cut: Cut, span_us: int, since_us: int, until_us: int) -> Iterator[Answer]:
        step = f"r.start_us / {self._asked.step_us} * {self._asked.step_us}" if self._asked.step_us else ""
        group = f'r."{self._column}"' if self._column else step
        sums = [f"sum(r.{name})" for name in self._asked.of]
        known = SKETCHES if self._version >= COUNTED else SKETCHES[:-1]
        sketches = [f"merge(r.{name})" if name in known else f"x'{_EMPTY.hex()}'" for name in SKETCHES]
        where = [
            f"r.cut = {cut.number} AND r.span_us = {span_us} AND r.start_us >= {since_us} AND r.start_us < {until_us}",
            self._search.rolled_where(),
        ]
        where += [f'r."{name}" = 0' for name in ("user", "key", "metadata") if name not in cut.names]  # as the primary key goes
        where += self._kinds(rolled=True)
        yield from self._read(group, step, [*sums, *(sketches if self._asked.sketches else ())], "rollups r", where)

    def _from_rows(self, since_us: int, until_us: int, *, fresh: bool = False) -> Iterator[Answer]:
        step_us = self._asked.step_us
        step = f"({self._start_us} + (r.n >> {BITS}) * 1000) / {step_us} * {step_us}" if step_us else ""
        sums = [f"sum({self._adds[name]})" for name in self._asked.of]
        sketches = [f"tally({bucket})" for bucket in BUCKETS.values()] if self._asked.sketches else []
        meant = Filter(since_us=since_us, until_us=until_us)
        where = [times(meant, self._start_us), self._search.where()]
        source, values = self._source(fresh=fresh)
        if "q." in " ".join(sums):
            source += " LEFT JOIN rated q ON q.n = r.n"
        if not self._column:
            group = step
        elif self._column == "metadata":
            source += " CROSS JOIN json_each(r.metadata) j"
            group = "j.value"
        else:
            group = f'r."{self._column}"'
        if source.startswith("find"):
            first, last = span_of_numbers(meant, self._start_us)
            where.append(f"find MATCH ? AND find.rowid >= {first} AND find.rowid <= {last}")  # not all of the day
        where += self._kinds(rolled=False)
        yield from self._read(group, step, [*sums, *sketches], source, where, values)

    def _source(self, *, fresh: bool) -> tuple[str, list[str]]:
        """Where the rows are read from, the fewest first."""
        if self._search.numbers is not None:
            numbers = "json_each(?) s CROSS JOIN requests r ON r.n = s.value"
            return numbers + (" CROSS JOIN fresh ON fresh.n = r.n" if fresh else ""), [json.dumps(sorted(self._search.numbers))]
        if fresh:
            return "fresh s CROSS JOIN requests r ON r.n = s.n", []
        if self._search.match:
            return "find CROSS JOIN requests r ON r.n = find.rowid", [" AND ".join(self._search.match)]
        return "requests r", []

    def _kinds(self, *, rolled: bool) -> list[str]:
        """Conditions on which groups are told apart."""
        if not self._column:
            return []
        column = f'r."{self._column}"' if rolled or self._column != "metadata" else "j.value"
        if self._asked.among is not None:
            names = json.dumps(self._asked.among)
            found = self._db.execute(
                "SELECT id FROM names WHERE kind = ? AND name IN (SELECT value FROM json_each(?))", (self._kind, names)
            )
            return [f"{column} IN ({', '.join(str(id) for (id,) in found)})"]
        if self._column == "metadata":
            kind = self._kind.replace("'", "''")
            return [f"{column} IN (SELECT id FROM names WHERE kind = '{kind}')"]  # noqa: S608 - escaped
        return []

    def _read(
        self, group: str, step: str, columns: list[str], source: str, where: list[str], values: Sequence[str] = ()
    ) -> Iterator[Answer]:
        both = [step] if step and self._column else []
        places = "1, 2" if both else "1"
        query = f"SELECT {group} AS k, {', '.join(both + columns)} FROM {source} WHERE {' AND '.join(where)} GROUP BY {places}"  # noqa: S608
        if self._asked.by:
            query = f"SELECT (SELECT name FROM names WHERE id = k), * FROM ({query})"  # noqa: S608
            for name, _, *rest in self._db.execute(query, values):
                yield name, rest
        else:
            for start, *rest in self._db.execute(query, values):
                yield start, rest


def as_totals(asked: Question, numbers: list[Any]) -> Totals:
    """An answer as what it is."""
    count = len(asked.of)
    totals = Totals(**dict(zip(asked.of, numbers[:count], strict=True)))
    for name, packed in zip(SKETCHES, numbers[count:], strict=False):
        setattr(totals, name, Sketch.unpack(packed))
    return totals


class _Tally:
    """Buckets, counted: an aggregate for SQLite."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def step(self, bucket: int | None) -> None:
        if bucket is not None:
            self._counts[bucket] = self._counts.get(bucket, 0) + 1

    def finalize(self) -> bytes:
        return Sketch(self._counts).pack()


_EMPTY = Sketch().pack()


class _Merge:
    """Packed sketches, merged: an aggregate for SQLite."""

    def __init__(self) -> None:
        self._sketch = Sketch()
        self.step = self._sketch.merge_packed  # without a call between: a table of a month has a hundred thousand steps

    def finalize(self) -> bytes:
        return self._sketch.pack()


def _column(by: str) -> str:
    """The column of a dimension; "" for none. Raises `ValueError` for one that there is not."""
    if not by:
        return ""
    if by.startswith(METADATA) and len(by) > len(METADATA):
        return "metadata"
    if by not in COLUMNS:
        raise ValueError(f"'{by}' is none of {', '.join(COLUMNS)} or metadata.NAME")
    return COLUMNS[by]


check_dimension = _column
