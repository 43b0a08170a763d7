"""What the pipeline asks of the cache, wherever it is kept; and what its operator asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from lockgate.core.cached import CachedAnswer


class Wording(msgspec.Struct, frozen=True, gc=False):
    """The words of a question whose answer is kept at `key`, and their vector. `partition`: among whose words they are looked
    for; `id` is the request whose answer it is. They are as confidential as the answer, and are forgotten with it."""

    partition: bytes
    key: bytes
    id: str
    expires_us: int
    words: str
    vector: bytes


class CacheStore(Protocol):
    """Where answers are kept. It never raises and never holds up a request: what it cannot find in time is not there."""

    async def find(self, key: bytes, now_us: int) -> CachedAnswer | None:
        """The answer of a key that has not expired; also one that was given to `keep` a moment ago."""
        ...

    def keep(self, key: bytes, answer: CachedAnswer, wording: Wording | None = None) -> None:
        """Keep an answer, in place of an older one, and the words by which it is found, too; at once for this process, and for
        others as soon as may be."""
        ...

    def drop(self, key: bytes) -> None:
        """Forget the answer of a key."""
        ...

    def is_written(self, key: bytes) -> bool:
        """Whether nothing about a key waits to be written: what was given to `keep` is where others find it, or lost."""
        ...

    async def close(self) -> None:
        """Write down what is to be written, and let go."""
        ...


class Wordings(msgspec.Struct, frozen=True):
    """Words of one partition, in the order in which they were kept; `mark` says up to where. `purges` is another number
    each time that an operator has had answers forgotten; words that were read before may be of those."""

    found: Sequence[Wording]
    mark: int
    purges: int


@runtime_checkable
class WordingStore(CacheStore, Protocol):
    """A cache of whose words each process has an index of its own. Words are found until their answer is forgotten."""

    async def wordings(self, partition: bytes, after: int, most: int, now_us: int) -> Wordings | None:
        """Words of a partition that were kept after a mark (0: all), at most so many. None: it cannot tell now. It takes its
        time, and the loop goes on meanwhile."""
        ...


@runtime_checkable
class SearchingStore(CacheStore, Protocol):
    """A cache whose server searches its words itself. Words are found until their answer is forgotten."""

    async def nearest(self, partition: bytes, vector: bytes, now_us: int) -> Sequence[tuple[Wording, float]]:
        """A few of a partition that lie nearest to a vector (as an embedder gives it), without theirs, and their cosines;
        nothing when it cannot tell in time."""
        ...

    def look(self) -> None:
        """Have the server looked at, whether it can: if not, it is reported what is missing."""
        ...


class Meant(msgspec.Struct, frozen=True):
    """Which entries an operator means: all that agree with each member that is set. `id` is the request whose answer it is."""

    organisation: str = ""
    workspace: str = ""
    namespace: str | None = None
    model: str = ""
    provider: str = ""
    id: str = ""
    before_us: int | None = None


class Kept(msgspec.Struct, frozen=True):
    """An entry as its operator sees it. `size` in bytes; `used_us` is when it was last given, to the minute."""

    id: str
    time_us: int
    expires_us: int
    used_us: int
    size: int
    organisation: str
    workspace: str
    namespace: str
    provider: str
    model: str


class CacheShelf(Protocol):
    """The operator's side. Calls block, and may raise `StoreError`. What only points to another entry goes with what is meant,
    and is not seen."""

    def entries(self, meant: Meant, limit: int = 50, offset: int = 0) -> Sequence[Kept]:
        """The entries that are meant, the newest first."""
        ...

    def size(self, meant: Meant) -> tuple[int, int]:
        """How many they are, and how many bytes."""
        ...

    def purge(self, meant: Meant) -> int:
        """Forget them; how many they were."""
        ...
