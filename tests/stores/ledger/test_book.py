"""The durable ledger, the same on every store."""

from __future__ import annotations

import os

import pytest

from lockgate.policy.ledger import Alert, Balance, Budget, Lease, Line, Short, Want
from lockgate.policy.purse import Reservation
from lockgate.policy.teller import Flush
from lockgate.policy.window import LIFETIME, Period
from lockgate.stores.ledger.audit import audit
from lockgate.stores.ledger.book import Doubt, Finding
from lockgate.stores.ledger.journal import FileJournal
from lockgate.stores.ledger.ports import Fenced, Orphan
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.ports import StoreError
from support.ledger import SECOND

ORG, KEY, TOKENS, SOFT = (
    Budget("org", 1000),
    Budget("key", 300),
    Budget("tokens", 500, "tokens"),
    Budget("soft", 10, hard=False),
)
DAILY = Budget("daily", 1000, period=Period("day"))


def sums(book, budget):
    balance = book.balance(budget)
    return balance.spent, balance.reserved, balance.overage


def sent(desk, budgets, id, amounts):
    reservation = desk.reserve(budgets, id, 0, amounts)
    assert isinstance(reservation, Reservation)
    reservation.dispatch()
    return reservation


def test_what_is_reserved_settled_and_returned_adds_up(book, desk):
    worker = desk()
    reservation = sent(worker, [ORG, TOKENS], "r", (100, 50, 1))
    assert sums(book, ORG)[1] >= 100
    worker.teller.settle(reservation, (60, 20, 1), 0)
    worker.leave()
    assert sums(book, ORG) == (60, 0, 0)
    assert sums(book, TOKENS) == (20, 0, 0)
    assert book.audit() == []
    assert book.epochs() == []


def test_all_budgets_are_reserved_or_none(book, desk):
    got = desk().reserve([ORG, KEY], "r", 0, (301, 0, 1))
    assert got == Short(KEY, "exhausted", 301, 300, None)
    assert sums(book, ORG) == (0, 0, 0)


def test_a_parent_is_charged_what_its_children_are(book, desk):
    worker = desk()
    for number in range(8):
        budget = Budget(f"key-{number % 3}", 500)
        worker.teller.settle(sent(worker, [ORG, budget], str(number), (50, 0, 1)), (10 + number, 0, 1), 0)
    worker.leave()
    children = sum(book.balance(Budget(f"key-{number}", 500)).spent for number in range(3))
    assert sums(book, ORG)[0] == children == sum(range(10, 18))


def test_what_others_hold_is_contended_and_what_is_spent_is_exhausted(book, desk):
    one, two = desk("one"), desk("two")
    first = sent(one, [KEY], "r", (300, 0, 1))
    assert two.reserve([KEY], "s", 0, (1, 0, 1)) == Short(KEY, "contended", 1, 300, None)
    one.teller.settle(first, (300, 0, 1), 0)
    one.flush()
    assert two.reserve([KEY], "s", 0, (1, 0, 1)) == Short(KEY, "exhausted", 1, 0, None)


def test_workers_use_a_budget_to_the_last_unit(book, desk):
    workers = [desk(str(number)) for number in range(4)]
    served, refused = 0, set()
    while len(refused) < 4:
        for worker in workers:
            got = worker.reserve([KEY], f"{served}", 0, (7, 0, 1))
            if isinstance(got, Short):
                worker.rest()
                refused.add(worker.name)
            else:
                got.dispatch()
                worker.teller.settle(got, (7, 0, 1), 0)
                served += 1
            worker.flush()
            worker.beat()
    assert served == 300 // 7
    assert sums(book, KEY)[0] == 294


def test_a_soft_budget_never_refuses_and_counts_everything(book, desk):
    worker = desk()
    for number in range(3):
        worker.teller.settle(sent(worker, [SOFT], f"{number}", (100, 0, 1)), (100, 0, 1), 0)
    worker.leave()
    assert sums(book, SOFT) == (300, 0, 0)
    assert book.audit() == []


def test_a_window_begins_with_nothing_spent_and_the_old_one_keeps_what_is_its_own(book, desk, clock):
    worker = desk()
    reservation = sent(worker, [DAILY], "r", (900, 0, 1))
    yesterday = clock.us
    clock.us += 86_400 * SECOND
    fresh = sent(worker, [DAILY], "s", (900, 0, 1))
    worker.teller.settle(reservation, (800, 0, 1), clock())
    worker.teller.settle(fresh, (5, 0, 1), clock())
    worker.leave()
    assert sums(book, DAILY) == (5, 0, 0)
    clock.us = yesterday
    assert sums(book, DAILY) == (800, 0, 0)


def test_a_clock_that_steps_back_fills_no_budget_again(book, desk, clock):
    worker = desk()
    clock.us += 86_400 * SECOND
    worker.teller.settle(sent(worker, [DAILY], "r", (900, 0, 1)), (900, 0, 1), clock())
    worker.leave()
    before = clock.us
    for step in (-86_400, 86_400, -7200):
        clock.us += step * SECOND
    clock.us = before
    assert isinstance(desk("next").reserve([DAILY], "s", 0, (101, 0, 1)), Short)


# --- caps that change


def test_a_lowered_cap_holds_at_once_for_what_is_granted(book, desk):
    worker = desk()
    worker.teller.settle(sent(worker, [ORG], "r", (600, 0, 1)), (600, 0, 1), 0)
    worker.flush()
    book.define([Budget("org", 500, revision=1)])
    worker.rest()
    got = worker.reserve([ORG], "s", 0, (300, 0, 1))  # which knows of the old cap alone
    assert isinstance(got, Short)
    assert got.budget.cap == 500
    assert (got.why, got.room) == ("exhausted", 0)
    assert book.audit() == []


def test_a_lease_is_called_back_when_the_cap_was_lowered(book, desk):
    worker = desk()
    sent(worker, [ORG], "r", (10, 0, 1))
    book.define([Budget("org", 15, revision=1)])
    worker.beat()
    worker.flush()
    assert sums(book, ORG) == (0, 10, 0)


def test_a_raised_cap_gives_room(book, desk):
    worker = desk()
    sent(worker, [KEY], "r", (300, 0, 1))
    got = worker.reserve([Budget("key", 900, revision=1)], "s", 0, (600, 0, 1))
    assert isinstance(got, Reservation)
    assert book.audit() == []


def test_an_older_revision_changes_nothing(book):
    book.define([Budget("org", 5, revision=3)])
    book.define([Budget("org", 9, revision=2)])
    with book._database.transaction() as tables:
        assert tables.budgets(["org"])["org"].cap == 5


def test_a_budget_cannot_measure_something_else(book):
    book.define([Budget("org", 5)])
    with pytest.raises(ValueError, match="measures cost; tokens need another one"):
        book.define([Budget("org", 5, "tokens", revision=1)])


def test_a_soft_budget_that_becomes_hard_holds(book, desk):
    worker = desk()
    worker.teller.settle(sent(worker, [SOFT], "r", (100, 0, 1)), (100, 0, 1), 0)
    worker.flush()
    got = worker.reserve([Budget("soft", 120, revision=1)], "s", 0, (21, 0, 1))
    assert isinstance(got, Short)
    assert isinstance(worker.reserve([Budget("soft", 120, revision=1)], "s", 0, (20, 0, 1)), Reservation)
    worker.flush()
    assert book.audit() == []


# --- crashes


def test_what_a_dead_worker_had_under_way_is_charged_in_full_and_the_rest_is_free(book, desk, tmp_path):
    worker = desk()
    settled, held, under_way = (
        sent(worker, [ORG], each, (100, 0, 1)) if each != "held" else worker.reserve([ORG], "held", 0, (100, 0, 1))
        for each in ("settled", "held", "sent")
    )
    assert held.state == 1
    worker.teller.settle(settled, (30, 0, 1), 0)
    assert under_way.state == 2
    worker.die()
    assert recover(book, tmp_path / "journals", boot="one") == 1
    assert sums(book, ORG) == (130, 0, 0)
    assert recover(book, tmp_path / "journals", boot="one") == 0
    assert book.correct("sent", 0, (45, 0, 1))
    assert not book.correct("sent", 0, (45, 0, 1))
    assert not book.correct("settled", 0, (1, 0, 1))
    assert sums(book, ORG) == (75, 0, 0)
    assert book.audit() == []


def test_what_the_ledger_has_already_is_not_counted_again(book, desk, tmp_path):
    worker = desk()
    worker.teller.settle(sent(worker, [ORG], "r", (100, 0, 1)), (30, 0, 1), 0)
    flush = worker.teller.flush(0)
    book.transact(worker.clerk.epoch, 99, [flush])  # and it dies before it hears of it
    worker.die()
    recover(book, tmp_path / "journals", boot="one")
    assert sums(book, ORG) == (30, 0, 0)


def test_after_the_machine_went_down_all_that_was_held_is_charged(book, desk, tmp_path):
    worker = desk()
    worker.teller.settle(sent(worker, [KEY], "r", (100, 0, 1)), (30, 0, 1), 0)
    held = sums(book, KEY)[1]
    worker.die()
    assert recover(book, tmp_path / "journals", boot="two") == 1
    assert sums(book, KEY) == (held, 0, 0)
    assert book.audit() == []


def test_the_journal_of_another_ledger_is_left_alone_until_it_is_old(book, desk, tmp_path):
    """Its epoch's number may be a living worker's on another machine."""
    living = desk()
    reservation = sent(living, [ORG], "r", (10, 0, 1))
    journal = FileJournal(tmp_path / "elsewhere", living.clerk.epoch, "another", slots=1, boot="one")
    journal.close(gone=False)
    assert recover(book, tmp_path / "elsewhere", boot="one") == 0
    assert journal.path.exists()
    assert living.teller.settle(reservation, (10, 0, 1), 0)
    living.flush()
    assert book.epoch(living.clerk.epoch).state == "open"
    assert sums(book, ORG)[0] == 10
    os.utime(journal.path, (0, 0))
    assert recover(book, tmp_path / "elsewhere", boot="one") == 0
    assert not journal.path.exists()


def test_a_journal_of_an_epoch_that_nobody_knows_is_left_alone_until_it_is_old(book, desk, tmp_path):
    worker = desk()
    path = worker.journal.path.rename(worker.journal.path.with_name("000000000777.journal"))
    worker.die()
    assert recover(book, tmp_path / "journals", boot="one") == 0
    assert path.exists()


def test_a_silent_worker_is_swept_and_cannot_go_on(book, desk, clock, tmp_path):
    worker = desk()
    reservation = sent(worker, [ORG], "r", (100, 0, 1))
    held = sums(book, ORG)[1]
    clock.us += 31 * SECOND
    assert recover(book, tmp_path / "journals", boot="one") == 1
    assert sums(book, ORG) == (held, 0, 0)
    worker.teller.settle(reservation, (40, 0, 1), clock())
    with pytest.raises(Fenced):
        book.transact(worker.clerk.epoch, 50, [Flush(1, ())])
    worker.flush()
    assert worker.draining
    assert isinstance(worker.reserve([KEY], "s", 0, (10, 0, 1)), Reservation)
    worker.drain()
    assert sums(book, ORG) == (40, 0, 0)
    assert not worker.draining
    assert book.audit() == []


def test_a_worker_that_is_heard_is_not_swept(book, desk, clock, tmp_path):
    worker = desk()
    clock.us += 29 * SECOND
    worker.beat()
    clock.us += 29 * SECOND
    assert recover(book, tmp_path / "journals", boot="one") == 0


def test_an_epoch_ends_once(book, desk):
    worker = desk()
    worker.leave()
    assert not book.end(worker.clerk.epoch, Finding({1: (99, 0)}))
    book.sweep(worker.clerk.epoch)
    book.sweep(777)
    assert not book.end(777, Finding({}))
    assert book.audit() == []


# --- a store that breaks off


@pytest.mark.parametrize("trouble", ["before", "after", "lost"])
def test_news_are_told_once_whatever_breaks(book, desk, database, trouble):
    worker = desk()
    worker.teller.settle(sent(worker, [ORG], "r", (100, 0, 1)), (30, 0, 1), 0)
    database.trouble = trouble
    worker.flush()
    worker.leave()
    assert sums(book, ORG) == (30, 0, 0)


@pytest.mark.parametrize("trouble", ["before", "lost"])
def test_a_question_that_was_never_heard_grants_nothing(book, desk, database, trouble):
    worker = desk()
    database.trouble = trouble
    assert isinstance(worker.reserve([ORG], "r", 0, (10, 0, 1)), StoreError)
    assert sums(book, ORG) == (0, 0, 0)
    assert isinstance(worker.reserve([ORG], "r", 0, (10, 0, 1)), Reservation)


def test_a_question_whose_answer_was_lost_is_answered_all_the_same(book, desk, database):
    worker = desk()
    database.trouble = "after"
    assert isinstance(worker.reserve([ORG], "r", 0, (10, 0, 1)), Reservation)
    worker.teller.void(worker.teller.overdue(2**62)[0])
    worker.leave()
    assert sums(book, ORG) == (0, 0, 0)


def test_a_batch_in_doubt_says_what_became_of_it_if_it_was_applied(book, desk, database):
    worker = desk()
    database.trouble = "after"
    with pytest.raises(Doubt) as doubt:
        book.transact(worker.clerk.epoch, 1, [Flush(0, ())])
    assert doubt.value.answer.results == (None,)
    assert book.epoch(worker.clerk.epoch).batch == 1


# --- alerts


def test_each_threshold_is_told_once_a_window(book, desk):
    budget = Budget("key", 300, alerts=(100, 200))
    worker = desk()
    for number, paid in enumerate((90, 120, 80)):
        worker.teller.settle(
            sent(worker, [budget], f"{number}", (90 if number == 0 else 130 if number == 1 else 80, 0, 1)), (paid, 0, 1), 0
        )
        while not worker.flush():
            pass
    alerts = book.alerts()
    assert [(alert.threshold, alert.spent) for alert in alerts] == [(100, 210), (200, 210)]
    book.told(alerts[:1])
    assert book.alerts() == alerts[1:]
    book.told(alerts)
    book.define([Budget("key", 250, alerts=(100, 200), revision=1)])
    assert [alert.threshold for alert in book.alerts()] == [250]  # the cap has come down to what is spent
    assert isinstance(book.alerts()[0], Alert)


# --- keeping house


def test_old_windows_are_forgotten_with_all_that_belongs_to_them(book, desk, clock, tmp_path):
    worker = desk()
    sent(worker, [Budget("daily", 100, period=Period("day"), alerts=(1,))], "r", (90, 0, 1))
    worker.die()
    recover(book, tmp_path / "journals", boot="one")
    busy = desk("busy")
    sent(busy, [Budget("other", 100, period=Period("day"))], "s", (90, 0, 1))
    clock.us += 3 * 86_400 * SECOND
    assert book.prune(clock.us - 86_400 * SECOND) == 1
    assert not book.correct("r", 0, (1, 0, 1))
    assert book.alerts() == []
    with book._database.transaction() as tables:
        balances, leases, orphans = tables.everything()
    assert [balance.budget for balance in balances] == ["other"]
    assert [lease.budget for lease in leases] == ["other"]
    assert orphans == []


def test_leases_that_are_done_with_are_put_together(book, desk):
    worker = desk()
    for number in range(6):
        budget = ORG if number % 2 else TOKENS
        worker.teller.settle(sent(worker, [budget], f"{number}", (100, 50, 1)), (60 + number, 20, 1), 0)
        worker.clock.us += 11 * SECOND
        worker.rest()  # the lease is returned, and the next attempt takes another
        while not worker.flush():
            pass
    held = sent(worker, [ORG], "held", (100, 50, 1))
    before = sums(book, ORG), sums(book, TOKENS)
    assert [book.fold(limit=4), book.fold(limit=4), book.fold(limit=4)] == [4, 2, 0]
    assert (sums(book, ORG), sums(book, TOKENS)) == before
    assert book.audit() == []
    with book._database.transaction() as tables:
        leases = tables.everything()[1]
    assert sorted((lease.epoch, lease.budget, lease.posted) for lease in leases if lease.state == "closed") == [
        (0, "org", 61 + 63 + 65),
        (0, "tokens", 60),
    ]
    worker.teller.settle(held, (1, 0, 1), 0)
    worker.leave()
    assert book.fold() == 1
    assert sums(book, ORG) == (61 + 63 + 65 + 1, 0, 0)
    assert book.audit() == []


def test_a_lease_with_something_to_be_corrected_is_not_put_together(book, desk, tmp_path):
    worker = desk()
    sent(worker, [ORG], "r", (100, 0, 1))
    worker.die()
    recover(book, tmp_path / "journals", boot="one")
    assert book.doubtful() == [("r", 0)]
    assert book.doubtful(("r", 0)) == []
    assert book.fold() == 0
    assert book.correct("r", 0, (40, 0, 1))
    assert book.doubtful() == []
    assert book.fold() == 1
    assert sums(book, ORG) == (40, 0, 0)
    assert book.audit() == []


def test_what_nobody_knows_better_of_stays_charged(book, desk, clock, tmp_path):
    for sound in (True, False):
        worker = desk()
        sent(worker, [ORG], "r", (100, 0, 1))
        worker.die()
        if sound:
            recover(book, tmp_path / "journals", boot="one")
        else:
            book.sweep(worker.clerk.epoch)
    spent = sums(book, ORG)
    living = desk()
    book.give_up(clock.us)
    assert len(book.epochs()) == 2
    clock.us += SECOND
    living.beat()
    book.give_up(clock.us)
    assert [epoch.number for epoch in book.epochs()] == [living.clerk.epoch]
    assert not book.correct("r", 0, (40, 0, 1))
    assert sums(book, ORG) == spent
    assert book.fold() == 2
    assert book.audit() == []


def test_who_was_heard_in_the_future_is_silent_after_as_long_as_others(book, desk, clock):
    desk()
    clock.us -= 3600 * SECOND
    assert book.silent() == []
    clock.us += 31 * SECOND
    assert len(book.silent()) == 1


def test_who_never_asked_for_anything_is_done_with_when_he_is_lost(book, desk, clock):
    worker = desk()
    book.sweep(worker.clerk.epoch)
    assert book.epochs() == []
    worker.beat()
    assert len(worker.draining) == 1  # and goes on in another epoch


def test_an_open_epoch_is_not_written_off(book, desk):
    worker = desk()
    sent(worker, [ORG], "r", (100, 0, 1))
    assert not book.write_off(worker.clerk.epoch)
    assert not book.write_off(777)


def test_an_epochs_number_is_never_used_again(book, clock):
    first = book.enroll("one")
    book.end(first, Finding({}))
    clock.us += SECOND
    book.give_up(clock.us)
    assert book.epoch(first) is None
    assert book.enroll("two") > first


def test_one_has_a_duty_at_a_time(book, clock):
    assert book.lead("sweep", "one", 10 * SECOND)
    assert book.lead("dust", "two", 10 * SECOND)
    assert not book.lead("sweep", "two", 10 * SECOND)
    clock.us += 15 * SECOND
    assert book.lead("sweep", "one", 10 * SECOND)  # and has it for another while
    clock.us += 15 * SECOND
    assert not book.lead("sweep", "two", 10 * SECOND)
    clock.us += 10 * SECOND
    assert book.lead("sweep", "two", 10 * SECOND)
    assert not book.lead("sweep", "one", 10 * SECOND)


def test_a_clock_that_is_set_back_leaves_no_duty_undone(book, clock):
    assert book.lead("sweep", "one", 10 * SECOND)
    clock.us -= 86_400 * SECOND
    assert book.lead("sweep", "two", 10 * SECOND)


def test_an_audit_tells_what_contradicts_itself():
    wrong = Balance("b", LIFETIME, 10, spent=20, reserved=-1, overage=0)
    lease = Lease(1, 1, "b", "lifetime", True, granted=5, posted=9)
    shut = Lease(1, 2, "b", "lifetime", True, granted=5, posted=3, state="closed")
    found = audit([wrong], [lease, shut], [Orphan("r", 0, 1, 1, 7, 5)])
    assert [each.partition(":")[0] for each in found] == [
        "b lifetime",
        "b lifetime",
        "b lifetime",
        "lease 1/1",
        "lease 1/2",
        "orphan r/0 measures 7",
    ]


def test_a_database_refuses_what_no_ledger_would_write(book, desk, database):
    if "Memory" in repr(database):
        pytest.skip("nobody checks what is in memory")
    sent(desk(), [ORG], "r", (10, 0, 1))
    with pytest.raises(StoreError, match=r"(?i)check"), database.transaction() as tables:
        tables.put_balances([Balance("org", LIFETIME, 1000, spent=1, reserved=1000)])
    with pytest.raises(StoreError, match=r"(?i)check"), database.transaction() as tables:
        tables.put_leases([Lease(1, 1, "org", "lifetime", True, granted=1, posted=2)])
    assert book.audit() == []


@pytest.mark.parametrize(
    "line",
    [
        Line(1, 10**6, 0, 0, False),  # more than it has
        Line(1, -1, 0, 0, False),
        Line(1, 0, 0, 10**6, False),
        Line(1, 0, 0, 0, True),  # done with, and holds something
        Line(77, 1, 0, 0, False),  # nobody knows of it
    ],
)
def test_a_line_that_cannot_be_ends_the_epoch_with_all_that_it_holds_charged(book, desk, line):
    worker = desk()
    reservation = sent(worker, [ORG], "r", (10, 0, 1))
    held = sums(book, ORG)[1]
    with pytest.raises(Fenced, match="contradicts the ledger"):
        book.transact(worker.clerk.epoch, 2, [Flush(1, (line,))])
    assert sums(book, ORG) == (held, 0, 0)
    assert book.audit() == []
    worker.flush()
    worker.beat()  # the worker hears of it, and goes on
    assert len(worker.draining) == 1
    reservation.teller.settle(reservation, (7, 0, 1), 0)
    assert isinstance(worker.reserve([ORG], "s", 0, (10, 0, 1)), Reservation)


def test_a_question_that_cannot_be_ends_the_epoch(book, desk):
    worker = desk()
    sent(worker, [ORG], "r", (10, 0, 1))
    for want in (
        Want(KEY, 1, 1, 1, 9),  # a lease of another budget
        Want(ORG, 1, 1, 77, 9, 5),  # gives back what nobody knows of
    ):
        epoch = desk("other").clerk.epoch if want.give else worker.clerk.epoch
        with pytest.raises(Fenced, match="contradicts the ledger"):
            book.transact(epoch, 2, [(want,)])
    assert book.audit() == []


def test_an_end_that_cannot_be_charges_all_that_was_held(book, desk):
    worker = desk()
    sent(worker, [ORG], "r", (10, 0, 1))
    held = sums(book, ORG)[1]
    with pytest.raises(StoreError, match="contradicts the ledger"):
        book.end(worker.clerk.epoch, Finding({1: (10**6, 0)}))
    assert sums(book, ORG) == (held, 0, 0)
    assert book.epochs() == []
    assert not book.end(worker.clerk.epoch, Finding({}))
    assert book.audit() == []


def test_a_budget_whose_time_zone_is_not_known_here_is_told(book, desk, database):
    if "Memory" in repr(database):
        pytest.skip("what is in memory was never written down")
    book.define([DAILY])
    with database.transaction() as tables:
        tables._run("UPDATE ledger_budget SET said = replace(said, 'UTC', 'Moon/Crater') RETURNING id")
    with pytest.raises(StoreError, match=r"daily cannot be read here.*Moon/Crater"):
        desk().book.transact(1, 1, [(Want(DAILY, 1, 1, 0, 1),)])
