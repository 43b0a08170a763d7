"""What may be used: the rate limits and budgets that a request counts in, of whoever asks and of whoever is asked.

Each of those who can be limited (a key, its user, its workspace and organisation, a provider, an account at one) has an
*allowance*. Policies are allowances of many: of all requests that their terms fit, counted apart for each group. What nobody
limits has no allowance, and costs a request nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.limits import Term
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.metadata import as_text
from lockgate.pipeline.target import MEMO, Target
from lockgate.policy.ledger import Budget
from lockgate.policy.limits import Limit

#: Who can be limited.
Holder = Literal["organisation", "workspace", "user", "key", "integration", "provider"]


class Downgrade(msgspec.Struct, frozen=True):
    """From so much of a budget on (in its measure), requests that do not say otherwise go to a cheaper model."""

    budget: Budget
    used: int
    model: str


class Allowance(msgspec.Struct, frozen=True):
    """What may be used. `counts` are limits of requests and of what runs at once, `tokens` those of tokens."""

    counts: tuple[Limit, ...] = ()
    tokens: tuple[Limit, ...] = ()
    budgets: tuple[Budget, ...] = ()
    downgrades: tuple[Downgrade, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.counts or self.tokens or self.budgets)

    def plus(self, other: Allowance) -> Allowance:
        """Both."""
        if not other:
            return self
        return Allowance(
            self.counts + other.counts,
            self.tokens + other.tokens,
            self.budgets + other.budgets,
            self.downgrades + other.downgrades,
        )


NOTHING = Allowance()
#: What keeps the values of a group apart, and what spells it where it stands in one of them.
_PLAIN = str.maketrans({"%": "%25", ",": "%2C", "=": "%3D"})


class Asked(msgspec.Struct):
    """What a policy's terms may ask of a request: who asks, and, once it is known, who is asked."""

    call: Call
    principal: Principal
    home: Tenant
    route: str = ""
    target: Target | None = None


class Rule(msgspec.Struct, frozen=True):
    """A policy, compiled. `limit` and `budget` make what it says for one of its groups; neither: what it fits is refused.

    `of_target`: it asks about who is asked, so each attempt is looked at.
    """

    id: str
    name: str
    tenant: Tenant
    terms: tuple[Term, ...]
    group_by: tuple[str, ...]
    of_target: bool
    limit: Callable[[str], Limit] | None = None
    budget: Callable[[str], Budget] | None = None

    def fits(self, asked: Asked) -> bool:
        """Whether all of its terms hold for a request of its tenant."""
        tenant, principal = self.tenant, asked.principal
        if tenant.organisation != (principal.organisation or asked.home.organisation):
            return False
        if tenant.workspace and tenant.workspace != _place(asked):
            return False
        return all(_holds(term, asked) for term in self.terms)

    def group(self, asked: Asked) -> str:
        """Which of its groups a request belongs to. Callers choose values, so none of them looks like the next key."""
        return ", ".join(f"{key}={(_values(key, asked) or ('',))[0].translate(_PLAIN)}" for key in self.group_by)

    def refusal(self) -> Refusal:
        """The no of a policy that allows nothing."""
        return Refusal(
            403,
            "denied_by_policy",
            f"The policy '{self.name or self.id}' does not allow this request. Ask for something else, or ask who has set it.",
            scope="policy",
            rule=self.id,
        )


class Allowances:
    """All that is limited, ready to be looked up. `of` finds allowances by (holder, its id); `of_token` makes that of a token,
    which says itself what it may use (None: there are no tokens)."""

    def __init__(
        self,
        of: Mapping[tuple[Holder, str], Allowance],
        rules: Sequence[Rule],
        home: Tenant,
        of_token: Callable[[Principal], Allowance] | None = None,
    ) -> None:
        self._of = of
        self._of_token = of_token
        self._rules = tuple(rule for rule in rules if not rule.of_target)
        self._target_rules = tuple(rule for rule in rules if rule.of_target)
        self._home = home
        self._callers: dict[str, tuple[Principal, Allowance]] = {}
        self._groups: dict[tuple[str, str], Allowance] = {}

    def __repr__(self) -> str:
        return f"Allowances({len(self._of)} holders, {len(self._rules) + len(self._target_rules)} policies)"

    @property
    def limited(self) -> bool:
        """Whether there may be limits on rates."""
        if self._of_token is not None or any(rule.limit for rule in (*self._rules, *self._target_rules)):
            return True
        return any(own.counts or own.tokens for own in self._of.values())

    @property
    def budgeted(self) -> bool:
        """Whether there may be budgets."""
        if self._of_token is not None or any(rule.budget for rule in (*self._rules, *self._target_rules)):
            return True
        return any(own.budgets for own in self._of.values())

    def caller(self, call: Call, principal: Principal) -> Allowance:
        """What a caller may use, whoever is asked. Raises `Refusal` where a policy says no."""
        kept = self._callers.get(principal.id)
        if kept is None or kept[0] is not principal:
            if len(self._callers) >= MEMO:
                self._callers.clear()
            kept = self._callers[principal.id] = principal, self._of_caller(principal)
        if not self._rules:
            return kept[1]
        return self._with(kept[1], self._rules, Asked(call, principal, self._home))

    def target(self, call: Call, principal: Principal, route: str, target: Target) -> Allowance:
        """What may be used of a target, for each attempt. Raises `Refusal` where a policy says no."""
        known = target.provider.known_by
        found = self._of.get(("provider", known), NOTHING)
        if (account := self._of.get(("integration", known))) is not None:
            found = found.plus(account)
        if not self._target_rules:
            return found
        return self._with(found, self._target_rules, Asked(call, principal, self._home, route, target))

    def _with(self, allowance: Allowance, rules: tuple[Rule, ...], asked: Asked) -> Allowance:
        for rule in rules:
            if rule.fits(asked):
                allowance = allowance.plus(self._group(rule, asked))
        return allowance

    def _group(self, rule: Rule, asked: Asked) -> Allowance:
        if rule.limit is None and rule.budget is None:
            raise rule.refusal()
        group = rule.group(asked)
        found = self._groups.get((rule.id, group))
        if found is None:
            limits = () if rule.limit is None else (rule.limit(group),)
            found = Allowance(
                tuple(limit for limit in limits if limit.dimension != "tokens"),
                tuple(limit for limit in limits if limit.dimension == "tokens"),
                () if rule.budget is None else (rule.budget(group),),
            )
            if len(self._groups) >= MEMO:
                self._groups.clear()
            self._groups[rule.id, group] = found
        return found

    def _of_caller(self, principal: Principal) -> Allowance:
        found = NOTHING
        if self._of_token is not None and (principal.usage_limits or principal.rate_limits):
            found = self._of_token(principal)
        for holder, subject in (
            ("organisation", principal.organisation or self._home.organisation),
            ("workspace", principal.workspace if principal.organisation else self._home.workspace),
            ("user", principal.user),
            ("key", principal.id),
        ):
            if subject and (own := self._of.get((holder, subject))) is not None:  # type: ignore[arg-type]
                found = found.plus(own)
        return found


def _place(asked: Asked) -> str:
    return asked.principal.workspace if asked.principal.organisation else asked.home.workspace


def _holds(term: Term, asked: Asked) -> bool:
    found = _values(term.key, asked)
    hit = bool(found) and any(pattern == "*" or fnmatchcase(each, pattern) for pattern in term.value for each in found)
    return hit != term.excludes


def _values(key: str, asked: Asked) -> tuple[str, ...]:
    """What stands at a key, by all names that it has; the first one is the one by which it is counted."""
    if key.startswith("metadata."):
        value = asked.call.metadata.get(key.removeprefix("metadata."))
        return () if value is None else (as_text(value),)
    return tuple(filter(None, KEYS[key](asked)))


def _of_target(asked: Asked, find: Callable[[Target], tuple[str, ...]]) -> tuple[str, ...]:
    return () if asked.target is None else find(asked.target)


#: What a policy may ask for, beside `metadata.NAME`.
KEYS: dict[str, Callable[[Asked], tuple[str, ...]]] = {
    "api_key": lambda asked: (asked.principal.id, asked.principal.name),
    "user": lambda asked: (asked.principal.user,),
    "workspace_id": lambda asked: (_place(asked),),
    "organisation_id": lambda asked: (asked.principal.organisation or asked.home.organisation,),
    "endpoint_type": lambda asked: (asked.call.operation,),
    "config": lambda asked: (asked.route,),
    "virtual_key": lambda asked: _of_target(asked, lambda target: (target.provider.slug, f"@{target.provider.slug}")),
    "provider": lambda asked: _of_target(
        asked, lambda target: (target.provider.slug, f"@{target.provider.slug}", target.provider.row.slug)
    ),
    "model": lambda asked: _of_target(asked, lambda target: (f"@{target.provider.slug}/{target.model}", target.model)),
}
#: Those that are not known before a target is.
OF_TARGET = frozenset(("config", "virtual_key", "provider", "model"))
