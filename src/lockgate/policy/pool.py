"""A pool: a lease of a budget that all workers share, kept where it is quick to take from. Pure; integers only.

The pool's lease is in the ledger like any other, so what is in the pool is reserved. A worker takes of it without asking the
ledger, and tells afterwards, in *moves*: so much of the pool's lease is part of one of its own now. No balance changes by that.
A pool is of a *generation*. When the place where it is kept may have forgotten something, the generation is over, whatever was
in it: nobody takes from it any more, and once all workers have said so (`Epoch.pool`), what nobody has taken is free again.
"""

from __future__ import annotations

import msgspec

from lockgate.policy.ledger import Balance, Budget, Contradiction, Lease

#: No pool holds more: numbers in the places where pools are kept are whole up to 2^53.
POOL_MOST = 2**52


class Move(msgspec.Struct, frozen=True):
    """`amount` taken out of the lease `source` of the generation `pool`, into the worker's own lease `number`; 0: back to the
    budget. `seq` counts the moves of one worker."""

    seq: int
    pool: int
    source: int
    number: int
    amount: int


class Filled(msgspec.Struct, frozen=True):
    """`amount` more of the lease `source` is in the pool of a budget, in a window. `share` is what a worker might have of what
    is left outside of it."""

    budget: Budget
    window: str
    source: int
    amount: int
    share: int


def take_out(source: Lease, amount: int) -> None:
    """Make a pool's lease smaller. Raises `Contradiction` when it never held so much."""
    if not 0 <= amount <= source.granted - source.posted:
        raise Contradiction("more was taken out of a pool than it held")
    source.granted -= amount


def put_in(lease: Lease, balance: Balance, amount: int) -> None:
    """Make a worker's lease larger by what it took. All of a lease that was swept is charged, and so is this."""
    lease.granted += amount
    if lease.state == "swept":
        lease.posted += amount
        balance.reserved -= amount
        balance.spent += amount
    elif lease.state != "open":
        raise Contradiction("something was taken out of a pool for a lease that is done with")


def pool_size(room: int, workers: int, need: int, want: int) -> int:
    """How much to put into a pool when a worker has needed and wanted so much: a few times that for each worker, a quarter of
    what is left at most, and nothing when the cap is near."""
    if room < 2 * workers * need:
        return 0
    return max(0, min(room // 4, 2 * workers * want, POOL_MOST))
