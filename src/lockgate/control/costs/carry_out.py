"""Carrying a repricing out: by looking, or by writing, until it is done, stopped or has failed."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.control.costs.reprice import Mark, reprice
from lockgate.control.costs.repricings import Job, Progress, Repricings
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.control.query import Absent
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.ports import StoreError

#: How often it is begun before it is given up: whoever did it has died each time.
TRIES = 5


class _Stopped(Exception):
    """Nobody wants it any more, or the process ends."""


def carry_out(
    job: Job,
    shelf: Repricings,
    store: LogStore,
    world: Callable[[], Snapshot],
    *,
    clock: Callable[[], int],
    ending: Callable[[], bool],
) -> None:
    """Do what a job asks for, by the prices of a world. When the process is `ending`, it stays to be done; of what was written
    nothing is written again. `world` raises `ValueError` with what is wrong with the configuration."""
    before = shelf.progress(job.id)
    again = before is not None and before.of_us == job.started_us
    progress = Progress(
        of_us=job.started_us,
        tries=before.tries + 1 if before is not None and again else 1,
        report=None if before is None else before.report,
    )
    shelf.tell(job.id, progress)

    def step(count: int) -> None:
        nonlocal progress
        progress = msgspec.structs.replace(progress, read=count)
        if ending():
            shelf.tell(job.id, msgspec.structs.replace(progress, tries=progress.tries - 1))  # that was nobody's death
            raise _Stopped
        if not _is_wanted(job, shelf):
            raise _Stopped
        shelf.tell(job.id, progress)

    try:
        if progress.tries > TRIES:
            raise StoreError(f"Whoever did it has died {TRIES} times.")
        mark = Mark(shelf.folder / f"{job.id}.mark") if job.writes else None
        report = reprice(store, job.meant, world(), now_us=clock(), mark=mark, progress=step, asked=job.id)
        done = msgspec.structs.replace(progress, state="done", report=report, ended_us=clock())
    except _Stopped:
        return
    except (ValueError, StoreError) as trouble:
        done = msgspec.structs.replace(progress, state="failed", why=str(trouble), ended_us=clock())
    shelf.tell(job.id, done)


def _is_wanted(job: Job, shelf: Repricings) -> bool:
    """Whether nobody has stopped it since."""
    try:
        now = shelf.get(job.id)
    except Absent:
        return False
    return now.started_us == job.started_us and now.stopped_us < now.started_us
