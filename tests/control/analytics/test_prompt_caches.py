"""What the providers' own prompt caches have saved, by what requests have cost."""

import msgspec
import pytest

from lockgate.control.analytics.prompt_caches import prompt_caches
from lockgate.core.failure import Refusal
from lockgate.core.reply import Usage
from lockgate.policy.price import cost
from lockgate.stores.logs.ports import Filter
from support.house import make_house
from support.logged import HOUR, MINUTE, START, logged

SPAN = Filter(since_us=START, until_us=START + HOUR, organisation="org")
CONFIG = """
providers:
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  openai: {api_key: sk-openai-secret-1234567890}
prices:
  claude/sonnet: {input: 3.0, output: 15.0, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6.0}
  openai/gpt: {input: 2.0, output: 8.0, cache_read: 0.5}
"""


@pytest.fixture
def world(tmp_path):
    return make_house(tmp_path, CONFIG).snapshot()


@pytest.fixture
def use(store, world):
    def of(*records, meant=SPAN, limit=10):
        store.append(records)
        return prompt_caches(store, meant, world, limit=limit)

    return of


def asked(world, at, usage, provider="claude", model="sonnet", **more):
    flat = world.prices.charged(world.providers[provider].row, model, START, provider)
    record = logged(at, provider=provider, model_sent=model, tokens=(usage.input, usage.output), **more)
    record.usage = usage
    if "cost_nusd" not in more:
        record.cost_nusd = cost(usage, flat)
    return record


def money(found):
    return found.read_savings, found.write_surcharge, found.savings


def test_reading_saves_and_writing_costs(use, world):
    write = Usage(100_000, 1000, cache_write=90_000)
    read = Usage(101_000, 1000, cached=90_000, cache_write=10_000)
    (found,) = use(asked(world, 0, write), asked(world, 1, read))
    assert (found.provider, found.ai_model, found.requests) == ("claude", "sonnet", 2)
    assert (found.input_tokens, found.cached_tokens, found.rate) == (201_000, 90_000, 44.776)
    # 90,000 × (3 - 0.3) $ a million; 100,000 × (3.75 - 3) $ a million
    assert money(found) == pytest.approx((24.3, 7.5, 16.8))


def test_writing_for_an_hour_costs_more(use, world):
    (found,) = use(asked(world, 0, Usage(100_000, 0, cache_write=100_000, cache_write_1h=100_000)))
    assert money(found) == pytest.approx((0, 30, -30))


def test_writing_costs_nothing_where_it_is_not_charged(use, world):
    (found,) = use(asked(world, 0, Usage(10_000, 100, cached=8_000), "openai", "gpt", cost_nusd=10**9))
    assert money(found) == pytest.approx((1.2, 0, 1.2))


def test_costs_of_another_kind_are_no_more_than_could_have_been_written(use, world):
    (found,) = use(asked(world, 0, Usage(1_000, 0, cached=900), cost_nusd=10**9))
    assert found.write_surcharge == pytest.approx(0.03)


def test_answers_of_our_own_cache_have_used_nothing(use, world):
    usage = Usage(100_000, 0, cached=50_000)
    (found,) = use(asked(world, 0, usage, cache="miss"), *(asked(world, n, usage, cache="hit", cost_nusd=0) for n in (1, 2)))
    assert (found.requests, found.cached_tokens) == (1, 50_000)
    assert money(found) == pytest.approx((13.5, 0, 13.5))


def test_who_reads_the_most_comes_first_and_what_has_no_price_has_no_savings(use, world):
    found = use(
        asked(world, 0, Usage(100, 0, cached=10)),
        asked(world, 1, Usage(100, 0, cached=90), "openai", "gpt"),
        logged(2, provider="gone", model_sent="m", tokens=(10, 1)),
        logged(3, provider="", model_sent="", tokens=(0, 0)),
    )
    assert [(each.provider, each.savings is None) for each in found] == [("openai", False), ("claude", False), ("gone", True)]


def test_one_provider_is_asked_about(use, world):
    meant = msgspec.structs.replace(SPAN, providers=("openai",))
    found = use(asked(world, 0, Usage(100, 0)), asked(world, 1, Usage(100, 0), "openai", "gpt"), meant=meant)
    assert [each.provider for each in found] == ["openai"]


def test_a_span_that_is_none_is_refused(use):
    with pytest.raises(Refusal):
        use(meant=msgspec.structs.replace(SPAN, until_us=START - MINUTE))
