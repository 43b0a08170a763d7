"""policy/window: the stretch of time that a cap is for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lockgate.policy.window import LIFETIME, Period, Unit, Window

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Cairo",
]
HOUR = 3_600_000_000


def us(text: str, zone: str = "UTC") -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("period", "at", "id", "start", "end"),
    [
        (Period("day"), "2026-11-25T13:00", "day 2026-11-25", "2026-11-25", "2026-11-26"),
        (Period("week"), "2026-11-25T13:00", "week 2026-11-23", "2026-11-23", "2026-11-30"),
        (Period("week", first_day=6), "2026-11-25T13:00", "week 2026-11-22", "2026-11-22", "2026-11-29"),
        (Period("week", first_day=6), "2026-11-22T00:00", "week 2026-11-22", "2026-11-22", "2026-11-29"),
        (Period("month"), "2026-12-31T23:59", "month 2026-12-01", "2026-12-01", "2027-01-01"),
        (Period("month"), "2028-02-29T12:00", "month 2028-02-01", "2028-02-01", "2028-03-01"),
        (
            Period("days", days=10, anchor_us=us("2026-11-20")),
            "2026-11-29T23:59",
            "10 days 2026-11-20",
            "2026-11-20",
            "2026-11-30",
        ),
        (
            Period("days", days=10, anchor_us=us("2026-11-20")),
            "2026-11-19T00:00",
            "10 days 2026-11-10",
            "2026-11-10",
            "2026-11-20",
        ),
        (
            Period("days", days=1, anchor_us=us("2026-11-20T06:30")),
            "2026-11-25T06:29",
            "1 days 2026-11-24",
            "2026-11-24T06:30",
            "2026-11-25T06:30",
        ),
    ],
)
def test_a_window_is_that_of_the_calendar(period: Period, at: str, id: str, start: str, end: str) -> None:
    assert period.window(us(at)) == Window(id, us(start), us(end))


def test_a_lifetime_has_one_window() -> None:
    assert Period().window(5) is LIFETIME


def test_midnight_is_that_of_the_zone() -> None:
    window = Period("day", "Asia/Kathmandu").window(us("2026-11-25T18:30"))
    assert window == Window("day 2026-11-26", us("2026-11-25T18:15"), us("2026-11-26T18:15"))


@pytest.mark.parametrize(("date", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_day_is_as_long_as_the_clocks_make_it(date: str, hours: int) -> None:
    window = Period("day", "Europe/Berlin").window(us(date + "T12:00"))
    assert window.end_us is not None
    assert window.end_us - window.start_us == hours * HOUR


def test_a_midnight_that_is_left_out_is_where_the_clock_jumped() -> None:
    # Sao Paulo, 2018-11-04: after 23:59 came 01:00.
    window = Period("day", "America/Sao_Paulo").window(us("2018-11-04T12:00"))
    assert window.start_us == us("2018-11-04T03:00")
    assert window.end_us == us("2018-11-05T02:00")


def test_an_hour_that_comes_twice_belongs_to_the_day_that_it_repeats() -> None:
    # Sao Paulo, 2018-02-18: 00:00 was put back to 23:00 of the 17th, whose last hour came twice.
    window = Period("day", "America/Sao_Paulo").window(us("2018-02-18T02:30"))
    assert window == Window("day 2018-02-17", us("2018-02-17T02:00"), us("2018-02-18T03:00"))


def test_a_midnight_that_comes_twice_is_the_first() -> None:
    # Havana, 2025-11-02: 01:00 was put back to 00:00.
    period = Period("day", "America/Havana")
    for minute in ("04:30", "05:30"):  # 00:30 before, and after
        assert period.window(us(f"2025-11-02T{minute}")).start_us == us("2025-11-02T04:00")


def test_a_day_that_was_left_out_has_no_window() -> None:
    # Samoa went from the 29th of December 2011 to the 31st.
    before = Period("day", "Pacific/Apia").window(us("2011-12-30T09:59"))
    after = Period("day", "Pacific/Apia").window(us("2011-12-30T10:00"))
    assert (before.id, after.id) == ("day 2011-12-29", "day 2011-12-31")
    assert before.end_us == after.start_us == us("2011-12-30T10:00")


DAILY = Period("days", "Europe/Berlin", days=1, anchor_us=us("2026-01-01T01:30"))  # at 02:30


def test_a_beginning_that_is_left_out_comes_as_much_later() -> None:
    # Berlin, 2026-03-29: after 01:59 came 03:00.
    before = DAILY.window(us("2026-03-29T01:10"))
    assert before == Window("1 days 2026-03-28", us("2026-03-28T01:30"), us("2026-03-29T01:30"))


def test_a_beginning_that_comes_twice_is_the_first() -> None:
    # Berlin, 2026-10-25: 03:00 was put back to 02:00.
    after = DAILY.window(us("2026-10-25T01:10"))
    assert after == Window("1 days 2026-10-25", us("2026-10-25T00:30"), us("2026-10-26T01:30"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Period("day", "Mars/Olympus"), "no time zone is known as 'Mars/Olympus'"),
        (lambda: Period("day", "../etc/passwd"), "no time zone"),
        (lambda: Period("day", "Europe"), "no time zone"),
        (lambda: Period("week", first_day=7), "not 7"),
        (lambda: Period("days"), "not every 0"),
        (lambda: Period("days", days=366), "not every 366"),
    ],
)
def test_what_cannot_be_is_told(make: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()  # type: ignore[operator]


@given(
    at_us=st.integers(0, us("2100-01-01")),
    unit=st.sampled_from(["day", "week", "month", "days"]),
    zone=st.sampled_from(ZONES),
    first_day=st.integers(0, 6),
    days=st.integers(1, 365),
    anchor_us=st.integers(0, us("2040-01-01")),
)
@example(us("2011-12-30T10:00"), "week", "Pacific/Apia", 4, 1, 0)
def test_windows_tile_the_time(at_us: int, unit: Unit, zone: str, first_day: int, days: int, anchor_us: int) -> None:
    period = Period(unit, zone, first_day, days, anchor_us)
    window = period.window(at_us)
    assert window.end_us is not None
    assert window.start_us <= at_us < window.end_us
    assert period.window(window.start_us) == window
    assert period.window(window.end_us - 1) == window
    after = period.window(window.end_us)
    assert after.start_us == window.end_us
    assert after.id != window.id


@pytest.mark.parametrize("at_us", [-1, -(2**62), 2**62])
def test_a_broken_clock_finds_a_window_all_the_same(at_us: int) -> None:
    window = Period("month", "America/New_York").window(at_us)
    assert window.end_us is not None
    assert window.end_us > window.start_us
