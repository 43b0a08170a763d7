"""/v1/policies: budgets (usage-limits) and rates (rate-limits) over many, in a workspace or in the whole organisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from lockgate.control import declared
from lockgate.control import policies as case
from lockgate.core.tenancy import Policy, new_id
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.policy_shapes import (
    ChangedRatePolicy,
    ChangedUsagePolicy,
    Entity,
    ListRatePolicies,
    ListUsagePolicies,
    MadeRatePolicy,
    MadeUsagePolicy,
    NewRatePolicy,
    NewUsagePolicy,
    ResetEntity,
    ShownRatePolicy,
    ShownUsagePolicy,
    changes_of,
    rate_of,
    shown_rate_policy,
    shown_usage_policy,
    terms_of,
    usage_of,
)
from lockgate.http.admin.shapes import Empty, Listing, Paging, shown_amount
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent

T = TypeVar("T")
Kind = Literal["usage", "rate"]


# --- budgets


def create_usage(ask: Ask, body: NewUsagePolicy) -> MadeUsagePolicy:
    """Set a budget over many."""
    return MadeUsagePolicy(id=_create(ask, body, _draft(ask, body, usage=usage_of(body, ask.now_us))))


def index_usage(ask: Ask, query: ListUsagePolicies) -> Listing[ShownUsagePolicy]:
    """List the budgets over many, newest first, and those that the configuration declares."""
    return _index(ask, query, "usage", query.type, query.status, shown_usage_policy)


def read_usage(ask: Ask) -> ShownUsagePolicy:
    """Read a budget over many."""
    return _read(ask, "usage", shown_usage_policy)


def update_usage(ask: Ask, body: ChangedUsagePolicy) -> MadeUsagePolicy:
    """Change a budget over many. What was used of it stays used, unless another type or period is said."""
    return MadeUsagePolicy(id=_update(ask, body, "usage"))


def remove_usage(ask: Ask) -> Empty:
    """Remove a budget over many."""
    return _remove(ask, "usage")


def entities(ask: Ask, query: Paging) -> Listing[Entity]:
    """List what a budget counts apart, with what was used of each."""
    row = _seen(ask, "usage")[0]
    assert row.usage is not None
    page, total = list[Entity](), 0
    for group in case.groups(ask.office, row):
        if query.offset <= total < query.offset + query.page_size:
            usage = shown_amount(row.usage, group.used)
            status = "exhausted" if group.exhausted and not row.usage.soft else "active"
            page.append(Entity(id=group.id, value_key=group.text, current_usage=usage, status=status))
        total += 1
    return Listing(total=total, data=page)


def reset(ask: Ask, body: ResetEntity) -> Empty:
    """Forget what was used of one of those that a budget counts apart."""
    ask.check_resets()
    row, where = _seen(ask, "usage")
    text = "" if where else case.counted_group(ask.office, row, ask.params["entity_id"])
    with ask.change() as change:
        case.begin_anew(change, _changeable(ask, change, "usage"), text)
    return Empty()


# --- rates


def create_rate(ask: Ask, body: NewRatePolicy) -> MadeRatePolicy:
    """Set a rate over many, or say what is refused."""
    return MadeRatePolicy(id=_create(ask, body, _draft(ask, body, rate=rate_of(body))))


def index_rate(ask: Ask, query: ListRatePolicies) -> Listing[ShownRatePolicy]:
    """List the rates over many, newest first, and those that the configuration declares."""
    return _index(ask, query, "rate", query.type, query.status, shown_rate_policy)


def read_rate(ask: Ask) -> ShownRatePolicy:
    """Read a rate over many."""
    return _read(ask, "rate", shown_rate_policy)


def update_rate(ask: Ask, body: ChangedRatePolicy) -> MadeRatePolicy:
    """Change a rate over many."""
    return MadeRatePolicy(id=_update(ask, body, "rate"))


def remove_rate(ask: Ask) -> Empty:
    """Remove a rate over many."""
    return _remove(ask, "rate")


# --- what both have in common


def _draft(ask: Ask, body: NewUsagePolicy | NewRatePolicy, **limit: object) -> Policy:
    made = Policy(
        id=new_id(),
        organisation=ask.tenant.organisation,
        workspace=ask.tenant.workspace,
        name=body.name,
        conditions=terms_of(body.conditions),
        group_by=[each.key for each in body.group_by],
        status=body.status,
    )
    return msgspec.structs.replace(made, **limit)


def _create(ask: Ask, body: NewUsagePolicy | NewRatePolicy, row: Policy) -> str:
    with ask.change() as change:
        return change.add(case.check(row)).id


def _index(
    ask: Ask,
    query: Paging,
    kind: Kind,
    type: str | None,
    status: str | None,
    show: Callable[[Policy, int, str | None], T],
) -> Listing[T]:
    fixed = _declared(ask)
    rows = declared.page(ask.store, ask.tenant, Policy, fixed, 1 << 30, 0).rows  # no column tells the kinds apart
    rows = [row for row in rows if _kind(row) == kind and status in (None, row.status) and type in (None, _type(row))]
    part = rows[query.offset : query.offset + query.page_size]
    return Listing(total=len(rows), data=[show(row, ask.now_us, None if row.version else fixed[row.id].where) for row in part])


def _read(ask: Ask, kind: Kind, show: Callable[[Policy, int, str | None], T]) -> T:
    row, where = _seen(ask, kind)
    ask.version = row.version
    return show(row, ask.now_us, where)


def _update(ask: Ask, body: ChangedUsagePolicy | ChangedRatePolicy, kind: Kind) -> str:
    with ask.change() as change:
        row = _changeable(ask, change, kind)
        changed = msgspec.structs.replace(row, **changes_of(body, row, ask.now_us))
        if changed != row:
            change.put(case.check(changed))
    return row.id


def _remove(ask: Ask, kind: Kind) -> Empty:
    with ask.change() as change:
        change.remove(_changeable(ask, change, kind))
    return Empty()


def _seen(ask: Ask, kind: Kind) -> tuple[Policy, str | None]:
    """The policy of the path, and where it is declared, if it is. Raises `Refusal` 404."""
    id = ask.params["id"]
    fixed = _declared(ask).get(id)
    try:
        row = fixed.row if fixed is not None else ask.store.get(ask.tenant, Policy, id)
    except Absent:
        raise case.unknown_policy(id) from None
    assert isinstance(row, Policy)
    if _kind(row) != kind:
        raise case.unknown_policy(id)
    return row, None if fixed is None else fixed.where


def _changeable(ask: Ask, change: Change, kind: Kind) -> Policy:
    """The policy of the path, to be changed. Raises `Refusal`: 403 for one that is declared."""
    id = ask.params["id"]
    fixed = _declared(ask).get(id)
    if fixed is not None:
        raise declared.read_only(fixed)
    row = case.named(change, id)
    if _kind(row) != kind:
        raise case.unknown_policy(id)
    ask.match(row)
    return row


def _declared(ask: Ask) -> dict[str, declared.Declared]:
    """Those of the configuration hold in the whole organisation, so they are not a workspace's to see."""
    return declared.policies(ask.office.house) if ask.at_home and not ask.tenant.workspace else {}


def _kind(row: Policy) -> Kind:
    return "usage" if row.usage is not None else "rate"


def _type(row: Policy) -> str | None:
    limit = row.usage or row.rate
    return None if limit is None else limit.type
