"""Workers of a ledger without threads: each step is made when a test says so. And databases that break when told to."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache

import psycopg

from lockgate.policy.ledger import Short
from lockgate.policy.purse import Account
from lockgate.policy.teller import Teller
from lockgate.stores.ledger.book import Finding
from lockgate.stores.ledger.clerk import Clerk
from lockgate.stores.ledger.journal import FileJournal
from lockgate.stores.ledger.memory import MemoryLedger
from lockgate.stores.ledger.ports import Fenced, Uncertain
from lockgate.stores.ledger.postgres import PostgresLedger
from lockgate.stores.ledger.sqlite import SqliteLedger
from lockgate.stores.ports import StoreError
from support.postgres import new_database

SECOND = 1_000_000

STORES = ("memory", "sqlite", "postgresql")


def open_database(store, path, clock):
    """An empty database of a kind, on a clock of ours."""
    if store == "memory":
        return MemoryLedger(clock)
    if store == "sqlite":
        return SqliteLedger(path / "ledger.db", clock=clock)
    # The server throws out whoever stands still in a transaction for half of the deadline, and so may a test on a busy machine.
    return PostgresLedger(emptied(), clock=clock, deadline_s=60.0)


@cache
def kept():
    """One database for all tests: to make one takes longer than most of them."""
    return new_database()


def emptied():
    """Its URL, with nothing in its tables."""
    with psycopg.connect(kept(), autocommit=True) as db:
        tables = [name for (name,) in db.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'ledger_%'")]
        if tables:
            db.execute(f"TRUNCATE {', '.join(name for name in tables if name != 'ledger_version')} RESTART IDENTITY")
    return kept()


class Clock:
    """A clock that is set."""

    def __init__(self, us=1_795_000_000 * SECOND):
        self.us = us

    def __call__(self):
        return self.us


class Breaking:
    """A database that breaks on demand: `before` a transaction begins, or `after` it has been committed (or not: `lost`)."""

    def __init__(self, database):
        self._database = database
        self.trouble = ""

    def __repr__(self):
        return f"Breaking({self._database})"

    @contextmanager
    def transaction(self):
        trouble, self.trouble = self.trouble, ""
        if trouble == "before":
            raise StoreError("cannot begin")
        if trouble == "lost":
            try:
                with self._database.transaction() as tables:
                    yield tables
                    raise _Lost
            except _Lost:
                raise Uncertain("broke off, and nothing was kept") from None
        with self._database.transaction() as tables:
            yield tables
        if trouble == "after":
            raise Uncertain("broke off, and everything was kept")

    def reading(self):
        return self._database.reading()

    def interrupt(self):
        self._database.interrupt()

    def close(self):
        self._database.close()


class _Lost(Exception):
    pass


class Desk:
    """One worker: a teller, a clerk and a journal, under an epoch; another epoch when it is fenced."""

    def __init__(self, book, directory, clock, name="worker", boot="one", slots=64):
        self.book, self.directory, self.clock, self.name, self.boot, self.slots = book, directory, clock, name, boot, slots
        self.accounts = {}
        self.draining = []
        self._begin()

    def _begin(self):
        self.clerk = Clerk(self.book, self.book.enroll(self.name), self._hear, self._over)
        self.journal = FileJournal(self.directory, self.clerk.epoch, slots=self.slots, boot=self.boot)
        self.teller = Teller(self.journal)
        self.fenced = False
        self._flush = None

    def account(self, budget):
        account = self.accounts.setdefault(budget.id, Account(budget))
        account.revise(budget)
        return account

    def reserve(self, budgets, id, attempt, amounts, *, tries=3):
        """A reservation, `Short`, or what went wrong."""
        accounts = [self.account(budget) for budget in budgets]
        for _ in range(tries):
            reservation = self.teller.reserve(accounts, id, attempt, amounts, self.clock())
            if reservation is not None:
                return reservation
            result = self._ask(accounts, amounts)
            if isinstance(result, Short | StoreError | Fenced):
                return result
        return None

    def _ask(self, accounts, amounts):
        wants = self.teller.wants(accounts, amounts, self.clock())
        if not wants:
            return StoreError("the journal is full")
        teller, results = self.teller, []

        def done(result):
            results.append(result)
            if isinstance(result, StoreError | Fenced):
                teller.denied(accounts, wants, kept=True)
            elif isinstance(result, Short):
                teller.denied(accounts, wants)
            else:
                teller.allot(accounts, wants, result, self.clock())

        self.clerk.put(tuple(wants), done)
        self.clerk.step()
        if self.fenced:
            self.renew()
        return results[0] if results else StoreError(f"in doubt: {self.book}")

    def flush(self):
        """Send the news; whether there is nothing left to send."""
        if self._flush is None:
            flush = self._flush = self.teller.flush(self.clock())
            if flush is None:
                return True
        flush, teller = self._flush, self.teller

        def done(result):
            if result is None:
                teller.flushed(flush.seq)
                self._flush = None
            elif isinstance(result, Fenced):
                teller.unflush(flush)
                self._flush = None

        if self.clerk.idle:
            self.clerk.put(flush, done)
        self.clerk.step()
        if self.fenced:
            self.renew()
        return False

    def beat(self):
        self.clerk.beat(self.teller.leases)
        self.clerk.step()
        if self.fenced:
            self.renew()

    def rest(self):
        self.teller.rest(list(self.accounts.values()), self.clock())

    def renew(self):
        """The epoch is over: what is open is seen to its end, and another one begins."""
        if self._flush is not None:
            self.teller.unflush(self._flush)
        self.draining.append((self.clerk.epoch, self.teller, self.journal))
        for account in self.accounts.values():
            account.drop()
        self._begin()

    def drain(self):
        """End old epochs in which nothing is open."""
        for old in list(self.draining):
            epoch, teller, journal = old
            if not teller.open:
                self.book.end(epoch, Finding(teller.beyond()))
                journal.close(gone=True)
                self.draining.remove(old)

    def leave(self):
        """As at the end of a process that has seen to everything."""
        self.teller.retire()
        while not self.flush():
            pass
        self.drain()
        self.book.end(self.clerk.epoch, Finding(self.teller.beyond()))
        self.journal.close(gone=True)

    def die(self):
        """As by SIGKILL: the kernel lets go of the files, and they stay."""
        self.journal.close(gone=False)
        for _, _, journal in self.draining:
            journal.close(gone=False)

    def _hear(self, heard, now_us):
        for each in heard:
            self.teller.hear(each.number, each.share, each.hard)

    def _over(self, why):
        self.fenced = True
