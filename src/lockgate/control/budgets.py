"""Budgets of what is stored or declared, when they are changed, begin anew, and are shown.

That a budget begins anew is no change of the ledger, where what was posted stays posted: it is another budget from then on, by
a number in its id (`UsageLimit.resets`). What is under way is charged to the one that it was reserved of.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from lockgate.control.allowances import budget_of, period_of
from lockgate.control.office import Office
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.limits import UsageLimit
from lockgate.core.tenancy import ApiKey, Organisation, Row, User, Workspace
from lockgate.policy.ledger import Budget
from lockgate.stores.ledger.standings import Standing
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

K = TypeVar("K")
#: Those that may have several budgets, and what they are called in the ledger.
Several = Organisation | Workspace | User
_HOLDERS: dict[type[Row], str] = {Organisation: "organisation", Workspace: "workspace", User: "user"}


def carried(limit: UsageLimit, before: UsageLimit | None, now_us: int) -> UsageLimit:
    """A budget in the place of another: it goes on where that was. One that begins anew every so many days, and does not say
    from when on, or says when it would anyway, keeps the days that it had, or they are counted from now."""
    since = limit.next_reset_us
    if limit.periodic_reset_days:
        same = before is not None and before.periodic_reset_days == limit.periodic_reset_days
        had = before.next_reset_us if before is not None and same else 0
        if not since or (had and since == next_reset_us(before or limit, now_us)):
            since = had or now_us
    return msgspec.structs.replace(limit, next_reset_us=since, resets=0 if before is None else before.resets)


def all_carried(
    limits: Iterable[UsageLimit], before: Iterable[UsageLimit], now_us: int, *, anew: bool = False
) -> list[UsageLimit]:
    """Several budgets of one owner in the place of those `before`, each in that of its kind. `anew`: all of them begin anew."""
    old = {kind_of(each): each for each in before}
    found = [carried(each, old.get(kind_of(each)), now_us) for each in limits]
    return [begun_anew(each) for each in found] if anew else found


def kind_of(limit: UsageLimit) -> tuple[object, ...]:
    """What the ledger tells the budgets of one owner apart by."""
    return limit.type, limit.periodic_reset, limit.periodic_reset_days


def next_reset_us(limit: UsageLimit, now_us: int) -> int:
    """When a budget begins anew by itself; 0: never, or its time zone is not known any more."""
    if limit.next_reset_us > now_us:
        return limit.next_reset_us
    try:
        return period_of(limit, now_us).window(now_us).end_us or 0
    except ValueError:
        return 0


def begun_anew(limit: UsageLimit) -> UsageLimit:
    """A budget of which nothing is used."""
    return msgspec.structs.replace(limit, resets=limit.resets + 1)


def budget_of_row(row: ApiKey | VirtualKey, declared_us: int) -> Budget | None:
    """The budget of a key or a provider, as the request path counts it; None: it has none, or it makes no sense.
    `declared_us` is when the configuration was written."""
    if row.usage_limits is None:
        return None
    if isinstance(row, ApiKey):
        holder, subject, name = "key", row.id, row.name
    else:  # one that is declared is known by its slug
        holder, subject, name = "provider", row.id if row.version else row.slug, f"@{row.slug}"
    revision = row.changed_us if row.version else declared_us
    try:
        return budget_of(row.usage_limits, f"{holder}:{subject}", f"{holder} {name}", revision)
    except ValueError:  # the compiler has left it out, and said so
        return None


def standings(office: Office, rows: Iterable[ApiKey | VirtualKey]) -> dict[str, Standing]:
    """How the budgets of rows stand, by the rows' ids, in one query; nothing when the ledger cannot be read. It blocks."""
    declared_us = office.house.declared_us
    return _standings(office, {row.id: budget for row in rows if (budget := budget_of_row(row, declared_us)) is not None})


def standings_of_several(office: Office, rows: Iterable[Several]) -> dict[str, list[Standing | None]]:
    """How the budgets stand of those that may have several, in their order, by the rows' ids, in one query; None: that cannot
    be told. It blocks."""
    rows = [row for row in rows if row.usage_limits]
    return _aligned(office, {row.id: (f"{_HOLDERS[type(row)]}:{row.id}", row.usage_limits, row.changed_us) for row in rows})


def standings_of_access(office: Office, account: Integration) -> dict[str, list[Standing | None]]:
    """How the budgets stand that workspaces have of an account, by the workspaces' ids. It blocks."""
    return _aligned(
        office,
        {
            each.workspace: (f"integration:{account.id}/{each.workspace}", each.usage_limits, account.changed_us)
            for each in account.workspaces
            if each.usage_limits
        },
    )


def _aligned(office: Office, said: Mapping[str, tuple[str, list[UsageLimit], int]]) -> dict[str, list[Standing | None]]:
    """The same for whatever has them: whose they are in the ledger, what they are, and since when."""
    budgets: dict[tuple[str, int], Budget] = {}
    for name, (owner, limits, since) in said.items():
        for n, limit in enumerate(limits):
            try:
                budgets[name, n] = budget_of(limit, owner, owner, since)
            except ValueError:  # the compiler has left it out, and said so
                continue
    found = _standings(office, budgets)
    return {name: [found.get((name, n)) for n in range(len(limits))] for name, (_, limits, _) in said.items()}


def _standings(office: Office, budgets: Mapping[K, Budget]) -> dict[K, Standing]:
    if not budgets:
        return {}
    try:
        with office.ledger() as ledger:
            found = ledger.of(list(budgets.values()))
    except StoreError as trouble:
        log.warning("what was used of budgets is not shown: %s", trouble)
        return {}
    return {key: found.get(budget.id, Standing()) for key, budget in budgets.items()}
