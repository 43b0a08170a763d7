"""What every log store adds up (`stores.logs.ports.LogStore`): series, groups, and costs that are set anew in them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from lockgate.core.record import Record
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Filter, Groups, LogStore
from support.log_records import DAY, DIMENSIONS, KNOWN, MINUTE, NOON, SPANS, UNKNOWN, expected_of, varied_record
from support.log_stores import Kind, at_once


@pytest.fixture(scope="module", params=[1, 100, 10_000], ids=["rolled", "partly", "fresh"])
def rolled(
    request: pytest.FixtureRequest, kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LogStore, list[Record]]]:
    """The same records, of which all, some or none are in the roll-ups yet."""
    if kind.roll is at_once and request.param > 1:
        pytest.skip("it rolls nothing up: all is the same")
    draw = random.Random(7)
    kept = [varied_record(draw, n) for n in range(400)]
    log = open_log(kind.url(), tmp_path_factory.mktemp("log"), report=pytest.fail)
    with pytest.MonkeyPatch.context() as patch:
        kind.roll(patch, request.param)
        for at in range(0, 400, 40):
            log.append(kept[at : at + 40])
        yield log, kept
        log.close()


@pytest.mark.parametrize("step", [MINUTE, 15 * MINUTE, 60 * MINUTE, DAY])
@pytest.mark.parametrize("meant", KNOWN + UNKNOWN, ids=repr)
def test_a_series_is_what_its_records_come_to(rolled: tuple[LogStore, list[Record]], meant: Filter, step: int) -> None:
    log, kept = rolled
    for first, last in SPANS:
        since, until = NOON - DAY // 2 + first * 60 * MINUTE + 12_345, NOON - DAY // 2 + last * 60 * MINUTE - 54_321
        low, high = since // step * step, -(-until // step) * step
        steps: dict[int, list[Record]] = {}
        for each in kept:
            if low <= each.time_us < high and meant.admits(each):
                steps.setdefault(each.time_us // step * step, []).append(each)
        asked = msgspec.structs.replace(meant, since_us=since, until_us=until)
        assert log.series(asked, step) == [(start, expected_of(steps[start])) for start in sorted(steps)]


@pytest.mark.parametrize("by", [*DIMENSIONS, "metadata.team", "metadata.tier", "metadata.none"])
@pytest.mark.parametrize("meant", KNOWN + UNKNOWN, ids=repr)
def test_groups_are_what_their_records_come_to(rolled: tuple[LogStore, list[Record]], meant: Filter, by: str) -> None:
    log, kept = rolled
    for first, last in SPANS[::2]:
        since, until = NOON - DAY // 2 + first * 60 * MINUTE + 12_345, NOON - DAY // 2 + last * 60 * MINUTE - 54_321
        groups: dict[str, list[Record]] = {}
        for each in kept:
            if since <= each.time_us < until and meant.admits(each):
                name = each.metadata.get(by[9:]) if by.startswith("metadata.") else str(getattr(each, DIMENSIONS[by]))
                if name is not None:
                    groups.setdefault(name, []).append(each)
        expected = sorted(
            ((name, expected_of(each)) for name, each in groups.items()), key=lambda pair: (-pair[1].input, pair[0])
        )
        found = log.groups(msgspec.structs.replace(meant, since_us=since, until_us=until), by, order="input", limit=2, offset=1)
        assert found == Groups(expected[1:3], len(expected))


def test_an_unknown_dimension_is_refused(log: LogStore) -> None:
    day = Filter(since_us=NOON, until_us=NOON + 1)
    with pytest.raises(ValueError, match="'colour' is none of model, provider"):
        log.groups(day, "colour")
    with pytest.raises(ValueError, match="'p99' is none of requests"):
        log.groups(day, "model", order="p99")
    with pytest.raises(ValueError, match="Both times"):
        log.series(Filter(), MINUTE)
