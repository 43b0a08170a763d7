"""core/limits: the most that may be said is what all who count it can count."""

from decimal import Decimal
from typing import get_args

import pytest

from lockgate.core.limits import MOST, RATE_MOST, RateLimit, Unit, exact_amount
from lockgate.policy.ledger import Budget
from lockgate.policy.limits import limit_of
from lockgate.policy.purse import PLENTY


@pytest.mark.parametrize(("type", "most"), [("cost", 10**9), ("tokens", 10**18), ("requests", 10**18)])
def test_the_most_there_is_of_a_budget_the_ledger_can_count(type, most):
    assert exact_amount(type, Decimal(most)) == MOST
    assert Budget("org", MOST, type, alerts=(MOST,)).cap + PLENTY < 2**63
    with pytest.raises(ValueError, match=f"between 0 and {most:,} "):
        exact_amount(type, Decimal(most) + Decimal("0.000000001"))
    with pytest.raises(ValueError):
        Budget("org", MOST + 1, type)


@pytest.mark.parametrize("number", ["-0.000000001", "NaN", "sNaN", "Infinity"])
def test_no_amount_is_less_than_nothing_or_no_number(number):
    with pytest.raises(ValueError, match="between"):
        exact_amount("tokens", Decimal(number))


def test_dollars_are_kept_as_nano_dollars():
    assert exact_amount("cost", Decimal("0.1")) == 10**8
    assert exact_amount("requests", Decimal("5.5")) == Decimal("5.5")


@pytest.mark.parametrize("unit", get_args(Unit))
def test_the_highest_rate_that_may_be_said_can_be_counted(unit):
    for type in ("requests", "tokens", "concurrent"):
        assert limit_of(RateLimit(type, RATE_MOST, unit), "key", "k").value == RATE_MOST
