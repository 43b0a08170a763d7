"""Which of several targets a balance draws: by weight, in turn, by what is known of them, or always the same for the same
caller.

Sticky draws need (almost) no memory: a caller's key ranks the children by a hash (weighted rendezvous hashing, Thaler and
Ravishankar 1998), so all workers and nodes agree, and when a child is out only its own callers move, and come back after.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import accumulate
from math import log
from typing import Literal

import msgspec

from lockgate.core.json import encode
from lockgate.policy.facts import MISSING, Facts, Path

Method = Literal["weighted", "round_robin", "least_busy", "latency", "cost", "quota"]

#: Methods that compare all targets, and methods that compare two drawn by weight: where everyone sees the same numbers late,
#: taking the best of all would send everyone to one place (Mitzenmacher, "The Power of Two Choices", 2001).
_BEST: dict[str, str] = {"least_busy": "the least busy", "cost": "the cheapest"}
_BETTER: dict[str, str] = {"latency": "the faster of two", "quota": "the one with more quota left, of two"}
#: Methods that ask what is known of the targets.
COMPARED = frozenset((*_BEST, *_BETTER))

Chance = Callable[[], float]


#: Conversations that are remembered to be elsewhere than at home, in one worker.
MOST_MOVED = 10_000


class Moved(msgspec.Struct):
    """Conversations that had to go elsewhere than where they belong, where each of them was last, and when. The one that was
    silent for longest is forgotten when there are too many."""

    seats: dict[bytes, tuple[int, float]] = {}

    def seat(self, key: bytes, now: float, ttl_s: float) -> int | None:
        """Where a conversation is, if it was there in the last `ttl_s` seconds."""
        at, last = self.seats.get(key, (None, 0.0))
        return at if now - last <= ttl_s else None

    def sits(self, key: bytes, at: int, home: int, now: float) -> None:
        """A conversation goes on there."""
        seats = self.seats
        seats.pop(key, None)
        if at != home:
            if len(seats) >= MOST_MOVED:
                del seats[next(iter(seats))]
            seats[key] = at, now


class Sticky(msgspec.Struct, frozen=True):
    """Callers of whom these facts are the same get the same child for `ttl_s` seconds.

    With `moved`, conversations are told apart by them, which keep their child as long as they go on: what a provider remembers
    of them is there. One that had to go elsewhere stays there, until it was not heard of for `ttl_s` seconds.
    """

    fields: tuple[Path, ...]
    ttl_s: float
    moved: Moved | None = None

    @property
    def why(self) -> str:
        """Why its child is drawn."""
        return "the one of callers like this" if self.moved is None else "the one of this conversation"


class Turns(msgspec.Struct):
    """Whose turn it is: weighted round robin that does not let heavy ones come in a row (each gains its weight every time, and
    the one that is ahead pays for all)."""

    credit: list[float]

    def take(self, weights: Sequence[float]) -> int:
        """The next one; children with weight 0 are passed over."""
        present = [n for n, weight in enumerate(weights) if weight]
        for n in present:
            self.credit[n] += weights[n]
        at = max(present, key=self.credit.__getitem__)
        self.credit[at] -= sum(weights)
        return at


class Draw(msgspec.Struct, frozen=True):
    """How one balance draws: its method and weights; `salt` tells it from other balances that the same callers meet.

    `bounds` are made of the weights where nothing else decides: the weights up to each child, so that a chance is looked up.
    """

    weights: tuple[float, ...]
    method: Method = "weighted"
    sticky: Sticky | None = None
    turns: Turns | None = None
    salt: str = ""
    bounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        plain = self.method == "weighted" and self.sticky is None and any(self.weights)
        msgspec.structs.force_setattr(self, "bounds", tuple(accumulate(self.weights)) if plain else ())

    def pick(
        self, left: int, loads: Sequence[float] | None, facts: Facts, chance: Chance, now: float
    ) -> tuple[int, str] | None:
        """A child that is not left behind (the bits of `left`) and has a weight, and why it; None when there is none. `loads`
        are for `COMPARED` methods, the less the better; `now` is in seconds, of the wall clock, so that nodes agree."""
        if self.bounds and not left:
            return _at(chance(), self.bounds), "by weight"
        weights = [0.0 if left >> n & 1 else weight for n, weight in enumerate(self.weights)]
        if not any(weights):
            return None
        sticky = self.sticky
        if sticky is not None and (key := _key(sticky, facts)) is not None:
            at = self._stuck(sticky, key, weights, now)
            if sticky.moved is not None:
                sticky.moved.sits(key, at, _ranked(self.weights, self.salt, key), now)
            return at, sticky.why
        if self.turns is not None:
            return self.turns.take(weights), "its turn"
        if loads is None:
            return _by_weight(weights, chance), "by weight"
        if self.method in _BEST:
            least = min(load for load, weight in zip(loads, weights, strict=True) if weight)
            tied = [weight if load == least else 0.0 for load, weight in zip(loads, weights, strict=True)]
            return _by_weight(tied, chance), _BEST[self.method]
        one = _by_weight(weights, chance)
        weights[one] = 0.0
        other = _by_weight(weights, chance) if any(weights) else one
        return (other if loads[other] < loads[one] else one), _BETTER[self.method]

    def stuck(self, left: int, facts: Facts, now: float) -> int | None:
        """The child that the caller would be given because it is sticky, and nothing is remembered of it; None: it is not, or
        there is none."""
        weights = [0.0 if left >> n & 1 else weight for n, weight in enumerate(self.weights)]
        sticky = self.sticky
        if sticky is None or not any(weights) or (key := _key(sticky, facts)) is None:
            return None
        return self._stuck(sticky, key, weights, now)

    def _stuck(self, sticky: Sticky, key: bytes, weights: Sequence[float], now: float) -> int:
        if sticky.moved is None:
            return _ranked(weights, self.salt, key, _term(self.salt, key, sticky.ttl_s, now))
        seat = sticky.moved.seat(key, now, sticky.ttl_s)
        return seat if seat is not None and weights[seat] else _ranked(weights, self.salt, key)


def _by_weight(weights: Sequence[float], chance: Chance) -> int:
    """One of them, with a probability in proportion to its weight."""
    return _at(chance(), tuple(accumulate(weights)))


def _at(chance: float, bounds: tuple[float, ...]) -> int:
    """The first child whose bound lies beyond this part of the last one. One without weight has the bound of the one before
    it, and so is never the first."""
    at = bisect_right(bounds, chance * bounds[-1])
    return at if at < len(bounds) else bounds.index(bounds[-1])  # rounded up to the whole: the last child that has a weight


def _key(sticky: Sticky, facts: Facts) -> bytes | None:
    """What the caller is known by here; None when nothing of it was said: then nobody is like it."""
    said = [field.of(facts) for field in sticky.fields]
    if all(value is MISSING for value in said):
        return None
    return encode([None if value is MISSING else value for value in said])


def _term(salt: str, key: bytes, ttl_s: float, now: float) -> int:
    """After `ttl_s` a key counts as another one; when that is differs from key to key, so that not all move at once."""
    born = int.from_bytes(blake2b(key, digest_size=8, key=salt.encode()[:64]).digest(), "big")
    return int((now + born % max(1, int(ttl_s * 1000)) / 1000) // ttl_s)


def _ranked(weights: Sequence[float], salt: str, key: bytes, term: int = 0) -> int:
    """The child that ranks first for a key, in a term."""
    best, at = -1.0, 0
    for n, weight in enumerate(weights):
        if weight:
            drawn = blake2b(b"%d %d %b" % (n, term, key), digest_size=8, key=salt.encode()[:64]).digest()
            score = -weight / log((int.from_bytes(drawn, "big") + 0.5) / 2**64)
            if score > best:
                best, at = score, n
    return at
