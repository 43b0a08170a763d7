"""A ledger with a pool in front of it: what the pool grants, and what becomes of it when the pool is lost."""

from __future__ import annotations

from copy import deepcopy

import pytest

from lockgate.policy.ledger import Budget, Short
from lockgate.policy.purse import Reservation
from lockgate.policy.window import Period
from lockgate.stores.ledger import moves as moves_module
from lockgate.stores.ledger.ports import Fenced
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.ledger.tier import AGAIN_S, FRESH_S, IDLE_US, TieredBook
from lockgate.stores.ports import StoreError
from support.ledger import SECOND, Desk
from support.pool import FakePool

ORG, KEY, SOFT = Budget("org", 10**6), Budget("key", 10**5), Budget("soft", 10, hard=False)


class Cluster:
    """Processes that share a ledger and a pool."""

    def __init__(self, book, database, clock, path):
        self.book, self.database, self.clock, self.path = book, database, clock, path
        self.pool = FakePool(clock)
        self.books = []

    def tiered(self):
        tiered = TieredBook(
            self.database, self.pool.view(), self.path / "journals", monotonic=lambda: self.clock.us / SECOND - 1_700_000_000
        )
        self.books.append(tiered)
        return tiered

    def worker(self, name="worker"):
        (self.path / "journals").mkdir(exist_ok=True)
        desk = Desk(self.tiered(), self.path / "journals", self.clock, name, slots=4096)
        desk.beat()
        return desk

    def recover(self, boot="one"):
        warden = self.tiered()
        recover(warden, self.path / "journals", boot=boot)
        return warden

    def passes(self, seconds):
        self.clock.us += int(seconds * SECOND)

    def spent(self, budget=ORG):
        balance = self.book.balance(budget)
        return balance.spent, balance.reserved

    def pools(self):
        return [(each.number, each.state) for each in self.book.epochs() if each.is_pool]


@pytest.fixture
def cluster(book, database, clock, tmp_path):
    cluster = Cluster(book, database, clock, tmp_path)
    yield cluster
    assert book.audit() == []
    for tiered in cluster.books:
        for own in tiered._own.values():
            own.moves.close(gone=False)


def take(worker, id, most=100, budgets=(ORG,)):
    reservation = worker.reserve(list(budgets), id, 0, (most, 0, 1))
    assert isinstance(reservation, Reservation), reservation
    reservation.dispatch()
    return reservation


def drained(worker, name, number=8, most=100):
    """Spend until the worker has asked for something a few times."""
    reservations = []
    quick = worker.book.quickly
    while worker.book.quickly < quick + number:
        reservations.append(take(worker, f"{name}-{len(reservations)}", most))
        assert len(reservations) < 5000
    return reservations


def settle(worker, reservations, actual=50):
    for each in reservations:
        each.teller.settle(each, (actual, 0, 1), 0)
    return actual * len(reservations)


def test_what_follows_is_taken_out_of_the_pool(cluster):
    worker = cluster.worker()
    take(worker, "first")
    assert cluster.pool.held() > 0
    batch = cluster.book.epoch(worker.clerk.epoch).batch
    drained(worker, "r", 12)
    assert cluster.book.epoch(worker.clerk.epoch).batch <= batch + 2  # and the pool is filled again
    assert repr(worker.book).startswith("TieredBook(Breaking(")


def test_what_is_in_the_pool_is_reserved_and_what_was_taken_is_told_with_the_next_news(cluster):
    worker = cluster.worker()
    reservations = [take(worker, "first"), *drained(worker, "r")]
    reserved = cluster.spent()[1]
    untold = sum(each.amount for each in worker.book._own[worker.clerk.epoch].moves.untold)
    assert untold > 0
    spent = settle(worker, reservations)
    worker.flush()
    assert cluster.spent() == (spent, reserved - spent)
    assert worker.book._own[worker.clerk.epoch].moves.untold == []
    assert next((cluster.path / "journals").glob("*.moves")).stat().st_size == 0


def test_at_the_end_nothing_is_left_anywhere(cluster):
    one, two = cluster.worker("one"), cluster.worker("two")
    spent = settle(one, [take(one, "first"), *drained(one, "r")]) + settle(two, [take(two, "second"), *drained(two, "s")])
    one.leave()
    assert cluster.pools() == [(two.book._generation, "pool")]
    two.leave()
    assert cluster.spent() == (spent, 0)
    assert cluster.pool.held() == 0
    assert not list((cluster.path / "journals").glob("*"))


def test_several_workers_share_one_pool(cluster):
    one, two = cluster.worker("one"), cluster.worker("two")
    take(one, "first")
    drained(two, "r")
    assert two.book._generation == one.book._generation


def test_all_budgets_are_taken_of_the_pool_or_none(cluster):
    worker = cluster.worker()
    take(worker, "first")
    reservation = take(worker, "second", budgets=(ORG, KEY))  # there is no pool of the key's yet
    assert len(reservation.purses) == 2
    quick = worker.book.quickly
    for number in range(200):
        take(worker, f"{number}", budgets=(ORG, KEY))
    assert worker.book.quickly > quick


def test_a_crowd_is_served_in_one_go(cluster):
    worker = cluster.worker()
    take(worker, "first", budgets=(ORG, KEY))
    accounts = [worker.account(ORG), worker.account(KEY)]
    for account in accounts:
        account.purse.spare = 3  # what is left goes back with the question, and stays where it is
    calls = []
    real = worker.book._pool.take
    worker.book._pool.take = lambda *args: calls.append(args) or real(*args)
    told = {}
    asked = {need: worker.teller.wants(accounts, (need, 0, 1), worker.clock()) for need in (50, 20, 70)}
    for need, wants in asked.items():
        worker.clerk.put(tuple(wants), lambda result, need=need: told.setdefault(need, result))
    worker.clerk.step()
    assert len(calls) == 1
    assert [len(granted) for granted in told.values()] == [2, 2, 2]
    assert [granted[0].amount for need, granted in told.items() if need != 50] == [20, 70]
    assert told[50][0].amount > 50
    before = len(worker.book._own[worker.clerk.epoch].moves.untold)
    assert before == 2  # one for each budget
    for need, wants in asked.items():
        worker.teller.allot(accounts, wants, told[need], worker.clock())
    taken = sum(each.amount for each in worker.book._own[worker.clerk.epoch].moves.untold[:1])
    assert accounts[0].purse.spare == taken + 3


def test_a_lease_of_another_window_is_not_added_to(cluster):
    daily = Budget("daily", 10**6, period=Period("day"))
    worker = cluster.worker()
    take(worker, "first", budgets=(daily,))
    account = worker.account(daily)
    account.purse.spare = 0
    wants = worker.teller.wants([account], (50, 0, 1), worker.clock())
    worker.book._own[worker.clerk.epoch].windows[wants[0].fresh] = "day before"
    assert worker.book.quick(worker.clerk.epoch, [wants]) == {}
    del worker.book._own[worker.clerk.epoch].windows[wants[0].fresh]
    worker.teller.denied([account], wants)


def test_a_soft_budget_is_the_ledgers_own_matter(cluster):
    worker = cluster.worker()
    take(worker, "first", budgets=(SOFT, ORG))
    assert ("soft", "lifetime") not in cluster.pool.kept


def test_a_budget_can_be_used_up_to_the_last_unit(cluster):
    one, two = cluster.worker("one"), cluster.worker("two")
    small = Budget("small", 1000)
    got = []
    for number in range(2000):
        worker = (one, two)[number % 2]
        reservation = worker.reserve([small], f"{number}", 0, (7, 0, 1))
        worker.flush()
        if isinstance(reservation, Short):
            other = (two, one)[number % 2]
            other.flush()
            if not isinstance(other.reserve([small], f"{number}+", 0, (7, 0, 1)), Reservation):
                worker.book.tend()
                if not isinstance(worker.reserve([small], f"{number}-", 0, (7, 0, 1)), Reservation):
                    break
        got.append(number)
    assert cluster.spent(small)[1] >= 994
    assert one.reserve([small], "last", 0, (7, 0, 1)).why == "contended"


# --- the pool is lost


@pytest.mark.parametrize("loss", ["forget", "restore", "before", "after"])
def test_what_is_lost_with_the_pool_is_free_again_when_all_have_said_what_they_have(cluster, loss):
    one, two = cluster.worker("one"), cluster.worker("two")
    cluster.pool.copy()  # an old one
    reservations = [take(one, "first"), *drained(one, "r"), *drained(two, "s")]
    if loss in ("before", "after"):
        cluster.pool.trouble = loss
        reservations += _after_trouble(cluster, one)
    else:
        getattr(cluster.pool, loss)()
        reservations += [take(one, f"t-{number}") for number in range(400)]  # and the ledger is asked itself
    old = one.book._generation
    cluster.passes(AGAIN_S)
    assert one.book._ready()
    assert one.book._generation > old
    one.beat()
    one.book.tend()
    assert (old, "over") in cluster.pools()  # `two` has not said what it has
    two.beat()
    two.beat()
    one.book.tend()
    assert old not in [number for number, _ in cluster.pools()]
    spent = settle(one, reservations)
    one.leave()
    two.leave()
    assert cluster.spent() == (spent, 0)


def _after_trouble(cluster, worker):
    reservations = []
    while cluster.pool.trouble:
        reservations.append(take(worker, f"t-{len(reservations)}"))
    return reservations


def test_an_old_copy_grants_nothing(cluster):
    worker = cluster.worker()
    take(worker, "first")
    cluster.pool.copy()
    drained(worker, "r")
    cluster.pool.restore()
    quick = worker.book.quickly
    for number in range(300):
        take(worker, f"{number}")
    assert worker.book.quickly == quick


def test_a_pool_that_does_not_answer_is_left_alone_for_a_while(cluster):
    worker = cluster.worker()
    take(worker, "first")
    cluster.pool.away = True
    asked = []
    take_ = cluster.pool.take
    worker.book._pool.take = lambda *args: asked.append(args) or take_(*args)
    for number in range(300):
        take(worker, f"{number}")
    assert len(asked) == 1
    cluster.pool.away = False
    cluster.passes(AGAIN_S)
    for number in range(300):
        take(worker, f"{number}+")
    assert len(asked) > 1
    assert worker.book.quickly > 0


def test_a_ledger_begins_without_its_pool(cluster):
    cluster.pool.away = True
    worker = cluster.worker()
    reservation = take(worker, "r")
    assert worker.book.quickly == 0
    spent = settle(worker, [reservation])
    worker.leave()
    assert cluster.spent() == (spent, 0)


def test_a_worker_in_an_older_part_of_a_split_cluster_is_believed_for_what_it_took(cluster):
    """It still talks to the old master, while the others have gone on with the new one."""
    one, two = cluster.worker("one"), cluster.worker("two")
    mine = [take(one, "first")]
    theirs = drained(two, "s", 2)
    take_more(cluster)
    behind = FakePool(cluster.clock)
    behind.kept = deepcopy(cluster.pool.kept)
    two.book._pool = behind
    cluster.pool.restore()
    old = two.book._generation
    cluster.passes(AGAIN_S)
    mine += [take(one, f"{number}") for number in range(300)]
    cluster.passes(AGAIN_S)
    mine += [take(one, f"{number}+") for number in range(300)]
    assert one.book._generation > old
    theirs += drained(two, "t", 1)
    assert two.book._generation == old
    one.beat()
    one.book.tend()
    assert (old, "over") in cluster.pools()
    spent = settle(one, mine) + settle(two, theirs)
    one.leave()
    two.leave()
    assert cluster.spent() == (spent, 0)


def take_more(cluster):
    """Let there be something in the pool for two."""
    filler = cluster.worker("filler")
    settle(filler, [take(filler, f"{number}") for number in range(3)], 0)
    filler.leave()


# --- workers are lost


def test_what_a_dead_worker_took_and_never_told_is_read_beside_its_journal(cluster):
    worker = cluster.worker()
    first = take(worker, "first")
    reservations = drained(worker, "r")
    settle(worker, [first, *reservations[:-2]])
    worker.die()
    living = cluster.worker("living")
    warden = cluster.recover()
    assert cluster.spent()[0] == 50 * (len(reservations) - 1) + 2 * 100
    assert cluster.book.doubtful() == [(each.id, 0) for each in reservations[-2:]]
    living.beat()
    living.beat()
    warden._ready()
    living.beat()
    warden.tend()
    living.leave()
    assert cluster.spent()[1] == 0
    assert not list((cluster.path / "journals").glob("*"))


def test_what_a_dead_worker_told_is_not_counted_twice(cluster, database):
    worker = cluster.worker()
    reservations = [take(worker, "first"), *drained(worker, "r")]
    settle(worker, reservations)
    database.trouble = "after"
    worker.flush()  # and it dies before it hears that all was told
    worker.die()
    cluster.recover()
    assert cluster.spent()[0] == 50 * len(reservations)


def test_what_went_down_with_a_machine_is_charged(cluster):
    """It had taken something of the pool, and nobody knows how much."""
    worker, living = cluster.worker(), cluster.worker("living")
    reservations = [take(worker, "first"), *drained(worker, "r")]
    most = 100 * len(reservations)
    worker.die()
    warden = cluster.recover(boot="two")
    assert "lost" in [state for _, state in cluster.pools()]
    for _ in range(2):
        living.beat()
        warden.tend()
    living.leave()
    assert cluster.spent()[0] >= most
    assert cluster.spent()[1] == 0
    left = 10**6 - cluster.spent()[0]
    assert left > 10**6 // 2  # and what was in the pool is not


def test_a_pool_that_is_away_when_a_machine_goes_down_is_charged_and_nobody_takes_of_it(cluster):
    """It cannot be emptied, and nobody can say how much of it the machine had taken."""
    worker, other = cluster.worker(), cluster.worker("other")
    spent = settle(worker, [take(worker, "first")])
    worker.leave()
    held, old = cluster.pool.held(), cluster.pool.kept["generation"]
    assert held > 0
    cluster.pool.away = True
    other.die()
    warden = cluster.recover(boot="two")
    warden.tend()
    assert cluster.spent() == (spent + held, 0)
    assert cluster.pools() == []
    cluster.pool.away = False
    cluster.passes(AGAIN_S)
    later = cluster.worker("later")
    spent += held + settle(later, [take(later, "second"), *drained(later, "r")])
    assert cluster.pool.kept["generation"] > old
    later.leave()
    assert cluster.spent() == (spent, 0)
    assert cluster.pool.held() == 0


def test_a_worker_that_was_taken_for_lost_tells_what_it_took(cluster):
    worker = cluster.worker()
    reservations = [take(worker, "first"), *drained(worker, "r")]
    cluster.book.sweep(worker.clerk.epoch)
    reservations += drained(worker, "s", 2)  # it does not know yet
    worker.beat()
    spent = settle(worker, reservations)
    worker.drain()
    worker.leave()
    assert cluster.spent() == (spent, 0)


def test_an_epoch_takes_nothing_before_the_ledger_has_answered_it(cluster):
    """Swept before that, it counts as one that has nothing, and is closed."""
    worker = cluster.worker()
    reservations = [take(worker, "first")]
    cluster.book.sweep(worker.clerk.epoch)
    worker.beat()  # and it goes on in another epoch
    assert cluster.pool.held() > 0
    cluster.book.sweep(worker.clerk.epoch)  # whoever looked for the silent has a clock that was set forward
    second = worker.reserve([ORG], "second", 0, (2000, 0, 1))
    reservations.append(take(worker, "again") if isinstance(second, Fenced) else second)
    spent = settle(worker, reservations)
    worker.drain()
    worker.leave()
    assert cluster.spent() == (spent, 0)


def test_who_has_not_heard_of_the_ledger_for_a_while_asks_it(cluster):
    worker = cluster.worker()
    take(worker, "first")
    cluster.passes(FRESH_S + 1)
    quick = worker.book.quickly
    for account in worker.accounts.values():
        account.purse.end_us = 0
    wants = worker.teller.wants(list(worker.accounts.values()), (1, 0, 0), 0)
    assert worker.book.quick(worker.clerk.epoch, [wants]) == {}
    assert worker.book.quickly == quick


def test_nothing_is_spent_that_could_not_be_written_down(cluster, monkeypatch):
    worker = cluster.worker()
    take(worker, "first")

    def full(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(moves_module.os, "write", full)
    quick = worker.book.quickly
    for number in range(300):
        take(worker, f"{number}")
    assert worker.book.quickly == quick


# --- from time to time


def test_an_idle_pool_goes_back(cluster):
    worker = cluster.worker()
    reservation = take(worker, "first")
    held = cluster.pool.held()
    worker.book.tend()
    assert cluster.pool.held() == held
    reserved = cluster.spent()[1]
    cluster.passes(IDLE_US / SECOND)
    worker.beat()
    worker.book.tend()
    assert cluster.pool.held() == 0
    assert cluster.spent()[1] == reserved - held
    settle(worker, [reservation])


def test_what_was_taken_out_of_a_pool_and_not_given_back_is_free_when_its_worker_leaves(cluster, monkeypatch):
    worker, other = cluster.worker(), cluster.worker("other")
    spent = settle(worker, [take(worker, "first")])
    worker.flush()
    cluster.passes(IDLE_US / SECOND)
    other.beat()
    with monkeypatch.context() as patch:
        patch.setattr(worker.book, "give_back", lambda *args: (_ for _ in ()).throw(StoreError("not now")))
        worker.book.tend()
    assert cluster.pool.held() == 0
    worker.leave()  # before it has tried again
    for _ in range(2):
        other.beat()
        other.book.tend()
    assert cluster.spent() == (spent, 0)


def test_a_pool_is_emptied_when_its_generation_is_over_and_not_before(cluster, database):
    worker = cluster.worker()
    reservation = take(worker, "first")
    held = cluster.pool.held()
    assert held > 0
    worker.book._doubt = True
    database.trouble = "before"
    assert not worker.book._ready()
    assert cluster.pool.held() == held
    reserved = cluster.spent()[1]
    cluster.passes(AGAIN_S)
    assert worker.book._ready()
    assert cluster.spent()[1] == reserved - held
    settle(worker, [reservation])


def test_a_pool_of_a_budget_whose_cap_came_down_goes_back(cluster):
    worker = cluster.worker()
    take(worker, "first")
    assert cluster.pool.held() > 0
    cluster.book.define([Budget("org", 100, revision=1)])
    worker.book.tend()
    assert cluster.pool.held() == 0


def test_a_pool_of_another_revision_is_not_taken_of(cluster):
    worker = cluster.worker()
    take(worker, "first")
    revised = Budget("org", 10**6, revision=1)
    for number in range(300):
        take(worker, f"{number}", budgets=(revised,))
    assert cluster.pool.kept["org", "lifetime"][2] == 1


def test_a_pool_is_of_a_window(cluster):
    daily = Budget("daily", 10**6, period=Period("day"))
    worker = cluster.worker()
    reservations = [take(worker, f"{number}", budgets=(daily,)) for number in range(100)]
    cluster.passes(86_400)
    worker.beat()
    later = [take(worker, f"{number}+", budgets=(daily,)) for number in range(100)]
    assert {each.purses[0].window for each in reservations} & {each.purses[0].window for each in later} == set()
    settle(worker, reservations)
    spent = settle(worker, later, 30)
    worker.leave()
    assert cluster.spent(daily) == (spent, 0)


def test_one_of_all_who_tend_the_pool_does(cluster):
    one, two = cluster.worker("one"), cluster.worker("two")
    take(one, "first")
    one.book.tend()
    calls = []
    two.book._pool.rest = lambda *args: calls.append(args) or []
    two.book.tend()
    assert calls == []


def test_a_ledger_in_trouble_is_no_matter_of_the_pool(cluster, database):
    worker = cluster.worker()
    take(worker, "first")
    cluster.pool.forget()
    worker.book._doubt = True
    database.trouble = "before"
    assert not worker.book._ready()
    with pytest.raises(StoreError):
        database.trouble = "before"
        worker.book.tend()
