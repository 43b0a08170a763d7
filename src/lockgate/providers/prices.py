"""`Prices`: what a model costs at a provider. The operator's own prices come first, then ours (`prices.toml`: where the
catalogue is wrong or silent), then the catalogue's; unknown is not 0. What an account has agreed on comes before all but the
operator's word on that account."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from lockgate.core.reply import Usage
from lockgate.policy.price import Flat, Row, cost, measures, unmetered
from lockgate.policy.tariff import Tariff
from lockgate.providers import prices_file
from lockgate.providers.bundled import bundled
from lockgate.providers.prices_catalogue import FOREVER, Catalogue, Listed
from lockgate.providers.shelf import FOLDER, Shelf
from lockgate.providers.table import Row as Provider

_FREE = Flat.free()


class Priced(msgspec.Struct, frozen=True):
    """What a request cost: nano-USD or None, the version of the price list, and a word when the cost is not known."""

    nusd: int | None
    version: str = ""
    note: str = ""


_UNKNOWN = Priced(None, note="unknown price")
_UNMEASURED = Priced(None, note="unknown usage")


def read_ours(text: str) -> dict[tuple[str, str], Flat]:
    """The prices of `prices.toml`, by provider (as the catalogue names it) and model. Each names its `source`, which enters
    into the version."""
    ours: dict[tuple[str, str], Flat] = {}
    for name, entry in tomllib.loads(text, parse_float=str).items():
        provider, _, model = name.partition("/")
        source: Any = entry.pop("source")
        flat = msgspec.convert(entry, Row, strict=False).flat()
        ours[provider, model] = msgspec.structs.replace(flat, version=f"lockgate, from {source}")
    return ours


_OURS = read_ours(Path(__file__).with_name("prices.toml").read_text("utf-8"))


class Prices:
    """Finds prices, each looked up once and kept until it may change.

    `overrides` are the operator's rows by "provider/model": the provider by its configured slug or its name in the
    catalogue, the model exact or as a pattern (`gpt-4o*`); an exact name wins, then the longest pattern. Raises
    `ValueError` naming the row for a price that cannot be. `tariffs` are those of accounts, by what their providers are known
    by (`Provider.known_by`, which is `slug` wherever something is asked for here). `file` is a price list to be used instead of
    the package's, if it is there (`providers.prices_file`); beside it is the `shelf`. `size` bounds how many prices are kept.
    """

    def __init__(
        self,
        overrides: Mapping[str, Row] | None = None,
        *,
        tariffs: Mapping[str, Tariff] | None = None,
        file: Path | None = None,
        size: int = 4096,
    ) -> None:
        self._exact: dict[tuple[str, str], Flat] = {}
        self._patterns: list[tuple[str, str, Flat]] = []
        for name, row in (overrides or {}).items():
            provider, slash, model = name.partition("/")
            if not slash or not provider or not model:
                raise ValueError(f"{name}: a price is named provider/model")
            try:
                flat = row.flat()
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            if "*" in model or "?" in model:
                self._patterns.append((provider, model, flat))
            else:
                self._exact[provider, model] = flat
        self._patterns.sort(key=lambda entry: -len(entry[1]))
        self._tariffs = tariffs or {}
        self._agreed = {
            (slug, model): tariff.adjusted(flat) for slug, tariff in self._tariffs.items() for model, flat in tariff.own.items()
        }
        self._file = file
        self.shelf = None if file is None else Shelf(file.with_name(FOLDER))
        self._size = size
        self._kept: dict[tuple[str, str, str], tuple[Flat | None, int, int]] = {}  # price, since, until
        self._listed: dict[str, list[Listed]] = {}
        self._catalogue: Catalogue | None = None
        self._loading = threading.Lock()

    def __repr__(self) -> str:
        return f"Prices({len(self._exact) + len(self._patterns)} overrides, {self._catalogue or 'catalogue not loaded'})"

    def warm(self, sellers: Iterable[str] = ()) -> None:
        """`read` in a thread of its own, so that no request waits for it."""
        threading.Thread(target=self.read, args=(sellers,), name="prices", daemon=True).start()

    def read(self, sellers: Iterable[str]) -> None:
        """Load the catalogue, and what it lists for providers that will be asked, by their names there."""
        catalogue = self.load()
        for seller in set(sellers):
            catalogue.seller(seller)

    def flat(self, provider: str, model: str, at_us: int, slug: str = "") -> Flat | None:
        """The price of `model` at a time (µs since the epoch), or None: not known.

        `provider` is its name in the catalogue, `slug` what it is known by here. The first call loads the catalogue if `warm`
        has not.
        """
        key = (provider, slug, model)
        kept = self._kept.get(key)
        if kept is None or not kept[1] <= at_us < kept[2]:
            flat, until = self._find(provider, model, at_us, slug)
            kept = flat, at_us, until
            if len(self._kept) >= self._size:
                del self._kept[next(iter(self._kept))]  # the oldest; callers choose the names, so there must be an end
            self._kept[key] = kept
        return kept[0]

    def cost(self, row: Provider, sent: str, served: str, usage: Usage | None, at_us: int, slug: str = "") -> Priced:
        """What a request cost at the provider of `row`, which was asked for the model `sent` and says that it `served`. Usage
        that nobody tells (None), or that is not what is charged for, makes an unknown cost where that depends on it."""
        flat = self.used(row, sent, served, at_us, slug)
        if flat is None:
            return _UNKNOWN if usage is not None else _UNMEASURED
        nusd = cost(usage, flat) if usage is not None and measures(usage, flat) else unmetered(flat)
        return _UNMEASURED if nusd is None else Priced(nusd, flat.version)

    def used(self, row: Provider, sent: str, served: str, at_us: int, slug: str = "") -> Flat | None:
        """The price of an answer to the model `sent`, whose provider says that it `served`; None: not known."""
        tariff = self._tariffs.get(slug)
        flat = self.charged(row, sent, at_us, slug) if row.free or (tariff is not None and tariff.names(sent)) else None
        # What was served is the truer name, unless what was sent says more (a region, a maker: `global.x` served as `x`).
        for model in (sent, served) if not served or served in sent else (served, sent):
            if flat is None and model:
                flat = self.flat(row.prices, model, at_us, slug)
        return flat

    def charged(self, row: Provider, model: str, at_us: int, slug: str = "") -> Flat | None:
        """What requests for a model are charged at by the provider of `row`; None: not known."""
        if row.free:
            return self._own(row.prices, model, slug) or self._agreed.get((slug, model)) or _FREE
        return self.flat(row.prices, model, at_us, slug)

    def listed(self, row: Provider, model: str, at_us: int) -> Flat | None:
        """What everyone is charged at, without the prices of this gateway's operator and its accounts; None: not known."""
        return _FREE if row.free else self._public(row.prices, model, at_us)[0]

    def dearness(self, row: Provider, model: str, at_us: int, slug: str = "") -> float:
        """What a model costs compared with others: nano-USD for a token, of which three in four are input; infinite where
        nobody knows."""
        flat = self.charged(row, model, at_us, slug)
        return inf if flat is None else (3 * flat.input + flat.output) / (4 * flat.per)

    def models(self, provider: str) -> list[Listed]:
        """The models that the catalogue lists for a provider, by its name there, and those that we have a price of. The first
        call may load the catalogue."""
        if not provider:
            return []
        listed = self._listed.get(provider)
        if listed is None:
            listed = self.load().models(provider)
            known = {name for each in listed for name in (each.name, *each.aliases)}
            listed += [Listed(model, model) for owner, model in _OURS if owner == provider and model not in known]
            self._listed[provider] = listed
        return listed

    def _find(self, provider: str, model: str, at_us: int, slug: str) -> tuple[Flat | None, int]:
        tariff = self._tariffs.get(slug)
        if tariff is None:
            own = self._own(provider, model, slug)
            return (own, FOREVER) if own is not None else self._public(provider, model, at_us)
        own = self._own("", model, slug) or self._agreed.get((slug, model))
        if own is not None:
            return own, FOREVER
        alike = tariff.like.get(model, model)
        own = self._own(provider, alike, "")
        flat, until = (own, FOREVER) if own is not None else self._public(provider, alike, at_us)
        return None if flat is None else tariff.adjusted(flat), until

    def _public(self, provider: str, model: str, at_us: int) -> tuple[Flat | None, int]:
        """Our price, or the catalogue's, and until when it holds."""
        ours = _OURS.get((provider, model))
        if ours is not None:
            return ours, FOREVER
        return self.load().find(provider, model, at_us) if provider else (None, FOREVER)

    def _own(self, provider: str, model: str, slug: str) -> Flat | None:
        """The operator's price, if there is one."""
        for name in (slug, provider):
            if flat := self._exact.get((name, model)):
                return flat
        for owner, pattern, flat in self._patterns:
            if owner in (slug, provider) and fnmatchcase(model, pattern):
                return flat
        return None

    def load(self) -> Catalogue:
        """The catalogue. The first call reads it: some milliseconds, or half a second where nothing is on the shelf yet."""
        with self._loading:
            if self._catalogue is None:
                taken = None if self._file is None else prices_file.load(self._file)
                self._catalogue = taken or bundled(self.shelf)
        return self._catalogue
