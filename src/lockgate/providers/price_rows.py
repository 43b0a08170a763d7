"""The rows of a price list, in the form that genai-prices publishes (version 2: a JSON array of sellers): which names a model
goes by, and what it is priced at when. Members that are not read here are passed over.

It is read by this page and not by the package, whose types take 200 ms and 20 MB to import; the tests hold the two equal on
every row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import msgspec

#: Changes when rows are read more strictly: a list that was checked before is then checked again.
READER = 1
#: A date without dashes at the end of a part of a name: LiteLLM and OpenRouter write `gpt-5.2-20251211`.
_DATED = re.compile(r"-(20\d\d)(\d\d)(\d\d)(?=-|:|$)")


class Clause(msgspec.Struct, omit_defaults=True):
    """Which names are meant, whatever their case. One member is set."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any: tuple[Clause, ...] | None = msgspec.field(name="or", default=None)
    all: tuple[Clause, ...] | None = msgspec.field(name="and", default=None)

    def __post_init__(self) -> None:
        if sum(said is not None for said in msgspec.structs.astuple(self)) != 1:
            raise ValueError("a clause says one thing")

    def admits(self, name: str) -> bool:
        """Whether a name, in lower case, is among them. Raises `re.error` for a pattern that is none."""
        if self.equals is not None:
            return name == self.equals.lower()
        if self.any is not None:
            return any(clause.admits(name) for clause in self.any)
        if self.starts_with is not None:
            return name.startswith(self.starts_with.lower())
        if self.contains is not None:
            return self.contains.lower() in name
        if self.all is not None:
            return all(clause.admits(name) for clause in self.all)
        if self.ends_with is not None:
            return name.endswith(self.ends_with.lower())
        return re.search(self.regex or "", name) is not None

    def exact(self) -> Iterator[str]:
        """The names that it admits by themselves."""
        if self.equals is not None:
            yield self.equals
        for clause in self.any or ():
            yield from clause.exact()


class Tier(msgspec.Struct):
    """What all tokens cost once there are more than `start` of input."""

    start: int
    price: Decimal


class Tiered(msgspec.Struct):
    """A price that depends on the size of the input; `tiers` ascend."""

    base: Decimal
    tiers: list[Tier]

    def __post_init__(self) -> None:
        self.tiers.sort(key=lambda tier: tier.start)

    def beyond(self, passed: int) -> Decimal:
        """The price once the input has passed so many tokens (-1: none yet)."""
        price = self.base
        for tier in self.tiers:
            if tier.start <= passed:
                price = tier.price
        return price


#: What is priced → USD for its unit.
Priced = dict[str, Decimal | Tiered | None]


class Constraint(msgspec.Struct, omit_defaults=True):
    """When a price holds: from a day on, or at a time of the day, both in UTC unless they say otherwise."""

    start_date: date | None = None
    start_time: time | None = None
    end_time: time | None = None

    def __post_init__(self) -> None:
        if (self.start_date is None) is (self.start_time is None) or (self.start_time is None) is not (self.end_time is None):
            raise ValueError("a constraint has a start_date, or a start_time and an end_time")

    def active(self, at: datetime) -> bool:
        """Whether it holds at a time, which is in UTC."""
        if self.start_date is not None:
            return at.date() >= self.start_date
        now, start, end = at.time(), *(_in_utc(turn) for turn in self._turns())
        return start <= now < end if start <= end else now >= start or now < end

    def changes(self, at: datetime) -> Iterator[datetime]:
        """The next moments at which that may change."""
        if self.start_date is not None and (begins := datetime.combine(self.start_date, time(), UTC)) > at:
            yield begins
        for hour in self._turns():
            turn = datetime.combine(at.date(), hour if hour.tzinfo else hour.replace(tzinfo=UTC)).astimezone(UTC)
            yield next(each for days in (-1, 0, 1, 2) if (each := turn + timedelta(days=days)) > at)

    def _turns(self) -> list[time]:
        return [hour for hour in (self.start_time, self.end_time) if hour is not None]


class Dated(msgspec.Struct, omit_defaults=True):
    """A price among several: of those that hold, the last counts."""

    prices: Priced
    constraint: Constraint | None = None


class Variant(msgspec.Struct, omit_defaults=True):
    """Single prices that are others for requests of a kind, such as a service tier."""

    when: dict[str, str]
    prices: Priced
    constraint: Constraint | None = None

    def __post_init__(self) -> None:
        if not self.when:
            raise ValueError("a variant says when")


class Model(msgspec.Struct, omit_defaults=True):
    """One model of a seller."""

    id: str
    match: Clause
    name: str | None = None
    context_window: int | None = None
    deprecated: bool | None = None
    prices: Priced | list[Dated] = msgspec.field(default_factory=dict)
    price_variants: list[Variant] | None = None

    @property
    def dated(self) -> list[Dated]:
        """Its prices, if they depend on the time."""
        return self.prices if isinstance(self.prices, list) else []

    def every_price(self) -> list[Priced]:
        """All that it may ever be charged at, variants aside."""
        return [each.prices for each in self.prices] if isinstance(self.prices, list) else [self.prices]

    def priced(self, at: datetime, request: Mapping[str, str] | None = None) -> Priced:
        """The prices at a time (in UTC) for requests of a kind."""
        if isinstance(self.prices, list):
            active = (each for each in reversed(self.prices) if each.constraint is None or each.constraint.active(at))
            standard = next(active, self.prices[0]).prices if self.prices else {}
        else:
            standard = self.prices
        if not request:
            return standard
        other: Priced = {}
        for variant in self.price_variants or ():
            if (variant.constraint is None or variant.constraint.active(at)) and variant.when.items() <= request.items():
                other = {what: price for what, price in variant.prices.items() if price is not None} | other
        return standard | other


class Seller(msgspec.Struct, omit_defaults=True):
    """Who sells models: a provider, by its name in the list. Models that it has not may be others'
    (`fallback_model_providers`)."""

    id: str
    fallback_model_providers: list[str] | None = None
    models: list[Model] = msgspec.field(default_factory=list)

    def model(self, name: str) -> Model | None:
        """Its own model of a name, which is in lower case."""
        return next((model for model in self.models if model.match.admits(name)), None)


def dashed(name: str) -> str:
    """A name with its date written as the list writes dates."""
    return _DATED.sub(lambda found: f"-{'-'.join(found.groups())}" if _is_date(*found.groups()) else found[0], name)


def _is_date(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _in_utc(hour: time) -> time:
    if hour.tzinfo is None:
        return hour
    return datetime.combine(date(1970, 1, 2), hour).astimezone(UTC).time()
