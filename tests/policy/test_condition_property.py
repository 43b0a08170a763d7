"""The compiled query against an interpreter that is plain, slow, and written from docs/routing.md alone."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Refusal
from lockgate.policy.condition import SENTENCE, compile_query
from support.facts import TableFacts

names = st.sampled_from(["a", "b", "0", "a.b"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, 1.0, 1.5, -2.5]),
    st.sampled_from(["", "a", "ab", "1", " 2", "1.5", "3 kg", "2026-08-01", "2025-12-31", "09:30", "24:00"]),
)
bodies = st.dictionaries(
    names,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6),
    max_size=3,
)
steps = st.lists(
    st.one_of(names.map(lambda name: ("name", name)), st.sampled_from([("index", 0), ("index", -1), ("each", None)])),
    max_size=3,
)
paths = st.tuples(st.sampled_from(["a", "b", "a.b"]), steps)

bounds = st.one_of(st.integers(-3, 3), st.sampled_from([1.5, "1", "2", "2026-01-01", "09:00"]))
operators = st.dictionaries(
    st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exists", "$size", "$not"]),
    st.none(),
    min_size=1,
    max_size=3,
)
OPERANDS = {
    "$eq": scalars,
    "$ne": scalars,
    "$in": st.lists(scalars, max_size=3),
    "$nin": st.lists(scalars, max_size=3),
    "$regex": st.sampled_from(["a", "^a", "b$", "^[0-9]", "k|b", "^$"]),
    "$exists": st.booleans(),
    "$size": st.one_of(st.integers(0, 3), st.fixed_dictionaries({"$gte": st.integers(0, 2)})),
}


@st.composite
def asked(draw, depth=1):
    out = {}
    for name in draw(operators):
        if name == "$not":
            if depth:
                out[name] = draw(asked(depth - 1))
        else:
            out[name] = draw(OPERANDS.get(name, bounds))
    return out or {"$exists": True}


def spelled(path):
    """One of the spellings of a path."""
    first, rest = path
    out = "params" + (f'["{first}"]' if "." in first else f".{first}")
    for kind, value in rest:
        if kind == "each":
            out += "[*]"
        elif kind == "index":
            out += f"[{value}]"
        else:
            out += f'["{value}"]' if "." in value else f".{value}"
    return out


clauses = st.dictionaries(paths.map(lambda path: (path[0], tuple(path[1]))), scalars | asked(), max_size=2)
queries = st.recursive(
    clauses,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3), clauses),
        st.tuples(st.just("$not"), inner, clauses),
    ),
    max_leaves=5,
)


def written(query):
    """A query as JSON."""
    if isinstance(query, dict):
        return {spelled(path): said for path, said in query.items()}
    name, parts, beside = query
    return {name: written(parts) if name == "$not" else [written(part) for part in parts], **written(beside)}


ABSENT = object()


def found(value, rest):
    """All values that a path leads to."""
    if not rest:
        return [] if value is ABSENT else [value]
    (kind, step), rest = rest[0], rest[1:]
    if kind == "each":
        return [each for item in (value if isinstance(value, list) else []) for each in found(item, rest)]
    if isinstance(value, dict):
        return found(value.get(str(step), ABSENT), rest)
    if isinstance(value, list) and (kind == "index" or step == "0"):
        index = int(step)
        return found(value[index], rest) if -len(value) <= index < len(value) else []
    return []


def number(value):
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"\s*-?[0-9]+(\.[0-9]+)?\s*", value) else None
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else value


def same(one, other):
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return isinstance(one, bool) == isinstance(other, bool) and one == other
    return type(one) is type(other) and not isinstance(one, (list, dict)) and one == other


def compares(name, value, bound):
    if number(bound) is not None:
        value, bound = number(value), number(bound)
        if value is None:
            return False
    else:
        form = r"\d{4}-\d\d-\d\d" if "-" in bound else r"\d\d:\d\d"
        if not isinstance(value, str) or not re.fullmatch(form, value):
            return False
    return {"$gt": value > bound, "$gte": value >= bound, "$lt": value < bound, "$lte": value <= bound}[name]


def passes(name, value, operand):
    match name:
        case "$eq":
            return same(value, operand)
        case "$in":
            return any(same(value, each) for each in operand)
        case "$regex":
            return isinstance(value, str) and re.search(operand.replace("$", r"\Z"), value) is not None
        case "$size":
            if not isinstance(value, list):
                return False
            return len(value) >= operand["$gte"] if isinstance(operand, dict) else len(value) == operand
        case _:
            return compares(name, value, operand)


def below(values, said):
    if not isinstance(said, dict):
        said = {"$eq": said}
    for name, operand in said.items():
        match name:
            case "$ne" | "$nin":
                so = not any(passes({"$ne": "$eq", "$nin": "$in"}[name], value, operand) for value in values)
            case "$exists":
                so = bool(values) is operand
            case "$not":
                so = not below(values, operand)
            case _:
                so = any(passes(name, value, operand) for value in values)
        if not so:
            return False
    return True


def meant(query, body):
    if isinstance(query, dict):
        return all(below(found(body.get(first, ABSENT), rest), said) for (first, rest), said in query.items())
    name, parts, beside = query
    held = [meant(part, body) for part in ([parts] if name == "$not" else parts)]
    so = {"$and": all(held), "$or": any(held), "$nor": not any(held), "$not": not all(held)}[name]
    return so and meant(beside, body)


@settings(max_examples=150, deadline=None)
@given(queries, bodies)
def test_a_query_means_what_is_written(query, body):
    facts = TableFacts(params=body)
    compiled = compile_query(written(query), "query")
    assert compiled.holds(facts) is meant(query, body)
    assert 0 < len(compiled.why(facts)) <= SENTENCE


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.binary(max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["$and", "$or", "$nor", "$not", "metadata.a", "params.a[*].b", "model", "stream", "time.hour"]),
                st.sampled_from(["$eq", "$ne", "$gt", "$lt", "$in", "$regex", "$options", "$size", "$exists"]),
                st.text(max_size=3),
                st.integers(),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(junk, bodies)
def test_anything_is_compiled_or_refused(query, body):
    facts = TableFacts(params=body, metadata=body, model="m", stream=True, time__hour=3)
    try:
        compiled = compile_query(query, "query")
    except Refusal as refusal:
        assert refusal.param.startswith("query")
    else:
        assert compiled.holds(facts) in (True, False)
        assert compiled.why(facts)
