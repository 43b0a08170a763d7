"""How policies are written in /v1/policies, and to and from how they are stored.

Source: https://portkey.ai/docs/api-reference/admin-api/control-plane/policies. Our own are `soft`, `time_zone`, `status`
"paused", concurrent requests, and, among the rates, `deny`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control.budgets import carried
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, Term, Unit, UsageLimit
from lockgate.core.tenancy import Policy
from lockgate.http.admin.shapes import (
    Body,
    LongText,
    Paging,
    Positive,
    SomeOrNone,
    Text,
    micros,
    said,
    shown_usage,
    stored_amount,
    text_of,
)

_Days = Annotated[int, Meta(ge=1, le=365)]
_Key = Annotated[str, Meta(min_length=1, max_length=128)]
_Values = Annotated[list[LongText], Meta(min_length=1, max_length=1000)]
_Measure = Literal["cost", "tokens", "requests"]
_Dimension = Literal["requests", "tokens", "concurrent"]
Status = Literal["active", "paused"]


class Condition(Body, frozen=True, kw_only=True):
    """What stands at `key` is `value`, or one of several, "*" being a part of any kind; with `excludes`, none of them is."""

    key: _Key
    value: LongText | _Values
    excludes: bool = False


class GroupBy(Body, frozen=True, kw_only=True):
    """What stands at `key` is counted apart from what else may stand there."""

    key: _Key


_Conditions = Annotated[list[Condition], Meta(max_length=100)]
_Groups = Annotated[list[GroupBy], Meta(max_length=10)]


class NewUsagePolicy(Body, frozen=True, kw_only=True):
    """A budget to be set over many. `workspace_id` is left out for one that holds in the whole organisation."""

    conditions: _Conditions
    group_by: _Groups
    type: _Measure
    credit_limit: SomeOrNone
    name: Text = ""
    alert_threshold: SomeOrNone | None = None
    periodic_reset: Literal["daily", "weekly", "monthly"] | None = None
    periodic_reset_days: _Days | None = None
    next_usage_reset_at: str | None = None
    time_zone: Text = ""
    soft: bool = False
    status: Status = "active"
    target: Literal["llm"] | None = None
    workspace_id: str = ""
    organisation_id: str = ""


class ChangedUsagePolicy(Body, frozen=True, kw_only=True):
    """What is to be changed of a budget; null takes a threshold or a period away."""

    conditions: _Conditions | UnsetType = UNSET
    group_by: _Groups | UnsetType = UNSET
    type: _Measure | UnsetType = UNSET
    credit_limit: SomeOrNone | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    alert_threshold: SomeOrNone | UnsetType | None = UNSET
    periodic_reset: Literal["daily", "weekly", "monthly"] | UnsetType | None = UNSET
    periodic_reset_days: _Days | UnsetType | None = UNSET
    next_usage_reset_at: str | UnsetType | None = UNSET
    time_zone: Text | UnsetType = UNSET
    soft: bool | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    workspace_id: str = ""


class NewRatePolicy(Body, frozen=True, kw_only=True):
    """A rate to be set over many: `type` and `value` are said, or `deny`: such requests are refused, all of them."""

    conditions: _Conditions
    group_by: _Groups = []
    type: _Dimension | None = None
    unit: Unit | None = None
    value: Positive | None = None
    deny: bool = False
    name: Text = ""
    status: Status = "active"
    target: Literal["llm"] | None = None
    workspace_id: str = ""
    organisation_id: str = ""


class ChangedRatePolicy(Body, frozen=True, kw_only=True):
    """What is to be changed of a rate."""

    conditions: _Conditions | UnsetType = UNSET
    group_by: _Groups | UnsetType = UNSET
    type: _Dimension | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET
    value: Positive | UnsetType = UNSET
    deny: bool | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    workspace_id: str = ""


class ResetEntity(Body, frozen=True, kw_only=True):
    """Nothing but where the policy is, if that has to be said."""

    workspace_id: str = ""


class ListUsagePolicies(Paging, frozen=True, kw_only=True):
    """Which budgets; `workspace_id` by id or slug."""

    workspace_id: str = ""
    type: _Measure | None = None
    status: Status | None = None


class ListRatePolicies(Paging, frozen=True, kw_only=True):
    """Which rates; `workspace_id` by id or slug."""

    workspace_id: str = ""
    type: _Dimension | None = None
    status: Status | None = None


class MadeUsagePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A budget that was set or changed."""

    id: str
    object: Literal["policy_usage_limits"] = "policy_usage_limits"


class MadeRatePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A rate that was set or changed."""

    id: str
    object: Literal["policy_rate_limits"] = "policy_rate_limits"


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str | None
    conditions: list[Condition]
    group_by: list[GroupBy]
    status: Status
    organisation_id: str
    workspace_id: str | None
    created_at: str | None
    last_updated_at: str | None
    target: Literal["llm"] = "llm"
    declared_in: str | None = None


class ShownUsagePolicy(_Shown, frozen=True, kw_only=True):
    """A budget over many. `declared_in`: where it is declared, if it is not stored; `workspace_id` null: it holds in the whole
    organisation. What was used of it is told by its entities."""

    type: _Measure
    credit_limit: float
    alert_threshold: float | None
    periodic_reset: str | None
    periodic_reset_days: int | None
    next_usage_reset_at: str | None
    time_zone: str
    soft: bool
    object: Literal["policy_usage_limits"] = "policy_usage_limits"


class ShownRatePolicy(_Shown, frozen=True, kw_only=True):
    """A rate over many; or (`deny`) what is refused, and then it has neither type, unit nor value."""

    type: _Dimension | None
    unit: Unit | None
    value: int | None
    deny: bool
    object: Literal["policy_rate_limits"] = "policy_rate_limits"


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy counts apart, with what was used of its budget since it last began anew: in US dollars for a cost."""

    id: str
    value_key: str
    current_usage: float
    status: Literal["active", "exhausted"]
    object: Literal["policy_usage_limits_entity"] = "policy_usage_limits_entity"


def usage_of(body: NewUsagePolicy, now_us: int) -> UsageLimit:
    """A budget as it is kept. Raises `Refusal` 400."""
    return _usage(body, UsageLimit(body.type, 0), now_us)


def rate_of(body: NewRatePolicy) -> RateLimit | None:
    """A rate as it is kept; None: such requests are refused. Raises `Refusal` 400."""
    return _rate(body, None)


def changes_of(body: ChangedUsagePolicy | ChangedRatePolicy, before: Policy, now_us: int) -> dict[str, Any]:
    """The members of a row that a body changes. Raises `Refusal` 400."""
    changes: dict[str, Any] = {name: getattr(body, name) for name in said(body) & {"name", "status"}}
    if not isinstance(body.conditions, UnsetType):
        changes["conditions"] = terms_of(body.conditions)
    if not isinstance(body.group_by, UnsetType):
        changes["group_by"] = [each.key for each in body.group_by]
    if isinstance(body, ChangedRatePolicy):
        changes["rate"] = _rate(body, before.rate)
    elif before.usage is not None:
        changes["usage"] = _usage(body, before.usage, now_us)
    return changes


def terms_of(conditions: list[Condition]) -> list[Term]:
    """Conditions as they are kept."""
    return [Term(each.key, [each.value] if isinstance(each.value, str) else each.value, each.excludes) for each in conditions]


def shown_usage_policy(row: Policy, now_us: int, declared_in: str | None) -> ShownUsagePolicy:
    """A budget to be shown."""
    assert row.usage is not None
    limit = shown_usage(row.usage, now_us)
    return ShownUsagePolicy(
        **_shown(row, declared_in),
        type=limit.type,
        credit_limit=limit.credit_limit,
        alert_threshold=limit.alert_threshold,
        periodic_reset=limit.periodic_reset,
        periodic_reset_days=limit.periodic_reset_days,
        next_usage_reset_at=limit.next_usage_reset_at,
        time_zone=limit.time_zone,
        soft=limit.soft,
    )


def shown_rate_policy(row: Policy, now_us: int, declared_in: str | None) -> ShownRatePolicy:
    """A rate to be shown."""
    rate = row.rate
    return ShownRatePolicy(
        **_shown(row, declared_in),
        type=None if rate is None else rate.type,
        unit=None if rate is None or rate.type == "concurrent" else rate.unit,
        value=None if rate is None else rate.value,
        deny=rate is None,
    )


def _shown(row: Policy, declared_in: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name or None,
        "conditions": [
            Condition(key=term.key, value=term.value[0] if len(term.value) == 1 else term.value, excludes=term.excludes)
            for term in row.conditions
        ],
        "group_by": [GroupBy(key=key) for key in row.group_by],
        "status": row.status,
        "organisation_id": row.organisation,
        "workspace_id": row.workspace or None,
        "created_at": text_of(row.created_us),
        "last_updated_at": text_of(row.changed_us),
        "declared_in": declared_in,
    }


def _usage(body: NewUsagePolicy | ChangedUsagePolicy, before: UsageLimit, now_us: int) -> UsageLimit:
    measure = before.type if isinstance(body.type, UnsetType) else body.type
    names = said(body)
    if measure != before.type and "credit_limit" not in names:
        raise Refusal(400, "missing_member", "Another type has another credit_limit: say it, too.", param="credit_limit")
    changes: dict[str, Any] = {"type": measure}
    if measure != before.type:
        changes["alert_threshold"] = None
    for name in names & {"credit_limit", "alert_threshold"}:
        number = getattr(body, name)
        changes[name] = None if number is None else stored_amount(measure, number, name)
    for name, nothing in (("periodic_reset", ""), ("periodic_reset_days", 0), ("time_zone", ""), ("soft", False)):
        if name in names:
            changes[name] = getattr(body, name) or nothing
    if isinstance(body, ChangedUsagePolicy):  # one period takes the place of the other
        if changes.get("periodic_reset"):
            changes.setdefault("periodic_reset_days", 0)
        elif changes.get("periodic_reset_days"):
            changes.setdefault("periodic_reset", "")
    if body.next_usage_reset_at and not isinstance(body.next_usage_reset_at, UnsetType):
        changes["next_reset_us"] = micros(body.next_usage_reset_at, "next_usage_reset_at")
    elif changes.get("periodic_reset_days", before.periodic_reset_days) != before.periodic_reset_days:
        changes["next_reset_us"] = 0
    limit = msgspec.structs.replace(before, **changes)
    if limit.periodic_reset and limit.periodic_reset_days:
        raise Refusal(400, "invalid_value", "Give either periodic_reset or periodic_reset_days.", param="periodic_reset_days")
    if limit.alert_threshold is not None and limit.alert_threshold > limit.credit_limit:
        raise Refusal(400, "invalid_value", "alert_threshold may not be above credit_limit.", param="alert_threshold")
    return carried(limit, before, now_us)


def _rate(body: NewRatePolicy | ChangedRatePolicy, before: RateLimit | None) -> RateLimit | None:
    given = {name: value for name in ("type", "unit", "value") if (value := getattr(body, name)) not in (None, UNSET)}
    denies = before is None if isinstance(body.deny, UnsetType) else body.deny
    if denies:
        if given:
            at = next(iter(given))
            raise Refusal(400, "invalid_value", f"What is denied has no {at}: leave it out, or say deny: false.", param=at)
        return None
    if before is not None:
        return msgspec.structs.replace(before, **given)
    for name in ("type", "value"):
        if name not in given:
            raise Refusal(400, "missing_member", f"Say {name}, or deny: true.", param=name)
    return RateLimit(**given)
