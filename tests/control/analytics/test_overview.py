"""The front page's figures: what the graphs say one by one, and the span before."""

import pytest

from lockgate.control.analytics import graphs
from lockgate.control.analytics.overview import overview
from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from support.logged import HOUR, MINUTE, START, logged

NUSD_IN_CENT = 10**7


@pytest.fixture
def store(tmp_path):
    store = SqliteLog(tmp_path, report=pytest.fail)
    yield store
    store.close()


def asked(since, until, **more):
    return Filter(organisation="org", since_us=START + since, until_us=START + until, **more)


def test_it_says_what_the_graphs_say(store):
    store.append(
        [
            logged(HOUR, tokens=(10, 5), cost_nusd=3 * NUSD_IN_CENT, latency_us=2_000_000, ttft_us=400_000),
            logged(HOUR + MINUTE, tokens=(4, 1), cost_nusd=NUSD_IN_CENT, latency_us=4_000_000, failures=1),
            logged(HOUR + 2 * MINUTE, status=500, outcome="failed", latency_us=100_000),
            logged(HOUR + 2 * MINUTE, cache="hit", saved_nusd=2 * NUSD_IN_CENT, latency_us=1000),
        ]
    )
    meant = asked(HOUR, 2 * HOUR)
    found = overview(store, meant)
    question = graphs.Question(store, meant)
    said = found.summary
    assert (said.requests, said.errors, said.error_rate) == (4, 1, 25.0) and said.errors == graphs.errors(
        question
    ).summary.total
    assert (said.cost, said.avg_cost) == (4.0, 1.0) and said.cost == graphs.cost(question).summary.total
    assert (said.input_tokens, said.output_tokens) == (14, 6)
    assert said.latency == graphs.latency(question).summary
    assert said.time_to_first_token.p50 == pytest.approx(400, rel=0.03)
    assert (said.hits, said.hit_rate, said.saved, said.rescued) == (1, 25.0, 2.0, 1)
    assert found.step == 60_000 and len(found.data_points) == 60
    assert [(point.timestamp[11:16], point.requests) for point in found.data_points if point.requests] == [
        ("01:00", 1),
        ("01:01", 1),
        ("01:02", 2),
    ]


def test_the_span_before_is_as_long_and_ends_where_this_one_begins(store):
    store.append([logged(at, tokens=(1, 1)) for at in (0, HOUR - 1, HOUR, 2 * HOUR - 1, 2 * HOUR)])
    found = overview(store, asked(HOUR, 2 * HOUR))
    assert (found.summary.requests, found.before.requests) == (2, 2)
    assert overview(store, asked(2 * HOUR, 3 * HOUR)).before.requests == 2
    assert overview(store, asked(HOUR, 2 * HOUR, models=("other",))).before.requests == 0


def test_of_nothing_all_is_nothing(store):
    found = overview(store, asked(0, HOUR))
    assert (found.summary.requests, found.summary.error_rate, found.summary.latency.p99) == (0, 0.0, 0.0)


def test_a_span_that_is_none_is_refused(store):
    with pytest.raises(Refusal, match="must lie after"):
        overview(store, asked(HOUR, HOUR))
