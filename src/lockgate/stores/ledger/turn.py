"""A turn: what one process of a machine does for all of them, by a lock on a file that the kernel lets go with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from lockgate.stores.ports import StoreError


class Turn:
    """Ours from when it has come until we end, or die. Not to be shared across a fork."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __repr__(self) -> str:
        return f"Turn({self._path.name}, {'waiting' if self._fd < 0 else 'ours'})"

    def has_come(self) -> bool:
        """Whether it is ours now. Raises `StoreError` when the file cannot be locked."""
        if self._fd >= 0:
            return True
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return False
        except OSError as error:
            raise StoreError(f"cannot lock {self._path}: {error.strerror}") from None
        self._fd = fd
        return True

    def end(self) -> None:
        """Let the next one."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
