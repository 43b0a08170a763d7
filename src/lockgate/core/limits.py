"""What may be used, as it is said of a key, a provider or a workspace: budgets and rates.

The shapes are those that Portkey's users know (https://portkey.ai/docs/api-reference/admin-api). Money is integer nano-USD;
whoever speaks of dollars converts at the edge.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

Unit = Literal["rps", "rpm", "rph", "rpd", "rpw"]
Period = Literal["", "daily", "weekly", "monthly"]

_NANO = 10**9
#: No budget, and no threshold in one, is larger: nano-USD (a billion dollars), tokens or requests. What is said beyond that is
#: refused where it is said. Sums of a few stay within the 64 bits that databases give a number.
MOST = 10**18
#: No rate is larger: it can be counted exactly in all units of time.
RATE_MOST = 9_000_000_000


def exact_amount(type: str, number: Decimal) -> Decimal:
    """What is said of a budget of a type, in what it is kept in: nano-USD for US dollars, else as it is. It need not be whole.
    Raises `ValueError` for an amount that no budget can have."""
    scale = _NANO if type == "cost" else 1
    if not number.is_finite() or not 0 <= number * scale <= MOST:
        raise ValueError(
            f"an amount lies between 0 and {MOST // scale:,} {'US dollars' if type == 'cost' else type}, not at {number}"
        )
    return number * scale


class UsageLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A budget.

    type             cost, tokens or requests
    credit_limit     how much: nano-USD for a cost, else a number
    alert_threshold  in the same unit: from here on, whoever is to know is told
    periodic_reset   when it begins anew; `periodic_reset_days`: every so many days instead. Neither: never
    next_reset_us    where days are counted from (µs since the epoch); 0: from when the limit was set
    time_zone        whose calendar days, weeks and months are of (an IANA name; "" for UTC)
    soft             nobody is refused: whoever is to know is told, and that is all
    downgrade_to     the model that is asked instead of another from `downgrade_at` on, in the same unit
    resets           how often somebody has said that it begins anew now: each time it is another budget in the ledger
    """

    type: Literal["cost", "tokens", "requests"]
    credit_limit: int
    alert_threshold: int | None = None
    periodic_reset: Period = ""
    periodic_reset_days: int = 0
    next_reset_us: int = 0
    time_zone: str = ""
    soft: bool = False
    downgrade_at: int | None = None
    downgrade_to: str = ""
    resets: int = 0


class RateLimit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most `value` requests, or tokens, in a second, minute, hour, day or week; or so many requests at once."""

    type: Literal["requests", "tokens", "concurrent"]
    value: int
    unit: Unit = "rpm"


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One condition of a policy: what stands at `key` ("api_key", "metadata.team", "model") is one of `value`, "*" being any;
    with `excludes`, it is none of them."""

    key: str
    value: list[str]
    excludes: bool = False
