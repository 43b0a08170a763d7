"""`Passing`: one request under way, and what each step of its way needs."""

from __future__ import annotations

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.pipeline.account import Account
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
