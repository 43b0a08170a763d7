"""The windows of a budget: the stretch of time that its cap is for. Pure: a moment goes in, the window it lies in comes out.

A window belongs to the calendar of a time zone: a day there has 23 or 25 hours when the clocks are changed, and a month as
many days as it has. Windows tile the time: each ends where the next begins, and no moment lies in two. A clock that is set
back leads back into the window that was, with all that was spent in it; so no budget is ever filled twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

Unit = Literal["day", "week", "month", "days", "lifetime"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
#: Moments beyond these count as these: what lies there is a broken clock, and dates end in the year 9999.
_FIRST, _LAST = 0, int((datetime(9000, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds()) * _SECOND


class Window(msgspec.Struct, frozen=True):
    """One window: [start, end) in µs since the epoch; `end_us` None: it never ends. `id` names it among its budget's."""

    id: str
    start_us: int
    end_us: int | None


LIFETIME = Window("lifetime", 0, None)


class Period(msgspec.Struct, frozen=True, cache_hash=True):
    """How often a budget begins anew. Raises `ValueError` for a zone that is not known, or days that cannot be.

    `zone` is an IANA name. `first_day` is the first day of a week, 0 Monday to 6 Sunday. "days": every `days` days, counted
    from `anchor_us` (µs since the epoch; windows begin at its time of the day).
    """

    unit: Unit = "lifetime"
    zone: str = "UTC"
    first_day: int = 0
    days: int = 0
    anchor_us: int = 0

    def __post_init__(self) -> None:
        zone_of(self.zone)
        if not 0 <= self.first_day <= 6:
            raise ValueError(f"a week begins on a day from 0 (Monday) to 6 (Sunday), not {self.first_day}")
        if self.unit == "days" and not 1 <= self.days <= 365:
            raise ValueError(f"a budget begins anew every 1 to 365 days, not every {self.days}")

    def window(self, at_us: int) -> Window:
        """The window that a moment lies in."""
        if self.unit == "lifetime":
            return LIFETIME
        at_us = min(max(at_us, _FIRST), _LAST)
        zone = zone_of(self.zone)
        start = self._begun((_EPOCH + timedelta(microseconds=at_us)).astimezone(zone).replace(tzinfo=None), zone)
        # Where clocks are changed at the very start of a window, its date alone may say the one before or after.
        while _moment(start, zone) > at_us:
            start = self._step(start, -1)
        while _moment(end := self._step(start, 1), zone) <= at_us:
            start = end
        name = f"{self.days} days" if self.unit == "days" else self.unit
        return Window(f"{name} {start:%Y-%m-%d}", _moment(start, zone), _moment(end, zone))

    def _begun(self, local: datetime, zone: tzinfo) -> datetime:
        """The start of the window of a local time, by the calendar."""
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if self.unit == "day":
            return midnight
        if self.unit == "week":
            return midnight - timedelta(days=(midnight.weekday() - self.first_day) % 7)
        if self.unit == "month":
            return midnight.replace(day=1)
        anchor = (_EPOCH + timedelta(microseconds=self.anchor_us)).astimezone(zone).replace(tzinfo=None, fold=0)
        return anchor + (local - anchor) // timedelta(days=self.days) * timedelta(days=self.days)

    def _step(self, start: datetime, windows: int) -> datetime:
        """The start of the next window (1), or of the one before (-1)."""
        if self.unit == "month":
            months = start.year * 12 + start.month - 1 + windows
            return start.replace(year=months // 12, month=months % 12 + 1)
        days = {"day": 1, "week": 7}.get(self.unit, self.days)
        return start + timedelta(days=days * windows)


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises `ValueError`."""
    if name == "UTC":
        return UTC  # known without a zone database
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # not there; a folder of the database; no name at all
        raise ValueError(f"no time zone is known as '{name}' (is the system's zone database, tzdata, installed?)") from None


def _moment(local: datetime, zone: tzinfo) -> int:
    """When a local time is, in µs since the epoch: the first time, when it comes twice."""
    return (local.replace(tzinfo=zone) - _EPOCH) // timedelta(microseconds=1)
