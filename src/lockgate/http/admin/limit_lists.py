"""Budgets and rates of those that may have several: organisations, workspaces, people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta

from lockgate.control.budgets import all_carried, kind_of
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.http.admin.shapes import RateLimits, UsageLimits

Usages = Annotated[list[UsageLimits], Meta(max_length=20)]
Rates = Annotated[list[RateLimits], Meta(max_length=20)]


def usages(said: Iterable[UsageLimits] | None, now_us: int, before: Iterable[UsageLimit] = ()) -> list[UsageLimit]:
    """Budgets as they are kept, in the place of those `before`. One that begins anew every so many days, and does not say from
    when on, keeps the days that it had, or they are counted from now. Raises `Refusal` 400."""
    found: dict[tuple[object, ...], UsageLimit] = {}
    for n, each in enumerate(said or ()):
        at = f"usage_limits[{n}]"
        limit = each.stored(at)
        if kind_of(limit) in found:
            raise Refusal(400, "invalid_value", "There are two budgets of this type that begin anew as often.", param=at)
        found[kind_of(limit)] = limit
    return all_carried(found.values(), before, now_us)


def rates(said: Iterable[RateLimits] | None) -> list[RateLimit]:
    """Rates as they are kept. Raises `Refusal` 400."""
    found: dict[tuple[str, str], RateLimit] = {}
    for n, each in enumerate(said or ()):
        limit = each.stored()
        if (limit.type, limit.unit) in found:
            raise Refusal(400, "invalid_value", "There are two limits of this type and unit.", param=f"rate_limits[{n}]")
        found[limit.type, limit.unit] = limit
    return list(found.values())
