"""How a cost comes about: units × price = amount, for each kind of thing that was used. Its lines add up to `price.cost`."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import msgspec

from lockgate.core.reply import Usage
from lockgate.policy.price import Flat

_MILLION, _THOUSAND, _HOUR_MS = 1_000_000, 1_000, 3_600_000
#: nano-USD in a USD.
_NANO = 10**9


class Line(msgspec.Struct, frozen=True):
    """So many units of a kind at a price in USD for `per` of them: the amount in nano-USD, exact."""

    kind: str
    units: int
    usd: Fraction
    per: int
    nusd: Fraction


class Breakdown(msgspec.Struct, frozen=True):
    """The lines of a cost, and their sum in whole nano-USD, rounded half up. `tier` and `above`: which of a model's prices
    held: that of a service tier, that from so many input tokens on."""

    lines: tuple[Line, ...]
    nusd: int
    version: str
    tier: str = ""
    above: int = 0


def break_down(usage: Usage, flat: Flat) -> Breakdown:
    """What usage costs at a price, line by line."""
    tier, above = "", 0
    if flat.tiers is not None and usage.service_tier in flat.tiers:
        tier, flat = usage.service_tier, flat.tiers[usage.service_tier]
    for start, dearer in flat.above:
        if usage.input > start:
            above, flat = start, dearer
    lines = tuple(_line(kind, units, rate, per, flat) for kind, units, rate, per in _kinds(usage, flat) if units)
    total = sum((line.nusd for line in lines), Fraction())
    whole = (2 * total.numerator + total.denominator) // (2 * total.denominator) if total > 0 else 0
    return Breakdown(lines, whole, flat.version, tier, above)


def _line(kind: str, units: int, rate: int | Fraction, per: int, flat: Flat) -> Line:
    """`rate` is nano-USD for `flat.per` of a unit; what people read is USD for `per` of them."""
    each = Fraction(rate) / flat.per
    return Line(kind, units, each * per / _NANO, per, each * units)


def _kinds(usage: Usage, flat: Flat) -> Iterator[tuple[str, int, int | Fraction, int]]:
    """(kind, units, nano-USD for `flat.per` units, units that its price is told for). Each token is in one line."""
    cached, written = usage.cached, usage.cache_write
    long = usage.cache_write_1h if written else 0
    plain = max(usage.input - cached - written, 0)
    output = usage.output
    if flat.special:
        heard, seen = usage.audio_input - usage.cached_audio, usage.image_input
        said, drawn, thought = usage.audio_output, usage.image_output, usage.reasoning
        yield "audio input", heard, flat.audio_input, _MILLION
        yield "image input", seen, flat.image_input, _MILLION
        yield "audio output", said, flat.audio_output, _MILLION
        yield "image output", drawn, flat.image_output, _MILLION
        yield "reasoning", thought, flat.reasoning, _MILLION
        yield "cached audio", usage.cached_audio, flat.cached_audio, _MILLION
        plain, cached, output = plain - heard - seen, cached - usage.cached_audio, output - said - drawn - thought
        yield "search", usage.searches, flat.search, _THOUSAND
        yield "request", 1 if flat.request else 0, flat.request, _THOUSAND
    yield "input", plain, flat.input, _MILLION
    yield "cached input", cached, flat.cached, _MILLION
    yield "cache write", written - long, flat.cache_write, _MILLION
    yield "cache write, 1 h", long, flat.cache_write_1h, _MILLION
    yield "output", output, flat.output, _MILLION
    if (units := flat.units) is not None:
        page = units.page or 0
        described = page if units.annotated_page is None else units.annotated_page
        heard_ms = max(usage.audio_ms, units.least_ms) if usage.audio_ms else 0
        yield "characters", usage.characters, units.character or 0, _MILLION
        yield "pages", usage.pages - usage.annotated_pages, page, _THOUSAND
        yield "annotated pages", usage.annotated_pages, described, _THOUSAND
        yield "images", usage.images, units.image or 0, _THOUSAND
        yield "sound, ms", heard_ms, Fraction(units.hour or 0, _HOUR_MS), _HOUR_MS
