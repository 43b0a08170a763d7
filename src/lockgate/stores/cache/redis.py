"""The cache in Redis or Valkey, for all machines. Needs the extra `lockgate[redis]`.

Its server forgets by itself: what has expired, and, where its `maxmemory-policy` says so, what was not used longest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.backlog import Backlog, Change
from lockgate.stores.cache.lanes import Lanes
from lockgate.stores.cache.packed import Damaged, Packing
from lockgate.stores.cache.redis_entry import PREFIX, data, entry
from lockgate.stores.cache.redis_server import client, connections, sentence, shown
from lockgate.stores.cache.redis_shelf import RedisShelf
from lockgate.stores.cache.trouble import Clock, Pause, Trouble, Voice
from lockgate.stores.ports import StoreError

#: The longest wait of the writer, and on a connection on which requests ask, in seconds.
_TIMEOUT_S = 2.0
#: For how many seconds the writer leaves a server in trouble alone at most.
_PAUSE_S = 5.0


def open_cache(url: str, most_bytes: int, *, report: Callable[[str], None]) -> RedisCache:
    """The cache at `redis://`, `rediss://` or `unix://`, which need not be there yet. Raises `StoreError` for another URL."""
    return RedisCache(url, most_bytes, report=report)


def open_shelf(url: str) -> RedisShelf:
    """The operator's side of it. Raises `StoreError` as above."""
    return RedisShelf(url)


class RedisCache:
    """A `CacheStore`. How much is kept is the server's to say; an answer of more than a quarter of `most_bytes` is not."""

    def __init__(self, url: str, most_bytes: int, *, report: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._connections = connections(url, _TIMEOUT_S)
        self._where = shown(self._connections.connection_kwargs)
        self._most = most_bytes
        self._voice = Voice(report, clock)
        self._lanes = Lanes(self._where, self._connect, Trouble(self._voice, clock))
        self._writer = client(url, _TIMEOUT_S)
        self._pause = Pause(_PAUSE_S)
        self._packing = Packing()
        self._backlog = Backlog(self._write, self._writer.close)

    def __repr__(self) -> str:
        return f"RedisCache({self._where})"

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """See `CacheStore`."""
        waiting = self._backlog.find(key)
        if waiting is not None:
            return waiting.given(now_us)
        value = await self._lanes.find(key)
        if value is None:
            return None
        try:
            answer = self._packing.unpack(data(value))
        except Damaged as damage:
            self._voice.say(f"an entry at {self._where} cannot be read: {damage}")
            self.drop(key)
            return None
        return answer if answer.expires_us > now_us else None

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
        connection = self._connections.make_connection()
        try:
            await connection.connect()
        except (RedisError, OSError) as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None
        return _Line(connection, self._where)

    # --- in the backlog's thread

    def _write(self, changes: Sequence[Change], _: Mapping[bytes, int]) -> float:
        if not changes:
            return 0.0
        try:
            pipe = self._writer.pipeline(transaction=False)
            for change in changes:
                answer = change.answer
                if answer is None:
                    pipe.unlink(PREFIX + change.key)
                else:
                    left_ms = max(1, (answer.expires_us - answer.time_us) // 1000)
                    pipe.set(PREFIX + change.key, entry(answer, self._packing.pack(answer)), px=left_ms)
            for reply in pipe.execute(raise_on_error=False):  # which would tell what was to be written
                if isinstance(reply, RedisError):
                    raise reply
        except (RedisError, OSError) as error:
            self._voice.say(f"cannot write to {self._where}: {sentence(error)}")
            return self._pause.failed()
        self._pause.went_well()
        return 0.0


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
