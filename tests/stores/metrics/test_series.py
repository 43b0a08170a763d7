"""stores/metrics/series, names: numbers by their labels, bounded, and as the official parser reads them."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from lockgate.stores.metrics import series as module
from lockgate.stores.metrics.families import Family
from lockgate.stores.metrics.names import IDLE_US, LONGEST, OTHER, Names
from lockgate.stores.metrics.series import Series, decimal, gauge, head

COUNTER = Family("things", "counter", 'What "things" \\ there\nwere.', ("colour",))
HISTOGRAM = Family("wait_seconds", "histogram", "How long.", ("colour",), 1_000_000, (100_000, 1_000_000))
PLAIN = Family("cost_usd", "counter", "All.", (), 1_000_000_000)
NOW = 1_790_000_000_000_000


def written(series: Series, *, openmetrics: bool):
    text = head(series.family, openmetrics=openmetrics) + series.samples()
    (family,) = read_openmetrics(text + "# EOF\n") if openmetrics else read_text(text)
    return family


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_counter_is_read_as_it_was_counted_whatever_its_labels_say(openmetrics: bool) -> None:
    series = Series(COUNTER)
    wild = 'a "b" \\ c\nd {x="y"} é'
    series.add((wild,), 3)
    series.add((wild,), 4)
    series.add(("",))
    family = written(series, openmetrics=openmetrics)
    assert (family.name, family.type) == ("things", "counter")
    assert family.documentation == COUNTER.help
    assert [(each.name, each.labels, each.value) for each in family.samples] == [
        ("things_total", {"colour": wild}, 7),
        ("things_total", {"colour": ""}, 1),
    ]


@pytest.mark.parametrize("openmetrics", [False, True])
def test_a_histogram_counts_up_to_each_border_and_its_sum_is_exact(openmetrics: bool) -> None:
    series = Series(HISTOGRAM)
    for us in (1, 100_000, 100_001, 1_000_000, 7_000_000):
        series.observe(("red",), us)
    family = written(series, openmetrics=openmetrics)
    assert family.type == "histogram"
    assert [(each.name.removeprefix("wait_seconds_"), each.labels.get("le"), each.value) for each in family.samples] == [
        ("bucket", "0.1", 2),
        ("bucket", "1.0", 4),
        ("bucket", "+Inf", 5),
        ("count", None, 5),
        ("sum", None, 8.200002),
    ]
    assert {each.labels["colour"] for each in family.samples} == {"red"}


def test_money_is_written_to_the_last_nano_dollar() -> None:
    series = Series(PLAIN)
    series.add((), 12_000_000_000_000_000_001)
    assert series.samples() == "cost_usd_total 12000000000.000000001\n"
    assert decimal(1, 1_000_000) == "0.000001"


def test_a_gauge_is_written_with_what_it_is_now() -> None:
    family = Family("level", "gauge", "How high.", ("tank",))
    text = head(family, openmetrics=False) + gauge(family, {("a",): 0.25, ("b",): 3})
    (read,) = read_text(text)
    assert [(each.labels, each.value) for each in read.samples] == [({"tank": "a"}, 0.25), ({"tank": "b"}, 3)]


def test_there_are_never_more_series_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    series = Series(COUNTER)
    for number in range(10):
        series.add((str(number),))
    assert series.numbers == {("0",): [1], ("1",): [1], ("2",): [1], (OTHER,): [7]}


def test_what_is_forgotten_is_not_shown_and_begins_anew() -> None:
    series = Series(COUNTER)
    series.add(("red",), 5)
    series.add(("blue",), 5)
    series.samples()
    series.forget("shape", "red")
    series.forget("colour", "red")
    assert series.samples() == 'things_total{colour="blue"} 5\n'
    series.add(("red",), 1)
    assert series.numbers[("red",)] == [1]


def test_a_name_is_other_until_it_is_known() -> None:
    names = Names(2)
    assert (names.label("a"), names.label("")) == (OTHER, "")
    assert names.learn("a", NOW) is None
    assert names.learn("", NOW) is None
    assert (names.label("a"), names.used) == ("a", {"a": NOW})


def test_a_name_that_is_not_used_makes_room_after_a_day() -> None:
    names = Names(2)
    names.learn("a", NOW)
    names.learn("b", NOW + 5)
    assert names.learn("c", NOW + IDLE_US - 1) is None
    assert names.label("c") == OTHER
    names.learn("a", NOW + IDLE_US)
    assert names.learn("c", NOW + IDLE_US + 5) == "b"
    assert [names.label(name) for name in "abc"] == ["a", OTHER, "c"]


def test_a_record_that_comes_late_makes_no_name_older() -> None:
    names = Names(2)
    names.learn("a", NOW)
    names.learn("a", NOW - 100)
    assert names.used == {"a": NOW}


def test_a_long_name_is_cut_and_stays_the_same() -> None:
    names = Names(2)
    names.learn("x" * 1000, NOW)
    assert names.label("x" * 1000) == "x" * LONGEST == names.label("x" * 2000)
