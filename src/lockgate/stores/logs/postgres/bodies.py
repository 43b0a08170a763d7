"""Bodies, in blocks: those of up to a hundred records compressed together, what repeats within a day kept once (`pieces`).

A block is a name and some bytes, written once, and forgotten with its day: a `BlockStore` need not do more, wherever it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec
import zstandard

from lockgate.core.record import BODIES, Record
from lockgate.stores.logs.pieces import Kept, Pieces
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.ports import StoreError

BLOCK_RECORDS = 100
BLOCK_BYTES = 1024 * 1024
_LEVEL = 1
#: Blocks that are remembered while several records are read.
_OPEN_BLOCKS = 16
#: Days that a writer remembers the pieces of: today, and yesterday around midnight.
_DAYS = 2

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

    def forget(self, day: int) -> None:
        """Forget all blocks of a day, if there are any."""
        ...


#: Gives the store for what is done in a transaction.
OpenBlocks = Callable[[Connection], BlockStore]


class TableBlocks:
    """The blocks in `log_bodies`, in the transaction of their batch; their day's partition is dropped with the day."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, day: int, name: str, data: bytes) -> None:
        """See `BlockStore`."""
        self._db.run("INSERT INTO log_bodies VALUES (%s, %s, %b)", (day, name, data))

    def get(self, day: int, name: str) -> bytes | None:
        """See `BlockStore`."""
        rows = self._db.rows("SELECT data FROM log_bodies WHERE day = %s AND name = %s", (day, name))
        return rows[0][0] if rows else None

    def forget(self, day: int) -> None:
        """See `BlockStore`: the table goes as a whole."""


class BodyWriter:
    """Cuts bodies into blocks. Not to be shared by threads."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
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

    def give(self, record: Record, day: int, block: int, at: int) -> None:
        """Give a record its bodies. Raises `StoreError` when they cannot be read."""
        try:
            for name, kept in zip(BODIES, self._read(day, block)[0][at], strict=True):
                setattr(record, name, kept if isinstance(kept, bytes) else b"".join(self._part(day, part) for part in kept))
        except IndexError:
            raise StoreError(f"Bodies of the log are damaged: block {block} is shorter than it was.") from None

    def _part(self, day: int, part: bytes | tuple[int, int]) -> bytes:
        if isinstance(part, bytes):
            return part
        block, number = part
        return self._read(day, block)[1][number]

    def _read(self, day: int, block: int) -> _Block:
        found = self._blocks.pop((day, block), None)
        if found is None:
            data = self._store.get(day, str(block))
            if data is None:
                raise StoreError(f"Bodies of the log are missing: block {block} is not there.")
            try:
                found = _block.decode(self._decompressor.decompress(data))
            except (zstandard.ZstdError, msgspec.DecodeError) as error:
                raise StoreError(f"Bodies of the log are damaged: block {block} cannot be read: {error}.") from None
            while len(self._blocks) >= _OPEN_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
        self._blocks[day, block] = found
        return found


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
