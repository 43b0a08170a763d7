"""stores/cache/backlog: what waits to be written is found, bounded, and written once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lockgate.stores.cache.backlog import USED_US, Backlog
from support.answers import LATER, NOW, answer


class Store:
    """Writes down what it is given to write; held up while `gate` is closed."""

    def __init__(self):
        self.written = []
        self.used = []
        self.pause_s = 0.0
        self.ended = False
        self.busy = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def write(self, changes, uses):
        self.busy.set()
        assert self.gate.wait(10)
        self.written.append([(change.key, change.answer and change.answer.id) for change in changes])
        self.used.append(dict(uses))
        return self.pause_s

    def end(self):
        self.ended = True

    def all(self):
        return [each for batch in self.written for each in batch]


@pytest.fixture
def store():
    store = Store()
    yield store
    store.gate.set()


@pytest.fixture
def backlog(store):
    return Backlog(store.write, store.end, most_bytes=10_000)


def hold_up(store, backlog):
    """Have the thread write something that takes its time."""
    store.gate.clear()
    backlog.keep(b"first", answer(0))
    assert store.busy.wait(10)


def close(store, backlog):
    store.gate.set()
    asyncio.run(backlog.close())


def test_what_waits_is_found_until_it_is_written(store, backlog):
    hold_up(store, backlog)
    backlog.keep(b"k", answer(1))
    assert backlog.find(b"k").given(NOW) == answer(1)
    assert backlog.find(b"k").given(LATER) is None
    assert backlog.find(b"first").given(NOW) == answer(0), "it is being written, and stands nowhere else yet"
    close(store, backlog)
    assert backlog.find(b"k") is None
    assert store.all() == [(b"first", "id-0"), (b"k", "id-1")]
    assert store.ended


def test_only_the_last_word_about_a_key_is_written(store, backlog):
    hold_up(store, backlog)
    for number in range(5):
        backlog.keep(b"k", answer(number))
    backlog.keep(b"l", answer(7))
    backlog.drop(b"l")
    assert backlog.find(b"l").given(NOW) is None
    close(store, backlog)
    assert store.all()[1:] == [(b"k", "id-4"), (b"l", None)]


def test_what_changes_while_it_is_written_is_written_again(store, backlog):
    hold_up(store, backlog)
    backlog.keep(b"first", answer(2))
    assert backlog.find(b"first").given(NOW).id == "id-2"
    close(store, backlog)
    assert store.all() == [(b"first", "id-0"), (b"first", "id-2")]


def test_beyond_its_bytes_nothing_is_kept_and_all_can_be_dropped(store, backlog):
    hold_up(store, backlog)
    for number in range(100):
        backlog.keep(b"%d" % number, answer(number))
    waiting = [number for number in range(100) if backlog.find(b"%d" % number)]
    assert waiting == list(range(5)), "each takes some 1,600 bytes of 10,000"
    backlog.keep(b"2", answer(222, b"y" * 5000))
    assert backlog.find(b"2").given(NOW).id == "id-2"
    backlog.drop(b"2")
    assert backlog.find(b"2").given(NOW) is None
    close(store, backlog)
    backlog = Backlog(store.write, store.end, most_bytes=10_000)
    backlog.keep(b"later", answer(5))
    close(store, backlog)
    assert (b"later", "id-5") in store.all()


def test_room_that_was_taken_is_free_when_it_is_written(store, backlog):
    for number in range(20):
        hold_up(store, backlog)
        backlog.keep(b"%d" % number, answer(number, b"x" * 7000))
        assert backlog.find(b"%d" % number)
        store.gate.set()
        while backlog.find(b"%d" % number):
            pass
        store.busy.clear()


def test_batches_are_bounded_by_number_and_by_bytes(store):
    backlog = Backlog(store.write, store.end)
    hold_up(store, backlog)
    for number in range(450):
        backlog.keep(b"%d" % number, answer(number))
    for letter in b"abcd":
        backlog.keep(bytes([letter]), answer(letter, b"x" * 3 * 1024 * 1024))
    close(store, backlog)
    assert [len(batch) for batch in store.written] == [1, 200, 200, 51, 1, 1, 1]


def test_uses_are_told_once_a_minute(store, backlog):
    hold_up(store, backlog)
    for later in (0, 1, USED_US, USED_US + 1, USED_US + 2):
        backlog.use(b"k", NOW + later)
    backlog.use(b"l", NOW)
    close(store, backlog)
    assert store.used == [{}, {b"k": NOW + USED_US + 1, b"l": NOW}]


def test_a_store_in_trouble_is_left_alone_and_what_comes_waits(store, backlog):
    store.pause_s = 3600.0
    backlog.keep(b"lost", answer(1))
    while backlog.find(b"lost"):
        pass
    backlog.keep(b"k", answer(2))
    assert backlog.find(b"k").given(NOW)
    close(store, backlog)
    assert store.all() == [(b"lost", "id-1")], "closing does not wait for a store in trouble"
    assert store.ended


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_of_what_it_was_to_write_is_replaced_and_that_is_forgotten(store, backlog):
    def write(changes, uses, write=store.write):
        if any(change.key == b"deadly" for change in changes):
            raise ZeroDivisionError
        return write(changes, uses)

    backlog = Backlog(write, store.end)
    backlog.keep(b"deadly", answer())
    while backlog.find(b"deadly") or backlog._thread.is_alive():
        pass
    backlog.keep(b"k", answer(1))
    close(store, backlog)
    assert store.all() == [(b"k", "id-1")]


def test_a_nudge_writes_nothing(store, backlog):
    backlog.nudge()
    assert store.busy.wait(10)
    close(store, backlog)
    assert store.written == [[]]


def test_without_anything_to_write_there_is_no_thread(store, backlog):
    close(store, backlog)
    backlog.keep(b"k", answer())
    assert backlog.find(b"k") is None
    assert not store.busy.is_set()
