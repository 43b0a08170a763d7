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


class _Step(msgspec.Struct):
    """Where a walk stands in one strategy: which children it has left behind (bits), and which one it is in."""

    node: Fallback | Balance | Choice
    left: int = 0
    at: int = -1


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
        self, root: Node, health: Health, facts: Facts, chance: Callable[[], float], now: float, *, blind: bool = False
    ) -> None:
        self._root = root
        self._health = health
        self._facts = facts
        self._chance = chance
        self._now = now
        self.blind = blind
        self._passed_over = False  # some target was out
        self._refused: set[int] = set()
        self._steps: list[_Step] = []
        self._leaf: Leaf | None = None
        self.tried = False
        self.decisions: list[Decision] = []

    def first(self) -> Leaf | None:
        """Who is tried first; None when all have been skipped. When every target is out, that is no reason to try none."""
        leaf = self._enter(self._root)
        if leaf is None and self._passed_over and not self.blind:
            self._steps.clear()
            self.blind = True
            self._note(self._root.path, "chosen", "all that may be tried are out, so they are tried all the same")
            leaf = self._enter(self._root)
        return leaf

    def after(self, failure: Failure) -> Leaf | None:
        """Who is tried after the one that failed so; None: the failure stands."""
        self.tried = True
        assert self._leaf is not None
        self._note(self._leaf.path, "left", _said(failure))
        while self._steps:
            step = self._steps[-1]
            trigger = None if isinstance(step.node, Choice) else step.node.trigger
            if trigger is not None and not self._spent(step):
                if trigger.fires(failure):
                    if (leaf := self._go_on(step)) is not None:
                        return leaf
                else:
                    self._note(step.node.path, "stopped", f"{_said(failure)} is none of its reasons to go on")
            self._steps.pop()
        return None

    def skip(self, why: str) -> Leaf | None:
        """Who is tried instead of the one that could not be tried at all: no trigger is asked."""
        assert self._leaf is not None
        self._note(self._leaf.path, "skipped", why)
        self._refused.add(self._leaf.number)
        leaf = self.beside()
        return leaf if leaf is not None or self.tried else self.first()

    def beside(self) -> Leaf | None:
        """Who is next, whatever the triggers say; None: nobody."""
        while self._steps:
            step = self._steps[-1]
            if not isinstance(step.node, Choice) and not self._spent(step) and (leaf := self._go_on(step)) is not None:
                return leaf
            self._steps.pop()
        return None

    def fork(self) -> Walk:
        """Another walk from where this one stands. What either of them decides is told by both."""
        walk = Walk(self._root, self._health, self._facts, self._chance, self._now, blind=self.blind)
        walk._refused = {*self._refused}
        walk._steps = [_Step(each.node, each.left, each.at) for each in self._steps]
        walk._leaf, walk._passed_over = self._leaf, self._passed_over
        walk.tried, walk.decisions = self.tried, self.decisions
        return walk

    def _spent(self, step: _Step) -> bool:
        return step.left.bit_count() + 1 >= len(step.node.children)

    def _go_on(self, step: _Step) -> Leaf | None:
        """Another child of the strategy that this step stands in; None when none is left that could be."""
        step.left |= 1 << step.at
        return self._descend(step)

    def _enter(self, node: Node) -> Leaf | None:
        """The leaf that a node comes to; None when all that it may take is out."""
        if isinstance(node, Leaf):
            if node.number in self._refused:
                return None
            why = "" if self.blind else self._health.out(node)
            self._note(node.path, "skipped" if why else "chosen", why)
            if why:
                self._passed_over = True
                return None
            self._leaf = node
            return node
        step = _Step(node)
        self._steps.append(step)
        leaf = self._descend(step)
        if leaf is None:
            self._steps.pop()
        return leaf

    def _descend(self, step: _Step) -> Leaf | None:
        """The leaf that a strategy comes to by the children that it has not left behind."""
        depth = len(self._steps)
        while (at := self._pick(step)) is not None:
            step.at = at
            leaf = self._enter(step.node.children[at])
            if leaf is not None:
                return leaf
            del self._steps[depth:]
            step.left |= 1 << at
        return None

    def _pick(self, step: _Step) -> int | None:
        """The child that the strategy takes next, whether it can be tried or not."""
        node = step.node
        if isinstance(node, Fallback):
            at = step.at + 1  # from the left to the right, so all before it are left behind
            return at if at < len(node.children) else None
        if isinstance(node, Balance):
            return self._draw(node, step.left)
        return None if step.left else self._choose(node)

    def _draw(self, node: Balance, left: int) -> int | None:
        draw, loads = node.draw, None
        if draw.method in COMPARED:
            loads = [self._load(child, draw.method) for child in node.children]
        drawn = draw.pick(left, loads, self._facts, self._chance, self._now)
        if drawn is None:
            return None
        at, why = drawn
        self._note(node.children[at].path, "drawn", why)
        return at

    def _load(self, node: Node, method: Method) -> float:
        """What the best leaf below a node is worth."""
        if isinstance(node, Leaf):
            return self._health.load(node, method)
        return min(self._load(child, method) for child in node.children)

    def _choose(self, node: Choice) -> int:
        for rule in node.rules:
            if rule.query.holds(self._facts):
                self._note(node.children[rule.child].path, "matched", rule.query.says)
                return rule.child
        if node.default is None:
            raise _no_way(node.path, "no condition holds, and there is no default; add strategy.default")
        self._note(node.children[node.default].path, "matched", "no condition holds: the default")
        return node.default

    def _note(self, path: str, what: Decided, why: str) -> None:
        self.decisions.append(Decision(path, what, why))


def _no_way(path: str, why: str) -> Refusal:
    return Refusal(400, "no_target", f"The config comes to no target: at {path}, {why}.", param=path)


def _said(failure: Failure) -> str:
    return f"{failure.kind} ({failure.status})"
