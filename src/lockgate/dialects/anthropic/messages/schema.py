"""JSON Schema as Anthropic's structured outputs take it: a part of the language, with every object closed.

What the API would reject (bounds, lengths, patterns …) is put into words in the description, as the official SDK does it.
Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from lockgate.core.json import as_any, raw

_Schema = dict[str, Any]

_KEPT = frozenset(("type", "title", "enum", "const", "default", "required", "$ref", "description", "additionalProperties"))
_FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"))
_SCHEMAS = ("properties", "$defs", "definitions")  # members that hold schemas by name
_LISTS = ("anyOf", "allOf")  # members that list schemas


def takes(schema: msgspec.Raw | None) -> bool:
    """Whether a schema is taken as it stands, so that a tool may be strict about it."""
    if schema is None:
        return False
    value = as_any(schema)
    value.pop("$schema", None)
    return _closed(value) == value


def closed(schema: msgspec.Raw | None) -> msgspec.Raw:
    """The schema in the part of the language that is taken."""
    return raw(_closed(as_any(schema) if schema is not None else {"type": "object"}))


def _closed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    schema = cast("_Schema", value)
    out: _Schema = {}
    unsaid: list[str] = []
    for name, member in schema.items():
        if name in _SCHEMAS and isinstance(member, dict):
            out[name] = {key: _closed(inner) for key, inner in cast("_Schema", member).items()}
        elif name in (*_LISTS, "oneOf") and isinstance(member, list):
            out["anyOf" if name == "oneOf" else name] = [_closed(inner) for inner in cast("list[Any]", member)]
        elif name == "items":
            out[name] = _closed(member)
        elif name in _KEPT or (name == "format" and str(member) in _FORMATS) or (name == "minItems" and member in (0, 1)):
            out[name] = member
        elif not name.startswith("$"):
            unsaid.append(f"{name}: {_word(member)}")
    if _is_object(schema):
        out.setdefault("properties", {})
        out["additionalProperties"] = False
    if unsaid:
        out["description"] = "\n\n".join(filter(None, (str(out.get("description") or ""), "{" + ", ".join(unsaid) + "}")))
    return out


def _is_object(schema: _Schema) -> bool:
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
