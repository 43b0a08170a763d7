"""What a walk through a route goes by: the facts of the request, and what is known of each target before it is made.

A plan asks its walk, and the walk asks this, which knows neither of them: nothing here goes round in a circle, so all of a
request is given back as soon as it is over, and not when the garbage collector comes by.
"""

from __future__ import annotations

from math import inf

import msgspec

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


class Prospects(msgspec.Struct, eq=False):
    """One request's facts (`policy.facts.Facts`) and the health of its targets (`policy.tree.Health`)."""

    call: Call
    ask: Ask
    principal: Principal
    snapshot: Snapshot
    runtime: Runtime
    branches: tuple[Branch, ...]
    _facts: RequestFacts | None = None  # made when the first of them is asked for

    def __repr__(self) -> str:
        return f"Prospects({self.call.id})"

    def find(self, name: str, key: str = "", /) -> object:
        """A fact of the request."""
        facts = self._facts
        if facts is None:
            ask = self.ask
            left = self.left_nusd
            facts = RequestFacts(self.call, ask.body, self.principal, model=ask.model, stream=ask.stream, left_nusd=left)
            self._facts = facts
        return facts.find(name, key)

    def left_nusd(self) -> int | None:
        """What is left of the caller's budgets of money, of the one that has least; None: there is none, or nobody knows."""
        allowances, ledger = self.snapshot.allowances, self.runtime.ledger
        if allowances is None or ledger is None:
            return None
        budgets = allowances.caller(self.call, self.principal).budgets
        left = [ledger.left(budget) for budget in budgets if budget.measure == "cost"]
        return min((each for each in left if each is not None), default=None)

    def out(self, leaf: Leaf) -> str:
        """Why a leaf is not to be tried now; "" when it is."""
        branch, runtime = self.branches[leaf.number], self.runtime
        key = self.known(branch.key or self._key(branch))
        return runtime.health.out(key, branch.breaker, runtime.clock())

    def load(self, leaf: Leaf, method: Method) -> float:
        """What a leaf is worth by a method, the less the better."""
        branch = self.branches[leaf.number]
        key = branch.key or self._key(branch)
        if method == "cost":
            provider = self.snapshot.providers.get(key[0])
            row = TABLE.get(key[0].partition("#")[0]) if provider is None else provider.row
            return inf if row is None else self.snapshot.prices.dearness(row, key[1], self.call.time_us, key[0])
        pulse = self.runtime.health.pulse(self.known(key))
        if method == "latency":
            return pulse.latency_s * (pulse.in_flight + 1)
        if method == "quota":
            return 0.0 if pulse.quota is None else 1 - pulse.quota
        return pulse.in_flight

    def known(self, key: Key) -> Key:
        """What the health of a target, by its slug and model, is known by among those of all workspaces."""
        provider = self.snapshot.providers.get(key[0])
        return key if provider is None or not provider.realm else (provider.known_by, key[1])

    def _key(self, branch: Branch) -> Key:
        """The slug and the model of a branch's target, where the request or the world has a say in them."""
        asked = self.ask.model
        model = branch.model or self.snapshot.aliases.get(asked, asked)
        slug, rest = named(model, self.snapshot)
        if not branch.slug:
            return slug, rest
        return branch.slug, rest if slug == branch.slug else model
