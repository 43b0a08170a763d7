"""Groups, the cache's summary and the pace of providers, of either store."""

import msgspec
import pytest

from lockgate.control.analytics.groups import NAMES, ORDERS, cache_summary, grouped, paces
from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Feedback, Filter
from support.logged import HOUR, MINUTE, START, logged

SPAN = Filter(since_us=START, until_us=START + HOUR, organisation="org")
CENT = 10**7
RECORDS = (
    logged(0, tokens=(10, 10), cost_nusd=CENT, metadata={"team": "a", "_user": "ann"}),
    logged(1, tokens=(20, 20), cost_nusd=CENT, metadata={"team": "a", "_user": "ben"}, latency_us=3_000_000),
    logged(2 * MINUTE, tokens=(30, 0), metadata={"team": "b"}, outcome="failed", status=502, trace_id="c" * 32),
    logged(
        3,
        model_sent="gpt-5",
        provider="azure",
        route="pc-x",
        key_id="key-2",
        workspace="other",
        tokens=(1, 1),
        cost_nusd=9 * CENT,
    ),
)


@pytest.fixture
def ask(store):
    store.append(RECORDS)

    def groups(by, limit=10, offset=0, meant=SPAN, **more):
        found = grouped(store, meant, by, limit=limit, offset=offset, **more)
        return found.total, [(row.value, row.requests) for row in found.rows]

    return groups


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("ai-models", [("gpt-4o", 3), ("gpt-5", 1)]),
        ("provider", [("openai", 3), ("azure", 1)]),
        ("status_code", [("200", 3), ("502", 1)]),
        ("api_key", [("key-1", 3), ("key-2", 1)]),
        ("workspaces", [("ws", 3), ("other", 1)]),
        ("users", [("ann", 1), ("ben", 1)]),
        ("metadata/team", [("a", 2), ("b", 1)]),
        ("metadata/nothing", []),
    ],
)
def test_requests_are_told_apart(ask, by, rows):
    assert ask(by) == (len(rows), rows)


def test_every_name_is_a_dimension(ask):
    for name in NAMES:
        total, rows = ask(name)
        assert total >= len(rows)


def test_a_row_says_what_its_requests_come_to(store):
    store.append(RECORDS)
    store.rate([Feedback("1", "c" * 32, START, 5, 500, {}, "org", "ws")])
    a, b = grouped(store, SPAN, "metadata/team", limit=10, offset=0).rows
    assert (a.name, a.cost, a.tokens, a.avg_tokens, a.errors, a.avg_latency, a.unpriced) == (
        "metadata_value",
        2,
        60,
        30,
        0,
        2000,
        0,
    )
    assert (a.requests_with_feedback, a.last_seen) == (0, "2024-10-04T00:00:00.000Z")
    assert (b.cost, b.errors, b.error_rate, b.unpriced, b.last_seen) == (0, 1, 100, 1, "2024-10-04T00:02:00.000Z")
    assert (b.requests_with_feedback, b.avg_weighted_feedback) == (1, 2.5)


def test_the_largest_come_first_by_what_is_asked_and_the_smallest_when_that_is_asked(ask):
    assert ask("ai-models", order="cost")[1] == [("gpt-5", 1), ("gpt-4o", 3)]
    assert ask("ai-models", order="requests", ascending=True)[1] == [("gpt-5", 1), ("gpt-4o", 3)]
    for order in ORDERS:
        assert ask("ai-models", order=order)[0] == 2


def test_a_page_is_a_part_of_the_list(ask):
    assert ask("ai-models", limit=1, offset=1) == (2, [("gpt-5", 1)])
    assert ask("ai-models", limit=1, offset=1, ascending=True) == (2, [("gpt-4o", 3)])
    assert ask("ai-models", limit=1, offset=2) == (2, [])


def test_only_what_is_meant_is_grouped(ask):
    only = msgspec.structs.replace(SPAN, workspaces=("other",))
    assert ask("ai-models", meant=only) == (1, [("gpt-5", 1)])
    assert ask("ai-models", meant=msgspec.structs.replace(SPAN, organisation="elsewhere")) == (0, [])


@pytest.mark.parametrize(("by", "more", "status"), [("moon", {}, 404), ("users", {"order": "age"}, 400)])
def test_what_there_is_not_is_refused(ask, by, more, status):
    with pytest.raises(Refusal) as raised:
        ask(by, **more)
    assert raised.value.status == status


def test_the_cache_s_summary_says_how_much_faster_it_is(store):
    assert cache_summary(store, SPAN).cache_speedup == 0
    store.append(
        [
            logged(0, cache="hit", latency_us=100_000, saved_nusd=CENT),
            logged(0, cache="semantic hit", latency_us=300_000, saved_nusd=2 * CENT),
            logged(0, cache="miss", latency_us=800_000),
        ]
    )
    found = cache_summary(store, SPAN)
    assert (found.hits, found.avg_latency, found.total_requests, found.cache_speedup, found.savings) == (2, 200, 3, 75, 3)


def test_the_pace_of_each_provider_and_model(store):
    store.append(
        [
            *(logged(0, stream=True, ttft_us=200_000, gap_us=50_000) for _ in range(9)),
            logged(0, stream=True, ttft_us=200_000, gap_us=11_000_000),
            logged(0, provider="azure", ttft_us=900_000),
            logged(0, provider="", model_sent="", outcome="refused", status=429),
        ]
    )
    fast, slow = paces(store, SPAN, limit=10)
    assert (fast.provider, fast.ai_model, fast.requests, fast.streams, fast.stall_rate) == ("openai", "gpt-4o", 10, 10, 10)
    assert fast.time_to_first_token.p50 == pytest.approx(200, 0.05)
    assert fast.gap_p99 == pytest.approx(50, 0.05)  # the ninth of ten: the rank of a percentile is rounded down
    assert (slow.provider, slow.streams, slow.stall_rate) == ("azure", 0, 0)
    assert slow.time_to_first_token.p99 == pytest.approx(900, 0.05)
    assert len(paces(store, SPAN, limit=1)) == 1
