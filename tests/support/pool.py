"""A pool in memory that breaks when told to: it forgets, comes back with an old copy, or does what was asked and never says so."""

from __future__ import annotations

from copy import deepcopy

from lockgate.policy.pool import POOL_MOST
from lockgate.stores.ledger.tier import Gone, Rest, Taken
from lockgate.stores.ports import StoreError


class FakePool:
    """As `pool.lua`. `clock` gives µs. `trouble`: "before" the next call does anything, or "after" it has."""

    def __init__(self, clock):
        self.clock = clock
        self.trouble = ""
        self.away = False
        self.server = 1
        self.ledger = ""
        self.kept = {}  # "generation", "server"; and key -> [lease, left, revision, share, used]
        self.copies = []

    def __repr__(self):
        return "FakePool()"

    def view(self):
        """The same pool for another process."""
        view = FakePool(self.clock)
        view.__dict__ = self.__dict__
        return view

    # --- what is done to it

    def forget(self):
        self.kept = {}

    def copy(self):
        self.copies = [deepcopy(self.kept)]

    def restore(self):
        """A replica that lags becomes the master."""
        self.server += 1
        self.kept = self.copies.pop() if self.copies else {}

    def held(self):
        return sum(each[1] for key, each in self.kept.items() if isinstance(key, tuple))

    # --- what is asked of it

    def begin(self, ledger, generation):
        def work():
            self.ledger = ledger
            if self.kept.get("server") != self.server or self.kept["generation"] < generation:
                self.kept = {"server": self.server, "generation": generation}

        self._call(work)

    def take(self, generation, workers, asks):
        def work():
            short, lacking = [], False
            for each in asks:
                pool = self.kept.get(each.key)
                if pool is None:
                    lacking = True
                elif pool[1] < each.need or pool[2] != each.revision:
                    lacking = True
                    short.append(self._take_all(each.key))
            if lacking:
                return short
            taken = []
            for each in asks:
                pool = self.kept[each.key]
                amount = max(each.need, min(each.want, pool[1] // (2 * workers)))
                assert amount <= pool[1] <= POOL_MOST
                pool[1] -= amount
                pool[4] = self.clock()
                taken.append(Taken(pool[0], amount, pool[3]))
            return taken

        return self._call(work, generation)

    def put(self, generation, filled):
        def work():
            for each in filled:
                key = each.budget.id, each.window
                left = self.kept[key][1] if key in self.kept and self.kept[key][0] == each.source else 0
                self.kept[key] = [each.source, left + each.amount, each.budget.revision, each.share, self.clock()]

        return self._call(work, generation)

    def empty(self, generation, keys):
        return self._call(lambda: [self._take_all(key) for key in keys if key in self.kept], generation)

    def rest(self, generation, idle_us):
        def work():
            keys = [key for key in self.kept if isinstance(key, tuple)]
            return [self._take_all(key) for key in keys if abs(self.clock() - self.kept[key][4]) >= idle_us]

        return self._call(work, generation)

    def close(self):
        pass

    def _take_all(self, key):
        lease, left, *_ = self.kept.pop(key)
        return Rest(key, lease, left)

    def _call(self, work, generation=None):
        trouble, self.trouble = self.trouble, ""
        if self.away or trouble == "before":
            raise StoreError("the pool does not answer")
        if generation is not None and (self.kept.get("generation"), self.kept.get("server")) != (generation, self.server):
            raise Gone("it is not here")
        found = work()
        if trouble == "after":
            raise StoreError("the pool did not answer in time")
        return found
