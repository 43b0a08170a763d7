"""A cheaper model instead of the one that was asked for, where a budget is so far used."""

from __future__ import annotations

from lockgate.pipeline.passing import Passing


async def model_for(passing: Passing, asked: str) -> str:
    """The model to ask for. What came of it is told in the record and in a header."""
    entry, ledger = passing.account.entry, passing.runtime.ledger
    if entry is None or ledger is None or not entry.allowance.downgrades:
        return asked
    for downgrade in entry.allowance.downgrades:
        left = await ledger.look(downgrade.budget)
        if left is not None and downgrade.budget.cap - left >= downgrade.used and downgrade.model != asked:
            passing.account.record.downgraded = downgrade.model
            return downgrade.model
    return asked
