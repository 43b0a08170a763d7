"""What is to be written to a cache: a thread writes it, and until then it is found here.

What comes later about a key takes the place of what came before and is not written yet, so that order does not matter between
keys. Bytes are bounded: where the thread cannot keep up, what comes then is not kept.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import Wording

#: Bytes of answers that may wait to be written.
WAITING_BYTES = 64 * 1024 * 1024
#: When an entry was used is written down to this, in µs; and for how many entries this process remembers that.
USED_US, _REMEMBERED = 60_000_000, 10_000
#: What a change takes beside the body of its answer, about, in bytes.
_BESIDE = 600
#: Changes, and bytes of them, that are written at once.
_BATCH, _BATCH_BYTES = 200, 4 * 1024 * 1024
#: Without anything to write, the store is written to (nothing) after so many seconds: there may be something to tidy up.
_IDLE_S = 60.0
#: How long closing waits for what is still to be written, in seconds.
_CLOSE_S = 5.0


class Change(msgspec.Struct, frozen=True, eq=False):
    """What is to stand at a key; None: nothing. `wording`: by which words it is found, too."""

    key: bytes
    answer: CachedAnswer | None
    wording: Wording | None = None

    def given(self, now_us: int) -> CachedAnswer | None:
        """The answer that `find` gives, which has not expired."""
        return self.answer if self.answer is not None and self.answer.expires_us > now_us else None

    @property
    def size(self) -> int:
        """Bytes that it takes while it waits, about."""
        words = 0 if self.wording is None else len(self.wording.words) + len(self.wording.vector)
        return _BESIDE + words + (0 if self.answer is None else len(self.answer.body))


#: Writes changes, and when entries were used (key → µs). It does not raise. It returns for how many seconds the store is to be
#: left alone then: what was to be written is lost, and what comes waits.
Write = Callable[[Sequence[Change], Mapping[bytes, int]], float]


class Backlog:
    """The changes that wait, and their thread, which is made when there is something to write. `end` is called in it, last."""

    def __init__(self, write: Write, end: Callable[[], None], *, most_bytes: int = WAITING_BYTES) -> None:
        self._write = write
        self._end = end
        self._most = most_bytes
        self._bytes = 0
        self._changes: dict[bytes, Change] = {}
        self._uses: dict[bytes, int] = {}
        self._remembered: dict[bytes, int] = {}
        self._changed = threading.Condition(threading.Lock())
        self._nudged = self._over = False
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Backlog({len(self._changes)} changes, {self._bytes} bytes)"

    def find(self, key: bytes) -> Change | None:
        """What is to be written at a key; None: what stands in the store holds."""
        return self._changes.get(key)

    def keep(self, key: bytes, answer: CachedAnswer, wording: Wording | None = None) -> None:
        """Have an answer written, when there is room for it."""
        self._put(Change(key, answer, wording))

    def drop(self, key: bytes) -> None:
        """Have a key forgotten."""
        self._put(Change(key, None))

    def use(self, key: bytes, now_us: int) -> None:
        """An entry was used: written down once a minute."""
        if now_us - self._remembered.get(key, 0) <= USED_US:
            return
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = now_us
        with self._changed:
            if len(self._uses) < _REMEMBERED:
                self._uses[key] = now_us
                self._wake()

    def nudge(self) -> None:
        """Write to the store soon, even if nothing is to be written."""
        with self._changed:
            self._nudged = True
            self._wake()

    async def close(self) -> None:
        """Write what can be written within some seconds. What comes later is not kept."""
        with self._changed:
            self._over = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _CLOSE_S)

    def _put(self, change: Change) -> None:
        with self._changed:
            before = self._changes.get(change.key)
            size = self._bytes + change.size - (before.size if before is not None else 0)
            if self._over or (size > self._most and (change.answer is not None or before is None)):
                return
            self._bytes = size
            self._changes[change.key] = change
            self._wake()

    def _wake(self) -> None:
        if not self._over and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._work, name="cache", daemon=True)
            self._thread.start()
        self._changed.notify()

    @property
    def _is_due(self) -> bool:
        return bool(self._changes or self._uses or self._nudged)

    # --- in the thread

    def _work(self) -> None:
        pause_s = 0.0
        while True:
            with self._changed:
                if pause_s:
                    self._changed.wait_for(lambda: self._over, pause_s)
                elif not (self._is_due or self._over):
                    self._changed.wait(_IDLE_S)
                if self._over and (pause_s or not self._is_due):
                    break
                changes = list(_as_many_as_go(self._changes.values()))
                uses, self._uses, self._nudged = self._uses, {}, False
            try:
                pause_s = self._write(changes, uses)
            finally:  # these stand there now, or never will
                self._forget(changes)
        self._end()

    def _forget(self, changes: Sequence[Change]) -> None:
        with self._changed:
            for change in changes:
                if self._changes.get(change.key) is change:
                    del self._changes[change.key]
                    self._bytes -= change.size


def _as_many_as_go(changes: Iterable[Change]) -> Iterable[Change]:
    """The first of them: those that are written at once."""
    size = 0
    for change in islice(changes, _BATCH):
        size += change.size
        if size > _BATCH_BYTES and size > change.size:
            return
        yield change
