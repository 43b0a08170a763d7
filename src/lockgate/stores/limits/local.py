"""Rate limits that are counted on this machine alone, in one worker or in all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic_ns

from lockgate.policy.limiter import Limiter
from lockgate.policy.limits import Denial, Grant, Limit
from lockgate.stores.limits.table import ROW, SharedTable, Table

#: Slots of the table in which a worker counts what it cannot count with the others.
OWN_SLOTS = 256 * ROW


def now_us() -> int:
    """Monotonic µs, which are the same for all processes of a machine."""
    return monotonic_ns() // 1000


class LocalLimits(Limiter):
    """`RateLimits` in a table, which may be shared by so many `workers`."""

    def __init__(self, cells: Table, workers: int = 1, *, clock: Callable[[], int] = now_us) -> None:
        super().__init__(cells, Table(OWN_SLOTS), workers)
        self._table = cells
        self._clock = clock

    async def ask(self, limits: Sequence[Limit], tokens: int = 0) -> Grant | Denial:
        """Never needed: what `take` says, it says at once."""
        return self.take(limits, self._clock(), tokens)

    def state(self) -> str:
        """Whether this worker counts by itself."""
        if isinstance(self._table, SharedTable) and self._table.is_stuck:
            return f"another worker holds the table of limits and does not go on: this one grants 1/{self.workers} of each"
        return ""
