"""The port to whoever takes records besides the log. A new kind of sink is a module with one class, and its test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from lockgate.core.record import Record
from lockgate.stores.ports import StoreError


class Later(StoreError):
    """Not now, but after so many seconds: whoever takes the records has said so."""

    def __init__(self, message: str, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


class Refused(Exception):
    """All of a batch, for good: it is not tried again. The message says why, and holds no secret."""


class Batch(msgspec.Struct, frozen=True):
    """Records that are sent together, oldest first as far as each worker goes. A batch that is sent again, also by another
    process, has the same `number` and the same records: whoever takes it can tell. `mark` is what the sink said of itself after
    the batch before it (`Sink.mark`)."""

    number: int
    records: Sequence[Record]
    mark: str = ""


class Sink(Protocol):
    """Takes batches, one at a time, in a thread of its own. Calls may block, for a minute at most."""

    #: What it wants to know again after a restart, as it is when a batch has been taken; "" for most.
    @property
    def mark(self) -> str: ...

    def send(self, batch: Batch) -> int:
        """Take a batch; how many of its records could not be taken, for good. Raises `StoreError` (`Later`) where it is to be
        tried again, with the same batch; `Refused` where that is of no use."""
        ...

    def close(self) -> None:
        """Let go of files and connections. What was taken is kept."""
        ...
