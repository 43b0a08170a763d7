"""The price catalogue: `genai-prices` (MIT), read into our own `Flat` prices.

Only its data and its matching of names are used: its arithmetic takes 200-360 µs a call, ours under one, and the tests
hold the two equal on every row. The package costs 350 ms and 27 MB to import, so it is imported when first asked for.

What its rows mean, as its own arithmetic reads them: prices in a list are dated or of a time of day, and the last that is
active counts; a tiered price counts for all tokens once the input passes its start; a variant replaces single prices for a
service tier; a kind of token without a price costs what it is part of. A row without any price says nothing of the price,
except for the names below, which are free. Sound is priced by the hour, documents by the page, speech by the character.

What it prices and we do not count: `storage_searches` (a search of the caller's files), messages of a realtime session,
cached pictures, film, and citations (these are charged as the tokens that they are part of).

Its Bedrock names hold the region: `global.` has the list price, and everything else the 10% that AWS adds for regional
endpoints, a bare model id included, since that is answered in its region (https://aws.amazon.com/bedrock/pricing/).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from importlib import metadata
from typing import TYPE_CHECKING, Any

import msgspec

from lockgate.policy.price import Flat, Rates

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

#: Our rates → the catalogue's names for them, in the units of `policy.price.Rates`.
_NAMES = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "audio_input": "input_audio_mtok",
    "audio_output": "output_audio_mtok",
    "cached_audio": "cache_audio_read_mtok",
    "image_input": "input_image_mtok",
    "image_output": "output_image_mtok",
    "reasoning": "output_reasoning_mtok",
    "search": "web_searches_kcount",
    "request": "requests_kcount",
    "character": "input_mchars",
    "page": "input_document_kpages",
    "annotated_page": "input_annotated_document_kpages",
    "hour": "audio_hours",
}
#: Our rates → names that are truer where they are there: all sound that we count is heard.
_TRUER = {"hour": "input_audio_hours"}
#: Sound that is charged as if it were so long (ms), where it is shorter: https://groq.com/pricing.
_LEAST_MS = {("groq", "whisper-large-v3"): 10_000, ("groq", "whisper-large-v3-turbo"): 10_000}
#: What a variant may depend on that a provider says in its usage (as `service_tier`).
_TIERED_BY = ("service_tier", "processing", "speed")
#: Models that are free of charge and have a row without prices: patterns of (provider, model).
_FREE = (("*", "*:free"), ("google", "gemma-*"), ("openai", "*moderation*"))
#: A price that never changes is looked at again after this long.
FOREVER = 2**63 - 1
#: Ends the name of a seller that has hosts, each with a list of its own: MODEL:HOST.
HOSTS = "*"


class Listed(msgspec.Struct, frozen=True):
    """A model as the catalogue lists it. `name` is what a request says, `aliases` are others that mean the same."""

    name: str
    title: str
    aliases: tuple[str, ...] = ()
    context: int | None = None
    retired: bool = False
    kinds: frozenset[str] = frozenset()  # of what is priced, by the catalogue's names


def bundled() -> Catalogue:
    """The list that the package brings; importing it takes 350 ms, once in a process."""
    data: Any = importlib.import_module("genai_prices.data")
    return Catalogue(data.providers, f"genai-prices {bundled_version()}")


def bundled_version() -> str:
    """The version of the package."""
    return metadata.version("genai-prices")


class Catalogue:
    """The prices of all models it knows."""

    def __init__(self, providers: list[Provider], version: str) -> None:
        self.version = version
        self._providers = {provider.id: provider for provider in providers}
        self._all = providers

    def __repr__(self) -> str:
        return f"Catalogue({self.version}, {len(self._all)} providers)"

    @property
    def size(self) -> int:
        """How many models it lists."""
        return sum(len(seller.models) for seller in self._all)

    def check(self, at_us: int) -> int:
        """Look at all that a request might find: how many models there are. Raises `ValueError` for a price that cannot be,
        and whatever a pattern raises that cannot be matched."""
        if len(self._providers) < len(self._all):
            raise ValueError("a provider is listed twice")
        for seller in self._all:
            seller.find_model("a name that no model has", all_providers=self._all)
            for info in seller.models:
                dated: list[Any] = [*(info.prices if isinstance(info.prices, list) else [info]), *(info.price_variants or ())]
                try:
                    for each in dated:
                        self._flat(each.prices)
                    self.price(seller, info, at_us)
                except ValueError as error:
                    raise ValueError(f"{seller.id}/{info.id}: {error}") from None
        return self.size

    def models(self, provider: str) -> list[Listed]:
        """A provider's models; empty for a provider that is not listed."""
        if not provider.endswith(HOSTS):
            seller = self._providers.get(provider)
            return [] if seller is None else [_listed(info) for info in seller.models]
        start = provider.removesuffix(HOSTS)
        return [
            _at(listed, name.removeprefix(start))
            for name in self._providers
            if name.startswith(start)
            for listed in self.models(name)
        ]

    def find(self, provider: str, model: str, at_us: int) -> tuple[Flat | None, int]:
        """The price of a model at a time (None: unknown), and until when that holds, both in µs since the epoch."""
        if provider.endswith(HOSTS):
            model, _, host = model.rpartition(":")
            provider = provider.removesuffix(HOSTS) + host
        seller = self._providers.get(provider)
        info = seller.find_model(model, all_providers=self._all) if seller is not None and model else None
        if seller is None or info is None:
            return None, FOREVER
        flat, until = self.price(seller, info, at_us)
        if flat is None and _says_nothing(info) and _is_free(provider, model):
            flat = Flat.free(self.version)
        return flat, until

    def price(self, seller: Provider, info: ModelInfo, at_us: int) -> tuple[Flat | None, int]:
        """The price in a row of the catalogue, likewise."""
        at = datetime.fromtimestamp(at_us / 1e6, UTC)
        least_ms = _LEAST_MS.get((seller.id, info.id), 0)
        flat = self._flat(info.get_prices(at), least_ms)
        if flat is not None and any(info is own for own in seller.models):  # variants are the seller's, not the model maker's
            flat = self._with_tiers(flat, info, at, least_ms)
        return flat, min((int(change.timestamp() * 1e6) for change in _changes(info, at)), default=FOREVER)

    def _with_tiers(self, flat: Flat, info: ModelInfo, at: datetime, least_ms: int) -> Flat:
        tiers: dict[str, Flat] = {}
        for variant in info.price_variants or ():
            (by, name), *more = variant.when.items()
            if by in _TIERED_BY and not more:
                tier = self._flat(info.get_prices(at, {by: name}), least_ms)
                if tier is not None and tier != flat:
                    tiers[name] = tier
        fields = {name: getattr(flat, name) for name in flat.__struct_fields__}
        return Flat(**{**fields, "tiers": tiers or None})

    def _flat(self, price: ModelPrice, least_ms: int = 0) -> Flat | None:
        """A row as a price for each stretch of input size; None when it has none."""
        said = price.__dict__
        listed = {ours: value for ours, theirs in _NAMES.items() if (value := said.get(theirs)) is not None}
        listed |= {ours: value for ours, theirs in _TRUER.items() if (value := said.get(theirs)) is not None}
        if not listed:
            return None
        starts = sorted({tier.start for value in listed.values() if not isinstance(value, Decimal) for tier in value.tiers})
        above = tuple((start, _level(listed, start).flat(self.version)) for start in starts)
        base = _level(listed, -1).flat(self.version, least_ms=least_ms)
        if not above:
            return base
        fields = {name: getattr(base, name) for name in base.__struct_fields__}
        return Flat(**{**fields, "above": above})


def _listed(info: ModelInfo) -> Listed:
    names = list(dict.fromkeys(name for name in (info.id, *_exact(info.match)) if info.is_match(name))) or [info.id]
    prices: list[Any] = info.prices if isinstance(info.prices, list) else [info]
    kinds = frozenset(kind for each in prices for kind in each.prices.__dict__)
    return Listed(names[0], info.name or names[0], tuple(names[1:]), info.context_window, bool(info.deprecated), kinds)


def _at(listed: Listed, host: str) -> Listed:
    """A model at one of its seller's hosts."""
    aliases = tuple(f"{name}:{host}" for name in listed.aliases)
    return msgspec.structs.replace(listed, name=f"{listed.name}:{host}", aliases=aliases)


def _exact(clause: Any) -> Iterator[str]:
    """The names that a clause of the catalogue's matching admits by themselves."""
    if (name := getattr(clause, "equals", None)) is not None:
        yield name
    inner: Iterable[Any] = getattr(clause, "or_", ())
    for each in inner:
        yield from _exact(each)


def _level(listed: dict[str, Any], passed: int) -> Rates:
    """The prices once the input has passed `passed` tokens (-1: none yet)."""
    return Rates(**{name: value if isinstance(value, Decimal) else _tier(value, passed) for name, value in listed.items()})


def _tier(tiered: Any, passed: int) -> Decimal:
    price: Decimal = tiered.base
    for tier in tiered.tiers:  # ascending
        if tier.start <= passed:
            price = tier.price
    return price


def _says_nothing(info: ModelInfo) -> bool:
    return not isinstance(info.prices, list) and not info.prices.__dict__


def _is_free(provider: str, model: str) -> bool:
    return any(fnmatchcase(provider, owner) and fnmatchcase(model.lower(), pattern) for owner, pattern in _FREE)


def _changes(info: ModelInfo, at: datetime) -> Iterator[datetime]:
    """The moments after `at` when another of a model's prices may become the active one."""
    dated: list[Any] = [*(info.prices if isinstance(info.prices, list) else ()), *(info.price_variants or ())]
    for price in dated:
        start = getattr(price.constraint, "start_date", None)
        if start is not None and (begins := datetime.combine(start, time(), UTC)) > at:
            yield begins
        for name in ("start_time", "end_time"):
            hour = getattr(price.constraint, name, None)
            if hour is not None:
                turn = datetime.combine(at.date(), hour if hour.tzinfo else hour.replace(tzinfo=UTC)).astimezone(UTC)
                yield next(each for days in (-1, 0, 1, 2) if (each := turn + timedelta(days=days)) > at)
