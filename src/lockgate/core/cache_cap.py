"""`CacheCap`: how much caching an organisation or a workspace lets its configs ask for."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: Seconds that an answer may be kept: at least and at most.
LEAST_S, MOST_S = 60, 90 * 86_400


class CacheCap(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The most: `max_age` in seconds (None: whatever is asked for); `off`: nothing at all."""

    max_age: Annotated[int, msgspec.Meta(ge=LEAST_S, le=MOST_S)] | None = None
    off: bool = False

    def within(self, other: CacheCap) -> CacheCap:
        """What both let be asked for."""
        ages = [each for each in (self.max_age, other.max_age) if each is not None]
        return CacheCap(min(ages, default=None), self.off or other.off)


UNCAPPED = CacheCap()


def cap_of(said: CacheCap | bool | None) -> CacheCap:
    """A cap as people say it: `false` for nothing at all, `true` and null for whatever is asked for."""
    return said if isinstance(said, CacheCap) else CacheCap(off=said is False)
