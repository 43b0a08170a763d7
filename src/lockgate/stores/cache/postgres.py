"""The cache in a PostgreSQL table, for all machines. Needs the extra `lockgate[postgres]` (psycopg 3).

Whoever writes also tidies up: what has expired, and, where there is too much, what was not used longest. Rows are locked in the
order of their keys, so that nobody waits for somebody who waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import LiteralString, cast

import psycopg
from psycopg import errors

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.backlog import USED_US, Backlog, Change
from lockgate.stores.cache.lanes import Lanes
from lockgate.stores.cache.meaning import COLUMNS, row
from lockgate.stores.cache.packed import Damaged, Packing
from lockgate.stores.cache.postgres_server import TABLE, Prompt, Timed, connect, connect_loop, sentence, where
from lockgate.stores.cache.postgres_shelf import PostgresShelf
from lockgate.stores.cache.postgres_tidy import Tidying
from lockgate.stores.cache.trouble import Clock, Pause, Trouble, Voice
from lockgate.stores.ports import StoreError

#: The longest wait of the writer, and the server's own for what a request has asked (which will not wait for it), in seconds.
_WRITER_S, _LINE_S = 10.0, 1.0
#: For how many seconds the writer leaves a server in trouble alone at most.
_PAUSE_S = 5.0

_FIND = f"SELECT key, expires_us, used_us, data FROM {TABLE} WHERE key = ANY(%s)"  # noqa: S608 - ours
_SET = ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS.split(", "), "data"))
_KEEP = (
    f"INSERT INTO {TABLE} (key, {COLUMNS}, data) VALUES ({', '.join(['%s'] * 12)})"  # noqa: S608 - ours
    f" ON CONFLICT (key) DO UPDATE SET {_SET}"
)
_DROP = f"DELETE FROM {TABLE} WHERE key = %s"  # noqa: S608 - ours
_USE = f"UPDATE {TABLE} SET used_us = %s WHERE key = %s AND used_us < %s"  # noqa: S608 - ours

#: When an entry expires and was used last, and what was packed.
Found = tuple[int, int, bytes]


def open_cache(url: str, most_bytes: int, *, report: Callable[[str], None]) -> PostgresCache:
    """The cache at `postgresql://`, which need not be there yet. Raises `StoreError` for another URL."""
    return PostgresCache(url, most_bytes, report=report)


def open_shelf(url: str) -> PostgresShelf:
    """The operator's side of it. Raises `StoreError` as above."""
    return PostgresShelf(url)


class PostgresCache:
    """A `CacheStore` of at most so many bytes, about; what was not used longest goes first."""

    def __init__(
        self,
        url: str,
        most_bytes: int,
        *,
        report: Callable[[str], None],
        clock: Clock = time.monotonic,
        time_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._url = url
        self._where = where(url)
        self._most = most_bytes
        self._voice = Voice(report, clock)
        self._lanes = Lanes(self._where, self._connect, Trouble(self._voice, clock))
        self._writer: Timed | None = None
        self._tidying = Tidying(most_bytes, clock, time_us)
        self._pause = Pause(_PAUSE_S)
        self._packing = Packing()
        self._backlog = Backlog(self._write, self._close_writer)

    def __repr__(self) -> str:
        return f"PostgresCache({self._where})"

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """See `CacheStore`."""
        waiting = self._backlog.find(key)
        if waiting is not None:
            return waiting.given(now_us)
        found = await self._lanes.find(key)
        if found is None or found[0] <= now_us:
            return None
        if found[1] < now_us - USED_US:
            self._backlog.use(key, now_us)
        try:
            return self._packing.unpack(found[2])
        except Damaged as damage:
            self._voice.say(f"an entry at {self._where} cannot be read: {damage}")
            self.drop(key)
            return None

    def keep(self, key: bytes, answer: CachedAnswer) -> None:
        """See `CacheStore`."""
        if len(answer.body) <= self._most // 4:
            self._backlog.keep(key, answer)

    def drop(self, key: bytes) -> None:
        """See `CacheStore`."""
        self._backlog.drop(key)

    def is_written(self, key: bytes) -> bool:
        """See `CacheStore`."""
        return self._backlog.find(key) is None

    async def close(self) -> None:
        """See `CacheStore`."""
        await self._lanes.close()
        await self._backlog.close()

    async def _connect(self) -> _Line:
        try:
            return _Line(await connect_loop(self._url, _LINE_S), self._where, self._backlog.nudge)
        except (psycopg.Error, OSError) as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None

    # --- in the backlog's thread

    def _write(self, changes: Sequence[Change], uses: Mapping[bytes, int]) -> float:
        for again in (self._writer is not None, False):  # a connection that has served before may have been closed meanwhile
            try:
                if self._writer is None:
                    self._writer = connect(self._url, _WRITER_S)
                written = _write(self._writer, changes, uses, self._packing)
                self._tidying.go_on(self._writer, written)
            except (psycopg.Error, OSError) as error:
                self._close_writer()
                if not again:
                    self._voice.say(f"cannot write to {self._where}: {sentence(error)}")
                    return self._pause.failed()
            else:
                break
        self._pause.went_well()
        return 0.0

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class _Line:
    """A connection of the loop's (`lanes.Line`). `nudge` has the table made, where there is none."""

    def __init__(self, db: Prompt, where: str, nudge: Callable[[], None]) -> None:
        self._db = db
        self._where = where
        self._nudge = nudge

    async def read(self, keys: Sequence[bytes]) -> dict[bytes, Found]:
        try:
            cursor = self._db.cursor(binary=True)
            await cursor.execute(_FIND, (list(keys),))
            return {key: (expires_us, used_us, data) for key, expires_us, used_us, data in await cursor.fetchall()}
        except errors.UndefinedTable:
            self._nudge()
            return {}
        except psycopg.Error as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None

    async def close(self) -> None:
        await self._db.close()


def _storable(value: str | int) -> str | int:
    """A value without what this database's texts cannot hold."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _write(db: Timed, changes: Sequence[Change], uses: Mapping[bytes, int], packing: Packing) -> int:
    """Write; how many bytes of answers."""
    kept: list[tuple[object, ...]] = []
    gone: list[tuple[bytes]] = []
    written = 0
    for change in sorted(changes, key=lambda change: change.key):
        if change.answer is None:
            gone.append((change.key,))
        else:
            data = packing.pack(change.answer)
            kept.append((change.key, *map(_storable, row(change.answer, len(data))), data))
            written += len(data)
    with db.cursor() as cursor:
        for statement, rows in ((_KEEP, kept), (_DROP, gone), (_USE, [(us, key, us) for key, us in sorted(uses.items())])):
            if rows:
                with db.transaction():
                    cursor.executemany(cast("LiteralString", statement), rows)
    return written
