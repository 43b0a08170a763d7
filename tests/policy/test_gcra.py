"""policy/gcra: a debt that drains, and what is settled afterwards."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.policy.gcra import CELL_WORDS, HELD, SKEW_US, STAMP, TERM, Rate, charge, debt, hold, rate_of, settle

MINUTE = 60_000_000


def cell() -> list[int]:
    return [0] * CELL_WORDS


def take(words: list[int], rate: Rate, now: int, units: int = 1) -> bool:
    owed = debt(words, 0, rate, now)
    if rate.wait_us(owed, units):
        return False
    charge(words, 0, rate, now, owed, units)
    return True


def reserve(words: list[int], rate: Rate, now: int, units: int) -> int | None:
    owed = debt(words, 0, rate, now)
    return None if rate.wait_us(owed, units) else hold(words, 0, rate, now, owed, units)


def most(admitted: list[tuple[int, int]], value: int, window_us: int, burst: int) -> int:
    """How much more was admitted in the worst of all intervals than may be, times `window_us`. O(n²), exact."""
    worst = 0
    for first, (begin, _) in enumerate(admitted):
        above = -burst * window_us + begin * value
        for at, units in admitted[first:]:
            above += units * window_us
            worst = max(worst, above - value * at)
    return worst


class TestRates:
    def test_a_burst_is_admitted_at_once_and_not_one_more(self):
        for value in (1, 2, 3, 7, 60, 77, 1000, 999_983):
            words, rate = cell(), rate_of(value, MINUTE, value)
            admitted = sum(take(words, rate, 0) for _ in range(min(value, 1500) + 1))
            assert admitted == min(value, 1501)

    def test_after_the_burst_one_comes_back_at_a_time(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        assert take(words, rate, 0, 60)
        assert not take(words, rate, 999_999)
        assert take(words, rate, 1_000_000)
        assert not take(words, rate, 1_999_999)

    def test_the_wait_it_names_is_exactly_long_enough(self):
        words, rate = cell(), rate_of(7, 1_000_000, 7)
        assert take(words, rate, 0, 7)
        wait = rate.wait_us(debt(words, 0, rate, 0), 3)
        assert not take(words, rate, wait - 1, 3)
        assert take(words, rate, wait, 3)

    @pytest.mark.parametrize("value", [1, 3, 7, 59, 11_000_000, 1_000_003, 999_999_937, 10**11])
    @pytest.mark.parametrize("window_us", [1_000_000, MINUTE, 604_800_000_000])
    def test_a_limit_is_never_faster_than_it_says_and_a_ten_thousandth_slower_at_most(self, value: int, window_us: int):
        rate = rate_of(value, window_us, 1)
        real = Fraction(rate.ticks * window_us, rate.unit)  # units that drain in a window
        assert value * Fraction(9999, 10_000) <= real <= value

    def test_a_share_is_that_part_of_rate_and_burst_and_of_one_unit_at_least(self):
        rate = rate_of(60, MINUTE, 60)
        words = cell()
        assert [take(words, rate.share(4), 0) for _ in range(16)] == [True] * 15 + [False]
        assert not take(words, rate.share(4), 3_999_999)
        assert take(words, rate.share(4), 4_000_000)
        assert rate_of(2, MINUTE, 2).share(4).room(0) == 1

    def test_room_and_drain_say_what_is_left(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        assert take(words, rate, 0, 20)
        owed = debt(words, 0, rate, 500_000)
        assert (rate.room(owed), rate.drains_us(owed)) == (40, 19_500_000)
        assert rate.room(rate.cap + 1) == 0

    @pytest.mark.parametrize("numbers", [(0, MINUTE, 1), (1, 0, 1), (1, MINUTE, 0), (10**12, MINUTE, 10**12)])
    def test_numbers_without_sense_are_refused(self, numbers: tuple[int, int, int]):
        with pytest.raises(ValueError):
            rate_of(*numbers)


class TestTheBound:
    @settings(max_examples=12, deadline=None)
    @given(
        value=st.sampled_from([1, 3, 7, 50, 60, 1009]),
        window_us=st.sampled_from([1_000_000, MINUTE]),
        burst_of=st.sampled_from([1, 2, 10]),
        gaps=st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 4)), min_size=500, max_size=500),
    )
    def test_in_no_interval_of_500_arrivals_is_more_admitted_than_burst_and_rate(
        self, value: int, window_us: int, burst_of: int, gaps: list[tuple[int, int]]
    ):
        burst = max(1, value // burst_of)
        words, rate = cell(), rate_of(value, window_us, burst)
        # Arrivals come about three times as fast as may be.
        pace = max(1, window_us // value // 1_500)
        now, admitted = 0, []
        for gap, units in gaps:
            now += gap * pace
            if take(words, rate, now, units + 1):
                admitted.append((now, units + 1))
        assert most(admitted, value, window_us, burst) <= 0

    @pytest.mark.parametrize(("value", "units"), [(7, 1), (1009, 1), (999_983, 997), (11_000_000, 8000)])
    def test_who_always_asks_gets_all_of_it(self, value: int, units: int):
        words, rate = cell(), rate_of(value, MINUTE, value)
        now, got = 0, 0
        while now < 2 * MINUTE:
            if take(words, rate, now, units):
                got += units
            else:
                now += rate.wait_us(debt(words, 0, rate, now), units)
        assert got >= 0.9999 * (value + value * now / MINUTE) - units

    @settings(max_examples=30, deadline=None)
    @given(data=st.data())
    def test_what_is_settled_for_less_never_lets_more_pass(self, data: st.DataObject):
        """Each request counts with what it used, when it was admitted; whatever is settled when, the bound holds."""
        value = data.draw(st.sampled_from([10, 37, 100]))
        words, rate = cell(), rate_of(value, 1_000_000, value)
        steps = data.draw(
            st.lists(
                st.tuples(st.integers(0, 400_000), st.integers(1, value), st.integers(0, 100), st.integers(0, 5)),
                min_size=30,
                max_size=120,
            )
        )
        now, under_way, admitted = 0, [], []
        for gap, units, percent, ends in steps:
            now += gap
            for _ in range(min(ends, len(under_way))):
                term, reserved, actual = under_way.pop(percent % len(under_way))
                settle(words, 0, rate, now, term, reserved, actual)
            if (term := reserve(words, rate, now, units)) is not None:
                admitted.append((now, units * percent // 100))
                under_way.append((term, units, units * percent // 100))
        assert most([each for each in admitted if each[1]], value, 1_000_000, value) <= 0


class TestSettling:
    def test_what_was_reserved_too_much_can_be_used_again(self):
        words, rate = cell(), rate_of(100, MINUTE, 100)
        term = reserve(words, rate, 0, 100)
        assert term is not None
        assert reserve(words, rate, 0, 1) is None
        settle(words, 0, rate, 0, term, 100, 40)
        assert rate.room(debt(words, 0, rate, 0)) == 60

    def test_what_was_used_above_the_reservation_is_a_debt_that_delays_others(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        term = reserve(words, rate, 0, 10)
        assert term is not None
        settle(words, 0, rate, 0, term, 10, 120)
        assert rate.wait_us(debt(words, 0, rate, 0), 1) == 61_000_000

    def test_a_refund_is_no_second_helping_of_what_has_drained(self):
        """100 reserved and drained, then 99 more: giving 100 back at that time would let 199 pass in a second."""
        words, rate = cell(), rate_of(100, 100_000_000, 100)
        first = reserve(words, rate, 0, 100)
        assert first is not None
        assert reserve(words, rate, 99_000_000, 99) is not None
        settle(words, 0, rate, 100_000_000, first, 100, 0)
        assert rate.room(debt(words, 0, rate, 100_000_000)) == 1

    def test_what_nobody_settles_is_forgotten_when_it_has_drained(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        assert reserve(words, rate, 0, 60) is not None
        term = reserve(words, rate, MINUTE, 50)
        assert term is not None
        assert words[HELD] == 50 * rate.unit
        settle(words, 0, rate, MINUTE, term, 50, 5)
        assert rate.room(debt(words, 0, rate, MINUTE)) == 55

    def test_who_settles_in_a_later_term_only_adds(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        late = reserve(words, rate, 0, 60)
        assert late is not None
        assert reserve(words, rate, MINUTE, 50) is not None
        settle(words, 0, rate, MINUTE, late, 60, 0)
        assert rate.room(debt(words, 0, rate, MINUTE)) == 10
        settle(words, 0, rate, MINUTE, late, 60, 65)
        assert rate.room(debt(words, 0, rate, MINUTE)) == 5

    def test_terms_differ_even_within_a_microsecond(self):
        words, rate = cell(), rate_of(10**9, 1_000_000, 10**9)
        first = reserve(words, rate, 5, 1)
        assert first is not None
        settle(words, 0, rate, 5, first, 1, 0)
        assert reserve(words, rate, 5, 1) == words[TERM] == first + 1


class TestClocks:
    def test_an_earlier_look_at_the_clock_drains_nothing_twice(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        assert take(words, rate, 10_000_000, 60)
        assert not take(words, rate, 10_000_000 - SKEW_US)
        assert words[STAMP] == 10_000_000
        assert not take(words, rate, 10_999_999)
        assert take(words, rate, 11_000_000)

    def test_a_clock_set_back_neither_frees_nor_blocks(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        hours = 7_200_000_000
        assert take(words, rate, hours, 60)
        assert not take(words, rate, 0)
        assert not take(words, rate, 999_999)
        assert take(words, rate, 1_000_000)

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 60_000), st.sampled_from([0, 0, 0, -7_200_000_000, 86_400])), min_size=100, max_size=200
        )
    )
    def test_however_often_the_clock_is_set_back_no_more_passes_than_time_does(self, steps: list[tuple[int, int]]):
        words, rate = cell(), rate_of(50, 1_000_000, 50)
        real, step, admitted = 10**13, 0, []
        for gap, change in steps:
            real += gap
            step += min(0, change)
            if take(words, rate, real + step, 3):
                admitted.append((real, 3))
        assert most(admitted, 50, 1_000_000, 50) <= 0


class TestChangedLimits:
    def test_what_was_used_stays_used(self):
        words = cell()
        old, new = rate_of(60, MINUTE, 60), rate_of(100, MINUTE, 100)
        assert take(words, old, 0, 50)
        assert new.room(debt(words, 0, new, 0)) == 50
        low = rate_of(10, MINUTE, 10)
        assert low.wait_us(debt(words, 0, low, 0), 1) == 41 * 6_000_000

    def test_a_reservation_is_settled_in_the_new_measure(self):
        words = cell()
        old, new = rate_of(60, MINUTE, 60), rate_of(120, MINUTE, 120)
        term = reserve(words, old, 0, 60)
        assert term is not None
        settle(words, 0, new, 0, term, 60, 20)
        assert new.room(debt(words, 0, new, 0)) == 100

    def test_a_cell_of_nobody_takes_any_measure(self):
        words, rate = cell(), rate_of(60, MINUTE, 60)
        settle(words, 0, rate, 0, 1, 5, 15)
        assert rate.room(debt(words, 0, rate, 0)) == 50
