"""What a worker says of itself, once a second, to whoever wants to know (`stores.roster`)."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lockgate.pipeline.health import Health
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import Key
from lockgate.stores.circuits.messenger import Messenger
from lockgate.stores.roster import NAME, Life, Parked, Pulse, Roster

log = logging.getLogger("lockgate")

SAY_S = 1.0
#: Targets and parked keys that are told: those that were heard of last.
MOST = 256
_STATM = Path("/proc/self/statm")


class Presence:
    """One worker's. `snapshot` gives the world as it is now, `draining` whether it ends. Raises `OSError` when there is no
    place to say it."""

    def __init__(
        self,
        data: Path,
        runtime: Runtime,
        snapshot: Callable[[], Snapshot],
        *,
        messenger: Messenger | None = None,
        draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._roster = Roster(data / NAME)
        self._runtime = runtime
        self._snapshot = snapshot
        self._messenger = messenger
        self._draining = draining
        self._started_us = runtime.time_us()

    async def keep_saying(self) -> None:
        """Say it again and again, aside: a disk that hangs holds up no request."""
        told = False
        while True:
            try:
                await asyncio.to_thread(self._roster.write, self.life())
                told = False
            except OSError as error:
                if not told:
                    log.warning("what this worker does cannot be written down for others: %s", error.strerror)
                told = True
            await asyncio.sleep(SAY_S)

    def leave(self) -> None:
        """The worker ends."""
        self._roster.leave()

    def life(self) -> Life:
        """The worker as it is now."""
        runtime, snapshot, messenger = self._runtime, self._snapshot(), self._messenger
        now = runtime.clock()
        return Life(
            pid=os.getpid(),
            at=now,
            started_us=self._started_us,
            in_flight=runtime.in_flight,
            served=runtime.served,
            failed=runtime.failed,
            dropped=runtime.spool.dropped,
            stripped=runtime.spool.stripped,
            cpu_us=time.process_time_ns() // 1000,
            memory_bytes=_memory_bytes(),
            revision=snapshot.revision,
            stale=snapshot.stale,
            draining=self._draining(),
            messenger=messenger is not None and messenger.elected,
            trouble="" if messenger is None else messenger.trouble,
            pulses=_pulses(runtime.health),
            parked=[Parked(*_named(key), why, left_s) for key, left_s, why in runtime.health.parked(now)[-MOST:]],
        )


def _pulses(health: Health) -> list[Pulse]:
    known = [(key, pulse) for key, pulse in health.pulses().items() if pulse.in_flight or pulse.heard_s]
    if len(known) > MOST:
        known = sorted(known, key=lambda each: (each[1].in_flight, each[1].heard_s))[-MOST:]
    return [Pulse(*_named(key), pulse.in_flight, pulse.latency_s, pulse.quota) for key, pulse in known]


def _named(key: Key) -> tuple[str, str, str]:
    """Place, provider and model of a target, fit to be written down whatever a caller called it."""
    provider, model = (text.encode("utf-8", "replace").decode() for text in key)
    place, _, slug = provider.rpartition("/")
    return place, slug, model


def _memory_bytes() -> int:
    """Memory that is in use; where that is not told, the most that ever was."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
