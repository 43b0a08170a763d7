"""policy/pool: what is moved between a pool and a worker's lease, and what cannot be."""

import pytest

from lockgate.policy.ledger import Balance, Contradiction, Lease
from lockgate.policy.pool import pool_size, put_in, take_out
from lockgate.policy.window import LIFETIME


def lease(**more):
    return Lease(1, 1, "org", "lifetime", True, **more)


def test_a_pool_gives_no_more_than_it_holds():
    source = lease(granted=100, posted=30)
    take_out(source, 70)
    assert source.granted == 30
    for amount in (1, -1):
        with pytest.raises(Contradiction, match="more was taken out"):
            take_out(source, amount)


def test_what_comes_into_a_lease_that_was_swept_is_charged():
    balance, swept = Balance("org", LIFETIME, reserved=50), lease(granted=10, posted=10, state="swept")
    put_in(swept, balance, 20)
    assert (swept.granted, swept.posted, balance.reserved, balance.spent) == (30, 30, 30, 20)


def test_nothing_comes_into_a_lease_that_is_done_with():
    balance, open_ = Balance("org", LIFETIME, reserved=50), lease()
    put_in(open_, balance, 20)
    assert (open_.granted, open_.posted, balance.spent) == (20, 0, 0)
    with pytest.raises(Contradiction, match="done with"):
        put_in(lease(state="closed"), balance, 20)


def test_near_the_cap_there_is_no_pool():
    assert pool_size(1000, 4, 200, 10) == 0
    assert pool_size(1000, 2, 10, 20) == 80
    assert pool_size(1000, 2, 10, 500) == 250
