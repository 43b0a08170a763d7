"""providers/prices: the catalogue's rows as our prices, equal to the catalogue's own arithmetic; overrides; the unknown."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider
from genai_prices.types import Usage as TheirUsage

from lockgate.core.reply import Usage
from lockgate.policy.price import Flat, Row, cost
from lockgate.policy.tariff import Factors, Tariff
from lockgate.providers import prices_file
from lockgate.providers.bundled import bundled
from lockgate.providers.prices import _OURS, Prices
from lockgate.providers.prices_catalogue import FOREVER, Catalogue
from lockgate.providers.table import TABLE
from support import price_list

NOW = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp() * 1e6)
TIMES = [NOW, NOW - 200 * 86_400_000_000, NOW + 400 * 86_400_000_000, NOW - 10 * 3_600_000_000]
TIER = {"batch": "processing"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return bundled()


def price(catalogue: Catalogue, provider: Provider, model: ModelInfo, at_us: int) -> tuple[Flat | None, int]:
    """What the catalogue says of a row of the package."""
    seller = catalogue.seller(provider.id)
    assert seller is not None
    return catalogue.price(seller, seller.models[provider.models.index(model)], at_us)


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


def rows() -> Iterator[tuple[Provider, ModelInfo]]:
    for provider in providers:
        for model in provider.models:
            yield provider, model


def theirs(provider: Provider, model: ModelInfo, usage: Usage, at_us: int, context: dict[str, str] | None) -> int:
    """What the catalogue's own arithmetic says, in nano-USD."""
    reported = TheirUsage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cached,
        cache_write_tokens=usage.cache_write,
        cache_write_1h_tokens=usage.cache_write_1h,
        input_audio_tokens=usage.audio_input,
        output_audio_tokens=usage.audio_output,
        cache_audio_read_tokens=usage.cached_audio,
        input_image_tokens=usage.image_input,
        output_image_tokens=usage.image_output,
        cache_image_read_tokens=0,
        output_reasoning_tokens=usage.reasoning,
        output_video_tokens=0,
        input_video_tokens=0,
        output_citation_tokens=0,
        input_characters=usage.characters,
        input_document_pages=usage.pages,
        input_annotated_document_pages=usage.annotated_pages,
        audio_seconds=Decimal(usage.audio_ms) / 1000,
        input_audio_seconds=Decimal(usage.audio_ms) / 1000,
        input_text_messages=0,
        web_searches=usage.searches,
        storage_searches=0,
    )
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    total = model.calc_price(reported, provider, genai_request_timestamp=at, price_context=context).total_price
    return int((total * 10**9).quantize(Decimal(1), ROUND_HALF_UP))


def some_usage(draw: random.Random) -> Usage:
    plain, sound, picture = draw.randrange(300_000), draw.randrange(2000), draw.randrange(2000)
    cached, cached_sound = draw.randrange(50_000), draw.randrange(500)
    written, hour = draw.randrange(9000), draw.randrange(9000)
    output, said, drawn, thought = (draw.randrange(5000) for _ in range(4))
    return Usage(
        input=plain + sound + picture + cached + cached_sound + written + hour,
        output=output + said + drawn + thought,
        cached=cached + cached_sound,
        cache_write=written + hour,
        cache_write_1h=hour,
        audio_input=sound + cached_sound,
        cached_audio=cached_sound,
        image_input=picture,
        audio_output=said,
        image_output=drawn,
        reasoning=thought,
        searches=draw.randrange(3),
        characters=draw.randrange(5000),
        pages=draw.randrange(20, 40),
        annotated_pages=draw.randrange(20),
        audio_ms=draw.randrange(100_000),
    )


def test_every_row_costs_what_the_catalogue_says(catalogue: Catalogue) -> None:
    draw = random.Random(1)
    compared = 0
    for provider, model in rows():
        for at_us in TIMES:
            flat, _ = price(catalogue, provider, model, at_us)
            if flat is None:
                continue
            usage = some_usage(draw)
            assert cost(usage, flat) == theirs(provider, model, usage, at_us, None), (provider.id, model.id, usage)
            compared += 1
    assert compared > 4 * 2000


def test_every_service_tier_costs_what_the_catalogue_says(catalogue: Catalogue) -> None:
    draw = random.Random(2)
    compared = 0
    for provider, model in rows():
        for variant in model.price_variants or ():
            ((by, tier),) = variant.when.items()
            flat, _ = price(catalogue, provider, model, NOW)
            if flat is None or by not in ("service_tier", "processing", "speed"):
                continue
            usage = msgspec.structs.replace(some_usage(draw), service_tier=tier)
            assert cost(usage, flat) == theirs(provider, model, usage, NOW, {by: tier}), (provider.id, model.id, tier)
            compared += 1
    assert compared > 200


def test_a_price_holds_until_it_says(catalogue: Catalogue) -> None:
    """Walk from change to change: between two, the catalogue's arithmetic stays the same; across one it may not."""
    draw = random.Random(3)
    changes = 0
    for provider, model in rows():
        if not isinstance(model.prices, list):
            continue
        usage, at_us = some_usage(draw), int(datetime(2026, 7, 1, 3, 17, tzinfo=UTC).timestamp() * 1e6)
        for _ in range(12):
            flat, until = price(catalogue, provider, model, at_us)
            for moment in (at_us, (at_us + min(until, at_us + 10**13)) // 2, min(until, at_us + 10**13) - 1):
                if flat is not None:
                    assert cost(usage, flat) == theirs(provider, model, usage, moment, None), (provider.id, model.id, moment)
            if until == FOREVER:
                break
            at_us, changes = until, changes + 1
    assert changes > 100


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini-tuned-by-nobody-9"),
        ("openai", ""),
        ("nobody", "gpt-4o"),
        ("", "gpt-4o"),
        ("github-copilot", "gpt-4o"),  # a row without a price
        ("cerebras", "qwen-3-coder-480b"),
    ],
)
def test_an_unknown_price_is_not_zero(prices: Prices, provider: str, model: str) -> None:
    assert prices.flat(provider, model, NOW) is None


@pytest.mark.parametrize(
    ("provider", "model", "usage", "nusd"),
    [
        ("openai", "whisper-1", Usage(audio_ms=60_000), 6_000_000),
        ("groq", "whisper-large-v3", Usage(audio_ms=3_000), 10 * 111_000_000 // 3600),  # 10 s at least
        ("groq", "whisper-large-v3", Usage(audio_ms=36_000), 1_110_000),
        ("openai", "tts-1", Usage(characters=1000), 15_000_000),
        ("mistral", "mistral-ocr-4-0", Usage(pages=10, annotated_pages=4), 6 * 4_000_000 + 4 * 5_000_000),
        ("mistral", "voxtral-small-24b-2507", Usage(input=1000, audio_ms=3_600_000), 100_000 + 240_000_000),
    ],
)
def test_what_is_no_token_has_its_price(prices: Prices, provider: str, model: str, usage: Usage, nusd: int) -> None:
    flat = prices.flat(provider, model, NOW)
    assert flat is not None
    assert cost(usage, flat) == nusd


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("whisper-1", Usage(input=5)),  # by the hour
        ("whisper-1", Usage()),
        ("gpt-4o-transcribe", Usage(audio_ms=1000)),  # by tokens
        ("gpt-3.5-turbo", Usage(searches=1)),
        ("gpt-4o", None),
    ],
)
def test_usage_that_is_not_what_is_charged_has_no_known_cost(prices: Prices, model: str, usage: Usage | None) -> None:
    priced = prices.cost(TABLE["openai"], model, "", usage, NOW)
    assert (priced.nusd, priced.note) == (None, "unknown usage")


@pytest.mark.parametrize("usage", [None, Usage(), Usage(audio_ms=5), Usage(searches=2), Usage(images=1), Usage(output=9)])
def test_what_is_free_costs_nothing_by_any_measure(prices: Prices, usage: Usage | None) -> None:
    assert prices.cost(TABLE["sim"], "m", "", usage, NOW).nusd == 0


@pytest.mark.parametrize(
    ("provider", "model"),
    [("openrouter", "deepseek/deepseek-r1:free"), ("google", "gemma-3-27b-it"), ("openai", "omni-moderation-latest")],
)
def test_a_free_model_has_a_known_price_of_zero(prices: Prices, provider: str, model: str) -> None:
    flat = prices.flat(provider, model, NOW)
    assert flat is not None
    assert cost(Usage(input=10**6, output=10**6), flat) == 0


@pytest.mark.parametrize(
    ("model", "usd_in"),
    [
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", "1"),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "1.1"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "1.1"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "1.1"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "0.25"),
    ],
)
def test_a_bedrock_region_is_part_of_the_name(prices: Prices, model: str, usd_in: str) -> None:
    flat = prices.flat("aws", model, NOW)
    assert flat is not None
    assert flat.input == Decimal(usd_in) * 10**9


def test_a_served_name_that_forgets_the_region_does_not_change_the_price(prices: Prices) -> None:
    aws = msgspec.structs.replace(TABLE["openai"], prices="aws")
    sent = "global.anthropic.claude-haiku-4-5-20251001-v1:0"
    assert prices.cost(aws, sent, "claude-haiku-4-5-20251001", Usage(input=10**6), NOW).nusd == 10**9


def test_a_served_name_is_the_truer_one(prices: Prices) -> None:
    priced = prices.cost(TABLE["openai"], "gpt-4o", "gpt-4o-2024-05-13", Usage(input=10**6), NOW)
    assert priced.nusd == 5 * 10**9
    assert prices.cost(TABLE["openai"], "gpt-4o", "", Usage(input=10**6), NOW).nusd == 25 * 10**8
    assert prices.cost(TABLE["openai"], "gpt-4o", "a-name-nobody-knows", Usage(input=10**6), NOW).nusd == 25 * 10**8
    assert priced.version.startswith("genai-prices ")


@pytest.mark.parametrize("alias", ["gpt-4o-2024-08-06", "gpt-4o-20240806", "GPT-4o"])
def test_a_dated_alias_finds_its_model(prices: Prices, alias: str) -> None:
    assert prices.flat("openai", alias, NOW) == prices.flat("openai", "gpt-4o", NOW)


def test_an_unknown_price_is_said_so(prices: Prices) -> None:
    priced = prices.cost(TABLE["openai"], "house-model", "", Usage(input=5), NOW)
    assert (priced.nusd, priced.note) == (None, "unknown price")


def row(usd: str) -> Row:
    return Row(input=Decimal(usd))


def test_an_override_wins_over_the_catalogue_and_the_exact_name_over_a_pattern() -> None:
    prices = Prices(
        {"openai/gpt-4o*": row("1"), "openai/gpt-4o-mini*": row("2"), "openai/gpt-4o-mini": row("3"), "mine/x/y": row("4")}
    )
    found = [
        prices.flat("openai", "gpt-4o", NOW),
        prices.flat("openai", "gpt-4o-mini-2024-07-18", NOW),
        prices.flat("openai", "gpt-4o-mini", NOW),
        prices.flat("", "x/y", NOW, slug="mine"),
    ]
    assert [flat.input if flat else None for flat in found] == [10**9, 2 * 10**9, 3 * 10**9, 4 * 10**9]


def test_an_override_is_found_by_the_configured_name_first() -> None:
    prices = Prices({"openai/m": row("1"), "team-a/m": row("2")})
    assert (flat := prices.flat("openai", "m", NOW, slug="team-a")) is not None and flat.input == 2 * 10**9
    assert (flat := prices.flat("openai", "m", NOW, slug="team-b")) is not None and flat.input == 10**9


@pytest.mark.parametrize("name", ["gpt-4o", "/gpt-4o", "openai/"])
def test_an_override_without_a_provider_or_model_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="provider/model"):
        Prices({name: row("1")})


def test_an_override_that_cannot_be_is_named() -> None:
    with pytest.raises(ValueError, match=r"openai/x: input: a price is"):
        Prices({"openai/x": row("-1")})


def test_a_free_provider_needs_no_catalogue() -> None:
    prices = Prices()
    free = msgspec.structs.replace(TABLE["openai"], free=True, prices="")
    assert prices.cost(free, "sim", "sim", Usage(input=10), NOW).nusd == 0
    assert "not loaded" in repr(prices)


def test_prices_that_are_kept_are_bounded_and_of_their_time() -> None:
    prices = Prices(size=10)
    for number in range(50):
        prices.flat("openai", f"gpt-4o-{number}", NOW)
    assert len(prices._kept) == 10
    night = int(datetime(2026, 11, 25, 20, tzinfo=UTC).timestamp() * 1e6)
    by_day: Any = prices.flat("deepseek", "deepseek-chat", NOW)
    assert prices.flat("deepseek", "deepseek-chat", night) != by_day
    assert prices.flat("deepseek", "deepseek-chat", NOW) == by_day


def test_every_provider_of_the_table_that_names_its_prices_has_some(prices: Prices) -> None:
    assert [each.slug for each in TABLE.values() if each.prices and not prices.models(each.prices)] == []


def test_the_catalogue_is_loaded_once_and_ahead() -> None:
    prices = Prices()
    prices.warm()
    assert prices.flat("openai", "gpt-4o", NOW) is not None
    assert "genai-prices" in repr(prices)


def test_what_will_be_asked_for_is_read_ahead_and_nothing_else(tmp_path) -> None:
    taken = tmp_path / prices_file.NAME
    taken.write_bytes(prices_file.seal(price_list.repriced(3), "test", NOW)[1])  # a list that nobody has read yet
    prices = Prices(file=taken)
    prices.read(["openai", "openai", "nobody", ""])
    assert list(prices.load()._read) == ["openai"]


def test_the_catalogue_names_the_models_of_a_provider(prices: Prices) -> None:
    listed = {each.name: each for each in prices.models("openai")}
    assert listed["gpt-4o"].context == 128_000
    assert prices.models("nobody") == []
    assert prices.models("") == []


def test_models_are_listed_by_names_that_requests_are_priced_by(catalogue: Catalogue) -> None:
    patterns = ("regional.", "global.", "ft:", "magistral-small")  # of names that no model has
    odd = [
        (provider.id, each.name)
        for provider in providers
        for each in catalogue.models(provider.id)
        if not each.name.startswith(patterns) and not any(info.is_match(each.name) for info in provider.models)
    ]
    assert odd == []


def test_a_model_at_a_host_has_that_host_s_price(prices: Prices) -> None:
    at_together = prices.flat("huggingface_*", "deepseek-ai/DeepSeek-R1:together", NOW)
    assert at_together is not None
    assert at_together == prices.flat("huggingface_together", "deepseek-ai/DeepSeek-R1", NOW)
    assert prices.flat("huggingface_*", "deepseek-ai/DeepSeek-R1", NOW) is None  # who answers is not said
    assert prices.flat("huggingface_*", "deepseek-ai/DeepSeek-R1:nobody", NOW) is None
    assert "deepseek-ai/DeepSeek-R1:together" in {each.name for each in prices.models("huggingface_*")}


def test_our_own_prices_fill_what_the_catalogue_lacks(prices: Prices) -> None:
    ours = prices.flat("zai", "glm-5-turbo", NOW)
    assert ours is not None
    assert (ours.input, ours.output) == (1_200_000_000, 4_000_000_000)
    assert "docs.z.ai" in ours.version
    assert "glm-5-turbo" in {each.name for each in prices.models("zai")}
    free = prices.flat("zai", "glm-4.7-flash", NOW)
    assert free is not None
    assert cost(Usage(input=1000, output=1000), free) == 0


def test_the_operator_s_price_is_before_ours() -> None:
    prices = Prices({"zai/glm-5-turbo": Row(input=Decimal(7))})
    flat = prices.flat("zai", "glm-5-turbo", NOW)
    assert flat is not None
    assert flat.input == 7_000_000_000


def test_no_price_of_ours_is_kept_that_the_catalogue_has_learnt(catalogue: Catalogue) -> None:
    known = [name for name in _OURS if catalogue.find(*name, NOW)[0] is not None]
    assert known == [], "take them out of prices.toml, or say there why the catalogue is wrong"


# --- tariffs: what accounts have agreed on

AGREED = Row(input=Decimal(1), output=Decimal(1)).flat()
HALF = Factors(default=Decimal("0.5"))
OPENAI, LOCAL = TABLE["openai"], TABLE["ollama"]


def million(prices: Prices, slug: str, model: str = "gpt-4o", served: str = "", row=OPENAI) -> int | None:
    """What a million input tokens cost; what is reserved goes by the same price."""
    priced = prices.cost(row, model, served or model, Usage(input=1_000_000), NOW, slug).nusd
    flat = prices.charged(row, model, NOW, slug)
    assert priced == (None if flat is None else cost(Usage(input=1_000_000), flat))
    return priced


def test_a_tariff_holds_for_its_account_alone() -> None:
    prices = Prices(tariffs={"ws/mine": Tariff({"gpt-4o": AGREED})})
    assert million(prices, "ws/mine") == 1_000_000_000
    assert million(prices, "mine") == million(prices, "") == million(Prices(), "") == 2_500_000_000
    assert million(prices, "ws/mine", "gpt-4o-mini") == million(Prices(), "", "gpt-4o-mini")


def test_factors_hold_for_what_the_list_says_and_for_own_prices() -> None:
    prices = Prices(tariffs={"mine": Tariff({"own": AGREED}, factors=HALF)})
    assert million(prices, "mine") == 1_250_000_000
    assert million(prices, "mine", "own") == 500_000_000
    assert million(prices, "mine", "nobody-knows") is None


def test_a_model_may_cost_what_another_does() -> None:
    prices = Prices(tariffs={"mine": Tariff(like={"my-tune": "gpt-4o"}, factors=HALF)})
    assert million(prices, "mine", "my-tune") == 1_250_000_000
    assert million(prices, "", "my-tune") is None


def test_what_an_account_names_is_charged_by_that_name_whatever_is_served() -> None:
    prices = Prices(tariffs={"mine": Tariff({"my-tune": AGREED}, {"alike": "gpt-4o-mini"})})
    assert million(prices, "mine", "my-tune", "gpt-4o") == 1_000_000_000
    assert million(prices, "mine", "alike", "gpt-4o") == million(Prices(), "", "gpt-4o-mini")


def test_the_operators_word_on_an_account_comes_first_and_on_a_provider_stands_for_the_list() -> None:
    overrides = {"mine/gpt-4o": Row(input=Decimal(7)), "openai/gpt-4o": Row(input=Decimal(9))}
    tariffs = {slug: Tariff({"gpt-4o": AGREED}, factors=HALF) for slug in ("mine", "other")}
    tariffs["third"] = Tariff(factors=HALF)
    prices = Prices(overrides, tariffs=tariffs)
    assert million(prices, "mine") == 7_000_000_000
    assert million(prices, "other") == 500_000_000
    assert million(prices, "third") == 4_500_000_000


def test_what_is_free_costs_what_an_account_says() -> None:
    prices = Prices(tariffs={"mine": Tariff({"llama3": AGREED}, factors=HALF)})
    assert million(prices, "mine", "llama3", row=LOCAL) == 500_000_000
    assert million(prices, "", "llama3", row=LOCAL) == million(prices, "mine", "other", row=LOCAL) == 0


def test_an_adjusted_price_is_found_once() -> None:
    prices = Prices(tariffs={"mine": Tariff({"own": AGREED}, factors=HALF)})
    for row, model in ((OPENAI, "gpt-4o"), (OPENAI, "own"), (LOCAL, "own")):
        assert prices.charged(row, model, NOW, "mine") is prices.charged(row, model, NOW, "mine")


def test_what_is_listed_tells_nothing_of_the_operators_and_the_accounts_prices() -> None:
    prices = Prices({"openai/gpt-4o": Row(input=Decimal(9))}, tariffs={"": Tariff(factors=HALF)})
    listed = prices.listed(OPENAI, "gpt-4o", NOW)
    assert listed is not None and cost(Usage(input=1_000_000), listed) == 2_500_000_000
    assert prices.listed(OPENAI, "nobody-knows", NOW) is None
