"""What requests come to: from roll-ups where these know what is asked, else from rows.

A stretch of time is taken apart: whole days, hours and minutes from roll-ups, what is left at its ends from rows; and of the
batches that are not rolled up yet, from their rows too. All of it within one state of the database, in which a batch is one or
the other."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from struct import Struct
from sys import byteorder
from typing import Any

import msgspec

from lockgate.stores.logs.cuts import COLUMNS, TENANCY, Cut, cut_for, stretches
from lockgate.stores.logs.names import METADATA
from lockgate.stores.logs.ports import Groups
from lockgate.stores.logs.postgres import apart
from lockgate.stores.logs.postgres.days import day_of
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.postgres.rows import RESCUED, RETRIED, RETRIES, STALLED, STREAM, short
from lockgate.stores.logs.postgres.where import Where, times
from lockgate.stores.logs.rollup import SKETCHES, SUMS, Totals
from lockgate.stores.logs.sketch import Sketch

#: Member of `Totals` → what a row (`r`) adds to it.
ADDS = {
    "requests": "1",
    "refused": "(r.outcome = 'refused')::int",
    "failed": "(r.outcome = 'failed')::int",
    "broken": "(r.outcome = 'broken')::int",
    "client_left": "(r.outcome = 'client_left')::int",
    "rescued": f"(r.flags & {RESCUED} > 0)::int",
    "retried": f"(r.flags & {RETRIED} > 0)::int",
    "streams": f"(r.flags & {STREAM} > 0)::int",
    "stalled": f"(r.flags & {STALLED} > 0)::int",
    "input": "coalesce(r.input, 0)",
    "output": "coalesce(r.output, 0)",
    "cached": "r.cached",
    "cost_nusd": "coalesce(r.cost_nusd, 0)",
    "unpriced": "(r.input IS NOT NULL AND r.cost_nusd IS NULL)::int",
    "hits": "(r.cache = 'hit')::int",
    "semantic_hits": "(r.cache = 'semantic hit')::int",
    "saved_nusd": "r.saved_nusd",
    "hit_us": "CASE WHEN r.cache IN ('hit', 'semantic hit') THEN r.latency_us ELSE 0 END",
    "latency_us": "r.latency_us",
    "gateway_us": "r.gateway_us",
    "rated": "r.rated",
    "weight": "r.weight",
    "score": "r.score",
}
assert tuple(ADDS) == SUMS
#: A sketch → the bucket in it of a row (`r`).
BUCKETS = {"latency": "r.latency", "ttft": "r.ttft", "gap": "r.gap", "retries": f"nullif(r.flags >> {RETRIES}, 0)::smallint"}
assert tuple(BUCKETS) == SKETCHES
#: A bucket and its count. Sketches are such pairs one after another: the server adds two by writing one behind the other.
_PAIR = Struct("<HI")
_FRESH = "r.batch = ANY(ARRAY(SELECT b.batch FROM log_batches b WHERE b.day BETWEEN {} AND {}))"


class Question(msgspec.Struct, frozen=True):
    """What is asked: by steps of time (`step_us`), or told apart `by` a dimension, or both."""

    step_us: int = 0
    by: str = ""


class Part(msgspec.Struct, frozen=True):
    """Where a part of an answer comes from: `group` is what it is told apart by, `time_us` when it was."""

    source: str
    group: str
    where: str
    rolled: bool

    @property
    def time_us(self) -> str:
        """The column."""
        return "r.start_us" if self.rolled else "r.time_us"


def packed(buckets: Counter[int]) -> bytes:
    """A sketch as it is kept in roll-ups."""
    return b"".join([_PAIR.pack(bucket, min(count, 2**32 - 1)) for bucket, count in buckets.items()])


def unpacked(data: bytes) -> Counter[int]:
    """The sketch, or several behind one another, that were packed."""
    found: Counter[int] = Counter()
    for bucket, count in _PAIR.iter_unpack(data):
        found[bucket] += count
    return found


def counted(data: bytes) -> Counter[int]:
    """Buckets as rows have them, two bytes each, as a sketch."""
    buckets = array("H", data)
    if byteorder == "little":  # the server writes the larger byte first
        buckets.byteswap()
    return Counter(buckets)


def series(db: Connection, where: Where, since_us: int, until_us: int, step_us: int) -> list[tuple[int, Totals]]:
    """What lies in [since, until), in steps, oldest first."""
    parts = list(_parts(db, where, Question(step_us=step_us), since_us, until_us))
    found = _totals(db, parts, where)
    return sorted((start, totals) for start, totals in found.items() if totals.requests)


def groups(
    db: Connection, where: Where, since_us: int, until_us: int, by: str, order: str, limit: int, offset: int, *, sketches: bool
) -> Groups:
    """What lies in [since, until), told apart; first the order of all, then the rest of those that are shown."""
    parts = list(_parts(db, where, Question(by=by), since_us, until_us))
    both = " UNION ALL ".join(
        f"SELECT {part.group} AS g, sum({_sum('requests', part)}) AS n, sum({_sum(order, part)}) AS o "  # noqa: S608
        f"FROM {part.source} WHERE {part.where} GROUP BY 1"
        for part in parts
    )
    every = f"SELECT g, sum(o) AS o FROM ({both}) s GROUP BY g HAVING sum(n) > 0"  # noqa: S608
    rows = db.rows(
        f"WITH every AS MATERIALIZED ({every}), shown AS (SELECT g, o FROM every "  # noqa: S608
        f'ORDER BY o DESC, g COLLATE "C" LIMIT {max(limit, 0)} OFFSET {max(offset, 0)}) '
        "SELECT (SELECT count(*) FROM every), g FROM shown UNION ALL SELECT (SELECT count(*) FROM every), NULL",
        where.values,
    )
    shown = [str(group) for _, group in rows if group is not None]
    if not shown:
        return Groups([], rows[-1][0])
    place = where.value(shown)
    parts = [msgspec.structs.replace(part, where=f"{part.where} AND {part.group} = ANY({place})") for part in parts]
    found = _totals(db, parts, where, SKETCHES if sketches else ())
    ranked = sorted((group for group in shown if group in found), key=lambda group: (-getattr(found[group], order), group))
    return Groups([(group, found[group]) for group in ranked], rows[-1][0])


def spread(db: Connection, where: Where, since_us: int, until_us: int, by: str, step_us: int) -> list[tuple[int, int, int]]:
    """What lies in [since, until), in steps: how many requests can be told apart, and how many groups they make."""
    both = " UNION ALL ".join(
        f"SELECT {part.time_us} / {step_us} * {step_us} AS t, {part.group} AS g, sum({_sum('requests', part)}) AS n "  # noqa: S608
        f"FROM {part.source} WHERE {part.where} GROUP BY 1, 2"
        for part in _parts(db, where, Question(step_us=step_us, by=by), since_us, until_us)
    )
    each = f"SELECT t, g, sum(n) AS n FROM ({both}) s GROUP BY 1, 2 HAVING sum(n) > 0"  # noqa: S608
    query = f"SELECT t, sum(n)::bigint, count(*) FROM ({each}) s GROUP BY 1 ORDER BY 1"  # noqa: S608
    return [(start, requests, groups) for start, requests, groups in db.rows(query, where.values)]


def check_dimension(by: str) -> None:
    """Raises `ValueError` for a dimension that there is not."""
    if not (by in COLUMNS or (by.startswith(METADATA) and len(by) > len(METADATA))):
        raise ValueError(f"'{by}' is none of {', '.join(COLUMNS)} or metadata.NAME")


def _totals(db: Connection, parts: Sequence[Part], where: Where, sketches: Sequence[str] = SKETCHES) -> dict[Any, Totals]:
    """What the parts come to, added up."""
    found: dict[Any, tuple[list[int], list[Counter[int]]]] = {}
    for part in parts:
        columns = [f"sum({_sum(name, part)})" for name in SUMS]
        columns += [f"string_agg({f'r.{name}' if part.rolled else f'int2send({BUCKETS[name]})'}, '')" for name in sketches]
        query = f"SELECT {part.group}, {', '.join(columns)} FROM {part.source} WHERE {part.where} GROUP BY 1"  # noqa: S608
        for group, *numbers in db.rows(query, where.values):
            sums_of, sketches_of = found.setdefault(group, ([0] * len(SUMS), [Counter() for _ in sketches]))
            for at, number in enumerate(numbers[: len(SUMS)]):
                sums_of[at] += int(number)
            for sketch, data in zip(sketches_of, numbers[len(SUMS) :], strict=True):
                if data:
                    sketch.update(unpacked(data) if part.rolled else counted(data))
    return {group: _as_totals(sums, dict(zip(sketches, each, strict=True))) for group, (sums, each) in found.items()}


def _as_totals(sums: list[int], sketches: dict[str, Counter[int]]) -> Totals:
    totals = Totals()
    for name, number in zip(SUMS, sums, strict=True):
        setattr(totals, name, number)
    for name, buckets in sketches.items():
        setattr(totals, name, Sketch(dict(buckets)))
    return totals


def _sum(name: str, part: Part) -> str:
    return f"r.{name}" if part.rolled else ADDS[name]


def _parts(db: Connection, where: Where, asked: Question, since_us: int, until_us: int) -> Iterator[Part]:
    """Where the answer comes from."""
    cut = _cut(where, asked)
    if cut is not None and not apart.tells(db, day_of(since_us), day_of(until_us - 1), where.named, _kind(asked.by)):
        cut = None
    spans = () if cut is None else [span for span in cut.spans_us if not asked.step_us % span]
    rolled: list[tuple[int, int]] = []
    for span_us, first_us, last_us in stretches(since_us, until_us, spans):
        if span_us and cut is not None:
            rolled.append((first_us, last_us))
            yield _of_rollups(where, asked, cut, span_us, first_us, last_us)
        else:
            yield _of_rows(where, asked, first_us, last_us)
    if rolled:  # those are one stretch of time; rows are at its ends
        first_us, last_us = min(first for first, _ in rolled), max(last for _, last in rolled)
        part = _of_rows(where, asked, first_us, last_us)
        fresh = _FRESH.format(day_of(first_us), day_of(last_us - 1))
        yield msgspec.structs.replace(part, where=f"{part.where} AND {fresh}")


def _cut(where: Where, asked: Question) -> Cut | None:
    """The roll-ups that know what is asked; None: none do."""
    if where.rolled is None:
        return None
    named = {"metadata" if each.startswith(METADATA) else each for each in where.named}
    if asked.by.startswith(METADATA):
        if "metadata" in named:
            return None  # a cut has one value at a time
        named.add("metadata")
    elif asked.by:
        named.add(COLUMNS[asked.by])
    return cut_for(named - {*TENANCY})


def _kind(by: str) -> str:
    return METADATA + short(by.removeprefix(METADATA)) if by.startswith(METADATA) else by


def _of_rollups(where: Where, asked: Question, cut: Cut, span_us: int, since_us: int, until_us: int) -> Part:
    conditions = [
        f"r.cut = {cut.number} AND r.span_us = {span_us} AND r.start_us >= {since_us} AND r.start_us < {until_us}",
        f"r.day BETWEEN {day_of(since_us)} AND {day_of(until_us - 1)}",
        where.rollups(),
    ]
    if not asked.by:
        group = f"r.start_us / {asked.step_us} * {asked.step_us}"
    elif asked.by.startswith(METADATA):
        group = "r.metadata_value"
        conditions.append(f"r.metadata_name = {where.value(short(asked.by.removeprefix(METADATA)))}")
    else:
        group = _column(asked.by)
    return Part("log_rollups r", group, " AND ".join(conditions), rolled=True)


def _of_rows(where: Where, asked: Question, since_us: int, until_us: int) -> Part:
    conditions = [times(since_us, until_us), where.rows()]
    if not asked.by:
        group = f"r.time_us / {asked.step_us} * {asked.step_us}"
    elif asked.by.startswith(METADATA):
        group = f"r.metadata ->> {where.value(short(asked.by.removeprefix(METADATA)))}"
        conditions.append(f"{group} IS NOT NULL")
    else:
        group = _column(asked.by)
    return Part("log_requests r", group, " AND ".join(conditions), rolled=False)


def _column(by: str) -> str:
    return "r.status::text" if by == "status" else f'r."{COLUMNS[by]}"'
