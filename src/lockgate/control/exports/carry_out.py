"""Carrying an export out: from the log into a file, some records at a time, until it is whole, stopped or has failed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from lockgate.control.exports.columns import BY_ITSELF, COLUMNS
from lockgate.control.exports.job import Job, Progress, status_of
from lockgate.control.exports.shelf import Exports
from lockgate.control.exports.writers import INSTALL, Row, open_writer
from lockgate.core.record import Record
from lockgate.stores.control.query import Absent
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.ports import StoreError

#: Records that are read and written at a time.
BATCH = 500
#: How often it is begun before it is given up: whoever made it has died each time.
TRIES = 5
#: Bytes that an export leaves free on the disk: the gateway needs them more.
LEAVES_FREE = 256 * 1024 * 1024


def carry_out(
    job: Job,
    exports: Exports,
    store: LogStore,
    *,
    clock: Callable[[], int],
    ending: Callable[[], bool],
    leaves_free: int = LEAVES_FREE,
) -> None:
    """Do what a job asks for. What is left of an earlier run is begun anew. When the process is `ending`, it stays to be
    done."""
    before = exports.progress(job.id)
    tries = before.tries + 1 if before is not None and before.of_us == job.started_us else 1
    progress = Progress(of_us=job.started_us, tries=tries)
    exports.tell(job.id, progress)
    part = exports.part(job)
    try:
        if tries > TRIES:
            raise OSError(0, f"whoever made it has died {TRIES} times")
        writer = open_writer(job.format, part, job.columns)
        try:
            rows = rows_of(job.meant, job.columns, store, job.limit)
            while batch := list(islice(rows, BATCH)):
                if _free(exports) < leaves_free:
                    raise OSError(0, "the disk is nearly full, and what is left of it is for the gateway")
                size = writer.write(batch)
                progress = msgspec.structs.replace(progress, written=progress.written + len(batch), bytes=size)
                if ending():
                    exports.tell(job.id, msgspec.structs.replace(progress, tries=tries - 1))  # that was nobody's death
                    return
                if not _is_wanted(job, exports):
                    exports.discard(job.id)
                    return
                exports.tell(job.id, progress)
        finally:
            writer.close()
        size = part.stat().st_size
        part.replace(exports.result(job))
        done = msgspec.structs.replace(progress, state="done", bytes=size, ended_us=clock())
    except (OSError, StoreError, ModuleNotFoundError) as trouble:
        part.unlink(missing_ok=True)
        why = INSTALL if isinstance(trouble, ModuleNotFoundError) else getattr(trouble, "strerror", "") or str(trouble)
        done = msgspec.structs.replace(progress, state="failed", why=why, ended_us=clock())
    exports.tell(job.id, done)


def rows_of(meant: Filter, names: Sequence[str], store: LogStore, limit: int | None) -> Iterator[Row]:
    """What columns tell of the records that are meant, newest first; `limit` None: of all of them. Raises `StoreError`."""
    columns = [COLUMNS[name] for name in names]
    whole = not BY_ITSELF.isdisjoint(names)
    records = store.scan(meant, bodies="request" in names and not whole)
    for record in islice(records, limit):
        found: Record | None = store.get(record.id) if whole else record
        if found is not None:  # it may be forgotten in this moment
            yield [column(found) for column in columns]


def _is_wanted(job: Job, exports: Exports) -> bool:
    """Whether nobody has stopped it since, or started it anew."""
    try:
        now = exports.get(job.id)
    except Absent:
        return False
    return now.started_us == job.started_us and status_of(now, None) == "in_progress"


def _free(exports: Exports) -> int:
    stat = os.statvfs(exports.folder)
    return stat.f_bavail * stat.f_frsize
