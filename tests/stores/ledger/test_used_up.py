"""That somebody was refused for want of a budget is told, as far as it is as good as used up; once a minute, once a window."""

import asyncio
import time

import pytest

from lockgate.core.failure import Refusal
from lockgate.policy.bound import Ask, Capacity
from lockgate.policy.ledger import Budget
from lockgate.policy.window import Period
from lockgate.stores.ledger import ledger as module
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.ledger.memory import MemoryLedger
from lockgate.stores.ports import StoreError
from support.ledger import SECOND

DAILY = Budget("b", 100, "requests", period=Period("day"))


def spent(book, desk, amount):
    worker = desk()
    reservation = worker.reserve([DAILY], "r", 0, (0, 0, amount))
    reservation.dispatch()
    worker.teller.settle(reservation, (0, 0, amount), worker.clock())
    worker.leave()


def test_it_is_told_once_a_window_when_it_is_nearly_spent(book, desk, clock):
    spent(book, desk, 94)
    book.used_up(DAILY)
    assert book.alerts() == []
    spent(book, desk, 1)
    book.used_up(DAILY)
    book.used_up(DAILY)
    (alert,) = book.alerts()
    assert (alert.budget, alert.threshold, alert.cap, alert.spent) == ("b", 100, 100, 95)
    book.told([alert])
    spent(book, desk, 5)  # the cap itself
    assert book.alerts() == []
    clock.us += 86_400 * SECOND
    book.used_up(DAILY)
    assert book.alerts() == []


def test_the_newest_budgets_are_given(book):
    book.define([DAILY, Budget("b", 50, "requests", revision=1)])
    assert {id: budget.cap for id, budget in book.budgets({"b", "c"}).items()} == {"b": 50}


@pytest.mark.parametrize("away", [False, True])
def test_a_refusal_has_it_told_once_a_minute(tmp_path, monkeypatch, away):
    asked = []

    def used_up(budget):
        asked.append(budget.id)
        if away:
            raise StoreError("it is away")

    async def refused(ledger, id):
        with pytest.raises(Refusal) as refusal:
            await ledger.admit([ledger.account(Budget(id, 0, "requests"))], "r", 0, Ask(), Capacity(), None)
        assert refusal.value.code == "budget_exhausted"
        while ledger._hand._jobs.qsize() or ledger._hand.busy_s():
            await asyncio.sleep(0.001)

    async def run():
        said = []
        book = Book(MemoryLedger(lambda: time.time_ns() // 1000))
        monkeypatch.setattr(book, "used_up", used_up)
        ledger = Ledger(book, tmp_path, "worker", report=said.append)
        await ledger.start()
        try:
            for id in ("a", "a", "b", "a", "c"):
                await refused(ledger, id)
            assert asked == ["a", "b", "c"]
            monkeypatch.setattr(module, "USED_UP_MOST", 3)
            await refused(ledger, "d")  # no room for one more: all are told anew
            await refused(ledger, "a")
            assert asked == ["a", "b", "c", "d", "a"]
            ledger._used_up["a"] = 0.0
            await refused(ledger, "a")
            assert asked[-1] == "a"
            assert len(asked) == 6
            assert bool(said) == away
        finally:
            await ledger.close()

    asyncio.run(asyncio.wait_for(run(), 20))
