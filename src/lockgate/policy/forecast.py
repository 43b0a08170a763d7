"""What a walk through a route could come to, without leaving anything to chance: every way that draws can take, with its odds.

A draw is foreseen by its weights and by what is known of the targets; whose turn it is counts as a share of the requests. The
walk itself is the one that requests take (`policy.tree.Walk`), made once for each way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import accumulate
from typing import TypeVar

from lockgate.policy.balance import COMPARED, Draw
from lockgate.policy.facts import Facts
from lockgate.policy.tree import Balance, Choice, Fallback, Health, Leaf, Node, Trigger, Walk

T = TypeVar("T")

#: Which child each draw took, from the first one on.
Script = tuple[int, ...]
#: Methods where the best of all is taken; the other compared ones take the better of two.
_OF_ALL = {"least_busy": "the least busy", "cost": "the cheapest"}
_OF_TWO = {"latency": "the faster of two", "quota": "the one with more quota left, of two"}


def odds_of(
    draw: Draw, left: int, loads: Sequence[float] | None, facts: Facts, now: float
) -> tuple[list[tuple[int, float]], str]:
    """The children that `draw` may take and how likely each is, the likeliest first, and by what it goes. Arguments as of
    `Draw.pick`; `loads` None: nothing is known of the targets, and the weights alone tell."""
    weights = [0.0 if left >> n & 1 else weight for n, weight in enumerate(draw.weights)]
    total = sum(weights)
    if not total:
        return [], ""
    if draw.sticky is not None and (at := draw.stuck(left, facts, now)) is not None:
        return [(at, 1.0)], draw.sticky.why
    if draw.turns is not None:
        odds, why = [weight / total for weight in weights], "in turn"
    elif loads is None:
        odds, why = [weight / total for weight in weights], "by weight"
    elif draw.method in _OF_ALL:
        least = min(load for load, weight in zip(loads, weights, strict=True) if weight)
        tied = [weight if load == least else 0.0 for load, weight in zip(loads, weights, strict=True)]
        odds, why = [weight / sum(tied) for weight in tied], _OF_ALL[draw.method]
    else:
        odds, why = _better_of_two(weights, total, loads), _OF_TWO[draw.method]
    likely = [(n, odd) for n, odd in enumerate(odds) if odd]
    return sorted(likely, key=lambda each: -each[1]), why


def _better_of_two(weights: list[float], total: float, loads: Sequence[float]) -> list[float]:
    """How likely each is to be the better of two that are drawn by weight, one after the other; of equals the first drawn."""
    present = sorted((loads[n], n) for n, weight in enumerate(weights) if weight)
    odds = [0.0] * len(weights)
    if len(present) == 1:
        odds[present[0][1]] = 1.0
        return odds
    sorted_loads = [load for load, _ in present]
    #: From each place on: the weights, and how likely one of those is drawn first for each unit of the second one's weight.
    first = [weights[n] / (total * (total - weights[n])) for _, n in present]
    heavier = [0.0, *accumulate(weights[n] for _, n in reversed(present))][::-1]
    before = [0.0, *accumulate(reversed(first))][::-1]
    for at, (load, n) in enumerate(present):
        no_better = heavier[bisect_left(sorted_loads, load)] - weights[n]
        worse = before[bisect_right(sorted_loads, load)]
        odds[n] = first[at] * no_better + worse * weights[n]
    return odds


class Foreseen(Walk):
    """A walk whose draws are told: `script` says what the first ones took. Each one after those takes the likeliest child, and
    what else it might have taken stays in `forks`, with the odds of the whole way to it.

    `known` False: nothing is known of the targets' loads. `odds`: of the way that was taken.
    """

    __slots__ = ("_known", "_script", "_taken", "forks", "odds")

    def __init__(
        self,
        root: Node,
        health: Health,
        facts: Facts,
        now: float,
        script: Script = (),
        *,
        blind: bool = False,
        known: bool = True,
    ) -> None:
        super().__init__(root, health, facts, float, now, blind=blind)  # a chance of 0.0, which nobody asks for
        self._script = script
        self._taken: Script = ()
        self._known = known
        self.odds = 1.0
        self.forks: list[tuple[float, Script]] = []

    def _draw(self, node: Balance, left: int) -> int | None:
        options, why = odds_of(node.draw, left, self.loads(node), self._facts, self._now)
        if not options:
            return None
        place = len(self._taken)
        if place < len(self._script):
            at = self._script[place]
            odd = dict(options)[at]
        else:
            at, odd = options[0]
            self.forks += [(self.odds * other, (*self._taken, n)) for n, other in options[1:]]
        self.odds *= odd
        self._taken = (*self._taken, at)
        self._note(node.children[at].path, "drawn", why if odd == 1 else f"{why}: {percent(odd)}")
        return at

    def loads(self, node: Balance) -> list[float] | None:
        """What a balance compares; None where it goes by other things, or where nobody knows."""
        method = node.draw.method
        if method not in COMPARED or not (self._known or method == "cost"):
            return None
        return [self._load(child, method) for child in node.children]


def ways(go: Callable[[Script], tuple[T, Foreseen]], most: int) -> tuple[list[tuple[float, T]], float]:
    """All ways that draws can take, the likeliest first: what `go` found on each, and its odds; and the odds of those that
    were left out, where there are more than `most`. `go` takes one walk by a script and says what it came to."""
    found: list[tuple[float, T]] = []
    open: list[tuple[float, Script]] = [(-1.0, ())]
    while open and len(found) < most:
        _, script = heappop(open)
        result, walk = go(script)
        found.append((walk.odds, result))
        for odds, fork in walk.forks:
            heappush(open, (-odds, fork))
    return sorted(found, key=lambda each: -each[0]), 0.0 - sum(odds for odds, _ in open)


def eager(node: Node) -> Node:
    """The same tree, where every strategy that goes on after some failure goes on after all of them."""
    if isinstance(node, Leaf):
        return node
    children = tuple(eager(child) for child in node.children)
    if isinstance(node, Choice):
        return Choice(node.path, children, node.rules, node.default)
    if isinstance(node, Fallback):
        return Fallback(node.path, children, Trigger())
    return Balance(node.path, children, node.draw, node.trigger and Trigger())


def percent(odds: float) -> str:
    """Odds for people: "70%", "0.1%"."""
    return f"{100 * odds:.3g}%"
