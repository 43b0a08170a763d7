"""Where things stand on the circuit board (`board.py`), for its workers and for those who only look."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import msgspec

from lockgate.policy.breaker import COLUMN_WORDS, GATE_WORDS
from lockgate.stores.ports import StoreError

MAGIC = b"lockgate"
VERSION = 2
#: Magic, version, slots, columns, numbers in a slot's part of a column; then, as numbers, how many columns were ever in use,
#: and until when circuits are shared with other machines.
HEADER = struct.Struct("=8sQQQQ")
USED, SHARED = 5, 6
HEADER_WORDS = 8
#: A slot: its digest (16 bytes), its tenure (0: free), its gate, its permit (for the state that began then, until then), and
#: when a probe was last wanted; a cache line.
SLOT_WORDS = 8
DIGEST = 16
TENURE, GATE, PERMIT, PERMIT_UNTIL, WANTED = 2, 3, 5, 6, 7
#: A name is its size and so many bytes of it at most.
NAME = 255
#: Nobody shares circuits for longer at a time, in seconds: who seems to has a damaged header.
SHARED_MOST_S = 60.0


class Layout(msgspec.Struct, frozen=True):
    """A board of so many slots and columns. Places are in bytes."""

    slots: int
    columns: int

    @property
    def header(self) -> bytes:
        """What such a board begins with."""
        return HEADER.pack(MAGIC, VERSION, self.slots, self.columns, COLUMN_WORDS)

    @property
    def slots_at(self) -> tuple[int, int]:
        """Where the slots begin and end."""
        return 8 * HEADER_WORDS, 8 * (HEADER_WORDS + self.slots * SLOT_WORDS)

    @property
    def names_at(self) -> tuple[int, int]:
        """Where the names begin and end."""
        start = 8 * (HEADER_WORDS + self.slots * SLOT_WORDS + self.columns * self.slots * COLUMN_WORDS)
        return start, start + self.slots * (NAME + 1)


class Post(msgspec.Struct, frozen=True):
    """One circuit, as it stands on the board. `wanted`: when a probe was last refused for want of a permit."""

    slot: int
    digest: bytes
    tenure: float
    until: float
    since: float
    wanted: float


class View(msgspec.Struct, frozen=True):
    """What somebody sees who only looks: the circuits with their names, and until when they are shared with other machines."""

    circuits: list[tuple[str, Post]]
    shared_until: float


def is_shared(until: float, now: float) -> bool:
    """Whether circuits are shared with other machines, by what the header says."""
    return now < until <= now + SHARED_MOST_S


def posts_in(raw: bytes) -> list[Post]:
    """The circuits that have a slot, of the bytes of all slots."""
    words = memoryview(raw).cast("d").tolist()
    found: list[Post] = []
    for slot in range(len(words) // SLOT_WORDS):
        at = slot * SLOT_WORDS
        if tenure := words[at + TENURE]:
            digest, (until, since) = raw[8 * at : 8 * at + DIGEST], words[at + GATE : at + GATE + GATE_WORDS]
            found.append(Post(slot, digest, tenure, until, since, words[at + WANTED]))
    return found


def as_name(name: str) -> bytes:
    """A name as it stands on the board; a long one is cut."""
    short = name.encode()[:NAME]
    return bytes([len(short)]) + short


def name_in(raw: bytes, slot: int) -> str:
    """The name of a slot's circuit, of the bytes of all names."""
    at = slot * (NAME + 1)
    return raw[at + 1 : at + 1 + raw[at]].decode("utf-8", "ignore")


def look(path: Path) -> View:
    """Look at a board without taking part. Raises `StoreError` when there is none that can be read."""
    try:
        with path.open("rb") as file:
            head = file.read(8 * HEADER_WORDS)
            magic, version, slots, columns, words = HEADER.unpack_from(head.ljust(HEADER.size, b"\0"))
            layout = Layout(slots, columns)
            start, end = layout.names_at
            sound = (magic, version, words) == (MAGIC, VERSION, COLUMN_WORDS) and os.fstat(file.fileno()).st_size == end
            if not sound:
                raise StoreError(f"{path} is no circuit board of this version.")
            raw = file.read(layout.slots_at[1] - layout.slots_at[0])
            file.seek(start)
            names = file.read(end - start)
    except OSError as error:
        raise StoreError(f"The circuit board {path} cannot be read: {error.strerror}.") from None
    (shared_until,) = struct.unpack_from("=d", head, 8 * SHARED)
    return View([(name_in(names, post.slot), post) for post in posts_in(raw)], shared_until)
