"""An index of vectors: which of them lie nearest to one, by the cosine.

A vector is kept in half precision (the upper half of each float32, which a shift reads again; float16 has to be converted, at
ten times the cost), and as a code: one bit a number, its sign. The codes of all are compared first (32 bytes a vector, two
operations a word), and the vectors of the nearest alone are multiplied. That finds nearly all that multiplying all would
find, at a fraction of the cost (`python -m bench.nearest`).

It is written to by one thread; others may search meanwhile. A row that is written over at that moment may be missed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Rows in a block: a full one is never moved. The first one begins with fewer, since most partitions are small.
_BLOCK, _FIRST = 16_384, 16
#: Of how many rows, the nearest by their codes, the vectors are multiplied; where more are as near, of four times as many.
_PICKED = 512
#: Bytes of a row: half precision, and a bit, a number.
_PER_NUMBER = 2 + 1 / 8


class Index:
    """Vectors of `width` numbers, a multiple of 64, and of length 1."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._words = width // 64
        self._rows: list[NDArray[np.uint16]] = []
        self._codes: list[NDArray[np.uint64]] = []
        self._count = 0

    def __repr__(self) -> str:
        return f"Index({self._count} rows of {self._width})"

    def __len__(self) -> int:
        return self._count

    @property
    def row_bytes(self) -> int:
        """What a row takes."""
        return int(self._width * _PER_NUMBER)

    @property
    def vector_bytes(self) -> int:
        """What a vector takes, `packed`."""
        return 2 * self._width

    def put(self, row: int, vector: bytes) -> None:
        """Write a vector (`packed`) to a row: one that is there, or the next."""
        block, at = divmod(row, _BLOCK)
        if row == self._count:
            self._grow(block, at)
            self._count += 1
        halves = np.frombuffer(vector, "<u2", self._width)
        self._codes[block][:, at] = _code(_whole(halves))
        self._rows[block][at] = halves

    def blank(self, row: int) -> None:
        """Let a row be near to nothing."""
        block, at = divmod(row, _BLOCK)
        self._rows[block][at] = 0

    def near(self, vector: bytes, most: int, floor: float) -> list[tuple[int, float]]:
        """The rows nearest to a vector (as an embedder gives it), nearest first, and their cosines: of at least `floor`."""
        one = np.frombuffer(vector, "<f4", self._width)
        picked = self._picked(_code(one), self._count)
        cosines = self._multiplied(picked, one)
        order = np.argsort(-cosines, kind="stable")[:most]
        return [(int(picked[at]), float(cosines[at])) for at in order if cosines[at] >= floor]

    def _grow(self, block: int, at: int) -> None:
        """Have room for a row. Whoever searches meanwhile goes on with the arrays that were."""
        if block == len(self._rows):
            room = _BLOCK if block else _FIRST
            self._rows.append(np.zeros((room, self._width), np.uint16))
            self._codes.append(np.zeros((self._words, room), np.uint64))
        elif at == len(self._rows[block]):
            self._rows[block] = np.concatenate((self._rows[block], np.zeros_like(self._rows[block])))
            self._codes[block] = np.concatenate((self._codes[block], np.zeros_like(self._codes[block])), axis=1)

    def _picked(self, code: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
        """The rows nearest by their codes."""
        if count <= _PICKED:
            return np.arange(count)
        apart = np.empty(count, np.uint8)
        for block, codes in enumerate(self._codes):
            part = apart[block * _BLOCK : (block + 1) * _BLOCK]
            np.bitwise_count(codes[0, : len(part)] ^ code[0], out=part)
            for word in range(1, self._words):
                part += np.bitwise_count(codes[word, : len(part)] ^ code[word])  # 256 is 0: what is opposite, to be sorted out
        furthest = int(np.searchsorted(np.cumsum(np.bincount(apart, minlength=256)), _PICKED))
        return np.flatnonzero(apart <= furthest)[: 4 * _PICKED]

    def _multiplied(self, picked: NDArray[np.int64], one: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(self._rows) < 2:
            return _whole(self._rows[0][picked]) @ one if self._rows else np.empty(0, np.float32)
        cosines = np.empty(len(picked), np.float32)
        ends = np.searchsorted(picked, np.arange(1, len(self._rows) + 1) * _BLOCK)  # they are in their order
        start = 0
        for block, end in enumerate(ends):
            cosines[start:end] = _whole(self._rows[block][picked[start:end] - block * _BLOCK]) @ one
            start = end
        return cosines


def packed(vector: bytes) -> bytes:
    """A vector as an embedder gives it, as it is kept: rounded to half of its bytes."""
    return ((np.frombuffer(vector, "<u4") + np.uint32(0x8000)) >> np.uint32(16)).astype("<u2").tobytes()


def _whole(halves: NDArray[np.uint16]) -> NDArray[np.float32]:
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _code(numbers: NDArray[np.floating]) -> NDArray[np.uint64]:
    return np.packbits(numbers > 0).view(np.uint64)
