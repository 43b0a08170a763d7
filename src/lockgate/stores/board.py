"""The circuit board: the state of all circuits, in one file that every worker of a machine maps into its memory.

    header     what this is, and its measures
    slots      one for each circuit: the digest of its name, its tenure, its gate (`policy.breaker`), its permit
    columns    one for each worker: a few numbers for each circuit, in which only that worker writes
    names      one for each circuit, for those who look from outside

Reading and counting are plain memory: no lock, no system call. Numbers are eight aligned bytes, which a processor reads and
writes whole. Locks (`fcntl`, of single bytes that stand for what is locked) are taken only to change a gate and to give out
columns and slots; the system lets them go when a process dies, however it dies, so a dead worker's column is free for the next.

Slots are bounded. When all are taken, one that has been idle for long is given to another circuit, and its tenure changes: who
still holds the old one sees that and looks again. When none is idle, a circuit is each worker's own.

Machines may share their circuits (`circuits.messenger`). While they do, a probe needs a permit, which one machine has at a
time: who would begin one without leaves a mark that it is wanted, and does not wait.

What stands in the file means something only to the workers of one run: times are those of a clock that starts with the machine.
(CLOCK_MONOTONIC, and mach_absolute_time on macOS: `time.monotonic` and `perf_counter` tell all processes the same there.) So
whoever comes when nobody is in starts a new file, and so a damaged or foreign one is replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import mmap
import os
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

from lockgate.policy.breaker import COLUMN_WORDS, GATE_WORDS, Cell, LocalCell, Words, set_gate, touched
from lockgate.stores.board_layout import (
    DIGEST,
    GATE,
    HEADER,
    HEADER_WORDS,
    NAME,
    PERMIT,
    PERMIT_UNTIL,
    SHARED,
    SHARED_MOST_S,
    SLOT_WORDS,
    TENURE,
    USED,
    WANTED,
    Layout,
    Post,
    as_name,
    is_shared,
    posts_in,
)
from lockgate.stores.ports import StoreError
from lockgate.stores.solid import solid

SLOTS = 512
COLUMNS = 32
#: A slot that nobody has written in for so long, in seconds, may be given to another circuit.
IDLE_S = 900.0
#: A circuit begins so long before it is given a slot, in seconds: the request that asked for it counts as well.
_BEFORE_S = 1.0

#: The bytes that are locked: the entrance (columns and slots are given out there), the columns, the gates, and the messenger's
#: office.
_ENTRANCE = 0


class Board:
    """One worker's place at the board: one to a process and file, opened after the fork. Raises `StoreError` when there is no
    place: the file cannot be made, or all columns are taken. `clock` is the breakers'."""

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = monotonic, slots: int = SLOTS, columns: int = COLUMNS
    ) -> None:
        self._path = path
        self._clock = clock
        self._slots = slots
        self._columns = columns
        layout = Layout(slots, columns)
        self._header = layout.header
        self._slots_at, (self._names_at, self._size) = layout.slots_at, layout.names_at
        self._full_until = 0.0  # before then no slot can have become idle
        try:
            self._fd, self._column = self._enter()
        except OSError as error:
            raise StoreError(f"The circuit board {path} cannot be used: {error.strerror}.") from None
        self._memory = mmap.mmap(self._fd, self._size)
        self._words = memoryview(self._memory).cast("d")
        self._clear(self._column)
        self._words[USED] = max(self._words[USED], self._column + 1.0)
        _unlock(self._fd, _ENTRANCE)

    def __repr__(self) -> str:
        return f"Board({self._path.name}, column {self._column} of {self._columns})"

    def cell(self, name: str) -> Cell:
        """The circuit of that name, the same for all workers. A new one may wait for another worker that is just adding one."""
        return _Slot(self, name)

    def close(self) -> None:
        """Leave: the column is free for another worker. Cells that are still held go on with what they see."""
        os.close(self._fd)

    def find(self, name: str) -> tuple[int, float] | None:
        """The slot of a circuit and its tenure, found or taken; None: all are taken, and none is idle."""
        digest = hashlib.blake2b(name.encode(), digest_size=DIGEST).digest()
        found = self._look(digest)
        if found is not None or self._clock() < self._full_until:
            return found
        _lock(self._fd, _ENTRANCE)
        try:
            return self._look(digest) or self._take(digest, name)
        finally:
            _unlock(self._fd, _ENTRANCE)

    def view(self, slot: int) -> tuple[Words, Words, Words]:
        """A slot's tenure, its gate, and this worker's column of it."""
        at = HEADER_WORDS + slot * SLOT_WORDS
        gate = self._words[at + GATE : at + GATE + GATE_WORDS]
        return self._words[at + TENURE : at + TENURE + 1], gate, self._part(self._column, slot)

    def used(self) -> int:
        """How many columns may have something in them."""
        used = self._words[USED]
        return int(used) if 1 <= used <= self._columns else self._columns

    def parts(self, slot: int) -> list[Words]:
        """The columns of a slot, as far as they are in use."""
        return [self._part(column, slot) for column in range(self.used())]

    def change(self, slot: int, gate: Words, seen: tuple[float, float], to: tuple[float, float]) -> bool:
        """Change a gate under its lock, if it is still as it was seen. Who finds the lock taken is not the first, and does not
        wait."""
        byte = 1 + self._columns + slot
        if not _try_lock(self._fd, byte):
            return False
        try:
            if (gate[0], gate[1]) != seen:
                return False
            set_gate(gate, *to)
            return True
        finally:
            _unlock(self._fd, byte)

    # --- for whoever shares circuits with other machines, and whoever looks

    def elect(self) -> bool:
        """Take the messenger's office, for as long as this process lives. False: another worker of the machine has it."""
        return _try_lock(self._fd, 1 + self._columns + self._slots)

    def share(self, seconds: float) -> None:
        """Circuits are shared for so long from now: probes need permits. 0: not any more."""
        self._words[SHARED] = self._clock() + seconds if seconds else 0.0

    def is_shared(self, now: float) -> bool:
        """Whether circuits are shared with other machines."""
        return is_shared(self._words[SHARED], now)

    def permit(self, post: Post, until: float) -> None:
        """One worker of this machine may begin a probe until then, if the circuit is still as it was seen."""
        at = HEADER_WORDS + post.slot * SLOT_WORDS
        self._words[at + PERMIT_UNTIL] = until
        self._words[at + PERMIT] = post.since

    def admits(self, slot: int, since: float, now: float) -> bool:
        """Whether a probe may begin of the state that began at `since`; if not, it is now known to be wanted."""
        if not self.is_shared(now):
            return True
        words, at = self._words, HEADER_WORDS + slot * SLOT_WORDS
        if words[at + PERMIT] == since and now < words[at + PERMIT_UNTIL] <= now + SHARED_MOST_S:
            return True
        words[at + WANTED] = now
        return False

    def raw(self) -> bytes:
        """All slots as they are: whoever has seen the same bytes before has seen everything."""
        start, end = self._slots_at
        return self._memory[start:end]

    def posts(self) -> list[Post]:
        """The circuits that have a slot."""
        return posts_in(self.raw())

    def gate(self, slot: int) -> Words:
        """A slot's gate."""
        return self.view(slot)[1]

    def _part(self, column: int, slot: int) -> memoryview[float]:
        at = HEADER_WORDS + self._slots * SLOT_WORDS + (column * self._slots + slot) * COLUMN_WORDS
        return self._words[at : at + COLUMN_WORDS]

    def _clear(self, column: int) -> None:
        """Wipe what a dead worker has left."""
        start = 8 * (HEADER_WORDS + self._slots * SLOT_WORDS + column * self._slots * COLUMN_WORDS)
        size = 8 * self._slots * COLUMN_WORDS
        self._memory[start : start + size] = bytes(size)

    # --- the way in: returns with the entrance locked

    def _enter(self) -> tuple[int, int]:
        """The file and a column in it."""
        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                _lock(fd, _ENTRANCE)
                if not self._is_current(fd):
                    os.close(fd)  # another worker has just put a new one in its place
                    continue
                column, company = self._sit_down(fd)
                if company and self._is_sound(fd):
                    if column is None:
                        raise StoreError(
                            f"The circuit board {self._path} has a place for {self._columns} workers; all are taken."
                        )
                    return fd, column
                new = self._make()
            except (OSError, StoreError):
                os.close(fd)
                raise
            os.close(fd)
            return new, 0

    def _is_current(self, fd: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(fd))

    def _is_sound(self, fd: int) -> bool:
        return os.fstat(fd).st_size == self._size and os.pread(fd, HEADER.size, 0) == self._header

    def _sit_down(self, fd: int) -> tuple[int | None, bool]:
        """The first free column, and whether any is taken."""
        free = [column for column in range(self._columns) if _try_lock(fd, 1 + column)]
        for column in free[1:]:
            _unlock(fd, 1 + column)
        return (free[0] if free else None), len(free) < self._columns

    def _make(self) -> int:
        """A new board in the place of whatever is there, with us in its first column."""
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            solid(fd, self._header, self._size)
            _lock(fd, _ENTRANCE)
            _lock(fd, 1)
            new.rename(self._path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                new.unlink()
            raise
        return fd

    # --- slots

    def _look(self, digest: bytes) -> tuple[int, float] | None:
        start, end = self._slots_at
        at = self._memory.find(digest, start, end)
        while at >= 0:
            slot, inside = divmod(at - start, 8 * SLOT_WORDS)
            tenure = self._tenure(slot)
            # The tenure was read first: a digest that changes in between is found out by it.
            if not inside and tenure and self._memory[at : at + DIGEST] == digest:
                return slot, tenure
            at = self._memory.find(digest, at + 1, end)
        return None

    def _take(self, digest: bytes, name: str) -> tuple[int, float] | None:
        """Give a digest the first free slot, or the one that is idle longest."""
        free = next((slot for slot in range(self._slots) if not self._tenure(slot)), None)
        if free is None:
            at, free = min((self._touched(slot), slot) for slot in range(self._slots))
            self._full_until = at + IDLE_S
            if self._clock() < self._full_until:
                return None
        return free, self._give(free, digest, name)

    def _tenure(self, slot: int) -> float:
        return self._words[HEADER_WORDS + slot * SLOT_WORDS + TENURE]

    def _touched(self, slot: int) -> float:
        _, gate, _ = self.view(slot)
        return max(touched(gate, part) for part in self.parts(slot))

    def _give(self, slot: int, digest: bytes, name: str) -> float:
        """Give a slot away. The new tenure comes last: until then nobody takes it for the new one's."""
        at = HEADER_WORDS + slot * SLOT_WORDS
        tenure, gate, _ = self.view(slot)
        self._memory[8 * at : 8 * at + DIGEST] = digest
        at_name = self._names_at + slot * (NAME + 1)
        said = as_name(name)
        self._memory[at_name : at_name + len(said)] = said
        for index in (PERMIT, PERMIT_UNTIL, WANTED):
            self._words[at + index] = 0.0
        for part in self.parts(slot):
            for index in range(COLUMN_WORDS):
                part[index] = 0.0
        set_gate(gate, 0.0, self._clock() - _BEFORE_S)
        tenure[0] += 1.0
        return tenure[0]


class _Slot:
    """A circuit on the board (`policy.breaker.Cell`)."""

    __slots__ = ("_board", "_columns", "_gate", "_local", "_mine", "_name", "_owner", "_slot", "_tenure")

    def __init__(self, board: Board, name: str) -> None:
        self._board = board
        self._name = name
        self._attach()

    def gate(self) -> Words:
        if self._owner[0] != self._tenure:
            self._attach()
        return self._gate

    def mine(self) -> Words:
        return self._mine

    def columns(self) -> Sequence[Words]:
        if self._local is None and len(self._columns) != self._board.used():
            self._columns = self._board.parts(self._slot)
        return self._columns

    def admits(self, since: float, now: float) -> bool:
        return self._local is not None or self._board.admits(self._slot, since, now)

    def swap(self, until: float, since: float, to_until: float, to_since: float) -> bool:
        if self._local is not None:
            return self._local.swap(until, since, to_until, to_since)
        return self._board.change(self._slot, self._gate, (until, since), (to_until, to_since))

    def _attach(self) -> None:
        """Find the slot, or do without one."""
        found = self._board.find(self._name)
        self._local = LocalCell() if found is None else None
        if self._local is not None:
            self._slot, self._tenure, self._owner = -1, 0.0, array("d", [0.0])
            self._gate, self._mine, self._columns = self._local.gate(), self._local.mine(), self._local.columns()
            return
        assert found is not None
        self._slot, self._tenure = found
        self._owner, self._gate, self._mine = self._board.view(self._slot)
        self._columns = self._board.parts(self._slot)


def _lock(fd: int, byte: int) -> None:
    fcntl.lockf(fd, fcntl.LOCK_EX, 1, byte)


def _try_lock(fd: int, byte: int) -> bool:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as POSIX leaves it
        return False
    return True


def _unlock(fd: int, byte: int) -> None:
    fcntl.lockf(fd, fcntl.LOCK_UN, 1, byte)
