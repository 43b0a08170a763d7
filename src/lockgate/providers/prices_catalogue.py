"""The price catalogue: the data of `genai-prices` (MIT), read into our own `Flat` prices.

Only its data are used (`price_rows`): its arithmetic takes 200-360 µs a call, ours under one, and the tests hold the two equal
on every row. A seller's rows are read when somebody first asks for one of them: most sellers are never asked for.

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

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase

import msgspec

from lockgate.core.json import UNREADABLE
from lockgate.policy.price import Flat, Rates
from lockgate.providers.price_rows import Model, Priced, Seller, Tiered, dashed

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


class Catalogue:
    """The prices of all models it knows: the rows of `sellers`, by their names, each as it was published."""

    def __init__(self, sellers: Mapping[str, msgspec.Raw], version: str) -> None:
        self.version = version
        self._sellers = sellers
        self._read: dict[str, Seller] = {}

    def __repr__(self) -> str:
        return f"Catalogue({self.version}, {len(self._sellers)} providers)"

    @property
    def size(self) -> int:
        """How many models it lists. Reads it all."""
        return sum(len(msgspec.json.decode(raw, type=_Counted).models) for raw in self._sellers.values())

    def seller(self, name: str) -> Seller | None:
        """A seller with all its models; None for one that is not listed. Raises `msgspec.ValidationError` for rows that cannot
        be read, which a list that was checked has not."""
        seller = self._read.get(name)
        if seller is None and (raw := self._sellers.get(name)) is not None:
            seller = self._read[name] = msgspec.json.decode(raw, type=Seller)
        return seller

    def check(self, at_us: int) -> int:
        """Look at all that a request might find: how many models there are. Raises `ValueError` for what cannot be read and for
        a price that cannot be, and whatever a pattern raises that cannot be matched."""
        models = 0
        for name, raw in self._sellers.items():
            try:
                seller = msgspec.json.decode(raw, type=Seller)
            except msgspec.ValidationError as error:
                raise ValueError(f"the provider {name[:64]!r} cannot be read: {error}") from None
            seller.model("a name that no model has")
            for model in seller.models:
                try:
                    for each in (*model.every_price(), *(variant.prices for variant in model.price_variants or ())):
                        self._flat(each)
                    self.price(seller, model, at_us)
                except ValueError as error:
                    raise ValueError(f"{name}/{model.id}: {error}") from None
            models += len(seller.models)
        return models

    def models(self, provider: str) -> list[Listed]:
        """A provider's models; empty for a provider that is not listed."""
        if not provider.endswith(HOSTS):
            seller = self.seller(provider)
            return [] if seller is None else [_listed(model) for model in seller.models]
        start = provider.removesuffix(HOSTS)
        return [
            _at(listed, name.removeprefix(start))
            for name in self._sellers
            if name.startswith(start)
            for listed in self.models(name)
        ]

    def find(self, provider: str, model: str, at_us: int) -> tuple[Flat | None, int]:
        """The price of a model at a time (None: unknown), and until when that holds, both in µs since the epoch."""
        if provider.endswith(HOSTS):
            model, _, host = model.rpartition(":")
            provider = provider.removesuffix(HOSTS) + host
        seller = self.seller(provider)
        found = self._model(seller, model.lower()) if seller is not None and model else None
        if seller is None or found is None:
            return None, FOREVER
        flat, until = self.price(seller, found, at_us)
        if flat is None and found.prices == {} and _is_free(provider, model):
            flat = Flat.free(self.version)
        return flat, until

    def price(self, seller: Seller, model: Model, at_us: int) -> tuple[Flat | None, int]:
        """The price in a row of the catalogue, likewise."""
        at = datetime.fromtimestamp(at_us / 1e6, UTC)
        least_ms = _LEAST_MS.get((seller.id, model.id), 0)
        flat = self._flat(model.priced(at), least_ms)
        if flat is not None and any(model is own for own in seller.models):  # variants are the seller's, not the model maker's
            flat = self._with_tiers(flat, model, at, least_ms)
        constraints = [each.constraint for each in (*model.dated, *(model.price_variants or ())) if each.constraint is not None]
        changes = (int(change.timestamp() * 1e6) for each in constraints for change in each.changes(at))
        return flat, min(changes, default=FOREVER)

    def _model(self, seller: Seller, name: str) -> Model | None:
        """The model of a name, the seller's own or one that it sells for its maker."""
        makers = [self.seller(maker) for maker in seller.fallback_model_providers or ()]
        for spelt in dict.fromkeys((name, dashed(name))):
            for each in (seller, *makers):
                if each is not None and (found := each.model(spelt)) is not None:
                    return found
        return None

    def _with_tiers(self, flat: Flat, model: Model, at: datetime, least_ms: int) -> Flat:
        tiers: dict[str, Flat] = {}
        for variant in model.price_variants or ():
            (by, name), *more = variant.when.items()
            if by in _TIERED_BY and not more:
                tier = self._flat(model.priced(at, {by: name}), least_ms)
                if tier is not None and tier != flat:
                    tiers[name] = tier
        fields = {name: getattr(flat, name) for name in flat.__struct_fields__}
        return Flat(**{**fields, "tiers": tiers or None})

    def _flat(self, said: Priced, least_ms: int = 0) -> Flat | None:
        """A row as a price for each stretch of input size; None when it has none."""
        listed = {ours: value for ours, theirs in _NAMES.items() if (value := said.get(theirs)) is not None}
        listed |= {ours: value for ours, theirs in _TRUER.items() if (value := said.get(theirs)) is not None}
        if not listed:
            return None
        starts = sorted({tier.start for value in listed.values() if isinstance(value, Tiered) for tier in value.tiers})
        above = tuple((start, _level(listed, start).flat(self.version)) for start in starts)
        base = _level(listed, -1).flat(self.version, least_ms=least_ms)
        if not above:
            return base
        fields = {name: getattr(base, name) for name in base.__struct_fields__}
        return Flat(**{**fields, "above": above})


def sellers_of(data: bytes) -> dict[str, msgspec.Raw]:
    """The rows of published data by their sellers' names, not looked at yet. Raises `ValueError`."""
    try:
        entries = msgspec.json.decode(data, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        raise ValueError("it is no JSON array of providers (genai-prices publishes one as v2/data.json)") from None
    except UNREADABLE as error:
        raise ValueError(f"it is no JSON: {error}") from None
    sellers: dict[str, msgspec.Raw] = {}
    for entry in entries:
        try:
            name = msgspec.json.decode(entry, type=_Named).id
        except UNREADABLE as error:
            raise ValueError(f"it is no JSON array of providers with ids: {error}") from None
        if name in sellers:
            raise ValueError(f"the provider {name[:64]!r} is listed twice")
        sellers[name] = entry
    return sellers


class _Named(msgspec.Struct):
    id: str


class _Counted(msgspec.Struct):
    models: list[msgspec.Raw] = []


def _listed(model: Model) -> Listed:
    admitted = [name for name in (model.id, *model.match.exact()) if model.match.admits(name.lower())]
    names = list(dict.fromkeys(admitted)) or [model.id]
    kinds = frozenset(kind for each in model.every_price() for kind in each)
    return Listed(names[0], model.name or names[0], tuple(names[1:]), model.context_window, bool(model.deprecated), kinds)


def _at(listed: Listed, host: str) -> Listed:
    """A model at one of its seller's hosts."""
    aliases = tuple(f"{name}:{host}" for name in listed.aliases)
    return msgspec.structs.replace(listed, name=f"{listed.name}:{host}", aliases=aliases)


def _level(listed: Mapping[str, Decimal | Tiered], passed: int) -> Rates:
    """The prices once the input has passed `passed` tokens (-1: none yet)."""
    return Rates(**{name: each.beyond(passed) if isinstance(each, Tiered) else each for name, each in listed.items()})


def _is_free(provider: str, model: str) -> bool:
    return any(fnmatchcase(provider, owner) and fnmatchcase(model.lower(), pattern) for owner, pattern in _FREE)
