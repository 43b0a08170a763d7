"""What every log store adds up (`stores.logs.ports.LogStore`): series, groups, and costs that are set anew in them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
import pytest

from lockgate.core.record import Record
from lockgate.stores.logs import names
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Cost, Filter, Groups, LogStore
from lockgate.stores.logs.rollup import Totals
from support.log_records import (
    DAY,
    DIMENSIONS,
    KNOWN,
    MINUTE,
    NOON,
    SPANS,
    UNKNOWN,
    expected_of,
    plain,
    rating,
    record,
    varied_record,
)
from support.log_stores import Kind

T = TypeVar("T")


MEANT = KNOWN + UNKNOWN
STEPS = [MINUTE, 15 * MINUTE, 60 * MINUTE, DAY]
TOLD = [*DIMENSIONS, "metadata.team", "metadata.tier", "metadata.none"]
RECORDS = [varied_record(draw, n) for draw in [random.Random(7)] for n in range(400)]


class Rolled(NamedTuple):
    """A store with `RECORDS`, of which all, some or none are in the roll-ups yet."""

    log: LogStore
    has_rollups: bool

    def some(self, meant: Filter, values: list[T]) -> list[T]:
        """What a filter is tried with. Where there are roll-ups, another one may answer for each value, so with all; rows are
        counted in one way, so that each value is tried with some filter."""
        return values if self.has_rollups else values[MEANT.index(meant) % len(values) :: len(MEANT)]


@pytest.fixture(scope="module")
def rolled(kind: Kind, after: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rolled]:
    log = open_log(kind.url(), tmp_path_factory.mktemp("log"), report=pytest.fail)
    with pytest.MonkeyPatch.context() as patch:
        kind.roll(patch, after)
        for at in range(0, len(RECORDS), 40):
            log.append(RECORDS[at : at + 40])
        yield Rolled(log, kind.rollups is not None and kind.rollups(log) > 0)
        log.close()


def within(span: tuple[int, int]) -> tuple[int, int]:
    """From when to when, on no whole minute."""
    first, last = span
    return NOON - DAY // 2 + first * 60 * MINUTE + 12_345, NOON - DAY // 2 + last * 60 * MINUTE - 54_321


def name_of(each: Record, by: str) -> str | None:
    return each.metadata.get(by[9:]) if by.startswith("metadata.") else str(getattr(each, DIMENSIONS[by]))


@cache  # the same for all stores
def steps_in(meant: Filter, step: int, span: tuple[int, int]) -> dict[int, list[Record]]:
    since, until = within(span)
    low, high = since // step * step, -(-until // step) * step
    steps: dict[int, list[Record]] = {}
    for each in RECORDS:
        if low <= each.time_us < high and meant.admits(each):
            steps.setdefault(each.time_us // step * step, []).append(each)
    return steps


@cache
def series_of(meant: Filter, step: int, span: tuple[int, int]) -> list[tuple[int, Totals]]:
    return [(start, expected_of(records)) for start, records in sorted(steps_in(meant, step, span).items())]


@cache
def spread_of(meant: Filter, by: str, step: int, span: tuple[int, int]) -> list[tuple[int, int, int]]:
    told = {
        start: [name for each in records if (name := name_of(each, by)) is not None]
        for start, records in steps_in(meant, step, span).items()
    }
    return [(start, len(names), len({*names})) for start, names in sorted(told.items()) if names]


@cache
def groups_of(meant: Filter, by: str, span: tuple[int, int]) -> list[tuple[str, Totals]]:
    since, until = within(span)
    groups: dict[str, list[Record]] = {}
    for each in RECORDS:
        if since <= each.time_us < until and meant.admits(each) and (name := name_of(each, by)) is not None:
            groups.setdefault(name, []).append(each)
    return sorted(((name, expected_of(each)) for name, each in groups.items()), key=lambda pair: (-pair[1].input, pair[0]))


def asked(meant: Filter, span: tuple[int, int]) -> Filter:
    since, until = within(span)
    return msgspec.structs.replace(meant, since_us=since, until_us=until)


@pytest.mark.parametrize("meant", MEANT, ids=repr)
def test_a_series_is_what_its_records_come_to(rolled: Rolled, meant: Filter) -> None:
    for step in rolled.some(meant, STEPS):
        for span in SPANS:
            assert rolled.log.series(asked(meant, span), step) == series_of(meant, step, span), (step, span)


@pytest.mark.parametrize("meant", MEANT, ids=repr)
def test_groups_are_what_their_records_come_to(rolled: Rolled, meant: Filter) -> None:
    for by in rolled.some(meant, TOLD):
        for span in SPANS[::2]:
            expected = groups_of(meant, by, span)
            found = rolled.log.groups(asked(meant, span), by, order="input", limit=2, offset=1, sketches=True)
            assert found == Groups(expected[1:3], len(expected)), (by, span)
            found = rolled.log.groups(asked(meant, span), by, order="input", limit=2, offset=1)
            assert found.rows == [(name, plain(totals)) for name, totals in expected[1:3]], (by, span)


@pytest.mark.parametrize("meant", MEANT, ids=repr)
def test_a_spread_counts_the_groups_of_each_step(rolled: Rolled, meant: Filter) -> None:
    for by in rolled.some(meant, TOLD)[::3]:
        for span, step in zip(SPANS, STEPS[::-1], strict=True):
            assert rolled.log.spread(asked(meant, span), by, step) == spread_of(meant, by, step, span), (by, step, span)


@pytest.mark.parametrize("batches", [(50,), (30, 20), (7, 7, 7, 29)])
def test_values_beyond_the_first_thousands_are_one_group(
    bounded: Kind, log: LogStore, monkeypatch: pytest.MonkeyPatch, batches: tuple[int, ...]
) -> None:
    monkeypatch.setattr(names, "VALUES", 3)
    monkeypatch.setattr(names, "KINDS", 2)
    bounded.roll(monkeypatch, 1)
    kept = [
        record(
            n,
            user=f"u{n % 5}",
            model_asked=f"m{n}",
            model_sent="s",
            metadata={"a": f"v{n % 2}", "b": f"w{n}", "c": f"x{n % 2}", f"d{n}": "y"},
            cost_nusd=1,
            trace_id=f"t{n}",
        )
        for n in range(50)
    ]
    left = list(kept)
    for count in batches:
        log.append(left[:count])
        del left[:count]
    day = Filter(since_us=NOON - DAY // 2, until_us=NOON + DAY // 2)

    def told(by: str, **meant: Any) -> dict[str, int]:
        found = log.groups(msgspec.structs.replace(day, **meant), by)
        assert found.total == len(found.rows)
        return {name: totals.requests for name, totals in found.rows}

    def count(**meant: Any) -> int:
        return sum(totals.requests for _, totals in log.series(msgspec.structs.replace(day, **meant), DAY))

    assert told("user") == {"(other)": 20, "u0": 10, "u1": 10, "u2": 10}
    assert log.spread(day, "user", DAY) == [(NOON - DAY // 2, 50, 4)]
    assert told("metadata.a") == {"v0": 25, "v1": 25}
    assert told("metadata.b") == {"(other)": 47, "w0": 1, "w1": 1, "w2": 1}
    # Names of metadata beyond are counted from their rows: slower, and all told apart.
    assert told("metadata.c") == {"x0": 25, "x1": 25}
    assert told("metadata.d7") == {"y": 1}
    assert told("model") == {"s": 50}
    # Asked for by name, they are counted one by one.
    assert count(users=("u1", "u4")) == 20
    assert (count(users=("u4",)), count(users=("u0",)), count(users=("(other)",))) == (10, 10, 0)
    assert (count(models=("m0",)), count(models=("m49",)), count(models=("s",)), count(models=("m4*",))) == (1, 1, 50, 11)
    assert [count(metadata=(pair,)) for pair in (("a", "v1"), ("b", "w0"), ("b", "w49"), ("b", "w4*"), ("c", "x1"))] == [
        25, 1, 1, 11, 25,
    ]  # fmt: skip
    assert told("user", models=("m49",)) == {"u4": 1}
    # What changes afterwards changes in the group that it is in.
    log.reprice({each.id: Cost(3) for each in kept})
    log.rate([rating(n, f"t{n}", 2) for n in (1, 4)])
    rows = {name: (totals.cost_nusd, totals.rated) for name, totals in log.groups(day, "user").rows}
    assert rows == {"(other)": (60, 1), "u0": (30, 0), "u1": (30, 1), "u2": (30, 0)}
    assert count(users=("u4",)) == 10
    # Another day has places of its own.
    log.append([record(900 + n, time_us=NOON + DAY + n, user=f"u{n}") for n in (4, 3)])
    assert told("user", until_us=NOON + 2 * DAY) == {"(other)": 20, "u0": 10, "u1": 10, "u2": 10, "u3": 1, "u4": 1}
    assert count(users=("u4",), until_us=NOON + 2 * DAY) == 11
    assert log.prune(NOON + DAY) == 1
    assert told("user", until_us=NOON + 2 * DAY) == {"u3": 1, "u4": 1}


def test_roll_ups_stay_few_whatever_callers_say(bounded: Kind, log: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "VALUES", 3)
    monkeypatch.setattr(names, "KINDS", 2)
    bounded.roll(monkeypatch, 1)
    for start in (0, 1000, 2000):
        said = {"a": "{}", "b": "{}", "{}": "x"}
        log.append(
            [
                record(start + n, user=f"{n}", model_asked=f"{start + n}", time_us=NOON + n, metadata={
                    name.format(start + n): value.format(start + n) for name, value in said.items()
                })
                for n in range(200)
            ]
        )  # fmt: skip
        if not start:
            few = bounded.rollups(log)
    assert 0 < bounded.rollups(log) == few < 100


def test_an_unknown_dimension_is_refused(log: LogStore) -> None:
    day = Filter(since_us=NOON, until_us=NOON + 1)
    with pytest.raises(ValueError, match="'colour' is none of model, provider"):
        log.groups(day, "colour")
    with pytest.raises(ValueError, match="'p99' is none of requests"):
        log.groups(day, "model", order="p99")
    with pytest.raises(ValueError, match="Both times"):
        log.series(Filter(), MINUTE)
    with pytest.raises(ValueError, match="'colour' is none of model, provider"):
        log.spread(day, "colour", MINUTE)
    with pytest.raises(ValueError, match="Both times"):
        log.spread(Filter(), "model", MINUTE)
