"""A circuit breaker: leaves a target alone that fails, and lets one request at a time find out whether it is well again.

    closed     requests pass and are counted; enough failures open it
    open       nobody passes until the cool-down is over
    half-open  one request passes, the probe; what becomes of it closes the circuit or opens it again. A probe that never
               reports back is given up after another cool-down, so there is never more than one in that time.

All there is to know of a circuit are a few numbers (`Cell`), which may be shared by the workers of a machine: the gate, which
changes only from one state to the next, and a column for each worker, in which nobody else writes. Two numbers are the gate.
`until`: 0 closed, above 0 open until then, below 0 a probe is out and has until then. `since`: when that began. What was
counted before belongs to another state and counts no more, so nothing is ever cleared in somebody else's column.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from lockgate.core.failure import Failure, FailureKind
from lockgate.policy.retry import matches

State = Literal["closed", "open", "half-open"]

#: The kinds of failure that tell against the target, and not against the request, the key or its quota.
FAULTS: frozenset[FailureKind] = frozenset({"server", "overloaded", "connect", "timeout", "cut", "malformed"})

#: Where a policy names no threshold: this share of at least `minimum` requests, or so many failures without a success between
#: them, which opens at once what dies in the middle of much traffic (Envoy's outlier detection ejects after as many).
PERCENTAGE = 50.0
IN_A_ROW = 5
#: The shortest cool-down, in seconds: a shorter one is this long. Portkey makes all that are shorter than 30 s that long.
LEAST_COOLDOWN_S = 1.0
#: A cool-down is up to this part longer, so that not everybody probes at once.
_SPREAD = 0.2

#: The window is looked at in so many pieces: it slides by one of them.
_BUCKETS = 10
#: No state lasts as long, in seconds: one that seems to has a damaged gate.
_AGES_S = 1e12

#: The gate's two numbers.
_UNTIL, _SINCE = range(2)
GATE_WORDS = 2
#: A column's numbers: the last success; of the failures without a success between them how many, the first and the last;
#: then of each bucket its start, its requests and its failures.
_WELL, _ROW, _ROW_FROM, _ROW_TO, _FIRST_BUCKET = range(5)
COLUMN_WORDS = _FIRST_BUCKET + 3 * _BUCKETS


class BreakerPolicy(msgspec.Struct, frozen=True, cache_hash=True):
    """When a circuit opens, and for how long.

    It opens at `failures` within `window_s`, at `percentage` of at least `minimum` requests in it, or at so many `in_a_row`;
    those that are None do not count, and where all are it is 50% or 5 in a row. `statuses`: what is a failure; None: `FAULTS`.
    Raises `ValueError` for numbers that make no sense.
    """

    failures: int | None = None
    percentage: float | None = None
    cooldown_s: float = 30.0
    statuses: frozenset[int] | None = None
    minimum: int = 5
    window_s: float = 60.0
    in_a_row: int | None = None

    def __post_init__(self) -> None:
        if self.failures is not None and self.failures < 1:
            raise ValueError(f"the number of failures must be 1 or more, not {self.failures}")
        if self.percentage is not None and not 0 < self.percentage <= 100:
            raise ValueError(f"the percentage of failures must be above 0 and at most 100, not {self.percentage}")
        if self.in_a_row is not None and self.in_a_row < 1:
            raise ValueError(f"the number of failures in a row must be 1 or more, not {self.in_a_row}")
        if self.minimum < 1:
            raise ValueError(f"the minimum of requests must be 1 or more, not {self.minimum}")
        if not 0 < self.cooldown_s <= 86_400:
            raise ValueError(f"the cool-down must be above 0 and at most a day, not {self.cooldown_s} s")
        if not 1 <= self.window_s <= 86_400:
            raise ValueError(f"the window must lie between a second and a day, not {self.window_s} s")

    @property
    def identity(self) -> str:
        """The policy in one line: two that are equal have the same."""
        statuses = "faults" if self.statuses is None else ",".join(map(str, sorted(self.statuses)))
        opens = f"{self.failures}/{self.percentage}/{self.minimum}/{self.in_a_row}"
        return f"{opens} in {self.window_s} of {statuses} for {self.cooldown_s}"

    def counts(self, failure: Failure) -> bool:
        """Whether a failure tells against the target."""
        if self.statuses is None:
            return failure.kind in FAULTS
        return matches(failure, self.statuses, frozenset())


class Words(Protocol):
    """A row of numbers that others may read while it is written. Each is read and written whole."""

    def __getitem__(self, index: int, /) -> float: ...

    def __setitem__(self, index: int, value: float, /) -> None: ...

    def tolist(self) -> Sequence[float]:
        """All of them as they are now."""
        ...


class Cell(Protocol):
    """Where the numbers of one circuit are."""

    def gate(self) -> Words:
        """The gate, to be read: `GATE_WORDS`, at first 0."""
        ...

    def mine(self) -> Words:
        """The column to write in: `COLUMN_WORDS`, at first 0."""
        ...

    def columns(self) -> Sequence[Words]:
        """All columns that may have something in them, one's own among them."""
        ...

    def admits(self, since: float, now: float) -> bool:
        """Whether whoever shares this circuit elsewhere leaves a probe to us, of the state that began at `since`. Asking says
        that one is wanted."""
        ...

    def swap(self, until: float, since: float, to_until: float, to_since: float) -> bool:
        """Change the gate if it still says `until` and `since`; False when somebody else was first."""
        ...


class LocalCell:
    """The numbers of a circuit that only this worker knows."""

    __slots__ = ("_column", "_gate")

    def __init__(self) -> None:
        self._gate = array("d", bytes(8 * GATE_WORDS))
        self._column = array("d", bytes(8 * COLUMN_WORDS))

    def gate(self) -> Words:
        return self._gate

    def mine(self) -> Words:
        return self._column

    def columns(self) -> Sequence[Words]:
        return (self._column,)

    def admits(self, since: float, now: float) -> bool:
        return True

    def swap(self, until: float, since: float, to_until: float, to_since: float) -> bool:
        gate = self._gate
        if gate[_UNTIL] != until or gate[_SINCE] != since:
            return False
        set_gate(gate, to_until, to_since)
        return True


def touched(gate: Words, column: Words) -> float:
    """When a column of a circuit, or its gate, was last written."""
    return max(gate[_SINCE], column[_WELL], column[_ROW_TO])


def set_gate(gate: Words, until: float, since: float) -> None:
    """Write a gate; whoever may do so at the same time has been locked out. Who reads it meanwhile sees no state that never
    was: `until` says which it is, and comes last."""
    gate[_SINCE] = since
    gate[_UNTIL] = until


class Breaker:
    """One circuit as one worker sees it. `now` is monotonic seconds on a clock that all workers share; `chance` gives [0, 1).

    A request asks `allows` while it is planned, `begin` before it is sent, and tells `report` how it went.
    """

    __slots__ = ("_cell", "_chance", "_cooldown_s", "_in_a_row", "_longest_s", "_percentage", "_policy", "_width_s")

    def __init__(self, policy: BreakerPolicy, cell: Cell, chance: Callable[[], float]) -> None:
        self._policy = policy
        self._cell = cell
        self._chance = chance
        self._cooldown_s = max(LEAST_COOLDOWN_S, policy.cooldown_s)
        self._longest_s = self._cooldown_s * (1 + _SPREAD) + 1.0
        self._width_s = policy.window_s / _BUCKETS
        usual = policy.failures is None and policy.percentage is None and policy.in_a_row is None
        self._percentage = PERCENTAGE if usual else policy.percentage
        self._in_a_row = IN_A_ROW if usual else policy.in_a_row

    def __repr__(self) -> str:
        until = self._cell.gate()[_UNTIL]
        if until == 0:
            return "Breaker(closed)"
        return f"Breaker(open until {until:g})" if until > 0 else f"Breaker(probe until {-until:g})"

    def allows(self, now: float) -> bool:
        """Whether a request may be planned for this target."""
        gate = self._cell.gate()
        until, since = gate[_UNTIL], gate[_SINCE]
        return until == 0.0 or (not self._bars(until, now) and self._cell.admits(since, now))

    def begin(self, now: float) -> bool:
        """A request is about to be sent. False: the circuit is open, or somebody else is probing or may."""
        gate = self._cell.gate()
        until, since = gate[_UNTIL], gate[_SINCE]
        if until == 0.0:
            return True
        if self._bars(until, now) or not self._cell.admits(since, now):
            return False
        return self._cell.swap(until, since, -self._cooled(now), now)

    def report(self, now: float, failure: Failure | None, began: float | None = None) -> None:
        """How a request went; None: well. `began` is the `now` that `begin` was given: what began before the present state did
        tells nothing about it. Where it is not known, a report while a probe is out is taken for the probe's."""
        gate = self._cell.gate()
        until, since = gate[_UNTIL], gate[_SINCE]
        if began is not None and began < since:
            return
        failed = failure is not None and self._policy.counts(failure)
        if until == 0.0:
            if self._count(now, since, failed) and self._fails(now, since):
                self._cell.swap(until, since, self._cooled(now), now)
        elif not failed and (until < 0 or began is not None):
            # The probe; or one that passed an open circuit since nobody else was left, and tells as much.
            self._cell.swap(until, since, 0.0, now)
        elif failed and until < 0:
            self._cell.swap(until, since, self._cooled(now), now)

    def state(self, now: float) -> State:
        """The state. Half-open is also one whose probe is out."""
        until = self._cell.gate()[_UNTIL]
        if until == 0.0:
            return "closed"
        return "open" if until > 0 and self._bars(until, now) else "half-open"

    def until(self, now: float) -> float:
        """When the next request may pass: now, or later."""
        until = self._cell.gate()[_UNTIL]
        return abs(until) if until != 0.0 and self._bars(until, now) else now

    def _bars(self, until: float, now: float) -> bool:
        # A moment further away than any that is ever set is no state but damage; nor is one that is not a number.
        return now < abs(until) <= now + self._longest_s

    def _cooled(self, now: float) -> float:
        return now + self._cooldown_s * (1 + _SPREAD * self._chance())

    def _count(self, now: float, since: float, failed: bool) -> bool:
        """Write the request into the bucket of this moment; whether it failed. Buckets start at `since`, the same for all."""
        past = now - since
        number = int(past / self._width_s) if 0.0 < past < _AGES_S else 0
        start = since + number * self._width_s
        at = _FIRST_BUCKET + 3 * (number % _BUCKETS)
        column = self._cell.mine()
        if column[at] != start:
            column[at + 1] = column[at + 2] = 0.0
            column[at] = start
        column[at + 1] += 1.0
        if failed:
            column[at + 2] += 1.0
        else:
            column[_WELL] = now
            column[_ROW] = 0.0
        return failed

    def _fails(self, now: float, since: float) -> bool:
        """Whether this failure, which has been counted, is the one that opens the circuit."""
        columns = self._cell.columns()
        oldest = now - self._policy.window_s
        if self._in_a_row is not None:
            start = max(since, *(column[_WELL] for column in columns))
            self._lengthen(now, start, oldest)
            rows = (column for column in columns if column[_ROW_FROM] >= start and column[_ROW_TO] >= oldest)
            if sum(column[_ROW] for column in rows) >= self._in_a_row:
                return True
        most, percentage = self._policy.failures, self._percentage
        if most is None and percentage is None:
            return False
        requests = failures = 0.0
        for column in columns:
            words = column.tolist()
            for at in range(_FIRST_BUCKET, COLUMN_WORDS, 3):
                if words[at] > oldest and words[at] >= since:
                    requests += words[at + 1]
                    failures += words[at + 2]
        if most is not None and failures >= most:
            return True
        return percentage is not None and requests >= self._policy.minimum and 100 * failures >= percentage * requests

    def _lengthen(self, now: float, start: float, oldest: float) -> None:
        """One more failure in this worker's row; a success of anybody's, or a window without a failure, has ended it."""
        column = self._cell.mine()
        if column[_ROW_FROM] < start or column[_ROW_TO] < oldest or not column[_ROW]:
            column[_ROW] = 0.0
            column[_ROW_FROM] = now
        column[_ROW_TO] = now
        column[_ROW] += 1.0
