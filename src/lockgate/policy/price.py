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


class Flat(msgspec.Struct, frozen=True):
    """One model's price at one time. Each rate is nano-USD for `per` tokens (`search`, `request`: for `per` of those).

    Every kind of token has its rate: one that the price list does not name has the rate of the kind it is part of. `per` is
    a million unless the list has finer prices than that can hold. `special`: audio, images, reasoning, searches or requests
    have rates of their own.

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

    @classmethod
    def free(cls, version: str = "free") -> Flat:
        """The price of what is never charged: known, and zero."""
        return cls(0, 0, 0, 0, 0, version)


def cost(usage: Usage, flat: Flat) -> int:
    """What the usage costs, in nano-USD, rounded half up. Counts that contradict each other never make it negative."""
    if flat.tiers is not None and usage.service_tier:
        flat = flat.tiers.get(usage.service_tier, flat)
    for start, dearer in flat.above:
        if usage.input > start:
            flat = dearer
    cached, written, long = usage.cached, usage.cache_write, usage.cache_write_1h
    plain = usage.input - cached - written
    total = usage.output * flat.output + cached * flat.cached
    if plain > 0:
        total += plain * flat.input
    if written:
        total += (written - long) * flat.cache_write + long * flat.cache_write_1h
    if flat.special:
        total += _surcharge(usage, flat)
    return (2 * total + flat.per) // (2 * flat.per) if total > 0 else 0


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


class Rates(msgspec.Struct, frozen=True, omit_defaults=True):
    """A price list's entry in USD: per million tokens, `search` and `request` per thousand. None: not named."""

    input: Decimal
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

    def flat(self, version: str) -> Flat:
        """The entry as exact integers. Raises `ValueError` for a price that is negative or no number."""
        finest = 9
        for name in self.__struct_fields__:
            price: Decimal | None = getattr(self, name)
            if price is not None:
                if not price.is_finite() or price < 0:
                    raise ValueError(f"{name}: a price is a number of USD, zero or more, not {price}")
                finest = max(finest, -int(price.normalize().as_tuple().exponent))
        unit = Decimal(10) ** finest
        per = _MILLION * 10 ** (finest - 9)

        def whole(price: Decimal | None, otherwise: int) -> int:
            return otherwise if price is None else int(price * unit)

        input = whole(self.input, 0)
        output = whole(self.output, 0)
        cached = whole(self.cached, input)
        cache_write = whole(self.cache_write, input)
        audio_input = whole(self.audio_input, input)
        named = (self.audio_input, self.audio_output, self.cached_audio, self.image_input, self.image_output)
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
        )


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An operator's own price of a model, in USD per million tokens; `search` and `request` in USD each.

    Numbers or decimal strings. What is not named costs what it is part of: `cache_read` as input, and so on.
    """

    input: Decimal
    output: Decimal = Decimal(0)
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

    def flat(self) -> Flat:
        """The price, its version a digest of the row. Raises `ValueError` naming the member at fault."""
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
            search=None if self.search is None else self.search * 1000,
            request=None if self.request is None else self.request * 1000,
        ).flat(f"override {digest}")
