"""policy/retry_budget: how much a provider that is down is asked."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy.retry_budget import BURST, FLOOR_PER_S, RATIO, RetryBudget

#: What floats may lose over a test.
DUST = 1e-6


def drained(now: float = 0.0) -> RetryBudget:
    budget = RetryBudget()
    while budget.spend(now):
        pass
    return budget


def test_a_burst_is_there_at_once_and_no_more() -> None:
    budget = RetryBudget()
    assert [budget.spend(5.0) for _ in range(11)] == [True] * 10 + [False]


def test_requests_pay_for_retries() -> None:
    budget = drained()
    for _ in range(9):
        budget.asked(0.0)
    assert not budget.spend(0.0)
    budget.asked(0.0)
    budget.asked(0.0)  # 0.1 is no binary number: ten of it are a hair less than 1
    assert budget.spend(0.0)
    assert not budget.spend(0.0)


def test_time_gives_the_floor() -> None:
    budget = drained()
    assert not budget.spend(0.9)
    assert budget.spend(1.0)
    assert not budget.spend(1.0)


def test_no_more_is_kept_than_the_burst() -> None:
    budget = RetryBudget()
    for _ in range(1000):
        budget.asked(0.0)
    assert budget.left(1000.0) == BURST


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    budget = drained(100.0)
    assert not budget.spend(100.0)
    assert not budget.spend(50.0)
    assert budget.spend(101.0)


def test_a_share_of_the_burst_holds_at_least_one_retry() -> None:
    budget = RetryBudget(burst=10 / 64, floor_per_s=1 / 64)
    assert budget.spend(0.0)
    assert not budget.spend(63.0)
    assert budget.spend(64.0)


def test_it_says_what_it_holds() -> None:
    budget = RetryBudget()
    budget.spend(0.0)
    assert repr(budget) == "RetryBudget(9.0 of 10 retries)"


@given(
    steps=st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=60),
    ratio=st.floats(0, 1),
    floor_per_s=st.floats(0, 5),
    burst=st.floats(1, 20),
)
def test_retries_keep_the_bound_in_every_stretch_of_time(
    steps: list[tuple[float, bool]], ratio: float, floor_per_s: float, burst: float
) -> None:
    budget = RetryBudget(ratio=ratio, floor_per_s=floor_per_s, burst=burst)
    now = 0.0
    seen: list[tuple[float, int, int]] = []  # when, requests and retries at that moment
    for wait, is_request in steps:
        now += wait
        if is_request:
            budget.asked(now)
        seen.append((now, is_request, not is_request and budget.spend(now)))
    for start in range(len(seen)):
        asked = retried = 0
        for at, request, retry in seen[start:]:
            asked += request
            retried += retry
            assert retried <= ratio * asked + floor_per_s * (at - seen[start][0]) + burst + DUST


@pytest.mark.parametrize(("per_second", "seconds", "most"), [(20, 10, 1.2), (20, 600, 1.16), (10, 600, 1.21), (200, 5, 1.12)])
@pytest.mark.parametrize("attempts", [1, 5])
def test_a_provider_that_is_down_hears_a_fifth_more_at_most(per_second: int, seconds: int, most: float, attempts: int) -> None:
    draw = random.Random(per_second)
    arrivals = sorted(draw.uniform(0, seconds) for _ in range(per_second * seconds))
    budget = RetryBudget()
    # Every try fails; whoever may tries again half a second later.
    pending: list[tuple[float, int]] = [(at, 0) for at in arrivals]
    tries = 0
    while pending:
        at, number = pending.pop(0)
        tries += 1
        if number == 0:
            budget.asked(at)
        if number < attempts and budget.spend(at):
            later = (at + 0.5, number + 1)
            index = next((i for i, entry in enumerate(pending) if entry > later), len(pending))
            pending.insert(index, later)
    assert tries / len(arrivals) <= most
    # Not by never trying: what may be spent is spent.
    assert tries - len(arrivals) >= 0.9 * (RATIO * len(arrivals) + FLOOR_PER_S * (seconds - 1))
