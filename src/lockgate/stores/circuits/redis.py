"""The exchange in Redis or Valkey: one script, by whose clock all is told (`circuits.lua`)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from importlib.resources import files

from lockgate.stores.circuits.port import Hearing, News, Round, Telling
from lockgate.stores.redis import Scripts

#: How long a round may take: so many ticks of so many seconds. No request waits for it.
TICKS, TICK_S = 5, 0.1
#: Circuits that are kept there, those with the oldest news forgotten first; news told in one round.
KEPT, TOLD = 4096, 256
#: Seconds that a permit holds, unless it is renewed; after how many it passes to another machine that wants it, and has said so
#: in the last so many.
PERMIT_S, PATIENCE_S, RECENT_S = 3.0, 5.0, 1.0

_SCRIPT = files("lockgate.stores.circuits").joinpath("circuits.lua").read_text()
_KEYS = ("lockgate:{circuits}", "lockgate:{circuits}:order")
_SECOND = 1_000_000
_FIELDS = 5


class RedisExchange:
    """`port.Exchange` at a URL: `redis://`, `rediss://`, `unix://`. Raises `StoreError` for a URL that is none."""

    def __init__(self, url: str) -> None:
        self._scripts = Scripts(url, ticks=TICKS, tick_s=TICK_S)

    def __repr__(self) -> str:
        return "RedisExchange()"

    async def round(self, machine: str, epoch: bytes, cursor: int, tellings: Sequence[Telling]) -> Round:
        """Tell, and hear what is new."""
        said: list[str | int | bytes] = [machine, epoch, cursor, secrets.token_hex(8), KEPT, TOLD]
        said += (int(seconds * _SECOND) for seconds in (PERMIT_S, PATIENCE_S, RECENT_S))
        for each in tellings:
            said += (each.digest, each.base, each.kind, each.age_us, each.left_us, int(each.changed), int(each.wants))
        ((epoch, cursor, heard, news),) = await self._scripts.run(_SCRIPT, [(_KEYS, said)])
        return Round(
            epoch,
            cursor,
            [Hearing(heard[at], bool(heard[at + 1])) for at in range(0, len(heard), 2)],
            [News(*news[at : at + _FIELDS]) for at in range(0, len(news), _FIELDS)],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._scripts.close()
