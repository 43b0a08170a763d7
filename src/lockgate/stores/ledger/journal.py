"""The journal: what a worker has under way, in a file that it maps into its memory and that outlives it.

Writing is storing numbers: no system call, no lock. What has been stored is in the kernel's hands at once and survives any
death of the process; that of the machine it does not, and then the file is not believed. The owner holds `flock` on it for
as long as it lives, so whoever gets the lock knows that the owner is gone, and reads what it left.

    header   what this is, whose, and of which start of the machine
    slots    one for each reservation: its state, number of its posting, amounts reserved and posted, id, leases

A slot's state is stored last, in one piece, so a slot that says something has all of it. A slot that was posted stays until the
ledger has the posting, and says its number (`seq`): what the ledger has already is not counted again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from lockgate.policy.purse import DISPATCHED, HELD, POSTED
from lockgate.stores.ports import StoreError
from lockgate.stores.solid import solid

SUFFIX = ".journal"
#: The file beside it that says what its worker took out of pools (`stores.ledger.moves`).
MOVES = ".moves"
#: Reservations that a worker may have under way, or not yet in the ledger, at a time; and leases that one may take of.
SLOTS, LEASES = 16_384, 32

_MAGIC = b"\xf5LGJ2\0\0\0"
_HEADER = struct.Struct("<8sqqqq40s40s")  # magic, epoch, slots, bytes of one, pid, the machine's start, the epoch's token
_HEADER_BYTES = 256
#: state, seq, attempt, number of leases, reserved (3), posted (3), id, leases
_SEQ, _POSTED = 1, 7
_ID_BYTES = 48
_SLOT_WORDS = 10 + _ID_BYTES // 8 + LEASES
_SLOT_BYTES = 8 * _SLOT_WORDS
_FREE = 0
#: What packs a slot from the attempt on, by the number of leases; and what was posted.
_PACK_OPEN = [struct.Struct(f"<5q24x{_ID_BYTES}s{number}q").pack_into for number in range(LEASES + 1)]
_PACK_POSTED = struct.Struct("<3q").pack_into


class Entry(msgspec.Struct, frozen=True):
    """What a slot says. Amounts are (nano-USD, tokens, requests)."""

    state: int
    seq: int
    id: str
    attempt: int
    leases: tuple[int, ...]
    reserved: tuple[int, int, int]
    posted: tuple[int, int, int]


class FileJournal:
    """A worker's journal (`policy.purse.Journal`): one to an epoch, not to be shared across a fork. `token` is the epoch's, 40
    letters at most. Raises `StoreError` when it cannot be made."""

    def __init__(self, directory: Path, epoch: int, token: str = "", *, slots: int = SLOTS, boot: str | None = None) -> None:
        self.path = directory / f"{epoch:012d}{SUFFIX}"
        self._new = self.path.with_suffix(".new")
        size = _HEADER_BYTES + slots * _SLOT_BYTES
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(self._new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                start = (boot_id() if boot is None else boot).encode()
                solid(self._fd, _HEADER.pack(_MAGIC, epoch, slots, _SLOT_BYTES, os.getpid(), start, token.encode()), size)
                self._memory = mmap.mmap(self._fd, size)
                # It gets its name once its lock is held: nobody takes it for a dead worker's.
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._new.rename(self.path)
            except OSError:
                os.close(self._fd)
                with suppress(OSError):
                    self._new.unlink()  # what of it has its room is room that others lack
                raise
        except OSError as error:
            raise StoreError(f"cannot make a journal in {directory}: {error.strerror}") from None
        self._words = memoryview(self._memory).cast("q")
        self.closed = False
        self._slots = slots
        # A slot is known by the place where it begins.
        self._unused = array("q", range(size - _SLOT_BYTES, _HEADER_BYTES - 1, -_SLOT_BYTES))

    def __repr__(self) -> str:
        return f"FileJournal({self.path.name}, {self._slots - len(self._unused)} of {self._slots} slots)"

    def open(self, id: str, attempt: int, numbers: Sequence[int], cost: int, tokens: int, requests: int) -> int:
        """A slot, HELD; -1 when all are taken, or the leases are too many."""
        number = len(numbers)
        if not self._unused or number > LEASES:
            return -1
        slot = self._unused.pop()
        _PACK_OPEN[number](self._memory, slot + 16, attempt, number, cost, tokens, requests, id.encode(), *numbers)
        self._words[slot >> 3] = HELD
        return slot

    def dispatch(self, slot: int) -> None:
        """It is about to be sent."""
        self._words[slot >> 3] = DISPATCHED

    def post(self, slot: int, seq: int, cost: int, tokens: int, requests: int) -> None:
        """It cost so much."""
        _PACK_POSTED(self._memory, slot + 8 * _POSTED, cost, tokens, requests)
        words = self._words
        words[(slot >> 3) + _SEQ] = seq
        words[slot >> 3] = POSTED

    def free(self, slot: int) -> None:
        """It says nothing any more."""
        self._words[slot >> 3] = _FREE
        self._unused.append(slot)

    def close(self, *, gone: bool) -> None:
        """Let go of the file; `gone`: there is nothing left in it that matters, and it is deleted. (Where it cannot be, whoever
        looks for the dead tries again.)"""
        self.closed = True
        self._words.release()
        self._memory.close()
        if gone:
            with suppress(OSError):
                self.path.unlink()
        os.close(self._fd)


class NoJournal:
    """The journal of those who reserve nothing, or whose journal is left to others: what they say is not written down."""

    def __init__(self) -> None:
        self._slots = 0

    def open(self, id: str, attempt: int, numbers: Sequence[int], cost: int, tokens: int, requests: int) -> int:
        """A slot like no other."""
        self._slots += 1
        return self._slots

    def dispatch(self, slot: int) -> None: ...

    def post(self, slot: int, seq: int, cost: int, tokens: int, requests: int) -> None: ...

    def free(self, slot: int) -> None: ...


class DeadJournal:
    """The journal of a worker that is gone, locked so that nobody else reads it too. `sound`: what it says can be believed.
    `token` is its epoch's, None where that cannot be read. `used_s`: when it was last written, in seconds since the epoch."""

    __slots__ = ("_fd", "entries", "epoch", "path", "sound", "token", "used_s")

    def __init__(self, path: Path, fd: int, boot: str) -> None:
        self.path = path
        self._fd = fd
        size, self.used_s = os.fstat(fd).st_size, os.fstat(fd).st_mtime
        data = os.pread(fd, size, 0)
        self.epoch = int(path.name.removesuffix(SUFFIX))
        self.entries: list[Entry] = []
        self.sound = False
        self.token: str | None = None
        if size < _HEADER_BYTES:
            return
        magic, epoch, slots, slot_bytes, _, started, token = _HEADER.unpack_from(data)
        if magic != _MAGIC or epoch != self.epoch or size != _HEADER_BYTES + slots * slot_bytes:
            return
        self.token = _text(token)
        if not boot or _text(started) != boot:
            return  # the machine went down with the worker, and who knows what reached the disk
        self.sound = True
        self.entries = [entry for slot in range(slots) if (entry := _entry(data, _HEADER_BYTES + slot * slot_bytes))]

    def __repr__(self) -> str:
        return f"DeadJournal({self.path.name}, {len(self.entries)} entries{'' if self.sound else ', not sound'})"

    def close(self, *, gone: bool) -> None:
        """Let go of it; `gone`: the ledger has all of it, and it is deleted if that can be."""
        if gone:
            with suppress(OSError):  # it is found again
                self.path.with_suffix(MOVES).unlink(missing_ok=True)
                self.path.unlink()
        os.close(self._fd)


def dead_journals(directory: Path, *, boot: str | None = None) -> Iterator[DeadJournal]:
    """The journals of workers that are gone, oldest first, each locked when it is its turn. Raises `StoreError` for one that
    cannot be read."""
    try:
        paths = sorted(directory.glob("*" + SUFFIX))
    except OSError as error:
        raise StoreError(f"cannot read the journals in {directory}: {error.strerror}") from None
    for path in paths:
        try:
            journal = _dead(path, boot_id() if boot is None else boot)
        except OSError as error:
            raise StoreError(f"cannot read the journal {path}: {error.strerror}") from None
        if journal is not None:
            yield journal


def _dead(path: Path, boot: str) -> DeadJournal | None:
    """The journal, if nobody has it any more. Raises `OSError`."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None  # deleted in this moment
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:
            return DeadJournal(path, fd, boot)
    except BlockingIOError:
        pass  # its worker lives, or somebody else reads it
    except OSError:
        os.close(fd)
        raise
    os.close(fd)
    return None


def boot_id() -> str:
    """A name for the time since the machine was started, the same for all of its processes; "" where it has none, and no
    journal is believed."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")


def _entry(data: bytes, at: int) -> Entry | None:
    state, seq, attempt, number, *amounts = struct.unpack_from("<10q", data, at)
    if state == _FREE:
        return None
    id = _text(data[at + 80 : at + 80 + _ID_BYTES])
    leases = struct.unpack_from(f"<{number}q", data, at + 80 + _ID_BYTES)
    cost, tokens, requests, *posted = amounts
    return Entry(state, seq, id, attempt, leases, (cost, tokens, requests), (posted[0], posted[1], posted[2]))
