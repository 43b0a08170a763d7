"""The port of the index. What implements it needs packages of an extra, and is opened for who has them (`open.py`)."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from lockgate.core.cached import CachedAnswer

#: How many candidates there are, and how near they must be. The right one is among the eight nearest in 97 of 100
#: (docs/caching.md); of the pairs that the verifier takes at `strict` and `standard`, none is further apart.
CANDIDATES: Final = 8
FLOOR: Final = 0.4


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Words, and the answer that is kept for them: see `stores.cache.port.Wording`."""

    key: bytes
    id: str
    expires_us: int
    words: str


class Candidate(msgspec.Struct, frozen=True):
    """Words that are near, and how near: the cosine of the two vectors."""

    entry: Entry
    cosine: float


class Neighbours(Protocol):
    """Of the questions whose answers are kept, those whose words lie near to others. It never raises, and nobody waits for it
    longer than a moment: what is not there in time is not near."""

    @property
    def name(self) -> str:
        """Whose vectors these are; "" until it is known."""
        ...

    def look(self) -> None:
        """A config asks for this: have it reported where something is missing for it."""
        ...

    async def vector(self, words: str) -> bytes | None:
        """The vector of a text; None: there is no embedder, or not yet."""
        ...

    async def cosine(self, one: str, other: str) -> float | None:
        """How near two texts are; None: there is no embedder."""
        ...

    async def near(self, partition: bytes, vector: bytes, now_us: int) -> list[Candidate]:
        """What of a partition is near to a vector, nearest first."""
        ...

    def keep(self, key: bytes, answer: CachedAnswer, partition: bytes, words: str, vector: bytes) -> None:
        """Keep an answer, and these words of its question."""
        ...

    def forget(self, partition: bytes, key: bytes) -> None:
        """The answer of an entry is gone."""
        ...

    async def close(self) -> None:
        """Let go of all."""
        ...
