"""What the pipeline asks of rate limits, wherever they are counted; and what a counter of all machines is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from lockgate.policy.allotment import Settlement
from lockgate.policy.limits import Denial, Grant, Limit, Reading


class RateLimits(Protocol):
    """The limits, as one worker sees them. `now` is integer µs on a monotonic clock that the workers of a machine share.

    A request takes from all its limits at once, and settles once, whatever becomes of it.
    """

    def take(self, limits: Sequence[Limit], now: int, tokens: int = 0) -> Grant | Denial | None:
        """Count a request in all of its limits, or in none; with so many tokens in those of tokens. None: `ask`."""
        ...

    async def ask(self, limits: Sequence[Limit], tokens: int = 0) -> Grant | Denial:
        """The same, where it cannot be said at once: after an answer or two of the counter, which take 50 ms each at most."""
        ...

    def settle(self, grant: Grant, now: int, tokens: int | None = None) -> None:
        """The request has ended, and used so many tokens; None: as many as were taken. Later calls do nothing."""
        ...

    def renew(self, grant: Grant, now: int) -> None:
        """The request goes on: to be said every quarter of a minute, where it is in the limit of what runs at once."""
        ...

    def readings(self, limits: Sequence[Limit], now: int) -> list[Reading]:
        """What is left, for headers and dashboards."""
        ...

    def state(self) -> str:
        """How it is, in a few words: "" when all is as it should be."""
        ...


class Ask(msgspec.Struct):
    """What a machine asks of the counter of a limit: units that requests wait for, `need` in all and `least` by the smallest of
    them, and more that it could use in the next `life_us`.

    Of a rate it tells what became of earlier units, and the debt that it last saw (at `stamp`, by the counter's clock). Of
    requests that run at once it tells how many do here.
    """

    limit: Limit
    least: int
    need: int
    more: int
    life_us: int
    debt: int = 0
    stamp: int = 0
    running: int = 0
    settlements: list[Settlement] = []


class Answer(msgspec.Struct):
    """What the counter says: so many units; or none, and when there will be room. Of requests that run at once: how many may
    run here in all."""

    granted: int
    wait_us: int
    term: int
    debt: int
    stamp: int


class Counter(Protocol):
    """The counter of all machines. Each call may raise `StoreError`, and takes 50 ms at most."""

    async def ask(self, asks: Sequence[Ask], machine: int, machines: int) -> list[Answer]:
        """Ask; the answers are in the order of what was asked."""
        ...

    async def pulse(self, machine: int) -> int:
        """Say that this machine is there; how many are."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
