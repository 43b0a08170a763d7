"""What the providers' own prompt caches have done: how much of the input came from them, and what that has saved.

Roll-ups have the tokens that were read from a cache, but not those that were written to one. What writing cost beyond plain
input follows from what all of it cost: by so much more than the tokens at their plain prices less what reading has saved. It
is told within what can be: no less than nothing, no more than if all that was not read had been written.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.analytics.shapes import cents, percent
from lockgate.control.analytics.steps import step_of
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.price import Flat
from lockgate.providers.table import TABLE
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.logs.rollup import Totals

#: What the gateway's own cache has to do with a request for which a provider was asked.
_ASKED = ("", "miss", "semantic miss", "refresh", "disabled")


class PromptCacheUse(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what a model of a provider was asked came from the provider's cache. `rate`: of the input tokens, in percent.
    Money in cents, by the prices of now, None where these are not known: `read_savings` less `write_surcharge` is `savings`."""

    provider: str
    ai_model: str
    requests: int
    input_tokens: int
    cached_tokens: int
    rate: float
    read_savings: float | None
    write_surcharge: float | None
    savings: float | None
    object: Literal["analytics-group"] = "analytics-group"


def prompt_caches(store: LogStore, meant: Filter, world: Snapshot, *, limit: int) -> list[PromptCacheUse]:
    """Of each provider and model that was asked, those first that read the most from a cache. Raises `Refusal` 400 for a span
    that is none."""
    step_of(meant)
    seen = _seen(meant, world)
    found: list[PromptCacheUse] = []
    for provider, all_of_it in store.groups(meant, "provider", limit=limit).rows:
        if not provider or (meant.providers and provider not in meant.providers):
            continue  # refused before anybody was asked
        theirs = msgspec.structs.replace(meant, providers=(provider,))
        if all_of_it.hits or all_of_it.semantic_hits:  # answers that were given again have used nothing
            caches = tuple(each for each in _ASKED if not meant.caches or each in meant.caches)
            theirs = msgspec.structs.replace(theirs, caches=caches or ("none",))
        for model, totals in store.groups(theirs, "model", limit=limit).rows:
            if model:
                assert meant.until_us is not None
                found.append(_use(provider, model, totals, _price(seen, provider, model, meant.until_us)))
    return sorted(found, key=lambda each: (-each.cached_tokens, -each.input_tokens))[:limit]


def _seen(meant: Filter, world: Snapshot) -> Snapshot:
    """The world as who asks sees it."""
    if meant.workspaces is not None and len(meant.workspaces) == 1 and meant.workspaces[0] in world.views:
        return world.views[meant.workspaces[0]]
    return world if meant.organisation in ("", world.home.organisation) else world.default_view.get(meant.organisation, world)


def _price(seen: Snapshot, slug: str, model: str, at_us: int) -> Flat | None:
    provider = seen.providers.get(slug)
    row = TABLE.get(slug) if provider is None else provider.row
    return None if row is None else seen.prices.charged(row, model, at_us, slug)


def _use(provider: str, model: str, totals: Totals, flat: Flat | None) -> PromptCacheUse:
    read, written = (None, None) if flat is None else _savings(totals, flat)
    return PromptCacheUse(
        provider=provider,
        ai_model=model,
        requests=totals.requests,
        input_tokens=totals.input,
        cached_tokens=totals.cached,
        rate=percent(totals.cached, totals.input),
        read_savings=None if read is None else cents(read),
        write_surcharge=None if written is None else cents(written),
        savings=None if read is None or written is None else cents(read - written),
    )


def _savings(totals: Totals, flat: Flat) -> tuple[float, float]:
    """What reading from the cache saved, and what writing to it cost more, in nano-USD."""
    read = totals.cached * (flat.input - flat.cached) / flat.per
    plain = (totals.input * flat.input + totals.output * flat.output) / flat.per
    dearest = max(0, flat.cache_write - flat.input, flat.cache_write_1h - flat.input)
    most = max(0, totals.input - totals.cached) * dearest / flat.per
    return read, min(max(0.0, totals.cost_nusd - (plain - read)), most)
