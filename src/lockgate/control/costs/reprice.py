"""History, priced again: the costs of recorded requests by the prices that hold now for their time, and how they differ.

The log is walked once, newest first, some hundred records at a time; only sums by provider and model are kept. What is found is
written back batch by batch, and how far that is stands in a file: a run that was killed goes on there. To write a cost that
is written already changes nothing, so that nothing is ever counted twice.

A cost that was known stays when its price has gone: history does not become unknown because a list has forgotten a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from lockgate.control.costs.itemise import Itemised, itemise
from lockgate.control.costs.repriced import Line, Repriced
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.logs.ports import Cost, Cursor, Filter, LogStore
from lockgate.stores.ports import StoreError

#: Records that are priced and written at a time, in one transaction of some tens of ms.
BATCH = 500
#: Providers and models that are told apart; callers choose the names of models.
MOST = 5000
OTHERS = "(others)"
#: The file that says how far a run is, in the data directory.
NAME = "reprice.json"
_VERSION = 1


class Progress(msgspec.Struct):
    """How far a run is: what it was asked (a digest), the place of the last record that is dealt with, what it has found."""

    version: int
    asked: str
    until_us: int
    place: Cursor | None
    report: Repriced


class Mark:
    """Keeps the progress in a file. Raises `StoreError` where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"Mark({self._path})"

    def read(self, asked: str) -> Progress | None:
        """The progress of a run that was asked the same; None when there is none."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except (OSError, msgspec.DecodeError):
            return None
        return found if (found.version, found.asked) == (_VERSION, asked) else None

    def write(self, progress: Progress) -> None:
        """Say how far it is."""
        part = self._path.with_suffix(".part")
        try:
            part.write_bytes(encode(progress))
            part.replace(self._path)
        except OSError as error:
            raise StoreError(f"cannot write {self._path}: {error.strerror}") from None

    def clear(self) -> None:
        """There is nothing to go on with any more."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot delete {self._path}: {error.strerror}") from None


def reprice(
    store: LogStore,
    meant: Filter,
    world: Snapshot,
    *,
    now_us: int,
    mark: Mark | None,
    progress: Callable[[int], None] = lambda count: None,
    asked: str = "",
) -> Repriced:
    """Price the requests that are meant by the prices of a world; with a `mark` write it down as well. `asked` is what a run is
    known by when it goes on: the question as it was put. `progress` is told how many requests were read. Raises `StoreError`;
    then what was written stays, and the next run goes on from there."""
    if mark is not None:
        asked = hashlib.sha256(encode([asked, world.revision])).hexdigest()
    before = None if mark is None else mark.read(asked)
    if before is None:
        # What comes while it runs is charged by these prices already.
        before = Progress(_VERSION, asked, min(meant.until_us or now_us, now_us), None, Repriced())
    else:
        before.report.resumed = True
    adding = _Adding(before.report)
    meant = msgspec.structs.replace(meant, until_us=before.until_us)
    count = 0
    for batch in _batches(_from(store, meant, before.place)):
        costs: dict[str, Cost] = {}
        # The oldest first: a price that has been looked up holds for some time from then on.
        for record in reversed(batch):
            if (cost := adding.add(record, itemise(record, world))) is not None:
                costs[record.id] = cost
        if mark is not None:
            adding.report.written += store.reprice(costs) if costs else 0
            mark.write(Progress(_VERSION, asked, before.until_us, Cursor.of(batch[-1]), adding.finish()))
        count += len(batch)
        progress(count)
    if mark is not None:
        mark.clear()
    return adding.finish()


def _from(store: LogStore, meant: Filter, place: Cursor | None) -> Iterator[Record]:
    """The records that are meant, older than a place, newest first, without bodies."""
    if place is None:
        yield from store.scan(meant)
        return
    for record in store.scan(msgspec.structs.replace(meant, until_us=place.time_us + 1)):
        if (record.time_us, record.id) < (place.time_us, place.id):
            yield record


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class _Adding:
    """A report while it grows."""

    def __init__(self, report: Repriced) -> None:
        self.report = report
        self._lines = {(line.provider, line.model): line for line in report.lines}

    def add(self, record: Record, found: Itemised) -> Cost | None:
        """Count a request; the cost to be written, None when it stays as it is."""
        line = self._line(record)
        line.requests += 1
        before = record.cost_nusd
        line.before_nusd += before or 0
        why = found.kept or (found.note if found.nusd is None and before is not None else "")
        if why:
            line.after_nusd += before or 0
            if before is not None or record.usage is not None:
                line.kept += 1
                self.report.kept[why] = self.report.kept.get(why, 0) + 1
            line.unpriced += before is None and record.usage is not None
            line.estimated += "estimated" in record.cost_note
            return None
        line.after_nusd += found.nusd or 0
        line.newly_priced += before is None and found.nusd is not None
        line.changed += before is not None and found.nusd != before
        line.unpriced += found.nusd is None and record.usage is not None
        line.estimated += "estimated" in found.note
        return _cost(record, found)

    def finish(self) -> Repriced:
        """The report as it is now."""
        self.report.lines = sorted(
            self._lines.values(), key=lambda line: (-abs(line.difference_nusd), -line.requests, line.provider, line.model)
        )
        return self.report

    def _line(self, record: Record) -> Line:
        key = (record.provider, record.model_sent)
        if key not in self._lines and len(self._lines) >= MOST:
            key = (OTHERS, OTHERS)
        return self._lines.setdefault(key, Line(*key))


def _cost(record: Record, found: Itemised) -> Cost | None:
    """What is to be written; None when it is there already."""
    shares = [attempt.cost_nusd for attempt in record.attempts]
    for part in found.parts:
        if part.attempt >= 0:
            shares[part.attempt] = part.nusd
    new = (found.nusd, found.note, found.version)
    if new == (record.cost_nusd, record.cost_note, record.price_version) and shares == [
        attempt.cost_nusd for attempt in record.attempts
    ]:
        return None
    return Cost(*new, tuple(shares))
