"""What is put on the shelf before a gateway starts, so that no process that stays has to import where it is from."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.providers import bundled, display
from lockgate.providers.shelf import Shelf


def missing(shelf: Shelf) -> list[Callable[[], object]]:
    """What makes each thing that is not there. That takes up to half a second and 40 MB."""
    jobs: list[Callable[[], object]] = []
    if not bundled.is_shelved(shelf):
        jobs.append(lambda: bundled.bundled(shelf))
    if not display.is_shelved(shelf):
        jobs.append(lambda: display.facts_of("", shelf))
    return jobs
