"""The lines of a cost add up to what is charged, whatever was used and whatever it costs."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.reply import Usage
from lockgate.policy.breakdown import break_down
from lockgate.policy.price import Flat, Units, cost

FLAT = Flat(2_500_000_000, 10_000_000_000, 1_250_000_000, 3_000_000_000, 4_000_000_000, "list 7")
count = st.integers(0, 10**7)
rate = st.integers(0, 10**11)


def test_each_kind_has_a_line_with_units_price_and_amount():
    found = break_down(Usage(input=1000, output=200, cached=400), FLAT)
    assert [(line.kind, line.units, line.usd, line.per, line.nusd) for line in found.lines] == [
        ("input", 600, Fraction(5, 2), 1_000_000, 1_500_000),
        ("cached input", 400, Fraction(5, 4), 1_000_000, 500_000),
        ("output", 200, 10, 1_000_000, 2_000_000),
    ]
    assert (found.nusd, found.version) == (4_000_000, "list 7")


def test_it_tells_which_of_a_models_prices_held():
    dear = Flat(5, 5, 5, 5, 5, "dear")
    flat = Flat(1, 1, 1, 1, 1, "plain", above=((100, dear),), tiers={"priority": dear})
    assert break_down(Usage(input=101), flat).above == 100
    found = break_down(Usage(input=10, service_tier="priority"), flat)
    assert (found.tier, found.version) == ("priority", "dear")
    assert (break_down(Usage(input=10, service_tier="flex"), flat).tier, break_down(Usage(input=100), flat).above) == ("", 0)


@st.composite
def usages(draw):
    """What a provider may say of itself without contradicting itself."""
    parts = {name: draw(count) for name in ("plain", "seen", "heard", "cached", "cached_audio", "written", "long")}
    said, drawn, thought, words = (draw(count) for _ in range(4))
    return Usage(
        input=sum(parts.values()),
        output=said + drawn + thought + words,
        cached=parts["cached"] + parts["cached_audio"],
        cached_audio=parts["cached_audio"],
        cache_write=parts["written"] + parts["long"],
        cache_write_1h=parts["long"],
        audio_input=parts["heard"] + parts["cached_audio"],
        image_input=parts["seen"],
        audio_output=said,
        image_output=drawn,
        reasoning=thought,
        searches=draw(st.integers(0, 100)),
        characters=draw(count),
        pages=draw(count) + 5,
        annotated_pages=draw(st.integers(0, 5)),
        images=draw(st.integers(0, 100)),
        audio_ms=draw(count),
    )


@st.composite
def flats(draw):
    names = ("audio_input", "audio_output", "cached_audio", "image_input", "image_output", "reasoning", "search", "request")
    special = draw(st.booleans())
    more = {name: draw(rate) for name in names} if special else {}
    units = Units(*(draw(rate) for _ in range(5)), least_ms=draw(count)) if draw(st.booleans()) else None
    per = draw(st.sampled_from((10**6, 10**9)))
    return Flat(*(draw(rate) for _ in range(5)), "v", per=per, special=special, units=units, **more)


#: What a provider may say that contradicts itself: parts that are more than the whole.
strange = st.builds(
    Usage, **dict.fromkeys((name for name in Usage.__struct_fields__ if name not in ("raw", "service_tier")), count)
)


@given(usages(), flats())
def test_the_lines_add_up_to_the_cost(usage, flat):
    found = break_down(usage, flat)
    assert found.nusd == cost(usage, flat)
    assert abs(sum(line.nusd for line in found.lines) - found.nusd) <= Fraction(1, 2)
    assert all(line.nusd == line.usd * line.units * 10**9 / line.per for line in found.lines)


@given(strange, flats())
def test_counts_that_contradict_each_other_cost_what_is_charged_for_them(usage, flat):
    assert break_down(usage, flat).nusd == cost(usage, flat)
