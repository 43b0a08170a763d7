"""The cache in an SQLite file that all workers of a machine share. It outlives them.

A worker reads in its event loop: a point lookup in a write-ahead log, which no writer holds up, costs some 50 µs with the
unpacking; what is asked for often is held in memory (`front.py`) and costs one. What is to be written is handed to a thread of
its own; until it stands in the file it is found in memory. Trouble with the file is told once a minute, and is a miss.

The words by which answers are found are rows beside them, which go with their answer, however that goes. Workers read those
of a partition once, and then what is new.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.backlog import USED_US, Backlog, Change
from lockgate.stores.cache.front import Front
from lockgate.stores.cache.marks import Marks, open_marks
from lockgate.stores.cache.meaning import COLUMNS, clause, row
from lockgate.stores.cache.packed import Damaged, Packing
from lockgate.stores.cache.port import Kept, Meant, Wording, Wordings
from lockgate.stores.cache.sqlite_file import BUSY_S, marks_of, open_to_read, open_to_write
from lockgate.stores.cache.trouble import Voice
from lockgate.stores.ports import StoreError

#: Entries that are forgotten for want of room, in one statement, at most.
_EVICTED = 500
#: Room is made until this share of it is taken.
_ENOUGH = 0.9
#: Bytes of answers that a worker holds in memory.
_FRONT_BYTES = 32 * 1024 * 1024

_WORD = "INSERT OR REPLACE INTO wordings (partition, key, id, expires_us, words, vector) VALUES (?, ?, ?, ?, ?, ?)"
_WORDS = """
    SELECT mark, partition, key, id, expires_us, words, vector FROM wordings
    WHERE partition = ? AND mark > ? ORDER BY mark LIMIT ?
"""
_KEEP = f"INSERT OR REPLACE INTO entries (key, {COLUMNS}, data) VALUES ({', '.join('?' * 12)})"  # noqa: S608 - ours
# Of some that were not used longest as many as have so many bytes.
_FORGET = """
    DELETE FROM entries WHERE key IN (
        SELECT key FROM (
            SELECT key, size, sum(size) OVER (ORDER BY used_us, key) AS freed
            FROM (SELECT key, size, used_us FROM entries ORDER BY used_us LIMIT ?)
        ) WHERE freed - size < ?
    )
"""
_FIND = "SELECT expires_us, used_us, data FROM entries WHERE key = ?"


class SqliteCache:
    """A `WordingStore` of at most so many bytes; what was not used longest goes first. Made in the process that uses it."""

    def __init__(self, path: Path, most_bytes: int, *, report: Callable[[str], None]) -> None:
        self._path = path
        self._most = most_bytes
        self._voice = Voice(report)
        self._packing = Packing()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._marks: Marks | None = None
        self._front: Front | None = None
        self._backlog = Backlog(self._write, self._close_writer)

    def __repr__(self) -> str:
        return f"SqliteCache({self._path}, {self._backlog})"

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """See `CacheStore`."""
        waiting = self._backlog.find(key)
        if waiting is not None:
            return waiting.given(now_us)
        front = self._front
        if front is not None and (held := front.find(key, now_us)) is not None:
            return held
        try:
            if self._reader is None:
                if not self._path.exists():
                    return None
                self._reader = open_to_read(self._path, busy_s=0.0)
                front = self._opened_front()
            seen = None if front is None else front.seen(key)
            found = self._reader.execute(_FIND, (key,)).fetchone()
            if found is None or found[0] <= now_us:
                return None
            if found[1] < now_us - USED_US:
                self._backlog.use(key, now_us)
            answer = self._packing.unpack(found[2])
            if front is not None and seen is not None:
                front.hold(key, answer, seen, now_us)
            return answer
        except sqlite3.Error as error:
            self._close_reader()
            self._voice.say(f"cannot read {self._path}: {error}")
        except Damaged as damage:
            self._voice.say(f"an entry of {self._path} cannot be read: {damage}")
            self.drop(key)
        return None

    def keep(self, key: bytes, answer: CachedAnswer, wording: Wording | None = None) -> None:
        """See `WordingStore`."""
        if len(answer.body) <= self._most // 4:
            self._backlog.keep(key, answer, wording)

    def drop(self, key: bytes) -> None:
        """See `CacheStore`."""
        self._backlog.drop(key)

    async def wordings(self, partition: bytes, after: int, most: int, now_us: int) -> Wordings | None:
        """See `WordingStore`."""
        return await asyncio.to_thread(self._read_wordings, partition, after, most, now_us)

    def is_written(self, key: bytes) -> bool:
        """See `CacheStore`."""
        return self._backlog.find(key) is None

    async def close(self) -> None:
        """See `CacheStore`."""
        await self._backlog.close()
        self._close_reader()

    def _opened_front(self) -> Front | None:
        """The front, for which the marks are needed."""
        if self._front is None and (marks := open_marks(marks_of(self._path))) is not None:
            self._front = Front(marks, min(_FRONT_BYTES, self._most // 4))
        return self._front

    def _close_reader(self) -> None:
        if self._reader is not None:
            with contextlib.suppress(sqlite3.Error):
                self._reader.close()
            self._reader = None

    # --- in a thread

    def _read_wordings(self, partition: bytes, after: int, most: int, now_us: int) -> Wordings | None:
        if not self._path.exists():
            return Wordings((), 0, 0)
        try:
            with contextlib.closing(open_to_read(self._path, busy_s=BUSY_S)) as db:
                if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'purges'").fetchone():
                    return Wordings((), 0, 0)
                purges = db.execute("SELECT sum(count) FROM purges").fetchone()[0] or 0
                rows = db.execute(_WORDS, (partition, after, most)).fetchall()
        except sqlite3.Error as error:
            self._voice.say(f"cannot read {self._path}: {error}")
            return None
        found = [
            Wording(place, key, id, expires_us, words.decode("utf-8", "surrogatepass"), vector)
            for _, place, key, id, expires_us, words, vector in rows
            if expires_us > now_us
        ]
        return Wordings(found, rows[-1][0] if rows else after, purges)

    # --- in the backlog's thread

    def _write(self, changes: Sequence[Change], uses: Mapping[bytes, int]) -> float:
        try:
            if self._writer is None:
                self._writer = open_to_write(self._path)
                self._marks = self._marks or open_marks(marks_of(self._path))
            _write(self._writer, changes, uses, self._packing)
            if self._marks is not None:
                for change in changes:
                    self._marks.mark(change.key)
            _make_room(self._writer, self._most)
        except (sqlite3.Error, OSError) as error:
            self._voice.say(f"cannot write to {self._path}: {error}")
            self._close_writer()
        return 0.0

    def _close_writer(self) -> None:
        if self._writer is not None:
            with contextlib.suppress(sqlite3.Error):
                self._writer.close()
            self._writer = None


class SqliteShelf:
    """The `CacheShelf` of the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"SqliteShelf({self._path})"

    def entries(self, meant: Meant, limit: int = 50, offset: int = 0) -> list[Kept]:
        """See `CacheShelf`."""
        where, values = clause(meant)
        with self._opened() as db:
            rows = db.execute(
                f"SELECT {COLUMNS} FROM entries WHERE size > 0 AND {where} ORDER BY time_us DESC, key LIMIT ? OFFSET ?",  # noqa: S608 - ours
                (*values, limit, offset),
            )
            return [Kept(*row) for row in rows]

    def size(self, meant: Meant) -> tuple[int, int]:
        """See `CacheShelf`."""
        where, values = clause(meant)
        with self._opened() as db:
            sql = f"SELECT count(*), ifnull(sum(size), 0) FROM entries WHERE size > 0 AND {where}"  # noqa: S608 - ours
            count, size = db.execute(sql, values).fetchone()
            return count, size

    def purge(self, meant: Meant) -> int:
        """See `CacheShelf`."""
        where, values = clause(meant)
        with self._opened() as db:
            # Before they are gone: who reads words after this reads none of those that go, or reads them once more.
            db.execute("INSERT INTO purges VALUES (1, 1) ON CONFLICT DO UPDATE SET count = count + 1")
            gone = db.execute(f"DELETE FROM entries WHERE {where} RETURNING size > 0", values).fetchall()  # noqa: S608 - ours
            db.execute("UPDATE purges SET count = count + 1")
            Marks(marks_of(self._path)).mark_all()  # for those who hold them in memory
            return sum(seen for (seen,) in gone)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(open_to_write(self._path)) as db:
                yield db
        except sqlite3.Error as error:
            raise StoreError(f"The cache cannot be reached: {self._path}: {error}") from None
        except OSError as error:
            raise StoreError(f"The cache cannot be reached: {self._path}: {error.strerror}") from None


def _write(db: sqlite3.Connection, changes: Sequence[Change], uses: Mapping[bytes, int], packing: Packing) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for change in changes:
            if change.answer is None:
                db.execute("DELETE FROM entries WHERE key = ?", (change.key,))
            else:
                data, wording = packing.pack(change.answer), change.wording
                size = len(data)
                if wording is not None:
                    words = wording.words.encode("utf-8", "surrogatepass")
                    size += len(words) + len(wording.vector)
                    db.execute(_WORD, (wording.partition, wording.key, wording.id, wording.expires_us, words, wording.vector))
                db.execute(_KEEP, (change.key, *row(change.answer, size), data))
        db.executemany("UPDATE entries SET used_us = ? WHERE key = ?", [(now_us, key) for key, now_us in uses.items()])
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


def _make_room(db: sqlite3.Connection, most: int) -> None:
    """Forget what has expired; then, while the file holds too much, what was not used longest."""
    if _taken(db) <= most:
        return
    db.execute("DELETE FROM entries WHERE expires_us <= ?", (time.time_ns() // 1000,))
    while (too_much := _taken(db) - int(most * _ENOUGH)) > 0:
        # By halves: what an entry takes of the file is more than its bytes, with its words almost twice as much.
        if not db.execute(_FORGET, (_EVICTED, (too_much + 1) // 2)).rowcount:
            return


def _taken(db: sqlite3.Connection) -> int:
    pages, free, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size
