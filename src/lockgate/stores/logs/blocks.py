"""Blocks: records in a row compressed together, what they say apart from their bodies.

A hundred records compressed as one take a tenth of the time and half the room of a hundred compressed one by one. A block has
a number; a request's place (`at`) is 128 times that and its place within.

A conversation sends its history again with each turn. What repeats in bodies is kept once a day (see `pieces`): a body stands
in its block as a list of what is only its own, and of where the rest stands.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
import zstandard

from lockgate.core.record import BODIES, Record, pack, unpack
from lockgate.stores.logs.pieces import Kept, Pieces

T = TypeVar("T")

BLOCK_RECORDS = 100
BLOCK_BYTES = 1024 * 1024
_PLACES = 128
_LEVEL = 1
#: Blocks whose bodies are remembered while several records are read.
_OPEN_BLOCKS = 16

_facts = msgspec.msgpack.Decoder(list[bytes])
_bodies = msgspec.msgpack.Decoder(tuple[list[list[bytes | list[bytes | tuple[int, int]]]], list[bytes]])


class Damage(sqlite3.DatabaseError):
    """What is stored in the file makes no sense."""


class Blocks:
    """The blocks of an open day. Methods raise `sqlite3.Error`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._decompressor = zstandard.ZstdDecompressor()
        self._pieces = Pieces()

    def forget(self) -> None:
        """Forget what was kept in a transaction that has failed."""
        self._pieces = Pieces()

    def write(self, records: Sequence[Record], numbers: Sequence[int]) -> list[int]:
        """Keep records, whose numbers are given; their places. Within a transaction."""
        (last,) = self._db.execute("SELECT ifnull(max(block), 0) FROM facts").fetchone()
        places: list[int] = []
        for block, (start, stop) in enumerate(_stretches(records), last + 1):
            some = records[start:stop]
            facts = self._packed([pack(record, bodies=False) for record in some])
            self._db.execute("INSERT INTO facts VALUES (?, ?, ?)", (block, array("q", numbers[start:stop]).tobytes(), facts))
            bodies = [self._cut(block, record) for record in some]
            if any(map(any, bodies)):
                pieces = self._pieces.take()
                self._db.execute("INSERT INTO bodies VALUES (?, ?)", (block, self._packed((bodies, pieces))))
            else:
                self._pieces.take()
            places += range(block * _PLACES, block * _PLACES + stop - start)
        return places

    def rewrite(self, changed: Mapping[int, Record]) -> None:
        """Put records, without their bodies, into the places of what they were. Within a transaction. Raises `Damage`."""
        blocks: dict[int, dict[int, Record]] = {}
        for place, record in changed.items():
            block, at = divmod(place, _PLACES)
            blocks.setdefault(block, {})[at] = record
        reader = self.reader()
        for block, records in blocks.items():
            facts = [pack(records[at], bodies=False) if at in records else old for at, old in enumerate(reader.facts(block))]
            self._db.execute("UPDATE facts SET data = ? WHERE block = ?", (self._packed(facts), block))

    def numbers(self, places: Sequence[int]) -> list[int]:
        """The numbers of the requests at these places."""
        found: list[int] = []
        kept, known = 0, array("q")
        for place in places:
            block, at = divmod(place, _PLACES)
            if block != kept:
                row = self._db.execute("SELECT numbers FROM facts WHERE block = ?", (block,)).fetchone()
                kept, known = block, array("q", row[0] if row else b"")
            if at < len(known):
                found.append(known[at])
        return found

    def reader(self) -> Reader:
        """What reads several records in a row, each block once."""
        return Reader(self._db, self._decompressor)

    def _cut(self, block: int, record: Record) -> list[Kept]:
        """The bodies of a record, as `BODIES` has them. What a provider answers is said once."""
        request, sent = self._pieces.cut(block, (record.request, record.sent))
        return [request, record.response, sent, record.received]

    def _packed(self, values: object) -> bytes:
        return self._compressor.compress(msgspec.msgpack.encode(values))


class Reader:
    """Reads records; remembers the facts of the blocks it has seen, and the bodies of some."""

    def __init__(self, db: sqlite3.Connection, decompressor: zstandard.ZstdDecompressor) -> None:
        self._db = db
        self._decompressor = decompressor
        self._facts: dict[int, list[bytes]] = {}
        self._bodies: dict[int, tuple[list[list[Kept]], list[bytes]]] = {}

    def record(self, place: int) -> Record:
        """The record at a place, without bodies. Raises `Damage`."""
        block, at = divmod(place, _PLACES)
        try:
            return unpack(self.facts(block)[at])
        except (msgspec.DecodeError, IndexError) as error:
            raise Damage(f"record {at} of block {block} cannot be read: {error}") from None

    def facts(self, block: int) -> list[bytes]:
        """What the records of a block say, packed. Raises `Damage`."""
        facts = self._facts.get(block)
        if facts is None:
            facts = self._facts[block] = self._read("SELECT data FROM facts WHERE block = ?", block, _facts) or []
        return facts

    def add_bodies(self, record: Record, place: int) -> None:
        """Give a record its bodies. Raises `Damage`."""
        block, at = divmod(place, _PLACES)
        bodies, _ = self._block(block)
        if bodies:
            for name, kept in zip(BODIES, bodies[at], strict=True):
                setattr(record, name, kept if isinstance(kept, bytes) else b"".join(self._part(part) for part in kept))

    def _part(self, part: bytes | tuple[int, int]) -> bytes:
        if isinstance(part, bytes):
            return part
        block, number = part
        try:
            return self._block(block)[1][number]
        except IndexError:
            raise Damage(f"piece {number} of block {block} is not there") from None

    def _block(self, block: int) -> tuple[list[list[Kept]], list[bytes]]:
        found = self._bodies.pop(block, None)
        if found is None:
            found = self._read("SELECT data FROM bodies WHERE block = ?", block, _bodies) or ([], [])
            while len(self._bodies) >= _OPEN_BLOCKS:
                del self._bodies[next(iter(self._bodies))]
        self._bodies[block] = found  # the last used last
        return found

    def _read(self, statement: str, block: int, decoder: msgspec.msgpack.Decoder[T]) -> T | None:
        row = self._db.execute(statement, (block,)).fetchone()
        if row is None:
            return None
        try:
            return decoder.decode(self._decompressor.decompress(row[0]))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise Damage(f"block {block} cannot be read: {error}") from None


def _stretches(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Where blocks begin and end."""
    start = size = 0
    for at, record in enumerate(records, 1):
        size += len(record.request) + len(record.response) + len(record.sent) + len(record.received)
        if at - start == BLOCK_RECORDS or size >= BLOCK_BYTES:
            yield start, at
            start, size = at, 0
    if start < len(records):
        yield start, len(records)
