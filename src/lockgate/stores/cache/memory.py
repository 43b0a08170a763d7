"""The cache in the memory of one worker: the fastest, and gone with it."""

from __future__ import annotations

from collections import OrderedDict

from lockgate.core.cached import CachedAnswer

#: What an entry takes beside its body, about, in bytes.
_BESIDE = 600


class MemoryCache:
    """A `CacheStore` of at most so many bytes; what was not asked for longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = 0
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()

    def __repr__(self) -> str:
        return f"MemoryCache({len(self._answers)} answers, {self._size} bytes)"

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """See `CacheStore`."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        if answer.expires_us <= now_us:
            self.drop(key)
            return None
        self._answers.move_to_end(key)
        return answer

    def keep(self, key: bytes, answer: CachedAnswer) -> None:
        """See `CacheStore`."""
        self.drop(key)
        size = _size(answer)
        if size > self._most:
            return
        while self._size + size > self._most:
            _, oldest = self._answers.popitem(last=False)
            self._size -= _size(oldest)
        self._answers[key] = answer
        self._size += size

    def drop(self, key: bytes) -> None:
        """See `CacheStore`."""
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._size -= _size(answer)

    async def close(self) -> None:
        """See `CacheStore`."""
        self._answers.clear()
        self._size = 0


def _size(answer: CachedAnswer) -> int:
    return len(answer.body) + _BESIDE
