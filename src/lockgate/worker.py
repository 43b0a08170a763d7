"""One worker process: a loop, a server on the supervisor's socket, an App."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic

import uvicorn

from lockgate.app import App
from lockgate.control.house import House
from lockgate.http.server import Protocol
from lockgate.pipeline.snapshot import Snapshot

log = logging.getLogger("lockgate")

#: glibc's malloc_trim(3), where there is a glibc.
trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

try:
    import uvloop

    _new_loop = uvloop.new_event_loop
except ImportError:  # not made for Windows
    _new_loop = asyncio.new_event_loop


class Server(uvicorn.Server):
    """uvicorn's server, with our signals, and one sweep a second over all connections."""

    most_connections = 0  # since memory was last given back

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are ours (`serve`); uvicorn would raise them again at its end and hide the exit status."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            now = monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Protocol):
                    connection.sweep(now)
            self._give_back(len(self.server_state.connections))
        return await super().on_tick(counter)

    def _give_back(self, connections: int) -> None:
        """After a crowd has gone, return what it held to the system (measured after 4,000 streams: 148 MB became 120)."""
        self.most_connections = max(self.most_connections, connections)
        if self.most_connections > 200 and connections < self.most_connections // 4:
            self.most_connections = connections
            gc.collect()
            if trim is not None:
                trim(0)


def work(
    house: House, snapshot: Snapshot, listener: socket.socket, lifeline: int, drain_seconds: float, workers: int = 1
) -> int:
    """Serve until told to stop, as one of so many `workers`; the exit status. `lifeline` is a pipe that closes when the
    supervisor is gone."""
    loop = _new_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_serve(house, snapshot, listener, lifeline, drain_seconds, workers))
    finally:
        loop.close()
    return 0


async def _serve(
    house: House, snapshot: Snapshot, listener: socket.socket, lifeline: int, drain_seconds: float, workers: int
) -> None:
    app = App(house, snapshot, workers)
    config = uvicorn.Config(
        app.gateway,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=int(drain_seconds),
        backlog=2048,
    )
    server = Server(config)
    loop = asyncio.get_running_loop()

    def drain() -> None:
        app.world.draining = True
        if server.should_exit:
            server.force_exit = True
        server.should_exit = True

    def orphaned() -> None:
        if not os.read(lifeline, 1):
            loop.remove_reader(lifeline)
            log.warning("the supervisor is gone: worker %d drains and ends", os.getpid())
            drain()

    reloads: set[asyncio.Task[bool]] = set()

    def reload() -> None:
        task = loop.create_task(app.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGTERM, drain)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # the terminal tells every process; the supervisor decides
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_reader(lifeline, orphaned)
    await app.open()
    app.start()
    # What stands now stands for good: the collector need not walk it again and again (measured: 6% of a request's time).
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await server.serve(sockets=[listener])
    loop.remove_reader(lifeline)
    await app.stop()
    sys.stderr.flush()
