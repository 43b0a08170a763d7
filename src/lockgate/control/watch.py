"""Notices that the configuration file, the control store or the price list have changed, or that something has expired."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lockgate.control.house import House
from lockgate.pipeline.runtime import now_us


def in_thread(work: Callable[[], None]) -> None:
    """Do something beside all else; a process that ends does not wait for it."""
    threading.Thread(target=work, name="secrets", daemon=True).start()


class Watch:
    """Compares a fingerprint of what a Snapshot is made of with the last one; to begin with, with that of what the house has
    taken in. Cheap enough to ask twice a second; it may block for as long as the control store may.
    Secret managers, which may take longer, are asked `aside`: from now on nothing else of the house waits for them."""

    def __init__(
        self, house: House, clock: Callable[[], int] = now_us, aside: Callable[[Callable[[], None]], None] = in_thread
    ) -> None:
        self._house = house
        self._clock = clock
        self._aside = aside
        house.resolver.waits = False
        self._store = house.open_control()  # kept open: SQLite tells of other connections' commits only to one that stays
        self._store.same()  # from here on it tells of changes
        self._revision = self._store.house().revision
        self._seen = (*house.taken, house.stored.revision, house.resolver.generation)

    def changed(self) -> bool:
        """Whether something has changed since the last time this was asked."""
        if not self._store.same():
            self._revision = self._store.house().revision
        if self._house.resolver.is_due:
            self._aside(self._house.resolver.refresh)
        now = self._fingerprint(self._revision)
        changed, self._seen = now != self._seen, now
        return changed or 0 < self._house.stored.due_us <= self._clock()

    def close(self) -> None:
        """Let go of the control store."""
        self._store.close()

    def _fingerprint(self, revision: int) -> tuple[object, ...]:
        house = self._house
        return (*house.stamps(), revision, house.resolver.generation)
