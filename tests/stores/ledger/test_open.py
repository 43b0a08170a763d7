"""Opening the ledger by its URL, and what people are told whose URL is wrong."""

from __future__ import annotations

import asyncio
import sys

import pytest

from lockgate.policy.ledger import Budget
from lockgate.stores.ledger.open import open_book, open_database, open_ledger
from lockgate.stores.ports import StoreError
from support.postgres import new_database

ORG = Budget("org", 1000)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_one_worker_has_reserved_the_next_one_finds(kind, tmp_path):
    url = f"sqlite:///{tmp_path}/a%20ledger.db" if kind == "sqlite" else new_database()

    async def spend():
        ledger = open_ledger(url, tmp_path / "journals", "one", report=pytest.fail)
        await ledger.start()
        got = await ledger.hold([ledger.account(ORG)], "r", 0, (300, 0, 1))
        ledger.settle(got, (200, 0, 1))
        await ledger.close()

    asyncio.run(spend())
    book = open_book(url)
    assert book.balance(ORG).spent == 200
    book.shut()


def test_a_path_may_begin_here_or_at_the_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(open_database("sqlite:///ledger.db")) == "SqliteLedger(ledger.db)"
    assert repr(open_database(f"sqlite:///{tmp_path}/ledger.db")) == f"SqliteLedger({tmp_path}/ledger.db)"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "sqlite:// or postgresql://"),
        ("mysql://me:secret@db/ledger", "sqlite:// or postgresql://"),
        ("/var/lib/ledger.db", "sqlite:// or postgresql://"),
        ("sqlite://", "followed by the path of a file"),
        ("sqlite:///", "followed by the path of a file"),
        ("sqlite://ledger.db", "followed by the path of a file"),
        ("sqlite:////nowhere/at/all/ledger.db", "make the folder /nowhere/at/all"),
        ("postgresql://me:secret@db:port/ledger", "cannot be read"),
        ("postgresql://me:secret@db/ledger?mode=fast", "cannot be read"),
        ("postgresql://me:secret@[db/ledger", "cannot be read"),
    ],
)
def test_a_url_that_names_no_ledger_is_told_what_to_write(url, sentence):
    with pytest.raises(StoreError, match=sentence) as error:
        open_database(url)
    assert "secret" not in str(error.value)


def test_postgresql_without_its_driver_says_how_to_install_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "lockgate.stores.ledger.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'lockgate\[postgres\]'"):
        open_database("postgresql://db/ledger")


def test_what_else_is_missing_is_no_matter_of_the_driver(monkeypatch):
    monkeypatch.delitem(sys.modules, "lockgate.stores.ledger.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "lockgate.stores.ledger.sql", None)
    with pytest.raises(ModuleNotFoundError):
        open_database("postgresql://db/ledger")
