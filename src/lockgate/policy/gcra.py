"""The arithmetic of a rate limit: the generic cell rate algorithm (ITU-T I.371), in integers, with a settlement afterwards.

A cell is a debt that drains steadily. What is admitted adds to it, and nothing is admitted that would lift it above the
burst. So in any interval of w µs, from any moment to any other, no more is admitted than burst + value * w / window.

Debts are in ticks, a part of a microsecond chosen so that a unit (a request, a token) is a whole number of them: 10,000 or
more where it does not come out even, and rounded up, so that a limit may be a ten-thousandth lower than it says, and is never
higher. Times are integer microseconds of a clock that the caller names.

What is reserved by an upper bound and settled afterwards is charged in full when it is reserved. That alone is safe, and wastes
what was reserved too much. Giving back what is left over is not safe: it may have drained already, and would then be given
twice. So a cell keeps a second account, in which a reservation is held without draining until it is settled and drains from
then on. What is true lies at or under both, so the lower of the two may be taken at any time. A reservation that nobody ever
settles (a process died) is forgotten when the debt has drained, at the latest: the cell then begins a new term, and what was
held in an old one is settled no more.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

#: A unit that does not come out even in microseconds has at least so many ticks.
_FINE = 10_000
#: Debts stay exact in a double, which is what Redis' scripts count in.
_MOST_TICKS = 2**52
#: A moment so much before one that is known, in µs, is another's earlier look at the clock; one that is further away means that
#: the clock has been set back, and counts from there.
SKEW_US = 1_000_000

#: A cell's numbers: the ticks of a unit that the others are in; when they were last brought up to date; the debt; the debt of
#: what is settled, what is held, and the term that it is held in. All are 0 at first.
UNIT, STAMP, DEBT, SETTLED, HELD, TERM = range(6)
CELL_WORDS = 6


class Words(Protocol):
    """A row of numbers. Whoever else may write in it is locked out while these functions run."""

    def __getitem__(self, index: int, /) -> int: ...

    def __setitem__(self, index: int, value: int, /) -> None: ...


class Rate(msgspec.Struct, frozen=True):
    """How fast a debt drains (`ticks` a µs), what a unit adds to it, and how high it may be (`cap`)."""

    ticks: int
    unit: int
    cap: int

    def share(self, of: int) -> Rate:
        """The rate and the burst divided by `of`; the burst is one unit at least, for less would never admit anything."""
        unit = self.unit * of
        return Rate(self.ticks, unit, max(self.cap, unit))

    def wait_us(self, debt: int, units: int) -> int:
        """After how long a debt has room for so many units; 0: at once. For no more units than the burst has."""
        return max(0, -(-(debt + units * self.unit - self.cap) // self.ticks))

    def room(self, debt: int) -> int:
        """How many units there is room for."""
        return max(0, (self.cap - debt) // self.unit)

    def drains_us(self, debt: int) -> int:
        """After how long a debt is gone."""
        return -(-debt // self.ticks)


def rate_of(value: int, window_us: int, burst: int) -> Rate:
    """The rate of `value` units in `window_us`. Raises `ValueError` for what is not positive, or too large to be exact."""
    if value < 1 or window_us < 1 or burst < 1:
        raise ValueError("a limit, its window and its burst must be 1 or more")
    if window_us % value == 0:
        ticks, unit = 1, window_us // value
    else:
        ticks = max(1, -(-_FINE * value // window_us))
        unit = -(-window_us * ticks // value)
    if burst * unit > _MOST_TICKS:
        raise ValueError(f"a limit of {value} with a burst of {burst} is too large")
    return Rate(ticks, unit, burst * unit)


def debt(words: Words, at: int, rate: Rate, now: int) -> int:
    """The debt of the cell at `at`, now."""
    owed = words[at + DEBT]
    if not owed:
        return 0
    if words[at] != rate.unit:
        _fit(words, at, rate)
        owed = words[at + DEBT]
    past = now - words[at + STAMP]
    if past <= 0:
        if past < -SKEW_US:
            words[at + STAMP] = now
        return owed
    owed -= past * rate.ticks
    return owed if owed > 0 else 0


def charge(words: Words, at: int, rate: Rate, now: int, owed: int, units: int) -> None:
    """Add to the cell, whose debt is `owed`, what will not be settled."""
    words[at] = rate.unit
    # The time comes first: who dies between the two has drained too little, not too much.
    if now > words[at + STAMP]:
        words[at + STAMP] = now
    words[at + DEBT] = owed + units * rate.unit


def hold(words: Words, at: int, rate: Rate, now: int, owed: int, units: int) -> int:
    """Add to the cell, whose debt is `owed`, a reservation; the term to settle it in."""
    settled = _settled(words, at, rate, now)
    if not owed:
        words[at + HELD] = settled = 0
        # A term has the time for its name, so that one of a cell that was given away is not taken for another's.
        words[at + TERM] = max(words[at + TERM] + 1, now)
    charge(words, at, rate, now, owed, units)
    words[at + SETTLED] = settled
    words[at + HELD] += units * rate.unit
    return words[at + TERM]


def settle(words: Words, at: int, rate: Rate, now: int, term: int, units: int, actual: int) -> None:
    """A reservation of so many units came to `actual`. What is above it stays a debt, even above the burst."""
    if words[at] != rate.unit:
        _fit(words, at, rate)
    owed, settled = debt(words, at, rate, now), _settled(words, at, rate, now)
    excess = max(0, actual - units)
    charge(words, at, rate, now, owed, excess)
    if words[at + TERM] != term:
        words[at + SETTLED] = settled + excess * rate.unit
        return
    held = max(0, words[at + HELD] - units * rate.unit)
    settled += actual * rate.unit
    words[at + HELD], words[at + SETTLED] = held, settled
    words[at + DEBT] = min(words[at + DEBT], settled + held)


def _settled(words: Words, at: int, rate: Rate, now: int) -> int:
    owed = words[at + SETTLED]
    past = now - words[at + STAMP]
    return owed if past <= 0 else max(0, owed - past * rate.ticks)


def _fit(words: Words, at: int, rate: Rate) -> None:
    """The limit has been changed: what was used stays used, in units of the new one."""
    old = words[at] or 1
    for each in (DEBT, SETTLED, HELD):
        words[at + each] = -(-words[at + each] * rate.unit // old)
    words[at] = rate.unit
