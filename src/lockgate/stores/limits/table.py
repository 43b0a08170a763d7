"""The table of limits: a hash table of slots of numbers, in memory of one's own or in a file that all workers of a machine map.

A tag may be in any of the slots of its row. A slot in which nothing is left that matters (the debt has drained, the places
have been given back) is as good as free and is given to whoever comes next, so the table holds what is in use, however many
keys and users there are. When a row is full of what matters, there is no seat.

In the file, whoever reads or writes holds `flock(2)` on it, which the system lets go when a process dies. Where the lock does
not change hands for `PATIENCE_S`, somebody was stopped while holding it, and for a while it is not waited for at all.

Nothing in the file means anything once nobody has it open: times are those of a clock that starts with the machine. So whoever
comes when nobody is in begins anew; who is in is seen by a shared lock on a second file, the door.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import struct
import time
from collections.abc import Callable
from pathlib import Path

from lockgate.policy.limiter import IDLE, TAG
from lockgate.stores.ports import StoreError
from lockgate.stores.solid import solid

SLOTS = 32_768
SLOT_WORDS = 24
#: Slots among which a tag is looked for.
ROW = 16
#: How long the lock may not change hands, in seconds, until it is taken for stuck (on a machine with far too much to do, who
#: holds it may not run for 50 ms); and how long it is not waited for then.
PATIENCE_S = 0.2
STUCK_S = 5.0
#: How many times as long a worker waits while the lock does change hands, but is never its own.
_ROUNDS = 2
#: How long a worker waits at start-up.
_ENTRANCE_S = 5.0

_MAGIC = b"lockgate"
_VERSION = 1
#: Magic, version, slots, numbers in a slot; then, as numbers, how often the lock has been let go, and what tells this table
#: from those of other machines. Padded to a slot.
_HEADER = struct.Struct("=8sQQQ")
_TURNS, _MACHINE = 4, 5
_OFFSET = SLOT_WORDS


class Table:
    """The slots, in memory that nobody else sees (`policy.limiter.Cells`). `slots` is a multiple of `ROW`."""

    def __init__(self, slots: int = SLOTS) -> None:
        self._lay(mmap.mmap(-1, _size(slots)), slots)
        self.words[_MACHINE] = secrets.randbits(62)

    def __repr__(self) -> str:
        return f"Table({self._slots} slots)"

    @property
    def machine(self) -> int:
        """A number for all who share this table, and nobody else."""
        return self.words[_MACHINE]

    def enter(self) -> bool:
        """Nobody else is there."""
        return True

    def leave(self) -> None:
        """Nobody waits."""

    def seat(self, tag: int, now: int, force: bool = False) -> int:
        """Where a tag's slot begins, found or newly given; -1: its row is full of what matters. `force`: then the place of what
        will matter least long is taken."""
        words = self.words
        first = _OFFSET + (tag % self._rows) * ROW * SLOT_WORDS
        free = -1
        for at in range(first, first + ROW * SLOT_WORDS, SLOT_WORDS):
            if words[at] == tag:
                return at
            if free < 0 and (words[at + IDLE] < now or not words[at]):
                free = at
        if free < 0:
            if not force:
                return -1
            free = min(range(first, first + ROW * SLOT_WORDS, SLOT_WORDS), key=lambda at: words[at + IDLE])
        # It has no name while it is cleared: who dies meanwhile leaves a slot that nobody takes for his.
        words[free + TAG] = 0
        for each in range(free + 1, free + SLOT_WORDS):
            words[each] = 0
        words[free + IDLE] = now
        words[free + TAG] = tag
        return free

    def _lay(self, memory: mmap.mmap, slots: int) -> None:
        if slots < ROW or slots % ROW:
            raise ValueError(f"a table has a multiple of {ROW} slots, not {slots}")
        self._slots, self._rows = slots, slots // ROW
        self._memory = memory
        self.words = memoryview(memory).cast("q")


class SharedTable(Table):
    """The slots in a file, on a local disk, one to a process and file, opened after the fork. Raises `StoreError` when it
    cannot be made, or is another version's who is still running."""

    def __init__(self, path: Path, slots: int = SLOTS, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._stuck_until = 0.0
        self.stuck = 0
        with contextlib.ExitStack() as opened:
            try:
                self._door = os.open(path.with_name(path.name + ".door"), _FLAGS, 0o600)
                opened.callback(os.close, self._door)
                self._fd = os.open(path, _FLAGS, 0o600)
                opened.callback(os.close, self._fd)
                if not self._wait(clock() + _ENTRANCE_S):
                    raise StoreError(f"The table of limits {path} is locked by a process that does not go on.")
                self._come_in(slots)
                self._lay(mmap.mmap(self._fd, _size(slots)), slots)
            except OSError as error:
                raise StoreError(f"The table of limits {path} cannot be used: {error.strerror}.") from None
            self.leave()
            self._opened = opened.pop_all()

    def __repr__(self) -> str:
        return f"SharedTable({self._path.name}, {self._slots} slots, stuck {self.stuck} times)"

    def enter(self) -> bool:
        """Lock the others out. False: somebody holds the lock and does not go on."""
        try:
            fcntl.flock(self._fd, _TRY)
        except BlockingIOError:
            return self._clock() >= self._stuck_until and self._wait_for_others()
        return True

    def leave(self) -> None:
        """Let the others in."""
        self.words[_TURNS] += 1
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    @property
    def is_stuck(self) -> bool:
        """Whether somebody held the lock for too long a moment ago."""
        return self._clock() < self._stuck_until

    def close(self) -> None:
        """Leave for good."""
        self._opened.close()

    def _wait_for_others(self) -> bool:
        """The lock is taken. While it changes hands it may well be our turn; when it does not, somebody is stuck."""
        begun, turns = self._clock(), self.words[_TURNS]
        until = begun + PATIENCE_S
        while not self._wait(until):
            if self.words[_TURNS] == turns:
                self._stuck_until = until + STUCK_S
                self.stuck += 1
                return False
            turns, until = self.words[_TURNS], until + PATIENCE_S
            if until > begun + _ROUNDS * PATIENCE_S:
                return False
        return True

    def _wait(self, until: float) -> bool:
        tries = 0
        while True:
            try:
                fcntl.flock(self._fd, _TRY)
            except BlockingIOError:
                if self._clock() >= until:
                    return False
                tries += 1
                # Mostly the other needs two more microseconds; if it needs more, it needs the processor.
                time.sleep(0 if tries < 20 else 0.00005)
            else:
                return True

    def _come_in(self, slots: int) -> None:
        """With the lock held: begin anew if nobody is in; else see that it is ours."""
        header = _HEADER.pack(_MAGIC, _VERSION, slots, SLOT_WORDS)
        try:
            fcntl.flock(self._door, _TRY)
        except BlockingIOError:
            if os.fstat(self._fd).st_size != _size(slots) or os.pread(self._fd, _HEADER.size, 0) != header:
                raise StoreError(f"The table of limits {self._path} is in use by another version or setting.") from None
        else:
            os.ftruncate(self._fd, 0)
            solid(self._fd, header + struct.pack("=QQ", 0, secrets.randbits(62)), _size(slots))
        fcntl.flock(self._door, fcntl.LOCK_SH | fcntl.LOCK_NB)


_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_TRY = fcntl.LOCK_EX | fcntl.LOCK_NB


def _size(slots: int) -> int:
    return 8 * (_OFFSET + slots * SLOT_WORDS)
