"""Opening the cache by its URL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import CacheShelf, CacheStore
from lockgate.stores.cache.sqlite import SqliteCache, SqliteShelf
from lockgate.stores.ports import StoreError

#: The file of the embedded cache, in the data directory.
NAME = "cache.sqlite"
KINDS = ("sqlite:", "memory:")


def open_cache(url: str, data: Path, most_bytes: int, *, report: Callable[[str], None]) -> CacheStore:
    """The cache at a URL: `sqlite:` (in the data directory) or `memory:`. Raises `StoreError` for another one."""
    if url == "memory:":
        return MemoryCache(most_bytes)
    if url == "sqlite:":
        return SqliteCache(data / NAME, most_bytes, report=report)
    raise _unknown(url)


def open_shelf(url: str, data: Path) -> CacheShelf:
    """The operator's side of it. Raises `StoreError`."""
    if url == "memory:":
        raise StoreError("The cache is in the memory of each worker, where nobody else can look: restart, or use 'sqlite:'.")
    if url == "sqlite:":
        return SqliteShelf(data / NAME)
    raise _unknown(url)


def _unknown(url: str) -> StoreError:
    return StoreError(f"A cache at '{url.partition(':')[0]}:' is not known; there are {' and '.join(KINDS)}")
