"""stores/cache/front, marks: what a worker holds in memory of the common file is what the file says."""

import asyncio

import pytest

from lockgate.stores.cache.front import Front
from lockgate.stores.cache.marks import STALE_US, Marks, open_marks
from lockgate.stores.cache.open import NAME
from lockgate.stores.cache.port import Meant
from lockgate.stores.cache.sqlite import SqliteCache, SqliteShelf
from lockgate.stores.cache.sqlite_file import marks_of
from support.answers import NOW, answer

KEY = b"k" * 32


@pytest.fixture
def marks(tmp_path):
    return Marks(tmp_path / "marks")


@pytest.fixture
def workers(tmp_path, run):
    """Two workers of a machine."""
    both = [SqliteCache(tmp_path / NAME, 1 << 24, report=print) for _ in range(2)]
    yield both
    for each in both:
        run(each.close())


def written(run, worker, key, kept):
    """Have a worker keep an answer, or drop it, and wait until that stands in the file."""
    worker.drop(key) if kept is None else worker.keep(key, kept)

    async def settled():
        while worker._backlog.find(key) is not None:
            await asyncio.sleep(0)

    run(settled())


def test_what_is_held_is_given_without_the_file(tmp_path, run, workers):
    one, other = workers
    written(run, one, KEY, answer(1))
    first = run(other.find(KEY, NOW))
    assert first == answer(1)
    assert run(other.find(KEY, NOW)) is first


def test_a_purge_holds_in_every_worker(tmp_path, run, workers):
    one, other = workers
    written(run, one, KEY, answer(1))
    assert run(one.find(KEY, NOW)) == run(other.find(KEY, NOW)) == answer(1)
    assert SqliteShelf(tmp_path / NAME).purge(Meant(id=answer(1).id)) == 1
    assert run(one.find(KEY, NOW)) is None
    assert run(other.find(KEY, NOW)) is None


def test_an_answer_that_another_worker_has_renewed_or_dropped_is_not_given(run, workers):
    one, other = workers
    written(run, one, KEY, answer(1))
    assert run(other.find(KEY, NOW)) == answer(1)
    written(run, one, KEY, answer(2))
    assert run(other.find(KEY, NOW)) == answer(2)
    written(run, other, KEY, None)
    assert run(one.find(KEY, NOW)) is None


def test_an_entry_expires_in_memory_as_it_does_in_the_file(run, workers):
    one, _ = workers
    kept = answer(1)
    written(run, one, KEY, kept)
    assert run(one.find(KEY, NOW)) == kept
    assert run(one.find(KEY, kept.expires_us)) is None


def test_what_nobody_has_marked_is_read_again_after_a_while(marks):
    front = Front(marks, 1 << 20)
    kept = answer(1)
    front.hold(KEY, kept, front.seen(KEY), NOW)
    assert front.find(KEY, NOW + STALE_US - 1) is kept
    assert front.find(KEY, NOW + STALE_US) is None
    front.hold(KEY, kept, front.seen(KEY), NOW)
    assert front.find(KEY, NOW - 1) is None  # the clock was put back


def test_what_changed_while_it_was_read_is_not_held_for_good(marks):
    front = Front(marks, 1 << 20)
    seen = front.seen(KEY)
    marks.mark(KEY)
    front.hold(KEY, answer(1), seen, NOW)
    assert front.find(KEY, NOW) is None


def test_a_mark_is_of_its_group_alone(tmp_path, marks):
    front, other = Front(marks, 1 << 20), Marks(tmp_path / "marks")
    keys = [bytes([0, number]) for number in range(4)]
    for key in keys:
        front.hold(key, answer(1), front.seen(key), NOW)
    other.mark(keys[2])
    assert [front.find(key, NOW) is not None for key in keys] == [True, True, False, True]
    other.mark_all()
    assert [front.find(key, NOW) for key in keys] == [None] * 4


def test_the_front_is_bounded_by_bytes(marks):
    front = Front(marks, 100_000)
    for number in range(30):
        front.hold(bytes([number]), answer(number, b"x" * 9000), front.seen(bytes([number])), NOW)
    held = [number for number in range(30) if front.find(bytes([number]), NOW)]
    assert held == list(range(20, 30))
    front.hold(b"large", answer(1, b"x" * 50_000), front.seen(b"large"), NOW)
    assert front.find(b"large", NOW) is None


def test_without_marks_nothing_is_held(tmp_path, run, workers):
    marks_of(tmp_path / NAME).mkdir()
    assert open_marks(marks_of(tmp_path / NAME)) is None
    one, other = workers
    written(run, one, KEY, answer(1))
    first = run(other.find(KEY, NOW))
    assert first == answer(1)
    assert run(other.find(KEY, NOW)) is not first
