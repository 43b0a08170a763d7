"""`Nearest`: of the questions whose answers are kept, those whose words lie near to others.

They are kept where the answers are; here is what of them this process has asked for, a partition at a time. A partition is read
when it is first asked for, off the loop, and looked at again for what others have kept. Whoever asks does not wait for that
longer than a moment: what is not there in time is not near.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import numpy as np

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import Wording, WordingStore
from lockgate.stores.embedding.ports import Embedder, NoEmbedder
from lockgate.stores.nearest.index import packed
from lockgate.stores.nearest.partition import Partition
from lockgate.stores.nearest.port import Candidate

#: Bytes of all partitions that a process has read.
MOST_BYTES = 256 * 1024 * 1024
#: How long who asks waits for what is not read yet, in seconds.
PATIENCE_S = 0.05
#: What others have kept is looked for after so many seconds, when somebody asks.
FRESH_S = 1.0
#: Words that are read at once: of a partition that nobody sees yet, and of one that is in use.
_LOT, _NEWS = 8192, 128
#: Texts of so many characters have their vectors on the loop; longer ones take a millisecond, in a thread.
_SHORT = 500
#: From how many entries on they are searched in a thread.
_MANY = 5_000
#: How many candidates there are, and how near they must be. The right one is among the eight nearest in 97 of 100
#: (docs/caching.md); of the pairs that the verifier takes at `strict` and `standard`, none is further apart.
_CANDIDATES, _FLOOR = 8, 0.4


class Nearest:
    """The index of one process: see `Neighbours`. `opens` makes the embedder, which takes time and may raise `NoEmbedder`."""

    def __init__(
        self,
        store: WordingStore,
        opens: Callable[[], Embedder],
        *,
        report: Callable[[str], None],
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._opens = opens
        self._report = report
        self._most = most_bytes
        self._clock = clock
        self._embedder: Embedder | None = None
        self._partitions: OrderedDict[bytes, Partition] = OrderedDict()
        self._size = 0
        self._purges = 0
        self._under_way: dict[bytes, asyncio.Task[None]] = {}  # by partition; b"": the embedder is opened
        self.trouble = ""  # why there are no vectors

    def __repr__(self) -> str:
        return f"Nearest({len(self._partitions)} partitions, {self._size} bytes)"

    @property
    def name(self) -> str:
        """See `Neighbours`."""
        return "" if self._embedder is None else self._embedder.name

    async def vector(self, words: str) -> bytes | None:
        """See `Neighbours`."""
        if self._embedder is None and not self.trouble:
            await self._soon(b"", self._open)
        if self._embedder is None:
            return None
        if len(words) <= _SHORT:
            return self._embedder.embed([words])[0]
        return (await asyncio.to_thread(self._embedder.embed, [words]))[0]

    async def cosine(self, one: str, other: str) -> float | None:
        """See `Neighbours`."""
        vectors = [await self.vector(one), await self.vector(other)]
        here, there = (np.frombuffer(each or b"", "<f4") for each in vectors)
        return round(float(here @ there), 4) if all(vectors) else None

    async def near(self, partition: bytes, vector: bytes, now_us: int) -> list[Candidate]:
        """See `Neighbours`."""
        held = self._partitions.get(partition)
        if held is None or self._clock() - held.read_at > FRESH_S:
            await self._soon(partition, lambda: self._read(partition, now_us))
            held = self._partitions.get(partition)
            if held is None:
                return []
        self._partitions.move_to_end(partition)
        if len(held) > _MANY:
            rows = await asyncio.to_thread(held.near, vector, _CANDIDATES, _FLOOR)
        else:
            rows = held.near(vector, _CANDIDATES, _FLOOR)
        found: list[Candidate] = []
        for row, cosine in rows:
            entry = held.entry(row)
            if entry is None:
                continue
            if entry.expires_us > now_us:
                found.append(Candidate(entry, cosine))
            else:
                self.forget(partition, entry.key)
        return found

    def keep(self, key: bytes, answer: CachedAnswer, partition: bytes, words: str, vector: bytes) -> None:
        """See `Neighbours`."""
        wording = Wording(partition, key, answer.id, answer.expires_us, words, packed(vector))
        self._store.keep(key, answer, wording)
        held = self._partitions.get(partition)
        if held is not None:  # one that is not held is read with these
            before = held.size
            held.put(wording)
            self._resized(held, before)

    def forget(self, partition: bytes, key: bytes) -> None:
        """See `Neighbours`."""
        if (held := self._partitions.get(partition)) is not None:
            before = held.size
            held.forget(key)
            self._resized(held, before)

    async def close(self) -> None:
        """See `Neighbours`."""
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._clear()

    async def _soon(self, name: bytes, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have it done once, whoever else asks for it meanwhile; it goes on when nobody waits any more."""
        task = self._under_way.get(name)
        if task is None:
            task = self._under_way[name] = asyncio.get_running_loop().create_task(work())
            task.add_done_callback(lambda _: self._under_way.pop(name, None))
        await asyncio.wait((task,), timeout=PATIENCE_S)

    async def _open(self) -> None:
        try:
            self._embedder = await asyncio.to_thread(self._opens)
        except NoEmbedder as trouble:
            self.trouble = str(trouble)
            self._report(f"cache: answers to other words are not found by their likeness: {trouble}")

    async def _read(self, partition: bytes, now_us: int) -> None:
        """Read what is new of a partition; all of it where it is not held."""
        assert self._embedder is not None
        held = self._partitions.get(partition)
        made = held or Partition(self._embedder.width, self._most)
        while True:
            page = await self._store.wordings(partition, made.mark, _NEWS if made is held else _LOT, now_us)
            if page is None:
                break
            if page.purges != self._purges:
                self._purges = page.purges
                self._clear()
            if page.purges != made.purges and len(made):  # what was read before may be forgotten
                made = Partition(self._embedder.width, self._most)
                continue
            before, made.purges = made.size, page.purges
            if made is held:
                _put(made, page.found)
                self._resized(made, before)
            else:
                await asyncio.to_thread(_put, made, page.found)
            if page.mark == made.mark:
                break
            made.mark = page.mark
        made.read_at = self._clock()
        if made is not self._partitions.get(partition):
            self._partitions[partition] = made
            self._resized(made, 0)

    def _resized(self, kept: Partition, before: int) -> None:
        """A partition takes more than it did, or less: those leave that were not used longest; this one stays."""
        self._size += kept.size - before
        while self._size > self._most and len(self._partitions) > 1:
            name = next(each for each, held in self._partitions.items() if held is not kept)
            self._size -= self._partitions.pop(name).size

    def _clear(self) -> None:
        self._partitions.clear()
        self._size = 0


def _put(partition: Partition, found: Iterable[Wording]) -> None:
    for wording in found:
        partition.put(wording)
