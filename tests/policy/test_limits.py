"""policy/limits: what is limited, and how the caller is told."""

from __future__ import annotations

import pytest

from lockgate.core.limits import RateLimit
from lockgate.policy.limits import SECOND_US, UNITS, Denial, Limit, Reading, duration, headers, limit_of, tightest


def limit(dimension: str = "requests", value: int = 60, window_us: int = UNITS["rpm"], **more: object) -> Limit:
    return Limit("key", "k1", dimension, value, window_us, **more)  # pyright: ignore


class TestLimits:
    def test_a_limit_lets_all_of_its_value_pass_at_once_unless_said_otherwise(self):
        assert limit().burst == 60
        assert limit().rate.room(0) == 60
        assert limit(burst=5).rate.room(0) == 5

    def test_a_limit_whose_value_is_changed_is_the_same_counter(self):
        assert limit(value=60).tag == limit(value=90).tag

    def test_limits_of_others_other_windows_rules_and_tenants_are_other_counters(self):
        several = [
            limit(),
            limit("tokens"),
            limit(window_us=UNITS["rph"]),
            limit(rule="r2"),
            limit(tenant="t2"),
            Limit("workspace", "k1", "requests", 60),
            Limit("key", "k\ud800", "requests", 60),
        ]
        assert len({each.tag for each in several}) == len(several)

    def test_words_that_run_into_each_other_are_told_apart(self):
        assert Limit("key", "a", "requests", 1, tenant="b").tag != Limit("key", "ab", "requests", 1).tag

    @pytest.mark.parametrize("value", [0, -1, 10**15])
    def test_a_senseless_number_is_refused(self, value: int):
        with pytest.raises(ValueError):
            limit(value=value)

    def test_a_limit_says_what_it_is(self):
        assert repr(limit()) == "Limit(key k1: 60 requests a minute)"
        assert limit("tokens", 5, 1_500_000).text() == "5 tokens in 1.5 s"
        assert limit("concurrent", 5).text() == "5 requests at the same time"
        assert [limit(window_us=each).text().split()[-1] for each in UNITS.values()] == [
            "second",
            "minute",
            "hour",
            "day",
            "week",
        ]

    def test_a_limit_is_read_as_it_is_said_of_a_key(self):
        said = RateLimit("tokens", 5000, "rph")
        assert limit_of(said, "key", "k1", rule="r", tenant="t") == limit("tokens", 5000, UNITS["rph"], rule="r", tenant="t")
        assert limit_of(RateLimit("concurrent", 5), "key", "k1") == limit("concurrent", 5)
        with pytest.raises(ValueError):
            limit_of(RateLimit("requests", 0), "key", "k1")


class TestDenials:
    def test_the_caller_learns_who_is_limited_to_what_and_when_to_come_back(self):
        refusal = Denial(limit(rule="r7"), 1_200_001).refusal()
        assert (refusal.status, refusal.code) == (429, "api_key_rate_limit_error")
        assert refusal.message == "This key may make 60 requests a minute; try again in 2 s."
        assert (refusal.scope, refusal.rule, refusal.retry_after) == ("key:k1", "r7", 2.0)

    def test_nobody_is_sent_away_for_less_than_a_second(self):
        assert Denial(limit(), 1).refusal().retry_after == 1.0

    def test_a_request_larger_than_the_limit_is_not_told_to_come_back(self):
        refusal = Denial(limit("tokens", 100), None, 500).refusal()
        assert refusal.retry_after is None
        assert refusal.message == (
            "This key may use 100 tokens a minute; this request may take 500. Ask for fewer, or have the limit raised."
        )
        assert refusal.rule == "tokens"


class TestHeaders:
    def test_headers_are_openais(self):
        found = headers([Reading(limit(), 59, SECOND_US), Reading(limit("tokens", 150_000), 149_984, 6_000)])
        assert found == [
            (b"x-ratelimit-limit-requests", b"60"),
            (b"x-ratelimit-remaining-requests", b"59"),
            (b"x-ratelimit-reset-requests", b"1s"),
            (b"x-ratelimit-limit-tokens", b"150000"),
            (b"x-ratelimit-remaining-tokens", b"149984"),
            (b"x-ratelimit-reset-tokens", b"6ms"),
        ]

    def test_the_limit_of_which_least_is_left_speaks(self):
        minute, hour = limit(), limit(value=1000, window_us=UNITS["rph"])
        assert tightest([Reading(minute, 10, 5), Reading(hour, 3, 9)])["requests"].limit is hour
        assert tightest([Reading(minute, 3, 5), Reading(hour, 3, 9)])["requests"].limit is hour
        assert tightest([Reading(hour, 3, 9), Reading(minute, 3, 5)])["requests"].limit is hour

    def test_what_runs_at_once_has_no_header(self):
        assert headers([Reading(limit("concurrent", 5), 3, 0)]) == []

    @pytest.mark.parametrize(
        ("us", "text"),
        [
            (0, "0ms"),
            (1, "1ms"),
            (17_000, "17ms"),
            (999_001, "1s"),
            (1_000_000, "1s"),
            (8_640_000, "8.64s"),
            (60_000_000, "1m0s"),
            (360_000_000, "6m0s"),
            (5_400_000_000, "1h30m0s"),
            (604_800_000_000, "168h0m0s"),
        ],
    )
    def test_times_are_written_as_openai_does(self, us: int, text: str):
        assert duration(us) == text
