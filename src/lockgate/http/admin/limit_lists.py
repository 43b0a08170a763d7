"""Budgets and rates of those that may have several: organisations, workspaces, people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, UnsetType

from lockgate.control.budgets import all_carried, begun_anew, kind_of
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.http.admin.shapes import RateLimits, ShownUsageLimits, UsageLimits, shown_usage
from lockgate.stores.ledger.standings import Standing

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


def changed_usages(
    said: Iterable[UsageLimits] | UnsetType | None, anew: bool | None, before: list[UsageLimit], now_us: int
) -> list[UsageLimit]:
    """Budgets after a change: what was said in the place of those `before`, and (`anew`) nothing of them used. Raises `Refusal`
    400."""
    after = before if isinstance(said, UnsetType) else usages(said, now_us, before)
    return [begun_anew(each) for each in after] if anew else after


def shown_usages(limits: Sequence[UsageLimit], now_us: int, stand: Sequence[Standing | None] = ()) -> list[ShownUsageLimits]:
    """Budgets to be shown, as they are now; `stand`: how each stands, None where nobody can tell."""
    found = list[ShownUsageLimits]()
    for limit, standing in zip(limits, stand or [None] * len(limits), strict=True):
        shown = shown_usage(limit, now_us, standing)
        spent = standing is not None and standing.exhausted and not limit.soft
        found.append(msgspec.structs.replace(shown, status="exhausted" if spent else "active"))
    return found


def rates(said: Iterable[RateLimits] | None) -> list[RateLimit]:
    """Rates as they are kept. Raises `Refusal` 400."""
    found: dict[tuple[str, str], RateLimit] = {}
    for n, each in enumerate(said or ()):
        limit = each.stored()
        if (limit.type, limit.unit) in found:
            raise Refusal(400, "invalid_value", "There are two limits of this type and unit.", param=f"rate_limits[{n}]")
        found[limit.type, limit.unit] = limit
    return list(found.values())
