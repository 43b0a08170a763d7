"""Vectors of texts, in this process: the embedder is opened when a text first needs it, beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from lockgate.stores.embedding.ports import Embedder, NoEmbedder
from lockgate.stores.nearest.beside import Beside

#: Texts of so many characters have their vectors on the loop; longer ones take a millisecond, in a thread.
_SHORT = 500


class Vectors:
    """`opens` makes the embedder, which takes time and may raise `NoEmbedder`."""

    def __init__(self, opens: Callable[[], Embedder], beside: Beside, report: Callable[[str], None]) -> None:
        self._opens = opens
        self._beside = beside
        self._report = report
        self.embedder: Embedder | None = None
        self.trouble = ""  # why there are no vectors

    def __repr__(self) -> str:
        return f"Vectors({self.name or self.trouble or 'not opened'})"

    @property
    def name(self) -> str:
        """See `Neighbours`."""
        return "" if self.embedder is None else self.embedder.name

    async def vector(self, words: str) -> bytes | None:
        """See `Neighbours`."""
        if self.embedder is None and not self.trouble:
            await self._beside.soon(b"", self._open)
        if self.embedder is None:
            return None
        if len(words) <= _SHORT:
            return self.embedder.embed([words])[0]
        return (await asyncio.to_thread(self.embedder.embed, [words]))[0]

    async def cosine(self, one: str, other: str) -> float | None:
        """See `Neighbours`."""
        vectors = [await self.vector(one), await self.vector(other)]
        here, there = (np.frombuffer(each or b"", "<f4") for each in vectors)
        return round(float(here @ there), 4) if all(vectors) else None

    async def _open(self) -> None:
        try:
            self.embedder = await asyncio.to_thread(self._opens)
        except NoEmbedder as trouble:
            self.trouble = str(trouble)
            self._report(f"cache: answers to other words are not found by their likeness: {trouble}")
