"""What is known of the targets while requests go to them: who answers how fast, who is busy, who is out.

It lives beside the snapshot and is kept over reloads: a target is known by its provider's slug and its model. Circuits may be
shared by all workers (`cells`); speed and load are each worker's own.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp

import msgspec

from lockgate.core.failure import Failure
from lockgate.pipeline.target import Key
from lockgate.policy.breaker import Breaker, BreakerPolicy, Cell
from lockgate.policy.hedge import Hedge, Pace
from lockgate.policy.retry_budget import RetryBudget

#: How many targets and keys are known at most; the longest unused are forgotten.
_MOST = 4096
#: Seconds in which the memory of a slow answer fades to a third (peak-sensitive moving average, as Finagle's P2C has it).
_FADES_S = 10.0
#: How long a key is left alone that is rate limited and was not told how long; the longest that it is, whatever it was told.
_PAUSE_S, _LONGEST_S = 5.0, 300.0
#: How long a key is left alone that the provider does not take, or that has no money left.
_REFUSED_S = {"auth": 60.0, "billing": 300.0}


class Pulse(msgspec.Struct):
    """One target. `latency_s` is to the answer's headers; `quota` the part of its rate limits that is left, None: not said."""

    in_flight: int = 0
    latency_s: float = 0.0
    heard_s: float = 0.0
    quota: float | None = None


class Health:
    """The pulses, circuits and parked keys. Times are monotonic seconds, given by the caller."""

    def __init__(self, cells: Callable[[str], Cell], chance: Callable[[], float]) -> None:
        self.cells = cells
        self._chance = chance
        self._pulses: dict[Key, Pulse] = {}
        self._breakers: dict[tuple[Key, BreakerPolicy], Breaker] = {}
        self._parked: dict[Key, tuple[float, str]] = {}  # until when, and why; a key without a model: all its models
        self._budgets: dict[str, RetryBudget] = {}
        self._paces: dict[tuple[Key, Hedge, bool], Pace] = {}

    def out(self, key: Key, policy: BreakerPolicy | None, now: float) -> str:
        """Why a target is not to be tried now; "" when it is."""
        if self._parked:
            for each in (key, (key[0], "")):
                if (parked := self._parked.get(each)) is not None:
                    if now < parked[0]:
                        return parked[1]
                    del self._parked[each]
        if policy is not None and not (breaker := self.breaker(key, policy)).allows(now):
            return f"circuit {breaker.state(now)}"
        return ""

    def begin(self, key: Key, policy: BreakerPolicy | None, now: float) -> bool:
        """A try begins. False: its circuit is open and somebody else is probing it."""
        if policy is not None and not self.breaker(key, policy).begin(now):
            return False
        self.pulse(key).in_flight += 1
        return True

    def begin_anyway(self, key: Key) -> None:
        """A try begins because there is nobody else."""
        self.pulse(key).in_flight += 1

    def answered(self, key: Key, policy: BreakerPolicy | None, began: float, now: float) -> None:
        """A try that began at `began` has the beginning of an answer. That ends a probe, since the rest may last long; whether
        it counts as a success is not known before its end."""
        pulse = self.pulse(key)
        waited_s = now - began
        fresh = exp(-(now - pulse.heard_s) / _FADES_S)
        slow = waited_s >= pulse.latency_s
        pulse.latency_s = waited_s if slow else pulse.latency_s * fresh + waited_s * (1 - fresh)
        pulse.heard_s = now
        if policy is not None and (breaker := self.breaker(key, policy)).state(now) != "closed":
            breaker.report(now, None, began)

    def succeeded(self, key: Key, policy: BreakerPolicy | None, began: float, now: float) -> None:
        """A try that began at `began` has been answered to its end."""
        if policy is not None:
            self.breaker(key, policy).report(now, None, began)

    def failed(self, key: Key, policy: BreakerPolicy | None, began: float, now: float, failure: Failure) -> None:
        """A try that began at `began` has failed."""
        self._park(key, failure, now)
        if policy is not None:
            self.breaker(key, policy).report(now, failure, began)

    def ended(self, key: Key) -> None:
        """A try is over, whatever became of it."""
        self.pulse(key).in_flight -= 1

    def pulse(self, key: Key) -> Pulse:
        """What is known of a target."""
        pulse = self._pulses.get(key)
        if pulse is None:
            if len(self._pulses) >= _MOST:
                idle = next((each for each, known in self._pulses.items() if not known.in_flight), None)
                if idle is not None:
                    del self._pulses[idle]
            pulse = self._pulses[key] = Pulse()
        return pulse

    def pulses(self) -> dict[Key, Pulse]:
        """What is known of each target. Not to be changed."""
        return self._pulses

    def parked(self, now: float) -> list[tuple[Key, float, str]]:
        """The keys that are left alone now, for how many seconds more, and why."""
        return [(key, until - now, why) for key, (until, why) in self._parked.items() if now < until]

    def breaker(self, key: Key, policy: BreakerPolicy) -> Breaker:
        """The circuit of a target under a policy."""
        breaker = self._breakers.get((key, policy))
        if breaker is None:
            if len(self._breakers) >= _MOST:
                del self._breakers[next(iter(self._breakers))]
            identity = "\t".join((*key, policy.identity))
            breaker = self._breakers[key, policy] = Breaker(policy, self.cells(identity), self._chance)
        return breaker

    def budget(self, slug: str) -> RetryBudget:
        """The retries that a provider may be burdened with."""
        budget = self._budgets.get(slug)
        if budget is None:
            if len(self._budgets) >= _MOST:
                del self._budgets[next(iter(self._budgets))]
            budget = self._budgets[slug] = RetryBudget()
        return budget

    def pace(self, key: Key, hedge: Hedge, stream: bool) -> Pace:
        """How soon a target begins its answers: streams, or whole ones, which take as long as it takes to write them."""
        pace = self._paces.get((key, hedge, stream))
        if pace is None:
            if len(self._paces) >= _MOST:
                del self._paces[next(iter(self._paces))]
            pace = self._paces[key, hedge, stream] = Pace(hedge)
        return pace

    def _park(self, key: Key, failure: Failure, now: float) -> None:
        if failure.kind == "rate_limit":
            self._leave(key, now + min(failure.retry_after or _PAUSE_S, _LONGEST_S), "rate limited")
        elif (seconds := _REFUSED_S.get(failure.kind)) is not None:
            # Forbidden is often one model alone, that the account has no access to.
            whose = key if failure.kind == "auth" and failure.status == 403 else (key[0], "")
            self._leave(whose, now + seconds, f"its key was refused ({failure.kind})")

    def _leave(self, key: Key, until: float, why: str) -> None:
        if len(self._parked) >= _MOST:
            del self._parked[next(iter(self._parked))]
        self._parked[key] = (until, why)
