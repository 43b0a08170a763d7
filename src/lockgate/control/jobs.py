"""`Jobs`: where long work lies that somebody has asked for: in files of the data directory, so that it outlives its doer.

A job is one file, written by the workers, one at a time; how far it is another, written by the one process that does it. Both
are replaced as a whole.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from lockgate.core.json import encode
from lockgate.stores.control.query import Absent

T = TypeVar("T")
_JOB, _PROGRESS = ".job", ".progress"


class Asked(Protocol):
    """What every job has: an id, and when it was started (µs since the epoch, 0: it was not)."""

    @property
    def id(self) -> str: ...

    @property
    def started_us(self) -> int: ...


J = TypeVar("J", bound=Asked)
P = TypeVar("P")


class Jobs(Generic[J, P]):
    """Those of one kind in one data directory. Calls block, and raise `OSError` for what a disk may do.

    A kind says what its jobs and their progress are made of, what it is called, and `is_due` and `expires_us`.
    """

    _job: type[J]
    _progress: type[P]
    _called: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.folder})"

    def is_due(self, job: J, progress: P | None) -> bool:
        """Whether it is to be done, or gone on with."""
        raise NotImplementedError

    def expires_us(self, job: J, progress: P | None) -> int:
        """When it goes, with all that belongs to it."""
        raise NotImplementedError

    def all(self) -> list[J]:
        """Every job, the newest first."""
        try:
            paths = sorted(self.folder.glob(f"*{_JOB}"), reverse=True)
        except OSError:
            return []
        return [job for path in paths if (job := _read(path, self._job)) is not None]

    def get(self, id: str) -> J:
        """A job. Raises `Absent`."""
        job = _read(self.folder / f"{id}{_JOB}", self._job) if _is_name(id) else None
        if job is None:
            raise Absent(f"There is no {self._called} '{id[:100]}' here.")
        return job

    def put(self, job: J) -> None:
        """Keep a job that is new."""
        with self._turn():
            _write(self.folder / f"{job.id}{_JOB}", job)

    def change(self, id: str, work: Callable[[J], J]) -> J:
        """Change a job, while nobody else does. Raises `Absent`, and what the work raises."""
        with self._turn():
            job = work(self.get(id))
            _write(self.folder / f"{job.id}{_JOB}", job)
            return job

    def progress(self, id: str) -> P | None:
        """How far it is; None: nobody has begun."""
        return _read(self.folder / f"{id}{_PROGRESS}", self._progress)

    def tell(self, id: str, progress: P) -> None:
        """Say how far it is."""
        _write(self.folder / f"{id}{_PROGRESS}", progress)

    def due(self) -> J | None:
        """What is to be done next: of what was started, the first."""
        waiting = [job for job in self.all() if self.is_due(job, self.progress(job.id))]
        return min(waiting, key=lambda job: job.started_us, default=None)

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
            if not self.is_due(job, progress) and self.expires_us(job, progress) <= now_us:
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


def _write(path: Path, value: object) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(encode(value))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
