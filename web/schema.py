"""Writes `src/lib/schema.ts`, the types of the admin API, from the description that the gateway gives of itself.

    .venv/bin/python web/schema.py

One interface a schema, and one entry an operation: `"GET /v1/logs": { query: …; body: …; answer: … }`. A test holds the file to
what this writes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lockgate.http.admin.openapi import describe
from lockgate.http.admin.operations import bind
from lockgate.http.admin.routes import lay_out

OUT = Path(__file__).parent / "src/lib/schema.ts"
_HEAD = """// Written by web/schema.py from the gateway's own description of its admin API. Not edited by hand.
"""
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def written() -> str:
    """The file's text."""
    described = json.loads(describe([bind(route) for route in lay_out().routes]))
    schemas: dict[str, Any] = described["components"]["schemas"]
    lines = [_HEAD]
    for name, schema in sorted(schemas.items(), key=lambda item: _name(item[0])):
        lines += _declared(_name(name), schema)
    lines.append("/** Every operation: what stands in its query and its body, and what it answers. */")
    lines.append("export interface Operations {")
    for path, methods in sorted(described["paths"].items()):
        for method, said in sorted(methods.items()):
            lines.append(f'  "{method.upper()} {path}": {{')
            lines.append(f"    query: {_query(said['parameters'])};")
            lines.append(f"    body: {_body(said)};")
            lines.append(f"    answer: {_answer(said)};")
            lines.append("  };")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _declared(name: str, schema: dict[str, Any]) -> list[str]:
    doc = " ".join(schema.get("description", "").split()).replace("*/", "* /")
    lines = [f"/** {doc} */"] if doc else []
    if schema.get("type") == "object" and "properties" in schema:
        lines.append(f"export interface {name} {{")
        required = set(schema.get("required", ()))
        for member, each in schema["properties"].items():
            mark = "" if member in required or "default" in each else "?"
            lines.append(f"  {_key(member)}{mark}: {_type(each)};")
        lines.append("}\n")
    else:
        lines.append(f"export type {name} = {_type(schema)};\n")
    return lines


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _name(schema["$ref"].rsplit("/", 1)[1])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(_type(each) for each in schema[word]))
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if "|" in inner else f"{inner}[]"
    if kind == "object":
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more) if isinstance(more, dict) else 'unknown'}>"
    return _PLAIN.get(kind or "", "unknown")


def _query(parameters: list[dict[str, Any]]) -> str:
    said = [each for each in parameters if each["in"] == "query"]
    if not said:
        return "Record<string, never>"
    return (
        "{ "
        + "; ".join(f"{_key(each['name'])}{'' if each['required'] else '?'}: {_type(each['schema'])}" for each in said)
        + " }"
    )


def _body(said: dict[str, Any]) -> str:
    if "requestBody" not in said:
        return "undefined"
    return _partial(_type(said["requestBody"]["content"]["application/json"]["schema"]))


def _partial(type_: str) -> str:
    """What is sent may leave out what has a default; the server says which."""
    return " | ".join(re.sub(r"^([A-Z]\w*)", r"Partial<\1>", each) for each in type_.split(" | "))


def _answer(said: dict[str, Any]) -> str:
    content = said["responses"]["200"]["content"]
    return _type(content["application/json"]["schema"]) if "application/json" in content else "string"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else json.dumps(name)


def _name(name: str) -> str:
    """A schema's name as TypeScript has names: the last of a path, or all of it where that is taken."""
    parts = name.split(".")
    text = "".join(part.title().replace("_", "") for part in parts[-2:-1]) + parts[-1] if name.startswith("lockgate.") else name
    return re.sub(r"\W+", "", text.replace("typing.", "")).strip("_")


if __name__ == "__main__":
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(written(), "utf-8")
