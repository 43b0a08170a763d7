"""The control store's database as a SQLite file: the embedded default."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from lockgate.stores.control.driver import Clash, Connection, Values
from lockgate.stores.ports import StoreError

#: How long another writer is waited for, in seconds.
BUSY_S = 5.0
_UNIQUE = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")


class SqliteDriver:
    """One connection to a file that its owner alone may read; WAL, and every commit is on the disk when it returns."""

    types: ClassVar[dict[str, str]] = {"int": "INTEGER", "blob": "BLOB"}

    def __init__(self, path: Path, *, busy_s: float = BUSY_S) -> None:
        self._path = path
        self._turn = threading.RLock()
        with self._told():
            self._db = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
            try:
                path.chmod(0o600)
                self._use_wal(busy_s)
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.execute("PRAGMA foreign_keys=ON")
                self._seen = self._data_version()
            except (sqlite3.Error, OSError):
                self._db.close()
                raise

    def __repr__(self) -> str:
        return f"SqliteDriver({self._path})"

    def _use_wal(self, busy_s: float) -> None:
        """Of many who open a new file at once, SQLite tells some that it is locked, without waiting as it does elsewhere."""
        until = time.monotonic() + busy_s
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
            time.sleep(0.005)

    @contextmanager
    def reading(self) -> Generator[_Connection, None, None]:
        """See `Driver`."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Generator[_Connection, None, None]:
        """See `Driver`."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def has_table(self, connection: Connection, name: str) -> bool:
        """See `Driver`."""
        return bool(connection.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)))

    def same(self) -> bool:
        """See `Driver`. `data_version` tells of other connections' commits; those of this one are known to whoever made them,
        and counted as someone else's here."""
        with self._turn, self._told():
            now = self._data_version()
            same, self._seen = now == self._seen, now
        return same

    def close(self) -> None:
        """See `Driver`."""
        with self._turn:
            self._db.close()

    def _data_version(self) -> tuple[int, int]:
        return self._db.execute("PRAGMA data_version").fetchone()[0], self._db.total_changes

    @contextmanager
    def _transaction(self, begin: str) -> Generator[_Connection, None, None]:
        with self._turn:
            connection = _Connection(self._db, self._path)
            connection.run(begin)
            try:
                yield connection
                connection.run("COMMIT")
            finally:
                if self._db.in_transaction:
                    connection.run("ROLLBACK")

    def _told(self) -> AbstractContextManager[None]:
        return _told(self._path)


class _Connection:
    """See `driver.Connection`."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    def rows(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        with _told(self._path):
            return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, values: Values = ()) -> int:
        with _told(self._path):
            return self._db.execute(sql, values).rowcount


@contextmanager
def _told(path: Path) -> Generator[None, None, None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Clash(unique=error.sqlite_errorname in _UNIQUE) from None
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path}: {error}") from None
