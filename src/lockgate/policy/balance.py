"""Which of several targets a balance draws: by weight, in turn, by what is known of them, or always the same for the same
caller.

Sticky draws need no memory: a caller's key ranks the children by a hash (weighted rendezvous hashing, Thaler and Ravishankar
1998), so all workers and nodes agree, and when a child is out only its own callers move, and come back after.
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


class Sticky(msgspec.Struct, frozen=True):
    """Callers of whom these facts are the same get the same child for `ttl_s` seconds."""

    fields: tuple[Path, ...]
    ttl_s: float


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
        if self.sticky is not None and (key := _key(self.sticky, facts)) is not None:
            return _ranked(weights, self.salt, key, self.sticky.ttl_s, now), "the one of callers like this"
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


def _ranked(weights: Sequence[float], salt: str, key: bytes, ttl_s: float, now: float) -> int:
    """The child that ranks first for a key. After `ttl_s` the key counts as another one; when that is differs from key to key,
    so that not all move at once."""
    born = int.from_bytes(blake2b(key, digest_size=8, key=salt.encode()[:64]).digest(), "big")
    term = int((now + born % max(1, int(ttl_s * 1000)) / 1000) // ttl_s)
    best, at = -1.0, 0
    for n, weight in enumerate(weights):
        if weight:
            drawn = blake2b(b"%d %d %b" % (n, term, key), digest_size=8, key=salt.encode()[:64]).digest()
            score = -weight / log((int.from_bytes(drawn, "big") + 0.5) / 2**64)
            if score > best:
                best, at = score, n
    return at
