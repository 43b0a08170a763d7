"""A courier brings one sink what its feed has, in a thread of its own: whoever hangs holds up nobody else.

What fails is tried again: after as long as the sink has said, or after twice as long each time, with some chance in it, so that
many gateways do not come back at once.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.feed import Feed
from lockgate.stores.sinks.port import Batch, Later, Refused, Sink

log = logging.getLogger("lockgate")

#: Between two looks for more, in seconds.
LOOK_S = 0.25
#: After a failure: first, and at most, so long until the next try.
RETRY_S, RETRY_MOST_S = 1.0, 60.0
#: No sink is waited for longer than this, whatever it says.
AFTER_MOST_S = 900.0
#: Between two times that the state of a sink that is idle or down is written down.
SAVE_S = 5.0


class Courier:
    """One sink's. `open` makes the sink, in the courier's thread. `chance` gives numbers in [0, 1)."""

    def __init__(self, name: str, feed: Feed, open: Callable[[], Sink], *, chance: Callable[[], float] = random.random) -> None:
        self.name = name
        self.feed = feed
        self._open = open
        self._chance = chance
        self._sink: Sink | None = None
        self._retry_s = 0.0
        self._retry_at = 0.0
        self._save_at = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"Courier({self.name}, {self.feed})"

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Begin no new batch but a last one, with what there is. Does not wait."""
        self._stop.set()

    def join(self, seconds: float) -> bool:
        """Wait for the end, so long at most; False when it still hangs: what is under way is sent again by the next process."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def step(self, now: float, *, flush: bool = False) -> float:
        """Do what is due; in how many seconds there may be more. `now` in monotonic seconds."""
        if now < self._retry_at:
            self._keep_within(now)
            return min(1.0, self._retry_at - now)
        try:
            batch = self.feed.take(now, flush=flush)
            if batch is None:
                self._keep_within(now)
                return LOOK_S
            self._send(batch)
        except StoreError as trouble:
            self._failed(str(trouble), now, trouble.after_s if isinstance(trouble, Later) else 0.0)
            return min(1.0, self._retry_at - now)
        if self._retry_s:
            log.warning("sink %s: works again", self.name)
        self._retry_s = 0.0
        return 0.0

    def close(self) -> None:
        """Let go of the sink."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None
        self.feed.save()

    def _send(self, batch: Batch) -> None:
        """Raises `StoreError` where the batch is to be tried again."""
        if self._sink is None:
            self._sink = self._open()
        try:
            refused, why = self._sink.send(batch), ""
        except Refused as no:
            refused, why = len(batch.records), str(no)
        if refused:
            why = why or f"{refused} of {len(batch.records)} records were not taken"
            log.error("sink %s: %s; they are not tried again", self.name, why)
        try:
            self.feed.done(refused, self._sink.mark, trouble=why)
        except StoreError as trouble:  # it is sent: to send it again is not what helps
            log.error("sink %s: %s", self.name, trouble)

    def _failed(self, why: str, now: float, after_s: float) -> None:
        first = not self._retry_s
        self._retry_s = min(max(RETRY_S, 2 * self._retry_s), RETRY_MOST_S)
        wait_s = max(min(after_s, AFTER_MOST_S), self._retry_s * (0.75 + self._chance() / 2))
        self._retry_at = now + wait_s
        self.feed.failed(why)
        self._keep_within(now)
        (log.error if first else log.debug)("sink %s: %s; trying again in %.0f s", self.name, why, wait_s)

    def _keep_within(self, now: float) -> None:
        """Leave out what there is no room for, and say how it stands."""
        if now < self._save_at:
            return
        self._save_at = now + SAVE_S
        try:
            if dropped := self.feed.trim():
                log.error("sink %s: %d records are left out: more wait than there is room for", self.name, dropped)
            self.feed.save()
        except StoreError as trouble:
            log.error("sink %s: %s", self.name, trouble)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._stop.wait(self.step(time.monotonic()))
            self.step(time.monotonic(), flush=True)
        finally:
            self.close()
