"""The ledger against a model of forty lines, on every store: whatever workers do, and whatever is done to them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from msgspec import structs

from lockgate.policy import teller
from lockgate.policy.ledger import MEASURES, Budget, Short
from lockgate.policy.purse import Reservation
from lockgate.policy.window import Period
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.ledger.tier import TieredBook
from support.ledger import SECOND, STORES, Breaking, Clock, Desk, open_database
from support.pool import FakePool

DAY = 86_400 * SECOND
BUDGETS = {
    "org": Budget("org", 4000),
    "key": Budget("key", 1500, alerts=(500, 1000), period=Period("day")),
    "tokens": Budget("tokens", 900, "tokens", period=Period("days", days=2, anchor_us=5 * SECOND)),
    "calls": Budget("calls", 12, "requests", period=Period("day")),
    "soft": Budget("soft", 300, hard=False),
}
amounts = st.tuples(st.integers(0, 400), st.integers(0, 120), st.integers(0, 1))
names = st.lists(st.sampled_from(sorted(BUDGETS)), min_size=1, max_size=5, unique=True)


class Model:
    """What is true: every attempt, what it may use, what became of it, and in which windows it counts."""

    def __init__(self):
        self.attempts = {}  # (id, attempt) -> [most, actual or None, windows, state]

    def hold(self, key, most, windows):
        self.attempts[key] = [most, None, windows, "held"]

    def used(self, at, hard):
        """What has been used of a budget in a window for certain: (at least, at most, beyond what was reserved)."""
        measure = MEASURES.index(BUDGETS[at[0]].measure)
        least = most = over = 0
        for bound, actual, windows, state in self.attempts.values():
            if at not in windows or state in ("void", "held"):
                continue
            if actual is None:
                most += bound[measure]
                continue
            paid = min(actual[measure], bound[measure]) if hard else actual[measure]
            least, most, over = least + paid, most + paid, over + actual[measure] - paid
        return least, most, over


class LedgerMachine(RuleBasedStateMachine):
    store = "memory"
    scale = 1

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.database = Breaking(open_database(self.store, self.path, self.clock))
        self.book = Book(self.database)
        self.budgets = {name: structs.replace(budget, cap=budget.cap * self.scale) for name, budget in BUDGETS.items()}
        self.highest = {}  # (budget, window) -> the highest cap that it has had
        self.model = Model()
        self.desks = [self.desk("0"), self.desk("1")]
        self.open = []  # (desk, reservation, key)
        self.lost = {}  # key -> truth, of attempts whose worker is gone
        self.number = 0
        self.blurred = False  # a journal was lost: what was held is charged, and nobody can tell

    def desk(self, name):
        """A worker."""
        return Desk(self.book, self.path / "journals", self.clock, name)

    def warden(self):
        """The book of whoever looks for the dead."""
        return self.book

    def teardown(self):
        try:
            self.finish()
        finally:
            self.database.close()
            shutil.rmtree(self.path)

    # --- what workers do

    @rule(at=st.integers(0, 1), names=names, most=amounts)
    def reserve(self, at, names, most):
        self.number += 1
        key = (f"request-{self.number}", 0)
        desk = self.desks[at]
        trouble = self.database.trouble
        got = desk.reserve([self.budgets[name] for name in names], *key, most)
        if isinstance(got, Reservation):
            windows = {(name, purse.window) for name, purse in zip(names, got.purses, strict=True)}
            for name, purse in zip(names, got.purses, strict=True):
                self.highest.setdefault((name, purse.window), self.budgets[name].cap)
            self.model.hold(key, most, windows)
            self.open.append((desk, got, key))
        elif isinstance(got, Short):
            assert got.need > got.room or got.why == "contended"
        else:
            assert trouble or got is not None, "neither granted nor refused"

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def dispatch(self, data):
        _, reservation, key = data.draw(st.sampled_from(self.open))
        reservation.dispatch()
        self.model.attempts[key][3] = "sent"

    @precondition(lambda self: self.open)
    @rule(data=st.data(), kind=st.sampled_from(["exact", "less", "nothing", "more", "unsent"]), twice=st.booleans())
    def settle(self, data, kind, twice):
        entry = data.draw(st.sampled_from(self.open))
        _, reservation, key = entry
        most = reservation.amounts
        actual = {
            "exact": most,
            "less": tuple(data.draw(st.integers(0, each)) for each in most),
            "nothing": (0, 0, 0),
            "more": tuple(each + 7 for each in most),
            "unsent": most,
        }[kind]
        if kind != "unsent":
            reservation.dispatch()
        assert reservation.teller.settle(reservation, actual, self.clock())
        if twice:
            assert not reservation.teller.settle(reservation, most, self.clock())
            assert not reservation.teller.void(reservation)
        self.model.attempts[key][1:] = [actual, self.model.attempts[key][2], "posted"]
        self.open.remove(entry)

    @precondition(lambda self: any(r.state == 1 for _, r, _ in self.open))
    @rule(data=st.data())
    def void(self, data):
        entry = data.draw(st.sampled_from([each for each in self.open if each[1].state == 1]))
        _, reservation, key = entry
        assert reservation.teller.void(reservation)
        assert not reservation.teller.settle(reservation, (1, 1, 1), self.clock())
        self.model.attempts[key][3] = "void"
        self.open.remove(entry)

    @rule(at=st.integers(0, 1))
    def flush(self, at):
        self.desks[at].flush()

    @rule(at=st.integers(0, 1))
    def beat(self, at):
        self.desks[at].beat()

    @rule(at=st.integers(0, 1))
    def rest(self, at):
        self.desks[at].rest()

    @rule(at=st.integers(0, 1))
    def drain(self, at):
        if not self.database.trouble:
            self.desks[at].drain()

    # --- what is done to them

    @rule(trouble=st.sampled_from(["before", "after", "lost"]))
    def break_store(self, trouble):
        self.database.trouble = trouble

    @rule(seconds=st.sampled_from([1, 11, 3600, 86_400, -7200]))
    def pass_time(self, seconds):
        self.clock.us += seconds * SECOND
        self.step()

    def step(self):
        """The clock was set."""

    @rule(name=st.sampled_from(["org", "key", "tokens", "calls", "soft"]), factor=st.sampled_from([0, 1, 2, 4]))
    def change_cap(self, name, factor):
        self.database.trouble = ""
        old = self.budgets[name]
        cap = BUDGETS[name].cap * self.scale * factor // 2
        self.budgets[name] = Budget(name, cap, old.measure, old.hard, old.period, old.alerts, old.revision + 1)
        self.book.define([self.budgets[name]])
        for at in self.highest:
            if at[0] == name:
                self.highest[at] = max(self.highest[at], cap)

    @rule(at=st.integers(0, 1), sound=st.sampled_from([True, True, True, False]))
    def kill(self, at, sound):
        """A worker dies, or the whole machine goes down; what it had sent is charged by its provider all the same."""
        self.database.trouble = ""
        desk = self.desks[at]
        desk.die()
        for entry in [each for each in self.open if each[0] is desk]:
            _, reservation, key = entry
            attempt = self.model.attempts[key]
            if attempt[3] == "held":
                attempt[3] = "void" if sound else "held"
            else:
                self.lost[key] = tuple(each // 2 for each in reservation.amounts)
                attempt[3] = "orphan"
            self.open.remove(entry)
        recover(self.warden(), self.path / "journals", boot="one" if sound else "two")
        self.blurred = self.blurred or not sound
        self.desks[at] = self.desk(f"{at}")

    @rule(at=st.integers(0, 1))
    def silence(self, at):
        """A worker stands still for so long that it is taken for lost; it goes on when it wakes."""
        self.database.trouble = ""
        self.book.sweep(self.desks[at].clerk.epoch)

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def reconcile(self, data):
        self.database.trouble = ""
        key = data.draw(st.sampled_from(sorted(self.lost)))
        truth = self.lost.pop(key)
        corrected = self.book.correct(*key, truth)
        assert corrected or self.blurred
        assert not self.book.correct(*key, truth)
        self.model.attempts[key][1] = truth

    # --- what holds at all times

    @invariant()
    def the_books_balance(self):
        assert audit(self.book, self.database) == []

    @invariant()
    def nothing_is_missing_and_nothing_is_too_much(self):
        for balance in everything(self.book, self.database)[0]:
            at = (balance.budget, balance.window.id)
            hard = BUDGETS[balance.budget].hard
            least, _, over = self.model.used(at, hard)
            told = balance.spent + balance.reserved if hard else None
            if hard:
                assert least <= told, f"{at}: used {least}, but spent and reserved are {told}"
                cap = self.highest.get(at, self.budgets[balance.budget].cap)
                assert balance.spent + balance.reserved <= max(cap, balance.ceiling)
                assert least <= max(cap, balance.ceiling)
            assert balance.overage <= over

    def finish(self):
        """All come to their end: then the ledger says what is true, to the last unit."""
        self.database.trouble = ""
        for _, reservation, key in self.open:
            actual = tuple(each // 3 for each in reservation.amounts)
            if self.model.attempts[key][3] == "held":
                reservation.teller.void(reservation)
                self.model.attempts[key][3] = "void"
            else:
                reservation.teller.settle(reservation, actual, self.clock())
                self.model.attempts[key][1] = actual
        self.open = []
        for desk in self.desks:
            desk.leave()
        for key, truth in self.lost.items():
            self.book.correct(*key, truth)
            self.model.attempts[key][1] = truth
        balances, leases, _ = everything(self.book, self.database)
        assert all(lease.state == "closed" for lease in leases)
        assert not list((self.path / "journals").glob("*"))
        for balance in balances:
            at = (balance.budget, balance.window.id)
            least, most, over = self.model.used(at, BUDGETS[balance.budget].hard)
            assert balance.reserved == 0
            if not self.blurred:
                assert (balance.spent, balance.overage) == (least, over)
                assert least == most
            elif BUDGETS[at[0]].hard:  # of a soft one, what went down with a machine is not known
                assert balance.spent >= least
        self.idle_refuses_only_what_does_not_fit()
        self.desks = []

    def idle_refuses_only_what_does_not_fit(self):
        fresh = Desk(self.book, self.path / "journals", self.clock, "idle")
        for budget in self.budgets.values():
            balance = self.book.balance(budget)
            room = balance.room(budget)
            for need, fits in ((max(0, room), True), (max(0, room) + 1, False)):
                most = tuple(max(0, need) if each == budget.measure else 0 for each in MEASURES)
                if not budget.hard:
                    continue
                got = fresh.reserve([budget], "idle", 0, most)
                assert isinstance(got, Reservation) == fits
                if fits:
                    fresh.teller.void(got)
                    fresh.flush()
        fresh.leave()


class TieredMachine(LedgerMachine):
    """The same with a pool, which is lost in every way that there is. There is more of everything: near the cap are no pools."""

    scale = 20

    def __init__(self):
        self.monotonic = 1000.0
        self.pool = None
        super().__init__()

    def tiered(self):
        if self.pool is None:
            self.pool = FakePool(self.clock)
        return TieredBook(self.database, self.pool.view(), self.path / "journals", monotonic=lambda: self.monotonic)

    def desk(self, name):
        self.database.trouble = ""
        (self.path / "journals").mkdir(exist_ok=True)
        desk = Desk(self.tiered(), self.path / "journals", self.clock, name, slots=512)
        desk.beat()
        return desk

    def warden(self):
        return self.tiered()

    def step(self):
        for desk in self.desks:  # who asks and who answers have one clock
            desk.book._skew_us = self.clock.us - int(self.monotonic * 1e6)

    @rule(
        at=st.integers(0, 1),
        names=st.lists(st.sampled_from(["org", "key", "tokens"]), min_size=1, max_size=3, unique=True),
        most=st.tuples(st.integers(50, 400), st.integers(10, 120), st.just(1)),
        times=st.integers(2, 12),
    )
    def rush(self, at, names, most, times):
        for _ in range(times):
            self.reserve(at, names, most)

    @rule(seconds=st.sampled_from([0.1, 1.5, 1.5, 12]))
    def wait(self, seconds):
        self.monotonic += seconds
        self.clock.us += int(seconds * SECOND)

    @rule(trouble=st.sampled_from(["before", "after", "forget", "copy", "restore", "away", "back"]))
    def break_pool(self, trouble):
        if trouble in ("before", "after"):
            self.pool.trouble = trouble
        elif trouble in ("away", "back"):
            self.pool.away = trouble == "away"
        else:
            getattr(self.pool, trouble)()

    @rule(at=st.integers(0, 1))
    def tend(self, at):
        self.database.trouble = ""
        self.desks[at].book.tend()

    @invariant()
    def what_is_in_the_pool_is_reserved(self):
        if self.pool is None or self.pool.kept.get("server") != self.pool.server:
            return
        generation = self.pool.kept["generation"]
        trouble, self.database.trouble = self.database.trouble, ""
        with self.database.transaction() as tables:
            row, leases = tables.epoch(generation), tables.leases(generation)
        self.database.trouble = trouble
        if row is None or row.state == "closed":
            return  # all have said that they take nothing of it
        for key, pool in self.pool.kept.items():
            if isinstance(key, tuple) and pool[1]:
                lease = leases[pool[0]]
                assert (lease.budget, lease.window) == key
                assert pool[1] <= lease.granted - lease.posted

    def finish(self):
        self.pool.trouble, self.pool.away = "", False
        self.monotonic += 5
        super().finish()
        if self.pool.held():
            self.what_is_left_in_the_pool_nobody_takes()
        assert self.pool.held() == 0
        if not self.blurred:
            assert [each.state for each in self.book.epochs()] in ([], ["pool"])

    def what_is_left_in_the_pool_nobody_takes(self):
        """A machine went down while the pool was away: it could not be emptied, and what is in it was charged. Whoever comes next
        begins anew."""
        assert self.blurred
        assert self.book.epoch(self.pool.kept["generation"]).state == "closed"
        before = self.pool.kept["generation"]
        desk = self.desk("next")
        assert desk.book._ready()
        desk.leave()
        assert self.pool.kept["generation"] > before


def everything(book, database):
    trouble, database.trouble = database.trouble, ""
    try:
        with database.transaction() as tables:
            return tables.everything()
    finally:
        database.trouble = trouble


def audit(book, database):
    trouble, database.trouble = database.trouble, ""
    try:
        return book.audit()
    finally:
        database.trouble = trouble


#: `LEDGER_STEPS` makes it long: steps on each store.
STEPS = int(os.environ.get("LEDGER_STEPS", "0"))
QUICK = {"memory": (40, 40), "sqlite": (8, 40), "postgresql": (3, 40)}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", [LedgerMachine, TieredMachine])
def test_the_ledger_is_right_whatever_happens(kind, store, monkeypatch):
    if kind is TieredMachine:
        monkeypatch.setattr(teller, "_ATTEMPTS", 2)  # so that leases are used up before the story ends
    examples, steps = (-(-STEPS // 80), 100) if STEPS else QUICK[store]  # some stories end before their hundredth step
    machine = type(f"{store.title()}{kind.__name__}", (kind,), {"store": store})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],  # a shorter example takes minutes to find; the whole one is printed
        ),
    )
