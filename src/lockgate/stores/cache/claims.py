"""Claims: which worker of a machine is being answered what, so that the others wait for its answer and do not ask as well.

A claim is a lock on one byte of a file (`fcntl`), at a place that the key of the answer says; nothing is written there. The
system lets a lock go when its process ends, however it ends, so no claim outlives its worker, and none needs a time to live. To
take one and to let it go are two system calls, five microseconds with all else, of a request that goes out to a provider. (The
system walks the locks of a file one by one, so there are several files.)

Beside it, marks (`marks.py`) say that a claim has ended: who has looked for an answer, and then gets the claim, sees by them
that somebody may have kept one in between.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lockgate.stores.cache.marks import Marks, Seen

#: Files of locks: with ten thousand claims one costs 25 µs; with a single file, 500.
_FILES = 16
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Claims:
    """One worker's, in a directory on a local disk, which is made; to be opened after the fork, once in a process. Two keys of
    one place are taken for the same: one of them waits for nothing. Raises `OSError`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._marks = Marks(directory / "marks")
        # All locks of a process on a file go when it closes any descriptor of that file: these are the only ones.
        self._fds: list[int] = []
        try:
            for number in range(_FILES):
                self._fds.append(os.open(directory / f"{number:02d}", _FLAGS, 0o600))
        except OSError:
            self.close()
            raise
        self._held: dict[int, int] = {}  # place → how many of this worker's requests have it

    def __repr__(self) -> str:
        return f"Claims({len(self._held)} held)"

    def seen(self, key: bytes) -> Seen:
        """What changes when a claim of a key ends."""
        return self._marks.seen(key)

    def take(self, key: bytes) -> bool:
        """Claim a key for this worker. False: another worker has it."""
        place = _place(key)
        held = self._held.get(place, 0)
        if not held and self._fds:
            try:
                fcntl.lockf(self._fds[place % _FILES], fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as POSIX leaves it
                return False
            except OSError:  # no more locks are to be had: each worker asks for itself
                return True
        self._held[place] = held + 1
        return True

    def drop(self, key: bytes) -> None:
        """Let a claim go that was taken. Its answer is where others find it, or there is none."""
        place = _place(key)
        held = self._held.pop(place, 0)
        if held > 1:
            self._held[place] = held - 1
        elif held and self._fds:
            self._marks.mark(key)
            fcntl.lockf(self._fds[place % _FILES], fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        """Let all go."""
        fds, self._fds = self._fds, []
        for fd in fds:
            os.close(fd)


def _place(key: bytes) -> int:
    """A place that every system can lock (offsets have 63 bits)."""
    return int.from_bytes(key[:8]) >> 2
