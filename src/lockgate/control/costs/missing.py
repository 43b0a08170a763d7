"""Models that were used and have no price: what was used of them, and what the configuration lacks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import msgspec

from lockgate.control.costs.itemise import itemise
from lockgate.control.costs.spend import unpriced_of
from lockgate.core.record import Record
from lockgate.core.reply import Usage
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.table import TABLE
from lockgate.stores.logs.ports import Filter, LogStore

#: What is used → the members of a price that say what it costs.
_MEMBERS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("input", "output"), ("input", "output")),
    (("characters",), ("characters",)),
    (("pages",), ("page",)),
    (("images",), ("image",)),
    (("audio_ms",), ("audio_hour",)),
)
#: What a member is the price of, in USD.
UNITS = {
    "input": "a million tokens",
    "output": "a million tokens",
    "characters": "a million characters",
    "page": "a page",
    "image": "an image",
    "audio_hour": "an hour of sound",
}
#: Records that are looked at for one that has no price.
_LOOKED_AT = 2000


class Missing(msgspec.Struct):
    """A model without a price. `name` is what it is called in `prices` of the configuration, `members` what its price must say
    there; `priced_now`: a price has come since, and repricing sets what its requests cost."""

    provider: str
    model: str
    requests: int
    tokens: int
    name: str
    members: tuple[str, ...]
    priced_now: bool = False


def missing(store: LogStore, meant: Filter, world: Snapshot) -> list[Missing]:
    """Models that were used without a price, the most used first. Both times of `meant` are set. Raises `StoreError`."""
    found: list[Missing] = []
    for each in unpriced_of(store, meant):
        example = _example(store, meant, each.provider, each.model)
        found.append(
            Missing(
                each.provider,
                each.model,
                each.requests,
                each.tokens,
                _name(each.provider, each.model, example, world),
                _members(example.usage if example is not None else None),
                example is not None and itemise(example, world).nusd is not None,
            )
        )
    return found


def as_yaml(found: Sequence[Missing]) -> str:
    """What to write into the configuration, with the prices left to be filled in; "" for nothing."""
    lines: list[str] = []
    for each in found:
        if not each.priced_now:
            name = msgspec.json.encode(each.name).decode()  # a text of JSON is one of YAML
            lines.append(f"  {name}: {{{', '.join(f'{member}: …' for member in each.members)}}}")
    if not lines:
        return ""
    used = dict.fromkeys(member for each in found if not each.priced_now for member in each.members)
    units = ", ".join(f"{member} for {UNITS[member]}" for member in used)
    return "\n".join((f"prices:   # USD: {units}", *lines))


def _example(store: LogStore, meant: Filter, provider: str, model: str) -> Record | None:
    """The newest request without a price."""
    theirs = msgspec.structs.replace(meant, providers=(provider,), models=(model,))
    return next(
        (
            record
            for record in islice(store.scan(theirs), _LOOKED_AT)
            if record.model_sent == model and record.usage is not None and record.cost_nusd is None
        ),
        None,
    )


def _name(slug: str, model: str, example: Record | None, world: Snapshot) -> str:
    """A provider of the configuration is named by its slug there, any other one by what price lists call it."""
    if slug in world.providers and not world.providers[slug].realm:
        return f"{slug}/{model}"
    row = TABLE.get(example.provider_kind if example is not None else "") or TABLE.get(slug)
    return f"{(row.prices or row.slug) if row is not None else slug}/{model}"


def _members(usage: Usage | None) -> tuple[str, ...]:
    found = [
        member for counts, members in _MEMBERS if usage and any(getattr(usage, name) for name in counts) for member in members
    ]
    return tuple(found) or ("input", "output")
