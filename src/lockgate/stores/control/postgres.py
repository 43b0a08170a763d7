"""The control store's database at a PostgreSQL server. Needs the extra `lockgate[postgres]` (psycopg 3).

A server that hangs must not hang the gateway: every wait has a deadline on this side. A connection that has failed is thrown
away, and the next call makes another.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar, LiteralString, cast
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.abc import PQGen

from lockgate.stores.control.driver import Clash, Connection, Values
from lockgate.stores.ports import StoreError

#: The longest wait for a connection, and for an answer, in seconds.
CONNECT_S, DEADLINE_S = 3, 5.0
#: The advisory lock of whoever writes: "lockgate" as a number.
_WRITER = 0x6C6F636B67617465


class _Timed(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits all end."""

    deadline_s = DEADLINE_S

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `psycopg.Connection.wait`."""
        return super().wait(gen, interval, self.deadline_s if timeout is None else timeout)


class PostgresDriver:
    """One connection, made when it is needed."""

    types: ClassVar[dict[str, str]] = {"int": "BIGINT", "blob": "BYTEA"}

    def __init__(self, url: str, *, deadline_s: float = DEADLINE_S) -> None:
        self._url = url
        self._where = _shown(url)
        self._deadline_s = deadline_s
        self._turn = threading.RLock()
        self._db: _Timed | None = None

    def __repr__(self) -> str:
        return f"PostgresDriver({self._where})"

    @contextmanager
    def reading(self) -> Generator[_Connection, None, None]:
        """See `Driver`."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[_Connection, None, None]:
        """See `Driver`."""
        with self._transaction("BEGIN") as connection:
            connection.rows("SELECT pg_advisory_xact_lock(?)", (_WRITER,))
            yield connection

    def has_table(self, connection: Connection, name: str) -> bool:
        """See `Driver`."""
        return connection.rows("SELECT to_regclass(?)", (name,)) != [(None,)]

    def same(self) -> bool:
        """See `Driver`: only a query tells."""
        return False

    def close(self) -> None:
        """See `Driver`."""
        with self._turn:
            if self._db is not None:
                self._db.close()
                self._db = None

    @contextmanager
    def _transaction(self, begin: str) -> Generator[_Connection, None, None]:
        with self._turn:
            try:
                db = self._connected()
                db.execute(cast("LiteralString", begin))
                yield _Connection(db)
                db.execute("COMMIT")
            except psycopg.IntegrityError as error:
                self._undo()
                raise Clash(unique=isinstance(error, errors.UniqueViolation)) from None
            except psycopg.Error as error:
                self.close()
                raise StoreError(f"{self._where}: {_sentence(error)}") from None
            except BaseException:
                self._undo()
                raise

    def _connected(self) -> _Timed:
        if self._db is None:
            self._db = _Timed.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_S,
                application_name="lockgate",
                options=f"-c statement_timeout={int(self._deadline_s * 1000)} -c synchronous_commit=on",
            )
            self._db.deadline_s = self._deadline_s + 0.5  # the server's own deadline comes first, where it still can say so
        return self._db

    def _undo(self) -> None:
        try:
            if self._db is not None:
                self._db.execute("ROLLBACK")
        except psycopg.Error:
            self.close()  # the server undoes what was not committed


class _Connection:
    """See `driver.Connection`."""

    def __init__(self, db: _Timed) -> None:
        self._db = db

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(_with_percents(sql), values).fetchall()

    def run(self, sql: str, values: Values = ()) -> int:
        return self._db.execute(_with_percents(sql), values or None).rowcount


def _with_percents(sql: str) -> LiteralString:
    """psycopg's spelling of the values' places. (No SQL of ours has a `?` or `%` of its own.)"""
    return cast("LiteralString", sql.replace("?", "%s"))


def _shown(url: str) -> str:
    """A URL without its password."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.hostname or 'localhost'}{port}{parts.path}"


def _sentence(error: psycopg.Error) -> str:
    if isinstance(error, errors._WaitTimeout):
        return "the server does not answer"
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
