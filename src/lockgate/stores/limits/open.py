"""Opening the counter that machines share, by its URL."""

from __future__ import annotations

from importlib import import_module

from lockgate.stores.limits.port import Counter
from lockgate.stores.ports import StoreError


def open_counter(url: str) -> Counter:
    """The counter at a URL of Redis or Valkey; nothing is connected yet. Raises `StoreError` for a URL that is none, and where
    the package is missing that speaks to it."""
    try:
        redis = import_module("lockgate.stores.limits.redis")
    except ImportError:
        raise StoreError("Rate limits in Redis need its client: pip install 'lockgate[redis]'.") from None
    return redis.RedisCounter(url)
