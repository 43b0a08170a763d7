"""A retry budget: what keeps retries from burying a provider that is down already.

Each request pays a part of a retry in, each retry takes a whole one out ("Handling Overload", Google SRE Book, ch. 21: retries
stay under a tenth of the requests; Finagle's RetryBudget adds a floor, so that little traffic may be retried too). In any
stretch of time, retries <= `ratio` * requests + `floor_per_s` * seconds + `burst`. With the figures below a provider that is
down hears, of 20 requests a second, 1.15 tries a request in the long run, and 1.2 in the first ten seconds.
"""

from __future__ import annotations

#: Retries that a request pays for, that a second gives, and that are kept for later at most.
RATIO = 0.1
FLOOR_PER_S = 1.0
BURST = 10.0


class RetryBudget:
    """One provider's, in one worker: where several workers ask, each gets its share of the floor and the burst.

    `now` is monotonic seconds.
    """

    __slots__ = ("_burst", "_floor_per_s", "_held", "_ratio", "_since")

    def __init__(self, *, ratio: float = RATIO, floor_per_s: float = FLOOR_PER_S, burst: float = BURST) -> None:
        self._ratio = ratio
        self._floor_per_s = floor_per_s
        # A bucket that cannot hold one retry would never give one.
        self._burst = max(1.0, burst)
        self._held = self._burst
        self._since = 0.0

    def __repr__(self) -> str:
        return f"RetryBudget({self._held:.1f} of {self._burst:g} retries)"

    def asked(self, now: float) -> None:
        """A request is sent for the first time."""
        self._held = min(self._burst, self.left(now) + self._ratio)

    def left(self, now: float) -> float:
        """Retries that could be had now."""
        if now > self._since:
            self._held = min(self._burst, self._held + (now - self._since) * self._floor_per_s)
            self._since = now
        return self._held

    def spend(self, now: float) -> bool:
        """Take one retry. False: there is none left, go elsewhere."""
        if self.left(now) < 1.0:
            return False
        self._held -= 1.0
        return True
