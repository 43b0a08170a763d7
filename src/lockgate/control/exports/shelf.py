"""`Exports`: where exports lie: in files of the data directory, so that they outlive whoever makes them.

A job is one file, written by the workers, one at a time; how far it is another, written by the one process that does it. Both
are replaced as a whole. The result stands beside them under the job's id.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from lockgate.control.exports.job import Job, Progress, expires_us, status_of
from lockgate.core.json import encode
from lockgate.stores.control.query import Absent

T = TypeVar("T")

FOLDER = "exports"
#: Exports that an organisation may have at a time.
MOST = 200
_JOB, _PROGRESS, _PART = ".job", ".progress", ".part"


class Exports:
    """Those of one data directory. Calls block, and raise `OSError` for what a disk may do."""

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def __repr__(self) -> str:
        return f"Exports({self.folder})"

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        try:
            paths = sorted(self.folder.glob(f"*{_JOB}"), reverse=True)
        except OSError:
            return []
        return [job for path in paths if (job := _read(path, Job)) is not None]

    def get(self, id: str) -> Job:
        """A job. Raises `Absent`."""
        job = _read(self.folder / f"{id}{_JOB}", Job) if _is_name(id) else None
        if job is None:
            raise Absent(f"There is no export '{id[:100]}' here.")
        return job

    def put(self, job: Job) -> None:
        """Keep a job that is new."""
        with self._turn():
            _write(self.folder / f"{job.id}{_JOB}", job)

    def change(self, id: str, work: Callable[[Job], Job]) -> Job:
        """Change a job, while nobody else does. Raises `Absent`, and what the work raises."""
        with self._turn():
            job = work(self.get(id))
            _write(self.folder / f"{job.id}{_JOB}", job)
            return job

    def progress(self, id: str) -> Progress | None:
        """How far it is; None: nobody has begun."""
        return _read(self.folder / f"{id}{_PROGRESS}", Progress)

    def tell(self, id: str, progress: Progress) -> None:
        """Say how far it is."""
        _write(self.folder / f"{id}{_PROGRESS}", progress)

    def due(self) -> Job | None:
        """What is to be done next: of what was started, the first."""
        waiting = [job for job in self.all() if status_of(job, self.progress(job.id)) == "in_progress"]
        return min(waiting, key=lambda job: job.started_us, default=None)

    def part(self, job: Job) -> Path:
        """Where a result is written."""
        return self.folder / f"{job.id}.{job.format}{_PART}"

    def result(self, job: Job) -> Path:
        """Where it is when it is whole."""
        return self.folder / f"{job.id}.{job.format}"

    def discard(self, id: str) -> None:
        """Remove what was written for a job, in whole or in part."""
        for path in self.folder.glob(f"{id}.*"):
            if path.suffix != _JOB:
                path.unlink(missing_ok=True)

    def prune(self, now_us: int) -> int:
        """Forget what is older than it is kept; how many."""
        gone = 0
        for job in self.all():
            progress = self.progress(job.id)
            if status_of(job, progress) != "in_progress" and expires_us(job, progress) <= now_us:
                with self._turn():
                    self.discard(job.id)
                    (self.folder / f"{job.id}{_JOB}").unlink(missing_ok=True)
                gone += 1
        return gone

    @contextmanager
    def _turn(self) -> Generator[None, None, None]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _is_name(id: str) -> bool:
    """Whether it can be an id of ours: whoever asks says it, and it becomes a file's name."""
    return 0 < len(id) <= 64 and id.replace("-", "").isalnum() and id.isascii()


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _write(path: Path, value: msgspec.Struct) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(encode(value))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
