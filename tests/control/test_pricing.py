"""Prices and factors as Portkey's users say them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.control.pricing import factors_of, price_of, shown_price, tariff_of
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, ModelAccess
from lockgate.core.reply import Usage
from lockgate.policy.price import Row, cost


def price(**said):
    return price_of({"pay_as_you_go": {name: {"price": each} for name, each in said.items()}})


def account(**more):
    return Integration(id="i", organisation="o", slug="s", name="n", provider="openai", **more)


def test_a_price_is_in_cents_for_a_token():
    """GPT-4o at 2.50 and 10 USD for a million, as Portkey's catalogue has it."""
    flat = price(request_token=0.00025, response_token=0.001)
    assert cost(Usage(input=1_000_000), flat) == 2_500_000_000
    assert cost(Usage(output=1_000_000), flat) == 10_000_000_000


def test_each_kind_that_has_a_name():
    flat = price(
        request_token=0.0001,
        response_token=0.0002,
        cache_read_input_token=0.00005,
        cache_write_input_token=0.000125,
        request_audio_token=0.001,
        response_audio_token=0.002,
    )
    usage = Usage(input=400, output=100, cached=100, cache_write=100, audio_input=100, audio_output=100)
    cents = 100 * (0.0001 + 0.00005 + 0.000125 + 0.001 + 0.002)
    assert cost(usage, flat) == round(cents * 10**7)


def test_more_units():
    config = {
        "pay_as_you_go": {
            "request_token": {"price": 0},
            "additional_units": {"web_search": {"price": 3}, "thinking_token": {"price": 0.0001}},
        }
    }
    assert cost(Usage(output=1000, reasoning=1000, searches=2), price_of(config)) == (2 * 3 + 1000 * 0.0001) * 10**7


def test_what_is_no_token():
    config = {
        "pay_as_you_go": {
            "image": {"default": {"default": {"price": 4}}},
            "additional_units": {"page": {"price": 0.2}, "character": {"price": 0.0015}, "audio_hour": {"price": 36}},
        }
    }
    flat = price_of(config)
    for usage, cents in (
        (Usage(images=2), 8),
        (Usage(pages=10), 2),
        (Usage(characters=1000), 1.5),
        (Usage(audio_ms=360_000), 3.6),
    ):
        assert cost(usage, flat) == round(cents * 10**7)


@pytest.mark.parametrize("config", [{}, {"type": "static"}, {"pay_as_you_go": {}}, {"pay_as_you_go": None}])
def test_a_config_that_says_no_price_is_none(config):
    assert price_of(config) is None


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"request_token": 2.5}, "pricing_config.pay_as_you_go.request_token"),
        ({"request_token": {}}, "pricing_config.pay_as_you_go.request_token.price"),
        ({"request_token": {"price": -1}}, "pricing_config.pay_as_you_go.request_token.price"),
        ({"request_token": {"price": "1"}}, "pricing_config.pay_as_you_go.request_token.price"),
        ({"request_token": {"price": True}}, "pricing_config.pay_as_you_go.request_token.price"),
        ({"request_token": {"price": 0, "x": 1}}, "pricing_config.pay_as_you_go.request_token.x"),
        ({"surprise": {"price": 0}}, "pricing_config.pay_as_you_go.surprise"),
        ({"cache_read_input_token": {"price": 0.01}}, "pricing_config.pay_as_you_go"),
        ({"additional_units": {"megapixels": {"price": 1}}}, "pricing_config.pay_as_you_go.additional_units.megapixels"),
        ({"additional_units": 1}, "pricing_config.pay_as_you_go.additional_units"),
        ({"image": {"standard": {}}}, "pricing_config.pay_as_you_go.image.standard"),
        ({"image": {"default": {"1024x1024": {}}}}, "pricing_config.pay_as_you_go.image.default.1024x1024"),
        ([1], "pricing_config.pay_as_you_go"),
    ],
)
def test_what_is_no_price_is_refused_with_its_place(said, param):
    with pytest.raises(Refusal) as told:
        price_of({"pay_as_you_go": said})
    assert (told.value.status, told.value.param) == (400, param)


def test_dollars_for_a_million_are_noticed():
    with pytest.raises(Refusal, match=r"2\.5 would be 25,000.* USD for a million"):
        price(request_token=2.5)


def test_factors():
    factors = factors_of(
        {
            "multiplier": {
                "default": 0.9,
                "request_token": 0.85,
                "cache_read_input_token": 0.5,
                "reasoning_token": 1.2,
                "image": {"default": 2},
                "additional_units": {"web_search": 0},
            }
        }
    )
    said = {name: float(value) for name in factors.__struct_fields__ if (value := getattr(factors, name)) is not None}
    assert said == {
        "default": 0.9,
        "input": 0.85,
        "cached": 0.5,
        "reasoning": 1.2,
        "image": 2.0,
        "search": 0.0,
    }


@pytest.mark.parametrize("adjustments", [{}, {"multiplier": {}}, {"multiplier": None}])
def test_no_factors_are_none(adjustments):
    assert factors_of(adjustments) is None


@pytest.mark.parametrize(
    ("multiplier", "param"),
    [
        (0.8, "pricing_adjustments.multiplier"),
        ({"surprise": 1}, "pricing_adjustments.multiplier.surprise"),
        ({"default": "1"}, "pricing_adjustments.multiplier.default"),
        ({"default": -1}, "pricing_adjustments.multiplier.default"),
        ({"default": 2000}, "pricing_adjustments.multiplier"),
        ({"image": {"standard": 1}}, "pricing_adjustments.multiplier.image.standard"),
        ({"additional_units": {"x": 1}}, "pricing_adjustments.multiplier.additional_units.x"),
    ],
)
def test_what_is_no_factor_is_refused_with_its_place(multiplier, param):
    with pytest.raises(Refusal) as told:
        factors_of({"multiplier": multiplier})
    assert (told.value.status, told.value.param) == (400, param)


def test_an_adjustment_that_is_not_known():
    with pytest.raises(Refusal, match="multiplier"):
        factors_of({"discount": 1})


def test_the_tariff_of_an_account():
    assert tariff_of(account()) is None
    assert tariff_of(account(models=[ModelAccess("gpt-4o", enabled=False)])) is None
    own = {"pay_as_you_go": {"request_token": {"price": 0}}}
    tariff = tariff_of(
        account(
            models=[
                ModelAccess("a", pricing_config=own, base_model_slug="b"),
                ModelAccess("c", is_custom=True, base_model_slug="gpt-4o"),
            ],
            pricing_adjustments={"multiplier": {"default": 2}},
        )
    )
    assert (set(tariff.own), tariff.like, float(tariff.factors.default)) == ({"a"}, {"c": "gpt-4o"}, 2.0)


@given(
    st.dictionaries(
        st.sampled_from(sorted(set(Row.__struct_fields__) - {"image_input", "image_output", "annotated_page"})),
        st.decimals("0.001", 900, places=3),
    )
)
def test_what_is_shown_of_a_price_can_be_said_and_is_the_same_price(said):
    try:
        flat = Row(**said).flat()
    except ValueError:
        return
    again = price_of({"pay_as_you_go": shown_price(flat)})
    usage = Usage(
        input=60_000,
        output=50_000,
        cached=10_000,
        cache_write=20_000,
        cache_write_1h=5_000,
        audio_input=3_000,
        audio_output=4_000,
        reasoning=7_000,
        searches=5,
        characters=1000,
        pages=10,
        images=3,
        audio_ms=60_000,
    )
    assert cost(usage, again) == cost(usage, flat)


def test_a_price_as_portkeys_catalogue_has_it():
    flat = Row(input=Decimal("2.5"), output=Decimal(10), cache_read=Decimal("1.25"), search=Decimal("0.03")).flat()
    assert shown_price(flat) == {
        "request_token": {"price": 0.00025},
        "response_token": {"price": 0.001},
        "cache_read_input_token": {"price": 0.000125},
        "additional_units": {"web_search": {"price": 3.0}},
    }
