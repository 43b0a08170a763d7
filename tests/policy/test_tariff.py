"""policy/tariff: factors on prices are exact, whatever is counted."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.reply import Usage
from lockgate.policy.price import Flat, Rates, Row, cost
from lockgate.policy.tariff import Factors, Tariff

D = Decimal
ROW = Row(
    input=D("2.5"),
    output=D(10),
    cache_read=D("1.25"),
    audio_input=D(40),
    audio_output=D(80),
    reasoning=D(12),
    search=D("0.03"),
    request=D("0.001"),
)
FLAT = ROW.flat()
PLAIN = Row(input=D("0.15"), output=D("0.6")).flat()


def count(most=10_000):
    return st.integers(0, most)


@st.composite
def usages(draw):
    cached, written = draw(count()), draw(count())
    audio, image = draw(count(100)), draw(count(100))
    made, thought = draw(count(100)), draw(count(100))
    return Usage(
        input=cached + written + audio + image + draw(count()),
        output=made + thought + draw(count()),
        cached=cached,
        cache_write=written,
        audio_input=audio,
        image_input=image,
        audio_output=made,
        reasoning=thought,
        searches=draw(count(5)),
    )


@given(usages(), st.decimals(0, 3, places=4), st.sampled_from([FLAT, PLAIN]))
def test_one_factor_on_all_is_that_times_the_cost(usage, factor, flat):
    exact = msgspec.structs.replace(flat, per=1)  # in millionths of nano-USD, so that nothing is rounded
    adjusted = Factors(default=factor).on(flat)
    assert cost(usage, adjusted) == int((D(cost(usage, exact)) * factor / flat.per + D("0.5")) // 1)


@given(usages())
def test_a_factor_of_one_changes_nothing(usage):
    assert cost(usage, Factors().on(FLAT)) == cost(usage, FLAT)


@pytest.mark.parametrize(
    ("factors", "row"),
    [
        ({"input": D("0.5")}, {"input": D("1.25")}),
        ({"output": D("0.5")}, {"output": D(5)}),
        (
            {"default": D(2), "output": D(1)},
            {"input": D(5), "cache_read": D("2.5"), "audio_input": D(80), "audio_output": D(160)},
        ),
        ({"reasoning": D("0.5")}, {"reasoning": D(6)}),
        ({"search": D(0)}, {"search": D(0)}),
        ({"cached": D(4), "audio_input": D("0.25")}, {"cache_read": D(5), "audio_input": D(10)}),
    ],
)
def test_each_kind_has_a_factor_of_its_own(factors, row):
    expected = msgspec.structs.replace(ROW, **row)
    if "default" in factors:
        expected = msgspec.structs.replace(expected, reasoning=D(24), search=D("0.06"), request=D("0.002"))
    usage = Usage(
        input=9000, output=5000, cached=1000, audio_input=700, audio_output=300, reasoning=900, searches=3, cache_write=11
    )
    assert cost(usage, Factors(**factors).on(FLAT)) == cost(usage, expected.flat())


def test_what_has_no_rate_of_its_own_follows_what_it_is_part_of():
    usage = Usage(input=1000, output=1000, cached=1000, reasoning=1000)
    halved = Factors(input=D("0.5"), output=D("0.5")).on(PLAIN)
    assert cost(usage, halved) * 2 == cost(usage, PLAIN)
    assert halved.reasoning == halved.output and halved.cached == halved.input


def test_a_factor_on_a_kind_without_a_rate_makes_it_one():
    usage = Usage(input=0, output=1_000_000, reasoning=1_000_000)
    assert cost(usage, Factors(reasoning=D(3)).on(PLAIN)) == 3 * cost(usage, PLAIN)
    assert cost(Usage(output=1_000_000), Factors(reasoning=D(3)).on(PLAIN)) == cost(Usage(output=1_000_000), PLAIN)


def test_steps_tiers_and_units_are_adjusted_too():
    dear = Row(input=D(5), output=D(20)).flat()
    flat = msgspec.structs.replace(PLAIN, above=((1000, dear),), tiers={"flex": dear})
    adjusted = Factors(default=D("0.1")).on(flat)
    for usage in (Usage(input=2000, output=10), Usage(input=10, output=10, service_tier="flex")):
        assert cost(usage, adjusted) * 10 == cost(usage, flat) > cost(usage, PLAIN)
    units = Rates(character=D(15), image=D(40), hour=D("0.36")).flat("x", least_ms=10_000)
    for usage, factor in ((Usage(characters=1000), 2), (Usage(audio_ms=5000), 2), (Usage(images=3), 5)):
        assert cost(usage, Factors(default=D(2), image=D(5)).on(units)) == factor * cost(usage, units)


def test_its_version_says_so_and_is_the_same_for_the_same_factors():
    one, same, other = (Factors(default=D(each)).on(FLAT).version for each in ("0.8", "0.80", "0.9"))
    assert one == same != other
    assert one.startswith(f"{FLAT.version}, adjusted ")


@pytest.mark.parametrize("factor", ["-1", "NaN", "Infinity", "1001", "0.1234567"])
def test_a_factor_that_cannot_be(factor):
    with pytest.raises(ValueError, match="reasoning: a factor"):
        Factors(reasoning=D(factor))


def test_a_tariff_names_its_models():
    tariff = Tariff({"a": FLAT}, {"b": "a"})
    assert [tariff.names(model) for model in "abc"] == [True, True, False]
    assert tariff.adjusted(FLAT) is FLAT
    assert Tariff(factors=Factors(default=D(0))).adjusted(Flat.free()).input == 0
