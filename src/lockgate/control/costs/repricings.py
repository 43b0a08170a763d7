"""`Repricings`: history priced again, as work that somebody has asked for. It is looked at first; what that has found is shown;
and whoever has seen it has it written.

    looking ──▶ looked ── apply ──▶ writing ──▶ written
       └─ stopped, failed              └─ stopped, failed

Both ways ask the same: requests of the time that was meant when it was asked for. What was written before it was stopped stays.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from lockgate.control.costs.repriced import Repriced
from lockgate.control.jobs import Jobs
from lockgate.stores.logs.ports import Filter

FOLDER = "repricings"
#: Repricings that an organisation may have at a time, and how long one is kept, in µs.
MOST, KEPT_US = 50, 30 * 86_400_000_000

Status = Literal["looking", "looked", "writing", "written", "stopped", "failed"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `filters` are as the caller wrote them, `meant` is what that comes to within the tenant, with an end;
    `writes`: what was found is to be written. Whoever goes on with it gives it a new `started_us`. Times are µs since the
    epoch."""

    id: str
    organisation: str
    created_by: str
    created_us: int
    updated_us: int
    filters: dict[str, Any]
    meant: Filter
    total: int
    started_us: int
    stopped_us: int = 0
    writes: bool = False


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the job that was started at `of_us` is: how many requests were `read`, and what was found: at the
    end of it; until then, by looking. `why` it has failed, in a sentence."""

    of_us: int
    state: Literal["running", "done", "failed"] = "running"
    read: int = 0
    report: Repriced | None = None
    ended_us: int = 0
    why: str = ""
    tries: int = 1


def status_of(job: Job, progress: Progress | None) -> Status:
    """How it stands."""
    if job.stopped_us >= job.started_us:
        return "stopped"
    if progress is not None and progress.of_us == job.started_us and progress.state != "running":
        return "failed" if progress.state == "failed" else "written" if job.writes else "looked"
    return "writing" if job.writes else "looking"


class Repricings(Jobs[Job, Progress]):
    """Those of one data directory."""

    _job, _progress, _called = Job, Progress, "repricing"

    def __init__(self, data: Path) -> None:
        super().__init__(data / FOLDER)

    def is_due(self, job: Job, progress: Progress | None) -> bool:
        """See `Jobs`."""
        return status_of(job, progress) in ("looking", "writing")

    def expires_us(self, job: Job, progress: Progress | None) -> int:
        """See `Jobs`."""
        return job.updated_us + KEPT_US
