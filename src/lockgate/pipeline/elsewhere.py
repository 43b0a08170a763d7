"""What is being answered in another worker of the machine is waited for, and then taken from the store that they share.

A request that leads (`flights.py`) claims what it asks. If another worker has the claim, it waits until that is let go: then
the answer is in the store, or nobody has one, and this worker has the claim. Streams are waited for like whole answers. A claim
is let go when its answer is written where others find it.
"""

from __future__ import annotations

from lockgate.pipeline.passing import Passing
from lockgate.pipeline.runtime import Runtime
from lockgate.stores.cache.claims import Claims
from lockgate.stores.cache.marks import Seen
from lockgate.stores.cache.port import CacheStore

#: How long another worker's answer is waited for, in seconds, and of what is left of the request's time.
WAIT_S, _SHARE = 60.0, 0.5
#: How often it is looked whether the claim is free, in seconds: at first, and at least.
_FIRST_S, _LATER_S, _SLOWER = 0.002, 0.05, 1.5
#: How often, and for how many times, it is looked whether an answer is written.
_WRITTEN_S, _WRITTEN_TIMES = 0.002, 500


class Claim:
    """One request's claim on a key. `seen`: what the claims said before its answer was looked for."""

    __slots__ = ("_claims", "_key", "_runtime", "_seen", "_store", "_taken")

    def __init__(self, runtime: Runtime, claims: Claims, store: CacheStore, key: bytes, seen: Seen) -> None:
        self._runtime = runtime
        self._claims = claims
        self._store = store
        self._key = key
        self._seen = seen
        self._taken = False

    def __repr__(self) -> str:
        return f"Claim({'taken' if self._taken else 'wanted'})"

    def take(self) -> bool:
        """Whether nobody else asks this, or has been answered since it was looked for."""
        self._taken = self._claims.take(self._key)
        return self._taken and self._claims.seen(self._key) == self._seen

    async def wait(self, passing: Passing, left_s: float) -> None:
        """Wait until it is this worker's; not for ever, and no longer than the caller does. `left_s` is what is left of the
        request's time, in seconds."""
        runtime, caller, pause_s = passing.runtime, passing.caller, _FIRST_S
        until = runtime.clock() + min(WAIT_S, left_s * _SHARE)
        while not self._taken and not caller.left and runtime.clock() < until:
            await runtime.pause(pause_s, caller)
            self._taken = self._claims.take(self._key)
            pause_s = min(pause_s * _SLOWER, _LATER_S)

    def let_go(self, times: int = _WRITTEN_TIMES) -> None:
        """The request has its answer, or none: once that is written, others may have it."""
        if not self._taken:
            return
        if times and not self._store.is_written(self._key):
            self._runtime.later(_WRITTEN_S, lambda: self.let_go(times - 1))
            return
        self._taken = False
        self._claims.drop(self._key)
