"""The counter of all machines in Redis or Valkey: one script, by whose clock all is counted (`limits.lua`). A request may wait
for it, so that a call has 50 ms and no more."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from lockgate.policy.limits import Limit
from lockgate.stores.limits.port import Answer, Ask
from lockgate.stores.redis import Scripts

#: How long a call may take, with the connection that it may have to make: so many ticks of so many seconds.
TICKS, TICK_S = 5, 0.01
#: After how many seconds without a sign of life a machine counts as gone.
GONE_S = 10

_SCRIPT = files("lockgate.stores.limits").joinpath("limits.lua").read_text()
_PULSE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + ARGV[2], '+inf')
redis.call('PEXPIRE', KEYS[1], 60000)
return redis.call('ZCARD', KEYS[1])
"""
_MACHINES = "lockgate:{machines}:limits"
_FIELDS = 5


class RedisCounter:
    """`port.Counter` at a URL: `redis://`, `rediss://`, `unix://`. Raises `StoreError` for a URL that is none."""

    def __init__(self, url: str) -> None:
        self._scripts = Scripts(url, ticks=TICKS, tick_s=TICK_S)

    def __repr__(self) -> str:
        return "RedisCounter()"  # the URL may have a password in it

    async def ask(self, asks: Sequence[Ask], machine: int, machines: int) -> list[Answer]:
        """Ask, all in one go; those of a tenant in one script."""
        tenants: dict[str, list[int]] = {}
        for index, each in enumerate(asks):
            tenants.setdefault(each.limit.tenant, []).append(index)
        calls = [_call([asks[index] for index in indices], machine, machines) for indices in tenants.values()]
        replies = await self._scripts.run(_SCRIPT, calls)
        answers: dict[int, Answer] = {}
        for indices, reply in zip(tenants.values(), replies, strict=True):
            for place, index in enumerate(indices):
                answers[index] = Answer(*reply[_FIELDS * place : _FIELDS * (place + 1)])
        return [answers[index] for index in range(len(asks))]

    async def pulse(self, machine: int) -> int:
        """Say that this machine is there; how many are."""
        return (await self._scripts.run(_PULSE, [([_MACHINES], [machine, GONE_S * 1_000_000])]))[0]

    async def close(self) -> None:
        """Let go of connections."""
        await self._scripts.close()


def key_of(limit: Limit) -> str:
    """The key of a limit; those of one tenant in one slot of a cluster."""
    tenant = limit.tenant.encode("utf-8", "replace").hex() or "-"
    return f"lockgate:{{{tenant}}}:limit:{limit.tag:x}"


def _call(asks: Sequence[Ask], machine: int, machines: int) -> tuple[list[str], list[str | int]]:
    arguments: list[str | int] = [machines]
    for each in asks:
        limit = each.limit
        if limit.dimension == "concurrent":
            arguments += ("places", limit.value, machine, each.running, each.need, each.more, each.life_us)
            continue
        rate = limit.rate
        arguments += ("rate", rate.ticks, rate.unit, rate.cap, each.life_us, each.least, each.need, each.more)
        arguments += (each.debt, each.stamp, len(each.settlements))
        for settlement in each.settlements:
            arguments += settlement
    return [key_of(each.limit) for each in asks], arguments
