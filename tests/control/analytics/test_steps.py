"""Steps fit the span, and lines have no gaps."""

import pytest

from lockgate.control.analytics.steps import LONGEST_DAYS, STEPS, filled, step_of
from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.rollup import Totals
from support.logged import DAY, HOUR, MINUTE, START


def span(length, since=START):
    return Filter(since_us=since, until_us=since + length)


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (1, MINUTE),
        (2 * HOUR, MINUTE),
        (2 * HOUR + 1, 5 * MINUTE),
        (DAY, 15 * MINUTE),
        (3 * DAY, HOUR),
        (7 * DAY, 4 * HOUR),
        (90 * DAY, DAY),
        (365 * DAY, 7 * DAY),
    ],
)
def test_a_step_fits_its_span(length, step):
    assert step_of(span(length)) == step


def test_no_line_has_too_many_points_and_every_step_is_whole_minutes():
    for longest, step in STEPS:
        assert step % MINUTE == 0
        assert len(filled([], span(longest, START + 7), step)) <= 121


@pytest.mark.parametrize("length", [0, -1, LONGEST_DAYS * DAY + 1])
def test_a_span_that_is_none_or_too_long_is_refused(length):
    with pytest.raises(Refusal) as raised:
        step_of(span(length))
    assert raised.value.status == 400 and raised.value.param.startswith("time_of_generation_")


def test_every_step_that_the_span_touches_is_there():
    there = Totals(requests=3)
    found = filled([(START + 2 * MINUTE, there)], span(3 * MINUTE + 1, START + 1), MINUTE)
    assert [at - START for at, _ in found] == [0, MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert [totals.requests for _, totals in found] == [0, 0, 3, 0]
