"""control/logs: filters as people write them; spool and store as one log; records that come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from lockgate.control.logs import Logs, parse_filter
from lockgate.core.record import Record, new_id
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.ports import Filter, Range
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.spool import Spool

NOW = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000


# Filters


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("2h", 2 * HOUR),
        ("15m", HOUR // 4),
        ("30s", 30_000_000),
        ("1.5h", HOUR * 3 // 2),
        ("7d", 168 * HOUR),
        ("2 w", 336 * HOUR),
    ],
)
def test_a_duration_is_so_long_ago(text: str, ago: int) -> None:
    assert parse_filter(now_us=NOW, since=text).since_us == NOW - ago
    assert parse_filter(now_us=NOW, until=text).until_us == NOW - ago


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-25T11:00:00Z", NOW - HOUR),
        ("2026-11-25T13:00+02:00", NOW - HOUR),
        ("2026-11-25 13:00", NOW - HOUR),  # in the zone given
        ("2026-11-25", NOW - 14 * HOUR),
        ("2026-11-25T11:00:00.25Z", NOW - HOUR + 250_000),
    ],
)
def test_a_date_and_time_is_that_moment(text: str, moment: int) -> None:
    assert parse_filter(now_us=NOW, zone=timezone(timedelta(hours=2)), since=text).since_us == moment


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("404", ((404, 404),)),
        ("5xx", ((500, 599),)),
        ("4XX,200", ((400, 499), (200, 200))),
        ("400-499", ((400, 499),)),
        (">=400", ((400, 999),)),
        ("", ()),
    ],
)
def test_a_status_is_a_range(text: str, statuses: tuple[tuple[int, int], ...]) -> None:
    assert parse_filter(now_us=NOW, status=text).status == statuses


def test_other_members_are_taken_as_they_are() -> None:
    assert parse_filter(
        now_us=NOW, outcome="client_left", model="gpt-*", provider="@openai", key="team", trace="t", slower="500ms"
    ) == Filter(
        outcomes=("client_left",),
        models=("gpt-*",),
        providers=("openai",),
        keys=("team",),
        traces=("t",),
        latency_us=Range(500_000),
    )


def test_several_values_are_any_of_them() -> None:
    assert parse_filter(
        now_us=NOW,
        workspace="a,b",
        user=["anna", "bert, cleo", "anna"],
        route=r"x\,y",
        cache="semantic_hit,miss",
        text="two words",
    ) == Filter(
        workspaces=("a", "b"),
        users=("anna", "bert", "cleo"),
        routes=("x,y",),
        caches=("semantic hit", "miss"),
        text="two words",
    )
    assert parse_filter(now_us=NOW, metadata=["team=a,b", "x=y=z"]).metadata == (("team", "a,b"), ("x", "y=z"))


@pytest.mark.parametrize(
    ("written", "member", "limits"),
    [
        ("cost>=0.01", "cost_nusd", Range(10_000_000)),
        ("cost < $2", "cost_nusd", Range(None, 1_999_999_999)),
        ("latency>2s", "latency_us", Range(2_000_001)),
        ("ttft<=300ms", "ttft_us", Range(None, 300_000)),
        ("tokens=100..200", "tokens", Range(100, 200)),
        ("input=7", "input", Range(7, 7)),
        ("output>0", "output", Range(1)),
        ("feedback>=-2.5", "feedback", Range(-2500)),
    ],
)
def test_a_condition_limits_a_measure(written: str, member: str, limits: Range) -> None:
    assert parse_filter(now_us=NOW, where=written) == Filter(**{member: limits})


def test_conditions_on_one_measure_hold_together() -> None:
    assert parse_filter(now_us=NOW, where=["cost>=1", "cost<3", "cost>=2"]).cost_nusd == Range(2_000_000_000, 2_999_999_999)
    assert parse_filter(now_us=NOW, where="latency<2s", slower="1s").latency_us == Range(1_000_000, 1_999_999)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is neither a duration like 2h nor"),
        ({"until": "2x"}, "until: '2x'"),
        ({"status": "600xx"}, "status: '600xx' is no status; write 404, 5xx"),
        ({"status": "6xx"}, "status: '6xx'"),
        ({"outcome": "bad"}, "outcome: 'bad' is none of ok, refused, failed"),
        ({"cache": "warm"}, "cache: 'warm' is none of hit, semantic_hit"),
        ({"metadata": "team"}, "metadata: 'team' is no pair; write name=value"),
        ({"where": "price>1"}, "where: 'price>1' is no condition; write one of cost, tokens"),
        ({"where": "cost>=much"}, "where: 'much' is no number"),
        ({"where": "cost>=1e30"}, "where: '1e30' is no number"),
        ({"where": "latency>=5"}, "where: '5' is no duration"),
        ({"slower": "fast"}, "slower: 'fast' is no duration"),
    ],
)
def test_a_mistake_is_answered_with_what_would_be_right(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_filter(now_us=NOW, **wrong)


# The log


class House:
    def __init__(self, data: Path) -> None:
        self.store = SqliteLog(data / "log", report=print)
        self.ingest = Ingest(data / "spool", self.store, report=print)
        self.now = NOW
        self.spool = Spool(data / "spool", clock=lambda: self.now, report=print)
        self.logs = Logs.of(data, print)

    def happen(self, *numbers: int, **members: Any) -> None:
        for number in numbers:
            self.spool.append(record(number, **members))

    def close(self) -> None:
        self.ingest.close()
        self.store.close()
        self.spool.close()


def record(number: int, **members: Any) -> Record:
    return Record(id=new_id(NOW + number, number), time_us=NOW + number, error=str(number), request=b"body", **members)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def numbers(records: list[Record]) -> list[int]:
    return [int(each.error) for each in records]


def test_what_is_in_the_store_and_what_is_still_in_the_spool_is_one_log(house: House) -> None:
    house.happen(1, 2, 5)
    house.ingest.step()
    house.happen(3, 4, 6)
    assert numbers(house.logs.newest(Filter())) == [6, 5, 4, 3, 2, 1]
    assert numbers(house.logs.newest(Filter(), limit=2)) == [6, 5]
    assert all(each.request == b"" for each in house.logs.newest(Filter()))


def test_a_scan_has_all_once_with_bodies_or_without(house: House, tmp_path: Path) -> None:
    house.happen(1, 2)
    house.ingest.step()
    house.happen(3, 4)
    (tmp_path / "spool" / "cursors.json").unlink()
    assert sorted(numbers(list(house.logs.scan(Filter())))) == [1, 2, 3, 4]
    assert {each.request for each in house.logs.scan(Filter())} == {b""}
    assert {each.request for each in house.logs.scan(Filter(), bodies=True)} == {b"body"}
    assert numbers(list(house.logs.scan(Filter(since_us=NOW + 4)))) == [4]


def test_what_was_kept_but_not_noted_is_seen_once(house: House, tmp_path: Path) -> None:
    house.happen(1, 2)
    house.ingest.step()
    (tmp_path / "spool" / "cursors.json").unlink()
    assert numbers(house.logs.newest(Filter())) == [2, 1]


def test_a_filter_holds_for_the_spool_as_well(house: House) -> None:
    house.happen(1, 2, status=200)
    house.happen(3, status=500)
    assert numbers(house.logs.newest(Filter(status=((500, 599),)))) == [3]


def test_what_is_in_the_spool_has_no_feedback(house: House) -> None:
    house.happen(1)
    assert house.logs.newest(Filter(feedback=Range(-9000))) == []


def test_one_record_is_found_wherever_it_is(house: House) -> None:
    house.happen(1)
    house.ingest.step()
    house.happen(2)
    for number in (1, 2):
        found = house.logs.get(record(number).id)
        assert found == record(number)
    assert house.logs.get(record(3).id) is None


def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    logs = Logs.of(tmp_path / "nowhere", print)
    assert logs.newest(Filter()) == []
    assert logs.get("x") is None


def script(*steps: Callable[[], object]) -> Callable[[], bool]:
    """A `wait` during which one step after the other happens; then the end."""
    left = iter(steps)

    def wait() -> bool:
        for step in left:
            step()
            return True
        return False

    return wait


def test_following_gives_what_happens_from_now_on(house: House) -> None:
    house.happen(1)
    wait = script(lambda: house.happen(2, 3), lambda: None, lambda: house.happen(4))
    assert numbers(list(house.logs.follow(Filter(), wait))) == [2, 3, 4]


def test_following_gives_only_what_is_meant(house: House) -> None:
    wait = script(lambda: house.happen(1, status=200), lambda: house.happen(2, status=500))
    assert numbers(list(house.logs.follow(Filter(status=((500, 599),)), wait))) == [2]


def test_following_survives_that_a_segment_ends_and_goes(house: House) -> None:
    def rotate() -> None:
        house.happen(2)
        house.spool.close()
        while house.ingest.step():
            pass
        house.now += 1
        house.happen(3)

    house.happen(1)
    wait = script(rotate, lambda: house.ingest.step(), lambda: house.happen(4))
    assert numbers(list(house.logs.follow(Filter(), wait))) == [2, 3, 4]


def test_what_ends_together_is_told_in_the_order_of_its_end(house: House) -> None:
    def both() -> None:
        house.happen(10, latency_us=1)
        house.happen(1, latency_us=500)

    assert numbers(list(house.logs.follow(Filter(), script(both)))) == [10, 1]


def test_following_lets_go_of_its_files(house: House, tmp_path: Path) -> None:
    house.happen(1)
    following = house.logs.follow(Filter(), lambda: bool(house.happen(2) or True))
    assert next(following).error == "2"
    following.close()
    house.spool.close()


def test_its_repr_says_where(house: House, tmp_path: Path) -> None:
    assert str(tmp_path) in repr(house.logs)
