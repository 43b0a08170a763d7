"""What may be used, as `lockgate.yaml` says it: in US dollars, where the rest of the house counts nano-USD."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

from lockgate.core.cache_cap import CacheCap
from lockgate.core.call import Capture
from lockgate.core.limits import Period, RateLimit, Term, UsageLimit, exact_amount
from lockgate.core.mask import Redaction


class UsageSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A budget, as Portkey's users write it. Amounts are US dollars for a cost, else tokens or requests.

    alert_threshold   from here on, whoever is to know is told
    periodic_reset    when it begins anew (or every `periodic_reset_days`), by the calendar of `time_zone`; never when left out
    soft              nobody is refused
    downgrade_to      the model that is asked instead from `downgrade_at` on
    """

    credit_limit: Decimal
    type: Literal["cost", "tokens", "requests"] = "cost"
    alert_threshold: Decimal | None = None
    periodic_reset: Period = ""
    periodic_reset_days: int = 0
    time_zone: str = ""
    soft: bool = False
    downgrade_at: Decimal | None = None
    downgrade_to: str = ""

    def limit(self) -> UsageLimit:
        """The budget. Raises `ValueError` for an amount that cannot be."""

        def amount(said: Decimal | None) -> int | None:
            if said is None:
                return None
            scaled = exact_amount(self.type, said)
            if scaled != int(scaled):
                raise ValueError(f"{said} is no whole number of {'nano-USD' if self.type == 'cost' else self.type}")
            return int(scaled)

        most = amount(self.credit_limit)
        assert most is not None
        return UsageLimit(
            self.type,
            most,
            alert_threshold=amount(self.alert_threshold),
            periodic_reset=self.periodic_reset,
            periodic_reset_days=self.periodic_reset_days,
            time_zone=self.time_zone,
            soft=self.soft,
            downgrade_at=amount(self.downgrade_at),
            downgrade_to=self.downgrade_to,
        )


class HolderSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What all that the file declares may use together, the most that is kept of its requests and what is taken out of it, and
    the most that configs may ask of the cache (false: nothing)."""

    usage_limits: list[UsageSetting] = []
    rate_limits: list[RateLimit] = []
    capture: Capture = "full"
    redact: Redaction = Redaction()
    cache: CacheCap | bool = True


class TermSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A condition of a policy: what stands at `key` is `value`, or one of several; "*" stands for anything."""

    key: str
    value: str | list[str]
    excludes: bool = False

    def term(self) -> Term:
        """The condition."""
        return Term(self.key, [self.value] if isinstance(self.value, str) else self.value, self.excludes)


class PolicySetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A limit over all requests of which the conditions hold, counted apart for each combination of what stands at the keys of
    `group_by`. `deny`: such requests are refused."""

    name: str
    conditions: list[TermSetting] = []
    group_by: list[str] = []
    usage: UsageSetting | None = None
    rate: RateLimit | None = None
    deny: bool = False
