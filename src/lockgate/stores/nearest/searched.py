"""`Searched`: the words of a cache whose server searches them itself. This process makes the vectors, and keeps nothing."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.port import SearchingStore, Wording
from lockgate.stores.embedding.ports import Embedder
from lockgate.stores.nearest.beside import Beside
from lockgate.stores.nearest.index import packed
from lockgate.stores.nearest.port import FLOOR, Candidate, Entry
from lockgate.stores.nearest.vectors import Vectors


class Searched:
    """See `Neighbours`. `opens` makes the embedder, which takes time and may raise `NoEmbedder`."""

    def __init__(self, store: SearchingStore, opens: Callable[[], Embedder], *, report: Callable[[str], None]) -> None:
        self._store = store
        self._beside = Beside()
        self._vectors = Vectors(opens, self._beside, report)
        self.vector = self._vectors.vector
        self.cosine = self._vectors.cosine

    def __repr__(self) -> str:
        return f"Searched({self._store!r})"

    @property
    def name(self) -> str:
        """See `Neighbours`."""
        return self._vectors.name

    def look(self) -> None:
        """See `Neighbours`."""
        self._store.look()

    async def near(self, partition: bytes, vector: bytes, now_us: int) -> list[Candidate]:
        """See `Neighbours`."""
        found = await self._store.nearest(partition, vector, now_us)
        near = [
            Candidate(Entry(each.key, each.id, each.expires_us, each.words), cosine)
            for each, cosine in found
            if cosine >= FLOOR  # which that of a text without words, no number, is not
        ]
        return sorted(near, key=lambda each: -each.cosine)  # the server's order is about right

    def keep(self, key: bytes, answer: CachedAnswer, partition: bytes, words: str, vector: bytes) -> None:
        """See `Neighbours`."""
        self._store.keep(key, answer, Wording(partition, key, answer.id, answer.expires_us, words, packed(vector)))

    def forget(self, partition: bytes, key: bytes) -> None:
        """See `Neighbours`: the answer took its words along."""

    async def close(self) -> None:
        """See `Neighbours`."""
        await self._beside.close()
