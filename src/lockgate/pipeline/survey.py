"""A plan that is thought through and not carried out: the ways a request might go, each with its odds.

The planner and the walk are those of every request (`pipeline.plan`, `policy.tree`); only chance is replaced, by all that it
could do. Nothing is sent, nothing is counted, and no turn is taken.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.core.record import Decision
from lockgate.pipeline.branches import Route
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.plan import Plan
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import Target
from lockgate.policy.balance import Method
from lockgate.policy.facts import Facts
from lockgate.policy.forecast import Foreseen, Script, ways
from lockgate.policy.tree import Leaf, Node

#: What becomes of the n-th target that is tried (0 is the first): None, it answers.
Judge = Callable[[Target, int], Failure | None]
#: Makes a target's request ready, None where there is nothing to make ready. Raises `Refusal` for what it cannot be asked.
Ready = Callable[[Target], Prepared | None]


class Way(msgspec.Struct):
    """One way of a request: how likely it is, how it was decided, and who was tried in order.

    `failure` is the one that stands in the end; `refusal` our own no, where nobody could be tried. None of both: the last of
    `tried` answers.
    """

    odds: float
    decisions: list[Decision]
    tried: list[Target]
    failure: Failure | None = None
    refusal: Refusal | None = None


class Survey(Plan):
    """A request's plan, to be gone through as often as there are ways.

    `facts` are those of the request, where it is not there itself to be asked. `live` False: the state of targets is not
    known, so none is out, and loads do not tell.
    """

    def __init__(
        self,
        call: Call,
        ask: Ask,
        principal: Principal,
        snapshot: Snapshot,
        runtime: Runtime,
        route: Route,
        name: str,
        *,
        facts: Facts | None = None,
        live: bool = True,
    ) -> None:
        super().__init__(call, ask, principal, snapshot, runtime, route, name)
        self._root = route.root
        self._given = facts
        self._live = live
        self._now = call.time_us / 1e6
        self._made: dict[int, Target | Refusal] = {}

    def find(self, name: str, key: str = "", /) -> object:
        """A fact of the request (`policy.facts.Facts`)."""
        return (self._given or self._prospects).find(name, key)

    def out(self, leaf: Leaf) -> str:
        """Why a leaf is not to be tried now (`policy.tree.Health`)."""
        return self._prospects.out(leaf) if self._live else ""

    def load(self, leaf: Leaf, method: Method) -> float:
        """What a leaf is worth by a method, the less the better (`policy.tree.Health`)."""
        return self._prospects.load(leaf, method)

    def ways(self, judge: Judge, ready: Ready, most: int, root: Node | None = None) -> tuple[list[Way], float]:
        """The ways of the request, the likeliest first, and the odds of those beyond `most`. `root`: another tree with the
        same leaves."""
        tree = self._root if root is None else root

        def go(script: Script) -> tuple[Way, Foreseen]:
            walk = self.begin(tree, script)
            way = self._follow(judge, ready)
            way.odds, way.decisions = walk.odds, walk.decisions
            return way, walk

        found, rest = ways(go, most)
        return [way for _, way in found], rest

    def begin(self, root: Node, script: Script = ()) -> Foreseen:
        """Stand at the beginning again."""
        walk = Foreseen(root, self, self, self._now, script, blind=self._sole, known=self._live)
        self._walk, self._refused = walk, None
        return walk

    def look(self, leaf: Leaf) -> Target | Refusal:
        """What stands at a leaf, whether the request comes there or not."""
        try:
            return self._target(leaf)
        except Refusal as refusal:
            return refusal

    def _target(self, leaf: Leaf) -> Target:
        known = self._made.get(leaf.number)
        if known is None:
            try:
                known = super()._target(leaf)
            except Refusal as refusal:
                known = refusal
            self._made[leaf.number] = known
        if isinstance(known, Refusal):
            raise known
        return known

    def _follow(self, judge: Judge, ready: Ready) -> Way:
        """One way, as `pipeline.attempts.try_targets` goes it."""
        tried: list[Target] = []
        failure: Failure | None = None
        try:
            target: Target | None = self.first()
            while target is not None:
                try:
                    ready(target)
                except Refusal as refusal:
                    target = self.refuse(refusal)
                    continue
                tried.append(target)
                failure = judge(target, len(tried) - 1)
                if failure is None:
                    break
                target = self.after(failure)
            if not tried:
                raise self.refusal
        except Refusal as refusal:
            return Way(0.0, [], tried, failure, refusal)
        return Way(0.0, [], tried, failure)
