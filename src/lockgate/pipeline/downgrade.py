"""What budgets have to say about who is asked: a cheaper model from a threshold on, and what conditions ask of them."""

from __future__ import annotations

from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import route_of


async def model_for(passing: Passing, asked: str) -> str:
    """The model to ask for: a cheaper one where a budget is so far used, which the record and a header tell.

    A worker that has not used a budget lately asks the ledger what is left of it, here and where the route asks for it.
    """
    entry, ledger = passing.account.entry, passing.runtime.ledger
    if entry is None or ledger is None or not entry.allowance.budgets:
        return asked
    if route_of(passing.call, asked, passing.principal, passing.snapshot)[0].asks_budget:
        for budget in entry.allowance.budgets:
            await ledger.look(budget)
    for downgrade in entry.allowance.downgrades:
        left = await ledger.look(downgrade.budget)
        if left is not None and downgrade.budget.cap - left >= downgrade.used and downgrade.model != asked:
            passing.account.record.downgraded = downgrade.model
            return downgrade.model
    return asked
