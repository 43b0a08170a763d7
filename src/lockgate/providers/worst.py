"""The worst case of a model: what it takes and makes at most, and the dearest that it can be charged at."""

from __future__ import annotations

import msgspec

from lockgate.policy.bound import Capacity, Ceiling, ceiling
from lockgate.policy.price import Flat
from lockgate.providers import display
from lockgate.providers.prices import Prices
from lockgate.providers.table import Row

#: How many worst cases are kept; callers choose the names of models.
_MOST = 4096


class Worst(msgspec.Struct, frozen=True):
    """One model's. `ceiling` None: nobody knows what it costs."""

    capacity: Capacity
    ceiling: Ceiling | None


class WorstCases:
    """Finds them, each put together once and kept while the model's price stays the same."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._kept: dict[tuple[str, str, str], tuple[Flat | None, Worst]] = {}
        self._listed: dict[str, dict[str, Capacity]] = {}

    def __repr__(self) -> str:
        return f"WorstCases({len(self._kept)} models)"

    def of(self, row: Row, model: str, at_us: int, slug: str = "") -> Worst:
        """The worst case of a model at a time (µs since the epoch). `slug` is the provider's name in the configuration."""
        flat = self._prices.charged(row, model, at_us, slug)
        key = (row.slug, slug, model)
        kept = self._kept.get(key)
        if kept is None or kept[0] is not flat:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            capacity = self._capacities(row).get(model, Capacity())
            kept = self._kept[key] = flat, Worst(capacity, None if flat is None else ceiling(flat))
        return kept[1]

    def warm(self, row: Row) -> None:
        """Know what a provider's models take and make, before a request waits for it."""
        self._capacities(row)

    def _capacities(self, row: Row) -> dict[str, Capacity]:
        found = self._listed.get(row.slug)
        if found is None:
            facts = {} if row.kind == "local" else display.facts_of(row.listed or row.slug, self._prices.shelf)
            found = {name: Capacity(context=fact.context, max_output=fact.output) for name, fact in facts.items()}
            for each in self._prices.models(row.prices):
                names = (each.name, *each.aliases)
                fact = next((facts[name] for name in names if name in facts), None)
                context = each.context or (fact.context if fact else None)
                capacity = Capacity(context=context, max_output=fact.output if fact else None)
                found.update((row.named(name), capacity) for name in names)
            self._listed[row.slug] = found
        return found
