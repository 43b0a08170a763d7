"""`Exports`: where exports lie. The result stands beside the job under its id."""

from __future__ import annotations

from pathlib import Path

from lockgate.control.exports.job import Job, Progress, expires_us, status_of
from lockgate.control.jobs import Jobs

FOLDER = "exports"
#: Exports that an organisation may have at a time.
MOST = 200
_PART = ".part"


class Exports(Jobs[Job, Progress]):
    """Those of one data directory."""

    _job, _progress, _called = Job, Progress, "export"

    def __init__(self, data: Path) -> None:
        super().__init__(data / FOLDER)

    def is_due(self, job: Job, progress: Progress | None) -> bool:
        """See `Jobs`."""
        return status_of(job, progress) == "in_progress"

    def expires_us(self, job: Job, progress: Progress | None) -> int:
        """See `Jobs`."""
        return expires_us(job, progress)

    def part(self, job: Job) -> Path:
        """Where a result is written."""
        return self.folder / f"{job.id}.{job.format}{_PART}"

    def result(self, job: Job) -> Path:
        """Where it is when it is whole."""
        return self.folder / f"{job.id}.{job.format}"
