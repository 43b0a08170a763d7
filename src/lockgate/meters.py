"""What counts and what money is kept with, in one worker: opened when the world first has something to count, and kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.ledger.keeper import Keeper, look_in
from lockgate.stores.ledger.open import open_book, open_ledger
from lockgate.stores.limits.cluster import ClusterLimits
from lockgate.stores.limits.local import LocalLimits
from lockgate.stores.limits.open import open_counter
from lockgate.stores.limits.table import SharedTable
from lockgate.stores.logs.ports import LogStore

log = logging.getLogger("lockgate")

#: How often requests that run at once say that they still do, in seconds.
RENEW_SECONDS = 15.0


class Meters:
    """One worker's rate limits and ledger. `table` is the file that the `workers` of this machine count in, `ledger_url` and
    `journals` are the ledger's, `spool` is where records wait, `redis_url` is of what machines share ("" for nothing),
    `open_log` opens the log, given whom it reports to."""

    def __init__(
        self,
        runtime: Runtime,
        table: Path,
        ledger_url: str,
        journals: Path,
        spool: Path,
        redis_url: str,
        workers: int,
        open_log: Callable[[Callable[[str], None]], LogStore],
    ) -> None:
        self._runtime = runtime
        self._path = table
        self._ledger_url = ledger_url
        self._journals = journals
        self._spool = spool
        self._redis_url = redis_url
        self._open_log = open_log
        self._workers = workers
        self._table: SharedTable | None = None
        self._keeper: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Meters({self._runtime.limits}, {self._runtime.ledger})"

    async def open_for(self, snapshot: Snapshot) -> None:
        """Open what a world needs, before it is served. Raises `StoreError`: a gateway that cannot count limits nobody."""
        allowances = snapshot.allowances
        if allowances is None:
            return
        if allowances.limited and self._runtime.limits is None:
            self._table = await asyncio.to_thread(SharedTable, self._path)
            if self._redis_url:
                limits = ClusterLimits(self._table, open_counter(self._redis_url), self._workers)
                await limits.start()
            else:
                limits = LocalLimits(self._table, self._workers)
            self._runtime.limits = limits
        if allowances.budgeted:
            # What models take and make is looked up in a list that takes a moment to read.
            await asyncio.to_thread(_warm, snapshot)
            if self._runtime.ledger is None:
                ledger = open_ledger(self._ledger_url, self._journals, "worker", report=log.warning)
                await ledger.start()
                self._runtime.ledger = ledger
                keeper = Keeper(
                    open_book(self._ledger_url),
                    self._spool / "ledger.turn",
                    look_in(self._spool, self._open_log(log.warning)),
                    report=log.warning,
                )
                self._keeper = asyncio.get_running_loop().create_task(keeper.keep())

    async def keep(self) -> None:
        """As long as the worker lives: renew the places of requests that run at once."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            for request in list(self._runtime.running):
                request.renew()

    async def close(self) -> None:
        """End: no request is in flight any more."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper], timeout=5.0)
        if self._runtime.ledger is not None:
            await self._runtime.ledger.close()
        if isinstance(self._runtime.limits, ClusterLimits):
            await self._runtime.limits.stop()
        if self._table is not None:
            self._table.close()


def _warm(snapshot: Snapshot) -> None:
    for provider in snapshot.everywhere():
        snapshot.worst.warm(provider.row)
