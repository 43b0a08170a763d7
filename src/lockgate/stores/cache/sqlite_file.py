"""The file of the cache in SQLite: its tables, how it is made, and how it is opened.

Many may find it missing at once: workers, and whoever looks at entries. One of them makes it, beside its place, and moves it
there when it is whole: nobody sees it without its tables, and nobody takes away what another one has written meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

#: How long one waits for another one's turn to write, in seconds.
BUSY_S = 5.0
_NAP_S = 0.005

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS entries (
        key BLOB PRIMARY KEY, id TEXT NOT NULL, time_us INTEGER NOT NULL, expires_us INTEGER NOT NULL, used_us INTEGER NOT NULL,
        organisation TEXT NOT NULL, workspace TEXT NOT NULL, namespace TEXT NOT NULL, provider TEXT NOT NULL,
        model TEXT NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS by_use ON entries (used_us);
    CREATE INDEX IF NOT EXISTS by_end ON entries (expires_us);
    CREATE INDEX IF NOT EXISTS by_id ON entries (id);
    CREATE INDEX IF NOT EXISTS by_place ON entries (organisation, workspace, namespace, model);
    PRAGMA user_version = 1;
"""
# A table that came later: made where it is missing. A row that is replaced is new, so that others see it.
_WORDINGS = """
    CREATE TABLE IF NOT EXISTS wordings (
        mark INTEGER PRIMARY KEY AUTOINCREMENT, partition BLOB NOT NULL, key BLOB NOT NULL UNIQUE, id TEXT NOT NULL,
        expires_us INTEGER NOT NULL, words BLOB NOT NULL, vector BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS by_partition ON wordings (partition, mark);
    CREATE TRIGGER IF NOT EXISTS words_go AFTER DELETE ON entries BEGIN DELETE FROM wordings WHERE key = old.key; END;
    CREATE TABLE IF NOT EXISTS purges (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER NOT NULL);
"""


def marks_of(path: Path) -> Path:
    """Where the marks of a cache's file stand."""
    return path.with_name(path.name + "-marks")


def open_to_read(path: Path, *, busy_s: float) -> sqlite3.Connection:
    """The file, which is there. Raises `sqlite3.Error`."""
    return sqlite3.connect(path, timeout=busy_s, isolation_level=None)


def open_to_write(path: Path) -> sqlite3.Connection:
    """The file, made when it is not there; a damaged one is made anew: it holds nothing that cannot be asked again. Raises
    `sqlite3.Error`, `OSError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _turn(path):
        if not path.exists():
            _make(path)
        try:
            return _with_tables(path)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
        _unlink(path)
        _make(path)
        return _with_tables(path)


@contextlib.contextmanager
def _turn(path: Path) -> Iterator[None]:
    """One at a time on this machine; the system ends the turn of a process that dies. Raises `OSError` for one that does not
    go on."""
    fd = os.open(path.with_name(path.name + "-turn"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        until = time.monotonic() + BUSY_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise TimeoutError(errno.ETIMEDOUT, "another process makes the file and does not go on") from None
            time.sleep(_NAP_S)
        yield
    finally:
        os.close(fd)


def _make(path: Path) -> None:
    new = path.with_name(path.name + "-new")
    _unlink(new)  # one that was begun by who died
    _with_tables(new).close()
    new.rename(path)


def _unlink(path: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _with_tables(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # what a power cut takes is asked again
        if db.execute("PRAGMA user_version").fetchone()[0] != 1:
            db.executescript("DROP TABLE IF EXISTS entries; DROP TABLE IF EXISTS wordings;" + _SCHEMA)
        db.executescript(_WORDINGS)
    except (sqlite3.Error, OSError):
        db.close()
        raise
    return db
