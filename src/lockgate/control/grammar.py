"""A grammar of structs as JSON Schema, and what is wrong with a tree by it: everything at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import msgspec


def schema_of(kind: type, title: str) -> dict[str, Any]:
    """The JSON Schema of what a file holds."""
    tree = _with_numbers(msgspec.json.schema(kind))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **tree}


def flaws_of(tree: Any, schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each flaw of a tree: its path ("keys[0].name"), and what is wrong there."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 60 ms to import, and needed only when something is wrong

    for error in sorted(Draft202012Validator(schema).iter_errors(tree), key=lambda error: list(map(str, error.absolute_path))):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path).lstrip(".")
        yield path, error.message


def _with_numbers(tree: Any) -> Any:
    """Decimals may be written as numbers too, which msgspec reads but does not put into its schema."""
    if isinstance(tree, dict):
        node = cast("dict[str, Any]", tree)
        if node.get("format") == "decimal":
            return {**node, "type": ["number", "string"]}
        return {name: _with_numbers(each) for name, each in node.items()}
    return [_with_numbers(each) for each in cast("list[Any]", tree)] if isinstance(tree, list) else tree
