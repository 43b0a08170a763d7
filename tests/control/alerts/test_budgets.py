"""control/alerts/budgets: what the ledger has seen crossed, as alerts."""

import pytest

from lockgate.control.alerts.alert import Subject, title
from lockgate.control.alerts.budgets import Crossings, amounts
from lockgate.policy.ledger import MOST, Budget
from lockgate.policy.window import Period
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.memory import MemoryLedger
from support.alerts import NOW
from support.ledger import Desk

DOLLAR = 1_000_000_000


@pytest.fixture
def book():
    return Book(MemoryLedger(lambda: NOW))


@pytest.fixture
def spent(book, tmp_path):
    """Spends of a budget."""

    def spend(budget, amount):
        desk = Desk(book, tmp_path, lambda: NOW)
        reservation = desk.reserve([budget], "r", 0, (amount, amount, amount))
        reservation.dispatch()
        desk.teller.settle(reservation, (amount, amount, amount), NOW)
        desk.leave()

    return spend


def key(cap=100 * DOLLAR, **more):
    return Budget("key:k1", cap, alerts=amounts(cap, (80, 100)), period=Period("month"), scope="key marketing", **more)


def whose(budget):
    return Subject("key", "k1", "marketing", "org", "w1", "work") if budget.id == "key:k1" else None


def test_thresholds_are_amounts():
    assert amounts(100, (80, 100)) == (80, 100)
    assert amounts(3, (50, 100)) == (2, 3)
    assert amounts(100, (80, 80), also=85) == (80, 85)
    assert amounts(100, (), also=0) == (0,)
    assert amounts(0, (80,)) == ()
    assert amounts(MOST, (80, 200, -1)) == (-(-MOST * 80 // 100),)


def test_a_crossing_is_told_until_somebody_has_it(book, spent):
    crossings = Crossings(book, whose)
    assert crossings.pending(10) == []
    spent(key(), 85 * DOLLAR)
    (alert,) = crossings.pending(10)
    assert crossings.pending(10) == [alert]
    assert title(alert) == "80% of the budget of key marketing is used: $85.00 of $100.00."
    assert (alert.subject.slug, alert.window, alert.severity, alert.note) == ("work", "month 2026-11-01", "warning", "")
    assert alert.ends_us == 1_796_083_200_000_000
    crossings.told([alert])
    assert crossings.pending(10) == []
    spent(key(), 15 * DOLLAR)
    (full,) = crossings.pending(10)
    assert full.id != alert.id
    assert full.severity == "critical"
    assert full.note == (
        "Requests that would need more of it are refused until it begins anew at 2026-12-01T00:00:00Z, or is raised."
    )


def test_only_so_many_are_told_at_a_time(book, spent):
    crossings = Crossings(book, whose)
    spent(key(), 100 * DOLLAR)
    (first,) = crossings.pending(1)
    crossings.told([first])
    (second,) = crossings.pending(1)
    assert [first.threshold, second.threshold] == [80 * DOLLAR, 100 * DOLLAR]


def test_a_budget_whose_owner_nobody_knows_is_told_by_its_name(book, spent):
    spent(Budget("b1", 10, "tokens", hard=False, scope="policy by team: search"), 10)
    spent(Budget("b2", 10, "requests"), 10)
    one, two = Crossings(book, whose).pending(10)
    assert title(one) == "The budget of gateway policy by team: search is used up: 10 tokens of 10 tokens."
    assert (one.note, one.subject.organisation, one.ends_us) == ("", "", 0)  # a soft one refuses nobody
    assert (two.subject.name, two.measure) == ("b2", "requests")
    assert two.note == "Requests that would need more of it are refused until it is raised."


def test_a_budget_that_the_ledger_has_forgotten_is_told_all_the_same(book, spent, monkeypatch):
    spent(key(), 85 * DOLLAR)
    monkeypatch.setattr(book, "budgets", lambda ids: {})
    (alert,) = Crossings(book, whose).pending(10)
    assert (alert.subject.about, alert.limit) == ("key", 100 * DOLLAR)


def test_somebody_who_was_refused_is_told_of_as_well(book, spent):
    spent(key(), 60 * DOLLAR)
    crossings = Crossings(book, whose)
    book.used_up(key())
    assert crossings.pending(10) == []  # he wanted too much at once
    spent(key(), 36 * DOLLAR)
    book.used_up(key())
    book.used_up(key())
    eighty, refused = crossings.pending(10)
    assert title(refused) == "The budget of key marketing is as good as used up, and a request was refused: $96.00 of $100.00."
    crossings.told([eighty, refused])
    spent(key(), 4 * DOLLAR)
    book.used_up(key())
    assert crossings.pending(10) == []  # once a window


def test_the_book_is_shut_with_it():
    database = MemoryLedger(lambda: NOW)
    closed = []
    database.close = lambda: closed.append(True)
    crossings = Crossings(Book(database), whose)
    assert repr(crossings).startswith("Crossings(Book(")
    crossings.close()
    assert closed == [True]
