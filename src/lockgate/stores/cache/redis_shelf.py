"""What an operator may do with the cache in Redis: look at its entries, and forget them. Each call goes through all keys of
the server's database, in lots, beside which it serves others."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from msgspec import structs
from redis.exceptions import RedisError, ResponseError

from lockgate.stores.cache.meaning import agrees
from lockgate.stores.cache.port import Kept, Meant
from lockgate.stores.cache.redis_entry import LENGTH, PREFIX, SEQUENCE, WORDS, head, head_end
from lockgate.stores.cache.redis_server import client, connections, sentence, shown
from lockgate.stores.cache.redis_words import tell_purge
from lockgate.stores.ports import StoreError

#: The longest wait for an answer, in seconds.
_TIMEOUT_S = 10.0
#: Keys that are looked at in one round trip, and how many bytes of each at first.
_LOT, _GLIMPSE = 500, 512

Entry = tuple[bytes, Kept]


class RedisShelf:
    """The `CacheShelf` of a server. Raises `StoreError` for a URL that is none."""

    def __init__(self, url: str) -> None:
        self._where = shown(connections(url, _TIMEOUT_S).connection_kwargs)
        self._redis = client(url, _TIMEOUT_S)
        self._leaves_no_trace = False

    def __repr__(self) -> str:
        return f"RedisShelf({self._where})"

    def entries(self, meant: Meant, limit: int = 50, offset: int = 0) -> Sequence[Kept]:
        """See `CacheShelf`. When an entry was last given the server has to say; else it is when it was kept."""
        with self._reached() as redis:
            page = heapq.nsmallest(offset + limit, _once(_seen(redis, meant)), key=_newest_first)[offset:]
            return [_with_use(kept, us) for (_, kept), us in zip(page, self._uses(redis, page), strict=True)]

    def size(self, meant: Meant) -> tuple[int, int]:
        """See `CacheShelf`."""
        with self._reached() as redis:
            sizes = [kept.size for _, kept in _once(_seen(redis, meant))]
            return len(sizes), sum(sizes)

    def purge(self, meant: Meant) -> int:
        """See `CacheShelf`. What stood there when it began, and is meant, is gone when it ends, and its words."""
        with self._reached() as redis:
            tell_purge(redis)  # who reads words after this reads none of those that go, or reads them once more
            entries = _meant(redis, meant)
            gone = 0
            while lot := list(islice(entries, _LOT)):
                pipe = redis.pipeline(transaction=False)
                for key, _ in lot:
                    pipe.unlink(key)
                pipe.unlink(*(WORDS + key.removeprefix(PREFIX) for key, _ in lot))
                gone += sum(there for (_, kept), there in zip(lot, pipe.execute(), strict=False) if kept.size)
            if meant == Meant():  # also what cannot be read
                gone += sum(redis.unlink(*keys) for keys in _lots(redis))
                for keys in chain(_lots(redis, WORDS), _lots(redis, SEQUENCE)):
                    redis.unlink(*keys)
            tell_purge(redis)
            return gone

    @contextmanager
    def _reached(self) -> Iterator[Any]:
        """The server, as redis-py's client, whose answers have no type."""
        try:
            with self._redis.client() as redis:  # one connection: what is said on it holds for all that follows
                try:
                    redis.execute_command("CLIENT NO-TOUCH", "ON")
                    self._leaves_no_trace = True
                except ResponseError:  # before Redis 7.2 to look is a use
                    self._leaves_no_trace = False
                yield redis
        except (RedisError, OSError) as error:
            raise StoreError(f"The cache cannot be reached: {self._where}: {sentence(error)}.") from None
        finally:
            self._redis.close()

    def _uses(self, redis: Any, page: Sequence[Entry]) -> Sequence[int]:
        """When these entries were last given, in µs since the epoch; 0 where nobody knows."""
        if not page or not self._leaves_no_trace:
            return [0] * len(page)
        pipe = redis.pipeline(transaction=False)
        for key, _ in page:
            pipe.object("IDLETIME", key)
        now_us = time.time_ns() // 1000
        idle_s = pipe.execute(raise_on_error=False)  # it does not say it where it evicts by frequency
        return [now_us - each * 1_000_000 if isinstance(each, int) else 0 for each in idle_s]


def _lots(redis: Any, begin: bytes = PREFIX) -> Iterator[list[bytes]]:
    """All keys of ours that begin so. One may come twice; one that is there all the while does come, as SCAN promises."""
    cursor: int | None = None
    while cursor != 0:
        cursor, keys = redis.scan(cursor or 0, match=begin + b"*", count=_LOT)
        if keys:
            yield keys


def _meant(redis: Any, meant: Meant) -> Iterator[Entry]:
    """The entries that are meant."""
    for keys in _lots(redis):
        pipe = redis.pipeline(transaction=False)
        for key in keys:
            pipe.getrange(key, 0, _GLIMPSE - 1)
        for key, start in zip(keys, pipe.execute(raise_on_error=False), strict=True):
            if not isinstance(start, bytes) or len(start) <= LENGTH:  # gone meanwhile; or none of ours
                continue
            end = head_end(start)
            kept = head(start if end <= len(start) else redis.getrange(key, 0, end - 1))
            if kept is not None and agrees(meant, kept):
                yield key, kept


def _seen(redis: Any, meant: Meant) -> Iterator[Entry]:
    """Those of them that an operator sees: what points to another is of no size."""
    return (entry for entry in _meant(redis, meant) if entry[1].size)


def _once(entries: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[bytes] = set()
    for entry in entries:
        if entry[0] not in seen:
            seen.add(entry[0])
            yield entry


def _with_use(kept: Kept, us: int) -> Kept:
    return structs.replace(kept, used_us=max(kept.used_us, us))


def _newest_first(entry: Entry) -> tuple[int, bytes]:
    return -entry[1].time_us, entry[0]
