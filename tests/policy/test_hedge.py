"""When a second request goes out, and how many may."""

import random

import pytest

from lockgate.policy.hedge import BURST, WINDOW, Hedge, Pace, read_hedge


def paced(hedge, *times):
    pace = Pace(hedge)
    for each in times:
        pace.began(each)
    return pace


@pytest.mark.parametrize(
    ("after", "meant"),
    [("p95", Hedge(95, 0.0, 5.0)), ("p50", Hedge(50, 0.0, 5.0)), (800, Hedge(None, 0.8, 5.0)), (0.5, Hedge(None, 0.0005, 5.0))],
)
def test_a_hedge_is_written_as_a_percentile_or_in_milliseconds(after, meant):
    assert read_hedge(after, 5.0, False) == meant


@pytest.mark.parametrize(
    ("after", "percentage", "why"),
    [
        ("95", 5, "milliseconds or a percentile like 'p95', not '95'"),
        ("p100", 5, "not 'p100'"),
        ("p95.5", 5, "not 'p95.5'"),
        ("p49", 5, "from p50 to p99"),
        ("p٩٥", 5, "not 'p٩٥'"),
        (0, 5, "between 1 and 3600000"),
        (3_600_001, 5, "between 1 and 3600000"),
        (float("nan"), 5, "between 1 and 3600000"),
        ("p95", 0, "above 0 and at most 100, not 0"),
        ("p95", 100.5, "at most 100, not 100.5"),
    ],
)
def test_what_makes_no_sense_is_said(after, percentage, why):
    with pytest.raises(ValueError, match=why):
        read_hedge(after, percentage, False)


def test_a_fixed_wait_needs_nothing_to_be_known():
    assert Pace(Hedge(None, 0.8)).wait_s() == 0.8


@pytest.mark.parametrize(("percentile", "least"), [(50, 20), (95, 20), (96, 25), (99, 100)])
def test_a_percentile_needs_as_many_answers_as_leave_one_above_it(percentile, least):
    times = [n / 10 for n in range(1, least + 1)]
    assert paced(Hedge(percentile), *times[:-1]).wait_s() is None
    pace = paced(Hedge(percentile), *times)
    assert sum(each > pace.wait_s() for each in times) >= 1
    assert sum(each <= pace.wait_s() for each in times) / least >= percentile / 100


def test_the_order_of_the_answers_does_not_matter():
    times = [n / 100 for n in range(1, 101)]
    random.Random(1).shuffle(times)
    assert paced(Hedge(95), *times).wait_s() == 0.95


def test_only_the_latest_answers_count():
    pace = paced(Hedge(95), *(9.0,) * WINDOW, *(n / WINDOW for n in range(1, WINDOW + 1)))
    assert pace.wait_s() == 244 / WINDOW  # the first of 256 ranks that 95 of 100 do not pass
    assert repr(pace) == "Pace(256 answers, 1.00 hedges)"


def test_what_was_broken_off_keeps_the_wait_where_it_was():
    draw = random.Random(2)
    honest, hedged = Pace(Hedge(95)), Pace(Hedge(95))
    for _ in range(2000):
        took = draw.expovariate(1.0)
        wait = hedged.wait_s()
        honest.began(took)
        # The hedge is at once where the first would have been much later: all that is known of it is that it was longer.
        hedged.began(took if wait is None or took <= wait else wait + 1e-9)
    assert hedged.wait_s() <= honest.wait_s()
    assert hedged.wait_s() > 2.0  # of 3.0 in truth


def test_the_first_request_may_be_hedged_then_every_twentieth():
    pace = Pace(Hedge(None, 0.8, 5.0))
    hedged = []
    for n in range(1, 101):
        pace.asked()
        if pace.wait_s() is not None and pace.spend():
            hedged.append(n)
    assert hedged[0] == 1
    assert len(hedged) == 6  # 5 of 100, and the one to begin with


def test_when_all_are_slow_hedges_stay_within_their_part():
    draw = random.Random(3)
    pace = Pace(Hedge(None, 0.8, 2.0))
    hedges = 0
    for n in range(1, 5001):
        pace.asked()
        for _ in range(draw.randrange(3)):
            hedges += pace.spend()
        assert hedges <= n * 0.02 + 1 + 1e-6


def test_a_quiet_time_saves_up_a_few_only():
    pace = Pace(Hedge(None, 0.8, 50.0))
    for _ in range(1000):
        pace.asked()
    assert sum(pace.spend() for _ in range(100)) == BURST


def test_what_others_have_spent_meanwhile_is_gone():
    pace = Pace(Hedge(None, 0.8, 1.0))
    pace.asked()
    assert pace.wait_s() == 0.8
    assert pace.spend()
    assert not pace.spend()
    assert pace.wait_s() is None


def test_a_fixed_wait_keeps_no_times():
    assert repr(paced(Hedge(None, 0.8), 1.0, 2.0)) == "Pace(0 answers, 1.00 hedges)"
