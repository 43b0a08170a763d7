"""What the cache has done and saved, by the records that the pipeline itself writes."""

import asyncio

import pytest

from lockgate.control.analytics.graphs import Question, cache_hit_rate, cache_latency
from lockgate.control.analytics.groups import cache_summary, paces
from lockgate.control.analytics.lookups import lookups
from lockgate.control.exports.columns import COLUMNS, NUMBERS, USUAL
from lockgate.control.logs_view import line
from lockgate.http.admin.log_shapes import detail_of, row_of
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics.tally import Tally
from support.house import make_app, records
from support.logged import DAY, START, logged
from support.stage import ASK, REPLY, Stage

CONFIG = """
providers: {openai: {api_key: sk-openai-secret-1234567890}}
prices:
  openai/gpt-a: {input: 2.0, output: 8.0}
"""
COST = 100 * 2000 + 10 * 8000
CENT = 10**7
SLOW_S, FAST_S = 2.0, 0.004
SPAN = Filter(since_us=START, until_us=START + DAY)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """Of one miss that took two seconds: two hits, one in other words, a forced refresh, one that would have nothing of it."""
    tmp = tmp_path_factory.mktemp("lived")
    stage = Stage(make_app(tmp, CONFIG), tmp)
    stage.app.runtime.cache = MemoryCache(1 << 20)
    stage.app.runtime.time_us = lambda: START + int(stage.now * 1e6)
    config = {
        "provider": "@openai",
        "override_params": {"model": "gpt-a"},
        "upstream_api": "chat",
        "cache": {"mode": "semantic"},
    }

    def says(text):
        return {**ASK, "messages": [{"role": "user", "content": text}]}

    async def asked(text, **headers):
        before = len(stage.tries)
        task = await stage.asks(config, says(text), headers=[(name.replace("_", "-"), each) for name, each in headers.items()])
        if len(stage.tries) > before:
            await stage.passes(SLOW_S)
            stage.tries[-1].answers(REPLY)
        await task

    async def play():
        await asked("What is the capital of France?")
        await asked("What is the capital of France?")
        await asked("What is the capital of France?")
        await asked("what is the capital of france")
        await asked("What is the capital of France?", cache_control="no-cache")
        await asked("What is the capital of France?", cache_control="no-store")

    asyncio.run(play())
    return records(tmp)


@pytest.fixture
def kept(lived, tmp_path):
    """The log of these, as if each hit had taken 4 ms: on the stage no time passes."""
    for record in lived:
        if record.cached_id:
            record.latency_us = int(FAST_S * 1e6)
    store = SqliteLog(tmp_path / "log", report=pytest.fail)
    store.append(lived)
    yield store
    store.close()


def test_the_records_say_what_the_cache_did(lived):
    assert [each.cache for each in lived] == ["semantic miss", "hit", "hit", "semantic hit", "refresh", "disabled"]
    source = lived[0]
    for hit in lived[1:4]:
        assert (hit.cached_id, hit.cost_nusd, hit.saved_nusd, hit.saved_us) == (source.id, 0, COST, source.latency_us)
    assert source.latency_us == SLOW_S * 1e6
    assert {each.saved_nusd for each in lived if not each.cached_id} == {0}


def test_graphs_and_sums_agree_with_the_records(kept):
    rate, latency, summary = (
        cache_hit_rate(Question(kept, SPAN)),
        cache_latency(Question(kept, SPAN)),
        cache_summary(kept, SPAN),
    )
    assert (rate.summary.total, rate.summary.rate) == (3, 50)
    last = rate.data_points[-1]
    assert (last.cumulative_simple_cache_savings, last.cumulative_semantic_cache_savings) == (2 * COST / CENT, COST / CENT)
    assert latency.summary.avg == 4
    assert (summary.hits, summary.total_requests, summary.avg_latency, summary.savings) == (3, 6, 4, 3 * COST / CENT)
    assert summary.cache_speedup == pytest.approx(100 * (1 - FAST_S / SLOW_S))


def test_lookups_count_each_status_and_compare_with_what_was_asked(kept):
    found = lookups(kept, SPAN)
    counts = (found.hits, found.semantic_hits, found.misses, found.semantic_misses, found.refreshes, found.disabled)
    assert counts == (2, 1, 0, 1, 1, 1)
    assert (found.requests, found.answered, found.looked_up) == (6, 3, 4)
    assert (found.hit_us, found.miss_us, found.saved_nusd) == (FAST_S * 1e6, SLOW_S * 1e6, 3 * COST)
    assert found.saved_us == 3 * (SLOW_S - FAST_S) * 1e6


def test_without_a_miss_nothing_is_claimed_of_time(tmp_path):
    store = SqliteLog(tmp_path / "log", report=pytest.fail)
    store.append([logged(0, cache="hit", latency_us=10), logged(1, outcome="refused", status=429, latency_us=100)])
    assert lookups(store, SPAN).saved_us == 0
    assert cache_summary(store, SPAN).cache_speedup == 0
    store.close()


def test_how_fast_a_provider_is_says_nothing_of_the_cache(kept):
    (pace,) = paces(kept, SPAN, limit=10)
    assert pace.requests == 3  # miss, refresh, disabled
    assert pace.latency.p50 == pytest.approx(SLOW_S * 1000, 0.05)
    (only,) = paces(kept, Filter(since_us=START, until_us=START + DAY, caches=("hit",)), limit=10)
    assert only.requests == 2  # who asks for them gets them


def test_a_hit_is_shown_with_whose_answer_it_is(lived, tmp_path):
    world = make_app(tmp_path, CONFIG).world.snapshot
    hit = lived[3]
    row, detail = row_of(hit), detail_of(hit, world, [])
    assert (row.cache_status, row.cached_id, row.cache_note) == ("semantic hit", lived[0].id, "canonical")
    assert (row.cost, row.saved, row.saved_time, row.cached_age) == (0, COST / CENT, SLOW_S * 1000, hit.cached_us / 1000)
    assert detail.cost_arithmetic is None, "what was not bought has no bill"
    miss = row_of(lived[0])
    assert (miss.cache_status, miss.cached_id, miss.cached_age, miss.saved_time) == ("semantic miss", None, None, 0)
    assert "$0.000000" in line(hit) and f"semantic hit of {lived[0].id}" in line(hit)
    assert " of " not in line(lived[0])


def test_exports_have_columns_for_it(lived):
    told = {name: COLUMNS[name](lived[1]) for name in ("cache_status", "cached_id", "cached_age", "saved", "saved_time")}
    assert told == {
        "cache_status": "hit",
        "cached_id": lived[0].id,
        "cached_age": lived[1].cached_us / 1000,
        "saved": COST / CENT,
        "saved_time": SLOW_S * 1000,
    }
    assert set(told) <= set(USUAL) and {"saved_time", "cached_age"} <= NUMBERS


def test_metrics_count_them(lived):
    tally = Tally()
    for record in lived:
        tally.count(record)
    at = ("openai", "gpt-a")
    counted = {labels[-1]: row[0] for labels, row in tally.series[of.CACHE.name].numbers.items()}
    assert counted == {"semantic_miss": 1, "hit": 2, "semantic_hit": 1, "refresh": 1, "disabled": 1}
    assert tally.series[of.CACHE_SAVED.name].numbers[at][0] == 3 * COST
    assert tally.series[of.COST.name].numbers[at][0] == 3 * COST
    assert {labels: row[0] for labels, row in tally.series[of.TOKENS.name].numbers.items()} == {
        (*at, "input"): 300,
        (*at, "output"): 30,
    }
