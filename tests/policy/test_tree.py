import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Failure, Refusal
from lockgate.policy.balance import Draw, Turns
from lockgate.policy.condition import compile_query
from lockgate.policy.facts import MISSING
from lockgate.policy.tree import Balance, Choice, Fallback, Leaf, Rule, Trigger, Walk, leaves

DOWN = Failure("server", 500, "down", body=b"{}")
LIMITED = Failure("rate_limit", 429, "slow down", body=b"{}")
ALWAYS = Trigger()


class Known:
    """Health and facts that a test says."""

    def __init__(self, out=(), loads=(), **facts):
        self.outs = dict(out)
        self.loads = dict(loads)
        self.facts = facts
        self.asked = []

    def out(self, leaf):
        self.asked.append(leaf.path)
        return self.outs.get(leaf.path, "")

    def load(self, leaf, method):
        return self.loads[leaf.path]

    def find(self, name, key=""):
        return self.facts.get(f"{name}.{key}" if key else name, MISSING)


def leaf(path, number=0):
    return Leaf(path, number)


def numbered(root):
    """The tree with its leaves numbered from the left, as a compiler does it."""
    count = iter(range(1000))

    def walk(node):
        if isinstance(node, Leaf):
            return Leaf(node.path, next(count))
        kind = type(node)
        parts = {name: getattr(node, name) for name in node.__struct_fields__}
        return kind(**{**parts, "children": tuple(walk(child) for child in node.children)})

    return walk(root)


def fallback(*children, trigger=ALWAYS, path="f"):
    return Fallback(path, tuple(leaf(c) if isinstance(c, str) else c for c in children), trigger)


def balance(*children, weights=None, trigger=None, path="b", **more):
    children = tuple(leaf(c) if isinstance(c, str) else c for c in children)
    return Balance(path, children, Draw(tuple(weights or [1.0] * len(children)), **more), trigger)


def choice(rules, *children, default=None, path="c"):
    children = tuple(leaf(c) if isinstance(c, str) else c for c in children)
    return Choice(path, children, tuple(Rule(compile_query(q, "q"), n) for q, n in rules), default)


def walk(root, known=None, *, chance=0.0, now=0.0, blind=False):
    known = known or Known()
    draw = chance if callable(chance) else lambda: chance
    return Walk(numbered(root), known, known, draw, now, blind=blind)


def way(walk, *failures):
    """The leaves that a walk comes to while tries fail so."""
    found = walk.first()
    paths = [found and found.path]
    for failure in failures:
        found = walk.after(failure)
        paths.append(found and found.path)
    return paths


def test_a_single_target_is_tried_once():
    assert way(walk(leaf("a")), DOWN) == ["a", None]


def test_a_fallback_takes_its_children_in_order_and_ends():
    assert way(walk(fallback("a", "b", "c")), DOWN, DOWN, DOWN) == ["a", "b", "c", None]


def test_a_fallback_with_codes_goes_on_after_these_alone():
    root = fallback("a", "b", "c", trigger=Trigger(frozenset({429})))
    assert way(walk(root), LIMITED, DOWN) == ["a", "b", None]


def test_a_fallback_may_go_by_class():
    root = fallback("a", "b", trigger=Trigger(None, frozenset({"rate_limit"})))
    assert way(walk(root), LIMITED) == ["a", "b"]
    assert way(walk(root), DOWN) == ["a", None]


def test_either_list_sends_a_fallback_on():
    root = fallback("a", "b", "c", trigger=Trigger(frozenset({500}), frozenset({"rate_limit"})))
    assert way(walk(root), LIMITED, DOWN) == ["a", "b", "c"]


def test_what_an_inner_fallback_cannot_answer_is_the_outer_ones_to_weigh():
    inner = fallback("a", "b", trigger=Trigger(frozenset({429})), path="inner")
    assert way(walk(fallback(inner, "c")), DOWN) == ["a", "c"]
    assert way(walk(fallback(inner, "c")), LIMITED, LIMITED) == ["a", "b", "c"]
    outer = fallback(inner, "c", trigger=Trigger(frozenset({429})))
    assert way(walk(outer), DOWN) == ["a", None]


def test_the_example_of_three_models():
    """Opus; GPT on 5xx; then Sonnet on a rate limit."""
    root = fallback(
        "opus", fallback("gpt", "sonnet", trigger=Trigger(frozenset({429})), path="g"), trigger=Trigger(frozenset({500, 529}))
    )
    assert way(walk(root), DOWN, LIMITED, DOWN) == ["opus", "gpt", "sonnet", None]
    assert way(walk(root), LIMITED) == ["opus", None]
    assert way(walk(root), DOWN, DOWN) == ["opus", "gpt", None]


def test_a_balance_draws_once():
    assert way(walk(balance("a", "b")), DOWN) == ["a", None]
    assert way(walk(balance("a", "b"), chance=0.99)) == ["b"]


def test_a_balance_with_a_trigger_draws_another():
    root = balance("a", "b", "c", trigger=Trigger(frozenset({500})))
    assert way(walk(root), DOWN, DOWN, DOWN) == ["a", "b", "c", None]
    assert way(walk(root), LIMITED) == ["a", None]


def test_what_has_no_weight_is_never_drawn():
    root = balance("a", "b", "c", weights=[0, 1, 0], trigger=ALWAYS)
    assert way(walk(root), DOWN) == ["b", None]


def test_a_balance_in_a_fallback():
    root = fallback(balance("a", "b"), "c")
    assert way(walk(root, chance=0.9), DOWN, DOWN) == ["b", "c", None]


def test_a_choice_takes_the_first_rule_that_holds():
    root = choice([({"model": "x"}, 1), ({"model": "x"}, 0)], "a", "b", default=0)
    assert way(walk(root, Known(model="x")), DOWN) == ["b", None]
    assert way(walk(root, Known(model="y"))) == ["a"]


def test_a_choice_without_a_way_says_where():
    with pytest.raises(Refusal) as no:
        walk(choice([({"model": "x"}, 0)], "a", path="config")).first()
    assert no.value.status == 400
    assert no.value.param == "config"
    assert "strategy.default" in no.value.message


def test_a_target_that_is_out_is_passed_over():
    went = walk(fallback("a", "b"), Known({"a": "circuit open"}))
    assert way(went, DOWN) == ["b", None]
    assert [(d.at, d.what, d.why) for d in went.decisions] == [
        ("a", "skipped", "circuit open"),
        ("b", "chosen", ""),
        ("b", "left", "server (500)"),
    ]


def test_a_drawn_target_that_is_out_is_replaced_by_another_draw():
    assert way(walk(balance("a", "b", "c"), Known({"a": "parked", "b": "parked"}))) == ["c"]


def test_a_choice_whose_target_is_out_leaves_it_to_the_fallback_around_it():
    root = fallback(choice([({"model": "x"}, 0)], "a", "b", default=1), "c")
    assert way(walk(root, Known({"a": "parked"}, model="x"))) == ["c"]


def test_when_all_are_out_all_are_tried_all_the_same():
    known = Known({"a": "open", "b": "open"})
    went = walk(fallback("a", "b"), known)
    assert way(went, DOWN, DOWN) == ["a", "b", None]
    assert went.decisions[2].why.startswith("all that may be tried are out")


def test_nobody_asks_for_the_health_of_a_sole_target():
    known = Known({"a": "open"})
    assert way(walk(leaf("a"), known, blind=True)) == ["a"]
    assert known.asked == []


def test_what_cannot_be_tried_is_skipped_whatever_the_trigger_says():
    went = walk(fallback("a", "b", trigger=Trigger(frozenset({429}))))
    assert went.first().path == "a"
    assert went.skip("no such model").path == "b"
    assert went.skip("not allowed") is None
    assert [d.what for d in went.decisions] == ["chosen", "skipped", "chosen", "skipped"]


def test_a_skipped_draw_is_replaced_and_a_skipped_choice_is_not():
    went = walk(balance("a", "b"))
    went.first()
    assert went.skip("no").path == "b"
    went = walk(choice([({"model": "x"}, 0)], "a", "b", default=1), Known(model="x"))
    went.first()
    assert went.skip("no") is None


def test_who_is_next_is_told_whatever_the_trigger_says():
    going = walk(fallback("a", balance("b", "c"), trigger=Trigger(statuses=frozenset({429}))))
    assert going.first().path == "a"
    assert [going.beside().path, going.beside().path, going.beside()] == ["b", "c", None]


def test_a_fork_goes_its_own_way_and_tells_of_it_in_the_same_trace():
    going = walk(fallback("a", "b", "c"), Known(out={"b": "circuit open"}))
    going.first()
    fork = going.fork()
    assert fork.beside().path == "c"
    assert fork.after(DOWN) is None
    assert not going.tried
    assert going.after(DOWN).path == "c"  # it has not moved
    told = [("a", "chosen"), ("b", "skipped"), ("c", "chosen"), ("c", "left"), ("a", "left"), ("b", "skipped"), ("c", "chosen")]
    assert [(each.at, each.what) for each in going.decisions] == told


def test_a_fork_knows_who_was_refused():
    going = walk(fallback("a", "b", "c"))
    going.first()
    going.skip("no such model")
    fork = going.fork()
    assert [fork.beside().path, fork.beside()] == ["c", None]


def test_when_the_only_one_that_is_in_cannot_be_tried_those_that_are_out_are():
    went = walk(fallback("a", "b"), Known({"b": "open"}))
    assert went.first().path == "a"
    assert went.skip("not allowed").path == "b"
    assert went.skip("not allowed either") is None


def test_one_that_turns_out_to_be_out_is_passed_over():
    went = walk(fallback("a", "b"))
    assert went.first().path == "a"
    assert went.pass_over("somebody is probing it").path == "b"
    assert went.after(DOWN) is None
    assert [d.what for d in went.decisions] == ["chosen", "skipped", "chosen", "left"]


@pytest.mark.parametrize("root", [fallback("a", "b"), balance("a", "b"), balance("a", fallback("b"))])
def test_when_all_turn_out_to_be_out_all_are_tried_all_the_same(root):
    went = walk(root)
    assert went.first().path == "a"
    assert went.pass_over("somebody is probing it").path == "b"
    assert not went.blind
    assert went.pass_over("somebody is probing it too").path == "a"
    assert went.blind
    assert any(each.why.startswith("all that may be tried are out") for each in went.decisions)


def test_one_that_was_refused_is_not_tried_because_others_are_out():
    went = walk(fallback("a", "b", "c"), Known({"c": "open"}))
    went.first()
    assert went.skip("not allowed").path == "b"
    assert went.pass_over("somebody is probing it").path == "b"
    assert went.after(DOWN).path == "c"


def test_a_fork_knows_who_is_out():
    going = walk(fallback("a", "b", "c"))
    going.first()
    going.pass_over("somebody is probing it")
    fork = going.fork()
    assert [fork.beside().path, fork.beside()] == ["c", None]


def test_after_a_try_one_that_turns_out_to_be_out_stays_out():
    went = walk(fallback("a", "b"))
    went.first()
    assert went.after(DOWN).path == "b"
    assert went.pass_over("somebody is probing it") is None


def test_after_a_try_those_that_are_out_stay_out():
    went = walk(fallback("a", "b", "c"), Known({"c": "open"}))
    went.first()
    assert went.after(DOWN).path == "b"
    assert went.skip("not allowed") is None


def test_the_best_leaf_below_a_strategy_stands_for_it():
    root = balance(fallback("a", "b", path="f"), "c", method="cost")
    assert way(walk(root, Known(loads={"a": 9, "b": 1, "c": 2}))) == ["a"]
    assert way(walk(root, Known(loads={"a": 9, "b": 3, "c": 2}))) == ["c"]


def test_leaves_are_counted_from_the_left():
    root = numbered(fallback("a", balance("b", "c"), "d"))
    assert [(each.path, each.number) for each in leaves(root)] == [("a", 0), ("b", 1), ("c", 2), ("d", 3)]


TREES = st.recursive(
    st.just("leaf"),
    lambda below: st.tuples(
        st.sampled_from(["fallback", "fallback429", "balance", "balance_on", "turns"]), st.lists(below, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


def build(shape, path="t"):
    if shape == "leaf":
        return Leaf(path, 0)
    kind, below = shape
    children = tuple(build(each, f"{path}.{n}") for n, each in enumerate(below))
    if kind.startswith("fallback"):
        return Fallback(path, children, Trigger(frozenset({429})) if kind.endswith("429") else ALWAYS)
    draw = Draw(
        tuple(float(n % 3 + 1) for n in range(len(children))),
        "round_robin" if kind == "turns" else "weighted",
        None,
        Turns([0.0] * len(children)) if kind == "turns" else None,
    )
    return Balance(path, children, draw, ALWAYS if kind == "balance_on" else None)


@settings(max_examples=300, deadline=None)
@given(TREES, st.data(), st.integers(0, 2**32))
def test_no_target_is_tried_twice_order_is_kept_and_a_walk_ends(shape, data, seed):
    root = numbered(build(shape))
    chance = random.Random(seed).random
    paths = [each.path for each in leaves(root)]
    known = Known({path: "out" for path in paths if data.draw(st.booleans(), label=path)})
    went = Walk(root, known, known, chance, 0.0)
    tried = []
    found = went.first()
    assert found is not None
    while found is not None:
        tried.append(found)
        assert len(tried) <= len(paths)
        move = data.draw(st.sampled_from([DOWN, LIMITED, "skip", "pass over"]), label="move")
        if move == "pass over":
            known.outs[tried.pop().path] = "out"
            found = went.pass_over("x")
        else:
            found = went.skip("x") if move == "skip" else went.after(move)
    assert len({each.path for each in tried}) == len(tried)
    for node in walk_nodes(root):
        if isinstance(node, Fallback):
            below = [
                next(n for n, child in enumerate(node.children) if each in leaves(child))
                for each in tried
                if each in leaves(node)
            ]
            if not known.outs:  # a second round begins anew where all were out
                assert below == sorted(below)


def walk_nodes(node):
    yield node
    if not isinstance(node, Leaf):
        for child in node.children:
            yield from walk_nodes(child)


def test_weights_are_kept_within_three_sigma():
    chance = random.Random(7).random
    weights, draws = [0.7, 0.2, 0.1], 6000
    seen = Counter(way(walk(balance("a", "b", "c", weights=weights), chance=chance))[0] for _ in range(draws))
    for path, weight in zip("abc", weights, strict=True):
        sigma = (draws * weight * (1 - weight)) ** 0.5
        assert abs(seen[path] - draws * weight) < 3 * sigma
