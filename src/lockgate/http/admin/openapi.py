"""OpenAPI 3.1 of the admin API, made of its table and of the types in its handlers' signatures; nothing is written twice.

https://spec.openapis.org/oas/v3.1.0
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from lockgate import __version__
from lockgate.core.json import encode
from lockgate.http.admin.operations import COMMON, Operation

_REFS = "#/components/schemas/{name}"
_HOLE = re.compile(r"\{([a-z_]+)\}")


class ErrorDetail(msgspec.Struct, frozen=True):
    """What went wrong, by Portkey's code (AB01 and so on) and our own, and the member at fault."""

    message: str
    errorCode: str
    code: str
    param: str | None


class ErrorMember(msgspec.Struct, frozen=True):
    """The same, as SDKs look for it."""

    message: str
    type: str
    code: str
    param: str | None


class Error(msgspec.Struct, frozen=True):
    """Every answer that is no success."""

    success: bool
    data: ErrorDetail
    error: ErrorMember


def describe(operations: Iterable[Operation]) -> bytes:
    """The description, as JSON."""
    operations = list(operations)
    answers = {each.answer for each in operations if not each.route.gives}
    types = answers | {each.body for each in operations if each.body is not None} | {Error}
    types |= {each.element for each in operations if each.element is not None}
    ordered = sorted(types, key=repr)
    references, schemas = msgspec.json.schema_components(ordered, ref_template=_REFS)
    at = dict(zip(ordered, references, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.route.path, {})[each.route.method.lower()] = _operation(each, at)
    return encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Lockgate admin API",
                "version": __version__,
                "description": "Tenants, keys, providers, configs, and what is recorded of their changes. "
                "The paths and shapes are those that Portkey's users know.",
            },
            "servers": [{"url": "/"}],
            "security": [{"key": []}, {"bearer": []}],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "key": {"type": "apiKey", "in": "header", "name": "x-portkey-api-key"},
                    "bearer": {"type": "http", "scheme": "bearer"},
                },
                "responses": {
                    "Error": {
                        "description": "Not done; the message says what to do",
                        "content": {"application/json": {"schema": at[Error]}},
                    }
                },
            },
        }
    )


def _operation(each: Operation, at: dict[Any, Any]) -> dict[str, Any]:
    route = each.route
    said: dict[str, Any] = {
        "operationId": route.handler.replace(".", "_"),
        "summary": (each.function.__doc__ or "").split("\n")[0].rstrip("."),
        "tags": [route.resource],
        "parameters": _parameters(each),
        "responses": {
            "200": {"description": "Done", "content": _content(each, at)},
            "default": {"$ref": "#/components/responses/Error"},
        },
        "x-scopes": list(route.scopes),
        "x-roles": sorted(route.roles),
    }
    if each.body is not None:
        schema = at[each.body] if each.element is None else {"oneOf": [at[each.body], at[each.element]]}
        needed = each.element is not None or any(field.required for field in msgspec.structs.fields(each.body))
        said["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema}}}
    if route.open:
        said["security"] = []
    return said


def _content(each: Operation, at: dict[Any, Any]) -> dict[str, Any]:
    if each.route.gives:
        return {each.route.gives: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": at[each.answer]}}


def _parameters(each: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _HOLE.findall(each.route.path)
    ]
    members: dict[str, Any] = {}
    required: list[str] = []
    if each.query is not None:
        (_,), schemas = msgspec.json.schema_components([each.query], ref_template=_REFS)
        members = dict(schemas[each.query.__name__].get("properties", {}))
        required = schemas[each.query.__name__].get("required", [])
    for name in COMMON:
        members.setdefault(name, {"type": "string", "default": ""})
    found += [{"name": name, "in": "query", "required": name in required, "schema": schema} for name, schema in members.items()]
    return found
