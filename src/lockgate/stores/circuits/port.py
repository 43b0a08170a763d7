"""What machines tell each other of their circuits, and where: a place that all of them can reach.

Times are relative (µs ago, µs from now): no two machines' clocks need to agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

#: What a circuit is, as a gate has it: closed; open until; a probe is out and has until.
Kind = Literal[0, 1, 2]
CLOSED: Kind = 0
OPEN: Kind = 1
PROBED: Kind = 2


class Telling(msgspec.Struct, frozen=True):
    """A circuit, as the machine has it that tells. `base` is the number of the news that its state follows; `changed`: it is
    no longer what that news said. `wants`: a request would probe it, if it may."""

    digest: bytes
    base: int
    kind: Kind
    age_us: int
    left_us: int
    changed: bool
    wants: bool


class Hearing(msgspec.Struct, frozen=True):
    """What became of it: its number if it is news now, else 0; and whether this machine may probe."""

    number: int
    permit: bool


class News(msgspec.Struct, frozen=True):
    """A circuit, as all machines should have it. `number` grows from one news to the next."""

    digest: bytes
    number: int
    kind: Kind
    age_us: int
    left_us: int


class Round(msgspec.Struct, frozen=True):
    """The answer to one telling. `epoch` names the memory of the place: another one means that the place forgot everything.
    News are those after the cursor, oldest first, or a part of them; `cursor` is the last of these."""

    epoch: bytes
    cursor: int
    heard: list[Hearing]
    news: list[News]


class Exchange(Protocol):
    """The place. A call may raise `StoreError`, and takes a bounded time."""

    async def round(self, machine: str, epoch: bytes, cursor: int, tellings: Sequence[Telling]) -> Round:
        """Tell, and hear what is new."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
