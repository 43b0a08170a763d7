"""`Crew`: some threads for work that blocks, and a bound on how many wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from lockgate.core.failure import Refusal

T = TypeVar("T")


class Crew:
    """`size` threads, made when they are first needed; `most` requests may be in them or wait. `what` they wait for."""

    def __init__(self, name: str, size: int, most: int, what: str) -> None:
        self._name = name
        self._size = size
        self._most = most
        self._what = what
        self._waiting = 0
        self._threads: ThreadPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"Crew({self._name}, {self._waiting} of {self._most})"

    async def do(self, work: Callable[[], T]) -> T:
        """Do something that blocks. Raises `Refusal` 503 when too many wait already, and whatever the work raises."""
        if self._waiting >= self._most:
            raise Refusal(503, "busy", f"Too many requests wait for {self._what}. Try again in a moment.", retry_after=2.0)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._size, self._name)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Take no more work; what is under way is not waited for."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
