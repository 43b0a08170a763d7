"""The ledger in SQLite: the embedded default, one file that all workers of a machine share.

WAL and `synchronous=FULL`: what is committed survives the process and the machine. One transaction writes at a time; who waits
for its turn asks again every millisecond or so, no longer than its deadline. After an error that leaves a commit in doubt, or
that a disk has caused, the file is opened anew: what could not be synced is never believed (the fsync trap of 2018,
https://www.postgresql.org/docs/current/wal-reliability.html).
"""

from __future__ import annotations

import json
import random
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from lockgate.stores.ledger.ports import Uncertain
from lockgate.stores.ledger.sql import SCHEMA, VERSION, Speech, SqlTables, check_version
from lockgate.stores.ports import StoreError

#: How long a transaction waits for its turn, in seconds.
DEADLINE_S = 2.0
_NAP_S = 0.001
SPEECH = Speech("?", "IN (SELECT value FROM json_each(?))", "", "INTEGER PRIMARY KEY AUTOINCREMENT", json.dumps, "")
_VERSION = "SELECT version FROM ledger_version"
_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


class SqliteLedger:
    """A `Database` in a file. `clock` gives µs since the epoch.

    Every transaction is made in one thread, which need not be the one that made this.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int] = now_us, deadline_s: float = DEADLINE_S) -> None:
        self._path = path
        self._clock = clock
        self._deadline_s = deadline_s
        self._connection: sqlite3.Connection | None = None

    def __repr__(self) -> str:
        return f"SqliteLedger({self._path})"

    def transaction(self) -> AbstractContextManager[SqlTables]:
        """See `Database`."""
        return self._within("BEGIN IMMEDIATE")

    def reading(self) -> AbstractContextManager[SqlTables]:
        """See `Database`. In WAL, who reads and who writes do not wait for each other."""
        return self._within("BEGIN")

    @contextmanager
    def _within(self, begin: str) -> Generator[SqlTables, None, None]:
        connection = self._begin(begin)
        try:
            yield SqlTables(
                SPEECH,
                lambda sql, values: connection.execute(sql, values).fetchall(),
                lambda sql, rows: _many(connection, sql, rows),
                self._clock(),
            )
        except BaseException as error:
            self._undo(connection)
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"{self._path}: {error}") from None
            raise
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.close()
            raise Uncertain(f"{self._path}: {error}") from None

    def interrupt(self) -> None:
        """Break off what is under way."""
        connection = self._connection
        if connection is not None:
            with suppress(sqlite3.Error):  # it is being closed
                connection.interrupt()

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _begin(self, begin: str) -> sqlite3.Connection:
        """A transaction; one that may write, when it is our turn."""
        until = time.monotonic() + self._deadline_s
        while True:
            try:
                if self._connection is None:
                    self._connection = self._open()
                self._connection.execute(begin)
                return self._connection
            except (sqlite3.Error, OSError) as error:
                # `OSError` has no such code.
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _TAKEN:
                    self.close()
                    raise StoreError(f"{self._path}: {error}") from None
            if time.monotonic() > until:
                raise StoreError(f"{self._path} is locked by somebody else for {self._deadline_s:g} s")
            time.sleep(_NAP_S * (0.5 + random.random()))

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            if not self._has_tables(connection):
                self._make_tables(connection)
        except (sqlite3.Error, OSError, StoreError):
            connection.close()
            raise
        return connection

    def _has_tables(self, connection: sqlite3.Connection) -> bool:
        """Whether all tables are there. Who finds them needs no turn to write. Raises `StoreError`."""
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'ledger_version'").fetchone():
            return False
        return check_version(connection.execute(_VERSION).fetchall(), str(self._path))

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(SPEECH.say(statement))
        if not check_version(connection.execute(_VERSION).fetchall(), str(self._path)):
            connection.execute("INSERT INTO ledger_version VALUES (?, ?)", (VERSION, token_hex(16)))
        connection.execute("COMMIT")

    def _undo(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.close()  # which undoes it as well


def _many(connection: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    connection.executemany(sql, rows)
