"""The route tree: strategies and their leaves, and the walk over it that decides who is tried next.

The grammar is the one that Portkey's users know (https://portkey.ai/docs/product/ai-gateway/configs), and so is its meaning: a
fallback takes its children in order, a balance draws one of them, a choice takes the one whose condition holds; what a child
cannot answer is its parent's to weigh. Nothing here knows providers: a leaf is a number, and what is known of its health comes
through a port. A walk is synchronous, costs nothing when it is not asked, and says why it went where it went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from lockgate.core.failure import Failure, FailureKind, Refusal
from lockgate.core.record import Decided, Decision
from lockgate.policy.balance import COMPARED, Draw, Method
from lockgate.policy.condition import Predicate
from lockgate.policy.facts import Facts
from lockgate.policy.retry import Retry, matches


class Trigger(msgspec.Struct, frozen=True):
    """Which failures send a walk on: by status and by class. None of both: all."""

    statuses: frozenset[int] | None = None
    kinds: frozenset[FailureKind] | None = None

    def fires(self, failure: Failure) -> bool:
        """Whether somebody else is to be tried."""
        if self.statuses is None and self.kinds is None:
            return True
        return matches(failure, self.statuses or frozenset(), self.kinds or frozenset())


class Leaf(msgspec.Struct, frozen=True, eq=False):
    """A target of the tree: `number` counts them from the left, `path` is where it stands ("config.targets[1]")."""

    path: str
    number: int
    name: str = ""
    retry: Retry = Retry()


class Fallback(msgspec.Struct, frozen=True, eq=False):
    """Its children in order, the next one when the trigger fires."""

    path: str
    children: tuple[Node, ...]
    trigger: Trigger


class Balance(msgspec.Struct, frozen=True, eq=False):
    """One of its children, as it is drawn. With a trigger, another one is drawn in place of one that fails."""

    path: str
    children: tuple[Node, ...]
    draw: Draw
    trigger: Trigger | None = None


class Rule(msgspec.Struct, frozen=True):
    """What must hold, and the child that is taken then."""

    query: Predicate
    child: int


class Choice(msgspec.Struct, frozen=True, eq=False):
    """The child of the first rule that holds, else the default. `default` None: there is no other way."""

    path: str
    children: tuple[Node, ...]
    rules: tuple[Rule, ...]
    default: int | None = None


Node = Leaf | Fallback | Balance | Choice


class Health(Protocol):
    """What is known of a leaf's target."""

    def out(self, leaf: Leaf) -> str:
        """Why it is not to be tried now ("circuit open until …"); "" when it is."""
        ...

    def load(self, leaf: Leaf, method: Method) -> float:
        """What `method` compares, the less the better."""
        ...


def leaves(node: Node) -> Iterator[Leaf]:
    """All leaves below a node, from the left."""
    if isinstance(node, Leaf):
        yield node
    else:
        for child in node.children:
            yield from leaves(child)


class _Step(msgspec.Struct, gc=False):  # nothing below a node leads back to a step
    """Where a walk stands in one strategy: the children that it has taken so far, as bits."""

    node: Fallback | Balance | Choice
    taken: int = 0

    @property
    def spent(self) -> bool:
        """There is no other child left."""
        return self.taken.bit_count() >= len(self.node.children)


class Walk:
    """One request's way through a tree. `chance` gives numbers in [0, 1); `blind`: no target's health is asked for.

    `first`, `after`, `skip` and `beside` raise `Refusal` 400 where no condition holds. `tried`: something has failed already.
    `decisions` tell, in order, what was chosen, skipped or left, and why.
    """

    __slots__ = (
        "_chance",
        "_facts",
        "_health",
        "_leaf",
        "_lost",
        "_now",
        "_passed_over",
        "_refused",
        "_root",
        "_steps",
        "blind",
        "decisions",
        "tried",
    )

    def __init__(
        self, root: Node, health: Health, facts: Facts, chance: Callable[[], float], now: float, blind: bool = False
    ) -> None:
        self._root = root
        self._health = health
        self._facts = facts
        self._chance = chance
        self._now = now
        self.blind = blind
        self._passed_over = False  # some target was out
        self._refused = 0  # the numbers of leaves that could not be tried, as bits
        self._lost = 0  # likewise, of leaves that were out when their turn had come
        self._steps: list[_Step] = []
        self._leaf: Leaf | None = None
        self.tried = False
        self.decisions: list[Decision] = []

    def first(self) -> Leaf | None:
        """Who is tried first; None when all have been skipped. When every target is out, that is no reason to try none."""
        leaf = self._begin()
        if leaf is None and self._passed_over and not self.blind:
            self.blind = True
            self._note(self._root.path, "chosen", "all that may be tried are out, so they are tried all the same")
            leaf = self._begin()
        return leaf

    def after(self, failure: Failure) -> Leaf | None:
        """Who is tried after the one that failed so; None: the failure stands."""
        self.tried = True
        assert self._leaf is not None
        said = f"{failure.kind} ({failure.status})"
        self._note(self._leaf.path, "left", said)
        steps = self._steps
        while steps:
            step = steps[-1]
            node = step.node
            if isinstance(node, Choice) or node.trigger is None or step.spent:
                steps.pop()
            elif not node.trigger.fires(failure):
                self._note(node.path, "stopped", f"{said} is none of its reasons to go on")
                steps.pop()
            elif (leaf := self._descend(len(steps) - 1)) is not None:
                return leaf
        return None

    def skip(self, why: str) -> Leaf | None:
        """Who is tried instead of the one that could not be tried at all: no trigger is asked."""
        assert self._leaf is not None
        self._note(self._leaf.path, "skipped", why)
        self._refused |= 1 << self._leaf.number
        return self._go_on()

    def pass_over(self, why: str) -> Leaf | None:
        """Who is tried instead of the one that turned out to be out. When all others are, it is tried all the same."""
        if self.blind:
            return self.skip(why)
        assert self._leaf is not None
        self._note(self._leaf.path, "skipped", why)
        self._lost |= 1 << self._leaf.number
        self._passed_over = True
        return self._go_on()

    def beside(self) -> Leaf | None:
        """Who is next, whatever the triggers say; None: nobody."""
        return self._descend(0)

    def fork(self) -> Walk:
        """Another walk from where this one stands. What either of them decides is told by both."""
        walk = Walk(self._root, self._health, self._facts, self._chance, self._now, blind=self.blind)
        walk._refused, walk._lost = self._refused, self._lost
        walk._steps = [_Step(each.node, each.taken) for each in self._steps]
        walk._leaf, walk._passed_over = self._leaf, self._passed_over
        walk.tried, walk.decisions = self.tried, self.decisions
        return walk

    def _go_on(self) -> Leaf | None:
        leaf = self.beside()
        return leaf if leaf is not None or self.tried else self.first()

    def _begin(self) -> Leaf | None:
        """The leaf that the tree comes to; None when all that it may take is out."""
        root = self._root
        if isinstance(root, Leaf):
            return root if self._takes(root) else None
        self._steps.append(_Step(root))
        return self._descend(0)

    def _descend(self, depth: int) -> Leaf | None:
        """The next leaf of the strategies that the walk stands in, the innermost first. One that has no other child is left
        behind; None when all from `depth` on are."""
        steps = self._steps
        while len(steps) > depth:
            step = steps[-1]
            node, taken = step.node, step.taken
            if isinstance(node, Fallback):
                at = taken.bit_length()  # from the left to the right
                at = at if at < len(node.children) else None
            elif isinstance(node, Balance):
                at = self._draw(node, taken)
            else:
                at = None if taken else self._choose(node)
            if at is None:
                steps.pop()
                continue
            step.taken = taken | 1 << at
            child = node.children[at]
            if not isinstance(child, Leaf):
                steps.append(_Step(child))
            elif self._takes(child):
                return child
        return None

    def _takes(self, leaf: Leaf) -> bool:
        """Whether a leaf can be tried, now that it is its turn."""
        if self._refused >> leaf.number & 1 or (not self.blind and self._lost >> leaf.number & 1):
            return False
        if not self.blind and (why := self._health.out(leaf)):
            self._passed_over = True
            self._note(leaf.path, "skipped", why)
            return False
        self._leaf = leaf
        self.decisions.append(Decision(leaf.path, "chosen"))
        return True

    def _draw(self, node: Balance, left: int) -> int | None:
        draw, loads = node.draw, None
        if draw.method in COMPARED:
            loads = [self._load(child, draw.method) for child in node.children]
        drawn = draw.pick(left, loads, self._facts, self._chance, self._now)
        if drawn is None:
            return None
        at, why = drawn
        self.decisions.append(Decision(node.children[at].path, "drawn", why))
        return at

    def _load(self, node: Node, method: Method) -> float:
        """What the best leaf below a node is worth."""
        if isinstance(node, Leaf):
            return self._health.load(node, method)
        return min(self._load(child, method) for child in node.children)

    def _choose(self, node: Choice) -> int:
        for rule in node.rules:
            if rule.query.holds(self._facts):
                at = rule.child
                self.decisions.append(Decision(node.children[at].path, "matched", rule.query.says))
                return at
        if node.default is None:
            raise _no_way(node.path, "no condition holds, and there is no default; add strategy.default")
        self._note(node.children[node.default].path, "matched", "no condition holds: the default")
        return node.default

    def _note(self, path: str, what: Decided, why: str) -> None:
        self.decisions.append(Decision(path, what, why))


def _no_way(path: str, why: str) -> Refusal:
    return Refusal(400, "no_target", f"The config comes to no target: at {path}, {why}.", param=path)
