"""Connections to the server of the log: made when they are needed, kept for the next who asks, and none of whose waits is
endless.

Whatever the server cannot do is a `StoreError` that says where it is (without its password) and what to look at.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, LiteralString, cast
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict

from lockgate.stores.logs.patience import MOST_S, too_long
from lockgate.stores.ports import StoreError

#: The longest wait for a connection, and for an answer, in seconds.
CONNECT_S, DEADLINE_S = 5, MOST_S
#: Connections that are kept while nobody uses them.
_IDLE = 4
_REST = (psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR)


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose waits all end."""

    deadline_s = DEADLINE_S

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `psycopg.Connection.wait`."""
        return super().wait(gen, interval, self.deadline_s if timeout is None else timeout)

    def rows(self, sql: str, values: Mapping[str, Any] | tuple[Any, ...] | None = None) -> list[tuple[Any, ...]]:
        """What a query finds. Numbers and bytes come in the server's own form, which is read faster than texts."""
        with self.cursor(binary=True) as cursor:
            return cursor.execute(cast("LiteralString", sql), values).fetchall()

    def run(self, sql: str, values: Mapping[str, Any] | tuple[Any, ...] | None = None) -> int:
        """Change something; how many rows."""
        return self.execute(cast("LiteralString", sql), values).rowcount


class Link:
    """The way to a server. Threads may share it. `prepare` is called with each new connection; `busy_s` is how long to wait for
    a lock. Raises `StoreError` for a URL that is none."""

    def __init__(
        self, url: str, prepare: Callable[[Connection], None], *, busy_s: float = 5.0, deadline_s: float = DEADLINE_S
    ) -> None:
        try:
            conninfo_to_dict(url)
            self.where = _shown(url)
        except (psycopg.Error, ValueError):  # whose words may show the password
            raise StoreError("The log's URL cannot be read: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.") from None
        self._url = url
        self._prepare = prepare
        self._busy_s = busy_s
        self._deadline_s = deadline_s
        self._turn = threading.Lock()
        self._idle: list[Connection] = []

    def __repr__(self) -> str:
        return f"Link({self.where}, {len(self._idle)} idle)"

    @contextmanager
    def writing(self) -> Generator[Connection, None, None]:
        """A transaction, committed when its block ends well and undone when it does not."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def reading(self) -> Generator[Connection, None, None]:
        """A transaction that sees one state of the database."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", reads=True) as db:
            yield db

    def close(self) -> None:
        """Let go of the connections that nobody uses."""
        with self._turn:
            idle, self._idle = self._idle, []
        for db in idle:
            _close(db)

    @contextmanager
    def _transaction(self, begin: str, *, reads: bool = False) -> Generator[Connection, None, None]:
        db = self._begun(begin)
        try:
            yield db
            db.execute("COMMIT")
        except psycopg.Error as error:
            self._undo(db)
            if reads and isinstance(error, errors.QueryCanceled):
                raise too_long(self._deadline_s) from None
            raise StoreError(self._sentence(error)) from None
        except BaseException:
            self._undo(db)
            raise
        self._keep(db)

    def _begun(self, begin: str) -> Connection:
        """A connection in a new transaction. One that died while nobody looked is replaced."""
        while True:
            with self._turn:
                db = self._idle.pop() if self._idle else None
            if db is None:
                break
            try:
                db.execute(cast("LiteralString", begin))
                return db
            except psycopg.Error:
                _close(db)
        try:
            db = self._open()
        except psycopg.Error as error:
            raise StoreError(self._sentence(error)) from None
        try:
            self._prepare(db)
            db.execute(cast("LiteralString", begin))
        except psycopg.Error as error:
            _close(db)
            raise StoreError(self._sentence(error)) from None
        except BaseException:
            _close(db)
            raise
        return db

    def _open(self) -> Connection:
        ms = int(self._deadline_s * 1000)
        db = Connection.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,  # a plan for all days would look into all of them
            connect_timeout=CONNECT_S,
            client_encoding="utf8",
            application_name="lockgate log",
            options=f"-c statement_timeout={ms} -c lock_timeout={max(int(self._busy_s * 1000), 1)}"
            f" -c client_min_messages=warning -c jit=off -c work_mem=32MB",
        )
        db.deadline_s = self._deadline_s + 0.5  # the server's own deadline comes first, where it still can say so
        return db

    def _undo(self, db: Connection) -> None:
        try:
            if db.info.transaction_status in _REST:
                db.execute("ROLLBACK")
                self._keep(db)
                return
        except psycopg.Error:
            pass
        _close(db)  # the server undoes what was not committed

    def _keep(self, db: Connection) -> None:
        with self._turn:
            if len(self._idle) < _IDLE:
                self._idle.append(db)
                return
        _close(db)

    def _sentence(self, error: psycopg.Error) -> str:
        """What has happened, and what to do."""
        what = str(error).strip().splitlines()
        said = what[0] if what else type(error).__name__
        for kinds, remedy in _REMEDIES:
            if isinstance(error, kinds):
                return f"{self.where}: {remedy.format(said)}"
        return f"{self.where}: {said}"


_REMEDIES: tuple[tuple[tuple[type[psycopg.Error], ...], str], ...] = (
    ((errors._WaitTimeout, errors.QueryCanceled), "the server does not answer in time; look at its load, or ask for less time"),
    ((errors.LockNotAvailable,), "somebody else holds what is to be changed ({}); it is tried again"),
    ((errors.DiskFull,), "the server's disk is full: make room, or set log.retention_days lower"),
    ((errors.InvalidPassword, errors.InvalidAuthorizationSpecification), "{}; check user and password in the log's URL"),
    ((errors.InsufficientPrivilege,), "{}; the log's user must own its tables and may create them"),
    ((errors.InvalidCatalogName,), "{}; make the database, or name another in the log's URL"),
    ((psycopg.OperationalError,), "{}; see that the server runs and that the log's URL (log.store) is right"),
)


def _close(db: Connection) -> None:
    with suppress(psycopg.Error):
        db.close()


def _shown(url: str) -> str:
    """A URL without user, password and options."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.hostname or 'localhost'}{port}{parts.path}"
