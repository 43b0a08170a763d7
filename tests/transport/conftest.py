from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

Run = Callable[[Coroutine[Any, Any, Any]], Any]

#: No test of this folder waits for more than tiny deadlines; whatever takes this long hangs.
HANGS_S = 20


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on each kind of loop, fails if it hangs, and if a callback or task fails unseen."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        unseen: list[str] = []

        async def watched() -> Any:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(str(context)))
            return await asyncio.wait_for(coroutine, HANGS_S)

        result = (uvloop.run if request.param == "uvloop" else asyncio.run)(watched())
        assert unseen == []
        return result

    return run
