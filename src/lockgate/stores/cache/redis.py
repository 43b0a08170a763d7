"""The cache in Redis or Valkey, for all machines. Needs the extra `lockgate[redis]`.

Its server forgets by itself: what has expired, and, where its `maxmemory-policy` says so, what was not used longest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.backlog import Change
from lockgate.stores.cache.far import FarCache
from lockgate.stores.cache.port import Wordings
from lockgate.stores.cache.redis_entry import PREFIX, WORDS, data, entry
from lockgate.stores.cache.redis_server import client, connections, sentence, shown
from lockgate.stores.cache.redis_shelf import RedisShelf
from lockgate.stores.cache.redis_words import Words, put_words
from lockgate.stores.cache.trouble import Clock
from lockgate.stores.ports import StoreError

#: The longest wait of the writer, and on a connection on which requests ask, in seconds.
_TIMEOUT_S = 2.0


def open_cache(url: str, most_bytes: int, *, report: Callable[[str], None]) -> RedisCache:
    """The cache at `redis://`, `rediss://` or `unix://`, which need not be there yet. Raises `StoreError` for another URL."""
    return RedisCache(url, most_bytes, report=report)


def open_shelf(url: str) -> RedisShelf:
    """The operator's side of it. Raises `StoreError` as above."""
    return RedisShelf(url)


class RedisCache(FarCache[bytes]):
    """A `WordingStore`. How much is kept is the server's to say."""

    def __init__(self, url: str, most_bytes: int, *, report: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._connections = connections(url, _TIMEOUT_S)
        super().__init__(shown(self._connections.connection_kwargs), most_bytes, report=report, clock=clock)
        self._writer = client(url, _TIMEOUT_S)
        self._words = Words(client(url, _TIMEOUT_S))

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """See `CacheStore`."""
        waiting = self._backlog.find(key)
        if waiting is not None:
            return waiting.given(now_us)
        value = await self._lanes.find(key)
        answer = None if value is None else self._unpacked(key, data(value))
        return answer if answer is not None and answer.expires_us > now_us else None

    async def wordings(self, partition: bytes, after: int, most: int, now_us: int) -> Wordings | None:
        """See `WordingStore`. A server in trouble is left to those who look for answers."""
        if self._trouble.lasts:
            return None
        try:
            return await asyncio.to_thread(self._words.read, partition, after, most, now_us)
        except (RedisError, OSError) as error:
            self._voice.say(f"cannot read words from {self._where}: {sentence(error)}")
            return None

    async def close(self) -> None:
        """See `CacheStore`."""
        await super().close()
        self._words.close()

    async def _connect(self) -> _Line:
        connection = self._connections.make_connection()
        try:
            await connection.connect()
        except (RedisError, OSError) as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None
        return _Line(connection, self._where)

    # --- in the backlog's thread

    def _write(self, changes: Sequence[Change], uses: Mapping[bytes, int]) -> None:
        if not changes:
            return
        try:
            pipe = self._writer.pipeline(transaction=False)
            for change in changes:
                answer = change.answer
                if answer is None:
                    pipe.unlink(PREFIX + change.key, WORDS + change.key)
                    continue
                left_ms = max(1, (answer.expires_us - answer.time_us) // 1000)
                if change.wording is not None:
                    put_words(pipe, change.wording, left_ms)
                pipe.set(PREFIX + change.key, entry(answer, self._packing.pack(answer)), px=left_ms)
            for reply in pipe.execute(raise_on_error=False):  # which would tell what was to be written
                if isinstance(reply, RedisError):
                    raise reply
        except (RedisError, OSError) as error:
            raise StoreError(sentence(error)) from None

    def _end(self) -> None:
        self._writer.close()


class _Line:
    """A connection of the loop's (`lanes.Line`): the bare one of redis-py, whose client would cost as much again."""

    def __init__(self, connection: AbstractConnection, where: str) -> None:
        self._connection = connection
        self._where = where

    async def read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        try:
            await self._connection.send_command("MGET", *(PREFIX + key for key in keys))
            values: Sequence[bytes | None] = await self._connection.read_response() or ()
        except (RedisError, OSError) as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}

    async def close(self) -> None:
        await self._connection.disconnect(nowait=True)
