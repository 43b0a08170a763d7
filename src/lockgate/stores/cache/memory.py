"""The cache in the memory of one worker: the fastest, and gone with it."""

from __future__ import annotations

from collections import OrderedDict

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import Wording, Wordings

#: What an entry takes beside its body, about, in bytes.
_BESIDE = 600


class MemoryCache:
    """A `WordingStore` of at most so many bytes; what was not asked for longest goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._size = 0
        self._answers: OrderedDict[bytes, CachedAnswer] = OrderedDict()
        self._wordings: dict[bytes, Wording] = {}  # by the key of the answer
        self._partitions: dict[bytes, dict[bytes, int]] = {}  # partition → key → the mark of its words
        self._mark = 0

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

    def keep(self, key: bytes, answer: CachedAnswer, wording: Wording | None = None) -> None:
        """See `WordingStore`."""
        self.drop(key)
        size = _size(answer, wording)
        if size > self._most:
            return
        while self._size + size > self._most:
            self.drop(next(iter(self._answers)))
        self._answers[key] = answer
        self._size += size
        if wording is not None:
            self._mark += 1
            self._wordings[key] = wording
            self._partitions.setdefault(wording.partition, {})[key] = self._mark

    def drop(self, key: bytes) -> None:
        """See `CacheStore`."""
        answer = self._answers.pop(key, None)
        if answer is None:
            return
        wording = self._wordings.pop(key, None)
        self._size -= _size(answer, wording)
        if wording is not None:
            those = self._partitions[wording.partition]
            del those[key]
            if not those:
                del self._partitions[wording.partition]

    async def wordings(self, partition: bytes, after: int, most: int, now_us: int) -> Wordings | None:
        """See `WordingStore`."""
        later = [(key, mark) for key, mark in self._partitions.get(partition, {}).items() if mark > after][:most]
        found = [each for key, _ in later if (each := self._wordings[key]).expires_us > now_us]
        return Wordings(found, later[-1][1] if len(later) == most else self._mark, 0)

    def is_written(self, key: bytes) -> bool:
        """See `CacheStore`."""
        return True

    async def close(self) -> None:
        """See `CacheStore`."""
        self._answers.clear()
        self._wordings.clear()
        self._partitions.clear()
        self._size = 0


def _size(answer: CachedAnswer, wording: Wording | None) -> int:
    words = 0 if wording is None else len(wording.words) + len(wording.vector)
    return len(answer.body) + _BESIDE + words
