"""Opening the cache by its URL."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import CacheShelf, CacheStore
from lockgate.stores.cache.sqlite import SqliteCache, SqliteShelf
from lockgate.stores.ports import StoreError

#: The file of the embedded cache, in the data directory.
NAME = "cache.sqlite"
#: The directory of what its workers are being answered, there too.
CLAIMS = "cache.claims"
#: The scheme of a URL → its module, which is imported for who asks for it alone, and the extra that this needs.
_FAR = {
    "redis": ("redis", "redis"),
    "rediss": ("redis", "redis"),
    "unix": ("redis", "redis"),
    "postgresql": ("postgres", "postgres"),
    "postgres": ("postgres", "postgres"),
}


def open_cache(url: str, data: Path, most_bytes: int, *, report: Callable[[str], None]) -> CacheStore:
    """The cache at a URL: `sqlite:` (in the data directory), `memory:`, a Redis, a Valkey or a PostgreSQL, which need not be
    there yet. Raises `StoreError` for another one, and where a package is missing."""
    if url == "memory:":
        return MemoryCache(most_bytes)
    if url == "sqlite:":
        return SqliteCache(data / NAME, most_bytes, report=report)
    return _far(url).open_cache(url, most_bytes, report=report)


def open_shelf(url: str, data: Path) -> CacheShelf:
    """The operator's side of it. Raises `StoreError`."""
    if url == "memory:":
        raise StoreError("The cache is in the memory of each worker, where nobody else can look: restart, or use 'sqlite:'.")
    if url == "sqlite:":
        return SqliteShelf(data / NAME)
    return _far(url).open_shelf(url)


def is_shared(url: str) -> bool:
    """Whether the workers of a machine have it in common."""
    return url != "memory:"


def wrong_with(url: str) -> str:
    """What is wrong with a URL, in words that do not show it; "" when it names a kind of cache."""
    if url in ("sqlite:", "memory:") or _scheme(url) in _FAR:
        return ""
    return f"must be sqlite: or memory:, or begin with {', '.join(f'{scheme}://' for scheme in _FAR)}"


def _far(url: str) -> ModuleType:
    if wrong := wrong_with(url):
        raise StoreError(f"The URL of the cache {wrong}.")
    name, extra = _FAR[_scheme(url)]
    try:
        return import_module(f"lockgate.stores.cache.{name}")
    except ModuleNotFoundError:
        raise StoreError(f"A cache at '{_scheme(url)}:' needs a package: pip install 'lockgate[{extra}]'.") from None


def _scheme(url: str) -> str:
    scheme, separator, _ = url.partition("://")
    return scheme if separator else ""
