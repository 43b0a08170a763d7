"""What a ledger must say at all times, looked for in its rows: a worker's leases and its balances tell the same story."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.policy.ledger import MEASURES, Balance, Lease
from lockgate.stores.ledger.ports import Orphan


def audit(balances: Sequence[Balance], leases: Sequence[Lease], orphans: Sequence[Orphan]) -> list[str]:
    """What contradicts itself in the rows of a ledger, in words."""
    found: list[str] = []
    for balance in balances:
        name = f"{balance.budget} {balance.window.id}"
        own = [lease for lease in leases if (lease.budget, lease.window) == (balance.budget, balance.window.id)]
        reserved = sum(lease.granted - lease.posted for lease in own if lease.state == "open")
        sums = (sum(lease.posted for lease in own), reserved, sum(lease.overage for lease in own))
        if (balance.spent, balance.reserved, balance.overage) != sums:
            stands = balance.spent, balance.reserved, balance.overage
            found.append(f"{name}: spent, reserved and overage are {stands}, by its leases {sums}")
        if min(balance.spent, balance.reserved, balance.overage) < 0:
            found.append(f"{name}: less than nothing")
        if balance.spent + balance.reserved > balance.ceiling and (balance.spent or balance.reserved):
            found.append(f"{name}: more than its ceiling {balance.ceiling}")
    for lease in leases:
        if not 0 <= lease.posted <= lease.granted or (lease.state != "open" and lease.granted != lease.posted):
            found.append(f"lease {lease.epoch}/{lease.number}: {lease.posted} posted of {lease.granted}, {lease.state}")
    found += [f"orphan {each.id}/{each.attempt} measures {each.measure}" for each in orphans if each.measure >= len(MEASURES)]
    return found
