"""Scripts in Redis or Valkey: a few in one round trip, answered within a time that is ours to say.

Whatever goes wrong there (refused, gone, loading, read-only, out of memory, busy with somebody's script, a key of another kind,
or just no answer) is a `StoreError` when that time is over, at the latest. Time in which this process itself does not get on
does not count: an answer that has come and was not looked at is no hang.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from lockgate.stores.ports import StoreError

#: What redis-py may wait for, in seconds, if we do not.
_BACKSTOP_S = 5.0

#: A script's keys and arguments.
Words = Sequence[str | int | bytes]
Call = tuple[Words, Words]


class Scripts:
    """The server at a URL: `redis://`, `rediss://`, `unix://`. Raises `StoreError` for a URL that is none.

    A call, with the connection that it may have to make, may take so many `ticks` of `tick_s` seconds.
    """

    def __init__(self, url: str, *, ticks: int, tick_s: float) -> None:
        self._ticks = ticks
        self._tick_s = tick_s
        try:
            self._redis = Redis.from_url(
                url,
                socket_timeout=_BACKSTOP_S,
                socket_connect_timeout=_BACKSTOP_S,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        except ValueError as error:
            raise StoreError(f"The URL of Redis cannot be read: {error}.") from None

    def __repr__(self) -> str:
        return "Scripts()"  # the URL may have a password in it

    async def run(self, script: str, calls: Sequence[Call]) -> list:
        """Run a script for each of the calls, in one round trip; a second one where the server does not know it."""
        digest = sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            async with self._patience():
                replies = await self._send("EVALSHA", digest, calls)
                unknown = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
                if unknown:
                    again = await self._send("EVAL", script, [calls[index] for index in unknown])
                    for index, reply in zip(unknown, again, strict=True):
                        replies[index] = reply
        except TimeoutError:
            raise StoreError(f"Redis did not answer within {self._ticks * self._tick_s * 1000:.0f} ms.") from None
        except (RedisError, OSError) as error:
            raise StoreError(f"Redis: {str(error) or type(error).__name__}.") from None
        for reply in replies:
            if isinstance(reply, RedisError):
                raise StoreError(f"Redis: {reply}.")
        return replies

    async def close(self) -> None:
        """Let go of connections."""
        try:
            async with self._patience():
                await self._redis.aclose()
        except (RedisError, OSError, TimeoutError):
            pass  # they are gone anyway

    async def _send(self, command: str, script: str, calls: Sequence[Call]) -> list:
        pipe = self._redis.pipeline(transaction=False)
        for keys, arguments in calls:
            pipe.execute_command(command, script, len(keys), *keys, *arguments)
        return await pipe.execute(raise_on_error=False)

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """Raises `TimeoutError` inside when the ticks are over."""
        loop = asyncio.get_running_loop()
        ticks = self._ticks

        def tick() -> None:
            nonlocal ticks, timer
            ticks -= 1
            if ticks:
                timer = loop.call_later(self._tick_s, tick)
            else:
                over.reschedule(loop.time())

        async with asyncio.timeout(None) as over:
            timer = loop.call_later(self._tick_s, tick)
            try:
                yield
            finally:
                timer.cancel()
