"""What each graph draws of the same few requests, of either store."""

import msgspec
import pytest

from lockgate.control.analytics import graphs
from lockgate.control.analytics.graphs import Question
from lockgate.control.analytics.shapes import RetryCount
from lockgate.core.record import Attempt
from lockgate.stores.logs.ports import Feedback, Filter
from lockgate.stores.logs.sketch import Sketch
from support.logged import HOUR, MINUTE, START, logged

SPAN = Filter(since_us=START, until_us=START + HOUR, organisation="org")
CENT = 10**7


@pytest.fixture
def line(store):
    """Makes the line of some records, and of what was said of them."""

    def made(*records, said=(), **meant):
        store.append(records)
        if said:
            store.rate(said)
        return Question(store, msgspec.structs.replace(SPAN, **meant))

    return made


def drawn(graph, name="total"):
    """The points that are not zero: minute → value."""
    assert len(graph.data_points) == 60 and graph.object == "analytics-graph"
    assert [point.timestamp for point in graph.data_points[:2]] == ["2024-10-04T00:00:00.000Z", "2024-10-04T00:01:00.000Z"]
    return {n: value for n, point in enumerate(graph.data_points) if (value := getattr(point, name))}


def test_requests_are_counted_by_the_step(line):
    graph = graphs.requests(
        line(logged(0), logged(MINUTE - 1), logged(5 * MINUTE), logged(HOUR), logged(0, organisation="other"))
    )
    assert (graph.summary.total, drawn(graph)) == (3, {0: 2, 5: 1})


def test_costs_are_in_cents_and_tell_how_many_are_not_known(line):
    records = (
        logged(0, cost_nusd=CENT, tokens=(1, 1)),
        logged(0, cost_nusd=2 * CENT, tokens=(1, 1)),
        logged(MINUTE, tokens=(1, 1)),
    )
    graph = graphs.cost(line(*records))
    assert (graph.summary.total, graph.summary.avg, graph.summary.unpriced) == (3, 1, 1)
    assert (drawn(graph), drawn(graph, "avg")) == ({0: 3}, {0: 1.5})


def test_tokens_are_in_and_out(line):
    graph = graphs.tokens(line(logged(0, tokens=(10, 5)), logged(0, tokens=(1, 4)), logged(2 * MINUTE)))
    assert (graph.summary.total, graph.summary.avg) == (20, pytest.approx(20 / 3))
    assert (drawn(graph), drawn(graph, "avg")) == ({0: 20}, {0: 10})


def test_latencies_are_percentiles_and_a_mean_in_ms(line):
    graph = graphs.latency(line(*(logged(0, latency_us=1000 * n) for n in range(1, 101))))
    found = graph.summary
    assert found.avg == 50.5
    assert (found.p50, found.p90, found.p99) == (pytest.approx(50, 0.05), pytest.approx(90, 0.05), pytest.approx(99, 0.05))
    assert drawn(graph, "avg") == {0: 50.5} and drawn(graph, "p99") == {0: found.p99}


def test_users_are_those_whom_requests_name_each_once(line):
    people = [
        logged(0, metadata={"_user": "ann"}),
        logged(1, metadata={"_user": "ann"}),
        logged(MINUTE, metadata={"_user": "ben"}),
    ]
    asked = line(*people, logged(0))
    assert drawn(graphs.users(asked)) == {0: 1, 1: 1}
    assert graphs.users(asked).summary.total == 2
    each = graphs.users_requests(asked)
    assert (each.summary.total, each.summary.unique, each.summary.avg, drawn(each, "avg")) == (3, 2, 1.5, {0: 2, 1: 1})


FAILING = (
    logged(0, outcome="failed", status=502),
    logged(1, outcome="refused", status=429),
    logged(MINUTE, outcome="failed", status=502),
    logged(MINUTE, outcome="broken", status=200),
    logged(MINUTE, outcome="client_left", status=200),
    *(logged(2 * MINUTE) for _ in range(5)),
)


def test_errors_are_refused_failed_and_broken_requests(line):
    asked = line(*FAILING)
    assert (graphs.errors(asked).summary.total, drawn(graphs.errors(asked))) == (4, {0: 2, 1: 2})
    rate = graphs.errors_rate(asked)
    assert (rate.summary.rate, drawn(rate, "rate")) == (40, {0: 100, 1: pytest.approx(66.667)})


def test_errors_are_stacked_by_status(line):
    graph = graphs.errors_stacks(line(*FAILING))
    assert graph.summary.total == 4
    stacks = drawn(graph, "stats")
    assert {each.response_status_code: each.count for each in stacks[0]} == {502: 1, 429: 1}
    assert {each.response_status_code: each.count for each in stacks[1]} == {502: 1, 200: 1}
    assert set(stacks) == {0, 1}


def test_errors_by_status_have_the_most_frequent_first(line):
    graph = graphs.errors_status_codes(line(*FAILING))
    assert (graph.summary.total_errors, graph.summary.unique_error_codes) == (4, 3)
    assert (graph.data_points[0].status_code, graph.data_points[0].count) == (502, 2)
    assert {point.status_code for point in graph.data_points} == {502, 429, 200}


def test_a_filter_for_what_went_well_has_no_errors(line):
    asked = line(*FAILING, outcomes=("ok",))
    assert graphs.errors_stacks(asked).summary.total == 0
    assert graphs.errors_status_codes(asked).data_points == []


def test_requests_are_rescued_by_another_attempt_on_the_same_target_or_elsewhere(line):
    again = [Attempt("a", kind="server"), Attempt("a")]
    elsewhere = [Attempt("a", kind="server"), Attempt("b")]
    records = (
        logged(0, attempts=again),
        logged(0, attempts=elsewhere),
        logged(MINUTE, attempts=elsewhere),
        logged(MINUTE, attempts=again, outcome="failed", status=502),
        logged(MINUTE, attempts=[Attempt("a", kind="hedged"), Attempt("b")]),
    )
    graph = graphs.requests_rescued(line(*records))
    assert (graph.summary.retry, graph.summary.fallback) == (1, 2)
    first, second = graph.data_points[:2]
    assert (first.retry, first.fallback, second.retry, second.fallback) == ([RetryCount(1, 1)], 1, [], 1)


def test_a_rescue_says_which_retry_it_was_and_none_where_that_was_not_kept(line, monkeypatch):
    def after(failures: int) -> list[Attempt]:
        return [*[Attempt("a", kind="server")] * failures, Attempt("a")]

    records = [logged(n, attempts=after(failures)) for n, failures in enumerate((1, 2, 1, 10, 0))]
    question = line(*records)
    (first, *_) = graphs.requests_rescued(question).data_points
    assert first.retry == [RetryCount(1, 2), RetryCount(2, 1), RetryCount(10, 1)]
    (start, totals), *_ = question.store.series(question.meant, MINUTE)
    totals.retries = Sketch({2: 1})
    monkeypatch.setattr(question.store, "series", lambda meant, step_us: [(start, totals)])
    (first, *_) = graphs.requests_rescued(question).data_points
    assert first.retry == [RetryCount(2, 1), RetryCount(None, 3)]


HITS = (
    logged(0, cache="hit", latency_us=2000, saved_nusd=3 * CENT),
    logged(MINUTE, cache="semantic hit", latency_us=4000, saved_nusd=CENT),
    logged(MINUTE, cache="hit", latency_us=6000, saved_nusd=CENT),
    logged(MINUTE, cache="miss", latency_us=12000),
)


def test_hits_of_the_cache_save_more_and_more(line):
    graph = graphs.cache_hit_rate(line(*HITS))
    assert (graph.summary.total, graph.summary.rate) == (3, 75)
    first, second, third = graph.data_points[:3]
    assert (first.simple_hits, first.semantic_hits, first.rate) == (1, 0, 100)
    assert (second.simple_hits, second.semantic_hits, second.rate) == (1, 1, pytest.approx(66.667))
    assert (first.cumulative_simple_cache_savings, first.cumulative_semantic_cache_savings) == (3, 0)
    assert (third.cumulative_simple_cache_savings, third.cumulative_semantic_cache_savings) == (4, 1)


def test_a_filter_for_one_kind_of_hit_has_the_savings_of_that_alone(line):
    graph = graphs.cache_hit_rate(line(*HITS, caches=("hit",)))
    assert graph.data_points[-1].cumulative_simple_cache_savings == 4
    assert graph.data_points[-1].cumulative_semantic_cache_savings == 0


def test_hits_of_the_cache_take_so_long(line):
    graph = graphs.cache_latency(line(*HITS))
    assert (graph.summary.avg, drawn(graph, "avg")) == (4, {0: 2, 1: 5})


def opinion(id, trace, value, weight=1000, **more):
    return Feedback(id, trace, START + HOUR, value, weight, {}, "org", "ws", **more)


RATED = (logged(0, trace_id="a" * 32), logged(MINUTE, trace_id="b" * 32, model_sent="gpt-5"), logged(MINUTE))
SAID = (opinion("1", "a" * 32, 10), opinion("2", "a" * 32, -4, 500), opinion("3", "b" * 32, 10))


def test_feedback_is_counted_with_the_requests_of_its_trace(line):
    asked = line(*RATED, said=SAID)
    graph = graphs.feedbacks(asked)
    assert (graph.summary.total, drawn(graph)) == (3, {0: 2, 1: 1})


def test_feedback_weighs_as_much_as_it_says(line):
    graph = graphs.feedbacks_weighted(line(*RATED, said=SAID))
    assert graph.summary.avg == pytest.approx(6)  # (10 - 4/2 + 10) / 3
    assert drawn(graph, "avg") == {0: 4, 1: 10}


def test_scores_are_counted_each(line):
    graph = graphs.feedbacks_scores(line(*RATED, said=SAID))
    assert (graph.summary.total, graph.summary.truncated) == (3, False)
    assert [(point.score, point.total) for point in graph.data_points] == [(-4, 1), (10, 2)]


def test_models_are_told_of_with_what_was_said_of_them(line):
    graph = graphs.feedbacks_models(line(*RATED, said=SAID))
    assert [(point.ai_model, point.total, point.avg_weighted_feedback) for point in graph.data_points] == [
        ("gpt-4o", 2, 4),
        ("gpt-5", 1, 10),
    ]


def test_what_is_said_again_counts_once(line):
    asked = line(*RATED, said=(*SAID, msgspec.structs.replace(SAID[0], value=0, time_us=START + 2 * HOUR)))
    assert graphs.feedbacks(asked).summary.total == 3
    assert [(point.score, point.total) for point in graphs.feedbacks_scores(asked).data_points] == [(-4, 1), (0, 1), (10, 1)]


@pytest.mark.parametrize("graph", ["requests", "cost", "latency", "tokens", "users", "users_requests", "errors", "errors_rate"])
def test_where_nothing_happened_all_points_are_zero(line, graph):
    found = getattr(graphs, graph)(line())
    assert len(found.data_points) == 60
    assert not any(
        value for point in found.data_points for name, value in msgspec.structs.asdict(point).items() if name != "timestamp"
    )
