"""The log on a disk that fails, and in a process that is killed: at each call in turn that writes, syncs or opens a file.

So also between rows and roll-ups, which are two transactions: what was kept is counted once, by whoever comes next.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from lockgate.core.record import Record
from lockgate.stores.logs import rolling
from lockgate.stores.logs.ports import Feedback, Filter
from lockgate.stores.logs.rollup import DAY_US, HOUR_US, MINUTE_US
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.logs.sums import Sums
from lockgate.stores.ports import StoreError
from support.disk import Disk, can_fail
from support.log_store import MemoryLog
from support.logged import START, logged

pytestmark = pytest.mark.skipif(not can_fail(), reason="this Python's SQLite does not let its files be replaced")

#: So few that rows are rolled up within the story, at the end of a step and in the middle of one.
FRESH = 7
#: With time, each call fails in turn; else some of them, spread over all.
LONG = bool(os.environ.get("LOG_STEPS"))
EVER = Filter(since_us=START - DAY_US, until_us=START + 3 * DAY_US)


def turn(number: int) -> Record:
    """A request whose history repeats that of others, near midnight, of one of some users and models."""
    draw = random.Random(number)
    messages = [{"role": "user", "content": f"{random.Random(each).randbytes(300).hex()}"} for each in range(number % 5 + 1)]
    return logged(
        DAY_US - 6 * MINUTE_US + number * MINUTE_US,
        tokens=(10 + number, 20),
        user=f"user{number % 3}",
        model_sent=f"model{number % 4}",
        trace_id=f"trace{number % 6}",
        cost_nusd=1000 + number,
        metadata={"team": f"team{number % 2}", f"name{number % 3}": str(number)},
        latency_us=1000 * draw.randrange(1, 90_000),
        request=json.dumps({"messages": messages}).encode(),
        response=f"answer{number} {draw.randbytes(30).hex()}".encode(),
    )


RECORDS = [turn(number) for number in range(24)]
SAID = [Feedback(f"f{n}", f"trace{n}", START, n, 500, organisation="org", workspace="ws") for n in range(4)]
#: What the scribe does, step by step: batches, some of which come again as after a crash, and what people say.
STEPS = [
    RECORDS[0:5],
    RECORDS[5:9],
    SAID[:2],
    RECORDS[3:9],  # known
    RECORDS[8:17],
    SAID[1:],
    RECORDS[17:18],
    "restart",
    RECORDS[15:24],
    "restart",
]


class Scribe:
    """Takes steps in a folder, each as often as it takes. `done` are those that the store has said yes to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done = 0
        self.said: list[str] = []
        self.log = self.open()

    def open(self) -> SqliteLog:
        return SqliteLog(self.folder, report=self.said.append, busy_s=0.01)

    def go(self, disk: Disk | None = None, since: int = 0) -> None:
        for step in STEPS[since:]:
            for attempt in count():
                if attempt == 3 and disk is not None:
                    disk.mend()  # somebody has made room
                try:
                    self.take(step)
                    break
                except StoreError:
                    assert attempt < 6, "it never works again"
            self.done += 1
        self.log.close()

    def take(self, step: object) -> None:
        if step == "restart":
            self.log.close()
            self.log = self.open()
        elif isinstance(step[0], Feedback):
            self.log.rate(step)
        else:
            self.log.append(step)


def kept_after(steps: list[object]) -> MemoryLog:
    """What the plain store has after these."""
    memory = MemoryLog()
    for step in steps:
        if step != "restart":
            (memory.rate if isinstance(step[0], Feedback) else memory.append)(step)
    return memory


def holds(log: SqliteLog, memory: MemoryLog) -> None:
    """The store and the plain one hold the same, and their sums agree with their rows."""
    rows = list(log.scan(Filter()))
    assert [row.id for row in rows] == [row.id for row in memory.scan(Filter())]
    for row in rows:
        assert log.get(row.id) == memory.get(row.id)
    for step in (MINUTE_US, HOUR_US, DAY_US):
        assert log.series(EVER, step) == memory.series(EVER, step)
    for by in ("model", "user", "key", "metadata.team", "metadata.name1"):
        assert log.groups(EVER, by) == memory.groups(EVER, by), by
    for number in (0, 7, 23):
        found = [row.id for row in log.page(Filter(text=f"answer{number}")).records]
        assert found == ([RECORDS[number].id] if RECORDS[number].id in memory.records else [])


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rolling, "FRESH", FRESH)


@pytest.mark.parametrize("full", [False, True], ids=["an error", "full from then on"])
def test_wherever_the_disk_fails_everything_is_there_once_when_it_works_again(tmp_path: Path, full: bool) -> None:
    whole = kept_after(STEPS)
    failed: set[str] = set()
    for at in count(3, (3 if LONG else 48) if full else (1 if LONG else 24)):
        folder = tmp_path / str(at)
        disk = Disk(folder)
        disk.enter()
        try:
            scribe = Scribe(folder)
            disk.fail(at, full=full)
            scribe.go(disk)
        finally:
            disk.leave()
        if not disk.failed:
            break
        failed.update(disk.failed)
        holds(scribe.open(), whole)
        assert scribe.said == []
        shutil.rmtree(folder)
    assert "sqlite write" in failed
    assert at > 100


def test_wherever_a_process_is_killed_the_next_one_has_everything_once(tmp_path: Path) -> None:
    """Its files are copied before each call: kill -9 leaves no more and no less."""
    folder, copies = tmp_path / "log", tmp_path / "copies"
    disk = Disk(folder)
    done: list[int] = []
    disk.enter()
    try:
        scribe = Scribe(folder)

        def copy() -> None:
            to = copies / str(len(done))
            to.mkdir(parents=True)
            for path in folder.glob("*"):
                if not path.name.endswith("-shm"):  # whoever opens the file first makes it anew
                    shutil.copyfile(path, to / path.name)
            done.append(scribe.done)

        disk.watch = copy
        scribe.go()
    finally:
        disk.leave()
    assert len(done) > 100
    for number, steps in list(enumerate(done))[:: 1 if LONG else 28]:
        after = Scribe(copies / str(number))
        # All that was said yes to is there; of the step under way each day may be, with all that belongs to it.
        ids = {row.id for row in after.log.scan(Filter())}
        assert kept_after(STEPS[:steps]).records.keys() <= ids <= kept_after(STEPS[: steps + 1]).records.keys()
        assert sum(totals.requests for _, totals in after.log.series(EVER, DAY_US)) == len(ids)
        after.go(since=steps)  # as the spool has it
        holds(after.open(), kept_after(STEPS))
        assert after.said == []


def test_after_power_loss_what_is_there_agrees(tmp_path: Path) -> None:
    """Nothing is synced for a request, so the last ones may be gone; what is there is whole, and counted right."""
    folder, losses = tmp_path / "log", tmp_path / "losses"
    disk, draw = Disk(folder), random.Random(5)
    made = [0]
    disk.enter()
    try:
        scribe = Scribe(folder)

        def lose() -> None:
            made[0] += 1
            if made[0] % (1 if LONG else 16):
                return
            share = draw.choice([0.0, 0.5, 1.0])
            to = losses / str(made[0])
            to.mkdir(parents=True)
            for path, data in disk.after_power_loss(lambda _: draw.random() < share).items():
                (to / Path(path).name).write_bytes(data)

        disk.watch = lose
        scribe.go()
    finally:
        disk.leave()
    assert made[0] > 100
    for loss in losses.iterdir():
        after = Scribe(loss)
        rows = list(after.log.scan(Filter()))
        assert sum(totals.requests for _, totals in after.log.series(EVER, DAY_US)) == len(rows)
        after.go()
        holds(after.open(), kept_after(STEPS))
        assert after.said == []


def test_wherever_a_statement_is_broken_off_everything_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite may take a transaction back by itself (https://www.sqlite.org/lang_transaction.html#immediate): what the process has
    learned in it must be forgotten too. `interrupt` makes it do so."""
    connect, left = sqlite3.connect, [0]

    def watched(*args: object, **options: object) -> sqlite3.Connection:
        db = connect(*args, **options)
        db.set_progress_handler(count_down, 20)
        return db

    def count_down() -> int:
        left[0] -= 1
        return left[0] == 0

    monkeypatch.setattr(sqlite3, "connect", watched)
    whole = kept_after(STEPS)
    for at in count(5, 10 if LONG else 300):
        left[0] = at
        scribe = Scribe(tmp_path / str(at))
        scribe.go()
        was = left[0]
        left[0] = 0
        holds(scribe.open(), whole)
        assert scribe.said == []
        if was > 0:
            break
    assert at > 500


# What a reader sees meanwhile, and what damage within a file costs


def test_requests_that_are_rolled_up_while_a_graph_is_read_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = SqliteLog(tmp_path, report=print)
    log.append(RECORDS[:5])
    read = Sums._read

    def and_meanwhile(sums: Sums, *arguments: object) -> Iterator[object]:
        yield from read(sums, *arguments)
        log.close()  # whoever appends rolls up what is fresh

    monkeypatch.setattr(Sums, "_read", and_meanwhile)
    assert sum(totals.requests for _, totals in SqliteLog(tmp_path, report=print).series(EVER, DAY_US)) == 5


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[SqliteLog, list[Record], list[str]]:
    """A log of one day in three blocks, of which the second is damaged, facts and bodies; its records; what is said."""
    said: list[str] = []
    log = SqliteLog(tmp_path, report=said.append)
    records = [logged(number, request=f"question {number}".encode()) for number in range(6)]
    for at in (0, 2, 4):
        log.append(records[at : at + 2])
    log.close()
    (path,) = tmp_path.glob("????-??-??.db")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE bodies SET data = x'0011' WHERE block = 2")
    return log, records, said


def damage_facts(tmp_path: Path) -> None:
    (path,) = tmp_path.glob("????-??-??.db")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE facts SET data = x'0011' WHERE block = 2")


def test_a_damaged_block_is_told_and_counts_and_pages_go_on(damaged: tuple[SqliteLog, list[Record], list[str]]) -> None:
    log, records, said = damaged
    assert log.get(records[0].id) == records[0]
    assert log.get(records[5].id) == records[5]
    log.get(records[2].id)
    assert "block 2 cannot be read" in said[0]
    assert [row.id for row in log.page(Filter()).records] == [each.id for each in reversed(records)]
    assert sum(totals.requests for _, totals in log.series(EVER, DAY_US)) == len(records)
    assert log.append([late := logged(99)]) == 1  # nor is the day set aside
    assert log.get(late.id) == late


def test_a_record_whose_bodies_are_damaged_is_there_without_them(damaged: tuple[SqliteLog, list[Record], list[str]]) -> None:
    log, records, _ = damaged
    found = log.get(records[2].id)
    assert found is not None
    assert (found.id, found.request, found.truncated) == (records[2].id, b"", True)


def test_what_is_exported_lacks_the_bodies_of_a_damaged_block_alone(
    damaged: tuple[SqliteLog, list[Record], list[str]],
) -> None:
    log, records, _ = damaged
    found = {row.id: row.request for row in log.scan(Filter(), bodies=True)}
    assert [found.get(each.id) for each in records] == [
        b"" if at in (2, 3) else each.request for at, each in enumerate(records)
    ]


def test_a_damaged_block_of_facts_costs_its_own_records_and_no_others(
    damaged: tuple[SqliteLog, list[Record], list[str]], tmp_path: Path
) -> None:
    log, records, said = damaged
    damage_facts(tmp_path)
    found = [row.id for row in log.page(Filter()).records]
    assert "block 2 cannot be read" in said[0]
    assert {records[at].id for at in (0, 1, 4, 5)} <= set(found)
