"""Protocol Buffers by tables: trees of plain Python ↔ the wire format, and ↔ JSON as proto3 maps it.

A message is a table of its fields; a tree is a dict by the fields' names in JSON. What a table does not name is skipped, as
every reader must. Sources: https://protobuf.dev/programming-guides/encoding/ and https://protobuf.dev/programming-guides/json/.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec

Kind = Literal["text", "bytes", "hex", "bool", "int", "small", "fixed64", "fixed32", "sfixed64", "double", "message"]
Tree = dict[str, Any]

#: Messages within messages.
DEPTH = 48
_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_WIRE: dict[Kind, int] = {
    "text": _LEN,
    "bytes": _LEN,
    "hex": _LEN,  # bytes that are an id: a tree and OTLP's JSON have them in hexadecimal
    "bool": _VARINT,
    "int": _VARINT,  # int64 and uint64: a text in JSON
    "small": _VARINT,  # int32, uint32 and enums: a number in JSON
    "fixed64": _I64,
    "fixed32": _I32,
    "sfixed64": _I64,
    "double": _I64,
    "message": _LEN,
}
_PACKED: dict[Kind, struct.Struct] = {
    "fixed64": struct.Struct("<Q"),
    "sfixed64": struct.Struct("<q"),
    "double": struct.Struct("<d"),
    "fixed32": struct.Struct("<I"),
}
_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_WHOLE: frozenset[Kind] = frozenset(("int", "small", "fixed64", "fixed32", "sfixed64"))
_QUOTED: frozenset[Kind] = frozenset(("int", "fixed64", "sfixed64"))


class Malformed(ValueError):
    """What cannot be read as the message that it is said to be."""


class Field(msgspec.Struct, frozen=True):
    """A field. `explicit`: its zero says something too, as in a oneof."""

    number: int
    kind: Kind
    message: Message | None = None
    repeated: bool = False
    explicit: bool = False


class Message:
    """A table: a field's name in JSON → the field. `fields` may be set later, for messages that contain themselves."""

    __slots__ = ("fields", "name", "numbers")

    def __init__(self, name: str, fields: Mapping[str, Field] | None = None) -> None:
        self.name = name
        self.fields: dict[str, Field] = {}
        self.numbers: dict[int, tuple[str, Field]] = {}
        if fields is not None:
            self.define(fields)

    def __repr__(self) -> str:
        return f"Message({self.name})"

    def define(self, fields: Mapping[str, Field]) -> None:
        """Say what it has."""
        self.fields = dict(fields)
        self.numbers = {field.number: (name, field) for name, field in fields.items()}


# The wire format ----------------------------------------------------------------------------------------------------------


def write(message: Message, tree: Mapping[str, Any]) -> bytes:
    """The tree in the wire format. Members that the table does not have are a mistake of the caller's: `KeyError`."""
    out: list[bytes] = []
    for name, value in tree.items():
        field = message.fields[name]
        if field.repeated:
            _write_all(field, value, out)
        elif value or field.explicit:
            out.append(_varint(field.number << 3 | _WIRE[field.kind]))
            out.append(_value(field, value))
    return b"".join(out)


def _write_all(field: Field, values: list[Any], out: list[bytes]) -> None:
    if not values:
        return
    wire = _WIRE[field.kind]
    if wire == _LEN:
        tag = _varint(field.number << 3 | _LEN)
        for value in values:
            out += (tag, _value(field, value))
    else:  # proto3 packs numbers
        packed = b"".join(_value(field, value) for value in values)
        out += (_varint(field.number << 3 | _LEN), _varint(len(packed)), packed)


def _value(field: Field, value: Any) -> bytes:
    kind = field.kind
    if kind == "message":
        assert field.message is not None
        data = write(field.message, value)
    elif kind == "text":
        data = cast("str", value).encode("utf-8", "replace")
    elif kind == "hex":
        data = bytes.fromhex(value)
    elif kind == "bytes":
        data = bytes(value)
    elif kind in _PACKED:
        return _PACKED[kind].pack(value)
    else:
        return _varint(int(value) & 0xFFFFFFFFFFFFFFFF)
    return _varint(len(data)) + data


def _varint(number: int) -> bytes:
    if number < 0x80:
        return _BYTES[number]
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_BYTES = [bytes((number,)) for number in range(128)]


def read(message: Message, data: bytes | memoryview) -> Tree:
    """The tree in `data`. Raises `Malformed`."""
    return _read(message, memoryview(data), DEPTH)


def _read(message: Message, data: memoryview, depth: int) -> Tree:
    if not depth:
        raise Malformed(f"{message.name}: messages are nested too deeply")
    tree: Tree = {}
    at, size = 0, len(data)
    while at < size:
        tag, at = _number(message, data, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _number(message, data, at)
            raw: int | memoryview = value
        else:
            if wire == _LEN:
                length, at = _number(message, data, at)
            elif wire == _I64:
                length = 8
            elif wire == _I32:
                length = 4
            else:
                raise Malformed(f"{message.name}: a field has the unknown wire type {wire}")
            if length > size - at:
                raise Malformed(f"{message.name}: it is cut short")
            raw = data[at : at + length]
            at += length
        if not number:
            raise Malformed(f"{message.name}: a field has the number 0")
        found = message.numbers.get(number)
        if found is None:
            continue
        name, field = found
        if not field.repeated:
            if wire != _WIRE[field.kind]:
                raise Malformed(f"{message.name}.{name}: it has another wire type")
            tree[name] = _unpacked(message, name, field, raw, depth)
        else:
            values: list[Any] = tree.setdefault(name, [])
            if wire == _WIRE[field.kind]:
                values.append(_unpacked(message, name, field, raw, depth))
            elif wire == _LEN and isinstance(raw, memoryview):
                values += _unpack_all(message, name, field, raw, depth)
            else:
                raise Malformed(f"{message.name}.{name}: it has another wire type")
    return tree


def _number(message: Message, data: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed(f"{message.name}: a number is cut short or too long")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def _unpacked(message: Message, name: str, field: Field, raw: int | memoryview, depth: int) -> Any:
    kind = field.kind
    if isinstance(raw, int):
        return bool(raw) if kind == "bool" else raw - (1 << 64) if raw >> 63 else raw
    if kind == "message":
        assert field.message is not None
        return _read(field.message, raw, depth - 1)
    if kind == "text":
        try:
            return str(raw, "utf-8")
        except UnicodeDecodeError:
            raise Malformed(f"{message.name}.{name}: it is no UTF-8") from None
    if kind == "hex":
        return raw.hex()
    return _PACKED[kind].unpack(raw)[0] if kind in _PACKED else bytes(raw)


def _unpack_all(message: Message, name: str, field: Field, raw: memoryview, depth: int) -> list[Any]:
    """Numbers that are packed."""
    found: list[Any] = []
    at = 0
    fixed = _PACKED.get(field.kind)
    while at < len(raw):
        if fixed is None:
            value, at = _number(message, raw, at)
            found.append(_unpacked(message, name, field, value, depth))
        elif at + fixed.size > len(raw):
            raise Malformed(f"{message.name}.{name}: it is cut short")
        else:
            found.append(fixed.unpack_from(raw, at)[0])
            at += fixed.size
    return found


# JSON -----------------------------------------------------------------------------------------------------------------------


def to_json(message: Message, tree: Mapping[str, Any]) -> Tree:
    """The tree as JSON has it."""
    out: Tree = {}
    for name, value in tree.items():
        field = message.fields[name]
        if field.repeated:
            if value:
                out[name] = [_to_json(field, each) for each in value]
        elif value or field.explicit:
            out[name] = _to_json(field, value)
    return out


def _to_json(field: Field, value: Any) -> Any:
    if field.message is not None:
        return to_json(field.message, value)
    if field.kind in _QUOTED:
        return str(value)
    if field.kind == "bytes":
        return base64.b64encode(value).decode()
    if field.kind == "double" and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def from_json(message: Message, value: Any) -> Tree:
    """The tree that JSON means. Raises `Malformed`."""
    return _from_json(message, value, DEPTH)


def _from_json(message: Message, value: Any, depth: int) -> Tree:
    if not isinstance(value, dict):
        raise Malformed(f"{message.name}: it must be an object")
    if not depth:
        raise Malformed(f"{message.name}: messages are nested too deeply")
    tree: Tree = {}
    for name, each in cast("dict[str, Any]", value).items():
        field = message.fields.get(name)
        if field is None or each is None:  # null is a field's default (proto3's mapping)
            continue
        if field.repeated:
            if not isinstance(each, list):
                raise Malformed(f"{message.name}.{name}: it must be a list")
            tree[name] = [_one(message, name, field, item, depth) for item in cast("list[Any]", each)]
        else:
            tree[name] = _one(message, name, field, each, depth)
    return tree


def _one(message: Message, name: str, field: Field, value: Any, depth: int) -> Any:
    if field.message is not None:
        return _from_json(field.message, value, depth - 1)
    kind = field.kind
    try:
        if kind == "bool" and isinstance(value, bool):
            return value
        if isinstance(value, bool):
            raise Malformed(f"{message.name}.{name}: it must be no boolean")
        if kind == "text" and isinstance(value, str):
            return value
        if kind == "hex" and isinstance(value, str):
            return bytes.fromhex(value).hex()
        if kind == "bytes" and isinstance(value, str):
            return base64.b64decode(value, altchars=b"-_" if "-" in value or "_" in value else None, validate=True)
        if kind == "double" and isinstance(value, str):
            return _WORDS[value] if value in _WORDS else float(value)
        if kind == "double" and isinstance(value, int | float):
            return float(value)
        if kind in _WHOLE and isinstance(value, str | int | float):
            number = int(value)
            if (not isinstance(value, float) or value.is_integer()) and -(1 << 63) <= number < 1 << 64:
                return number
    except (ValueError, OverflowError, binascii.Error):
        pass
    raise Malformed(f"{message.name}.{name}: it is no value of its type ({kind})")
