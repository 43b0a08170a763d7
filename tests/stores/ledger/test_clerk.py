"""stores/ledger/clerk: each batch is applied once, whatever breaks; and the hand that makes his steps."""

from __future__ import annotations

import threading
import time

import pytest

from lockgate.policy.teller import Flush
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.clerk import Clerk
from lockgate.stores.ledger.hand import Hand
from lockgate.stores.ledger.memory import MemoryLedger
from lockgate.stores.ledger.ports import Fenced
from lockgate.stores.ports import StoreError
from support.ledger import Breaking, Clock


class Office:
    def __init__(self):
        self.database = Breaking(MemoryLedger(Clock()))
        self.book = Book(self.database)
        self.over = 0
        self.heard = []
        self.told = []
        self.clerk = Clerk(self.book, self.book.enroll("worker"), lambda heard, now_us: self.heard.append(heard), self.end)

    def end(self, why):
        self.over += 1

    def put(self, name):
        self.clerk.put(Flush(0, ()), lambda result: self.told.append((name, result)))


@pytest.fixture
def office():
    return Office()


def test_what_waits_is_sent_together_and_in_its_order(office):
    office.put("a")
    office.put("b")
    assert repr(office.clerk) == "Clerk(epoch 1, batch 0, 2 waiting)"
    assert not office.clerk.idle
    office.clerk.step()
    assert office.told == [("a", None), ("b", None)]
    assert office.book.epoch(1).batch == 1
    assert office.clerk.idle


def test_where_there_is_nothing_nothing_is_sent(office):
    office.clerk.step()
    assert office.book.epoch(1).batch == 0


def test_a_sign_of_life_is_a_batch_too(office):
    office.clerk.beat([])
    office.clerk.step()
    assert office.book.epoch(1).batch == 1
    assert office.heard == [()]


def test_what_could_not_be_begun_is_told(office):
    office.put("a")
    office.database.trouble = "before"
    office.clerk.step()
    assert [type(result) for _, result in office.told] == [StoreError]
    office.put("b")
    office.clerk.step()
    assert office.told[-1] == ("b", None)
    assert office.book.epoch(1).batch == 1


class Doubtful(Breaking):
    """Breaks off at a commit, and cannot be asked for some time."""

    asked = 0

    def transaction(self):
        if self.trouble:
            self.asked = 2
        elif self.asked:
            self.asked -= 1
            raise StoreError("ask later")
        return super().transaction()


@pytest.mark.parametrize(("trouble", "outcome", "batches"), [("after", type(None), 1), ("lost", StoreError, 0)])
def test_a_batch_in_doubt_is_resolved_before_anything_else_is_sent(office, trouble, outcome, batches):
    office.database.__class__ = Doubtful
    office.database.trouble = trouble
    office.put("a")
    office.clerk.step()
    assert office.told == []
    assert repr(office.clerk).endswith("in doubt)")
    assert not office.clerk.idle
    office.put("b")
    office.clerk.step()
    assert office.told == []
    office.clerk.step()
    assert [(name, type(result)) for name, result in office.told] == [("a", outcome), ("b", type(None))]
    assert office.book.epoch(1).batch == batches + 1


def test_a_doubt_about_an_epoch_that_is_over_is_no_doubt(office):
    office.database.__class__ = Doubtful
    office.database.trouble = "lost"
    office.put("a")
    office.clerk.step()
    office.database.asked = 0
    office.book.sweep(1)
    office.put("b")
    office.clerk.step()
    assert [(name, type(result)) for name, result in office.told] == [("a", Fenced), ("b", Fenced)]
    assert office.over >= 1


def test_all_who_wait_hear_that_the_epoch_is_over(office):
    office.book.sweep(1)
    office.clerk.beat([])
    office.clerk.step()
    assert office.over == 1
    for name in "ab":
        office.put(name)
    office.clerk.step()
    assert [type(result) for _, result in office.told] == [Fenced, Fenced]
    assert office.clerk.idle


def test_a_hand_does_one_thing_after_the_other_until_it_is_stopped():
    hand, done, gate = Hand(), [], threading.Event()
    hand.do(lambda: gate.wait(5))
    hand.do(lambda: done.append(1))
    until = time.monotonic() + 5
    while not hand.busy_s():
        assert time.monotonic() < until
    assert repr(hand) == "Hand(busy, 1 waiting)"
    assert not hand.stop(0.01)
    gate.set()
    assert hand.stop(5)
    assert done == [1]
    assert hand.busy_s() == 0
    assert repr(hand).startswith("Hand(idle")
