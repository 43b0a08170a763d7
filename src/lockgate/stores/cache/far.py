"""What caches at a server have in common: requests ask on lanes, a thread writes, what waits to be written is found here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.backlog import Backlog, Change
from lockgate.stores.cache.lanes import Lanes, Line
from lockgate.stores.cache.packed import Damaged, Packing
from lockgate.stores.cache.port import Wording
from lockgate.stores.cache.trouble import Clock, Pause, Trouble, Voice
from lockgate.stores.ports import StoreError

#: For how many seconds the writer leaves a server in trouble alone at most.
_PAUSE_S = 5.0

T = TypeVar("T")


class FarCache(Generic[T]):
    """A `CacheStore` but for `find`, at a server that is called `where`. An answer of more than a quarter of `most_bytes` is
    not kept. What it is made into says how to connect, to write and to end."""

    def __init__(self, where: str, most_bytes: int, *, report: Callable[[str], None], clock: Clock = time.monotonic) -> None:
        self._where = where
        self._most = most_bytes
        self._clock = clock
        self._voice = Voice(report, clock)
        self._trouble = Trouble(self._voice, clock)
        self._lanes: Lanes[T] = Lanes(where, self._connect, self._trouble)
        self._pause = Pause(_PAUSE_S)
        self._packing = Packing()
        self._backlog = Backlog(self._work, self._end)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._where})"

    def keep(self, key: bytes, answer: CachedAnswer, wording: Wording | None = None) -> None:
        """See `CacheStore`."""
        if len(answer.body) <= self._most // 4:
            self._backlog.keep(key, answer, wording)

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

    def _unpacked(self, key: bytes, data: bytes) -> CachedAnswer | None:
        """An answer that was found; a damaged one is dropped."""
        try:
            return self._packing.unpack(data)
        except Damaged as damage:
            self._voice.say(f"an entry at {self._where} cannot be read: {damage}")
            self.drop(key)
            return None

    async def _connect(self) -> Line[T]:
        """A connection of the loop's. Raises `StoreError`."""
        raise NotImplementedError

    # --- in the backlog's thread

    def _work(self, changes: Sequence[Change], uses: Mapping[bytes, int]) -> float:
        try:
            self._write(changes, uses)
        except StoreError as trouble:
            self._voice.say(f"cannot write to {self._where}: {trouble}")
            return self._pause.failed()
        self._pause.went_well()
        return 0.0

    def _write(self, changes: Sequence[Change], uses: Mapping[bytes, int]) -> None:
        """Write. Raises `StoreError`."""
        raise NotImplementedError

    def _end(self) -> None:
        """Let go of what writes."""
        raise NotImplementedError
