"""The keeper: what has to be done for the ledger from time to time, and is nobody's request.

    reconcile   what was charged by estimate is corrected by what the request log knows of it; one process of each machine, for
                the machine's own log
    prune       windows that ended long ago are forgotten, leases that are done with are put together; one process of all that
                share the ledger

It has its own connection and thread, so that no request waits for it. What has been charged by estimate for `FINAL_US` stays
charged. (The dead are buried by `Ledger`, every second: that frees what others wait for.)
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic_ns

import msgspec

from lockgate.core.record import Record, unpack
from lockgate.stores.emptying import cursors
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.recovery import reconcile
from lockgate.stores.ledger.turn import Turn
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.ports import StoreError
from lockgate.stores.spool import Segment, segments

_MINUTE_US, _DAY_US = 60_000_000, 86_400_000_000
#: A clock that has gone like the monotonic one for an hour, up to so many µs, is believed; one that was just set is not: by it
#: windows might be forgotten that it leads back to when it is set right.
_STEADY_US = _MINUTE_US
#: How often there is a round, in seconds; how often one prunes, in µs, and for how long a process has the duty to.
ROUND_S, PRUNE_US = 60.0, 3600 * 1_000_000
#: How long windows are kept after their end, and how long an estimate may be corrected, in µs.
KEEP_US, FINAL_US = 400 * _DAY_US, 7 * _DAY_US
#: An attempt that the log does not know is looked for again after a minute, and twice as long each time, up to this (µs).
_LOOK_US, _LOOK_MOST_US = _MINUTE_US, 60 * _MINUTE_US
_LOOKED_AT = 1000

#: Gives the records that there are of these ids.
Look = Callable[[Collection[str]], Iterable[Record]]


class Keeper:
    """One worker's; most of the time another one's has the turn. `book` is its own, and is shut at the end. `turn` is a file
    in the folder of the machine's log. `report` is told in words what went wrong; from another thread."""

    def __init__(
        self,
        book: Book,
        turn: Path,
        look: Look,
        *,
        report: Callable[[str], None],
        monotonic_us: Callable[[], int] = lambda: monotonic_ns() // 1000,
    ) -> None:
        self.corrected = 0
        self._book = book
        self._turn = Turn(turn)
        self._look = look
        self._report = report
        self._monotonic_us = monotonic_us
        self._me = f"{os.uname().nodename} {secrets.token_hex(8)}"
        self._again: dict[tuple[str, int], tuple[int, int]] = {}  # when to look for an attempt again, and how long after that
        self._prune_at = 0
        self._skew: int | None = None
        self._told = ""

    def __repr__(self) -> str:
        return f"Keeper({self._turn}, {self.corrected} corrected, {len(self._again)} looked for)"

    async def keep(self) -> None:
        """Keep house until cancelled."""
        try:
            while True:
                work = asyncio.ensure_future(asyncio.to_thread(self.round))
                try:
                    await asyncio.shield(work)
                except asyncio.CancelledError:
                    self._book.interrupt()
                    await asyncio.wait([work])
                    raise
                await asyncio.sleep(ROUND_S)
        finally:
            self._turn.end()
            self._book.shut()

    def round(self) -> None:
        """Do what there is to do now. Blocks."""
        try:
            if self._turn.has_come():
                self._reconcile()
                self._prune()
            self._told = ""
        except StoreError as error:
            if str(error) != self._told:
                self._told = str(error)
                self._report(f"ledger: {error}")

    def _reconcile(self) -> None:
        """Look for all that nobody has looked for lately."""
        now = self._monotonic_us()
        before, self._again = self._again, {}
        after = ("", -1)
        while attempts := self._book.doubtful(after, _LOOKED_AT):
            after = attempts[-1]
            due = {attempt: before.get(attempt, (0, _LOOK_US)) for attempt in attempts}
            wanted = {attempt[0] for attempt, (when, _) in due.items() if when <= now}
            if wanted:
                self.corrected += reconcile(self._book, self._look(wanted))
            for attempt, (when, wait) in due.items():
                self._again[attempt] = (now + wait, min(2 * wait, _LOOK_MOST_US)) if when <= now else (when, wait)

    def _prune(self) -> None:
        """Forget what is old, if we are those who do, and the ledger's clock is one to believe."""
        monotonic = self._monotonic_us()
        if monotonic < self._prune_at:
            return
        now = self._book.now_us()
        before, self._skew = self._skew, now - monotonic
        self._prune_at = monotonic + PRUNE_US
        if before is not None and abs(self._skew - before) < _STEADY_US and self._book.lead("prune", self._me, PRUNE_US):
            self._book.prune(now - KEEP_US)
            self._book.give_up(now - FINAL_US)
            while self._book.fold():
                pass


def look_in(spool: Path, store: LogStore) -> Look:
    """Looks in a request log: in its spool first, so that what moves on meanwhile is not missed. Raises `StoreError`."""

    def look(ids: Collection[str]) -> Iterator[Record]:
        wanted = set(ids)
        for record in _waiting(spool):
            if record.id in wanted:
                wanted.discard(record.id)
                yield record
        for id in sorted(wanted):
            record = store.get(id)
            if record is not None:
                yield record

    return look


def _waiting(spool: Path) -> Iterator[Record]:
    """What is in a spool and not in the store yet."""
    try:
        kept = cursors(spool)
        for path in segments(spool):
            try:
                segment = Segment(path, kept.get(path.name, 0))
            except FileNotFoundError:
                continue  # it is in the store by now
            with closing(segment):
                while payloads := segment.read():
                    yield from _records(payloads)
    except OSError as error:
        raise StoreError(f"cannot read {spool}: {error.strerror}") from None


def _records(payloads: Iterable[bytes]) -> Iterator[Record]:
    for payload in payloads:
        try:
            yield unpack(payload)
        except msgspec.DecodeError:
            continue  # the ingest reports it
