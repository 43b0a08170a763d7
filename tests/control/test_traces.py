"""A trace is a tree in which every span stands once."""

from hypothesis import given
from hypothesis import strategies as st

from lockgate.control.traces import tree_of
from support.logged import START, logged


def span(at, id="", parent="", **more):
    return logged(at, span_id=id, parent_span_id=parent, **more)


def shape(spans):
    return [(each.record.span_id, shape(each.children)) for each in spans]


def test_spans_stand_under_those_that_began_them_in_the_order_of_time():
    tree = tree_of([span(3, "c", "a"), span(0, "a"), span(2, "b", "a"), span(4, "d", "b")])
    assert shape(tree.roots) == [("a", [("b", [("d", [])]), ("c", [])])]


def test_a_span_whose_parent_is_not_there_stands_at_the_top():
    assert shape(tree_of([span(0, "a"), span(1, "b", "elsewhere"), span(2)]).roots) == [("a", []), ("b", []), ("", [])]


def test_a_circle_begins_with_its_first():
    assert shape(tree_of([span(0, "a", "b"), span(1, "b", "a"), span(2, "c", "c")]).roots) == [("b", [("a", [])]), ("c", [])]


def test_all_of_it_together():
    tree = tree_of(
        [
            span(0, "a", tokens=(10, 5), cost_nusd=7, latency_us=100),
            span(50, "b", "a", tokens=(1, 1), latency_us=500, outcome="failed"),
            span(60, "c", "a", latency_us=1, outcome="client_left"),
        ]
    )
    assert (tree.spans, tree.since_us, tree.until_us) == (3, START, START + 550)
    assert (tree.input, tree.output, tree.cost_nusd, tree.unpriced, tree.errors) == (11, 6, 7, 1, 1)
    assert tree_of([]).roots == []


names = st.sampled_from(["", "a", "b", "c", "d"])


@given(st.lists(st.tuples(st.integers(0, 5), names, names), max_size=8))
def test_every_span_stands_once(said):
    records = [span(at, id, parent) for at, id, parent in said]
    found, waiting = [], list(tree_of(records).roots)
    while waiting:
        each = waiting.pop()
        found.append(each.record.id)
        waiting += each.children
    assert sorted(found) == sorted(record.id for record in records)
