"""stores/board: circuits that the workers of a machine share. The workers here are real processes, told what to do by pipes."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Failure
from lockgate.policy.breaker import COLUMN_WORDS, Breaker, BreakerPolicy
from lockgate.stores import board as places
from lockgate.stores.board import IDLE_S, Board
from lockgate.stores.board_layout import SHARED, look
from lockgate.stores.ports import StoreError

BAD = Failure("server", 500, "It broke.", body=b"{}")
COUNTING = BreakerPolicy(failures=5)

#: A worker: reads a line, does it, answers with a line.
WORKER = """
import json, sys
from pathlib import Path
from lockgate.core.failure import Failure
from lockgate.policy.breaker import Breaker, BreakerPolicy
from lockgate.stores.board import Board

bad = Failure("server", 500, "It broke.", body=b"{}")
board = Board(Path(sys.argv[1]), clock=lambda: 0.0, columns=int(sys.argv[2]))
breakers = {}
print(json.dumps(repr(board)), flush=True)
for line in sys.stdin:
    do, name, failures, now = json.loads(line)
    if name not in breakers:
        breakers[name] = Breaker(BreakerPolicy(failures=failures), board.cell(name), lambda: 0.0)
    breaker = breakers[name]
    if do == "fails":
        answer = breaker.report(now, bad)
    elif do == "goes well":
        answer = breaker.report(now, None)
    elif do == "is busy":
        answer = [breaker.report(now, bad if number % 5 == 0 else None) for number in range(1000)][-1]
    else:
        answer = getattr(breaker, do)(now)
    print(json.dumps(answer), flush=True)
"""


class Worker:
    def __init__(self, path: Path, columns: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path), str(columns)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.place: str = self.answer()

    def tell(self, do: str, now: float, name: str = "one", failures: int = 5) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([do, name, failures, now]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def __call__(self, do: str, now: float, name: str = "one", failures: int = 5) -> Any:
        self.tell(do, now, name, failures)
        return self.answer()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


class Workers:
    """As many as are asked for, ended when the test is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.all: list[Worker] = []

    def hire(self, columns: int = 32) -> Worker:
        self.all.append(Worker(self.path, columns))
        return self.all[-1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "circuits"


@pytest.fixture
def workers(path: Path) -> Iterator[Workers]:
    workers = Workers(path)
    yield workers
    for worker in workers.all:
        worker.kill()


def breaker_at(board: Board, name: str = "one", policy: BreakerPolicy = COUNTING) -> Breaker:
    return Breaker(policy, board.cell(name), lambda: 0.0)


# --- several processes


def test_all_see_a_circuit_open_that_none_has_seen_fail_often_enough(workers: Workers) -> None:
    every = [workers.hire() for _ in range(3)]
    for at, worker in enumerate([*every, every[0]]):
        worker("fails", float(at))
        assert [each("state", float(at)) for each in every] == ["closed"] * 3
    every[1]("fails", 4.0)
    assert [each("state", 4.0) for each in every] == ["open"] * 3
    assert [each("begin", 4.0) for each in every] == [False] * 3
    assert every[0]("state", 4.0, "another") == "closed"


def test_who_joins_sees_what_the_others_have_seen(workers: Workers) -> None:
    one = workers.hire()
    for failed in range(4):
        one("fails", float(failed))
    board = Board(workers.path, clock=lambda: 0.0)
    assert repr(board) == "Board(circuits, column 1 of 32)"
    breaker = breaker_at(board)
    breaker.report(4.0, BAD)
    assert breaker.state(4.0) == one("state", 4.0) == "open"
    board.close()


def test_one_of_all_who_ask_at_once_gets_the_probe(workers: Workers) -> None:
    every = [workers.hire() for _ in range(4)]
    for failed in range(5):
        every[0]("fails", float(failed))
    now = 100.0
    for probe in range(20):
        for worker in every:
            worker.tell("begin", now)
        begun = [worker.answer() for worker in every]
        assert sorted(begun) == [False, False, False, True]
        assert not any(worker("allows", now + 29) for worker in every)
        if probe % 2 == 0:
            every[begun.index(True)]("fails", now)
        now += 30.0
    every[0]("begin", now)
    every[0]("goes well", now)
    assert [worker("begin", now) for worker in every] == [True] * 4


def test_nothing_that_many_count_at_once_is_lost(workers: Workers) -> None:
    every = [workers.hire() for _ in range(4)]
    for worker in every:
        worker.tell("is busy", 1.0, "counted", 801)
    for worker in every:
        worker.answer()
    assert every[0]("state", 1.0, "counted", 801) == "closed"
    every[3]("fails", 1.0, "counted", 801)
    assert every[0]("state", 1.0, "counted", 801) == "open"


def test_what_a_killed_worker_saw_counts_until_its_successor_comes(workers: Workers) -> None:
    one, two = workers.hire(), workers.hire()
    assert [one.place, two.place] == ["Board(circuits, column 0 of 32)", "Board(circuits, column 1 of 32)"]
    for name in ("one", "two"):
        for failed in range(3):
            one("fails", float(failed), name)
        two("fails", 3.0, name)
    one.kill()
    two("fails", 4.0, "one")
    assert two("state", 4.0, "one") == "open"
    successor = workers.hire()
    assert successor.place == one.place
    assert successor("state", 4.0, "one") == "open"
    for failed in range(3):
        assert successor("state", 5.0 + failed, "two") == "closed"
        successor("fails", 5.0 + failed, "two")
    successor("fails", 8.0, "two")
    assert two("state", 8.0, "two") == "open"


def test_the_probe_of_a_killed_worker_is_given_up(workers: Workers) -> None:
    one, two = workers.hire(), workers.hire()
    for failed in range(5):
        one("fails", float(failed))
    assert one("begin", 40.0)
    one.kill()
    assert not two("begin", 69.0)
    assert two("begin", 70.0)


def test_who_finds_nobody_in_starts_anew(workers: Workers) -> None:
    one = workers.hire()
    for failed in range(5):
        one("fails", float(failed))
    one.kill()
    assert workers.hire()("state", 5.0) == "closed"


def test_who_finds_no_place_is_told(workers: Workers) -> None:
    workers.hire(columns=1)
    with pytest.raises(StoreError, match="has a place for 1 workers; all are taken"):
        Board(workers.path, columns=1)


def test_a_file_of_other_measures_is_replaced_and_left_to_those_who_are_in(workers: Workers) -> None:
    one = workers.hire()
    before = workers.path.stat().st_ino
    board = Board(workers.path, slots=4)
    assert workers.path.stat().st_ino != before
    breaker = breaker_at(board)
    for failed in range(5):
        one("fails", float(failed))
    assert one("state", 5.0) == "open"
    assert breaker.state(5.0) == "closed"
    board.close()


# --- what may be found in place of a board


@pytest.mark.parametrize("found", [b"", b"\0", b"not a board at all\n", b"lockgate" + bytes(100), b"\xff" * 5_000_000])
def test_a_foreign_file_is_replaced(path: Path, found: bytes) -> None:
    path.write_bytes(found)
    board = Board(path, clock=lambda: 0.0)
    assert breaker_at(board).begin(1.0)
    assert path.read_bytes()[:8] == b"lockgate"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["circuits"]
    board.close()


def test_a_board_that_cannot_be_made_is_an_error_that_says_where(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match=r"circuits cannot be used"):
        Board(path)
    with pytest.raises(StoreError, match="cannot be used: No such file"):
        Board(path / "deeper" / "board")


def test_a_link_is_not_followed(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(b"precious")
    path.symlink_to(target)
    with pytest.raises(StoreError):
        Board(path)
    assert target.read_bytes() == b"precious"


def test_a_full_disk_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(places.os, "posix_fallocate", full)
    with pytest.raises(StoreError, match="No space left"):
        Board(path)
    assert [each.name for each in path.parent.iterdir()] == ["circuits"]
    assert path.stat().st_size == 0


def test_a_file_that_is_replaced_while_one_waits_at_its_entrance_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, asked = places._lock, 0

    def slow(fd: int, byte: int) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            path.rename(path.with_name("old"))
        if asked == 2:
            path.unlink()
            path.write_bytes(b"newer")
        lock(fd, byte)

    monkeypatch.setattr(places, "_lock", slow)
    board = Board(path, clock=lambda: 0.0)
    assert asked >= 3
    assert breaker_at(board).begin(1.0)
    assert path.read_bytes()[:8] == b"lockgate"
    board.close()


# --- slots


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_circuit_keeps_its_slot_and_its_state(path: Path) -> None:
    clock = Clock()
    board = Board(path, clock=clock, slots=4)
    breaker = breaker_at(board)
    for _ in range(5):
        breaker.report(clock.now, BAD)
    assert breaker_at(board).state(clock.now) == "open"
    assert breaker_at(board, "two").state(clock.now) == "closed"
    board.close()


def test_the_request_that_asked_for_a_circuit_counts(path: Path) -> None:
    clock = Clock()
    board = Board(path, clock=clock)
    breaker = breaker_at(board, policy=BreakerPolicy(failures=1))
    breaker.report(clock.now, BAD, began=clock.now - 0.5)
    assert breaker.state(clock.now) == "open"
    board.close()


def test_a_circuit_without_a_slot_is_the_workers_own(path: Path) -> None:
    clock = Clock()
    board = Board(path, clock=clock, slots=2)
    for name in ("one", "two"):
        breaker_at(board, name).report(clock.now, None)
    breaker = breaker_at(board, "three")
    for _ in range(5):
        breaker.report(clock.now, BAD)
    assert breaker.state(clock.now) == "open"
    assert breaker_at(board, "three").state(clock.now) == "closed"
    clock.now += 30.0
    assert breaker.begin(clock.now)
    breaker.report(clock.now, None)
    assert breaker.state(clock.now) == "closed"
    board.close()


def test_an_idle_slot_is_given_away_and_its_circuit_finds_another(path: Path) -> None:
    clock = Clock()
    board = Board(path, clock=clock, slots=2)
    one, two = breaker_at(board, "one"), breaker_at(board, "two")
    for _ in range(5):
        one.report(clock.now, BAD)
    clock.now += IDLE_S + 1
    two.report(clock.now, None)
    three = breaker_at(board, "three")
    assert three.state(clock.now) == "closed"
    for _ in range(5):
        three.report(clock.now, BAD)
    # Its slot is gone and no other one is idle: it goes on by itself, and from the start.
    assert one.state(clock.now) == "closed"
    assert breaker_at(board, "three").state(clock.now) == "open"
    assert two.state(clock.now) == "closed"
    board.close()


def test_a_full_board_is_not_searched_again_before_a_slot_can_be_idle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    board = Board(path, clock=clock, slots=2)
    for name in ("one", "two", "three"):
        breaker_at(board, name)
    searched: list[bytes] = []
    take = board._take
    monkeypatch.setattr(board, "_take", lambda digest, name: searched.append(digest) or take(digest, name))
    breaker_at(board, "four")
    assert not searched
    clock.now += IDLE_S + 1
    breaker_at(board, "five")
    assert len(searched) == 1
    board.close()


def test_a_digest_that_only_seems_to_be_there_is_not_found(path: Path) -> None:
    board = Board(path, slots=4)
    digest = hashlib.blake2b(b"one", digest_size=16).digest()
    board._memory[64 + 8 : 64 + 24] = digest  # not where a digest begins
    board._memory[128 : 128 + 16] = digest  # of a slot that its giver died over
    found = board.find("one")
    assert found is not None
    assert found[1] == 1.0
    assert board.find("one") == found
    board.close()


def test_a_gate_that_somebody_else_holds_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(path, clock=lambda: 0.0)
    cell = board.cell("one")
    until, since = cell.gate().tolist()
    monkeypatch.setattr(places, "_try_lock", lambda fd, byte: False)
    assert not cell.swap(until, since, 30.0, 1.0)
    monkeypatch.undo()
    assert not cell.swap(1.0, since, 30.0, 1.0)
    assert cell.swap(until, since, 30.0, 1.0)
    assert cell.gate().tolist() == [30.0, 1.0]
    board.close()


def test_locks_say_no_in_both_of_posixs_ways(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (BlockingIOError, PermissionError):

        def refuse(fd: int, operation: int, size: int, start: int, error: type[OSError] = error) -> None:
            raise error

        monkeypatch.setattr(places.fcntl, "lockf", refuse)
        assert not places._try_lock(0, 0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    words=st.lists(st.floats() | st.sampled_from([0.0, 1.0, 5.0, 100.0]), min_size=COLUMN_WORDS, max_size=COLUMN_WORDS),
    data=st.data(),
)
def test_damage_in_memory_raises_nothing_and_shuts_nobody_out_for_long(
    path: Path, words: list[float], data: st.DataObject
) -> None:
    board = Board(path, clock=lambda: 100.0, slots=2, columns=2)
    breaker = breaker_at(board, policy=BreakerPolicy())
    board._words[5] = data.draw(st.floats())
    board._words[10:13].cast("B")[:] = data.draw(st.binary(min_size=24, max_size=24))
    cell = board.cell("one")
    for index, word in enumerate(words):
        cell.mine()[index] = word
    for now in (100.0, 101.0):
        breaker.begin(now)
        breaker.report(now, BAD)
        breaker.report(now, None, now)
        breaker.state(now)
        assert now <= breaker.until(now) <= now + 40
    board.close()


def test_one_who_leaves_makes_room(path: Path) -> None:
    board = Board(path, columns=1)
    board.close()
    again = Board(path, columns=1)
    assert repr(again) == "Board(circuits, column 0 of 1)"
    again.close()
    assert os.listdir(path.parent) == ["circuits"]


def test_who_looks_from_outside_sees_every_circuit_by_its_name(path: Path) -> None:
    board = Board(path, clock=lambda: 100.0, slots=4)
    assert board.posts() == []
    long = "ü" * 300
    for name in ("openai\tgpt-5\tpolicy", long):
        breaker_at(board, name).report(100.0, None)
    breaker_at(board, "failing", BreakerPolicy(failures=1)).report(100.0, BAD)
    posts = board.posts()
    assert [post.until > 0 for post in posts] == [False, False, True]
    board.share(5.0)
    view = look(path)
    assert [name for name, _ in view.circuits] == ["openai\tgpt-5\tpolicy", "ü" * 127, "failing"]
    assert [post for _, post in view.circuits] == posts
    assert view.shared_until == 105.0
    board.close()


def test_what_is_no_board_is_not_looked_at(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        look(path)
    Board(path, slots=4).close()
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], whole[:-1], whole + b"\0", whole[:8] + b"\3" + whole[9:]):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="no circuit board"):
            look(path)


def test_a_slot_that_is_given_away_keeps_neither_name_nor_permit(path: Path) -> None:
    clock = Clock()
    board = Board(path, clock=clock, slots=1)
    board.cell("the first of all")
    board.share(10.0)
    (post,) = board.posts()
    board.permit(post, clock() + 5.0)
    assert board.admits(0, post.since, clock())
    clock.now += IDLE_S + 2
    board.cell("two")
    assert [name for name, _ in look(path).circuits] == ["two"]
    board.share(10.0)
    assert not board.admits(0, post.since, clock())
    board.close()


def test_a_header_that_is_damaged_shares_nothing(path: Path) -> None:
    board = Board(path, clock=lambda: 100.0)
    for damaged in (float("nan"), float("inf"), 1e9, -1.0):
        board._words[SHARED] = damaged
        assert board.admits(0, 0.0, 100.0)
    board.close()
