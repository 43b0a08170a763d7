"""What a worker has taken out of pools and has not told the ledger yet: in memory, and in a file beside its journal.

The file is written before anything of it is spent. It survives any death of the process, as the journal does; that of the
machine it need not, since then nothing that the worker left is believed.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lockgate.policy.pool import Move
from lockgate.stores.ports import StoreError

_ROW = struct.Struct("<5q")


class Moves:
    """One epoch's. The file is there once it says something. Raises `StoreError` when one that was left by its name cannot be
    removed."""

    def __init__(self, path: Path) -> None:
        self.untold: list[Move] = []
        self._path = path
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot remove {path}: {error.strerror}") from None
        self._seq = 0
        self._fd = -1
        self._size = 0
        self._torn = False  # a part of a row is at its end, and would hide those that follow

    def __repr__(self) -> str:
        return f"Moves({self._path.name}, {len(self.untold)} of {self._seq} untold)"

    def add(self, pool: int, taken: Sequence[tuple[int, int, int]]) -> None:
        """Write down (lease of the pool, own lease or 0, amount). Raises `StoreError`; nothing of it may be spent then."""
        moves = [Move(self._seq + at, pool, *each) for at, each in enumerate(taken, 1)]
        rows = b"".join(_ROW.pack(move.seq, move.pool, move.source, move.number, move.amount) for move in moves)
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            if self._torn:
                self._cut(self._size)
            self._torn = True
            if os.write(self._fd, rows) != len(rows):
                raise StoreError(f"{self._path} takes no more")
            self._torn = False
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from None
        self._size += len(rows)
        self._seq += len(moves)
        self.untold += moves

    def told(self, seq: int) -> None:
        """The ledger knows all up to this one."""
        self.untold = [move for move in self.untold if move.seq > seq]
        if not self.untold and self._size:
            with suppress(OSError):  # what is told twice is counted once
                self._cut(0)

    def _cut(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        self._size, self._torn = size, False

    def close(self, *, gone: bool) -> None:
        """Let go of the file; `gone`: nobody needs to read it, and it is deleted if that can be."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if gone:
            with suppress(OSError):
                self._path.unlink()


def read_moves(path: Path) -> list[Move]:
    """What the file of a worker that is gone says; [] where there is none. Raises `StoreError`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from None
    return [Move(*row) for row in _ROW.iter_unpack(data[: len(data) // _ROW.size * _ROW.size])]
