"""Feedback reaches the store once, and what was said last holds, whoever dies and whoever is read first."""

import pytest

from lockgate.stores.feedback import FeedbackIngest, newest, pack, waiting
from lockgate.stores.logs.ports import Feedback
from lockgate.stores.ports import StoreError
from lockgate.stores.spool import Spool, segments
from support.log_store import MemoryLog

NOW = 1_700_000_000_000_000


def said(id, value=1, at=0, trace="t"):
    return Feedback(id, trace, NOW + at, value)


@pytest.fixture
def spool(tmp_path):
    """Makes the spools of workers, which are closed when the test ends."""
    made = []

    def one(mark=""):
        made.append(Spool(tmp_path / "feedback", clock=lambda: NOW, report=pytest.fail, mark=mark))
        return made[-1]

    yield one
    for each in made:
        each.close()


@pytest.fixture
def ingest(tmp_path):
    """Makes ingests, which are closed when the test ends."""
    made = []

    def one(store, report=pytest.fail):
        made.append(FeedbackIngest(tmp_path / "feedback", store, report=report))
        return made[-1]

    yield one
    for each in made:
        each.close()


def test_what_is_said_waits_until_it_is_in_the_store(spool, ingest, tmp_path):
    store, worker = MemoryLog(), spool()
    assert list(waiting(tmp_path / "feedback")) == []
    assert worker.put(pack([said("a"), said("b")]))
    assert [each.id for each in waiting(tmp_path / "feedback")] == ["a", "b"]
    assert ingest(store).step() == 1
    assert set(store.said) == {"a", "b"} and list(waiting(tmp_path / "feedback")) == []


@pytest.mark.parametrize("first", ["a", "b"])
def test_what_was_said_last_holds_whichever_worker_is_read_first(spool, ingest, first):
    store = MemoryLog()
    one, other = (spool(first), spool("c")) if first == "a" else (spool("c"), spool(first))
    one.put(pack([said("x", 1)]))
    other.put(pack([said("x", 9, at=5)]))
    ingest(store).step()
    assert store.said["x"].value == 9


def test_an_older_word_that_is_read_later_changes_nothing(spool, ingest):
    store, moving = MemoryLog(), None
    later, earlier = spool("a"), spool("b")
    later.put(pack([said("x", 9, at=5)]))
    moving = ingest(store)
    moving.step()
    earlier.put(pack([said("x", 1)]))
    assert moving.step() == 1
    assert store.said["x"].value == 9


def test_a_crash_between_the_store_and_the_cursor_repeats_a_batch_and_changes_nothing(spool, ingest, tmp_path):
    store = MemoryLog()
    spool().put(pack([said("x", 3)]))
    ingest(store).step()
    (tmp_path / "feedback" / "cursors.json").unlink()
    assert ingest(store).step() == 1
    assert list(store.said) == ["x"]


def test_what_the_store_cannot_take_now_stays(spool, ingest):
    class Away(MemoryLog):
        away = True

        def rate(self, feedback):
            if self.away:
                raise StoreError("away")
            super().rate(feedback)

    store = Away()
    spool().put(pack([said("x")]))
    moving = ingest(store)
    with pytest.raises(StoreError):
        moving.step()
    store.away = False
    assert (moving.step(), list(store.said)) == (1, ["x"])


def test_a_segment_goes_once_its_worker_has_and_all_of_it_is_kept(spool, ingest, tmp_path):
    worker, store = spool(), MemoryLog()
    worker.put(pack([said("x")]))
    moving = ingest(store)
    moving.step()
    moving.step()
    assert len(segments(tmp_path / "feedback")) == 1
    worker.close()
    moving.step()
    assert segments(tmp_path / "feedback") == []


def test_damage_is_left_out_and_reported(spool, ingest):
    store, told = MemoryLog(), []
    worker = spool()
    worker.put(b"no feedback at all")
    worker.put(pack([said("x")]))
    ingest(store, told.append).step()
    assert list(store.said) == ["x"] and len(told) == 1 and "1 damaged" in told[0]


def test_of_each_id_the_newest_counts():
    assert newest([said("a", 2, at=2), said("a", 1, at=1), said("b", 3)]) == [said("b", 3), said("a", 2, at=2)]
