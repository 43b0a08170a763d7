"""The entries of a common file that a worker was asked for last, held in its memory as well: a hit there costs a microsecond.

Nothing is given from here that the file would not give: an entry counts only while the marks (`marks.py`) say that nobody has
changed, dropped or purged it, and for some seconds at most; and expires as it does in the file.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.marks import STALE_US, Marks, Seen

#: What an entry takes beside its body, about, in bytes.
_BESIDE = 800


class _Held(msgspec.Struct, frozen=True, eq=False):
    answer: CachedAnswer
    seen: Seen
    read_us: int


class Front:
    """At most so many bytes of entries; what was not asked for longest goes first. Times are µs since the epoch."""

    def __init__(self, marks: Marks, most_bytes: int) -> None:
        self._marks = marks
        self._most = most_bytes
        self._size = 0
        self._held: OrderedDict[bytes, _Held] = OrderedDict()

    def __repr__(self) -> str:
        return f"Front({len(self._held)} answers, {self._size} bytes)"

    def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """The answer of a key, when it is held and stands in the file as it did."""
        held = self._held.get(key)
        if held is None:
            return None
        if held.seen != self._marks.seen(key) or not 0 <= now_us - held.read_us < STALE_US or held.answer.expires_us <= now_us:
            self.drop(key)
            return None
        self._held.move_to_end(key)
        return held.answer

    def seen(self, key: bytes) -> Seen:
        """What the marks say of a key: to be asked before the file is read."""
        return self._marks.seen(key)

    def hold(self, key: bytes, answer: CachedAnswer, seen: Seen, now_us: int) -> None:
        """Hold what was read. An answer that is a large part of all that may be held is not."""
        self.drop(key)
        size = _size(answer)
        if size > self._most // 8:
            return
        while self._size + size > self._most:
            _, oldest = self._held.popitem(last=False)
            self._size -= _size(oldest.answer)
        self._held[key] = _Held(answer, seen, now_us)
        self._size += size

    def drop(self, key: bytes) -> None:
        """Hold it no longer."""
        held = self._held.pop(key, None)
        if held is not None:
            self._size -= _size(held.answer)


def _size(answer: CachedAnswer) -> int:
    return len(answer.body) + _BESIDE
