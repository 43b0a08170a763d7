"""Marks: how the workers of a machine tell one another that what stands at a key in their common file has changed.

A small file that each of them maps into its memory: a random number for each of some groups of keys, and one for all keys.
Whoever has changed an entry puts another number in its group's place, *after* the change; who holds an entry in memory keeps
the numbers that it saw *before* it read, and gives the entry as long as they are the same. To look costs half a microsecond,
and nobody is asked.

Numbers are random, not counted: of two who change something at the same time none undoes the other's mark. Whoever dies between
a change and its mark has told nobody; so what is held is read again after `STALE_US`, whatever the marks say.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import random
from pathlib import Path

from lockgate.stores.solid import solid

#: Groups of keys. A group that is marked costs a look into the file for each of its entries that is held.
_GROUPS = 4096
_ALL = _GROUPS
_SIZE = 8 * (_GROUPS + 1)
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
#: For how long what is held is believed to be as it was, in µs.
STALE_US = 10_000_000

#: What was seen of a key: its group's number, and that of all.
Seen = tuple[int, int]


class Marks:
    """The marks in a file on a local disk, made when it is not there. Raises `OSError`."""

    __slots__ = ("_words",)

    def __init__(self, path: Path) -> None:
        fd = os.open(path, _FLAGS, 0o600)
        try:
            if os.fstat(fd).st_size < _SIZE:
                # Two who come at once both do it: a mark that is lost to that is one of a moment in which nothing is held yet.
                solid(fd, b"", _SIZE)
            self._words = memoryview(mmap.mmap(fd, _SIZE)).cast("Q")
        finally:
            os.close(fd)

    def __repr__(self) -> str:
        return f"Marks({_GROUPS} groups)"

    def seen(self, key: bytes) -> Seen:
        """The numbers of a key now."""
        words = self._words
        return words[int.from_bytes(key[-2:]) % _GROUPS], words[_ALL]

    def mark(self, key: bytes) -> None:
        """What stands at a key has changed."""
        self._words[int.from_bytes(key[-2:]) % _GROUPS] = random.getrandbits(64)

    def mark_all(self) -> None:
        """Any entry may have changed."""
        self._words[_ALL] = random.getrandbits(64)


def open_marks(path: Path) -> Marks | None:
    """The marks, or None where they cannot be had: then nothing may be held."""
    with contextlib.suppress(OSError, ValueError):
        return Marks(path)
    return None
