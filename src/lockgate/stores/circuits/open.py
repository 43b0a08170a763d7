"""Opening the exchange of circuits by its URL."""

from __future__ import annotations

from importlib import import_module

from lockgate.stores.circuits.port import Exchange
from lockgate.stores.ports import StoreError


def open_exchange(url: str) -> Exchange:
    """The exchange at a URL; it need not be there yet. Raises `StoreError` for a URL that is none."""
    try:
        redis = import_module("lockgate.stores.circuits.redis")  # an extra, which only who asks for it has
    except ModuleNotFoundError:
        raise StoreError("Redis needs redis-py: pip install 'lockgate[redis]'.") from None
    return redis.RedisExchange(url)
