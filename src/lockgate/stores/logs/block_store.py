"""Bodies, in blocks: those of up to a hundred records compressed together, what repeats within a day kept once (`pieces`).

A block is a name and some bytes, written once, and forgotten with its day: a `BlockStore` need not do more, wherever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Protocol

import msgspec
import zstandard

from lockgate.core.record import BODIES, Record
from lockgate.stores.logs.pieces import Kept, Pieces

BLOCK_RECORDS = 100
BLOCK_BYTES = 1024 * 1024
_LEVEL = 1
#: Blocks that are remembered while several records are read.
_OPEN_BLOCKS = 16
#: Days that a writer remembers the pieces of: today, and yesterday around midnight.
_DAYS = 2
_EPOCH = date(1970, 1, 1)

_block = msgspec.msgpack.Decoder(tuple[list[list[bytes | list[bytes | tuple[int, int]]]], list[bytes]])
_Block = tuple[list[list[Kept]], list[bytes]]


class BlockStore(Protocol):
    """Where blocks lie. Each call may raise `StoreError`."""

    def put(self, day: int, name: str, data: bytes) -> None:
        """Keep a block. It must be there when this returns or, at the latest, when the transaction of its batch ends. One that
        no request refers to in the end, since that failed, does no harm."""
        ...

    def get(self, day: int, name: str) -> bytes | None:
        """A block; None when it is not there."""
        ...

    def lost(self, sentence: str) -> None:
        """A block that requests refer to is missing or damaged, as the sentence says. Raises `StoreError` where they
        are not to be read without it; else they come without what was in it."""
        ...

    def forget(self, day: int) -> None:
        """Forget all blocks of a day, if there are any. Where it fails, the next time goes on with what is left."""
        ...


class BodyWriter:
    """Cuts bodies into blocks. Not to be shared by threads."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._pieces: dict[int, Pieces] = {}

    def forget(self) -> None:
        """Forget what was kept in a transaction that has failed: nobody must refer to it."""
        self._pieces.clear()

    def blocks(self, day: int, records: Sequence[Record], number: Callable[[], int]) -> Iterator[tuple[int, bytes, int]]:
        """The blocks of these records of a day: the `number` of each, its bytes (none where there are no bodies), and how many
        of the records, in their order, it holds."""
        pieces = self._of(day)
        for some in _stretches(records):
            block = number()
            bodies = [pieces.cut(block, [getattr(record, name) for name in BODIES]) for record in some]
            new = pieces.take()
            data = self._compressor.compress(msgspec.msgpack.encode((bodies, new))) if any(map(any, bodies)) else b""
            yield block, data, len(some)

    def _of(self, day: int) -> Pieces:
        pieces = self._pieces.pop(day, None) or Pieces()
        while len(self._pieces) >= _DAYS:
            del self._pieces[next(iter(self._pieces))]
        self._pieces[day] = pieces  # the last used last
        return pieces


class BodyReader:
    """Reads the bodies of several records; remembers the blocks that it has seen last."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store
        self._decompressor = zstandard.ZstdDecompressor()
        self._blocks: dict[tuple[int, int], _Block] = {}
        self._lost: set[tuple[int, int]] = set()

    def give(self, record: Record, day: int, block: int, at: int) -> None:
        """Give a record its bodies. One that is lost is left out, and the record `truncated`. Raises `StoreError` when they
        cannot be read now, or (see `BlockStore.lost`) ever."""
        for number, name in enumerate(BODIES):
            try:
                kept = self._read(day, block)[0][at][number]
                body = kept if isinstance(kept, bytes) else b"".join(self._part(day, part) for part in kept)
            except _Lost as lost:
                self._tell(lost)
                body, record.truncated = b"", True
            except IndexError:
                self._tell(_Lost(day, block, "is shorter than it was"))
                body, record.truncated = b"", True
            setattr(record, name, body)

    def _part(self, day: int, part: bytes | tuple[int, int]) -> bytes:
        if isinstance(part, bytes):
            return part
        block, number = part
        return self._read(day, block)[1][number]

    def _read(self, day: int, block: int) -> _Block:
        found = self._blocks.pop((day, block), None)
        if found is None:
            if (day, block) in self._lost:
                raise _Lost(day, block, "")
            data = self._store.get(day, str(block))
            if data is None:
                raise _Lost(day, block, "is not there")
            try:
                found = _block.decode(self._decompressor.decompress(data))
            except (zstandard.ZstdError, msgspec.DecodeError) as error:
                raise _Lost(day, block, f"cannot be read: {error}") from None
            while len(self._blocks) >= _OPEN_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
        self._blocks[day, block] = found
        return found

    def _tell(self, lost: _Lost) -> None:
        """Say it once of each block."""
        if (lost.day, lost.block) not in self._lost:
            self._lost.add((lost.day, lost.block))
            self._store.lost(f"Bodies of the log are lost: block {lost.block} of {date_of(lost.day)} {lost.why}.")


class _Lost(Exception):
    """A block is not to be had any more."""

    def __init__(self, day: int, block: int, why: str) -> None:
        super().__init__(why)
        self.day = day
        self.block = block
        self.why = why


def date_of(day: int) -> str:
    """A day, which is counted since the epoch, as "2026-11-25"."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def _stretches(records: Sequence[Record]) -> list[Sequence[Record]]:
    """The records, as they share blocks."""
    found: list[Sequence[Record]] = []
    start = size = 0
    for at, record in enumerate(records, 1):
        size += sum(len(getattr(record, name)) for name in BODIES)
        if at - start == BLOCK_RECORDS or size >= BLOCK_BYTES:
            found.append(records[start:at])
            start, size = at, 0
    if start < len(records):
        found.append(records[start:])
    return found
