"""Files that are mapped into memory and have no holes: a hole that a full disk cannot fill later would kill who writes into it
(SIGBUS)."""

from __future__ import annotations

import errno
import os

#: Bytes that are written at a time where the system cannot set room aside.
_BLOCK = 64 * 1024
#: What file systems say that cannot set room aside.
_UNABLE = (errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)


def solid(fd: int, header: bytes, size: int) -> None:
    """Give an empty file a header and then zeros up to `size` bytes, all of which have their room on the disk. Raises
    `OSError`, also when there is none."""
    if _set_aside(fd, size):
        written = 0
        while written < len(header):
            written += os.pwrite(fd, header[written:], written)
        return
    data = memoryview(header)
    left = size
    while left:
        done = os.write(fd, data if data else memoryview(bytes(min(_BLOCK, left))))
        data, left = data[done:], left - done


def _set_aside(fd: int, size: int) -> bool:
    """Have the system find the room, which takes microseconds; False where neither it nor the C library can."""
    try:
        os.posix_fallocate(fd, 0, size)
    except AttributeError:  # macOS
        return False
    except OSError as error:
        if error.errno in _UNABLE:
            return False
        raise
    return True
