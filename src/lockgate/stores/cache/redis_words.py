"""The words by which answers are found, in any Redis or Valkey: no module that searches is needed.

Beside an answer stand its words, at a key of their own, which ends when the answer does. Each partition has a stream with the
keys of its answers in the order in which they came; it is bounded, and ends with the last of them. A worker reads those of a
partition once, and then what is new, and searches by itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from redis import Redis

from lockgate.stores.cache.port import Wording, Wordings
from lockgate.stores.cache.redis_entry import PURGED, SEQUENCE, WORDS

#: Entries of a partition's stream, about: what came before is not found any more.
_MOST = 1_000_000
#: Bits of a mark that count what came in one millisecond.
_IN_ONE_MS = 20

#: The answer's id, when it expires, the words and the vector.
_Row = tuple[str, int, bytes, bytes]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Row).decode


class Words:
    """Reads them, in threads. Raises `RedisError` and `OSError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis: Any = redis  # redis-py's answers have no type

    def __repr__(self) -> str:
        return "Words()"

    def read(self, partition: bytes, after: int, most: int, now_us: int) -> Wordings:
        """See `WordingStore.wordings`."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.get(PURGED)  # before the words: what is forgotten from now on is told the next time
        pipe.xrange(SEQUENCE + partition, "(" + _id(after), "+", most)
        purged, rows = pipe.execute()
        keys = list(dict.fromkeys(fields[b"k"] for _, fields in reversed(rows)))[::-1]  # of two with one, the later
        values: Sequence[bytes | None] = self._redis.mget([WORDS + key for key in keys]) if keys else ()
        found = [
            wording
            for key, value in zip(keys, values, strict=True)
            if value is not None and (wording := _wording(partition, key, value)) is not None and wording.expires_us > now_us
        ]
        purges = int(purged) if purged is not None and purged.isdigit() else 0
        return Wordings(found, _mark(rows[-1][0]) if rows else after, purges)

    def close(self) -> None:
        """Let go of the connections."""
        self._redis.close()


def put_words(pipe: Any, wording: Wording, left_ms: int) -> None:
    """Have words written that last so long: they first, so that whoever learns of them finds them."""
    words = wording.words.encode("utf-8", "surrogatepass")
    pipe.set(WORDS + wording.key, _encode((wording.id, wording.expires_us, words, wording.vector)), px=left_ms)
    sequence = SEQUENCE + wording.partition
    pipe.xadd(sequence, {b"k": wording.key}, maxlen=_MOST, approximate=True)
    pipe.pexpire(sequence, left_ms, nx=True)
    pipe.pexpire(sequence, left_ms, gt=True)


def _wording(partition: bytes, key: bytes, value: bytes) -> Wording | None:
    """What stands at an answer's words; None for what nobody of us has written so."""
    try:
        id, expires_us, words, vector = _decode(value)
        return Wording(partition, key, id, expires_us, words.decode("utf-8", "surrogatepass"), vector)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def tell_purge(redis: Any) -> None:
    """Let all workers know that words may be gone. (A count could come back to what it was, after an eviction.)"""
    redis.set(PURGED, time.time_ns() // 1000)


def _id(mark: int) -> str:
    """A mark, as the stream has it."""
    return f"{mark >> _IN_ONE_MS}-{mark & ((1 << _IN_ONE_MS) - 1)}"


def _mark(id: bytes) -> int:
    ms, number = id.split(b"-")
    return int(ms) << _IN_ONE_MS | int(number)
