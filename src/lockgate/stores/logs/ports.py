"""What the house asks of the request log, wherever it is kept. Calls block: they are made off the request path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Protocol

import msgspec

from lockgate.core.record import Record
from lockgate.stores.logs.rollup import Minute


class Filter(msgspec.Struct, frozen=True):
    """Which records are meant: all that agree with each member that is set.

    Times are µs since the epoch, `until_us` excluded. `status` is a range, both ends included. `model` is compared with the
    model asked, sent and served, and may have `*` and `?`. `key` is a key's id or name.
    """

    since_us: int | None = None
    until_us: int | None = None
    status: tuple[int, int] | None = None
    outcome: str = ""
    model: str = ""
    provider: str = ""
    key: str = ""
    trace: str = ""
    min_latency_us: int = 0

    def admits(self, record: Record) -> bool:
        """Whether the record is meant."""
        low, high = self.status or (record.status, record.status)
        return (
            (self.since_us is None or record.time_us >= self.since_us)
            and (self.until_us is None or record.time_us < self.until_us)
            and low <= record.status <= high
            and (not self.outcome or record.outcome == self.outcome)
            and (not self.provider or record.provider == self.provider)
            and (not self.key or self.key in (record.key_id, record.key_name))
            and (not self.trace or record.trace_id == self.trace)
            and record.latency_us >= self.min_latency_us
            and (not self.model or self._means_model(record))
        )

    def _means_model(self, record: Record) -> bool:
        pattern = glob(self.model)
        return any(fnmatchcase(model, pattern) for model in (record.model_asked, record.model_sent, record.model_served))


def glob(pattern: str) -> str:
    """A pattern of `*` and `?` alone as one for `fnmatch` and SQL's GLOB, which also know brackets."""
    return pattern.replace("[", "[[]")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """A place in the log, newest first: records older than this one, by time and then id."""

    time_us: int
    id: str

    @classmethod
    def of(cls, record: Record) -> Cursor:
        """The place of a record."""
        return cls(record.time_us, record.id)


class Page(msgspec.Struct):
    """Records, newest first, without their bodies; `next` is where to go on, None at the end."""

    records: list[Record]
    next: Cursor | None


class LogStore(Protocol):
    """Where records live. Each call may raise `StoreError`."""

    def append(self, records: Sequence[Record]) -> int:
        """Keep the records, all or none of a day; those whose id is known already are left alone. How many were new."""
        ...

    def page(self, meant: Filter, after: Cursor | None = None, limit: int = 50) -> Page:
        """The newest records that are meant, older than `after`."""
        ...

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, newest first, however many: few are in memory at a time. With `bodies`, each has the
        body of its request."""
        ...

    def get(self, id: str) -> Record | None:
        """One record with its bodies."""
        ...

    def minutes(self, since_us: int, until_us: int) -> list[Minute]:
        """The roll-ups of whole minutes in [since, until), oldest first."""
        ...

    def prune(self, before_us: int) -> int:
        """Forget days that ended before; how many."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
