"""The cache in an SQLite file that all workers of a machine share. It outlives them.

A worker reads in its event loop: a point lookup in a write-ahead log, which no writer holds up, costs some 20 µs. What is to be
written is handed to a thread of its own; until it stands in the file it is found in memory. Trouble with the file is told once
a minute, and is a miss.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import zstandard

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import Kept, Meant
from lockgate.stores.ports import StoreError

#: Bytes of answers that may wait to be written; what comes then is not kept.
WAITING_BYTES = 64 * 1024 * 1024
#: When an entry was used is written down to this, in µs.
_USED_US = 60_000_000
#: Entries that are written, or forgotten for want of room, in one transaction.
_BATCH, _EVICTED = 200, 50
#: Room is made until this share of it is taken.
_ENOUGH = 0.9
_TELL_S = 60.0
_BUSY_S = 5.0
_COMPRESSED = 512

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
_KEEP = f"INSERT OR REPLACE INTO entries VALUES ({', '.join('?' * 12)})"  # noqa: S608 - question marks
_FIND = "SELECT expires_us, used_us, data FROM entries WHERE key = ?"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CachedAnswer).decode


class _Drop(msgspec.Struct):
    key: bytes


class _Touch(msgspec.Struct):
    key: bytes
    now_us: int


_Job = tuple[bytes, CachedAnswer] | _Drop | _Touch | None


class SqliteCache:
    """A `CacheStore` of at most so many bytes; what was not used longest goes first. To be made in the process that uses it."""

    def __init__(self, path: Path, most_bytes: int, *, report: Callable[[str], None]) -> None:
        self._path = path
        self._most = most_bytes
        self._report = report
        self._told_at = -_TELL_S
        self._db: sqlite3.Connection | None = None
        self._decompressor = zstandard.ZstdDecompressor()
        self._waiting: dict[bytes, CachedAnswer] = {}
        self._waiting_bytes = 0
        self._touched: dict[bytes, int] = {}
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"SqliteCache({self._path}, {len(self._waiting)} answers to be written)"

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """See `CacheStore`."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting if waiting.expires_us > now_us else None
        try:
            if self._db is None:
                if not self._path.exists():
                    return None
                self._db = _open(self._path, busy_s=0.0)
            row = self._db.execute(_FIND, (key,)).fetchone()
            if row is None or row[0] <= now_us:
                return None
            if row[1] < now_us - _USED_US:
                self._touch(key, now_us)
            return _decode(self._decompressor.decompress(row[2]))
        except sqlite3.Error as error:
            self._forget_connection()
            self._tell(f"cannot read {self._path}: {error}")
        except (msgspec.DecodeError, zstandard.ZstdError) as error:
            self._tell(f"an entry of {self._path} cannot be read: {error}")
            self.drop(key)
        return None

    def keep(self, key: bytes, answer: CachedAnswer) -> None:
        """See `CacheStore`."""
        size = len(answer.body)
        with self._lock:
            before = self._waiting.get(key)
            if self._waiting_bytes + size > WAITING_BYTES or size > self._most // 4:
                return
            self._waiting_bytes += size - (len(before.body) if before is not None else 0)
            self._waiting[key] = answer
        self._put((key, answer))

    def drop(self, key: bytes) -> None:
        """See `CacheStore`."""
        with self._lock:
            before = self._waiting.pop(key, None)
            if before is not None:
                self._waiting_bytes -= len(before.body)
        self._put(_Drop(key))

    async def close(self) -> None:
        """See `CacheStore`."""
        if self._writer is not None:
            self._jobs.put(None)
            self._writer.join(_BUSY_S)
            self._writer = None
        self._forget_connection()

    def _touch(self, key: bytes, now_us: int) -> None:
        if now_us - self._touched.get(key, 0) > _USED_US:
            if len(self._touched) > 10_000:
                self._touched.clear()
            self._touched[key] = now_us
            self._put(_Touch(key, now_us))

    def _put(self, job: _Job) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_all, name="cache", daemon=True)
            self._writer.start()
        self._jobs.put(job)

    def _forget_connection(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def _tell(self, sentence: str) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_S:
            self._told_at = now
            self._report(f"cache: {sentence}")

    # --- in the thread

    def _write_all(self) -> None:
        db: sqlite3.Connection | None = None
        compressor = zstandard.ZstdCompressor(level=1)
        over = False
        while not over:
            jobs = [self._jobs.get()]
            while len(jobs) < _BATCH and not self._jobs.empty():
                jobs.append(self._jobs.get())
            over = None in jobs
            try:
                if db is None:
                    db = _made(self._path)
                _write(db, jobs, compressor)
                _make_room(db, self._most)
            except (sqlite3.Error, OSError) as error:
                self._tell(f"cannot write to {self._path}: {error}")
                if db is not None:
                    db.close()
                    db = None
            finally:
                self._written(jobs)
        if db is not None:
            db.close()

    def _written(self, jobs: Sequence[_Job]) -> None:
        """These stand in the file now, or never will."""
        with self._lock:
            for job in jobs:
                if isinstance(job, tuple) and self._waiting.get(job[0]) is job[1]:
                    del self._waiting[job[0]]
                    self._waiting_bytes -= len(job[1].body)


class SqliteShelf:
    """The `CacheShelf` of the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"SqliteShelf({self._path})"

    def entries(self, meant: Meant, limit: int = 50, offset: int = 0) -> list[Kept]:
        """See `CacheShelf`."""
        where, values = _where(meant)
        columns = ", ".join(Kept.__struct_fields__)
        with self._opened() as db:
            rows = db.execute(
                f"SELECT {columns} FROM entries WHERE {where} ORDER BY time_us DESC, key LIMIT ? OFFSET ?",  # noqa: S608 - ours
                (*values, limit, offset),
            )
            return [Kept(*row) for row in rows]

    def size(self, meant: Meant) -> tuple[int, int]:
        """See `CacheShelf`."""
        where, values = _where(meant)
        with self._opened() as db:
            count, size = db.execute(f"SELECT count(*), ifnull(sum(size), 0) FROM entries WHERE {where}", values).fetchone()  # noqa: S608
            return count, size

    def purge(self, meant: Meant) -> int:
        """See `CacheShelf`."""
        where, values = _where(meant)
        with self._opened() as db:
            return db.execute(f"DELETE FROM entries WHERE {where}", values).rowcount  # noqa: S608 - ours

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(_made(self._path)) as db:
                yield db
        except sqlite3.Error as error:
            raise StoreError(f"The cache cannot be reached: {self._path}: {error}") from None
        except OSError as error:
            raise StoreError(f"The cache cannot be reached: {self._path}: {error.strerror}") from None


def _write(db: sqlite3.Connection, jobs: Sequence[_Job], compressor: zstandard.ZstdCompressor) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for job in jobs:
            match job:
                case _Drop(key):
                    db.execute("DELETE FROM entries WHERE key = ?", (key,))
                case _Touch(key, now_us):
                    db.execute("UPDATE entries SET used_us = ? WHERE key = ?", (now_us, key))
                case None:
                    pass
                case (key, answer):
                    data = compressor.compress(_encode(answer))
                    place = (answer.organisation, answer.workspace, answer.namespace, answer.provider, answer.model)
                    times = (answer.time_us, answer.expires_us, answer.time_us)
                    db.execute(_KEEP, (key, answer.id, *times, *place, len(data), data))
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _make_room(db: sqlite3.Connection, most: int) -> None:
    """Forget what has expired; then, while the file holds too much, what was not used longest."""
    if _taken(db) <= most:
        return
    db.execute("DELETE FROM entries WHERE expires_us <= ?", (time.time_ns() // 1000,))
    while _taken(db) > most * _ENOUGH:
        oldest = "SELECT key FROM entries ORDER BY used_us LIMIT ?"
        if not db.execute(f"DELETE FROM entries WHERE key IN ({oldest})", (_EVICTED,)).rowcount:  # noqa: S608 - ours
            return


def _taken(db: sqlite3.Connection) -> int:
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size


def _where(meant: Meant) -> tuple[str, list[str | int]]:
    names = ("organisation", "workspace", "model", "provider", "id")
    said: dict[str, str | int] = {f"{name} = ?": getattr(meant, name) for name in names if getattr(meant, name)}
    if meant.namespace is not None:
        said["namespace = ?"] = meant.namespace
    if meant.before_us is not None:
        said["time_us < ?"] = meant.before_us
    return " AND ".join(said) or "1", list(said.values())


def _made(path: Path) -> sqlite3.Connection:
    """The file, made when it is not there; a damaged one is made anew: it holds nothing that cannot be asked again."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _with_tables(path)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _with_tables(path)


def _with_tables(path: Path) -> sqlite3.Connection:
    db = _open(path, busy_s=_BUSY_S)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # what a power cut takes is asked again
        if db.execute("PRAGMA user_version").fetchone()[0] != 1:
            db.executescript("DROP TABLE IF EXISTS entries;" + _SCHEMA)
        path.chmod(0o600)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _open(path: Path, *, busy_s: float) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=busy_s, isolation_level=None)
