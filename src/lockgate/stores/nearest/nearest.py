"""`Nearest`: of the questions whose answers are kept, those whose words lie near to others.

They are kept where the answers are; here is what of them this process has asked for, a partition at a time. A partition is read
when it is first asked for, off the loop, and looked at again for what others have kept. Whoever asks does not wait for that
longer than a moment: what is not there in time is not near.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import Wording, WordingStore
from lockgate.stores.embedding.ports import Embedder
from lockgate.stores.nearest.beside import Beside
from lockgate.stores.nearest.index import packed
from lockgate.stores.nearest.partition import Partition
from lockgate.stores.nearest.port import CANDIDATES, FLOOR, Candidate
from lockgate.stores.nearest.vectors import Vectors

#: Bytes of all partitions that a process has read.
MOST_BYTES = 256 * 1024 * 1024
#: What others have kept is looked for after so many seconds, when somebody asks.
FRESH_S = 1.0
#: Words that are read at once: of a partition that nobody sees yet, and of one that is in use.
_LOT, _NEWS = 8192, 128
#: From how many entries on they are searched in a thread.
_MANY = 5_000


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
        self._beside = Beside()
        self._vectors = Vectors(opens, self._beside, report)
        self.vector = self._vectors.vector
        self.cosine = self._vectors.cosine
        self._most = most_bytes
        self._clock = clock
        self._partitions: OrderedDict[bytes, Partition] = OrderedDict()
        self._size = 0
        self._purges = 0

    def __repr__(self) -> str:
        return f"Nearest({len(self._partitions)} partitions, {self._size} bytes)"

    @property
    def name(self) -> str:
        """See `Neighbours`."""
        return self._vectors.name

    def look(self) -> None:
        """See `Neighbours`: there is nothing that could be missing."""

    async def near(self, partition: bytes, vector: bytes, now_us: int) -> list[Candidate]:
        """See `Neighbours`."""
        held = self._partitions.get(partition)
        if held is None or self._clock() - held.read_at > FRESH_S:
            await self._beside.soon(partition, lambda: self._read(partition, now_us))
            held = self._partitions.get(partition)
            if held is None:
                return []
        self._partitions.move_to_end(partition)
        if len(held) > _MANY:
            rows = await asyncio.to_thread(held.near, vector, CANDIDATES, FLOOR)
        else:
            rows = held.near(vector, CANDIDATES, FLOOR)
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
        await self._beside.close()
        self._clear()

    async def _read(self, partition: bytes, now_us: int) -> None:
        """Read what is new of a partition; all of it where it is not held."""
        assert self._vectors.embedder is not None
        held, width = self._partitions.get(partition), self._vectors.embedder.width
        made = held or Partition(width, self._most)
        while True:
            page = await self._store.wordings(partition, made.mark, _NEWS if made is held else _LOT, now_us)
            if page is None:
                break
            if page.purges != self._purges:
                self._purges = page.purges
                self._clear()
            if page.purges != made.purges and len(made):  # what was read before may be forgotten
                made = Partition(width, self._most)
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
