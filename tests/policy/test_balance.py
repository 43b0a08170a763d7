import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.balance import MOST_MOVED, Draw, Moved, Sticky, Turns
from lockgate.policy.facts import MISSING, read_path


class Said:
    def __init__(self, **facts):
        self.facts = facts

    def find(self, name, key=""):
        return self.facts.get(key or name, MISSING)


def pick(draw, left=(), loads=None, facts=None, chance=0.0, now=0.0):
    drawn = draw.pick(sum(1 << n for n in left), loads, facts or Said(), chance if callable(chance) else lambda: chance, now)
    return drawn and drawn[0]


def draws(weights, method="weighted", **more):
    return Draw(tuple(map(float, weights)), method, **more)


def sticky(ttl=3600.0, *fields):
    paths = tuple(read_path(field, "x") for field in fields or ("metadata.user",))
    return Sticky(paths, ttl)


@pytest.mark.parametrize(("chance", "at"), [(0.0, 0), (0.24, 0), (0.26, 1), (0.999999, 1)])
def test_by_weight(chance, at):
    assert pick(draws([1, 3]), chance=chance) == at


def test_what_rounding_leaves_over_is_the_last_ones():
    assert pick(draws([0.1, 0.1, 0]), chance=1.0) == 1


def test_those_left_behind_and_those_without_weight_are_not_drawn():
    assert pick(draws([1, 1, 0]), left=[0], chance=0.9) == 1
    assert pick(draws([1, 1, 0]), left=[0, 1]) is None


def test_turns_are_in_proportion_and_not_in_a_row():
    draw = draws([3, 1], "round_robin", turns=Turns([0.0, 0.0]))
    assert [pick(draw) for _ in range(8)] == [0, 0, 1, 0, 0, 0, 1, 0]


def test_a_turn_passes_over_those_left_behind():
    draw = draws([1, 1, 1], "round_robin", turns=Turns([0.0, 0.0, 0.0]))
    assert [pick(draw, left=[1]) for _ in range(4)] == [0, 2, 0, 2]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_a_whole_round_of_turns_is_exact(weights):
    draw = draws(weights, "round_robin", turns=Turns([0.0] * len(weights)))
    seen = Counter(pick(draw) for _ in range(sum(weights)))
    assert [seen[n] for n in range(len(weights))] == weights


@pytest.mark.parametrize("method", ["least_busy", "cost"])
def test_the_best_is_taken(method):
    assert pick(draws([1, 1, 1], method), loads=[3, 1, 2]) == 1
    assert pick(draws([1, 0, 1], method), loads=[3, 1, 2]) == 2
    assert pick(draws([1, 1, 1], method), loads=[1, 3, 1], chance=0.9) == 2  # a tie is drawn


@pytest.mark.parametrize("method", ["latency", "quota"])
def test_the_better_of_two_is_taken(method):
    draw = draws([1, 1, 1], method)
    order = iter([0.0, 0.9])
    assert pick(draw, loads=[5, 1, 2], chance=lambda: next(order)) == 2
    order = iter([0.0, 0.9])
    assert pick(draw, loads=[2, 1, 5], chance=lambda: next(order)) == 0
    assert pick(draws([1, 0], method), loads=[9, 1]) == 0


def test_the_same_caller_gets_the_same_child():
    draw = draws([1, 1, 1], sticky=sticky(), salt="config")
    by_user = {user: pick(draw, facts=Said(user=user)) for user in map(str, range(50))}
    assert set(by_user.values()) == {0, 1, 2}
    for user, at in by_user.items():
        assert pick(draw, facts=Said(user=user), chance=0.99, now=1.0) == at


def test_only_the_callers_of_one_that_is_out_move_and_they_come_back():
    draw = draws([1, 1, 1], sticky=sticky(), salt="config")
    for user in map(str, range(50)):
        facts = Said(user=user)
        at = pick(draw, facts=facts)
        for out in range(3):
            elsewhere = pick(draw, left=[out], facts=facts)
            assert elsewhere == at if at != out else elsewhere != out


def test_sticky_callers_are_spread_by_weight():
    draw = draws([3, 1], sticky=sticky(), salt="config")
    seen = Counter(pick(draw, facts=Said(user=str(n))) for n in range(4000))
    assert abs(seen[0] - 3000) < 3 * (4000 * 0.75 * 0.25) ** 0.5


def test_after_its_time_a_caller_is_drawn_anew_and_not_all_at_once():
    draw = draws([1, 1], sticky=sticky(60.0), salt="config")

    def moved(start, end):
        return [
            n
            for n in range(400)
            if pick(draw, facts=Said(user=str(n)), now=start) != pick(draw, facts=Said(user=str(n)), now=end)
        ]

    assert 0 < len(moved(1000.0, 1006.0)) < 60
    assert 100 < len(moved(1000.0, 1060.0)) < 300


def test_a_caller_of_whom_nothing_is_said_is_drawn_by_weight():
    draw = draws([1, 1], sticky=sticky(60.0, "metadata.user", "metadata.team"))
    assert {pick(draw, chance=chance) for chance in (0.1, 0.9)} == {0, 1}
    assert len({pick(draw, facts=Said(team="red"), chance=chance) for chance in (0.1, 0.9)}) == 1


def test_two_balances_place_callers_apart():
    one, other = draws([1, 1], sticky=sticky(), salt="a"), draws([1, 1], sticky=sticky(), salt="b")
    users = [Said(user=str(n)) for n in range(100)]
    assert any(pick(one, facts=user) != pick(other, facts=user) for user in users)


def test_chance_is_passed_in():
    chance = random.Random(1).random
    seen = Counter(pick(draws([1, 1]), chance=chance) for _ in range(1000))
    assert abs(seen[0] - 500) < 3 * 250**0.5


def conversation(ttl=300.0):
    return Sticky((read_path("conversation", "x"),), ttl, Moved())


def test_a_conversation_stays_at_home_for_as_long_as_it_lasts():
    draw = draws([1, 1, 1], sticky=conversation(), salt="config")
    asked = Said(conversation="c1")
    assert len({pick(draw, facts=asked, now=float(now)) for now in range(0, 100_000, 250)}) == 1


def test_conversations_are_spread_by_weight():
    draw = draws([3, 1], sticky=conversation(), salt="config")
    homes = Counter(pick(draw, facts=Said(conversation=f"c{n}")) for n in range(2000))
    assert 0.7 < homes[0] / 2000 < 0.8


def test_a_conversation_that_had_to_move_stays_where_its_cache_is_warm():
    draw = draws([1, 1, 1], sticky=conversation(300), salt="config")
    asked = Said(conversation="c1")
    home = pick(draw, facts=asked)
    away = pick(draw, left=[home], facts=asked)
    assert [pick(draw, facts=asked, now=now) for now in (299.0, 598.0, 897.0)] == [away] * 3
    assert pick(draw, facts=asked, now=1198.0) == home


def test_it_moves_on_when_that_one_is_out_too():
    draw = draws([1, 1, 1], sticky=conversation(), salt="config")
    asked = Said(conversation="c1")
    home = pick(draw, facts=asked)
    away = pick(draw, left=[home], facts=asked)
    (third,) = {0, 1, 2} - {home, away}
    assert pick(draw, left=[home, away], facts=asked) == third
    assert pick(draw, facts=asked) == third
    assert pick(draw, left=[third], facts=asked) == home
    assert draw.sticky.moved.seats == {}


def test_only_those_away_from_home_are_remembered_and_not_without_end():
    moved = Moved()
    for n in range(MOST_MOVED + 10):
        moved.sits(b"%d" % n, 1, 0, float(n))
        moved.sits(b"home%d" % n, 0, 0, float(n))
        moved.sits(b"0", 1, 0, float(n))  # it goes on
    assert len(moved.seats) == MOST_MOVED
    assert b"0" in moved.seats
    assert b"1" not in moved.seats


def test_what_would_be_drawn_is_not_remembered():
    draw = draws([1, 1], sticky=conversation(), salt="config")
    asked = Said(conversation="c1")
    home = draw.stuck(0, asked, 0.0)
    assert draw.stuck(1 << home, asked, 0.0) == 1 - home
    assert pick(draw, facts=asked) == home


def test_a_request_of_no_conversation_is_drawn_by_weight():
    draw = draws([1, 3], sticky=conversation(), salt="config")
    assert draw.stuck(0, Said(), 0.0) is None
    assert [pick(draw, chance=chance) for chance in (0.0, 0.5)] == [0, 1]
