"""stores/limits/table: limits that the workers of a machine share. The workers here are real processes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockgate.policy.limiter import IDLE, TAG, Limiter
from lockgate.policy.limits import Denial, Grant, Limit
from lockgate.stores.limits import table as module
from lockgate.stores.limits.table import ROW, SLOT_WORDS, SharedTable, Table
from lockgate.stores.ports import StoreError

SLOTS = 4 * ROW
KEY = Limit("key", "k", "requests", 60)

#: A worker: reads a line, does it, answers with a line. `crowd` asks as fast as it can until a time, and tells when it was
#: granted: by the clock that it gave, and by one that it read while it had the table.
WORKER = """
import json, sys
from pathlib import Path
from time import monotonic_ns
from lockgate.policy.limiter import Limiter
from lockgate.policy.limits import Grant, Limit
from lockgate.stores.limits import table
from lockgate.stores.limits.table import SharedTable, Table

class Watched(SharedTable):
    def enter(self):
        entered = super().enter()
        self.at = monotonic_ns()
        return entered

cells = Watched(Path(sys.argv[1]), int(sys.argv[2]))
limiter = Limiter(cells, Table(16), workers=4)
limits = [Limit("key", "k", "requests", 60)]
print(json.dumps("in"), flush=True)
for line in sys.stdin:
    do, *args = json.loads(line)
    if do == "take":
        answer = isinstance(limiter.take(limits, args[0]), Grant)
    elif do == "hold":
        answer = cells.enter()
    elif do == "crowd":
        value, window_us, burst, tokens, until = args
        table.PATIENCE_S = 30.0  # a machine that is busy with other things stops nobody for that long
        crowd = [Limit("key", "crowd", "tokens" if tokens else "requests", value, window_us, burst)]
        answer = []
        while (now := monotonic_ns() // 1000) < until:
            grant = limiter.take(crowd, now, tokens)
            if isinstance(grant, Grant):
                answer.append((cells.at, now))
                limiter.settle(grant, now, tokens)
        answer = [answer, limiter.apart]
    print(json.dumps(answer), flush=True)
"""


class Worker:
    def __init__(self, path: Path, slots: int = SLOTS) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path), str(slots)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ready(self) -> None:
        assert self.answer() == "in"

    def tell(self, *words: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def __call__(self, *words: Any) -> Any:
        self.tell(*words)
        return self.answer()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "limits"


@pytest.fixture
def workers(path: Path) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        workers += [Worker(path) for _ in range(4)]
        for worker in workers:
            worker.ready()
        yield workers
    finally:
        for worker in workers:
            worker.kill()


def limiter_at(cells: Table) -> Limiter:
    return Limiter(cells, Table(ROW), 4)


def worst(times: list[int], units: int, value: int, window_us: int, burst: int) -> int:
    """How much more was granted in the worst of all intervals than may be, times `window_us`. O(n²)."""
    found = -burst * window_us
    for first, begin in enumerate(times):
        above = -burst * window_us + begin * value
        for at in times[first:]:
            above += units * window_us
            if above - value * at > found:
                found = above - value * at
    return found


class TestTogether:
    def test_four_workers_grant_what_one_would(self, workers: list[Worker]):
        passed = [workers[each % 4]("take", 1_000_000) for each in range(80)]
        assert passed == [True] * 60 + [False] * 20
        assert [worker("take", 2_000_000) for worker in workers] == [True, False, False, False]

    @pytest.mark.parametrize(
        ("value", "window_us", "burst", "tokens"),
        [(400, 1_000_000, 200, 0), (3_000, 60_000_000, 600, 0), (90_000, 1_000_000, 45_000, 300)],
    )
    def test_four_workers_in_a_hurry_never_grant_more_than_the_limit_and_almost_all_of_it(
        self, workers: list[Worker], value: int, window_us: int, burst: int, tokens: int
    ):
        begin = module.time.monotonic_ns() // 1000
        until = begin + 1_500_000
        for worker in workers:
            worker.tell("crowd", value, window_us, burst, tokens, until)
        answers = [worker.answer() for worker in workers]
        assert [apart for _, apart in answers] == [0, 0, 0, 0]
        granted = sorted(each for grants, _ in answers for each in grants)
        # In the order in which they had the table: none counts from an earlier moment than one before it.
        times, latest = [], 0
        for _, now in granted:
            times.append(latest := max(latest, now))
        units = tokens or 1
        assert worst(times, units, value, window_us, burst) <= 0
        assert len(times) * units >= 0.98 * (burst + value * (times[-1] - times[0]) / window_us) - units

    def test_a_worker_that_dies_holding_the_table_leaves_it(self, workers: list[Worker]):
        assert workers[0]("hold")
        workers[0].kill()
        assert workers[1]("take", 1_000_000)

    def test_a_worker_that_stands_still_holding_the_table_keeps_nobody(self, workers: list[Worker]):
        for each in range(60):
            assert workers[each % 4]("take", 1_000_000)
        assert workers[0]("hold")
        workers[0].process.send_signal(signal.SIGSTOP)
        # Alone, each of the others has a quarter of the limit.
        assert [worker("take", 1_000_000) for worker in workers[1:] for _ in range(16)] == ([True] * 15 + [False]) * 3
        workers[0].kill()
        assert not workers[1]("take", 1_000_000)


class TestPatience:
    """A process that has the table and does not go on, here another opening of the same file."""

    def test_it_is_waited_for_a_moment_and_then_for_a_while_not_at_all(self, path: Path):
        now = [0.0]

        def clock() -> float:
            now[0] += 0.01
            return now[0]

        cells = SharedTable(path, SLOTS, clock=clock)
        limiter = limiter_at(cells)
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert sum(isinstance(limiter.take((KEY,), 1_000_000), Grant) for _ in range(30)) == 15
        assert (cells.stuck, repr(cells)) == (1, f"SharedTable(limits, {SLOTS} slots, stuck 1 times)")
        now[0] += 6.0
        assert isinstance(limiter.take((KEY,), 1_000_000), Denial)
        assert cells.stuck == 2
        os.close(fd)
        assert isinstance(limiter.take((KEY,), 1_000_000), Grant)
        assert limiter.apart == 31
        cells.close()

    def test_who_lets_go_in_time_is_noticed(self, path: Path):
        fd = -1

        def clock() -> float:
            nonlocal fd
            if fd >= 0:
                os.close(fd)
                fd = -1
            return 0.0

        cells = SharedTable(path, SLOTS, clock=clock)
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert cells.enter()
        assert cells.stuck == 0
        cells.close()

    def test_a_lock_that_changes_hands_is_waited_for_longer_but_not_for_ever(self, path: Path):
        now, busy = [0.0], True

        def clock() -> float:
            now[0] += 0.01
            if busy and int(now[0] * 100) % 3 == 0:
                cells.words[4] += 1  # somebody else's turn
            return now[0]

        cells = SharedTable(path, SLOTS, clock=lambda: 0.0)
        cells._clock = clock
        limiter = limiter_at(cells)
        fd = os.open(path, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert isinstance(limiter.take((KEY,), 1_000_000), Grant)
        assert (limiter.apart, cells.stuck) == (1, 0)
        assert 0.4 < now[0] < 0.6
        busy = False
        assert isinstance(limiter.take((KEY,), 1_000_000), Grant)
        assert (limiter.apart, cells.stuck) == (2, 1)
        os.close(fd)
        cells.close()

    def test_at_start_up_it_is_waited_for_longer_and_then_told(self, path: Path, monkeypatch: pytest.MonkeyPatch):
        fd = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(fd, fcntl.LOCK_EX)
        monkeypatch.setattr(module, "_ENTRANCE_S", 0.0)
        with pytest.raises(StoreError, match="does not go on"):
            SharedTable(path, SLOTS)
        os.close(fd)


class TestTheFile:
    def test_it_begins_anew_when_nobody_is_in(self, path: Path):
        for _ in range(2):
            cells = SharedTable(path, SLOTS)
            limiter = limiter_at(cells)
            assert sum(isinstance(limiter.take((KEY,), 1_000_000), Grant) for _ in range(61)) == 60
            cells.close()

    def test_what_is_there_from_others_is_overwritten_when_nobody_is_in(self, path: Path):
        path.write_bytes(b"something else" * 100_000)
        cells = SharedTable(path, SLOTS)
        assert isinstance(limiter_at(cells).take((KEY,), 1_000_000), Grant)
        cells.close()

    def test_one_that_another_version_is_using_is_refused(self, path: Path):
        cells = SharedTable(path, SLOTS)
        with pytest.raises(StoreError, match="another version"):
            SharedTable(path, 2 * SLOTS)
        cells.close()

    def test_one_that_cannot_be_made_is_told(self, tmp_path: Path):
        with pytest.raises(StoreError, match="cannot be used"):
            SharedTable(tmp_path / "nowhere" / "limits", SLOTS)

    def test_only_its_owner_may_read_it(self, path: Path):
        SharedTable(path, SLOTS).close()
        assert path.stat().st_mode & 0o777 == 0o600


class TestSeats:
    def test_a_tag_keeps_its_seat(self):
        cells = Table(SLOTS)
        assert cells.seat(5, 0) == cells.seat(5, 0)
        assert repr(cells) == f"Table({SLOTS} slots)"

    def test_tags_that_meet_in_a_row_have_seats_of_their_own_until_it_is_full(self):
        cells = Table(ROW)
        seats = [cells.seat(tag, 0) for tag in range(1, ROW + 1)]
        for at in seats:
            cells.words[at + IDLE] = 100
        assert len(set(seats)) == ROW
        assert cells.seat(99, 50) == -1

    def test_a_seat_in_which_nothing_is_left_is_given_away_clean(self):
        cells = Table(ROW)
        for tag in range(1, ROW + 1):
            at = cells.seat(tag, 0)
            for each in range(IDLE, SLOT_WORDS):
                cells.words[at + each] = 100
        given = cells.seat(99, 101)
        assert [cells.words[given + each] for each in range(SLOT_WORDS)] == [99, 101] + [0] * (SLOT_WORDS - 2)

    def test_who_must_have_a_seat_takes_the_one_that_matters_least(self):
        cells = Table(ROW)
        seats = [cells.seat(tag, 0) for tag in range(1, ROW + 1)]
        for index, at in enumerate(seats):
            cells.words[at + IDLE] = 1000 - index
        assert cells.seat(99, 50, force=True) == seats[-1]
        assert cells.words[seats[-1] + TAG] == 99

    @pytest.mark.parametrize("slots", [0, ROW - 1, ROW + 1])
    def test_a_table_has_whole_rows(self, slots: int):
        with pytest.raises(ValueError):
            Table(slots)
