"""policy/allotment: what a machine has in hand of a limit that several share."""

from __future__ import annotations

from lockgate.policy.allotment import (
    ALLOTMENT_WORDS,
    LEFT,
    SOON_US,
    UNTIL,
    denies,
    deny,
    is_low,
    left,
    life_us,
    more,
    put,
    restore,
    retire,
    room,
    see,
)
from lockgate.policy.gcra import rate_of

SECOND = 1_000_000


def empty() -> list[int]:
    return [0] * ALLOTMENT_WORDS


def test_what_is_in_hand_is_so_until_its_time_is_over():
    words = empty()
    assert left(words, 0, 0) == 0
    assert put(words, 0, 10, 7, 100, 0, False) is None
    assert (left(words, 0, 99), left(words, 0, 100)) == (10, 0)


def test_what_comes_to_what_is_there_lasts_no_longer_than_either():
    words = empty()
    put(words, 0, 10, 7, 100, 0, False)
    assert put(words, 0, 5, 7, 200, 50, False) is None
    assert (words[LEFT], words[UNTIL]) == (15, 100)
    assert put(words, 0, 5, 7, 80, 50, False) is None
    assert words[UNTIL] == 80


def test_what_expired_is_told_when_more_comes():
    words = empty()
    put(words, 0, 10, 7, 100, 0, False)
    words[LEFT] -= 4
    assert put(words, 0, 5, 7, 200, 100, False) == (7, 10, 4)
    assert left(words, 0, 150) == 5


def test_units_of_two_terms_are_not_mixed():
    words = empty()
    put(words, 0, 10, 7, 100, 0, False)
    assert put(words, 0, 5, 8, 200, 50, False) == (7, 10, 0)
    assert (words[LEFT], words[UNTIL]) == (5, 200)


def test_of_what_is_settled_one_by_one_only_the_rest_is_told():
    words = empty()
    put(words, 0, 10, 7, 100, 0, True)
    words[LEFT] -= 4
    assert retire(words, 0, True) == (7, 6, 0)
    assert retire(words, 0, True) is None
    assert retire(words, 0, False) is None


def test_what_a_grant_has_not_used_is_in_hand_again_while_it_lasts():
    words = empty()
    put(words, 0, 10, 7, 100, 0, True)
    words[LEFT] -= 10
    assert restore(words, 0, 4, 7, 100, 99)
    assert left(words, 0, 99) == 4
    assert not restore(words, 0, 4, 7, 100, 100)
    put(words, 0, 10, 7, 300, 200, True)
    assert not restore(words, 0, 4, 7, 100, 99)
    assert not restore(words, 0, 4, 6, 300, 250)
    assert left(words, 0, 250) == 10


def test_a_denial_is_repeated_for_a_moment_to_those_who_need_as_much():
    words = empty()
    assert denies(words, 0, 1, 0) == 0
    deny(words, 0, 100, 5 * SECOND, 0)
    assert denies(words, 0, 100, 50_000) == 5 * SECOND - 50_000
    assert denies(words, 0, 99, 50_000) == 0
    assert denies(words, 0, 100, 100_000) == 0
    deny(words, 0, 1, 10, 0)
    assert (denies(words, 0, 1, 9), denies(words, 0, 1, 10)) == (1, 0)


def test_one_asks_for_more_the_more_was_used():
    words = empty()
    assert more(words, 0, 1) == 4
    assert more(words, 0, 500) == 2000
    put(words, 0, 100, 7, 100, 0, False)
    assert not is_low(words, 0)
    words[LEFT] = 49
    assert is_low(words, 0)
    assert more(words, 0, 1) == 102


def test_an_allotment_lasts_a_part_of_the_burst_within_bounds():
    assert life_us(rate_of(60, 60 * SECOND, 60)) == 937_500
    assert life_us(rate_of(60, SECOND, 60)) == SOON_US
    assert life_us(rate_of(1000, 86_400 * SECOND, 1000)) == 10 * SECOND


def test_what_is_left_is_what_was_last_seen_and_what_is_in_hand():
    words, rate = empty(), rate_of(60, 60 * SECOND, 60)
    see(words, 0, 20 * SECOND, 123, 5 * SECOND)
    put(words, 0, 10, 7, 100 * SECOND, 0, False)
    assert room(words, 0, rate, 15 * SECOND) == (50 + 10, 10 * SECOND)
    assert room(words, 0, rate, 60 * SECOND) == (60, 0)
