"""What a walk through a route goes by: the facts of the request, and what is known of each target before it is made.

A plan asks its walk, and the walk asks this, which knows neither of them: nothing here goes round in a circle, so all of a
request is given back as soon as it is over, and not when the garbage collector comes by.
"""

from __future__ import annotations

from math import inf

from lockgate.core.call import Call, Principal
from lockgate.pipeline.branches import Branch
from lockgate.pipeline.choose import Ask, named
from lockgate.pipeline.facts import RequestFacts
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import Key
from lockgate.policy.balance import Method
from lockgate.policy.tree import Leaf
from lockgate.providers.table import TABLE


class Prospects:
    """One request's facts (`policy.facts.Facts`) and the health of its targets (`policy.tree.Health`)."""

    __slots__ = ("_ask", "_branches", "_call", "_facts", "_principal", "_runtime", "_snapshot")

    def __init__(
        self,
        call: Call,
        ask: Ask,
        principal: Principal,
        snapshot: Snapshot,
        runtime: Runtime,
        branches: tuple[Branch, ...],
    ) -> None:
        self._call = call
        self._ask = ask
        self._principal = principal
        self._snapshot = snapshot
        self._runtime = runtime
        self._branches = branches
        self._facts: RequestFacts | None = None  # made when the first of them is asked for

    def find(self, name: str, key: str = "", /) -> object:
        """A fact of the request."""
        facts = self._facts
        if facts is None:
            ask = self._ask
            facts = RequestFacts(self._call, ask.body, self._principal, model=ask.model, stream=ask.stream)
            self._facts = facts
        return facts.find(name, key)

    def out(self, leaf: Leaf) -> str:
        """Why a leaf is not to be tried now; "" when it is."""
        branch, runtime = self._branches[leaf.number], self._runtime
        return runtime.health.out(self.known(branch.key or self._key(branch)), branch.breaker, runtime.clock())

    def load(self, leaf: Leaf, method: Method) -> float:
        """What a leaf is worth by a method, the less the better."""
        branch = self._branches[leaf.number]
        key = branch.key or self._key(branch)
        if method == "cost":
            provider = self._snapshot.providers.get(key[0])
            row = TABLE.get(key[0].partition("#")[0]) if provider is None else provider.row
            return inf if row is None else self._snapshot.prices.dearness(row, key[1], self._call.time_us, key[0])
        pulse = self._runtime.health.pulse(self.known(key))
        if method == "latency":
            return pulse.latency_s * (pulse.in_flight + 1)
        if method == "quota":
            return 0.0 if pulse.quota is None else 1 - pulse.quota
        return pulse.in_flight

    def known(self, key: Key) -> Key:
        """What the health of a target, by its slug and model, is known by among those of all workspaces."""
        provider = self._snapshot.providers.get(key[0])
        return key if provider is None or not provider.realm else (provider.known_by, key[1])

    def _key(self, branch: Branch) -> Key:
        """The slug and the model of a branch's target, where the request or the world has a say in them."""
        asked = self._ask.model
        model = branch.model or self._snapshot.aliases.get(asked, asked)
        slug, rest = named(model, self._snapshot)
        if not branch.slug:
            return slug, rest
        return branch.slug, rest if slug == branch.slug else model
