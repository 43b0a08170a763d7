"""All sinks of a house, as they are configured now: each with its feed and its courier, in the scribe."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from lockgate.core.record import Record
from lockgate.stores.sinks.courier import Courier
from lockgate.stores.sinks.feed import Feed, Pace
from lockgate.stores.sinks.port import Sink
from lockgate.stores.sinks.state import FOLDER, SUFFIX, read_state, read_states, write_state

log = logging.getLogger("lockgate")

#: Between two looks whether the configuration has changed, in seconds.
LOOK_S = 1.0
#: How long couriers have for their last batches when a process ends, or a sink is taken away.
STOP_S = 5.0


class Outlet(msgspec.Struct, frozen=True):
    """One sink as it is to be. `said` is the whole of its settings: a sink whose settings are others is made anew. The rest as
    of `Feed` and `Courier`."""

    kind: str
    said: bytes
    open: Callable[[], Sink]
    wants: Callable[[Record], bool]
    bodies: bool
    pace: Pace
    capacity: int

    def __repr__(self) -> str:
        return f"Outlet({self.kind})"


class Outlets:
    """`outlets` gives all that are configured, by name; None: as before. It may read files."""

    def __init__(self, data: Path, outlets: Callable[[], Mapping[str, Outlet] | None], *, start: bool = True) -> None:
        self._spool = data / "spool"
        self._folder = data / FOLDER
        self._outlets = outlets
        self._start = start
        self._running: dict[str, tuple[Outlet, Courier]] = {}
        self._look_at = 0.0

    def __repr__(self) -> str:
        return f"Outlets({', '.join(self._running)})"

    @property
    def couriers(self) -> list[Courier]:
        """Those that run."""
        return [courier for _, courier in self._running.values()]

    def step(self, now: float) -> None:
        """Look whether the configuration has changed, now and then. `now` in monotonic seconds."""
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        outlets = self._outlets()
        if outlets is None:
            return
        gone = [name for name, (outlet, _) in self._running.items() if name not in outlets or outlets[name].said != outlet.said]
        self._end([self._running.pop(name)[1] for name in gone])
        for name, outlet in outlets.items():
            if name not in self._running:
                self._begin(name, outlet)
        for name in read_states(self._folder.parent).keys() - outlets.keys():
            self._put_off(name)

    def released(self, name: str, at: int) -> bool:
        """Whether all have read a segment as far as that, and it may be deleted."""
        return all(courier.feed.released(name, at) for _, courier in self._running.values())

    def close(self) -> None:
        """End all; what could not be sent by then is sent by the next process."""
        self._end(self.couriers)
        self._running.clear()

    def _begin(self, name: str, outlet: Outlet) -> None:
        feed = Feed(
            self._spool,
            self._folder / f"{name}{SUFFIX}",
            kind=outlet.kind,
            wants=outlet.wants,
            bodies=outlet.bodies,
            pace=outlet.pace,
            capacity=outlet.capacity,
            clock=lambda: time.time_ns() // 1000,
        )
        feed.save()
        courier = Courier(name, feed, outlet.open)
        self._running[name] = outlet, courier
        if self._start:
            courier.start()

    def _end(self, couriers: list[Courier]) -> None:
        for courier in couriers:
            courier.stop()
        until = time.monotonic() + STOP_S
        for courier in couriers:
            if not courier.join(max(0.0, until - time.monotonic())):
                log.warning("sink %s: it still hangs; what is under way is sent again", courier.name)

    def _put_off(self, name: str) -> None:
        """What was sent is known still, should the sink come back."""
        path = self._folder / f"{name}{SUFFIX}"
        try:
            write_state(path, msgspec.structs.replace(read_state(path), off=True))
        except OSError as error:
            log.warning("sink %s: cannot write %s: %s", name, path, os.strerror(error.errno or 0))
