"""policy/concurrency: places that are lent, and come back by themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.concurrency import RING_WORDS, give_back, lend, running, width_us

TTL = 60_000_000


def ring() -> list[int]:
    return [0] * RING_WORDS


def test_places_are_counted_until_they_are_given_back():
    words = ring()
    first, second = lend(words, 0, TTL, 0), lend(words, 0, TTL, 1_000_000)
    assert running(words, 0, TTL, 1_000_000) == 2
    assert give_back(words, 0, first)
    assert running(words, 0, TTL, 1_000_000) == 1
    assert give_back(words, 0, second)
    assert running(words, 0, TTL, 1_000_000) == 0


def test_a_place_that_nobody_gives_back_is_free_after_its_time():
    words = ring()
    group = lend(words, 0, TTL, 5_000_000)
    assert running(words, 0, TTL, 5_000_000 + TTL) == 1
    assert running(words, 0, TTL, 5_000_000 + TTL + width_us(TTL)) == 0
    lend(words, 0, TTL, 5_000_000 + 8 * width_us(TTL))
    assert not give_back(words, 0, group)
    assert running(words, 0, TTL, 5_000_000 + 8 * width_us(TTL)) == 1


def test_a_place_is_given_back_once():
    words = ring()
    group = lend(words, 0, TTL, 0)
    assert give_back(words, 0, group)
    assert not give_back(words, 0, group)


def test_places_from_before_the_clock_was_set_back_are_not_counted():
    words = ring()
    lend(words, 0, TTL, 7_200_000_000)
    assert running(words, 0, TTL, 0) == 0


@given(st.lists(st.tuples(st.integers(0, 20_000_000), st.integers(1, 90_000_000)), max_size=60))
def test_it_counts_what_a_list_of_all_places_counts(steps: list[tuple[int, int]]):
    """Against the plain way: no place less than those whose time is not over, none that ended or is over by a width."""
    words, now, places = ring(), 0, []
    for gap, lasts in steps:
        now += gap
        for place in [place for place in places if place[1] <= now]:
            give_back(words, 0, place[2])
            places.remove(place)
        count = running(words, 0, TTL, now)
        assert sum(now <= begun + TTL for begun, _, _ in places) <= count
        assert count <= sum(now < begun + TTL + width_us(TTL) for begun, _, _ in places)
        places.append((now, now + lasts, lend(words, 0, TTL, now)))
