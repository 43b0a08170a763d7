"""`Tails`: who watches the log of this machine as it grows: so many at a time, each for so long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from lockgate.control.crew import Crew
from lockgate.control.tail import Tail
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.stores.logs.ports import Filter

#: Watchers of one worker.
MOST = 16
#: Between two looks, and how long somebody watches before the key must be shown again; in seconds.
LOOK_S, LONGEST_S = 0.5, 600.0


class Tails:
    """Looks are made by a crew. `ending`: the worker wants to end, and nobody watches any longer."""

    def __init__(
        self, spool: Path, crew: Crew, ending: Callable[[], bool], look_s: float = LOOK_S, longest_s: float = LONGEST_S
    ) -> None:
        self._spool = spool
        self._crew = crew
        self._ending = ending
        self._look_s = look_s
        self._longest_s = longest_s
        self._watching = 0

    def __repr__(self) -> str:
        return f"Tails({self._watching} of {MOST})"

    def check(self) -> None:
        """Raises `Refusal` 503 when too many watch already."""
        if self._watching >= MOST:
            raise Refusal(503, "busy", f"{MOST} watch the log here already. Try again later.", retry_after=30.0)

    async def watch(self, meant: Filter) -> AsyncGenerator[list[Record], None]:
        """Records as they are completed; [] when there are none at the moment. Raises `Refusal` 503."""
        self.check()
        self._watching += 1
        loop = asyncio.get_running_loop()
        until = loop.time() + self._longest_s
        tail = Tail(self._spool, meant)
        try:
            while loop.time() < until and not self._ending():
                try:
                    found = await self._crew.do(tail.step)
                except Refusal:  # others are waiting: what came stays for the next look
                    found = []
                yield found
                await asyncio.sleep(self._look_s)
        finally:
            self._watching -= 1
            tail.close()
