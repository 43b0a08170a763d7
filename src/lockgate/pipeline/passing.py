"""`Passing`: one request under way, and what each step of its way needs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.pipeline.account import Account
from lockgate.pipeline.flights import Flight
from lockgate.pipeline.ports import Caller
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot


class Passing(msgspec.Struct):
    """One request under way."""

    call: Call
    principal: Principal
    snapshot: Snapshot
    runtime: Runtime
    caller: Caller
    account: Account
    flight: Flight | None = None  # its answer is given to others too

    def leaving(self, give_up: Callable[[], None]) -> Callable[[], None]:
        """What to do when the caller goes: what is under way is given up, unless others wait for it."""
        flight = self.flight
        return give_up if flight is None else lambda: flight.leave(give_up)
