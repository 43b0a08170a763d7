"""Databases of the ledger in trouble: locked, damaged, gone, of another release; a server that hangs or throws us out."""

from __future__ import annotations

import sqlite3
import threading
import time

import psycopg
import pytest

from lockgate.policy.ledger import Budget
from lockgate.stores.ledger import postgres as postgres_module
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.ports import Uncertain
from lockgate.stores.ledger.postgres import PostgresLedger
from lockgate.stores.ledger.sqlite import SqliteLedger
from lockgate.stores.ports import StoreError
from support import postgres

ORG = Budget("org", 1000)


# --- SQLite


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


def test_a_file_that_somebody_else_has_locked_is_waited_for_and_no_longer_than_the_deadline(path):
    book = Book(SqliteLedger(path, deadline_s=0.05))
    book.define([ORG])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreError, match="locked by somebody else"):
        book.balance(ORG)
    assert time.monotonic() - began < 1
    other.execute("COMMIT")
    other.close()
    assert book.balance(ORG).spent == 0
    book.shut()


@pytest.mark.parametrize("make", [lambda path: path.write_bytes(b"no database at all" * 100), lambda path: path.mkdir()])
def test_what_is_no_database_is_told_by_its_path(path, make):
    make(path)
    book = Book(SqliteLedger(path))
    with pytest.raises(StoreError, match=r"ledger\.db"):
        book.define([ORG])
    assert repr(book) == f"Book(SqliteLedger({path}))"


def test_tables_of_a_later_release_are_left_alone(path):
    book = Book(SqliteLedger(path))
    book.define([ORG])
    book.shut()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE ledger_version SET version = 2")
    db.close()
    with pytest.raises(StoreError, match="later release"):
        Book(SqliteLedger(path)).define([ORG])


def test_a_commit_that_fails_leaves_the_file_to_be_opened_anew(path):
    database = SqliteLedger(path)
    book = Book(database)
    book.define([ORG])

    class Failing:
        def __init__(self, db):
            self.db = db

        def execute(self, sql, *values):
            if sql in broken:
                raise sqlite3.OperationalError("disk I/O error")
            return self.db.execute(sql, *values)

        def __getattr__(self, name):
            return getattr(self.db, name)

    broken = {"COMMIT"}
    database._connection = Failing(database._connection)
    with pytest.raises(Uncertain, match="disk I/O error"):
        book.define([Budget("org", 5, revision=1)])
    with database.transaction() as tables:
        assert tables.budgets(["org"])["org"].cap == 1000
    broken.add("ROLLBACK")
    database._connection = Failing(database._connection)
    with pytest.raises(RuntimeError), database.transaction():
        raise RuntimeError
    assert book.balance(ORG).spent == 0
    book.shut()
    book.shut()


def test_a_statement_that_fails_is_undone(path):
    database = SqliteLedger(path)
    with pytest.raises(StoreError), database.transaction() as tables:
        tables.put_budgets([ORG])
        tables._run("SELECT * FROM nowhere")
    with database.transaction() as tables:
        assert tables.budgets(["org"]) == {}
    database.close()


def test_what_the_database_has_undone_itself_stays_undone(path):
    database = SqliteLedger(path)
    with pytest.raises(RuntimeError), database.transaction() as tables:
        tables.put_budgets([ORG])
        tables._run("ROLLBACK")
        raise RuntimeError
    with database.transaction() as tables:
        assert tables.budgets(["org"]) == {}
    database.close()


def test_what_is_under_way_can_be_broken_off(path):
    database = SqliteLedger(path)
    database.interrupt()  # nothing is under way
    Book(database).define([ORG])
    timer = threading.Timer(0.05, database.interrupt)
    timer.start()
    with pytest.raises(StoreError, match="interrupted"), database.transaction() as tables:
        tables._run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n")
    timer.join()
    assert Book(database).balance(ORG).spent == 0
    database.close()


# --- PostgreSQL


@pytest.fixture
def url():
    return postgres.new_database()


def test_a_server_that_is_not_there_is_told(url):
    book = Book(PostgresLedger("postgresql://me:secret@127.0.0.1:1/db"))
    with pytest.raises(StoreError, match=r"postgresql://127\.0\.0\.1:1/db: ") as error:
        book.define([ORG])
    assert "secret" not in str(error.value) + repr(book)


def test_a_server_that_hangs_is_given_up_and_found_again(url):
    book = Book(PostgresLedger(url, deadline_s=0.2))
    book.define([ORG])
    with postgres.hung(url):
        began = time.monotonic()
        with pytest.raises(StoreError):
            book.balance(ORG)
        assert time.monotonic() - began < 5
    assert book.balance(ORG).spent == 0
    book.shut()
    book.shut()


def test_a_connection_that_was_ended_is_replaced_at_once(url):
    book = Book(PostgresLedger(url))
    book.define([ORG])
    postgres.close_connections(url)
    assert book.balance(ORG).spent == 0
    book.shut()


def test_what_hangs_can_be_broken_off(url):
    database = PostgresLedger(url)
    database.interrupt()  # nothing is under way
    Book(database).define([ORG])
    timer = threading.Timer(0.05, database.interrupt)
    timer.start()
    began = time.monotonic()
    with pytest.raises(StoreError), database.transaction() as tables:
        tables._run("SELECT pg_sleep(1.5)::text")
    assert time.monotonic() - began < 1
    timer.join()
    assert Book(database).balance(ORG).spent == 0
    database.close()


def test_a_row_that_somebody_holds_is_waited_for_and_no_longer_than_the_deadline(url):
    book = Book(PostgresLedger(url, deadline_s=0.2))
    book.define([ORG])
    with psycopg.connect(url) as other:
        other.execute("SELECT * FROM ledger_balance FOR UPDATE")
        with pytest.raises(StoreError, match="timeout"):
            book.balance(ORG)
    assert book.balance(ORG).spent == 0
    book.shut()


def test_a_commit_that_breaks_off_is_in_doubt(url):
    database = PostgresLedger(url)
    Book(database).define([ORG])
    with pytest.raises(Uncertain), database.transaction() as tables:
        tables.put_budgets([Budget("org", 5, revision=1)])
        database.interrupt()
    with database.transaction() as tables:
        assert tables.budgets(["org"])["org"].cap == 1000
    database.close()


def test_whatever_is_raised_undoes_it_all(url):
    database = PostgresLedger(url)
    with pytest.raises(RuntimeError), database.transaction() as tables:
        tables.put_budgets([ORG])
        raise RuntimeError
    with pytest.raises(RuntimeError), database.transaction() as tables:
        database.interrupt()
        raise RuntimeError
    with database.transaction() as tables:
        assert tables.budgets(["org"]) == {}
        assert tables.now_us > 0
    database.close()


def test_tables_of_a_later_release_at_a_server_are_left_alone(url):
    book = Book(PostgresLedger(url))
    book.define([ORG])
    book.shut()
    with psycopg.connect(url) as db:
        db.execute("UPDATE ledger_version SET version = 2")
    with pytest.raises(StoreError, match="later release"):
        Book(PostgresLedger(url)).define([ORG])


def test_workers_that_begin_at_once_make_the_tables_once(url):
    books = [Book(PostgresLedger(url)) for _ in range(4)]
    threads = [threading.Thread(target=book.define, args=([ORG],)) for book in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(url) as db:
        assert db.execute("SELECT version FROM ledger_version").fetchall() == [(1,)]
    for book in books:
        book.shut()


def test_an_error_without_words_is_told_by_its_kind():
    assert postgres_module._sentence(psycopg.OperationalError()) == "OperationalError"
