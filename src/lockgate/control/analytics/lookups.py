"""What came of looking into the cache: how many requests it answered, and what that has spared in money and time.

Hits are compared with the requests that were looked up, not found, and then answered by a provider: those that nobody looked
up, or that were refused, say nothing of how long an answer takes.
"""

from __future__ import annotations

import msgspec

from lockgate.control.analytics.shapes import share
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.logs.rollup import Totals

#: Words of `core.record.Cache`: answered from it; looked up, and asked of a provider.
HITS, MISSES = ("hit", "semantic hit"), ("miss", "semantic miss", "refresh")
#: What a request may have that a provider has answered.
NO_HITS = ("", *MISSES, "disabled")


class Lookups(msgspec.Struct, frozen=True):
    """How many requests there were, by what the cache did for them; `requests` are all. Money is nano-USD, times µs; `hit_us`
    and `miss_us` are what one took on the average that was answered well, 0 where there is none."""

    requests: int
    hits: int
    semantic_hits: int
    misses: int
    semantic_misses: int
    refreshes: int
    disabled: int
    saved_nusd: int
    hit_us: float
    miss_us: float

    @property
    def answered(self) -> int:
        """Hits of both kinds."""
        return self.hits + self.semantic_hits

    @property
    def looked_up(self) -> int:
        """Requests whose answer could have been there."""
        return self.answered + self.misses + self.semantic_misses

    @property
    def saved_us(self) -> int:
        """How much longer the hits would have taken, had each taken as long as a miss; 0 where there is none."""
        return max(0, round(self.answered * (self.miss_us - self.hit_us))) if self.miss_us else 0


def lookups(store: LogStore, meant: Filter) -> Lookups:
    """What the cache did for the requests that are meant; both times of `meant` are set. Raises `StoreError`."""
    found = _by_status(store, meant)
    well = found if meant.outcomes else _by_status(store, msgspec.structs.replace(meant, outcomes=("ok",)))

    def count(status: str) -> int:
        return found[status].requests if status in found else 0

    return Lookups(
        requests=sum(totals.requests for totals in found.values()),
        hits=count("hit"),
        semantic_hits=count("semantic hit"),
        misses=count("miss"),
        semantic_misses=count("semantic miss"),
        refreshes=count("refresh"),
        disabled=count("disabled"),
        saved_nusd=sum(totals.saved_nusd for totals in found.values()),
        hit_us=_mean_us(well, HITS),
        miss_us=_mean_us(well, MISSES),
    )


def _by_status(store: LogStore, meant: Filter) -> dict[str, Totals]:
    return dict(store.groups(meant, "cache", limit=16).rows)


def _mean_us(found: dict[str, Totals], statuses: tuple[str, ...]) -> float:
    those = [found[status] for status in statuses if status in found]
    return share(sum(each.latency_us for each in those), sum(each.requests for each in those))
