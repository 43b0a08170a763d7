"""Those who wait for room, in the loops that the gateway runs in."""

import asyncio

import pytest
import uvloop

from lockgate.policy.ledger import Budget, Short
from lockgate.policy.purse import Account
from lockgate.stores.ledger.waiting import Queue, Waiter


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_whoever_looks_again_before_a_look_is_due_changes_its_time(run) -> None:
    async def scenario() -> list[float]:
        loop = asyncio.get_running_loop()
        queue = Queue(*[lambda *_: None] * 5)  # type: ignore[arg-type]
        waiter = Waiter((Account(Budget("b", 1)),), "r", 1, (1, 0, 0), loop.time() + 60, loop.create_future())
        waiter.short = Short(Budget("b", 1), "contended", 1, 0, None)
        queue.waiters[waiter] = None
        seen: list[float] = []
        queue._look = lambda: seen.append(loop.time())  # type: ignore[method-assign]
        for after_s in (60.0, 0.0, 0.0, 30.0):
            queue.look_soon(after_s)
        await asyncio.sleep(0.01)
        return seen

    assert len(run(scenario())) == 1
