import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Failure
from lockgate.policy.balance import Draw, Sticky, Turns
from lockgate.policy.condition import compile_query
from lockgate.policy.facts import MISSING, read_path
from lockgate.policy.forecast import Foreseen, eager, odds_of, percent, ways
from lockgate.policy.tree import Balance, Choice, Fallback, Leaf, Rule, Trigger, Walk, leaves

DOWN = Failure("server", 500, "down", body=b"{}")
LIMITED = Failure("rate_limit", 429, "slow down", body=b"{}")


class Known:
    """Health and facts that a test says."""

    def __init__(self, out=(), loads=(), **facts):
        self.outs, self.loads, self.facts = set(out), dict(loads), facts

    def out(self, leaf):
        return "parked" if leaf.path in self.outs else ""

    def load(self, leaf, method):
        return self.loads[leaf.path]

    def find(self, name, key=""):
        return self.facts.get(key or name, MISSING)


def draws(*weights, **more):
    return Draw(tuple(map(float, weights)), **more)


def odds(draw, left=(), loads=None, **facts):
    return odds_of(draw, sum(1 << n for n in left), loads, Known(**facts), 0.0)


def tree(*children, weights=None, path="b", trigger=None, **more):
    below = tuple(Leaf(each, n) if isinstance(each, str) else each for n, each in enumerate(children))
    return Balance(path, below, draws(*(weights or [1] * len(below)), **more), trigger)


def numbered(root):
    count = iter(range(1000))

    def again(node):
        if isinstance(node, Leaf):
            return Leaf(node.path, next(count))
        parts = {name: getattr(node, name) for name in node.__struct_fields__}
        return type(node)(**{**parts, "children": tuple(again(child) for child in node.children)})

    return again(root)


def all_ways(root, known=None, failures=(), *, most=1000, is_known=True):
    """The leaves that each way comes to, with its odds."""
    root, known = numbered(root), known or Known()

    def go(script):
        walk = Foreseen(root, known, known, 0.0, script, known=is_known)
        found = walk.first()
        paths = [] if found is None else [found.path]
        for failure in failures:
            if (found := walk.after(failure)) is None:
                break
            paths.append(found.path)
        return tuple(paths), walk

    return ways(go, most)


def summed(found):
    total = Counter()
    for odd, paths in found:
        total[paths] += odd
    return {paths: pytest.approx(odd) for paths, odd in total.items()}


class TestOdds:
    def test_by_weight(self):
        assert odds(draws(1, 3, 0)) == ([(1, 0.75), (0, 0.25)], "by weight")

    def test_what_is_left_behind_has_none(self):
        assert odds(draws(1, 3, 4), left=[1]) == ([(2, 0.8), (0, 0.2)], "by weight")
        assert odds(draws(1, 0), left=[0]) == ([], "")

    def test_a_turn_is_a_share_and_none_is_taken(self):
        turns = Turns([0.0, 0.0])
        assert odds(draws(1, 3, method="round_robin", turns=turns)) == ([(1, 0.75), (0, 0.25)], "in turn")
        assert turns.credit == [0.0, 0.0]

    def test_a_caller_that_is_known_gets_what_it_always_gets(self):
        draw = draws(1, 1, 1, sticky=Sticky((read_path("metadata.user", "x"),), 60.0), salt="s")
        ((at, odd),), why = odds(draw, user="me")
        assert (at, odd) == (draw.pick(0, None, Known(user="me"), random.random, 0.0)[0], 1.0)
        assert why == "the one of callers like this"
        assert len(odds(draw)[0]) == 3

    def test_the_best_of_all_and_equals_by_weight(self):
        assert odds(draws(1, 1, 3, method="cost"), loads=[2, 1, 1]) == ([(2, 0.75), (1, 0.25)], "the cheapest")
        assert odds(draws(1, 1, method="least_busy"), loads=[2, 1])[1] == "the least busy"

    def test_nobody_knows_the_loads(self):
        assert odds(draws(1, 3, method="latency")) == ([(1, 0.75), (0, 0.25)], "by weight")

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 3.0]), st.sampled_from([0.0, 1.0, 2.0])), min_size=1, max_size=5))
    def test_the_better_of_two_is_what_drawing_two_comes_to(self, children):
        weights = [weight for weight, _ in children]
        loads = [load for _, load in children]
        expected = [0.0] * len(children)
        total = sum(weights)
        for one, first in enumerate(weights):
            others = total - first
            for other, second in enumerate(weights):
                if first and second and other != one:
                    expected[other if loads[other] < loads[one] else one] += first / total * second / others
            if first and not others:
                expected[one] = 1.0
        found, _ = odds(draws(*weights, method="latency"), loads=loads)
        assert dict(found) == {n: pytest.approx(odd) for n, odd in enumerate(expected) if odd}


class TestWays:
    def test_a_leaf_is_one_way(self):
        assert all_ways(Leaf("a", 0)) == ([(1.0, ("a",))], 0.0)

    def test_each_child_of_a_balance_is_a_way_the_likeliest_first(self):
        assert all_ways(tree("a", "b", weights=[1, 3]))[0] == [(0.75, ("b",)), (0.25, ("a",))]

    def test_a_way_is_worth_the_product_of_its_draws(self):
        inner = tree("a", "b", weights=[1, 3], path="i")
        found, rest = all_ways(tree(inner, "c", weights=[1, 1]))
        assert summed(found) == {("a",): 0.125, ("b",): 0.375, ("c",): 0.5}
        assert rest == 0

    def test_what_is_drawn_in_place_of_one_that_failed_is_foreseen(self):
        found, _ = all_ways(tree("a", "b", "c", weights=[2, 1, 1], trigger=Trigger()), failures=[DOWN, DOWN])
        assert summed(found)["a", "b", "c"] == 0.25
        assert sum(odd for odd, _ in found) == pytest.approx(1)
        assert len(found) == 6

    def test_what_is_out_is_drawn_over(self):
        found, _ = all_ways(tree("a", "b", "c"), Known(out=["a"]))
        assert summed(found) == {("b",): 0.5, ("c",): 0.5}

    def test_where_all_are_out_the_second_round_is_foreseen_too(self):
        found, _ = all_ways(tree("a", "b", weights=[1, 3]), Known(out=["a", "b"]))
        assert summed(found) == {("a",): 0.25, ("b",): 0.75}

    def test_those_beyond_the_bound_are_the_rest(self):
        found, rest = all_ways(tree(*"abcdef", weights=[5, 1, 1, 1, 1, 1]), most=2)
        assert [odd for odd, _ in found] == [0.5, 0.1]
        assert rest == pytest.approx(0.4)

    def test_loads_count_where_they_are_known_and_prices_always_are(self):
        busy, dear = tree("a", "b", method="least_busy"), tree("a", "b", method="cost")
        known = Known(loads={"a": 2, "b": 1})
        assert summed(all_ways(busy, known)[0]) == {("b",): 1.0}
        assert summed(all_ways(busy, known, is_known=False)[0]) == {("a",): 0.5, ("b",): 0.5}
        assert summed(all_ways(dear, known, is_known=False)[0]) == {("b",): 1.0}

    def test_the_decisions_tell_the_odds(self):
        known = Known()
        walk = Foreseen(numbered(tree("a", "b", weights=[1, 2])), known, known, 0.0, (0,))
        assert walk.first().path == "a"
        assert [(each.what, each.why) for each in walk.decisions] == [("drawn", "by weight: 33.3%"), ("chosen", "")]
        assert walk.odds == pytest.approx(1 / 3)

    @settings(deadline=None, max_examples=30)
    @given(
        st.recursive(st.just("leaf"), lambda below: st.lists(below, min_size=1, max_size=3), max_leaves=6), st.integers(0, 9)
    )
    def test_they_are_what_many_walks_come_to(self, shape, seed):
        def build(shape, path="t"):
            if shape == "leaf":
                return Leaf(path, 0)
            below = [build(each, f"{path}.{n}") for n, each in enumerate(shape)]
            if len(path) % 4 == 1:
                return Fallback(path, tuple(below), Trigger())
            return tree(*below, weights=[n + 1 for n in range(len(below))], path=path, trigger=Trigger(frozenset({500})))

        root, known = numbered(build(shape)), Known()
        foreseen = summed(all_ways(root, failures=[DOWN])[0])
        chance, times, seen = random.Random(seed).random, 400, Counter()
        for _ in range(times):
            walk = Walk(root, known, known, chance, 0.0)
            paths = [walk.first(), walk.after(DOWN)]
            seen[tuple(each.path for each in paths if each)] += 1
        assert seen.keys() <= foreseen.keys()
        for paths, odd in foreseen.items():
            sigma = (times * odd.expected * (1 - odd.expected)) ** 0.5
            assert abs(seen[paths] - times * odd.expected) <= 5 * sigma + 1


class TestEager:
    def test_it_goes_on_after_every_failure(self):
        root = Fallback("f", (Leaf("a", 0), tree("b", "c", trigger=Trigger(frozenset({429})))), Trigger(frozenset({500})))
        assert summed(all_ways(eager(root), failures=[LIMITED, DOWN])[0]) == {("a", "b", "c"): 0.5, ("a", "c", "b"): 0.5}

    def test_what_draws_once_still_does(self):
        assert summed(all_ways(eager(tree("a", "b")), failures=[DOWN])[0]) == {("a",): 0.5, ("b",): 0.5}

    def test_a_choice_stays_one_and_leaves_stay_themselves(self):
        first, second = Leaf("a", 0), Leaf("b", 1)
        root = Choice("c", (first, second), (Rule(compile_query({"model": "x"}, "q"), 0),), 1)
        assert list(leaves(eager(root))) == [first, second]
        assert summed(all_ways(eager(root), Known(model="x"), failures=[DOWN])[0]) == {("a",): 1.0}


@pytest.mark.parametrize(("odd", "said"), [(1.0, "100%"), (0.7, "70%"), (1 / 3, "33.3%"), (0.0012, "0.12%")])
def test_odds_for_people(odd, said):
    assert percent(odd) == said
