"""The spool: where a worker puts a record before the last byte of its answer leaves, and where the scribe takes it from.

A directory of append-only segments, each written by one process with one synchronous `write` a record: what was written
lives in the kernel's page cache and survives any death of the process. A writer holds `flock` on its segment for as long
as it writes there, so that a reader knows whether more can come. A full or failing disk never reaches the request: bodies are
left out while there is little room, a record is tried again without them, then dropped and counted.

A frame is magic, size and CRC-32 of a packed record (`core.record.pack`). A frame cut short at a segment's end is one that
its writer never finished; damage anywhere else is skipped up to the next whole frame, and counted.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockgate.core.record import Record, pack

SUFFIX = ".spool"
#: 0xF5 never occurs in UTF-8, so text cannot be taken for a frame.
MAGIC = b"\xf5LGR"
_HEADER = struct.Struct("<4sII")
#: A size above this is damage: no record is that large, since bodies are clipped.
FRAME_LIMIT = 256 * 1024 * 1024

#: While a disk has less than this left, bodies are left out: it is for what records say beside them. Of a small disk, a share.
RESERVE, _RESERVED_SHARE = 128 * 1024 * 1024, 16
#: Where room is scarce, a segment is left when it has this share of it: the reader deletes it, and has not too many open.
_LEFT_SHARE = 64
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SECOND = 1_000_000


def frame(payload: bytes) -> bytes:
    """The payload as a frame."""
    return _HEADER.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


class Spool:
    """The writing end, one to a process (not to be shared across a fork).

    `clock` tells microseconds since the epoch; `report` is told in words, at most once a second, when records are lost or
    stripped. Sizes are in bytes; `capacity` is what all segments of the directory may hold together: above it bodies are
    left out, above twice as much records are dropped. `mark` stands in the names of its segments, and tells them from those of
    another one in the same process.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], int],
        report: Callable[[str], None],
        segment_bytes: int = 64 * 1024 * 1024,
        segment_us: int = 3600 * _SECOND,
        capacity: int = 2 * 1024 * 1024 * 1024,
        body_limit: int = 1024 * 1024,
        mark: str = "",
    ) -> None:
        self.dropped = 0
        self.stripped = 0
        self._directory = directory
        self._clock = clock
        self._report = report
        self._segment_bytes = segment_bytes
        self._segment_us = segment_us
        self._capacity = capacity
        self._body_limit = body_limit
        self._mark = mark
        self._fd = -1
        self._size = 0
        self._rotate_at = 0
        self._segments = 0
        self._look_at = 0
        self._held = 0  # bytes in the whole directory, as last seen
        self._low = False  # the disk has less left than it should
        self._report_at = 0

    def __repr__(self) -> str:
        return f"Spool({self._size} bytes in segment {self._segments}, {self.stripped} stripped, {self.dropped} dropped)"

    def append(self, record: Record) -> bool:
        """Write the record down; False when it had to be dropped. Never raises for what a disk may do."""
        record.clip(self._body_limit)
        now = self._clock()
        if now >= self._look_at:
            self._look(now)
        if self._held > 2 * self._capacity:
            return self._drop(now, "the spool is full: is the ingest process running?")
        has_bodies = bool(record.request or record.response or record.sent or record.received)
        why = ""
        if has_bodies and (self._low or self._held > self._capacity):
            why = "the disk is nearly full" if self._low else "the spool is nearly full"
        if not why:
            why = self._write(pack(record), now)
            if not why:
                return True
        if not has_bodies:
            return self._drop(now, why)
        record.strip()
        if trouble := self._write(pack(record), now):
            return self._drop(now, trouble)
        self.stripped += 1
        self._tell(now, why)
        return True

    def put(self, payload: bytes) -> bool:
        """Write down what is no record, and whoever reads the directory understands; False when it had to be dropped."""
        now = self._clock()
        if now >= self._look_at:
            self._look(now)
        trouble = "the spool is full: is the ingest process running?" if self._held > 2 * self._capacity else ""
        trouble = trouble or self._write(payload, now)
        return not trouble or self._drop(now, trouble)

    def close(self) -> None:
        """Let go of the segment: its reader may finish and delete it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, payload: bytes, now: int) -> str:
        """Write one frame, in one call; the trouble in words, or ""."""
        try:
            if self._fd < 0 or now >= self._rotate_at or self._size + len(payload) > self._segment_bytes:
                self._open(now)
            data = frame(payload)
            written = os.write(self._fd, data)
            if written != len(data):
                os.ftruncate(self._fd, self._size)  # half a frame helps nobody
                return "the disk took only a part of a record"
        except OSError as error:
            if error.errno not in _FULL:
                self.close()  # whatever it is, the next segment may be spared
            return f"cannot write to {self._directory}: {error.strerror}"
        self._size += written
        self._held += written
        return ""

    def _open(self, now: int) -> None:
        """Begin a segment. It gets its name only once its lock is held: a nameless one is nobody's to read or to delete."""
        self.close()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._segments += 1
        name = f"{now:017d}-{os.getpid()}-{self._mark}{self._segments}{SUFFIX}"
        path = self._directory / name
        unnamed = path.with_suffix(".new")
        fd = os.open(unnamed, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unnamed.rename(path)
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        self._size = 0
        self._rotate_at = now + self._segment_us

    def _look(self, now: int) -> None:
        """Once a second: how full the directory and its disk are, and whether our segment is still there and of use."""
        self._look_at = now + _SECOND
        try:
            if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
                self.close()
            self._held = held(self._directory)
            disk = os.statvfs(self._directory)
        except OSError:
            self._held, self._low = 0, False  # no directory (yet): opening a segment makes it, or says why not
            return
        reserve = min(RESERVE, disk.f_blocks * disk.f_frsize // _RESERVED_SHARE)
        self._low = disk.f_bavail * disk.f_frsize < reserve
        # What we still write to is deleted by nobody, also when all that is in it has been read.
        scarce = reserve if self._low else self._capacity if self._held > self._capacity // 2 else 0
        if scarce and self._size > scarce // _LEFT_SHARE:
            self.close()

    def _drop(self, now: int, why: str) -> bool:
        self.dropped += 1
        self._tell(now, why)
        return False

    def _tell(self, now: int, why: str) -> None:
        if now >= self._report_at:
            self._report_at = now + _SECOND
            self._report(f"request log: {why} ({self.stripped} records without bodies, {self.dropped} dropped)")


class Scan(msgspec.Struct):
    """What a stretch of a segment holds: packed records, and how far it is understood. `wants` more bytes for the next one."""

    payloads: list[bytes]
    end: int
    wants: int = 0
    damaged: int = 0


def scan(data: bytes, limit: int = 500, *, final: bool = False) -> Scan:
    """The whole frames at the start of `data`, at most `limit`; bytes that are none are skipped and counted as one damage.

    `final`: nothing will follow, so that a frame which wants more than there is has a damaged size, or was never finished.
    """
    found = Scan([], 0)
    view = memoryview(data)
    at = 0
    whole = True
    while len(found.payloads) < limit:
        body = at + _HEADER.size
        if body > len(data):
            found.wants = body - len(data)
            break
        magic, size, checksum = _HEADER.unpack_from(data, at)
        sound = magic == MAGIC and size <= FRAME_LIMIT
        if sound and body + size > len(data):
            if not final or data.find(MAGIC, at + 1) < 0:
                found.wants = body + size - len(data)
                break
        elif sound and zlib.crc32(view[body : body + size]) == checksum:
            found.payloads.append(data[body : body + size])
            at = body + size
            whole = True
            continue
        found.damaged += whole  # one stretch of damage counts once, however often we stumble in it
        whole = False
        again = data.find(MAGIC, at + 1)
        # Without another magic all is damage, but for its first bytes that may stand at the very end.
        at = again if again >= 0 else max(at + 1, len(data) - len(MAGIC) + 1)
    found.end = at
    return found


class Segment:
    """The reading end of one segment. `at` is where the next frame begins; the reader's cursor."""

    __slots__ = ("_file", "at", "damaged", "name")

    def __init__(self, path: Path, at: int = 0) -> None:
        self._file = path.open("rb", buffering=0)
        self.name = path.name
        self.at = at
        self.damaged = 0

    def __repr__(self) -> str:
        return f"Segment({self.name} at {self.at})"

    def read(self, limit: int = 500, limit_bytes: int = 4 * 1024 * 1024, *, final: bool = False) -> list[bytes]:
        """The next packed records, at most `limit` and about `limit_bytes`; [] when no whole one is there. Moves `at`.

        `final`: the writer is gone. Until then a frame with a damaged size cannot be told from one that is being written.
        """
        self._file.seek(self.at)
        data = self._file.read(limit_bytes)
        found = scan(data, limit)
        if found.wants and not found.end:
            more = self._file.read(found.wants)  # one record larger than the stretch
            if len(more) == found.wants:
                found = scan(data + more, limit)
            elif final:
                found = scan(data + more, limit, final=True)
        self.at += found.end
        self.damaged += found.damaged
        return found.payloads

    def ended(self) -> bool:
        """Whether its writer is gone. Ask before the last `read`, not after it."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def left(self) -> int:
        """Bytes that are not read yet; after the last read of an ended segment, of a frame that was never finished."""
        return os.fstat(self._file.fileno()).st_size - self.at

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


def segments(directory: Path) -> list[Path]:
    """The segments of a spool, oldest first; [] when there is no directory."""
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return []


def held(directory: Path) -> int:
    """Bytes in all segments of a spool. Raises `OSError`."""
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:
                    continue  # deleted in this moment
    return total
