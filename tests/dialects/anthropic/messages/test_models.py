"""Families of models, and JSON Schema as their structured outputs take it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lockgate.core.json import raw
from lockgate.dialects.anthropic.messages.models import family_of
from lockgate.dialects.anthropic.messages.schema import closed, takes


@pytest.mark.parametrize(
    "names",
    [
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5@20250929",
         "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude-Sonnet-4-5"),
        ("claude-opus-4-8", "anthropic/claude-opus-4.8:beta"),
        ("claude-opus-4", "claude-opus-4-20250514", "claude-opus-4-0", "claude-4-opus-20250514"),
        ("gpt-5", "glm-5", ""),
    ],
)  # fmt: skip
def test_a_model_is_known_in_every_spelling(names: tuple[str, ...]) -> None:
    assert len({id(family_of(name)) for name in names}) == 1


def test_families_are_told_apart_by_their_longest_name() -> None:
    assert family_of("claude-opus-4-1").schema
    assert not family_of("claude-opus-4-0").schema
    assert family_of("claude-opus-5").off == "disabled"
    assert family_of("claude-opus-5-5").off == "never"
    assert family_of("claude-fable-5").forced
    assert not family_of("claude-fable-5-1").forced


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object"}, {"type": "object", "properties": {}, "additionalProperties": False}),
        (
            {"type": "object", "additionalProperties": True, "properties": {"a": {"type": "object"}}, "required": ["a"]},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"a": {"type": "object", "properties": {}, "additionalProperties": False}},
                "required": ["a"],
            },
        ),
        ({"type": "string", "format": "uri"}, {"type": "string", "format": "uri"}),
        ({"type": "string", "format": "odd", "pattern": "a"}, {"type": "string", "description": "{format: odd, pattern: a}"}),
        ({"type": "array", "items": {}, "minItems": 1, "maxItems": 3}, {"type": "array", "items": {}, "minItems": 1, "description": "{maxItems: 3}"}),
        ({"oneOf": [{"type": "null"}, {"type": "integer", "minimum": 0}]}, {"anyOf": [{"type": "null"}, {"type": "integer", "description": "{minimum: 0}"}]}),
        ({"$schema": "x", "$defs": {"d": {"type": "object"}}, "$ref": "#/$defs/d"}, {"$defs": {"d": {"type": "object", "properties": {}, "additionalProperties": False}}, "$ref": "#/$defs/d"}),
        ({"properties": {"type": {"enum": ["a"]}}}, {"properties": {"type": {"enum": ["a"]}}, "additionalProperties": False}),
        (True, True),
        ({"properties": 5, "anyOf": "odd", "format": [1]}, {"properties": {}, "additionalProperties": False, "description": "{properties: 5, anyOf: odd, format: [1]}"}),
    ],
)  # fmt: skip
def test_a_schema_is_closed_and_what_is_not_taken_is_put_into_words(schema: Any, expected: Any) -> None:
    assert json.loads(bytes(closed(raw(schema)))) == expected
    assert json.loads(bytes(closed(raw(expected)))) == expected


def test_a_tool_may_be_strict_only_about_a_schema_that_is_taken_as_it_stands() -> None:
    good = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    assert takes(raw(good))
    assert takes(raw({"$schema": "http://json-schema.org/draft-07/schema#", **good}))
    assert not takes(raw({**good, "additionalProperties": True}))
    assert not takes(raw({**good, "properties": {"a": {"type": "string", "maxLength": 2}}}))
    assert not takes(None)
