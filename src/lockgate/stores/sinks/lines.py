"""A record as JSON, for whoever reads files, objects and webhooks: the members of `core.record.Record`, by their names."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from lockgate.core.json import encode
from lockgate.core.record import BODIES, Record


def line(record: Record) -> bytes:
    """The record on one line, without its end. Members that say nothing are left out. A body is JSON where it is JSON, else a
    text, else {"base64": …}."""
    tree: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(bytes, msgspec.Raw))
    for name in BODIES:
        if body := tree.get(name):
            tree[name] = _body(body)
    try:
        return encode(tree)
    except UnicodeEncodeError:  # a lone surrogate, of a header or an upstream's error
        return encode(_printable(tree))


def _body(body: bytes) -> Any:
    if body.lstrip()[:1] in (b"{", b"["):
        try:
            return msgspec.Raw(encode(msgspec.json.decode(body)))  # on one line, whatever it was
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
    try:
        return body.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_printable(name): _printable(each) for name, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list) else value
