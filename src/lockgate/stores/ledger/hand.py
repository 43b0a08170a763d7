"""The hand: the one thread of a worker that touches the ledger's database. Jobs are done in their order, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from time import monotonic


class Hand:
    """A thread that does jobs. A job must not raise: what may go wrong is its own to tell."""

    def __init__(self, name: str = "ledger") -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._since = 0.0  # when the job under way began; 0: there is none
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Hand({'busy' if self._since else 'idle'}, {self._jobs.qsize()} waiting)"

    def do(self, job: Callable[[], None]) -> None:
        """Do this after all that waits already."""
        self._jobs.put(job)

    def busy_s(self) -> float:
        """For how long the job under way has been."""
        since = self._since
        return monotonic() - since if since else 0.0

    def stop(self, wait_s: float) -> bool:
        """End after what waits already; whether it has ended within so many seconds."""
        self._jobs.put(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._since = monotonic()
            job()
            self._since = 0.0
