"""control/alerts/measures: thresholds with units, and what totals say."""

import pytest

from lockgate.control.alerts.measures import READINGS, rise, threshold_of
from lockgate.stores.logs.rollup import Totals
from lockgate.stores.logs.sketch import Sketch


@pytest.mark.parametrize(
    ("said", "unit", "value"),
    [
        (5, "percent", 500),
        (0.1, "percent", 10),
        ("12.5 %", "percent", 1250),
        (1500, "time", 1500),
        ("2s", "time", 2000),
        ("0.25 s", "time", 250),
        ("800ms", "time", 800),
        ("2m", "time", 120_000),
        (100, "dollars", 100_000_000_000),
        ("$0.50", "dollars", 500_000_000),
        (1e-9, "dollars", 1),
        (10, "count", 10),
    ],
)
def test_a_threshold_may_have_its_unit(said, unit, value):
    assert threshold_of(said, unit) == value


@pytest.mark.parametrize(
    ("said", "unit", "why"),
    [
        ("five", "percent", "'five' is not a percentage"),
        ("5s", "percent", "is not a percentage"),
        ("2h", "time", "is not a time"),
        ("5%", "dollars", "is not an amount in US dollars"),
        (0.001, "percent", "finer than what is measured: a hundredth of a percent"),
        (1.5, "count", "finer than what is measured: a request"),
        (0, "dollars", "more than 0"),
        (-5, "percent", "is not a percentage"),
        ("1e30", "count", "no more than is possible"),
        ("..", "count", "is not a number of requests"),
        (float("inf"), "time", "is not a time"),
    ],
)
def test_what_is_no_threshold_is_said(said, unit, why):
    with pytest.raises(ValueError) as caught:
        threshold_of(said, unit)
    assert why in str(caught.value)


def sketch(*values):
    made = Sketch()
    for value in values:
        made.add(value)
    return made


def test_totals_are_read():
    slow = sketch(*[100_000] * 50, *[1_000_000] * 45, *[9_000_000] * 5)
    totals = Totals(requests=100, failed=3, broken=1, refused=7, cost_nusd=5, latency=slow, ttft=sketch(200_000))
    read = {what: reading.read(totals) for what, reading in READINGS.items()}
    assert read["error_rate"] == 400
    assert read["latency_p50"] == pytest.approx(100, rel=0.02)
    assert read["latency_p90"] == pytest.approx(1000, rel=0.02)
    assert read["latency_p99"] == pytest.approx(9000, rel=0.02)
    assert read["ttft_p99"] == pytest.approx(200, rel=0.02)
    assert (read["spend"], read["spend_rise"], read["requests"], read["refused"]) == (5, 5, 100, 7)
    assert READINGS["ttft_p50"].count(totals) == 1 and READINGS["latency_p50"].count(totals) == 100


def test_of_nothing_there_is_no_rate_and_no_percentile():
    read = {what: reading.read(Totals()) for what, reading in READINGS.items()}
    assert {what for what, value in read.items() if value is None} == {
        what for what in READINGS if what.startswith(("error", "latency", "ttft"))
    }


def test_a_rise_is_compared_with_what_was():
    assert (rise(300, 100), rise(50, 100), rise(100, 0), rise(0, 100)) == (20_000, -5_000, None, -10_000)
