"""The pool in Redis or Valkey: one hash, and one script that does everything to it (`pool.lua`).

Calls block, `TIMEOUT_S` at most. Whatever goes wrong there is a `StoreError`, and whether something was done then nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from lockgate.policy.pool import Filled
from lockgate.stores.ledger.ports import Key
from lockgate.stores.ledger.tier import Ask, Gone, Rest, Taken
from lockgate.stores.ports import StoreError

#: The longest wait for a connection, and for an answer, in seconds.
TIMEOUT_S = 0.1
_SCRIPT = files("lockgate.stores.ledger").joinpath("pool.lua").read_text()


class RedisPool:
    """A `Pool` at a URL: `redis://`, `rediss://`, `unix://`. Raises `StoreError` for a URL that is none."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        try:
            self._redis = Redis.from_url(
                url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0), protocol=2
            )
        except ValueError as error:
            raise StoreError(f"The URL of the ledger's pool cannot be read: {error}.") from None
        self._script = self._redis.register_script(_SCRIPT)
        self._key = ""

    def __repr__(self) -> str:
        return "RedisPool()"  # the URL may have a password in it

    def begin(self, ledger: str, generation: int) -> None:
        """Begin a generation, unless it is there already, or a later one is."""
        self._key = f"lockgate:{{{ledger}}}:pool"
        self._run("begin", generation)

    def take(self, generation: int, workers: int, asks: Sequence[Ask]) -> list[Taken] | list[Rest]:
        """Take all that is asked for; or empty the pools that have too little."""
        arguments: list[str | int] = [workers]
        for each in asks:
            arguments += (_field(each.key), each.need, each.want, each.revision)
        granted, *found = self._run("take", generation, *arguments)
        if not granted:
            return _rests(found)
        return [Taken(found[at], found[at + 1], int(found[at + 2])) for at in range(0, len(found), 3)]

    def put(self, generation: int, filled: Sequence[Filled]) -> None:
        """Put into pools what the ledger has granted for them."""
        arguments: list[str | int] = []
        for each in filled:
            field = _field((each.budget.id, each.window))
            arguments += (field, each.source, each.amount, each.budget.revision, each.share)
        self._run("put", generation, *arguments)

    def empty(self, generation: int, keys: Sequence[Key]) -> list[Rest]:
        """Take all that is in these pools."""
        return _rests(self._run("empty", generation, *map(_field, keys))[1:])

    def rest(self, generation: int, idle_us: int) -> list[Rest]:
        """Take all that is in pools which were not used for so long."""
        return _rests(self._run("rest", generation, idle_us)[1:])

    def close(self) -> None:
        """Let go of the connection."""
        try:
            self._redis.close()
        except (RedisError, OSError):
            pass  # it is gone anyway

    def _run(self, verb: str, generation: int, *arguments: str | int) -> list[Any]:
        try:
            answer: Any = self._script(keys=[self._key], args=[verb, generation, *arguments])
        except (RedisError, OSError) as error:
            self.close()  # what comes late must not be taken for the answer to something else
            raise StoreError(f"Redis: {str(error) or type(error).__name__}") from None
        if answer[0] < 0:
            raise Gone("another generation of the pool is in Redis, or an old copy of it")
        return answer


def _field(key: Key) -> str:
    """A budget in a window. The name of a window has no line break."""
    return f"{key[1]}\n{key[0]}"


def _rests(found: Sequence[Any]) -> list[Rest]:
    rests: list[Rest] = []
    for at in range(0, len(found), 3):
        window, _, budget = found[at].decode().partition("\n")
        rests.append(Rest((budget, window), found[at + 1], found[at + 2]))
    return rests
