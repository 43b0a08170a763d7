"""Searching the log: pages, one record, a trace, and what was said of it.

The store lags a moment behind the requests. What still waits in the spools is read from there, so that nothing is missing; at
most so much of it, newest first, that a search takes no longer when the store has been away for an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from lockgate.core.record import Record, unpack, unpack_head
from lockgate.dialects.otlp.events import put_together
from lockgate.stores.emptying import cursors
from lockgate.stores.feedback import FOLDER, newest, waiting
from lockgate.stores.logs.ports import Cursor, Feedback, Filter, LogStore, Page
from lockgate.stores.logs.spoken import span_of
from lockgate.stores.spool import Segment, segments

#: Bytes of a spool that a search reads.
WAITING_BYTES = 32 * 1024 * 1024
#: Spans that a trace is shown with.
SPANS = 2000


class Search:
    """The log of one data directory. Calls block, and raise `StoreError`."""

    def __init__(self, data: Path, store: LogStore) -> None:
        self.store = store
        self._data = data
        self._spool = data / "spool"
        self._feedback = data / FOLDER

    def __repr__(self) -> str:
        return f"Search({self.store})"

    def still(self) -> Search:
        """The log as it is now, for who asks several times in a row: what waits in the spools is read once, which takes longer
        than all else when there is much of it."""
        return _Still(self._data, self.store)

    def page(self, meant: Filter, after: Cursor | None, limit: int) -> Page:
        """The newest records that are meant, older than `after`, without bodies."""
        # The spool first: what moves to the store in between is seen twice, and not missed.
        found = {record.id: record for record in self._waiting(meant, after)}
        page = self.store.page(meant, after, limit)
        if not found:
            return page
        found.update((record.id, record) for record in page.records)
        records = sorted(found.values(), key=_place, reverse=True)[:limit]
        return Page(records, Cursor.of(records[-1]) if records and (page.next or len(found) > limit) else None)

    def get(self, id: str, meant: Filter) -> Record | None:
        """One record with its bodies, if it is meant."""
        for payload in self._payloads():
            try:
                if unpack_head(payload).id == id:
                    record = unpack(payload)
                    return self._whole(record) if record.is_logged and meant.admits(record) else None
            except msgspec.DecodeError:
                continue  # the ingest reports it
        record = self.store.get(id)
        return self._whole(record) if record is not None and meant.admits(record) else None

    def trace(self, meant: Filter) -> list[Record]:
        """The records of a trace, oldest first, without bodies; at most `SPANS`."""
        return self.page(meant, None, SPANS).records[::-1]

    def feedback(self, traces: Sequence[str], organisation: str, workspace: str = "") -> list[Feedback]:
        """What people of an organisation, or of one of its workspaces, said of traces, oldest first."""
        wanted = set(traces)
        said = [each for each in waiting(self._feedback) if each.trace_id in wanted]
        return [
            each
            for each in newest([*self.store.feedback(traces), *said])
            if each.organisation == organisation and workspace in ("", each.workspace)
        ]

    def _whole(self, record: Record) -> Record:
        """A record with what log records say was said in it, if it is a span."""
        if record.source != "span" or not record.span_id or (record.request and record.response):
            return record
        # The spool first, as with pages.
        told = {each.id: each for each in self._told(span_of(record))}
        told |= {each.id: each for each in self.store.told(record)}
        put_together(record, told.values())
        return record

    def _told(self, span: bytes) -> Iterator[Record]:
        """What is in the spool and tells of a span."""
        for payload in self._payloads():
            try:
                head = unpack_head(payload)
                if head.source == "event" and span_of(head) == span:
                    yield unpack(payload)
            except msgspec.DecodeError:
                continue

    def _waiting(self, meant: Filter, after: Cursor | None) -> Iterator[Record]:
        """What is in the spool and meant, without bodies."""
        if meant.feedback is not None:
            return  # what people said of it only the store can tell
        for record in self._logged(bodies=bool(meant.text)):
            if meant.admits(record) and (after is None or _place(record) < _of(after)):
                record.request = record.response = record.sent = record.received = b""
                yield record

    def _logged(self, *, bodies: bool) -> Iterable[Record]:
        """What is in the spool and will be in the log."""
        for payload in self._payloads():
            try:
                record = unpack(payload) if bodies else unpack_head(payload)
            except msgspec.DecodeError:
                continue  # the ingest reports it
            if record.is_logged:
                yield record

    def _payloads(self) -> Iterator[bytes]:
        """What is in the spool and not in the store yet."""
        kept = cursors(self._spool)
        room = WAITING_BYTES
        for path in reversed(segments(self._spool)):
            at = kept.get(path.name, 0)
            try:
                segment = Segment(path, at)
            except FileNotFoundError:
                continue  # it is in the store by now
            try:
                segment.at = max(at, at + segment.left() - room)  # reading finds the next whole frame from there on
                room -= segment.left()
                while payloads := segment.read():
                    yield from payloads
            finally:
                segment.close()
            if room <= 0:
                return


class _Still(Search):
    """A `Search` that reads what waits once, without bodies. What moves to the store meanwhile is seen twice, and told once."""

    _read: list[Record] | None = None

    def _logged(self, *, bodies: bool) -> Iterable[Record]:
        if bodies:
            return super()._logged(bodies=True)
        if self._read is None:
            self._read = list(super()._logged(bodies=False))
        return self._read


def _place(record: Record) -> tuple[int, str]:
    return record.time_us, record.id


def _of(cursor: Cursor) -> tuple[int, str]:
    return cursor.time_us, cursor.id
