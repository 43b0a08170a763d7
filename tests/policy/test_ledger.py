"""policy/ledger: what can happen to a balance and a lease."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.ledger import (
    MOST,
    Alert,
    Allotment,
    Balance,
    Budget,
    Contradiction,
    Lease,
    Line,
    Measure,
    Short,
    Want,
    amount,
    close,
    correct,
    crossed,
    give_back,
    grant,
    lease_size,
    open_lease,
    refusal,
    refuse,
    share,
    sweep,
    total,
    unavailable,
    unbounded,
    unknown,
    write,
)
from lockgate.policy.window import LIFETIME, Window

HARD, SOFT = Budget("b", 1000, scope="key marketing"), Budget("b", 1000, hard=False)
DAY = Window("day 2026-11-25", 0, 90_000_000_000)


def leased(budget: Budget = HARD, granted: int = 0, posted: int = 0) -> tuple[Balance, Lease]:
    balance = Balance("b", LIFETIME)
    lease = open_lease(budget, balance, 1, 1)
    if granted:
        grant(budget, balance, lease, Want(budget, granted, granted, 0, 1), 1)
    if posted:
        write(Line(1, posted, 0, 0, False), lease, balance)
    return balance, lease


@pytest.mark.parametrize("cap", [-1, MOST + 1])
def test_an_amount_that_cannot_be_is_told(cap: int) -> None:
    with pytest.raises(ValueError, match=str(cap)):
        Budget("b", cap)
    with pytest.raises(ValueError, match=str(cap)):
        Budget("b", 1, alerts=(cap,))


# --- granting


@pytest.mark.parametrize(
    ("room", "workers", "need", "want", "size"),
    [
        (1000, 4, 10, 100, 100),  # what is wanted
        (1000, 4, 10, 1000, 125),  # half of a fair share
        (79, 4, 10, 1000, 10),  # a single reservation
        (10, 4, 10, 1000, 10),
        (1000, 1, 0, 0, 0),
    ],
)
def test_leases_shrink_as_the_cap_comes_near(room: int, workers: int, need: int, want: int, size: int) -> None:
    assert lease_size(room, workers, need, want) == size


@given(room=st.integers(0, 10**9), workers=st.integers(1, 64), need=st.integers(0, 10**9), want=st.integers(0, 10**9))
def test_no_lease_is_larger_than_the_room(room: int, workers: int, need: int, want: int) -> None:
    if need <= room:
        assert need <= lease_size(room, workers, need, want) <= room


def test_a_grant_is_reserved() -> None:
    balance, lease = leased()
    assert grant(HARD, balance, lease, Want(HARD, 10, 50, 0, 1), 2) == Allotment(1, 50, LIFETIME, True, 237, 950)
    assert (balance.reserved, lease.granted, balance.ceiling) == (50, 50, 1000)
    assert share(HARD, balance, 1) == 475


def test_nothing_of_a_soft_budget_is_reserved() -> None:
    balance, lease = leased(SOFT)
    assert refuse(SOFT, balance, 10**9) is None
    assert grant(SOFT, balance, lease, Want(SOFT, 10, 50, 0, 1), 2).amount == 0
    assert balance.reserved == 0


def test_the_room_is_used_to_the_last_unit() -> None:
    balance, _ = leased(granted=990)
    assert refuse(HARD, balance, 10) is None
    assert refuse(HARD, balance, 11) == Short(HARD, "contended", 11, 1000, None)


def test_what_is_spent_is_used_up() -> None:
    balance, _ = leased(granted=990, posted=990)
    assert refuse(HARD, balance, 11) == Short(HARD, "exhausted", 11, 10, None)


def test_overage_counts() -> None:
    balance, lease = leased(granted=900)
    write(Line(1, 900, 200, 0, False), lease, balance)
    assert refuse(HARD, balance, 1) == Short(HARD, "exhausted", 1, 0, None)


def test_a_lowered_cap_grants_nothing_and_breaks_nothing() -> None:
    balance, _ = leased(granted=900)
    lower = Budget("b", 500)
    assert refuse(lower, balance, 1) == Short(lower, "contended", 1, 500, None)
    assert refuse(lower, balance, 0) is None
    assert lease_size(balance.room(lower), 2, 0, 100) == 0
    assert balance.room(lower) == -400
    assert share(lower, balance, 2) == -100
    assert balance.ceiling == 1000


def test_a_raised_cap_raises_the_ceiling() -> None:
    balance, lease = leased(granted=900)
    higher = Budget("b", 2000)
    grant(higher, balance, lease, Want(higher, 1100, 1100, 1, 1), 1)
    assert (balance.ceiling, balance.reserved) == (2000, 2000)


# --- posting


def test_what_is_posted_moves_from_reserved_to_spent() -> None:
    balance, lease = leased(granted=100)
    write(Line(1, 60, 5, 30, False), lease, balance)
    assert (balance.spent, balance.reserved, balance.overage) == (60, 10, 5)
    assert (lease.granted, lease.posted, lease.told, lease.overage, lease.state) == (70, 60, 60, 5, "open")


def test_a_lease_that_is_done_with_holds_nothing() -> None:
    balance, lease = leased(granted=100)
    write(Line(1, 60, 0, 40, True), lease, balance)
    assert (balance.reserved, lease.state) == (0, "closed")


@pytest.mark.parametrize(
    "line",
    [
        Line(1, 101, 0, 0, False),
        Line(1, 0, 0, 101, False),
        Line(1, -1, 0, 0, False),
        Line(1, 60, 0, 41, False),
        Line(1, 60, 0, 0, True),
    ],
)
def test_what_was_never_held_cannot_be_spent_or_returned(line: Line) -> None:
    balance, lease = leased(granted=100)
    with pytest.raises(Contradiction):
        write(line, lease, balance)


def test_nothing_less_than_nothing_is_returned() -> None:
    balance, lease = leased(granted=100)
    with pytest.raises(Contradiction):
        give_back(lease, balance, -1)


def test_a_soft_budget_is_charged_beyond_its_cap() -> None:
    balance, lease = leased(SOFT)
    write(Line(1, 5000, 0, 0, True), lease, balance)
    assert (balance.spent, balance.reserved, lease.posted, lease.granted) == (5000, 0, 5000, 5000)
    assert balance.spent <= balance.ceiling


# --- workers that are gone


def test_all_of_a_lost_workers_lease_is_charged() -> None:
    balance, lease = leased(granted=100, posted=30)
    sweep(lease, balance)
    assert (balance.spent, balance.reserved, lease.state, lease.told) == (100, 0, "swept", 30)
    sweep(lease, balance)
    assert balance.spent == 100


def test_of_a_soft_budget_there_is_nothing_to_charge() -> None:
    balance, lease = leased(SOFT)
    sweep(lease, balance)
    assert (balance.spent, lease.state) == (0, "swept")


@pytest.mark.parametrize("swept", [False, True])
def test_who_knows_what_was_spent_gives_the_rest_back(swept: bool) -> None:
    balance, lease = leased(granted=100, posted=30)
    if swept:
        sweep(lease, balance)
    close(lease, balance, 25, 3)
    assert (balance.spent, balance.reserved, balance.overage) == (55, 0, 3)
    assert (lease.granted, lease.posted, lease.overage, lease.state) == (55, 55, 3, "closed")
    close(lease, balance, 25, 3)
    sweep(lease, balance)
    assert balance.spent == 55


def test_more_than_was_held_cannot_have_been_spent() -> None:
    balance, lease = leased(granted=100, posted=30)
    with pytest.raises(Contradiction):
        close(lease, balance, 71, 0)


def test_a_soft_lease_is_closed_with_what_it_cost() -> None:
    balance, lease = leased(SOFT)
    close(lease, balance, 70, 0)
    assert (balance.spent, balance.reserved) == (70, 0)


@pytest.mark.parametrize(("actual", "spent", "overage"), [(40, 40, 0), (0, 0, 0), (100, 100, 0), (130, 100, 30)])
def test_an_estimate_is_corrected(actual: int, spent: int, overage: int) -> None:
    balance, lease = leased(granted=100)
    close(lease, balance, 100, 0)
    correct(lease, balance, 100, actual)
    assert (balance.spent, balance.overage, lease.posted, lease.granted, lease.overage) == (
        spent,
        overage,
        spent,
        spent,
        overage,
    )


def test_an_estimate_of_a_soft_budget_is_corrected_upwards_too() -> None:
    balance, lease = leased(SOFT)
    close(lease, balance, 100, 0)
    correct(lease, balance, 100, 130)
    assert (balance.spent, balance.overage) == (130, 0)


# --- what people are told


def test_a_threshold_is_told_when_it_is_reached() -> None:
    budget = Budget("b", 1000, alerts=(500, 800))
    balance = Balance("b", LIFETIME, spent=800, overage=200)
    assert crossed(budget, balance, 500, 9) == [Alert("b", "lifetime", each, 1000, 1000, 9) for each in (800, 1000)]
    assert crossed(budget, balance, 1000, 9) == []
    assert crossed(budget, balance, 2000, 9) == []  # a correction


@pytest.mark.parametrize(
    ("at_us", "again"),
    [
        (0, "It begins anew in 1 day;"),
        (80_000_000_000, "in 2 hours;"),
        (89_900_000_000, "in 1 minute;"),
        (89_999_000_000, "in 1 second;"),
        (91_000_000_000, "in 0 seconds;"),
    ],
)
def test_a_used_up_budget_says_when_it_begins_anew(at_us: int, again: str) -> None:
    short = Short(Budget("b", 1_250_000_000, scope="key marketing"), "exhausted", 20_000_000, 12_345, DAY.end_us)
    told = refusal(short, at_us)
    assert (told.status, told.code, told.scope, told.rule) == (412, "budget_exhausted", "key marketing", "b")
    assert told.message.startswith(
        "The budget of key marketing is used up: of $1.25 $0.000012345 is left, and this request may need $0.02."
    )
    assert again in told.message
    assert told.retry_after == max(0, 90_000_000_000 - at_us) / 1e6


def test_a_budget_for_life_says_to_raise_it() -> None:
    told = refusal(Short(Budget("b", 5, "tokens"), "exhausted", 7, 5, None), 0)
    assert (
        told.message
        == "The budget of budget b is used up: of 5 tokens 5 tokens is left, and this request may need 7 tokens. Raise it to go on."
    )
    assert told.retry_after is None


def test_a_contended_budget_is_worth_another_try() -> None:
    told = refusal(Short(HARD, "contended", 7, 5, None), 0)
    assert (told.status, told.code, told.retry_after) == (429, "budget_contended", 1.0)


def test_what_has_no_bound_is_refused_with_its_reason() -> None:
    told = unbounded(HARD, "the price of the model is not known")
    assert (told.status, told.code) == (400, "budget_unbounded")
    assert told.message.endswith("the price of the model is not known.")


def test_a_ledger_that_is_away_is_not_the_callers_fault() -> None:
    told = unavailable(SOFT)
    assert (told.status, told.code, told.retry_after) == (503, "budget_unavailable", 1.0)


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("cost", 0, "$0.00"),
        ("cost", 1, "$0.000000001"),
        ("cost", 1_234_500_000_000, "$1,234.50"),
        ("tokens", 12_000, "12,000 tokens"),
        ("requests", 3, "3 requests"),
    ],
)
def test_an_amount_is_exact(measure: Measure, value: int, text: str) -> None:
    assert amount(measure, value) == text


@pytest.mark.parametrize(
    ("most", "heard", "partial", "per_second", "charged"),
    [(1000, 100, 0, 50, 160), (1000, 101, 0, 0, 112), (1000, 10, 100, 0, 100), (150, 100, 0, 50, 150), (1000, 0, 0, 0, 0)],
)
def test_what_nobody_counted_is_charged_with_care(most: int, heard: int, partial: int, per_second: int, charged: int) -> None:
    assert unknown(most, heard, partial, per_second) == charged


def test_closed_leases_become_one_that_stands_for_all_of_them() -> None:
    balance, whole = leased(granted=0)
    for number, (granted, posted, overage) in enumerate([(100, 60, 0), (50, 50, 20)], 2):
        lease = open_lease(HARD, balance, 1, number)
        grant(HARD, balance, lease, Want(HARD, granted, granted, 0, number), 1)
        write(Line(number, posted, overage, granted - posted, True), lease, balance)
        total(whole, lease)
    assert (whole.granted, whole.posted, whole.told, whole.overage) == (110, 110, 110, 20)
