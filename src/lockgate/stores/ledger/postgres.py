"""The ledger at a PostgreSQL server, for workers on several machines. Needs the extra `lockgate[postgres]` (psycopg 3).

Whoever changes a balance holds its row until the commit; leases make that rare. The server's clock is everybody's. A server
that hangs must not hang a worker: every wait has a deadline on this side too, after which the connection is thrown away.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from secrets import token_hex
from typing import Any, LiteralString, cast
from urllib.parse import urlsplit

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict

from lockgate.stores.ledger.ports import Uncertain
from lockgate.stores.ledger.sql import SCHEMA, VERSION, Row, Speech, SqlTables, check_version
from lockgate.stores.ports import StoreError

#: The longest wait for a connection, and for an answer, in seconds.
CONNECT_S, DEADLINE_S = 2, 2.0
#: The advisory lock of whoever makes the tables: "ledger" as a number.
_MAKER = 0x6C6564676572
SPEECH = Speech(
    "%s",
    "= ANY(%s)",
    "FOR UPDATE",
    "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    lambda values: values,
    'COLLATE "C"',
)
_AT_REST = (psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR)
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


class _Timed(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits all end."""

    deadline_s = DEADLINE_S

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `psycopg.Connection.wait`."""
        return super().wait(gen, interval, self.deadline_s if timeout is None else timeout)


class PostgresLedger:
    """A `Database` at a server. `clock` gives µs since the epoch in place of the server's, for tests. Raises `StoreError` for a
    URL that is none."""

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S, clock: Callable[[], int] | None = None) -> None:
        try:
            conninfo_to_dict(url)
            self._where = _shown(url)
        except (psycopg.Error, ValueError):  # whose words may show the password
            raise StoreError("The ledger's URL cannot be read: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.") from None
        self._url = url
        self._deadline_s = deadline_s
        self._clock = clock
        self._connection: _Timed | None = None

    def __repr__(self) -> str:
        return f"PostgresLedger({self._where})"

    @contextmanager
    def transaction(self) -> Generator[SqlTables, None, None]:
        connection, now_us = self._begin()
        try:
            yield SqlTables(
                SPEECH,
                lambda sql, values: _run(connection, sql, values),
                lambda sql, rows: _many(connection, sql, rows),
                now_us,
            )
        except psycopg.Error as error:
            self._undo(connection)
            raise StoreError(f"{self._where}: {_sentence(error)}") from None
        except BaseException:
            self._undo(connection)
            raise
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            self.close()
            raise Uncertain(f"{self._where}: {_sentence(error)}") from None

    def reading(self) -> AbstractContextManager[SqlTables]:
        """See `Database`. Rows that are only looked at are locked by nobody here."""
        return self.transaction()

    def interrupt(self) -> None:
        """Break off what is under way: the connection dies in the hands of whoever waits for it."""
        connection = self._connection
        with suppress(OSError, psycopg.Error):
            if connection is not None:
                with socket.socket(fileno=socket.dup(connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _begin(self) -> tuple[_Timed, int]:
        """A transaction, and its time. A connection that died while nobody looked is replaced."""
        if self._connection is not None:
            try:
                return self._connection, self._started(self._connection)
            except psycopg.Error:
                self.close()
        try:
            self._connection = self._open()
            return self._connection, self._started(self._connection)
        except psycopg.Error as error:
            self.close()
            raise StoreError(f"{self._where}: {_sentence(error)}") from None

    def _started(self, connection: _Timed) -> int:
        connection.execute("BEGIN")
        return connection.execute(_NOW).fetchall()[0][0] if self._clock is None else self._clock()

    def _open(self) -> _Timed:
        ms = int(self._deadline_s * 1000)
        connection = _Timed.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_S,
            application_name="lockgate ledger",
            options=f"-c statement_timeout={ms} -c lock_timeout={ms} -c idle_in_transaction_session_timeout={ms // 2}"
            " -c synchronous_commit=on",
        )
        connection.deadline_s = self._deadline_s + 0.5  # the server's own deadline comes first, where it still can say so
        try:
            _make(connection, self._where)
        except (psycopg.Error, StoreError):
            connection.close()
            raise
        return connection

    def _undo(self, connection: _Timed) -> None:
        try:
            if connection.info.transaction_status in _AT_REST:
                connection.execute("ROLLBACK")
                return
        except psycopg.Error:
            pass
        self.close()  # the server undoes what was not committed


def _make(connection: _Timed, where: str) -> None:
    """Make the tables, unless they are there: to make sure of one more would lock those who work with it out. Raises
    `StoreError` for tables of a later release."""
    if connection.execute("SELECT to_regclass('ledger_version') IS NOT NULL").fetchall()[0][0]:
        check_version(connection.execute("SELECT version FROM ledger_version").fetchall(), where)
        return
    connection.execute("BEGIN")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKER,))
    for statement in SCHEMA:
        connection.execute(cast("LiteralString", SPEECH.say(statement)))
    if not check_version(connection.execute("SELECT version FROM ledger_version").fetchall(), where):
        connection.execute("INSERT INTO ledger_version VALUES (%s, %s)", (VERSION, token_hex(16)))
    connection.execute("COMMIT")


def _run(connection: _Timed, sql: str, values: Sequence[Any]) -> Sequence[Row]:
    return connection.execute(cast("LiteralString", sql), values or None).fetchall()


def _many(connection: _Timed, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(cast("LiteralString", sql), rows)


def _shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.hostname or 'localhost'}{port}{parts.path}"


def _sentence(error: psycopg.Error) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
