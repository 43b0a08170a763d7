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
from lockgate.stores.cache.backlog import USED_US, Change
from lockgate.stores.cache.far import FarCache
from lockgate.stores.cache.meaning import COLUMNS, row
from lockgate.stores.cache.packed import Packing
from lockgate.stores.cache.port import Wording
from lockgate.stores.cache.postgres_server import TABLE, Prompt, Timed, connect, connect_loop, sentence, where
from lockgate.stores.cache.postgres_shelf import PostgresShelf
from lockgate.stores.cache.postgres_tidy import Tidying
from lockgate.stores.cache.postgres_words import KEEP_WORDS, Search, WordTable, words_row
from lockgate.stores.cache.trouble import Clock, Trouble
from lockgate.stores.ports import StoreError

#: The longest wait of the writer, and the server's own for what a request has asked (which will not wait for it), in seconds.
_WRITER_S, _LINE_S = 10.0, 1.0

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


class PostgresCache(FarCache[Found]):
    """A `SearchingStore` of at most so many bytes, about; what was not used longest goes first."""

    def __init__(
        self,
        url: str,
        most_bytes: int,
        *,
        report: Callable[[str], None],
        clock: Clock = time.monotonic,
        time_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        super().__init__(where(url), most_bytes, report=report, clock=clock)
        self._url = url
        self._writer: Timed | None = None
        self._tidying = Tidying(most_bytes, clock, time_us)
        self._words = WordTable(self._where, report, clock)
        self._search = Search(url, self._where, self.look, Trouble(self._voice, clock))

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
        return self._unpacked(key, found[2])

    async def nearest(self, partition: bytes, vector: bytes, now_us: int) -> Sequence[tuple[Wording, float]]:
        """See `SearchingStore`. A server in trouble is left to those who look for answers."""
        return () if self._trouble.lasts else await self._search.nearest(partition, vector, now_us)

    def look(self) -> None:
        """See `SearchingStore`."""
        self._words.wanted = True
        self._backlog.nudge()

    async def close(self) -> None:
        """See `CacheStore`."""
        await self._search.close()
        await super().close()

    async def _connect(self) -> _Line:
        try:
            return _Line(await connect_loop(self._url, _LINE_S), self._where, self._backlog.nudge)
        except (psycopg.Error, OSError) as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None

    # --- in the backlog's thread

    def _write(self, changes: Sequence[Change], uses: Mapping[bytes, int]) -> None:
        for again in (self._writer is not None, False):  # a connection that has served before may have been closed meanwhile
            try:
                if self._writer is None:
                    self._writer = connect(self._url, _WRITER_S)
                self._words.wanted |= any(change.wording is not None for change in changes)
                written = _write(self._writer, changes, uses, self._packing, words=self._words.is_there(self._writer))
                self._tidying.go_on(self._writer, written)
                return
            except (psycopg.Error, OSError) as error:
                self._end()
                if not again:
                    raise StoreError(sentence(error)) from None

    def _end(self) -> None:
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


def _write(db: Timed, changes: Sequence[Change], uses: Mapping[bytes, int], packing: Packing, *, words: bool) -> int:
    """Write, the words too where there is a table of them; how many bytes of answers."""
    kept: list[tuple[object, ...]] = []
    found_by: list[tuple[object, ...]] = []
    gone: list[tuple[bytes]] = []
    written = 0
    for change in sorted(changes, key=lambda change: change.key):
        if change.answer is None:
            gone.append((change.key,))
            continue
        data, beside = packing.pack(change.answer), 0
        if change.wording is not None and words:
            found_by.append(words_row(change.wording))
            beside = len(change.wording.words) + len(change.wording.vector)
        kept.append((change.key, *map(_storable, row(change.answer, len(data) + beside)), data))
        written += len(data) + beside
    marked = [(us, key, us) for key, us in sorted(uses.items())]
    with db.cursor() as cursor:
        for batch in (((_KEEP, kept), (KEEP_WORDS, found_by)), ((_DROP, gone),), ((_USE, marked),)):
            with db.transaction():  # words are kept with their answer, or not at all
                for statement, rows in batch:
                    if rows:
                        cursor.executemany(cast("LiteralString", statement), rows)
    return written
