"""What usage costs: one model's price as plain integers, and the arithmetic on it. Money is integer nano-USD.

An operator's own prices (`Row`, the `prices` section of the configuration) become the same `Flat` as the catalogue's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from lockgate.core.reply import Usage

_MILLION = 1_000_000
_HOUR_MS = 3_600_000
#: The highest price in USD, and the most decimals that it may have: arithmetic with more could take for ever.
_MOST, _DIGITS = 10**12, 40


class Units(msgspec.Struct, frozen=True):
    """What is charged by other measures than tokens: nano-USD for `Flat.per` of each; None: not charged by this measure.

    `hour` is an hour of sound; what is shorter than `least_ms` is charged as so long.
    """

    character: int | None = None
    page: int | None = None
    annotated_page: int | None = None
    image: int | None = None
    hour: int | None = None
    least_ms: int = 0


class Flat(msgspec.Struct, frozen=True):
    """One model's price at one time. Each rate is nano-USD for `per` tokens (`search`, `request`: for `per` of those).

    Every kind of token has its rate: one that the price list does not name has the rate of the kind it is part of. `per` is
    a million unless the list has finer prices than that can hold. `special`: audio, images, reasoning, searches or requests
    have rates of their own. `tokens`: tokens are charged for at all. `units`: so are other things.

    `above`: from more than so many input tokens on, all tokens cost what that price says (ascending). `tiers`: the price
    by the service tier that the provider says it used. `version` names the list, so that history can be priced again.
    """

    input: int
    output: int
    cached: int
    cache_write: int
    cache_write_1h: int
    version: str
    per: int = _MILLION
    special: bool = False
    audio_input: int = 0
    audio_output: int = 0
    cached_audio: int = 0
    image_input: int = 0
    image_output: int = 0
    reasoning: int = 0
    search: int = 0
    request: int = 0
    above: tuple[tuple[int, Flat], ...] = ()
    tiers: Mapping[str, Flat] | None = None
    tokens: bool = True
    units: Units | None = None

    @classmethod
    def free(cls, version: str = "free") -> Flat:
        """The price of what is never charged: known, and zero, by whatever measure."""
        return cls(0, 0, 0, 0, 0, version, units=Units(0, 0, 0, 0, 0))


_NO_UNITS = Units()


def cost(usage: Usage, flat: Flat) -> int:
    """What the usage costs, in nano-USD, rounded half up. Counts that contradict each other never make it negative."""
    if flat.tiers is not None and usage.service_tier:
        flat = flat.tiers.get(usage.service_tier, flat)
    for start, dearer in flat.above:
        if usage.input > start:
            flat = dearer
    cached, written, long = usage.cached, usage.cache_write, usage.cache_write_1h
    plain = usage.input - cached - written
    total, per = usage.output * flat.output + cached * flat.cached, flat.per
    if plain > 0:
        total += plain * flat.input
    if written:
        total += (written - long) * flat.cache_write + long * flat.cache_write_1h
    if flat.special:
        total += _surcharge(usage, flat)
    if flat.units is not None:
        # In 3,600,000ths, so that the price of an hour is exact for each of its milliseconds.
        total, per = total * _HOUR_MS + _by_units(usage, flat.units), per * _HOUR_MS
    return (2 * total + per) // (2 * per) if total > 0 else 0


def measures(usage: Usage, flat: Flat) -> bool:
    """Whether the usage counts what the price is for: a length of sound says nothing of what its tokens cost."""
    if flat.request or (flat.tokens and (usage.input or usage.output)):
        return True
    units = flat.units or _NO_UNITS
    counts = (
        (usage.characters, units.character),
        (usage.pages, units.page),
        (usage.images, units.image),
        (usage.audio_ms, units.hour),
    )
    if any(count for count, _ in counts):
        return any(count and rate is not None for count, rate in counts)
    return flat.search > 0 if usage.searches else flat.tokens


def unmetered(flat: Flat) -> int | None:
    """The cost of an answer whose usage nobody tells: what a request costs, if that has a price; 0 for what is free."""
    if flat.request:
        return cost(Usage(), flat)
    if flat.tokens and not flat.input and not flat.output and not any(msgspec.structs.astuple(flat.units or _NO_UNITS)):
        return 0
    return None


def _surcharge(usage: Usage, flat: Flat) -> int:
    """What special tokens cost beyond (or below) the plain rate that they are already counted at."""
    return (
        (usage.audio_input - usage.cached_audio) * (flat.audio_input - flat.input)
        + usage.cached_audio * (flat.cached_audio - flat.cached)
        + usage.image_input * (flat.image_input - flat.input)
        + usage.audio_output * (flat.audio_output - flat.output)
        + usage.image_output * (flat.image_output - flat.output)
        + usage.reasoning * (flat.reasoning - flat.output)
        + usage.searches * flat.search
        + flat.request
    )


def _by_units(usage: Usage, units: Units) -> int:
    """What is no token, in 3,600,000ths of nano-USD for `Flat.per` of each."""
    page = units.page or 0
    whole = (
        usage.characters * (units.character or 0)
        + (usage.pages - usage.annotated_pages) * page
        + usage.annotated_pages * (page if units.annotated_page is None else units.annotated_page)
        + usage.images * (units.image or 0)
    )
    heard_ms = max(usage.audio_ms, units.least_ms) if usage.audio_ms else 0
    return whole * _HOUR_MS + heard_ms * (units.hour or 0)


class Rates(msgspec.Struct, frozen=True, omit_defaults=True):
    """A price list's entry in USD: per million tokens or characters, per hour of sound; `search`, `request`, `page`,
    `annotated_page` and `image` per thousand. None: not named."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    cached_audio: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None
    reasoning: Decimal | None = None
    search: Decimal | None = None
    request: Decimal | None = None
    character: Decimal | None = None
    page: Decimal | None = None
    annotated_page: Decimal | None = None
    image: Decimal | None = None
    hour: Decimal | None = None

    def flat(self, version: str, *, least_ms: int = 0) -> Flat:
        """The entry as exact integers. Raises `ValueError` for a price that is negative or no number."""
        finest = 9
        for name in self.__struct_fields__:
            price: Decimal | None = getattr(self, name)
            if price is not None:
                if not price.is_finite() or not 0 <= price <= _MOST or int(price.as_tuple().exponent) < -_DIGITS:
                    raise ValueError(
                        f"{name}: a price is a number of USD, zero or more (and of {_DIGITS} decimals), not {price}"
                    )
                finest = max(finest, -int(price.normalize().as_tuple().exponent))
        unit = Decimal(10) ** finest
        per = _MILLION * 10 ** (finest - 9)

        def whole(price: Decimal | None, otherwise: int) -> int:
            return otherwise if price is None else int(price * unit)

        def each(price: Decimal | None, times: int) -> int | None:
            return None if price is None else times * int(price * unit)

        input = whole(self.input, 0)
        output = whole(self.output, 0)
        cached = whole(self.cached, input)
        cache_write = whole(self.cache_write, input)
        audio_input = whole(self.audio_input, input)
        named = (self.audio_input, self.audio_output, self.cached_audio, self.image_input, self.image_output)
        things = (self.character, self.page, self.annotated_page, self.image, self.hour)
        units = Units(
            each(self.character, 1),
            each(self.page, 1000),
            each(self.annotated_page, 1000),
            each(self.image, 1000),
            each(self.hour, _MILLION),
            least_ms,
        )
        return Flat(
            input,
            output,
            cached,
            cache_write,
            whole(self.cache_write_1h, cache_write),
            version,
            per=per,
            special=any(price is not None for price in (*named, self.reasoning, self.search, self.request)),
            audio_input=audio_input,
            audio_output=whole(self.audio_output, output),
            # Cached sound is cached first and sound second, when only one of the two has a price.
            cached_audio=whole(self.cached_audio, audio_input if self.cached is None else cached),
            image_input=whole(self.image_input, input),
            image_output=whole(self.image_output, output),
            reasoning=whole(self.reasoning, output),
            search=1000 * whole(self.search, 0),
            request=1000 * whole(self.request, 0),
            tokens=self.input is not None or self.output is not None,
            units=units if any(price is not None for price in things) else None,
        )


#: Members of an operator's price that are a price by themselves.
_SUFFICIENT = ("input", "output", "search", "request", "characters", "page", "image", "audio_hour")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An operator's own price of a model, in USD: per million tokens or `characters`; each `search`, `request`, `page`,
    `annotated_page` and `image`; an `audio_hour` of sound.

    Numbers or decimal strings. What is not named costs what it is part of: `cache_read` as input, and so on. A price without
    `input` and `output` is none of tokens.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None
    reasoning: Decimal | None = None
    search: Decimal | None = None
    request: Decimal | None = None
    characters: Decimal | None = None
    page: Decimal | None = None
    annotated_page: Decimal | None = None
    image: Decimal | None = None
    audio_hour: Decimal | None = None

    def flat(self) -> Flat:
        """The price, its version a digest of the row. Raises `ValueError` naming the member at fault."""
        if not any(getattr(self, name) is not None for name in _SUFFICIENT):
            raise ValueError(f"a price names at least one of {', '.join(_SUFFICIENT)}")
        digest = hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:8]
        return Rates(
            input=self.input,
            output=self.output,
            cached=self.cache_read,
            cache_write=self.cache_write,
            cache_write_1h=self.cache_write_1h,
            audio_input=self.audio_input,
            audio_output=self.audio_output,
            image_input=self.image_input,
            image_output=self.image_output,
            reasoning=self.reasoning,
            search=_thousand(self.search),
            request=_thousand(self.request),
            character=self.characters,
            page=_thousand(self.page),
            annotated_page=_thousand(self.annotated_page),
            image=_thousand(self.image),
            hour=self.audio_hour,
        ).flat(f"override {digest}")


def _thousand(price: Decimal | None) -> Decimal | None:
    return None if price is None else price * 1000
