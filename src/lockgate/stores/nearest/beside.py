"""Work beside the requests: done once, whoever else asks for it meanwhile, and nobody waits for it longer than a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

#: How long who asks waits for what is not there yet, in seconds.
PATIENCE_S = 0.05


class Beside:
    """Work by its name. It goes on when nobody waits any more."""

    def __init__(self) -> None:
        self.under_way: dict[bytes, asyncio.Task[None]] = {}

    def __repr__(self) -> str:
        return f"Beside({len(self.under_way)} under way)"

    async def soon(self, name: bytes, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have it done, and wait a moment for it."""
        task = self.under_way.get(name)
        if task is None:
            task = self.under_way[name] = asyncio.get_running_loop().create_task(work())
            task.add_done_callback(lambda _: self.under_way.pop(name, None))
        await asyncio.wait((task,), timeout=PATIENCE_S)

    async def close(self) -> None:
        """Do none of it any more."""
        tasks = list(self.under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
