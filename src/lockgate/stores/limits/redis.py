"""The counter of all machines in Redis or Valkey: one script, by whose clock all is counted (`limits.lua`).

Whatever goes wrong there (refused, gone, loading, read-only, out of memory, busy with somebody's script, a key of another kind,
or just no answer) is a `StoreError` after 50 ms at most. Time in which this process itself does not get on does not count: an
answer that has come and was not looked at is no hang.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from importlib.resources import files

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from lockgate.policy.limits import Limit
from lockgate.stores.limits.port import Answer, Ask
from lockgate.stores.ports import StoreError

#: How long a call may take, with the connection that it may have to make: so many ticks of so many seconds.
TICKS, TICK_S = 5, 0.01
#: What redis-py may wait for, in seconds, if we do not.
_BACKSTOP_S = 5.0
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
        try:
            self._redis = Redis.from_url(
                url,
                socket_timeout=_BACKSTOP_S,
                socket_connect_timeout=_BACKSTOP_S,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        except ValueError as error:
            raise StoreError(f"The URL of the counter of rate limits cannot be read: {error}.") from None

    def __repr__(self) -> str:
        return "RedisCounter()"  # the URL may have a password in it

    async def ask(self, asks: Sequence[Ask], machine: int, machines: int) -> list[Answer]:
        """Ask, all in one go; those of a tenant in one script."""
        tenants: dict[str, list[int]] = {}
        for index, each in enumerate(asks):
            tenants.setdefault(each.limit.tenant, []).append(index)
        calls = [_call([asks[index] for index in indices], machine, machines) for indices in tenants.values()]
        replies = await self._run(_SCRIPT, calls)
        answers: dict[int, Answer] = {}
        for indices, reply in zip(tenants.values(), replies, strict=True):
            for place, index in enumerate(indices):
                answers[index] = Answer(*reply[_FIELDS * place : _FIELDS * (place + 1)])
        return [answers[index] for index in range(len(asks))]

    async def pulse(self, machine: int) -> int:
        """Say that this machine is there; how many are."""
        return (await self._run(_PULSE, [([_MACHINES], [machine, GONE_S * 1_000_000])]))[0]

    async def close(self) -> None:
        """Let go of connections."""
        try:
            async with _patience():
                await self._redis.aclose()
        except (RedisError, OSError, TimeoutError):
            pass  # they are gone anyway

    async def _run(self, script: str, calls: Sequence[tuple[list[str], list[str | int]]]) -> list:
        """Run a script for each of the calls, in one round trip; a second one where the server does not know it."""
        digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            async with _patience():
                replies = await self._send("EVALSHA", digest, calls)
                unknown = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
                if unknown:
                    again = await self._send("EVAL", script, [calls[index] for index in unknown])
                    for index, reply in zip(unknown, again, strict=True):
                        replies[index] = reply
        except TimeoutError:
            raise StoreError(f"Redis did not answer within {TICKS * TICK_S * 1000:.0f} ms.") from None
        except (RedisError, OSError) as error:
            raise StoreError(f"Redis: {str(error) or type(error).__name__}.") from None
        for reply in replies:
            if isinstance(reply, RedisError):
                raise StoreError(f"Redis: {reply}.")
        return replies

    async def _send(self, command: str, script: str, calls: Sequence[tuple[list[str], list[str | int]]]) -> list:
        pipe = self._redis.pipeline(transaction=False)
        for keys, arguments in calls:
            pipe.execute_command(command, script, len(keys), *keys, *arguments)
        return await pipe.execute(raise_on_error=False)


def key_of(limit: Limit) -> str:
    """The key of a limit; those of one tenant in one slot of a cluster."""
    tenant = limit.tenant.encode("utf-8", "replace").hex() or "-"
    return f"lockgate:{{{tenant}}}:limit:{limit.tag:x}"


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    """Raises `TimeoutError` inside when the ticks are over."""
    loop = asyncio.get_running_loop()
    ticks = TICKS

    def tick() -> None:
        nonlocal ticks, timer
        ticks -= 1
        if ticks:
            timer = loop.call_later(TICK_S, tick)
        else:
            over.reschedule(loop.time())

    async with asyncio.timeout(None) as over:
        timer = loop.call_later(TICK_S, tick)
        try:
            yield
        finally:
            timer.cancel()


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
