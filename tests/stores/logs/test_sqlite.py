"""stores/logs/sqlite: what is its own beyond the contract: files, one a day, whatever happens to them."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lockgate.core.record import Attempt, Record
from lockgate.stores.logs import day as module
from lockgate.stores.logs import patience, rolling
from lockgate.stores.logs.ports import Filter, Range
from lockgate.stores.logs.schema import SINCE
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError, TooLong
from support.log_records import DAY, MINUTE, NOON, counted, everything, full, ids, rating, record


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path, said: list[str]) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", report=said.append, busy_s=0.05)
    yield log
    log.close()


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
    assert ids(list(log.scan(Filter(providers=("p",), until_us=NOON + 4000)))) == ids([full(3), full(2), full(1)])
    assert list(log.scan(Filter(since_us=NOON + DAY))) == []


def test_a_day_is_a_file_by_utc(log: SqliteLog, tmp_path: Path) -> None:
    midnight = NOON + DAY // 2
    log.append([record(1, time_us=midnight - 1), record(2, time_us=midnight), record(3, time_us=NOON - 40 * DAY)])
    names = sorted(path.name for path in (tmp_path / "log").glob("*.db"))
    assert names == ["2026-10-16.db", "2026-11-25.db", "2026-11-26.db"]
    assert len(log._open) == 2


def test_feedback_that_is_damaged_is_set_aside(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    log.rate([rating(1, "t", 3)])
    (tmp_path / "log" / "feedback.sqlite").write_bytes(b"no database " * 100)
    assert log.append([full(1)]) == 1
    assert "set aside as feedback.sqlite.corrupt" in said[0]


def test_a_batch_that_fails_half_way_leaves_nothing(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])

    def broken(request: bytes, response: bytes) -> str:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "indexed", broken)
        with pytest.raises(StoreError, match="disk I/O error"):
            log.append([full(2)])
    assert ids(everything(log)) == [full(1).id]
    assert log.append([full(2)]) == 1
    assert counted(log) == 2


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
    assert "block 1 cannot be read" in said[0]


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
    assert db.execute("PRAGMA user_version").fetchone() == (len(module.MIGRATIONS),)
    assert db.execute("SELECT count(*) FROM later").fetchone() == (0,)
    db.close()
    assert ids(everything(log)) == [full(2).id, full(1).id]


@pytest.mark.parametrize(
    ("version", "step_us", "named"),
    [(1, 5 * MINUTE, {"models": ("m",)}), (1, 60 * MINUTE, {"metadata": (("team", "blau"),)}), (4, 15 * MINUTE, {})],
)
def test_a_day_without_roll_ups_of_some_length_is_read_from_others_and_rolled_up_again_when_it_is_written(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, step_us: int, named: dict[str, Any]
) -> None:
    def found() -> list[int]:
        meant = Filter(since_us=NOON - DAY // 2, until_us=NOON + DAY // 2, **named)
        return [totals.requests for _, totals in log.series(meant, step_us)]

    def rolled() -> set[tuple[int, int]]:
        """The roll-ups of that length: their cuts and requests."""
        return set(db.execute("SELECT cut, sum(requests) FROM rollups WHERE span_us = ? GROUP BY 1", (step_us,)))

    with monkeypatch.context() as before:
        before.setattr(rolling, "FRESH", 1)
        log.append([full(1), full(2)])
        log.close()
    db = sqlite3.connect(the_day(tmp_path))
    if version == 1:
        db.executescript("ALTER TABLE rollups DROP COLUMN retries; DROP TABLE spoken;")
    db.execute(f"PRAGMA user_version = {version}")
    there = rolled()
    assert there
    lacked = [(cut.number, span_us) for (cut, span_us), since in SINCE.items() if since > version]
    db.executemany("DELETE FROM rollups WHERE cut = ? AND span_us = ?", lacked)
    assert rolled() != there
    db.commit()
    assert found() == [2]
    log.append([full(3)])
    assert found() == [3]
    assert rolled() == there
    db.close()


def test_a_day_that_was_rolled_up_without_numbers_of_retries_has_none_until_it_is_written(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retried() -> list[tuple[int, dict[int, int]]]:
        meant = Filter(since_us=NOON - DAY // 2, until_us=NOON + DAY // 2)
        return [(totals.retried, totals.retries.buckets) for _, totals in log.series(meant, DAY)]

    twice = [Attempt(kind="server"), Attempt(kind="timeout"), Attempt()]
    with monkeypatch.context() as before:
        before.setattr(rolling, "FRESH", 1)
        log.append([record(1, attempts=twice)])
        log.close()
    db = sqlite3.connect(the_day(tmp_path))
    db.executescript("ALTER TABLE rollups DROP COLUMN retries; DROP TABLE spoken; PRAGMA user_version = 2;")
    assert retried() == [(1, {})]
    log.append([record(2, attempts=twice)])
    assert retried() == [(2, {2: 2})]
    log.close()  # and rolled up
    assert retried() == [(2, {2: 2})]
    assert db.execute("SELECT count(*) FROM fresh").fetchone() == (0,)
    db.close()


def test_who_uses_a_model_over_whole_days_is_known_without_reading_a_request(log: SqliteLog, tmp_path: Path) -> None:
    log.append([record(n, key_id=f"k{n % 3}", model_sent="m" if n % 2 else "other", provider="p") for n in range(60)])
    log.close()  # and rolled up
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("DELETE FROM requests")
    db.commit()
    db.close()
    day = Filter(since_us=NOON - DAY // 2, until_us=NOON + DAY // 2, models=("m",))
    assert [(name, totals.requests) for name, totals in log.groups(day, "key").rows] == [("k0", 10), ("k1", 10), ("k2", 10)]
    of_a_key = msgspec.structs.replace(day, models=(), keys=("k1",))
    assert [(name, totals.requests) for name, totals in log.groups(of_a_key, "model").rows] == [("m", 10), ("other", 10)]


def test_a_question_that_reads_for_too_long_is_given_up_and_no_other(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append([full(number) for number in range(200)])
    monkeypatch.setattr(patience, "_STEPS", 100)
    hasty = SqliteLog(tmp_path / "log", report=pytest.fail)
    looks = iter(())

    def first_in_time_then_late() -> float:
        return next(looks, 100.0)

    def hurried(ask: Any) -> None:
        """It is over when the file is opened, and within a statement."""
        nonlocal looks
        hasty.patience = patience.Patience(60.0, first_in_time_then_late)
        for in_time in (1, 2):
            looks = iter([0.0] * in_time)
            with pytest.raises(TooLong, match="given up after"):
                ask()
        hasty.patience = patience.Patience()

    day = Filter(since_us=NOON - DAY // 2, until_us=NOON + DAY // 2)
    for ask in (lambda: hasty.series(day, DAY), lambda: hasty.groups(day, "model"), lambda: hasty.spread(day, "model", DAY)):
        hurried(ask)
    hurried(lambda: hasty.page(Filter(cost_nusd=Range(1000, 2000))))
    assert len(list(hasty.scan(Filter()))) == 200  # an export reads all there is
    assert hasty.append([full(300)]) == 1
    assert counted(log) == 201
    hasty.close()


def test_an_old_day_takes_its_file_with_it(log: SqliteLog, tmp_path: Path) -> None:
    log.append([record(n, time_us=NOON - n * DAY) for n in range(5)])
    assert log.prune(NOON - 2 * DAY) == 2
    assert sorted(path.name for path in (tmp_path / "log").glob("*.db")) == ["2026-11-23.db", "2026-11-24.db", "2026-11-25.db"]


def test_many_large_bodies_make_many_blocks(log: SqliteLog, tmp_path: Path) -> None:
    kept = [record(n, request=random.Random(n).randbytes(300_000)) for n in range(9)]
    log.append(kept)
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


def test_a_conversation_is_kept_once(log: SqliteLog, tmp_path: Path) -> None:
    draw = random.Random(2)
    messages: list[dict[str, str]] = []
    kept: list[Record] = []
    for n in range(1, 31):
        messages += [{"role": "user", "content": draw.randbytes(300).hex()}]
        body = json.dumps({"model": "a", "messages": messages}).encode()
        kept.append(record(n, request=body, sent=body.replace(b'"a"', b'"b"'), response=draw.randbytes(9), received=b"{}"))
    for each in kept:  # each in a block of its own
        log.append([each])
    db = sqlite3.connect(the_day(tmp_path))
    (size,) = db.execute("SELECT sum(length(data)) FROM bodies").fetchone()
    db.close()
    assert size < sum(len(each.request) for each in kept) / 10
    log.append(kept)  # known: what was learned of that transaction is forgotten
    log.append([full(99)])
    assert log.get(full(99).id) == full(99)


def test_a_damaged_block_takes_with_it_what_refers_to_it_and_no_more(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    body = json.dumps({"messages": ["x" * 600]}).encode()
    kept = [record(1, request=body), record(2, request=body), record(3, request=b"other")]
    for each in kept:
        log.append([each])
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("UPDATE bodies SET data = x'0011' WHERE block = 1")
    db.commit()
    db.close()
    found = [log.get(each.id) for each in kept]
    assert [(each.id, each.request, each.truncated) for each in found if each] == [
        (kept[0].id, b"", True), (kept[1].id, b"", True), (kept[2].id, b"other", False)
    ]  # fmt: skip
    assert "block 1 cannot be read" in said[1]
    assert ids(everything(log)) == ids(kept)[::-1]


def test_the_ends_of_a_stretch_are_read_without_the_rest_of_the_day(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    start = NOON - DAY // 2
    log.append([record(n, time_us=start + n * DAY // 4000, organisation="a") for n in range(4000)])
    steps = [0]

    def step() -> None:
        steps[0] += 1

    monkeypatch.setattr(log.patience, "watch", lambda db: db.set_progress_handler(step, 20))

    def steps_of(since_us: int, until_us: int) -> int:
        steps[0] = 0
        meant = Filter(
            organisation="a", since_us=since_us, until_us=until_us, latency_us=Range(0)
        )  # which roll-ups do not know
        log.groups(meant, "model")
        return steps[0]

    some = steps_of(NOON + 1, NOON + DAY // 40 + 1)
    assert 0 < some < steps_of(start + 1, start + DAY - 1) / 10
