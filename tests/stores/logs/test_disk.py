"""The log on a disk that fails, and in a process that is killed: at each call in turn that writes, syncs or opens a file.

So also between rows and roll-ups, which are two transactions: what was kept is counted once, by whoever comes next.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from itertools import count
from pathlib import Path

import pytest

from lockgate.core.record import Record
from lockgate.stores.logs import rolling
from lockgate.stores.logs.ports import Feedback, Filter
from lockgate.stores.logs.rollup import DAY_US, HOUR_US, MINUTE_US
from lockgate.stores.logs.sqlite import SqliteLog
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
