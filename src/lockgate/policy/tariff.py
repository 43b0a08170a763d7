"""Tariffs: what an account has agreed on with its provider, beside the price list: prices of its own, and factors on all.

Factors are exact: a rate times 0.85 is kept as an integer, in a unit that is finer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from lockgate.policy.price import Flat, Units

#: The most decimals of a factor, and the highest.
DIGITS, MOST = 6, 1000


class Factors(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the rates of a price are multiplied by. A kind of token that is not named has the factor `default`; or that of the
    kind which it is part of, where the price has no rate of its own for it (reasoning costs as output does)."""

    default: Decimal = Decimal(1)
    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    reasoning: Decimal | None = None
    search: Decimal | None = None
    image: Decimal | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            factor: Decimal | None = getattr(self, name)
            if factor is not None and not (factor.is_finite() and 0 <= factor <= MOST and _digits(factor) <= DIGITS):
                raise ValueError(f"{name}: a factor is a number from 0 to {MOST}, of {DIGITS} decimals at most, not {factor}")

    def on(self, flat: Flat) -> Flat:
        """The price with these factors."""
        factors: tuple[Decimal | None, ...] = msgspec.structs.astuple(self)
        digest = hashlib.sha256(repr([each and each.normalize() for each in factors]).encode()).hexdigest()[:8]
        scale = 10 ** max(_digits(each) for each in factors if each is not None)
        return self._on(flat, scale, f", adjusted {digest}")

    def _on(self, flat: Flat, scale: int, note: str) -> Flat:
        usual = self.default

        def times(rate: int, factor: Decimal) -> int:
            return rate * int(factor * scale)

        def of(said: Decimal | None, rate: int, whole: int, factor: Decimal) -> Decimal:
            """The factor of a kind that is part of another, whose rate is `whole`."""
            if said is not None:
                return said
            return factor if rate == whole else usual

        f_input = usual if self.input is None else self.input
        f_output = usual if self.output is None else self.output
        f_cached = of(self.cached, flat.cached, flat.input, f_input)
        f_write = of(self.cache_write, flat.cache_write, flat.input, f_input)
        f_audio = of(self.audio_input, flat.audio_input, flat.input, f_input)
        f_cached_audio = (
            f_cached if flat.cached_audio == flat.cached else of(None, flat.cached_audio, flat.audio_input, f_audio)
        )
        input, output, cached = times(flat.input, f_input), times(flat.output, f_output), times(flat.cached, f_cached)
        apart = {
            "audio_input": times(flat.audio_input, f_audio),
            "audio_output": times(flat.audio_output, of(self.audio_output, flat.audio_output, flat.output, f_output)),
            "cached_audio": times(flat.cached_audio, f_cached_audio),
            "image_input": times(flat.image_input, of(None, flat.image_input, flat.input, f_input)),
            "image_output": times(flat.image_output, of(None, flat.image_output, flat.output, f_output)),
            "reasoning": times(flat.reasoning, of(self.reasoning, flat.reasoning, flat.output, f_output)),
        }
        parts = {
            "audio_input": input,
            "audio_output": output,
            "cached_audio": cached,
            "image_input": input,
            "image_output": output,
            "reasoning": output,
        }
        return msgspec.structs.replace(
            flat,
            input=input,
            output=output,
            cached=cached,
            cache_write=times(flat.cache_write, f_write),
            cache_write_1h=times(flat.cache_write_1h, of(self.cache_write_1h, flat.cache_write_1h, flat.cache_write, f_write)),
            version=flat.version + note,
            per=flat.per * scale,
            special=flat.special or apart != parts,
            **apart,
            search=times(flat.search, usual if self.search is None else self.search),
            request=times(flat.request, usual),
            above=tuple((start, self._on(dearer, scale, note)) for start, dearer in flat.above),
            tiers=None if flat.tiers is None else {tier: self._on(each, scale, note) for tier, each in flat.tiers.items()},
            units=None if flat.units is None else self._on_units(flat.units, scale),
        )

    def _on_units(self, units: Units, scale: int) -> Units:
        def times(rate: int | None, factor: Decimal | None) -> int | None:
            return None if rate is None else rate * int((self.default if factor is None else factor) * scale)

        return Units(
            times(units.character, None),
            times(units.page, None),
            times(units.annotated_page, None),
            times(units.image, self.image),
            times(units.hour, None),
            units.least_ms,
        )


class Tariff(msgspec.Struct, frozen=True):
    """One account's: `own` prices by model; models that cost what another does (`like`); `factors` on these and on all that the
    price list says."""

    own: Mapping[str, Flat] = {}
    like: Mapping[str, str] = {}
    factors: Factors | None = None

    def names(self, model: str) -> bool:
        """Whether it says what this model costs."""
        return model in self.own or model in self.like

    def adjusted(self, flat: Flat) -> Flat:
        """A price as this account pays it."""
        return flat if self.factors is None else self.factors.on(flat)


def _digits(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else DIGITS + 1
