"""policy/price: rates as integers, and what usage costs by them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.reply import Usage
from lockgate.policy.price import Flat, Rates, Row, cost, measures, unmetered


def rates(**usd: str) -> Flat:
    return Rates(**{name: Decimal(price) for name, price in usd.items()}).flat("test")


def test_a_million_tokens_cost_the_listed_price() -> None:
    flat = rates(input="2.5", output="10")
    assert cost(Usage(input=1_000_000), flat) == 2_500_000_000
    assert cost(Usage(output=1_000_000), flat) == 10_000_000_000


def test_a_fine_price_is_kept_exactly() -> None:
    assert cost(Usage(input=1_000_000), rates(input="0.0125", output="0")) == 12_500_000
    assert rates(input="0.0166666666666667", output="1").per == 10**13
    assert cost(Usage(input=3 * 10**13), rates(input="0.0166666666666667", output="1")) == 500_000_000_000_001


@pytest.mark.parametrize(("tokens", "nusd"), [(1, 0), (4, 0), (5, 1), (14, 1), (15, 2)])
def test_a_nano_dollar_is_rounded_half_up(tokens: int, nusd: int) -> None:
    assert cost(Usage(input=tokens), rates(input="0.0001", output="0")) == nusd


def test_cached_and_written_tokens_have_their_own_rates() -> None:
    flat = rates(input="3", output="15", cached="0.3", cache_write="3.75", cache_write_1h="6")
    usage = Usage(input=1000, output=10, cached=600, cache_write=300, cache_write_1h=100)
    assert cost(usage, flat) == 100 * 3000 + 600 * 300 + 200 * 3750 + 100 * 6000 + 10 * 15000


def test_a_kind_without_a_price_costs_what_it_is_part_of() -> None:
    flat = rates(input="3", output="15")
    plain = cost(Usage(input=1000, output=10), flat)
    assert cost(Usage(input=1000, output=10, cached=600, cache_write=300, cache_write_1h=100), flat) == plain
    assert cost(Usage(input=1000, output=10, audio_input=5, audio_output=5, reasoning=5, image_input=2), flat) == plain
    no_hour = rates(input="3", output="15", cache_write="3.75")
    assert cost(Usage(input=10, cache_write=10, cache_write_1h=10), no_hour) == 37500


def test_sound_pictures_and_thought_have_their_own_rates() -> None:
    flat = rates(
        input="1",
        output="2",
        cached="0.5",
        audio_input="30",
        audio_output="60",
        cached_audio="10",
        image_output="40",
        reasoning="3",
    )
    usage = Usage(
        input=100, cached=40, audio_input=30, cached_audio=10, output=50, audio_output=20, image_output=5, reasoning=15
    )
    text_in, sound_in = 100 - 40 - 20, 20
    text_out = 50 - 20 - 5 - 15
    expected = text_in * 1000 + sound_in * 30000 + 30 * 500 + 10 * 10000
    expected += text_out * 2000 + 20 * 60000 + 5 * 40000 + 15 * 3000
    assert cost(usage, flat) == expected


def test_searches_and_requests_are_charged_each() -> None:
    flat = rates(input="1", output="1", search="10", request="5")
    assert cost(Usage(input=1, searches=2), flat) == 1000 + 2 * 10_000_000 + 5_000_000


def test_past_a_threshold_all_tokens_cost_more() -> None:
    dearer = rates(input="6", output="22.5")
    flat = msgspec.structs.replace(rates(input="3", output="15"), above=((200_000, dearer),))
    assert cost(Usage(input=200_000, output=1), flat) == 200_000 * 3000 + 15000
    assert cost(Usage(input=200_001, output=1), flat) == 200_001 * 6000 + 22500


def test_the_service_tier_chooses_the_price_and_an_unknown_one_does_not() -> None:
    flat = msgspec.structs.replace(rates(input="2", output="8"), tiers={"flex": rates(input="1", output="4")})
    assert cost(Usage(input=10, service_tier="flex"), flat) == 10_000
    assert cost(Usage(input=10, service_tier="default"), flat) == 20_000
    assert cost(Usage(input=10), flat) == 20_000


def test_counts_that_contradict_each_other_never_pay_back() -> None:
    flat = rates(input="3", output="15", cached="0.3", audio_input="0.1")
    assert cost(Usage(input=10, cached=50), flat) == 50 * 300
    assert cost(Usage(input=0, audio_input=1000), flat) == 0


def test_free_is_a_known_price_of_zero() -> None:
    assert cost(Usage(input=10**9, output=10**9, searches=3), Flat.free()) == 0


def test_an_operators_row_reads_numbers_and_strings() -> None:
    row = msgspec.convert({"input": 0.1, "output": "0.0125", "cache_read": 0, "search": "0.01"}, Row)
    flat = row.flat()
    assert (flat.input, flat.output, flat.cached, flat.cache_write) == (100_000_000, 12_500_000, 0, 100_000_000)
    assert cost(Usage(searches=1), flat) == 10_000_000
    assert flat.version.startswith("override ")
    assert flat.version != msgspec.structs.replace(row, input=Decimal("0.2")).flat().version


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity", "1e13", "1e-41", "1e-999999999"])
def test_a_price_that_cannot_be_is_named(price: str) -> None:
    with pytest.raises(ValueError, match="output: a price is"):
        Row(input=Decimal(1), output=Decimal(price)).flat()


def test_a_misspelt_member_of_a_row_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="cached_read"):
        msgspec.convert({"input": 1, "cached_read": 1}, Row)


usd = st.decimals(min_value=0, max_value=1000, places=6)


@given(
    usd, usd, usd, usd, usd,
    st.tuples(*[st.integers(0, 10**7)] * 5),
)  # fmt: skip
def test_the_arithmetic_is_exact(
    price_in: Decimal,
    price_out: Decimal,
    price_cached: Decimal,
    price_write: Decimal,
    price_hour: Decimal,
    counts: tuple[int, ...],
) -> None:
    plain, cached, written, hour, out = counts
    flat = Rates(price_in, price_out, price_cached, price_write, price_hour).flat("test")
    usage = Usage(
        input=plain + cached + written + hour, output=out, cached=cached, cache_write=written + hour, cache_write_1h=hour
    )
    usd_of = plain * price_in + cached * price_cached + written * price_write + hour * price_hour + out * price_out
    assert cost(usage, flat) == int((usd_of * 1000).quantize(Decimal(1), ROUND_HALF_UP))


def test_speech_pages_pictures_and_sound_have_their_own_measures() -> None:
    flat = Row(
        characters=Decimal(15),
        page=Decimal("0.001"),
        annotated_page=Decimal("0.003"),
        image=Decimal("0.04"),
        audio_hour=Decimal("0.36"),
    ).flat()
    assert not flat.tokens
    assert cost(Usage(characters=1000), flat) == 15_000_000
    assert cost(Usage(pages=5, annotated_pages=2), flat) == 3 * 1_000_000 + 2 * 3_000_000
    assert cost(Usage(images=3), flat) == 120_000_000
    assert cost(Usage(audio_ms=60_000), flat) == 6_000_000
    assert cost(Usage(characters=1, pages=1, images=1, audio_ms=1), flat) == 15_000 + 1_000_000 + 40_000_000 + 100


def test_a_described_page_costs_what_a_page_costs_unless_said() -> None:
    assert cost(Usage(pages=5, annotated_pages=2), Row(page=Decimal(1)).flat()) == 5 * 10**9


def test_a_third_of_a_nano_dollar_is_not_lost() -> None:
    flat = Row(audio_hour=Decimal("0.04")).flat()  # 11.1 nano-USD a millisecond
    assert cost(Usage(audio_ms=1), flat) == 11
    assert cost(Usage(audio_ms=3_600_000_000), flat) == 40 * 10**9


def test_sound_that_is_shorter_than_the_least_costs_the_least() -> None:
    flat = Rates(hour=Decimal("0.36")).flat("test", least_ms=10_000)
    assert [cost(Usage(audio_ms=ms), flat) for ms in (0, 1, 10_000, 20_000)] == [0, 1_000_000, 1_000_000, 2_000_000]


@pytest.mark.parametrize(
    ("usage", "price", "measured"),
    [
        (Usage(input=1), {"input": 1}, True),
        (Usage(output=1), {"input": 1}, True),
        (Usage(), {"input": 1}, True),
        (Usage(), {"page": 1}, False),
        (Usage(input=1), {"page": 1}, False),
        (Usage(pages=1), {"input": 1}, False),
        (Usage(pages=1), {"page": 1}, True),
        (Usage(pages=1), {"page": 0}, True),
        (Usage(pages=1), {"image": 1}, False),
        (Usage(pages=1, input=1), {"input": 1}, True),
        (Usage(characters=1), {"characters": 1}, True),
        (Usage(images=1), {"image": 1}, True),
        (Usage(audio_ms=1), {"audio_hour": 1}, True),
        (Usage(searches=1), {"input": 1}, False),
        (Usage(searches=1), {"search": 1}, True),
        (Usage(pages=1), {"request": 1}, True),
    ],
)
def test_a_price_is_for_what_it_is_for(usage: Usage, price: dict[str, int], measured: bool) -> None:
    assert measures(usage, Row(**{name: Decimal(usd) for name, usd in price.items()}).flat()) is measured


@pytest.mark.parametrize(
    ("price", "nusd"),
    [
        ({"request": "0.01"}, 10_000_000),
        ({"input": 0}, 0),
        ({"input": 0, "page": 0}, 0),
        ({"input": 1}, None),
        ({"page": 1}, None),
    ],
)
def test_what_nobody_has_counted_costs_what_a_request_costs(price: dict[str, str], nusd: int | None) -> None:
    assert unmetered(msgspec.convert(price, Row, strict=False).flat()) == nusd


def test_what_nobody_has_counted_is_not_free_because_something_else_is() -> None:
    assert unmetered(Row(input=Decimal(0), audio_hour=Decimal(1)).flat()) is None
    assert unmetered(Flat.free()) == 0


def test_a_price_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one of input, output"):
        Row(cache_read=Decimal(1)).flat()
