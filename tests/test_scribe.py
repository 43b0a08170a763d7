"""scribe: a process that ends when it should, and not before everything is kept."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lockgate.control.exports.job import Job, Progress, status_of
from lockgate.control.exports.shelf import Exports
from lockgate.core.record import Record, new_id
from lockgate.scribe import LOOK_S, Log
from lockgate.stores.feedback import FeedbackIngest, pack
from lockgate.stores.logs.ingest import BATCH, Ingest
from lockgate.stores.logs.ports import Feedback, Filter
from lockgate.stores.logs.rollup import DAY_US
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.metrics.saved import NAME, read_saved
from lockgate.stores.spool import Spool, segments

Start = Callable[..., subprocess.Popen[str]]


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts scribes; whatever still runs at the end is killed."""
    with ExitStack() as stack:

        def start_one(*arguments: str, fds: tuple[int, ...] = ()) -> subprocess.Popen[str]:
            command = [sys.executable, "-m", "lockgate.scribe", "--data", str(tmp_path), *arguments]
            child = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=fds))
            stack.callback(child.kill)
            return child

        yield start_one


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool", clock=now_us, report=print)
    yield spool
    spool.close()


def fill(spool: Spool, count: int) -> list[str]:
    ids = []
    for n in range(count):
        time_us = now_us()
        ids.append(new_id(time_us, n))
        spool.append(Record(id=ids[-1], time_us=time_us, request=b"x" * 500))
    return ids


def kept(tmp_path: Path) -> list[str]:
    log = SqliteLog(tmp_path / "log", report=print)
    found = sorted(record.id for record in log.page(Filter(), limit=100_000).records)
    log.close()
    return found


def until(truth: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not truth():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_records_are_kept_while_they_come(start: Start, spool: Spool, tmp_path: Path) -> None:
    start()
    ids = fill(spool, 10)
    until(lambda: kept(tmp_path) == ids)
    ids += fill(spool, 1200)
    until(lambda: kept(tmp_path) == ids)


def test_sigterm_ends_it_after_what_is_there(start: Start, spool: Spool, tmp_path: Path) -> None:
    ids = fill(spool, 3000)
    spool.close()
    child = start()
    until(lambda: (tmp_path / "log").exists())
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert kept(tmp_path) == sorted(ids)
    assert segments(tmp_path / "spool") == []


def test_the_end_of_the_lifeline_ends_it_after_what_is_there(start: Start, spool: Spool, tmp_path: Path) -> None:
    lifeline, life = os.pipe()
    child = start("--lifeline", str(lifeline), fds=(lifeline,))
    os.close(lifeline)
    ids = fill(spool, 100)
    until(lambda: kept(tmp_path) != [])
    child.send_signal(signal.SIGINT)  # Ctrl-C is its supervisor's affair
    child.send_signal(signal.SIGHUP)
    ids += fill(spool, 100)
    os.close(life)
    assert child.wait(10) == 0, child.stderr.read()
    assert kept(tmp_path) == sorted(ids)


def test_a_lifeline_may_have_any_number(start: Start, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    lifeline, life = os.pipe()
    high = fcntl.fcntl(lifeline, fcntl.F_DUPFD, 2000)
    child = start("--lifeline", str(high), fds=(high,))
    for fd in (lifeline, high):
        os.close(fd)
    until(lambda: (tmp_path / "spool" / "scribe.lock").exists() and not free(tmp_path))
    os.close(life)
    assert child.wait(10) == 0, child.stderr.read()


def test_one_works_and_the_other_waits(start: Start, spool: Spool, tmp_path: Path) -> None:
    first = start()
    until(lambda: (tmp_path / "spool" / "scribe.lock").exists() and not free(tmp_path))
    second = start()
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    first.send_signal(signal.SIGKILL)
    first.wait()
    ids = fill(spool, 5)
    until(lambda: kept(tmp_path) == ids)
    third = start()
    assert third.stderr is not None
    third.stderr.readline()
    third.send_signal(signal.SIGTERM)
    assert third.wait(10) == 0


def free(tmp_path: Path) -> bool:
    with (tmp_path / "spool" / "scribe.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_a_store_that_will_not_is_said_and_the_records_stay(start: Start, spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where a directory should be")
    ids = fill(spool, 5)
    child = start()
    assert child.stderr is not None
    assert "trying again in 1 s" in child.stderr.readline()
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 1
    (tmp_path / "log").unlink()
    child = start()
    until(lambda: kept(tmp_path) == ids)


def test_a_log_that_is_locked_for_ten_minutes_is_asked_now_and_then_and_then_takes_everything_once(tmp_path: Path) -> None:
    """Time is told to it: so many looks, a few tries; what waits, waits on disk."""
    spool = Spool(tmp_path / "spool", clock=now_us, report=print, segment_bytes=50_000)
    store = SqliteLog(tmp_path / "log", report=print, busy_s=0.0)
    ingest = Ingest(tmp_path / "spool", store, report=print)
    said = FeedbackIngest(tmp_path / "feedback", store, report=print)
    tries = []
    append = store.append
    store.append = lambda records: tries.append(len(records)) or append(records)
    moves = Log(store, ingest, said, 0)
    ids = fill(spool, 5)
    moves.step(0.0)
    assert kept(tmp_path) == ids
    with closing(sqlite3.connect(tmp_path / "log" / "feedback.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tries.clear()
        for look in range(3000):
            if look % 10 == 0:
                ids += fill(spool, 2)
            assert moves.step(1.0 + look * LOOK_S) is False
        other.execute("ROLLBACK")
    assert 20 <= len(tries) <= 30
    assert max(tries) <= BATCH  # however much waits
    assert kept(tmp_path) == ids[:5]
    now = 700.0
    while moves.step(now) or len(kept(tmp_path)) < len(ids):
        now += LOOK_S
    assert kept(tmp_path) == ids
    assert sum(totals.requests for _, totals in store.series(Filter(since_us=0, until_us=2 * now_us()), DAY_US)) == len(ids)
    spool.close()
    ingest.close()
    store.close()


def test_a_data_directory_that_takes_nothing_is_waited_for(start: Start, spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where a directory should be")
    child = start()
    assert child.stderr is not None
    assert f"cannot write to {tmp_path / 'spool'}" in child.stderr.readline()
    (tmp_path / "spool").unlink()
    ids = fill(spool, 5)
    until(lambda: kept(tmp_path) == ids)


def test_old_days_are_forgotten(start: Start, spool: Spool, tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log", report=print)
    log.append([Record(id="old", time_us=now_us() - 10 * 86_400_000_000), Record(id="new", time_us=now_us())])
    log.close()
    start("--retention-days", "7")
    until(lambda: kept(tmp_path) == ["new"])


def test_it_is_small_and_quiet(start: Start, spool: Spool, tmp_path: Path) -> None:
    fill(spool, 4000)
    child = start()
    until(lambda: len(kept(tmp_path)) == 4000)
    status = Path(f"/proc/{child.pid}/status")
    if not status.exists():
        pytest.skip("no /proc here")
    peak_kb = int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])
    assert peak_kb < 60_000


def test_it_says_how_it_is_called() -> None:
    done = subprocess.run([sys.executable, "-m", "lockgate.scribe"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--data" in done.stderr


def counted(tmp_path: Path) -> int:
    saved = read_saved(tmp_path / NAME)
    return 0 if saved is None else sum(row[0] for _, row in saved.numbers["lockgate_records"])


def test_records_are_counted_while_they_come_and_once_whoever_is_killed(start: Start, spool: Spool, tmp_path: Path) -> None:
    fill(spool, 100)
    for so_far in (100, 1300, 2500):
        child = start()
        until(lambda so_far=so_far: counted(tmp_path) == so_far)
        fill(spool, 1200)
        child.kill()
        child.wait()
    start()
    until(lambda: counted(tmp_path) == 3700)


def test_sigterm_ends_it_after_what_is_there_is_counted(start: Start, spool: Spool, tmp_path: Path) -> None:
    fill(spool, 3000)
    spool.close()
    child = start()
    until(lambda: (tmp_path / "log").exists())
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert counted(tmp_path) == 3000
    assert segments(tmp_path / "spool") == []


def test_where_the_log_takes_nothing_records_are_counted_all_the_same(start: Start, spool: Spool, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for day in range(-1, 2):
        name = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400 * day))
        (tmp_path / "log" / f"{name}.db").mkdir()  # where the file of the day should be
    fill(spool, 1200)
    child = start()
    until(lambda: counted(tmp_path) == 1200)
    fill(spool, 10)
    until(lambda: counted(tmp_path) == 1210)
    assert child.poll() is None
    assert len(segments(tmp_path / "spool")) == 1


def test_feedback_is_brought_into_the_log(start: Start, tmp_path: Path) -> None:
    said = Spool(tmp_path / "feedback", clock=now_us, report=print)
    for value in (1, 2):
        said.put(pack([Feedback("f", "t", now_us(), value)]))
    scribe = start()
    said.put(pack([Feedback("g", "t", now_us(), 3)]))
    log = SqliteLog(tmp_path / "log", report=print)
    until(lambda: [each.value for each in log.feedback(["t"])] == [2, 3])
    said.put(pack([Feedback("h", "t", now_us(), 4)]))
    scribe.send_signal(signal.SIGTERM)  # what is there is moved before the end
    assert scribe.wait(10) == 0
    assert len(log.feedback(["t"])) == 3
    log.close()
    said.close()


def export_of(tmp_path: Path, **more: Any) -> tuple[Exports, Job]:
    exports = Exports(tmp_path)
    members = {
        "id": "e",
        "started_us": now_us(),
        "filters": {},
        "meant": Filter(),
        "columns": ("id",),
        "format": "jsonl",
        **more,
    }
    job = Job(
        organisation="", workspace="", created_by="", created_us=now_us(), updated_us=now_us(), limit=10**6, **members
    )  # fmt: skip
    exports.put(job)
    return exports, job


def test_an_export_is_made_beside_it(start: Start, spool: Spool, tmp_path: Path) -> None:
    ids = fill(spool, 20)
    start()
    until(lambda: len(kept(tmp_path)) == 20)
    exports, job = export_of(tmp_path)
    until(lambda: exports.result(job).exists())
    lines = exports.result(job).read_text().splitlines()
    assert sorted(msgspec.json.decode(line)["id"] for line in lines) == sorted(ids)
    until(lambda: status_of(job, exports.progress("e")) == "success")


def test_an_exporter_ends_with_its_scribe_and_the_next_one_begins_anew(start: Start, spool: Spool, tmp_path: Path) -> None:
    fill(spool, 5)
    exports, job = export_of(tmp_path)
    exports.tell("e", Progress(of_us=job.started_us, written=3))  # what one that was killed has left
    exports.part(job).write_text("half of it")
    start()
    until(lambda: len(kept(tmp_path)) == 5 and status_of(job, exports.progress("e")) == "success")
    assert not exports.part(job).exists()
    assert "half" not in exports.result(job).read_text()
