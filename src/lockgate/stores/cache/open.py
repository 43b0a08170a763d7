"""Opening the cache by its URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import CacheShelf, CacheStore
from lockgate.stores.cache.sqlite import SqliteCache, SqliteShelf
from lockgate.stores.ports import StoreError

#: The file of the embedded cache, in the data directory.
NAME = "cache.sqlite"
#: The scheme of a URL → its module, what that needs, and its extra.
_SHARED = {
    "redis": ("redis", "redis"),
    "rediss": ("redis", "redis"),
    "unix": ("redis", "redis"),
    "postgresql": ("postgres", "postgres"),
    "postgres": ("postgres", "postgres"),
}
KINDS = ("", "memory:", "sqlite:", *(f"{scheme}://…" for scheme in _SHARED))


def open_cache(url: str, data: Path, most_bytes: int, *, report: Callable[[str], None]) -> CacheStore:
    """The cache at a URL: `memory:`, `sqlite:` (or ""; in the data directory), Redis, PostgreSQL; nothing is connected yet.
    Raises `StoreError` for a URL that is none, and where a package is missing."""
    if url == "memory:":
        return MemoryCache(most_bytes)
    if url in ("", "sqlite:"):
        return SqliteCache(data / NAME, most_bytes, report=report)
    return _module(url).open_cache(url, most_bytes, report=report)


def open_shelf(url: str, data: Path) -> CacheShelf:
    """The operator's side of it. Raises `StoreError`."""
    if url == "memory:":
        raise StoreError("The cache is in the memory of each worker, where nobody else can look: restart, or use 'sqlite:'.")
    if url in ("", "sqlite:"):
        return SqliteShelf(data / NAME)
    return _module(url).open_shelf(url)


def _module(url: str):
    scheme = url.partition(":")[0]
    if scheme not in _SHARED:
        raise StoreError(f"A cache at '{scheme}:' is not known; there are {', '.join(filter(None, KINDS))}")
    name, extra = _SHARED[scheme]
    try:
        return import_module(f"lockgate.stores.cache.{name}")
    except ImportError:
        raise StoreError(f"A cache at '{scheme}:' needs a package: pip install 'lockgate[{extra}]'.") from None
