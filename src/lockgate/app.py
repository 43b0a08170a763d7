"""The composition root: everything that lives in one worker, put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from lockgate.control.alerts.budgets import Crossings
from lockgate.control.alerts.dispatch import Dispatch
from lockgate.control.alerts.of_house import alerts_of
from lockgate.control.alerts.subjects import Owners
from lockgate.control.config import BadConfig, redis_url
from lockgate.control.house import House
from lockgate.control.presence import Presence
from lockgate.control.price_list import refresh_when_due
from lockgate.control.watch import Watch
from lockgate.core.process_log import hide
from lockgate.core.redact import Redactor
from lockgate.http.admin.door import AdminDoor
from lockgate.http.gateway import Gateway, World
from lockgate.http.metrics import Metrics
from lockgate.meters import Meters
from lockgate.pipeline.discover import discover
from lockgate.pipeline.runtime import Runtime, now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.within import ask_within
from lockgate.stores.board import Board
from lockgate.stores.cache.claims import Claims
from lockgate.stores.cache.open import CLAIMS, is_shared, open_cache
from lockgate.stores.circuits.messenger import Messenger
from lockgate.stores.circuits.open import open_exchange
from lockgate.stores.ledger.open import open_book
from lockgate.stores.nearest.open import open_nearest
from lockgate.stores.ports import StoreError
from lockgate.stores.spool import Spool
from lockgate.transport.client import HttpClient
from lockgate.transport.sim import SimClient

log = logging.getLogger("lockgate")

#: Seconds between two looks for a changed configuration.
WATCH_SECONDS = 0.5
#: Seconds after which servers of one's own are asked again what they have loaded.
DISCOVER_SECONDS = 60.0
#: Seconds between two looks whether a new price list is due.
REFRESH_SECONDS = 60.0


class App:
    """One worker's gateway: the callable, the world it serves, and what must be started and stopped with it."""

    def __init__(self, house: House, snapshot: Snapshot, workers: int = 1) -> None:
        self._house = house
        self._workers = workers
        self._redis_url = redis_url(house.in_force, house.environment)
        self.world = World(snapshot)
        self._http: HttpClient | None = None
        self._spool = Spool(house.spool, clock=now_us, report=log.warning, capacity=house.in_force.log.spool_bytes)
        self.runtime = Runtime(
            {"sim": SimClient()},
            self._spool,
            redactor_of(snapshot),
        )
        self._admin = AdminDoor(
            house,
            lambda: self.world.snapshot,
            self.runtime.client,
            draining=lambda: self.world.draining,
            runtime=self.runtime,
        )
        self.gateway = Gateway(self.world, self.runtime, admin=self._admin, metrics=Metrics(house.data))
        self._meters = Meters(
            self.runtime,
            house.limits,
            house.ledger_url,
            house.journals,
            house.spool,
            self._redis_url,
            workers,
            house.open_log,
        )
        self._board: Board | None = None
        self._messenger: Messenger | None = None
        self._presence: Presence | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._reloaded = asyncio.Event()

    async def open(self) -> None:
        """Open what must be there before the first request. Called inside the running loop, before `start`. Raises
        `StoreError`."""
        await self._meters.open_for(self.world.snapshot)

    def start(self) -> None:
        """Begin what runs beside the requests. Called inside the running loop."""
        self._http = HttpClient(self.world.snapshot.egress)
        self.runtime.clients.update(http=self._http, https=self._http)
        self.world.snapshot.prices.warm(_sellers(self.world.snapshot))
        self._pin_credentials()
        self._share_circuits()
        self._open_cache()
        self._presence = self._announced()
        loop = asyncio.get_running_loop()
        self._beside = [
            loop.create_task(self._look_for_changes()),
            loop.create_task(self.runtime.credentials.keep_fresh()),
            loop.create_task(self._keep_discovering()),
            loop.create_task(self._keep_prices_fresh()),
            loop.create_task(self._house.key_sets.keep_fresh(self.runtime.client)),
            loop.create_task(self._meters.keep()),
            loop.create_task(self._alerts().keep()),
        ]
        if self._presence is not None:
            self._beside.append(loop.create_task(self._presence.keep_saying()))
        if self._messenger is not None:
            self._beside.append(loop.create_task(self._messenger.run()))

    async def stop(self) -> None:
        """End it: no request is in flight any more."""
        for task in self._beside:
            task.cancel()
        if self._beside:  # what was just told is crossed out, what was asked of others is given back
            await asyncio.wait(self._beside, timeout=5.0)
        if self._http is not None:
            self._http.close()
        if self.runtime.nearest is not None:
            await self.runtime.nearest.close()
        if self.runtime.cache is not None:
            await self.runtime.cache.close()
        if self.runtime.claims is not None:
            self.runtime.claims.close()
        self._spool.close()
        self._admin.close()
        await self._meters.close()
        if self._presence is not None:
            self._presence.leave()
        if self._board is not None:
            self._board.close()

    def _share_circuits(self) -> None:
        """With the other workers, and with other machines. A worker that cannot goes by what it sees itself."""
        try:
            self._board = Board(self._house.circuits, clock=self.runtime.clock)
            self.runtime.health.cells = self._board.cell
        except StoreError as trouble:
            log.warning("circuits are not shared with the other workers: %s", trouble)
            return
        if self._redis_url:
            try:
                self._messenger = Messenger(self._board, open_exchange(self._redis_url), clock=self.runtime.clock)
            except StoreError as trouble:
                log.warning("circuits are not shared with other machines: %s", trouble)

    def _open_cache(self) -> None:
        """Where answers are kept. A worker that cannot reach it asks providers."""
        asked = self._house.in_force.cache
        try:
            self.runtime.cache = open_cache(asked.store, self._house.data, asked.max_bytes, report=log.warning)
        except StoreError as trouble:
            log.warning("answers are not kept: %s", trouble)
            return
        self.runtime.nearest = open_nearest(self.runtime.cache, report=log.warning)
        if self.runtime.nearest is not None and self.world.snapshot.likens:
            self.runtime.nearest.look()
        self.runtime.ask = ask_within
        if self._workers > 1 and is_shared(asked.store):
            try:
                self.runtime.claims = Claims(self._house.data / CLAIMS)
            except OSError as error:
                log.warning("each worker asks for itself: %s cannot be used: %s", CLAIMS, error.strerror)

    def _announced(self) -> Presence | None:
        """This worker in the roster; None when there is no place to write it down."""
        try:
            return Presence(
                self._house.data,
                self.runtime,
                lambda: self.world.snapshot,
                messenger=self._messenger,
                draining=lambda: self.world.draining,
            )
        except OSError as trouble:
            log.warning("what this worker does cannot be written down for others: %s", trouble.strerror)
            return None

    def _alerts(self) -> Dispatch:
        """Tells people of budgets that are nearly used up."""
        house = self._house
        return alerts_of(
            house,
            lambda: self.runtime.client("https"),
            lambda: self.world.snapshot.egress,
            lambda: [Crossings(open_book(house.ledger_url), Owners(lambda: house.stored))],
        )

    async def reload(self) -> bool:
        """Compile a new Snapshot aside and swap it in; a bad one is reported and the old world stays. False when what is stored
        could not be read: try again."""
        try:
            snapshot = await self._compiled()
        except (StoreError, OSError) as trouble:
            log.error("the configuration was not reloaded; the old one stays in force:\n%s", trouble)
            return False
        if snapshot is None:
            return True
        if snapshot.revision != self.world.snapshot.revision:
            log.info("reloaded: %s", snapshot)
        await asyncio.to_thread(snapshot.prices.read, _sellers(snapshot))  # before anyone is charged by them
        if self._http is not None and self._http.egress != snapshot.egress:
            self._http.adopt(snapshot.egress)
        try:
            await self._meters.open_for(snapshot)
        except StoreError as trouble:
            log.error("the configuration was not reloaded, since its limits cannot be kept: %s", trouble)
            return False
        snapshot.inherit(self.world.snapshot)
        self.world.snapshot = snapshot
        self._reloaded.set()
        self.runtime.redactor = redactor_of(snapshot)
        hide(self.runtime.redactor)
        self._pin_credentials()
        return True

    async def _compiled(self) -> Snapshot | None:
        """A new Snapshot; None when there is no reason or no way to make one. Raises `StoreError`, `OSError`."""
        try:
            return await asyncio.to_thread(self._house.snapshot)
        except BadConfig as bad:
            log.error("the configuration was not reloaded; the old one stays in force:\n%s", bad)
        try:
            return await asyncio.to_thread(self._house.snapshot_without_file)
        except BadConfig as bad:
            log.error("what is stored does not fit the configuration that is in force:\n%s", bad)
            return None

    def _pin_credentials(self) -> None:
        signers = (provider.signer for provider in self.world.snapshot.everywhere())
        self.runtime.credentials.pin(signer.source for signer in signers if signer is not None)

    async def _keep_discovering(self) -> None:
        """Know what servers of one's own have loaded, before somebody asks for it by its bare name."""
        while True:
            self._reloaded.clear()
            snapshot = self.world.snapshot
            await discover(snapshot, snapshot.everywhere(), self.runtime)
            try:
                await asyncio.wait_for(self._reloaded.wait(), DISCOVER_SECONDS)
            except TimeoutError:
                pass

    async def _keep_prices_fresh(self) -> None:
        """Get a new price list when the operator wants one and it is due. The file is found like any other change."""
        while True:
            if (refresh := self.world.snapshot.refresh) is not None:
                client = self.runtime.client(refresh.destination.scheme)
                await refresh_when_due(client, refresh, self._house.price_list)
            await asyncio.sleep(REFRESH_SECONDS)

    async def _look_for_changes(self) -> None:
        """Look again and again, whatever happens: a key that is revoked must be refused, also after a bad day of the disk."""
        watch: Watch | None = None
        trouble: Exception | None = None
        behind = False
        try:
            while True:
                try:
                    if watch is None:
                        watch = await asyncio.to_thread(Watch, self._house)
                        if trouble is not None:  # what has changed in between is not known
                            behind = True
                    elif await asyncio.to_thread(watch.changed):
                        behind = True
                    else:
                        trouble = None
                    if behind:
                        behind = not await self.reload()
                    self.world.snapshot.stale = behind
                except (StoreError, OSError) as again:
                    if watch is not None:
                        watch.close()
                        watch = None
                    if trouble is None:
                        log.error("what is stored cannot be watched; what is known stays in force: %s", again)
                    trouble = again
                    self.world.snapshot.stale = True
                await asyncio.sleep(WATCH_SECONDS)
        finally:
            if watch is not None:
                watch.close()


def _sellers(snapshot: Snapshot) -> Iterator[str]:
    """The lists of prices that its requests will be charged by."""
    return (provider.row.prices for provider in snapshot.everywhere())


def redactor_of(snapshot: Snapshot) -> Redactor:
    """Knows the providers' own keys, since not every key has a shape that gives it away."""
    return Redactor((provider.secret() for provider in snapshot.everywhere()), snapshot.mask)
