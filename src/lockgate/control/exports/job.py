"""An export: what is asked for, and how far it is. Times are µs since the epoch."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.stores.logs.ports import Filter

Format = Literal["jsonl", "csv", "parquet"]
#: As Portkey's users know it.
Status = Literal["draft", "in_progress", "success", "failed", "stopped"]

#: How long a result is kept, and one that was never asked for to the end.
KEPT_US, DRAFT_US = 7 * 86_400_000_000, 30 * 86_400_000_000


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. `filters` are as the caller wrote them, `meant` is what that comes to within the tenant; `limit`
    records at most. `started_us` 0: it is a draft. Whoever starts it again after it was stopped or has failed gives it a new
    one."""

    id: str
    organisation: str
    workspace: str
    created_by: str
    created_us: int
    updated_us: int
    filters: dict[str, Any]
    meant: Filter
    columns: tuple[str, ...]
    format: Format
    limit: int
    total: int = 0  # as many there were when it was made
    description: str = ""
    started_us: int = 0
    stopped_us: int = 0


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the job that was started at `of_us` is. `tries`: how often it was begun. `why` it has failed, in a sentence."""

    of_us: int
    state: Literal["running", "done", "failed"] = "running"
    written: int = 0
    bytes: int = 0
    ended_us: int = 0
    why: str = ""
    tries: int = 1


def status_of(job: Job, progress: Progress | None) -> Status:
    """How it stands."""
    if not job.started_us:
        return "draft"
    if job.stopped_us >= job.started_us:
        return "stopped"
    if progress is None or progress.of_us != job.started_us:
        return "in_progress"
    return {"running": "in_progress", "done": "success", "failed": "failed"}[progress.state]  # type: ignore[return-value]


def expires_us(job: Job, progress: Progress | None) -> int:
    """When it goes, with its file."""
    if progress is not None and progress.ended_us:
        return progress.ended_us + KEPT_US
    return job.updated_us + DRAFT_US
