"""Values from JSON schemas: judged by an independent validator."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Refusal
from lockgate.transport.sim.sample import fitting

SCHEMAS: dict[str, Any] = {
    "empty": {},
    "several types": {"type": ["null", "integer"]},
    "constant": {"const": {"a": [1]}},
    "bounds": {"type": "integer", "minimum": 7, "maximum": 9, "multipleOf": 4},
    "exclusive bounds": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.5},
    "negative": {"type": "integer", "exclusiveMaximum": -3},
    "lengths": {"type": "string", "minLength": 30, "maxLength": 40},
    "short": {"type": "string", "maxLength": 3},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d{3,}$", "minLength": 9},
    "date": {"type": "string", "format": "date"},
    "unique": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    "unique numbers": {"type": "array", "items": {"type": "integer", "multipleOf": 5}, "minItems": 4, "uniqueItems": True},
    "unique strings": {"type": "array", "items": {"type": "string"}, "minItems": 4, "uniqueItems": True},
    "tuple": {"prefixItems": [{"type": "string"}, {"type": "boolean"}], "items": False},
    "no items": {"type": "array", "maxItems": 0},
    "nested": {
        "type": "object",
        "properties": {
            "a": {"type": "object", "properties": {"b": {"type": "array", "items": {"type": "boolean"}}}, "required": ["b"]}
        },
        "required": ["a"],
        "additionalProperties": False,
    },
    "any of": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]}]},
    "all of": {
        "allOf": [
            {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "null"}}, "required": ["b"]},
        ]
    },
    "reference": {"$defs": {"a/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/$defs/a~1b"}}, "required": ["x"]},
    "list of itself": {
        "type": "object",
        "properties": {"next": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["next"],
    },
    "chain of itself": {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
        "required": ["next"],
    },
    "required but unknown": {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_value_fits_its_schema(name: str):
    validator = jsonschema.Draft202012Validator(SCHEMAS[name], format_checker=jsonschema.FormatChecker())
    validator.validate(fitting(SCHEMAS[name]))


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"properties": {"x": {"$ref": "#"}}, "required": ["x"]},
        {"type": "string", "minLength": 10**9},
        {"type": "string", "pattern": "((a{1000}){1000}){1000}"},
        {"type": "string", "pattern": "(?:){4000000000}"},
        {"type": "string", "pattern": "^(?=.*x)"},
        {"type": "string", "pattern": "("},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 200, "items": {"type": "array", "minItems": 200}},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "integer", "minimum": 1, "maximum": 4, "multipleOf": 5},
    ],
)
def test_what_cannot_be_made_is_refused(schema: Any):
    with pytest.raises(Refusal):
        fitting({"properties": {"x": schema}, "required": ["x"], **(schema if isinstance(schema, dict) else {})})


def test_words_of_the_user_are_used_where_they_fit():
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "integer", "maximum": 9}, "c": {"type": "string"}}}
    assert fitting(schema, "Put 'red' and 'blue' into 12 or 7 boxes") == {"a": "red", "b": 7, "c": "blue"}


def test_an_apostrophe_is_no_quote():
    assert fitting({"properties": {"city": {"type": "string"}}}, "What's today's weather in Rome?") == {"city": "Rome"}


names = st.sampled_from(["a", "b", "c"])
leaves = st.one_of(
    st.builds(
        lambda low, size: {"type": "integer", "minimum": low, "maximum": low + size}, st.integers(-99, 99), st.integers(0, 99)
    ),
    st.builds(
        lambda low, size: {"type": "number", "minimum": low, "maximum": low + size}, st.floats(-99, 99), st.floats(0, 99)
    ),
    st.builds(
        lambda low, size: {"type": "string", "minLength": low, "maxLength": low + size}, st.integers(0, 20), st.integers(0, 20)
    ),
    st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 50)),
    st.lists(st.one_of(st.integers(), st.text(), st.none(), st.booleans()), min_size=1).map(lambda options: {"enum": options}),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True, {"type": "string", "format": "uuid"}]),
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda some: {"type": "object", "properties": some, "required": sorted(some)}, st.dictionaries(names, inner)),
        st.builds(lambda some: {"type": "object", "properties": some}, st.dictionaries(names, inner)),
        st.builds(lambda one, low: {"type": "array", "items": one, "minItems": low}, inner, st.integers(0, 3)),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": [one for one in some if one is not True] or [{}]}),
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(schemas, st.text(max_size=80))
def test_any_schema_of_these_words_is_met(schema: Any, said: str):
    jsonschema.Draft202012Validator(schema).validate(fitting({"properties": {"x": schema}, "required": ["x"]}, said)["x"])
