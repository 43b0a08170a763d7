"""Opening the index: it needs the packages of an extra, and is imported for who has them alone."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from lockgate.stores.cache.port import CacheStore, WordingStore
from lockgate.stores.embedding.wordllama import missing_packages, open_wordllama
from lockgate.stores.nearest.port import Neighbours


def open_nearest(store: CacheStore, *, report: Callable[[str], None]) -> Neighbours | None:
    """The index over a cache; None where that keeps no words, or a package is missing. Nothing is read yet."""
    if not isinstance(store, WordingStore) or missing_packages():
        return None
    return import_module("lockgate.stores.nearest.nearest").Nearest(store, open_wordllama, report=report)
