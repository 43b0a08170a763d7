"""Hedged requests: when a second one goes out beside a first that is slow, and how many may.

A second request after the time in which 95 of 100 have begun their answers adds one request in twenty at most, and takes most
of the tail away ("The Tail at Scale", Dean and Barroso, CACM 56(2), 2013). What a hedge costs is bounded apart from that: in
any row of requests, hedges <= `percentage` / 100 * requests + 1, even when all of them are slow at once, since then a second
request would only add to what makes them slow.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import deque

import msgspec

#: How many answers a percentile is taken from, at most and at least (p99 needs a hundred to mean anything).
WINDOW, LEAST = 256, 20
#: Hedges that are saved up at most, so that a quiet night does not pay for a bad minute.
BURST = 10.0
#: The percentiles that may be waited for, and the longest fixed wait in milliseconds.
LOWEST, HIGHEST = 50, 99
LONGEST_MS = 3_600_000
_PERCENTILE = re.compile(r"p([1-9][0-9])", re.ASCII)


class Hedge(msgspec.Struct, frozen=True):
    """When a request is hedged: after the `percentile` of the times in which its target begins to answer, or, without one,
    after `after_s` seconds. `percentage`: hedges in a hundred requests. `same`: the second goes where the first went, not to
    the next target. Raises `ValueError` for numbers that make no sense.
    """

    percentile: int | None = 95
    after_s: float = 0.0
    percentage: float = 5.0
    same: bool = False

    def __post_init__(self) -> None:
        if self.percentile is None:
            if not 0 < self.after_s * 1000 <= LONGEST_MS:
                raise ValueError(f"after must lie between 1 and {LONGEST_MS} milliseconds")
        elif not LOWEST <= self.percentile <= HIGHEST:
            raise ValueError(f"after must be a percentile from p{LOWEST} to p{HIGHEST}")
        if not 0 < self.percentage <= 100:
            raise ValueError(f"max_percentage must be above 0 and at most 100, not {self.percentage:g}")

    @property
    def least(self) -> int:
        """How many answers its percentile needs: as many as leave one above it."""
        return max(LEAST, -(-100 // (100 - (self.percentile or 0))))


def read_hedge(after: str | float, percentage: float, same: bool) -> Hedge:
    """A hedge as it is written: `after` is "p95" or milliseconds. Raises `ValueError`."""
    if not isinstance(after, str):
        return Hedge(None, after / 1000, percentage, same)
    said = _PERCENTILE.fullmatch(after)
    if said is None:
        raise ValueError(f"after must be a number of milliseconds or a percentile like 'p95', not '{after}'")
    return Hedge(int(said[1]), 0.0, percentage, same)


class Pace:
    """How soon one target begins its answers under one hedge, and the hedges that its requests have paid for.

    Each worker has its own. Times are in seconds.
    """

    __slots__ = ("_hedge", "_held", "_order", "_sorted")

    def __init__(self, hedge: Hedge) -> None:
        self._hedge = hedge
        self._held = 1.0  # the first may be hedged: who sets this up sees that it works
        self._order: deque[float] = deque()
        self._sorted: list[float] = []

    def __repr__(self) -> str:
        return f"Pace({len(self._sorted)} answers, {self._held:.2f} hedges)"

    def asked(self) -> None:
        """A request is sent: it pays for its part of a hedge."""
        self._held = min(BURST, self._held + self._hedge.percentage / 100)

    def wait_s(self) -> float | None:
        """How long to wait before hedging the request that is sent now. None: it is not hedged, since there is nothing left
        to pay with, or too little is known."""
        if self._held < 1.0:
            return None
        percentile = self._hedge.percentile
        if percentile is None:
            return self._hedge.after_s
        known = len(self._sorted)
        return None if known < self._hedge.least else self._sorted[-(-percentile * known // 100) - 1]

    def spend(self) -> bool:
        """A hedge is sent. False: others have taken what was left."""
        if self._held < 1.0:
            return False
        self._held -= 1.0
        return True

    def began(self, waited_s: float) -> None:
        """An answer began after so long; or had not when it was broken off because the hedge was faster. That one counts too,
        by what is known of it: it was longer than the percentile, and that is all that a percentile asks. Without it the
        slowest were never counted, and the wait would sink with every hedge."""
        if self._hedge.percentile is None:
            return
        if len(self._order) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._order.popleft())]
        self._order.append(waited_s)
        insort(self._sorted, waited_s)
