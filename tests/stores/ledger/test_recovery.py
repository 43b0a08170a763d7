"""stores/ledger/recovery: what the log knows of attempts that were charged by estimate."""

from __future__ import annotations

import pytest

from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.policy.ledger import Budget
from lockgate.stores.ledger import recovery
from lockgate.stores.ledger.recovery import reconcile, recover
from lockgate.stores.ports import StoreError

ORG, TOKENS = Budget("org", 1000), Budget("tokens", 500, "tokens")


@pytest.fixture
def orphaned(book, desk, tmp_path):
    """Two attempts of one request whose worker died."""
    worker = desk()
    for attempt in range(2):
        worker.reserve([ORG, TOKENS], "r", attempt, (100, 50, 1)).dispatch()
    worker.die()
    recover(book, tmp_path / "journals", boot="one")
    assert book.balance(ORG).spent == 200
    return book


def spent(book):
    return book.balance(ORG).spent, book.balance(TOKENS).spent


def test_the_log_corrects_each_attempt_that_it_knows(orphaned):
    attempts = [Attempt(cost_nusd=30, input=3, output=4), Attempt(cost_nusd=60, input=5, output=5)]
    record = Record("r", 0, attempts=attempts, usage=Usage(input=8, output=9), usage_source="provider", cost_nusd=90)
    assert reconcile(orphaned, [record]) == 2
    assert spent(orphaned) == (90, 17)
    assert reconcile(orphaned, [record]) == 0
    assert orphaned.audit() == []


def test_what_is_said_of_a_request_is_said_of_its_only_attempt(orphaned):
    record = Record("r", 0, attempts=[Attempt()], usage=Usage(input=8, output=9), usage_source="provider", cost_nusd=90)
    assert reconcile(orphaned, [record]) == 1
    assert spent(orphaned) == (190, 67)


@pytest.mark.parametrize(
    "record",
    [
        Record("r", 0, attempts=[Attempt()], usage=Usage(input=8), usage_source="estimated", cost_nusd=90),
        Record("r", 0, attempts=[Attempt()], usage=Usage(input=8), usage_source="provider"),
        Record("r", 0, attempts=[Attempt(kind="server", cost_nusd=0), Attempt()], usage_source="provider"),
        Record("other", 0, attempts=[Attempt()], usage=Usage(), usage_source="provider", cost_nusd=90),
    ],
)
def test_what_nobody_knows_for_sure_corrects_nothing(orphaned, record):
    assert reconcile(orphaned, [record]) == 0
    assert spent(orphaned) == (200, 100)


def test_a_journal_stays_until_the_ledger_has_it(book, desk, database, tmp_path):
    worker = desk()
    worker.reserve([ORG], "r", 0, (100, 50, 1)).dispatch()
    worker.die()
    database.trouble = "before"
    with pytest.raises(StoreError):
        recover(book, tmp_path / "journals", boot="one")
    assert recover(book, tmp_path / "journals", boot="one") == 1
    assert book.balance(ORG).spent == 100


def test_a_lease_that_is_closed_is_left_alone(book, desk, clock, tmp_path):
    worker = desk()
    first = worker.reserve([ORG, TOKENS], "r", 0, (100, 50, 1))
    worker.teller.settle(first, (10, 5, 1), clock())
    worker.teller.retire()
    flush = worker.teller.flush(clock())
    book.transact(worker.clerk.epoch, 9, [flush])  # and the worker dies before it hears of it
    worker.die()
    assert recover(book, tmp_path / "journals", boot="one") == 1
    assert spent(book) == (10, 5)
    assert list(recovery.dead_journals(tmp_path / "journals")) == []


def test_a_journal_that_cannot_be_read_into_the_ledger_keeps_nobody_from_the_others(book, desk, database, tmp_path):
    for name in ("one", "two"):
        worker = desk(name)
        worker.reserve([ORG], name, 0, (100, 50, 1)).dispatch()
        worker.die()
    for _ in range(3):
        database.trouble = "before"
        with pytest.raises(StoreError):
            recover(book, tmp_path / "journals", boot="one")
    assert recover(book, tmp_path / "journals", boot="one") == 2
    assert book.balance(ORG).spent == 200
