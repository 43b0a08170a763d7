"""`Office`: the control store as one worker holds it open for the admin API, with what else its use cases need.

Its calls block, so they are made in threads of its own: a database that hangs for as long as it may takes no thread from
anything else, and no more than `MOST` requests wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from lockgate.control.config import Config
from lockgate.control.crew import Crew
from lockgate.control.house import House
from lockgate.control.identity.reception import Reception
from lockgate.control.vault import Vault
from lockgate.core.failure import Refusal
from lockgate.pipeline.runtime import Runtime, now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.control.store import ControlStore
from lockgate.stores.ledger.open import open_database
from lockgate.stores.ledger.standings import Standings
from lockgate.transport.exchange import Client

T = TypeVar("T")
#: Threads, and how many requests may be in them or wait for one: a browser asks six at a time. SQLite and the driver of
#: PostgreSQL take turns anyway.
THREADS, MOST = 4, 256


def nobody(scheme: str) -> Client:
    """Asks no one anything: for a gateway at rest. Raises `Refusal`."""
    raise Refusal(500, "no_client", f"Nothing here can reach a '{scheme}' address.")


class Office:
    """`snapshot` gives the world as it is now, `client` what asks identity providers, by scheme; `clock` the time in µs since
    the epoch; `draining` says whether the worker ends. `reception` is where people log in, `beside` what closes with it."""

    def __init__(
        self,
        house: House,
        snapshot: Callable[[], Snapshot],
        client: Callable[[str], Client] = nobody,
        clock: Callable[[], int] = now_us,
        draining: Callable[[], bool] = lambda: False,
        runtime: Runtime | None = None,
    ) -> None:
        self.house = house
        self.runtime = runtime  # what requests are served with in this worker, for those that are sent again
        self.snapshot = snapshot
        self.clock = clock
        self.draining = draining
        self.reception = Reception(house, client)
        self.beside: list[Callable[[], None]] = []
        self._crew = Crew("admin", THREADS, MOST, "the control store")
        self._turn = threading.Lock()
        self._store: ControlStore | None = None
        self._reading = threading.Lock()
        self._ledger: Standings | None = None

    def __repr__(self) -> str:
        return f"Office({self.house})"

    async def do(self, work: Callable[[], T]) -> T:
        """Do something that blocks. Raises `Refusal` 503 when too many wait already, and whatever the work raises."""
        return await self._crew.do(work)

    @property
    def store(self) -> ControlStore:
        """The control store, opened when it is first needed. Raises `StoreError`."""
        with self._turn:
            if self._store is None:
                self._store = self.house.open_control()
            return self._store

    @contextmanager
    def ledger(self) -> Generator[Standings, None, None]:
        """What was used of budgets, for one thread at a time; opened when it is first needed. Raises `StoreError`."""
        with self._reading:
            if self._ledger is None:
                behind = self.house.ledger_url.partition(",")[2]
                # The address may have a pool in front of it, and several hosts.
                self._ledger = Standings(open_database(behind if "://" in behind else self.house.ledger_url))
            yield self._ledger

    @property
    def pepper(self) -> bytes:
        """What the digests of keys are made with. Raises `StoreError`."""
        return self.house.pepper

    @property
    def vault(self) -> Vault:
        """The vault, for what is done now. Raises `StoreError`, `OSError`, `WeakSecret`."""
        return self.house.vault(self.store)

    @property
    def declared(self) -> Config:
        """What the configuration file says, as it is in force."""
        return self.house.in_force

    def close(self) -> None:
        """Let go of threads and store."""
        self.reception.close()
        self._crew.close()
        for close in self.beside:
            close()
        with self._turn:
            if self._store is not None:
                self._store.close()
                self._store = None
        with self._reading:
            if self._ledger is not None:
                self._ledger.close()
                self._ledger = None
