"""What was used of budgets, read on every store."""

from __future__ import annotations

import msgspec
import pytest

from lockgate.policy.ledger import Budget
from lockgate.policy.purse import Reservation
from lockgate.policy.window import Period
from lockgate.stores.ledger import standings as module
from lockgate.stores.ledger.sqlite import SqliteLedger
from lockgate.stores.ledger.standings import Standing, Standings
from support.ledger import SECOND

DAY = 86_400 * SECOND


@pytest.fixture
def standings(database):
    return Standings(database)


@pytest.fixture
def spend(book, desk):
    """Spends of budgets, and tells the ledger."""
    worker = desk()

    def spend(budget, amount, cost=None):
        book.define([budget])
        reservation = worker.reserve([budget], f"of {budget.id}", 0, (amount,) * 3)
        reservation.dispatch()
        worker.teller.settle(reservation, (amount if cost is None else cost,) * 3, 0)
        while not worker.flush():
            pass

    return spend


def test_what_nobody_has_used_is_not_there(standings):
    assert standings.of([Budget("key", 10)]) == {}
    assert list(standings.under("key", Period())) == []


def told(standings, budget):
    """What is told of a budget, and how much of it workers hold beside that."""
    ((name, standing),) = standings.of([budget, Budget("other", 5)]).items()
    assert name == budget.id
    return msgspec.structs.replace(standing, reserved=0), standing.reserved


def test_what_is_spent_is_used_and_what_is_reserved_is_not(standings, spend, desk):
    spend(Budget("key", 100), 30, 7)
    before = told(standings, Budget("key", 100))[1]
    assert isinstance(desk("other").reserve([Budget("key", 100)], "under way", 0, (20,) * 3), Reservation)
    used, reserved = told(standings, Budget("key", 100))
    assert used == Standing(7)
    assert before + 20 <= reserved <= 93, "and is told beside it"


def test_a_budget_of_which_all_is_used_is_exhausted(standings, spend):
    spend(Budget("key", 100), 100)
    assert told(standings, Budget("key", 100)) == (Standing(100, exhausted=True), 0)
    assert told(standings, Budget("key", 101)) == (Standing(100), 0), "and is not when its cap is raised"


def test_one_of_which_too_little_is_left_for_somebody_is_exhausted(standings, book, spend):
    budget = Budget("key", 100)
    spend(budget, 96)
    assert told(standings, budget)[0] == Standing(96)
    book.used_up(budget)
    assert told(standings, budget)[0] == Standing(96, exhausted=True)


def test_a_new_window_begins_with_nothing(standings, spend, clock):
    budget = Budget("key", 100, period=Period("day"))
    spend(budget, 100)
    assert standings.of([budget])["key"].exhausted
    clock.us += DAY
    assert standings.of([budget]) == {}


def test_budgets_are_found_by_how_their_ids_begin_in_their_window_alone(standings, spend):
    for id in ("policy:a:x", "policy:a:é~", "policy:b:x", "policy:a", "policy:a;"):
        spend(Budget(id, 100), 5)
    spend(Budget("policy:a:daily", 100, period=Period("day")), 5)
    assert list(standings.under("policy:a:", Period())) == [("policy:a:x", 5), ("policy:a:é~", 5)]
    assert list(standings.under("policy:a:", Period("day"))) == [("policy:a:daily", 5)]


def test_many_are_read_some_at_a_time(standings, spend, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    for n in range(5):
        spend(Budget(f"policy:a:{n}", 100), n + 1)
    assert list(standings.under("policy:a:", Period())) == [(f"policy:a:{n}", n + 1) for n in range(5)]


def test_reading_leaves_the_ledger_as_it_was(standings, database):
    standings.of([Budget("key", 10)])
    list(standings.under("key", Period()))
    with database.transaction() as tables:
        assert tables.everything() == ([], [], [])


def test_whoever_looks_waits_for_nobody_who_writes(tmp_path):
    """Of a file: a server's tables, and those in memory, are another matter."""
    path = tmp_path / "ledger.db"
    writer, reader = SqliteLedger(path), SqliteLedger(path, deadline_s=0.0)
    with writer.transaction() as tables:  # a disk may take seconds for a commit
        tables.balances({("key", Period().window(0).id): Period().window(0)})
        assert Standings(reader).of([Budget("key", 10)]) == {}
    assert list(Standings(reader).of([Budget("key", 10)])) == ["key"]
    reader.close()
    writer.close()
