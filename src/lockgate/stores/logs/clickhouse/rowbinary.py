"""RowBinary: rows as ClickHouse takes and gives them, without escapes (https://clickhouse.com/docs/interfaces/formats/RowBinary).

Numbers are little-endian and of a fixed size; a string is preceded by its length in bytes, a map by how many pairs it has, both
as LEB128.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lockgate.stores.logs.clickhouse.literals import encoded


def length(number: int) -> bytes:
    """A length."""
    if number < 0x80:
        return bytes((number,))
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def string(value: bytes) -> bytes:
    """A String."""
    return length(len(value)) + value


def pairs(values: Mapping[str, str]) -> bytes:
    """A Map(String, String)."""
    return length(len(values)) + b"".join(string(encoded(each)) for pair in values.items() for each in pair)


def rows(data: bytes, columns: int) -> Iterator[list[bytes]]:
    """The rows of an answer whose columns are all strings. Raises `ValueError` when it is cut short."""
    at, end = 0, len(data)
    while at < end:
        row: list[bytes] = []
        for _ in range(columns):
            size = shift = 0
            while True:
                if at >= end:
                    raise ValueError("a row is cut short")
                byte = data[at]
                at += 1
                size |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
                shift += 7
            row.append(data[at : at + size])
            at += size
        if at > end:
            raise ValueError("a row is cut short")
        yield row
