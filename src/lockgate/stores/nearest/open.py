"""Opening what finds by likeness: it needs the packages of an extra, and is imported for who has them alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from lockgate.stores.cache.port import CacheStore, SearchingStore, WordingStore
from lockgate.stores.embedding.wordllama import missing_packages, open_wordllama
from lockgate.stores.nearest.port import Neighbours


def open_nearest(store: CacheStore, *, report: Callable[[str], None]) -> Neighbours | None:
    """What finds the answers of a cache by their words: its server, or an index in this process. None where a package is
    missing. Nothing is read yet."""
    if missing_packages():
        return None
    if isinstance(store, SearchingStore):
        return import_module("lockgate.stores.nearest.searched").Searched(store, open_wordllama, report=report)
    assert isinstance(store, WordingStore)
    return import_module("lockgate.stores.nearest.nearest").Nearest(store, open_wordllama, report=report)
