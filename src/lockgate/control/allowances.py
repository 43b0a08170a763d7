"""What is said of limits and budgets, in the configuration and in the control store, compiled for the request path.

A budget is known by whose it is, what it counts and how often it begins anew: if only its amount is changed, what was used of
it stays used. One that somebody has said begins anew is another one (`UsageLimit.resets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from lockgate.control.alerts.budgets import amounts
from lockgate.control.config import Config, Mistake
from lockgate.control.limit_settings import UsageSetting
from lockgate.control.stored import Stored
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.limits import RateLimit, Term, UsageLimit
from lockgate.core.tenancy import Organisation, Policy, Tenant, User, Workspace
from lockgate.pipeline.allowance import KEYS, OF_TARGET, Allowance, Allowances, Downgrade, Holder, Rule
from lockgate.policy.ledger import Budget
from lockgate.policy.limits import Limit, limit_of
from lockgate.policy.window import Period, Unit

#: Where the days of a token's budget are counted from: for all tokens of somebody from the same moment, a Monday.
_FIRST_US = 4 * 86_400_000_000
#: How a period is spelled → the unit of its windows.
_UNITS: dict[str, Unit] = {"daily": "day", "weekly": "week", "monthly": "month"}


def compile_allowances(
    config: Config, stored: Stored, declared_us: int, mistakes: list[Mistake], *, tokens: bool = False
) -> Allowances | None:
    """All that is limited; None: nothing. `declared_us` is when the configuration was written; `tokens`: signed tokens stand
    for keys, and may say what they may use. What is wrong in the configuration is one of the `mistakes`, what is wrong in the
    store one of `stored.flaws`."""
    home = stored.home
    told = tuple(config.alerts.thresholds)
    found: dict[tuple[Holder, str], Allowance] = {}
    rules: list[Rule] = []

    def put(
        holder: Holder,
        subject: str,
        name: str,
        usage: Iterable[UsageLimit],
        rates: Iterable[RateLimit],
        revision: int,
        *,
        at: str = "",
        by: str = "",
    ) -> None:
        usage, rates = tuple(usage), tuple(rates)
        if not usage and not rates:
            return
        try:
            own = allowance_of(holder, subject, name, usage, rates, revision, home.organisation, told)
        except ValueError as error:
            (mistakes if at else stored.flaws).append(Mistake(at or f"limits of the {holder} {name}", str(error)))
            return
        key = (holder, by or subject)
        found[key] = found[key].plus(own) if key in found else own

    def said(settings: Sequence[UsageSetting], at: str, *, leads: bool = True) -> list[UsageLimit]:
        limits: list[UsageLimit] = []
        for each in settings:
            if each.downgrade_to and not leads:
                mistakes.append(Mistake(f"{at}.downgrade_to", "budgets of keys and workspaces alone lead to a cheaper model"))
            try:
                limits.append(each.limit())
            except ValueError as error:
                mistakes.append(Mistake(at, str(error)))
        return limits

    for n, key in enumerate(config.keys):
        at, usage = f"keys[{n}]", () if key.usage_limits is None else (key.usage_limits,)
        id = f"config:{key.name}"
        put("key", id, key.name, said(usage, f"{at}.usage_limits"), key.rate_limits, declared_us, at=f"{at}.rate_limits")
    for slug, entry in config.providers.items():
        at, usage = f"providers.{slug}", () if entry.usage_limits is None else (entry.usage_limits,)
        limits = said(usage, f"{at}.usage_limits", leads=False)
        put("provider", slug, f"@{slug}", limits, entry.rate_limits, declared_us, at=f"{at}.rate_limits")
    whole = said(config.workspace.usage_limits, "workspace.usage_limits")
    put("workspace", home.workspace or "default", "default", whole, config.workspace.rate_limits, declared_us, at="workspace")
    for n, policy in enumerate(config.policies):
        at = f"policies[{n}]"
        usage = None if policy.usage is None else next(iter(said([policy.usage], f"{at}.usage", leads=False)), None)
        row = Policy(
            id=f"config:{policy.name}",
            organisation=home.organisation,
            name=policy.name,
            conditions=[each.term() for each in policy.conditions],
            group_by=policy.group_by,
            usage=usage,
            rate=policy.rate,
        )
        if policy.deny == (policy.usage is not None or policy.rate is not None) or (policy.usage and policy.rate):
            mistakes.append(Mistake(at, "a policy has one of usage, rate and deny: true"))
        else:
            _add_rule(row, declared_us, rules, mistakes, at, told)

    for each in stored.rows[Organisation].values():
        put("organisation", each.id, each.slug, each.usage_limits, each.rate_limits, each.changed_us)
    for each in stored.rows[Workspace].values():
        put("workspace", each.id, each.slug, each.usage_limits, each.rate_limits, each.changed_us)
    for each in stored.rows[User].values():
        put("user", each.id, each.email, each.usage_limits, each.rate_limits, each.changed_us)
    for each in stored.limited.values():
        usage = () if each.usage_limits is None else (each.usage_limits,)
        put("key", each.id, each.name, usage, each.rate_limits, each.changed_us)
    _add_virtual_keys(stored, put)
    for each in stored.rows[Policy].values():
        if each.status == "active":
            _add_rule(each, each.changed_us, rules, stored.flaws, f"stored policy {each.name or each.id}", told)
    if not found and not rules and not tokens:
        return None
    return Allowances(found, rules, home, of_token if tokens else None)


def _add_virtual_keys(stored: Stored, put: Callable[..., None]) -> None:
    """Of providers that are stored: their own limits, and those that their account has in their workspace."""
    for key in stored.rows[VirtualKey].values():
        own = "" if key.workspace == stored.home.workspace else key.workspace
        known = f"{own}/{key.slug}" if own else key.slug  # as `Provider.known_by`
        usage = () if key.usage_limits is None else (key.usage_limits,)
        put("provider", key.id, f"@{key.slug}", usage, key.rate_limits, key.changed_us, by=known)
        account: Integration | None = stored.rows[Integration].get(key.integration)
        if account is None:
            continue
        access = account.access_of(key.workspace)
        subject = f"{account.id}/{key.workspace}"
        put("integration", subject, account.slug, access.usage_limits, access.rate_limits, account.changed_us, by=known)


def allowance_of(
    holder: Holder,
    subject: str,
    name: str,
    usage: Iterable[UsageLimit],
    rates: Iterable[RateLimit],
    revision: int,
    tenant: str,
    told: Sequence[int] = (),
) -> Allowance:
    """What one may use. Somebody is `told` at these percents of a budget. Raises `ValueError` for what makes no sense."""
    limits = [limit_of(each, holder, subject, tenant=tenant) for each in rates]
    pairs = [(each, budget_of(each, f"{holder}:{subject}", f"{holder} {name}", revision, told)) for each in usage]
    return Allowance(
        tuple(limit for limit in limits if limit.dimension != "tokens"),
        tuple(limit for limit in limits if limit.dimension == "tokens"),
        tuple(budget for _, budget in pairs),
        tuple(
            Downgrade(budget, each.downgrade_at if each.downgrade_at is not None else each.credit_limit, each.downgrade_to)
            for each, budget in pairs
            if each.downgrade_to
        ),
    )


def of_token(principal: Principal) -> Allowance:
    """What a token says that it may use; the later one of the same person's holds, and of two budgets of a kind the lesser.
    Raises `Refusal` 401 for what makes no sense."""
    rates, least = principal.rate_limits, dict[tuple[object, ...], UsageLimit]()
    for each in principal.usage_limits:
        kind = each.type, each.periodic_reset, each.periodic_reset_days
        if kind not in least or each.credit_limit < least[kind].credit_limit:
            least[kind] = msgspec.structs.replace(each, next_reset_us=each.next_reset_us or _FIRST_US)
    usage = least.values()
    try:
        return allowance_of("key", principal.id, principal.name, usage, rates, principal.until_us, principal.organisation)
    except ValueError as error:
        raise Refusal(401, "invalid_token", f"The token's limits make no sense: {error}.") from None


def budget_of(said: UsageLimit, owner: str, scope: str, revision: int, told: Sequence[int] = ()) -> Budget:
    """A budget of the ledger. Raises `ValueError` for an amount, a period or a time zone that cannot be."""
    often = f"{said.periodic_reset_days} days" if said.periodic_reset_days else said.periodic_reset or "lifetime"
    anew = f"#{said.resets}" if said.resets else ""
    return Budget(
        f"{owner}:{said.type}:{often}{anew}",
        said.credit_limit,
        said.type,
        not said.soft,
        period_of(said, revision),
        amounts(said.credit_limit, told, said.alert_threshold),
        revision,
        scope,
    )


def period_of(said: UsageLimit, revision: int) -> Period:
    """How often a budget begins anew; days are counted from `revision` if it does not say. Raises `ValueError`."""
    zone = said.time_zone or "UTC"
    if said.periodic_reset_days:
        return Period("days", zone, days=said.periodic_reset_days, anchor_us=said.next_reset_us or revision)
    if said.periodic_reset:
        return Period(_UNITS[said.periodic_reset], zone)
    return Period("lifetime", zone)


def budget_of_group(row: Policy, group: str, revision: int, told: Sequence[int] = ()) -> Budget:
    """The budget of one group of a policy that has some. Raises `ValueError`."""
    assert row.usage is not None
    said = msgspec.structs.replace(row.usage, resets=row.resets.get(group, 0))
    scope = f"policy {row.name or row.id}" + (f" ({group})" if group else "")
    return budget_of(said, f"policy:{row.id}:{group}", scope, revision, told)


def _add_rule(row: Policy, revision: int, rules: list[Rule], mistakes: list[Mistake], at: str, told: Sequence[int]) -> None:
    keys = [*(term.key for term in row.conditions), *row.group_by]
    strange = [key for key in keys if key not in KEYS and not key.startswith("metadata.")]
    if strange:
        mistakes.append(Mistake(at, f"unknown: {', '.join(strange)}; there are {', '.join(KEYS)}, metadata.NAME"))
        return

    def limit(group: str) -> Limit:
        assert row.rate is not None
        return limit_of(row.rate, "policy", f"{row.id} {group}".rstrip(), rule=row.id, tenant=row.organisation)

    def budget(group: str) -> Budget:
        return budget_of_group(row, group, revision, told)

    try:  # what is wrong with it is found out now
        _ = row.rate and limit(""), row.usage and budget("")
    except ValueError as error:
        mistakes.append(Mistake(at, str(error)))
        return
    rules.append(
        Rule(
            row.id,
            row.name,
            Tenant(row.organisation, row.workspace),
            tuple(Term(term.key, term.value, term.excludes) for term in row.conditions),
            tuple(row.group_by),
            not OF_TARGET.isdisjoint(keys),
            None if row.rate is None else limit,
            None if row.usage is None else budget,
        )
    )
