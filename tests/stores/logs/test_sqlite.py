"""stores/logs/sqlite: kept once, found by what is asked, whatever happens to the files."""

from __future__ import annotations

import random
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs import day as module
from lockgate.stores.logs.ports import Cursor, Filter
from lockgate.stores.logs.sqlite import SqliteLog, day_of
from lockgate.stores.ports import StoreError

NOON = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000
MINUTE = 60_000_000


def record(number: int, **members: Any) -> Record:
    time_us = members.pop("time_us", NOON + number * 1000)
    return Record(id=new_id(time_us, number), time_us=time_us, **members)


def full(number: int) -> Record:
    return record(
        number,
        trace_id=f"trace{number}",
        provider="p",
        model_sent="m",
        status=200,
        attempts=[Attempt(provider="p", status=200)],
        usage=Usage(input=10, output=5, cached=4, raw=msgspec.Raw(b'{"in":10}')),
        cost_nusd=1234,
        latency_us=250_000,
        ttft_us=90_000,
        metadata={"team": "blau"},
        request=b"q" * number,
        response=b"\x00\xff" * number,
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path, said: list[str]) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", report=said.append, busy_s=0.05)
    yield log
    log.close()


def ids(records: list[Record]) -> list[str]:
    return [each.id for each in records]


def everything(log: SqliteLog, meant: Filter | None = None, limit: int = 7) -> list[Record]:
    found: list[Record] = []
    after: Cursor | None = None
    while True:
        page = log.page(meant or Filter(), after, limit)
        found += page.records
        if page.next is None:
            return found
        after = page.next


def test_all_records_are_scanned_the_newest_first_in_small_parts(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [full(number) for number in range(1, 250)] + [record(number, time_us=NOON - DAY + number) for number in range(9)]
    log.append(records)
    newest = sorted(records, key=lambda each: (each.time_us, each.id), reverse=True)
    monkeypatch.setattr(module, "SCANNED_BYTES", 1000)  # after some requests of 249 bytes and less
    for bodies in (False, True):
        found = list(log.scan(Filter(), bodies=bodies))
        assert ids(found) == ids(newest)
        assert [each.request for each in found] == [each.request if bodies else b"" for each in newest]
        assert not any(each.response for each in found)
    assert ids(list(log.scan(Filter(provider="p", until_us=NOON + 4000)))) == ids([full(3), full(2), full(1)])
    assert list(log.scan(Filter(since_us=NOON + DAY))) == []


def test_a_record_comes_back_whole(log: SqliteLog) -> None:
    kept = [full(n) for n in range(250)]
    assert log.append(kept) == 250
    assert [log.get(each.id) for each in kept] == kept


def test_a_record_without_bodies_comes_back(log: SqliteLog) -> None:
    log.append([record(1), record(2)])
    assert log.get(record(1).id) == record(1)


def test_what_was_never_kept_is_not_found(log: SqliteLog) -> None:
    assert log.get(record(1).id) is None
    assert log.page(Filter()).records == []
    assert log.minutes(0, NOON) == []
    log.append([record(1)])
    assert log.get(record(2).id) is None
    assert log.get("no-id-of-ours") is None


def test_an_id_of_another_kind_is_found(log: SqliteLog) -> None:
    log.append([record(1), Record(id="custom-1", time_us=NOON - 3 * DAY, request=b"x")])
    found = log.get("custom-1")
    assert found is not None
    assert found.request == b"x"


def test_a_batch_that_comes_again_changes_nothing(log: SqliteLog) -> None:
    kept = [full(n) for n in range(150)]
    assert log.append(kept[:100]) == 100
    assert log.append(kept) == 50
    assert log.append(kept) == 0
    assert ids(everything(log)) == ids(kept)[::-1]
    assert sum(minute.requests for minute in log.minutes(0, NOON * 2)) == 150
    assert [log.get(each.id) for each in kept] == kept


def test_a_batch_may_hold_a_record_twice(log: SqliteLog) -> None:
    assert log.append([full(1), full(1), full(2)]) == 2
    assert log.get(full(2).id) == full(2)


def test_a_page_has_no_bodies_and_everything_else(log: SqliteLog) -> None:
    log.append([full(3)])
    (found,) = log.page(Filter()).records
    assert found.request == found.response == b""
    assert (found.attempts, found.usage, found.metadata) == (full(3).attempts, full(3).usage, full(3).metadata)


def test_pages_go_on_where_the_last_one_ended_across_days(log: SqliteLog) -> None:
    kept = [record(n, time_us=NOON + n * DAY // 3) for n in range(20)]
    shuffled = random.Random(1).sample(kept, 20)
    log.append(shuffled[:9])
    log.append(shuffled[9:])
    assert ids(everything(log, limit=3)) == ids(kept)[::-1]


def test_records_of_one_moment_are_all_found(log: SqliteLog) -> None:
    kept = [Record(id=new_id(NOON, n), time_us=NOON) for n in range(10)]
    log.append(kept)
    assert ids(everything(log, limit=3)) == ids(kept)[::-1]


def test_what_arrives_while_pages_are_read_does_not_shift_them(log: SqliteLog) -> None:
    log.append([record(n) for n in range(10)])
    first = log.page(Filter(), limit=5)
    log.append([record(n) for n in range(10, 20)])
    assert ids(log.page(Filter(), first.next, 5).records) == [record(n).id for n in (4, 3, 2, 1, 0)]


def test_a_day_is_a_file_by_utc(log: SqliteLog, tmp_path: Path) -> None:
    midnight = NOON + DAY // 2
    log.append([record(1, time_us=midnight - 1), record(2, time_us=midnight), record(3, time_us=NOON - 40 * DAY)])
    names = sorted(path.name for path in (tmp_path / "log").glob("*.db"))
    assert names == ["2026-10-16.db", "2026-11-25.db", "2026-11-26.db"]
    assert len(log._open) == 2


@pytest.mark.parametrize("time_us", [-5, 0, 10**17, 2**63, 2**70])
def test_no_time_is_too_strange(log: SqliteLog, time_us: int) -> None:
    assert log.append([Record(id="x", time_us=time_us)]) == 1
    assert day_of(time_us)


def test_a_record_is_found_by_its_own_trace_and_its_trace_comes_back(log: SqliteLog, tmp_path: Path) -> None:
    kept = [record(n, trace_id=record(n).id.replace("-", "")) for n in range(5)]
    log.append(kept)
    assert log.page(Filter(trace=kept[3].trace_id)).records == [kept[3]]
    db = sqlite3.connect(the_day(tmp_path))
    plan = " ".join(
        str(row)
        for row in db.execute(f"EXPLAIN QUERY PLAN SELECT n FROM requests WHERE {module._CONDITIONS['trace']}", [""] * 4)
    )
    db.close()
    assert "SCAN" not in plan


def test_counts_that_no_database_takes_are_kept_as_far_as_they_go(log: SqliteLog) -> None:
    odd = record(1, usage=Usage(input=10**30, output=-5), cost_nusd=10**25, latency_us=10**20)
    assert log.append([odd]) == 1
    assert log.get(odd.id) == odd


def test_names_of_any_length_are_kept(log: SqliteLog) -> None:
    long = record(1, model_asked="m" * 100_000, trace_id="t" * 1000)
    log.append([long])
    assert log.get(long.id) == long


# Filters

FILTERS = [
    Filter(since_us=NOON + 5000),
    Filter(until_us=NOON + 5000),
    Filter(since_us=NOON + 2000, until_us=NOON + DAY),
    Filter(status=(500, 599)),
    Filter(status=(0, 0)),
    Filter(outcome="failed"),
    Filter(outcome="ok"),
    Filter(model="gpt-4o"),
    Filter(model="gpt-4o*"),
    Filter(model="*mini"),
    Filter(model="gp?-4o"),
    Filter(model="a[b]*"),
    Filter(provider="p1"),
    Filter(key="k1"),
    Filter(key="name1"),
    Filter(trace="t1"),
    Filter(min_latency_us=500),
    Filter(outcome="failed", provider="p1", model="gpt*", min_latency_us=100),
]
MODELS = ["", "gpt-4o", "gpt-4o-mini", "a[b]c", "GPT-4o"]


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqliteLog, list[Record]]]:
    draw = random.Random(5)
    kept = [
        record(
            n,
            time_us=NOON + n * draw.choice([1000, DAY // 40]),
            status=draw.choice([0, 200, 429, 500, 503]),
            outcome=draw.choice(["ok", "failed", "refused", "broken", "client_left"]),
            model_asked=draw.choice(MODELS),
            model_sent=draw.choice(MODELS),
            model_served=draw.choice(MODELS),
            provider=draw.choice(["", "p1", "p2"]),
            key_id=draw.choice(["", "k1", "k2"]),
            key_name=draw.choice(["", "name1", "k1"]),
            trace_id=draw.choice(["", "t1", "t2"]),
            latency_us=draw.randrange(1000),
        )
        for n in range(300)
    ]
    log = SqliteLog(tmp_path_factory.mktemp("log"), report=print)
    log.append(kept)
    yield log, sorted(kept, key=lambda each: (each.time_us, each.id), reverse=True)
    log.close()


@pytest.mark.parametrize("meant", FILTERS, ids=repr)
def test_the_database_and_the_filter_mean_the_same(varied: tuple[SqliteLog, list[Record]], meant: Filter) -> None:
    log, kept = varied
    expected = [each for each in kept if meant.admits(each)]
    assert ids(everything(log, meant, limit=11)) == ids(expected)
    assert 0 < len(expected) < len(kept)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None)
@given(
    st.sampled_from(FILTERS), st.sampled_from(FILTERS), st.integers(1, 60)
)  # fmt: skip
def test_filters_combine(varied: tuple[SqliteLog, list[Record]], one: Filter, other: Filter, limit: int) -> None:
    log, kept = varied
    both = msgspec.structs.replace(
        one, **{name: getattr(other, name) for name in other.__struct_fields__ if getattr(other, name) not in (None, "", 0)}
    )
    assert ids(everything(log, both, limit)) == ids([each for each in kept if both.admits(each)])


# Roll-ups


def test_minutes_add_up(log: SqliteLog) -> None:
    minute = NOON // MINUTE * MINUTE
    batches = [
        [full(1), record(2, provider="p", model_sent="m", outcome="failed", latency_us=1000)],
        [full(3), record(4, provider="p", model_sent="m", outcome="client_left", usage=Usage(input=1, output=1))],
        [record(5, provider="q", model_sent="m", outcome="refused"), record(6, provider="p", model_sent="m", outcome="broken")],
        [record(7, time_us=NOON + DAY, provider="p", model_sent="m", key_id="k", cost_nusd=0, usage=Usage())],
    ]
    for batch in batches:
        log.append(batch)
    found = log.minutes(NOON - MINUTE, NOON + 2 * DAY)
    assert [(each.minute_us, each.provider, each.key_id, each.requests) for each in found] == [
        (minute, "p", "", 5),
        (minute, "q", "", 1),
        (minute + DAY, "p", "k", 1),
    ]
    first = found[0]
    assert (first.refused, first.failed, first.broken, first.client_left) == (0, 1, 1, 1)
    assert (first.input, first.output, first.cached, first.cost_nusd, first.unpriced) == (21, 11, 8, 2468, 1)
    assert (first.latency_us, first.latency.count, first.ttft.count) == (501_000, 5, 2)
    assert first.ttft.quantile(0.5) == pytest.approx(90_000, rel=0.02)
    assert found[2].unpriced == 0


def test_minutes_are_those_asked_for(log: SqliteLog) -> None:
    log.append([record(n, time_us=NOON + n * MINUTE) for n in range(5)])
    assert [each.minute_us for each in log.minutes(NOON + MINUTE, NOON + 3 * MINUTE)] == [NOON + MINUTE, NOON + 2 * MINUTE]


def test_a_batch_that_fails_half_way_leaves_nothing(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])

    def broken(records: list[Record]) -> list[Any]:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "roll_up", broken)
        with pytest.raises(StoreError, match="disk I/O error"):
            log.append([full(2)])
    assert ids(everything(log)) == [full(1).id]
    assert log.append([full(2)]) == 1
    assert sum(each.requests for each in log.minutes(0, NOON * 2)) == 2


# What may happen to files


def the_day(tmp_path: Path) -> Path:
    return tmp_path / "log" / "2026-11-25.db"


def test_a_file_taken_away_is_begun_anew(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    for path in (tmp_path / "log").iterdir():
        path.unlink()
    assert log.append([full(2)]) == 1
    assert ids(everything(log)) == [full(2).id]


def test_a_directory_taken_away_is_made_again(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    shutil.rmtree(tmp_path / "log")
    assert log.append([full(2)]) == 1
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700


def test_a_damaged_file_is_set_aside_and_said(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "log").mkdir()
    the_day(tmp_path).write_bytes(b"this is no database, by any means " * 100)
    assert log.append([full(1)]) == 1
    assert ids(everything(log)) == [full(1).id]
    aside = the_day(tmp_path).with_name("2026-11-25.db.corrupt")
    assert aside.read_bytes().startswith(b"this is no")
    assert "set aside as 2026-11-25.db.corrupt" in said[0]


def test_damage_within_a_file_is_found_while_it_is_open(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    for n in range(0, 2000, 100):
        log.append([full(n + k) for k in range(100)])
    log.close()
    data = bytearray(the_day(tmp_path).read_bytes())
    data[4096 : len(data)] = random.Random(1).randbytes(len(data) - 4096)
    the_day(tmp_path).write_bytes(bytes(data))
    assert log.append([full(5000)]) == 1
    assert the_day(tmp_path).with_name("2026-11-25.db.corrupt").exists()
    assert ids(everything(log)) == [full(5000).id]


def test_a_second_damaged_file_gets_its_own_name(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for _ in range(2):
        log.close()
        the_day(tmp_path).write_bytes(b"no database " * 100)
        log.append([full(1)])
    assert the_day(tmp_path).with_name("2026-11-25.db.corrupt-2").exists()


def test_a_reader_leaves_a_damaged_day_out_and_says_so(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    log.append([full(1), record(2, time_us=NOON - DAY)])
    log.close()
    the_day(tmp_path).write_bytes(b"no database " * 100)
    assert ids(everything(log)) == [record(2, time_us=NOON - DAY).id]
    assert the_day(tmp_path).exists()
    assert "left out" in said[0]


def test_a_damaged_block_is_said(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    log.append([full(1)])
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("UPDATE facts SET data = x'0011'")
    db.commit()
    db.close()
    assert everything(log) == []
    assert "record 1 cannot be read" in said[0]


def test_a_lock_held_for_too_long_is_for_another_time(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    other = sqlite3.connect(the_day(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        log.append([full(2)])
    assert ids(everything(log)) == [full(1).id]  # reading does not wait for a writer
    other.execute("ROLLBACK")
    other.close()
    assert log.append([full(2)]) == 1


def test_a_directory_that_cannot_be_made_is_for_another_time(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    log = SqliteLog(tmp_path / "log", report=print)
    with pytest.raises(StoreError, match="cannot write"):
        log.append([full(1)])


@pytest.mark.parametrize("code", ["SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN"])
def test_a_disk_that_will_not_is_for_another_time(log: SqliteLog, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def fails(*_: object) -> int:
        error = sqlite3.OperationalError(code)
        error.sqlite_errorcode = getattr(sqlite3, code)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module.Day, "append", fails)
        with pytest.raises(StoreError, match=code):
            log.append([full(1)])
    assert log.append([full(1)]) == 1


def test_a_read_only_directory_can_be_read(log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])
    log.close()
    connect = sqlite3.connect
    asked: list[str] = []

    def as_if_read_only(place: str, **options: Any) -> sqlite3.Connection:
        asked.append(str(place))
        if "mode=ro" in str(place):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return connect(place, **options)

    monkeypatch.setattr(sqlite3, "connect", as_if_read_only)
    assert ids(everything(log)) == [full(1).id]
    assert asked[-1].endswith("?immutable=1")


def test_a_file_of_a_later_version_is_left_alone(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="later version"):
        log.append([full(1)])
    with pytest.raises(StoreError, match="later version"):
        log.page(Filter())
    assert the_day(tmp_path).exists()


def test_a_file_without_tables_yet_is_an_empty_day(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    the_day(tmp_path).touch()
    assert log.page(Filter()).records == []
    assert log.append([full(1)]) == 1


def test_schemas_go_forward_one_by_one(log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])
    log.close()
    monkeypatch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, "CREATE TABLE later (x);", "CREATE INDEX z ON later (x);"))
    assert log.append([full(2)]) == 1
    db = sqlite3.connect(the_day(tmp_path))
    assert db.execute("PRAGMA user_version").fetchone() == (3,)
    assert db.execute("SELECT count(*) FROM later").fetchone() == (0,)
    db.close()
    assert ids(everything(log)) == [full(2).id, full(1).id]


def test_old_days_are_forgotten(log: SqliteLog, tmp_path: Path) -> None:
    log.append([record(n, time_us=NOON - n * DAY) for n in range(5)])
    assert log.prune(NOON - 2 * DAY) == 2
    assert sorted(path.name for path in (tmp_path / "log").glob("*.db")) == ["2026-11-23.db", "2026-11-24.db", "2026-11-25.db"]
    assert len(everything(log)) == 3
    assert log.prune(NOON - 2 * DAY) == 0


def test_many_large_bodies_make_many_blocks(log: SqliteLog, tmp_path: Path) -> None:
    kept = [record(n, request=random.Random(n).randbytes(300_000)) for n in range(9)]
    log.append(kept)
    assert [log.get(each.id) for each in kept] == kept
    db = sqlite3.connect(the_day(tmp_path))
    assert db.execute("SELECT count(*) FROM bodies").fetchone() == (3,)
    db.close()


def test_its_repr_says_where(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    assert repr(log) == f"SqliteLog({tmp_path / 'log'}, 1 days open)"


def test_a_day_that_cannot_be_opened_is_for_another_time(log: SqliteLog, tmp_path: Path) -> None:
    the_day(tmp_path).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot read"):
        log.page(Filter())
    with pytest.raises(StoreError, match="cannot write"):
        log.append([full(1)])


def test_a_day_that_cannot_be_deleted_is_for_another_time(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([record(1, time_us=NOON - 9 * DAY)])

    def fails(*_: object, **__: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(Path, "unlink", fails)
    with pytest.raises(StoreError, match="cannot delete"):
        log.prune(NOON)
