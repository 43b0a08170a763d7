"""One worker's way to the money, as the attempt loop takes it: with threads, timers and a ledger that may be away."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import contextmanager

import pytest

from lockgate.core.failure import Refusal
from lockgate.policy.bound import Ask, Capacity, ceiling
from lockgate.policy.ledger import Budget, Short
from lockgate.policy.price import Flat
from lockgate.policy.purse import Reservation
from lockgate.stores.ledger import ledger as module
from lockgate.stores.ledger import waiting as room
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.ledger.memory import MemoryLedger
from lockgate.stores.ledger.sqlite import SqliteLedger
from lockgate.stores.ports import StoreError

CENT = 10_000_000
ORG, KEY, SOFT = Budget("org", 100 * CENT), Budget("key", 10 * CENT, scope="key marketing"), Budget("soft", CENT, hard=False)
#: $1 and $2 for a million tokens.
PRICE = ceiling(Flat(1_000_000_000, 2_000_000_000, 0, 0, 0, "test"))


class Away:
    """A database that is away, or hangs, when a test says so."""

    def __init__(self, database):
        self._database = database
        self.away = False
        self.open = threading.Event()
        self.open.set()
        self.interrupted = 0

    @contextmanager
    def transaction(self):
        self.open.wait(10)
        if self.away:
            raise StoreError("it is away")
        with self._database.transaction() as tables:
            yield tables

    def interrupt(self):
        self.interrupted += 1
        self.open.set()

    def close(self):
        self._database.close()


class House:
    """A ledger, its database, and what it reported."""

    def __init__(self, path):
        self.path = path
        self.memory = MemoryLedger(lambda: time.time_ns() // 1000)
        self.database = Away(self.memory)
        self.book = Book(self.memory)  # as others see it
        self.reports = []
        self.alerts = []
        self.ledgers = []

    async def ledger(self, name="one"):
        ledger = Ledger(Book(self.database), self.path, name, report=self.reports.append, alert=self.alerts.append)
        self.ledgers.append(ledger)
        await ledger.start()
        return ledger

    def sums(self, budget):
        balance = self.book.balance(budget)
        return balance.spent, balance.reserved


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def living(test):
    """Run a test in a loop, and end its ledgers: then the books must balance."""

    def run(house, monkeypatch):
        monkeypatch.setattr(module, "TICK_S", 0.01)
        monkeypatch.setattr(module, "BEAT_S", 0.03)

        async def whole():
            try:
                await test(house, monkeypatch)
            finally:
                house.database.away = False
                house.database.open.set()
                for ledger in house.ledgers:
                    await ledger.close(2.0)

        asyncio.run(whole())
        assert house.book.audit() == []

    run.__name__ = test.__name__
    return run


async def soon(claim):
    """Wait until it is so."""
    until = time.monotonic() + 5
    while not claim():
        assert time.monotonic() < until, "it never was so"
        await asyncio.sleep(0.005)


async def got(ledger, accounts, amount, id="r"):
    reservation = await ledger.hold(accounts, id, 0, (amount, 0, 1))
    assert isinstance(reservation, Reservation)
    reservation.dispatch()
    return reservation


@living
async def test_the_first_waits_for_the_ledger_and_the_next_do_not(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(ORG), ledger.account(KEY)]
    assert ledger.reserve(accounts, "r", 0, (1000, 0, 1)) is None
    first = await got(ledger, accounts, 1000)
    second = ledger.reserve(accounts, "s", 0, (1000, 0, 1))
    assert second is not None
    assert ledger.late == 1
    assert ledger.settle(first, (700, 0, 1))
    assert not ledger.settle(first, (700, 0, 1))
    ledger.release(first)
    ledger.release(second)  # never sent
    await ledger.close()
    house.ledgers.clear()
    assert house.sums(ORG) == house.sums(KEY) == (700, 0)
    assert house.book.epochs() == []
    assert not list(house.path.glob("*.journal"))


@living
async def test_a_hundred_who_come_at_once_are_all_served(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(ORG)]
    reservations = await asyncio.gather(*(got(ledger, accounts, CENT, f"{n}") for n in range(100)))
    for each in reservations:
        ledger.settle(each, (CENT, 0, 1))
    await soon(lambda: house.sums(ORG) == (100 * CENT, 0))
    short = await ledger.hold(accounts, "late", 0, (1, 0, 1))
    assert isinstance(short, Short)
    assert short.why == "exhausted"


@living
async def test_who_waits_for_others_is_served_when_they_let_go(house, monkeypatch):
    monkeypatch.setattr(room, "PATIENCE_S", 3.0)
    monkeypatch.setattr(room, "ANSWER_S", 4.0)
    one, two = await house.ledger("one"), await house.ledger("two")
    here, there = [one.account(KEY)], [two.account(KEY)]
    mine, other = await got(one, here, 5 * CENT), await got(two, there, 5 * CENT, "s")
    waiting = [asyncio.ensure_future(one.hold(here, f"w{n}", 0, (2 * CENT, 0, 1))) for n in range(4)]
    await asyncio.sleep(0.05)
    assert not any(each.done() for each in waiting)
    one.settle(mine, (CENT, 0, 1))  # whose rest is enough for two
    two.settle(other, (CENT, 0, 1))  # and this for the others, once the ledger knows
    for reservation in await asyncio.gather(*waiting):
        assert isinstance(reservation, Reservation)
        one.release(reservation)


@living
async def test_who_has_waited_long_enough_is_told_to_come_again(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(KEY)]
    held = await got(ledger, accounts, 10 * CENT)
    began = time.monotonic()
    short = await ledger.hold(accounts, "s", 0, (1, 0, 1))
    assert isinstance(short, Short)
    assert short.why == "contended"
    assert 0.2 < time.monotonic() - began < 5
    ledger.release(held)  # sent, and nobody says what it cost
    await soon(lambda: house.sums(KEY) == (10 * CENT, 0))


@living
async def test_a_crowd_that_waits_is_served_in_its_order(house, monkeypatch):
    monkeypatch.setattr(room, "PATIENCE_S", 3.0)
    monkeypatch.setattr(room, "ANSWER_S", 4.0)
    ledger = await house.ledger()
    accounts = [ledger.account(KEY)]
    held = await got(ledger, accounts, 10 * CENT)
    served = []

    async def wait(number):
        reservation = await got(ledger, accounts, CENT, f"{number}")
        served.append(number)
        ledger.settle(reservation, (0, 0, 1))

    crowd = [asyncio.ensure_future(wait(number)) for number in range(100)]
    await soon(lambda: len(ledger._waiters) == 100)
    ledger.settle(held, (CENT, 0, 1))
    await asyncio.gather(*crowd)
    assert served[:5] == [0, 1, 2, 3, 4]
    assert sorted(served) == list(range(100))


@living
async def test_who_finds_that_another_was_faster_asks_again(house, monkeypatch):
    ledger = await house.ledger()
    here, there = ledger.account(ORG), ledger.account(KEY)
    ledger.release(await got(ledger, [there], CENT))
    first = asyncio.ensure_future(got(ledger, [here, there], CENT, "s"))
    await asyncio.sleep(0)
    faster = ledger.reserve([there], "t", 0, (there.purse.spare, 0, 1))
    assert faster is not None
    ledger.release(await first)
    ledger.release(faster)
    assert repr(ledger).startswith("Ledger(one, Session(Clerk(epoch 1, ")


@living
async def test_who_has_left_is_not_asked_for(house, monkeypatch):
    ledger = await house.ledger()
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    waiter = room.Waiter([ledger.account(ORG)], "r", 0, (1, 0, 1), 0.0, future)
    ledger._queue._ask(waiter)
    ledger._queue._stand(waiter, Short(ORG, "contended", 1, 1, None))
    ledger._queue._let_pass(waiter)
    assert not waiter.asking
    assert len(ledger._waiters) == 0
    # And who is told no in the very moment that he leaves holds nothing.
    ledger.release(await got(ledger, [ledger.account(KEY)], 10 * CENT, "s"))
    await soon(lambda: house.sums(KEY) == (10 * CENT, 0))
    resolve = ledger._queue._resolve
    leaving = asyncio.ensure_future(ledger.hold([ledger.account(KEY)], "t", 0, (CENT, 0, 1)))
    monkeypatch.setattr(ledger._queue, "_resolve", lambda waiter, outcome: (resolve(waiter, outcome), leaving.cancel()))
    await asyncio.gather(leaving, return_exceptions=True)
    assert leaving.cancelled()


@living
async def test_a_worker_ends_though_the_ledger_hangs(house, monkeypatch):
    ledger = await house.ledger()
    ledger.settle(await got(ledger, [ledger.account(ORG)], 1000), (700, 0, 1))
    house.database.open.clear()
    began = time.monotonic()
    await ledger.close(0.1)
    house.ledgers.clear()
    assert time.monotonic() - began < 2
    assert house.database.interrupted
    await house.ledger("two")  # which reads what it left
    await soon(lambda: house.sums(ORG) == (700, 0))


@living
async def test_who_leaves_while_waiting_holds_nothing(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(KEY)]
    held = await got(ledger, accounts, 10 * CENT)
    waiting = asyncio.ensure_future(ledger.hold(accounts, "s", 0, (CENT, 0, 1)))
    await asyncio.sleep(0.03)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert repr(ledger._queue) == "Queue(0 waiting)"
    ledger.settle(held, (0, 0, 1))
    # And in the very moment that there is room: what was granted is let go.
    house.database.open.clear()
    waiting = asyncio.ensure_future(ledger.hold([ledger.account(ORG)], "t", 0, (CENT, 0, 1)))
    await asyncio.sleep(0.01)
    resolve = ledger._queue._resolve
    monkeypatch.setattr(ledger._queue, "_resolve", lambda waiter, outcome: (resolve(waiter, outcome), waiting.cancel()))
    house.database.open.set()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    await soon(lambda: ledger._session.teller.open == 0)


# --- one attempt, admitted


@living
async def test_an_attempt_is_admitted_with_its_bound(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [
        ledger.account(ORG),
        ledger.account(Budget("tokens", 10**6, "tokens")),
        ledger.account(Budget("calls", 5, "requests")),
    ]
    admitted = await ledger.admit(accounts, "r", 0, Ask(text_bytes=1000, max_output=100), Capacity(), PRICE)
    assert admitted.reservation.amounts == (admitted.bound.cost, admitted.bound.tokens, 1)
    assert admitted.bound.clamp is None
    ledger.release(admitted.reservation)


@living
async def test_an_answer_is_held_to_what_there_is_room_for(house, monkeypatch):
    ledger = await house.ledger()
    room = 3_000_000  # $0.003: 1,500 tokens of output
    admitted = await ledger.admit(
        [ledger.account(Budget("small", room))], "r", 0, Ask(text_bytes=100), Capacity(max_output=100_000), PRICE
    )
    assert admitted.bound.clamp is not None
    assert room - 2000 < admitted.bound.cost <= room
    ledger.release(admitted.reservation)
    few = await ledger.admit(
        [ledger.account(Budget("few", 1000, "tokens"))], "s", 0, Ask(text_bytes=100), Capacity(max_output=100_000), None
    )
    assert few.bound.tokens == 1000
    ledger.release(few.reservation)


@pytest.mark.parametrize(
    ("budget", "ask", "price", "status", "code"),
    [
        (Budget("b", 10**9), Ask(max_output=5), None, 400, "budget_unbounded"),
        (Budget("b", 10**9, "tokens"), Ask(calls=None), PRICE, 400, "budget_unbounded"),
        (Budget("b", 1000), Ask(max_output=5), PRICE, 412, "budget_exhausted"),
        (Budget("b", 1000), Ask(), PRICE, 412, "budget_exhausted"),
        (Budget("b", 0, "requests"), Ask(), PRICE, 412, "budget_exhausted"),
    ],
)
def test_what_cannot_be_admitted_is_refused(house, monkeypatch, budget, ask, price, status, code):
    @living
    async def test(house, monkeypatch):
        ledger = await house.ledger()
        with pytest.raises(Refusal) as refusal:
            await ledger.admit([ledger.account(budget)], "r", 0, ask, Capacity(), price)
        assert (refusal.value.status, refusal.value.code, refusal.value.rule) == (status, code, "b")

    test(house, monkeypatch)


@living
async def test_a_soft_budget_lets_pass_what_has_no_bound(house, monkeypatch):
    ledger = await house.ledger()
    admitted = await ledger.admit([ledger.account(SOFT)], "r", 0, Ask(calls=None), Capacity(), None)
    assert admitted.reservation.amounts == (0, 0, 1)
    ledger.settle(admitted.reservation, (123, 0, 1))
    await soon(lambda: house.sums(SOFT) == (123, 0))


@living
async def test_what_costs_more_than_its_bound_is_reported(house, monkeypatch):
    ledger = await house.ledger()
    reservation = await got(ledger, [ledger.account(ORG)], 10)
    ledger.settle(reservation, (15, 0, 1))
    assert "more than its bound" in house.reports[0]
    await soon(lambda: house.book.balance(ORG).overage == 5)


# --- a ledger that is away


@living
async def test_leases_are_spent_on_while_the_ledger_is_away_and_hard_budgets_refuse_beyond_them(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(ORG), ledger.account(SOFT)]
    first = await got(ledger, accounts, 1000)
    house.database.away = True
    assert ledger.settle(first, (900, 0, 1))
    second = await got(ledger, accounts, 1000)
    await soon(lambda: house.reports)  # the news could not be told
    with pytest.raises(Refusal) as refusal:
        await ledger.hold(accounts, "t", 0, (50 * CENT, 0, 1))
    assert (refusal.value.status, refusal.value.code) == (503, "budget_unavailable")
    assert any("it is away" in report for report in house.reports)
    house.database.away = False
    ledger.settle(second, (1000, 0, 1))
    await soon(lambda: house.sums(ORG)[0] == 1900)  # nothing of it was lost


@living
async def test_soft_budgets_let_pass_while_the_ledger_is_away(house, monkeypatch):
    ledger = await house.ledger()
    house.database.away = True
    reservation = await got(ledger, [ledger.account(SOFT)], 1000)
    assert reservation.purses == []
    ledger.settle(reservation, (10, 0, 1))
    await soon(lambda: ledger._nobody.at_rest)


@living
async def test_a_ledger_that_hangs_hangs_nobody(house, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.1)
    monkeypatch.setattr(room, "ANSWER_S", 0.1)
    monkeypatch.setattr(module, "STUCK_S", 0.4)
    ledger = await house.ledger()
    house.database.open.clear()
    for most_s in (0.4, 0.4, 0.05):  # at last nobody even waits
        began = time.monotonic()
        with pytest.raises(Refusal, match="cannot be consulted"):
            await ledger.hold([ledger.account(ORG)], "r", 0, (1000, 0, 1))
        assert time.monotonic() - began < most_s
    await soon(lambda: house.database.interrupted)
    await soon(lambda: ledger._hand.busy_s() < 0.1)
    ledger.release(await got(ledger, [ledger.account(ORG)], 1000))


@living
async def test_a_worker_that_begins_while_the_ledger_is_away_enrols_later(house, monkeypatch):
    house.database.away = True
    ledger = await house.ledger()
    assert "not enrolled" in repr(ledger)
    with pytest.raises(Refusal, match="cannot be consulted"):
        await ledger.hold([ledger.account(ORG)], "r", 0, (1000, 0, 1))
    house.database.away = False
    await soon(lambda: ledger._session is not None)
    ledger.release(await got(ledger, [ledger.account(ORG)], 1000))


@living
async def test_a_full_journal_is_too_much_under_way(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(ORG)]
    held = await got(ledger, accounts, 1000)
    monkeypatch.setattr(ledger._session.journal, "_unused", [])
    with pytest.raises(Refusal) as refusal:
        await ledger.hold(accounts, "s", 0, (1000, 0, 1))
    assert refusal.value.status == 503
    monkeypatch.undo()
    ledger.release(held)


# --- a life


@living
async def test_a_worker_taken_for_lost_goes_on_and_pays_what_it_owes(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(ORG)]
    reservation = await got(ledger, accounts, 1000)
    settled = await got(ledger, accounts, 1000, "s")
    epoch = ledger._session.epoch
    house.book.sweep(epoch)
    ledger.settle(settled, (500, 0, 1))
    again = await got(ledger, accounts, 20 * CENT, "t")  # which asks, and finds out
    assert ledger._session.epoch != epoch
    assert again.teller is not reservation.teller
    ledger.settle(reservation, (400, 0, 1))
    ledger.settle(again, (100, 0, 1))
    await soon(lambda: [each.number for each in house.book.epochs()] == [ledger._session.epoch])
    await soon(lambda: house.sums(ORG)[0] == 1000)
    assert any("silent for too long" in report for report in house.reports)


@living
async def test_who_asks_in_an_epoch_that_is_over_is_served_in_the_next(house, monkeypatch):
    ledger = await house.ledger()
    house.database.open.clear()
    asked = [asyncio.ensure_future(got(ledger, [ledger.account(ORG)], CENT, f"{n}")) for n in range(3)]
    await asyncio.sleep(0.02)
    house.book.sweep(ledger._session.epoch)
    house.database.open.set()
    for reservation in await asyncio.gather(*asked):
        ledger.settle(reservation, (7, 0, 1))
    await soon(lambda: house.sums(ORG)[0] == 21)


@living
async def test_what_was_asked_for_in_an_epoch_that_is_over_is_nobody_elses_in_the_next(house, monkeypatch):
    ledger = await house.ledger()
    first = ledger.account(KEY)
    house.database.open.clear()
    asked = asyncio.ensure_future(got(ledger, [first], CENT))
    await asyncio.sleep(0.02)
    house.book.sweep(ledger._session.epoch)
    ask = ledger._queue._ask
    later = []
    monkeypatch.setattr(ledger._queue, "_ask", later.append)  # who was fenced comes second
    house.database.open.set()
    await soon(lambda: later and ledger._session is not None)
    monkeypatch.setattr(ledger._queue, "_ask", ask)
    ledger.settle(await got(ledger, [ledger.account(ORG)], CENT, "s"), (30, 0, 1))
    ask(later[0])
    ledger.settle(await asked, (7, 0, 1))
    await soon(lambda: (house.sums(ORG)[0], house.sums(KEY)[0]) == (30, 7))


@living
async def test_a_fence_that_falls_while_the_ledger_is_away_loses_nothing(house, monkeypatch):
    ledger = await house.ledger()
    accounts = [ledger.account(ORG)]
    reservation = await got(ledger, accounts, CENT)
    ledger.settle(reservation, (900, 0, 1))
    house.database.away = True
    await soon(lambda: house.reports)
    house.book.sweep(ledger._session.epoch)
    house.database.away = False
    await soon(lambda: house.sums(ORG) == (900, 0))
    again = await got(ledger, accounts, CENT)
    ledger.settle(again, (50, 0, 1))
    await soon(lambda: house.sums(ORG)[0] == 950)


@living
async def test_an_epoch_that_cannot_be_ended_now_is_ended_by_its_journal(house, monkeypatch):
    ledger = await house.ledger()
    reservation = await got(ledger, [ledger.account(ORG)], CENT)
    house.book.sweep(ledger._session.epoch)
    old = ledger._session
    await soon(lambda: ledger._session is not None and ledger._session is not old)
    end = Book.end
    monkeypatch.setattr(Book, "end", lambda *more: (_ for _ in ()).throw(StoreError("not now")))
    ledger.settle(reservation, (40, 0, 1))
    await soon(lambda: any("not now" in report for report in house.reports))
    monkeypatch.setattr(Book, "end", end)
    await soon(lambda: house.sums(ORG)[0] == 40)


@living
async def test_journals_that_cannot_be_kept_are_reported(house, monkeypatch):
    house.path = house.path / "file"
    house.path.write_text("")
    ledger = await house.ledger()
    assert "not enrolled" in repr(ledger)
    await soon(lambda: any("cannot lock" in report for report in house.reports))
    assert any("cannot make a journal" in report for report in house.reports)


@living
async def test_an_epoch_waits_for_its_journal(house, monkeypatch):
    """A folder that takes none fills the ledger with nothing."""
    tries, make = [], module.FileJournal

    def full(*args):
        tries.append(args)
        raise StoreError("no room")

    monkeypatch.setattr(module, "FileJournal", full)
    ledger = await house.ledger()
    await soon(lambda: len(tries) > 2)
    assert len(house.book.epochs()) == 1
    monkeypatch.setattr(module, "FileJournal", make)
    await soon(lambda: ledger._session is not None)
    assert [each.number for each in house.book.epochs()] == [ledger._session.epoch]


@living
async def test_who_leaves_with_something_open_is_buried_by_another(house, monkeypatch):
    one = await house.ledger("one")
    reservation = await got(one, [one.account(ORG)], 1000)
    assert reservation.state == 2
    await one.close(0.05)
    house.ledgers.clear()
    assert len(house.book.epochs()) == 1
    await house.ledger("two")
    await soon(lambda: house.sums(ORG) == (1000, 0))


@living
async def test_one_worker_of_a_machine_keeps_house_and_tells_of_alerts(house, monkeypatch):
    one, two = await house.ledger("one"), await house.ledger("two")
    reservation = await got(one, [one.account(Budget("key", CENT, alerts=(1000,)))], 1000)
    one.settle(reservation, (1000, 0, 1))
    await soon(lambda: house.alerts)
    await asyncio.sleep(0.1)
    assert [alert.threshold for alert in house.alerts] == [1000]
    assert sorted((one._turn.has_come(), two._turn.has_come())) == [False, True]


@living
async def test_who_settles_after_the_end_is_told_nothing(house, monkeypatch):
    ledger = await house.ledger()
    reservation = await got(ledger, [ledger.account(ORG)], 1000)
    await ledger.close(0.05)
    house.ledgers.clear()
    assert ledger.settle(reservation, (700, 0, 1))
    ledger.release(reservation)
    other = await house.ledger("other")
    await soon(lambda: house.sums(ORG) == (1000, 0))  # by the journal: it was under way when its worker ended
    assert other._session is not None


@living
async def test_one_of_several_machines_tells_of_alerts(house, monkeypatch):
    one = await house.ledger("one")
    house.path = house.path / "another"
    two = await house.ledger("two")
    reservation = await got(one, [one.account(Budget("key", CENT, alerts=(1000,)))], 1000)
    one.settle(reservation, (1000, 0, 1))
    await soon(lambda: house.alerts)
    await asyncio.sleep(0.1)
    assert one._turn.has_come()
    assert two._turn.has_come()
    assert [alert.threshold for alert in house.alerts] == [1000]


@living
async def test_an_idle_worker_returns_what_it_has(house, monkeypatch):
    monkeypatch.setattr("lockgate.policy.teller.IDLE_US", 1000)
    ledger = await house.ledger()
    account = ledger.account(ORG)
    ledger.release(await got(ledger, [account], 1000))
    await soon(lambda: house.sums(ORG) == (1000, 0))
    await soon(lambda: not account.has_purse)
    assert ledger.account(ORG) is not account
    ledger.release(await got(ledger, [account], 1000))  # and may be used again


@living
async def test_a_forgotten_attempt_is_charged_in_full(house, monkeypatch):
    ledger = await house.ledger()
    await got(ledger, [ledger.account(ORG)], 1000)
    monkeypatch.setattr(module, "FORGOTTEN_US", -1)
    await soon(lambda: house.sums(ORG)[0] == 1000)
    assert any("was forgotten" in report for report in house.reports)


@living
async def test_the_newest_revision_of_a_budget_holds(house, monkeypatch):
    ledger = await house.ledger()
    account = ledger.account(KEY)
    assert ledger.account(Budget("key", 5, revision=1)) is account
    assert account.budget.cap == 5


@living
async def test_nobody_is_served_while_a_worker_ends(house, monkeypatch):
    ledger = await house.ledger()
    held = await got(ledger, [ledger.account(KEY)], 10 * CENT)
    waiting = asyncio.ensure_future(ledger.hold([ledger.account(KEY)], "s", 0, (CENT, 0, 1)))
    await asyncio.sleep(0.03)
    closing = asyncio.ensure_future(ledger.close(1.0))
    with pytest.raises(Refusal, match="cannot be consulted"):
        await waiting
    with pytest.raises(Refusal, match="cannot be consulted"):
        await ledger.hold([ledger.account(ORG)], "t", 0, (CENT, 0, 1))
    ledger.settle(held, (CENT, 0, 1))
    await closing
    house.ledgers.clear()
    assert house.sums(KEY) == (CENT, 0)


def test_two_workers_share_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 30.0)  # however busy the disk is
    monkeypatch.setattr(room, "ANSWER_S", 30.0)

    async def whole():
        ledgers = [
            Ledger(Book(SqliteLedger(tmp_path / "ledger.db")), tmp_path / "journals", each, report=print) for each in "ab"
        ]
        for ledger in ledgers:
            await ledger.start()

        async def spend(ledger, number):
            reservation = await got(ledger, [ledger.account(ORG)], CENT, f"{number}")
            ledger.settle(reservation, (CENT // 2, 0, 1))

        await asyncio.gather(*(spend(ledger, number) for ledger in ledgers for number in range(50)))
        for ledger in ledgers:
            await ledger.close()

    asyncio.run(whole())
    book = Book(SqliteLedger(tmp_path / "ledger.db"))
    assert book.balance(ORG).spent == 50 * CENT
    assert book.audit() == []
    book.shut()
