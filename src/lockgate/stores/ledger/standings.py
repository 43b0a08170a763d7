"""How budgets stand, for whoever shows them: the ledger is read and nothing in it changed."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import msgspec

from lockgate.policy.ledger import Balance, Budget
from lockgate.policy.window import Period
from lockgate.stores.ledger.ports import Database

#: Balances that are read in one transaction.
BATCH = 1000


class Standing(msgspec.Struct, frozen=True):
    """What was used of a budget in the window of this moment, as far as workers have told it, in its measure. `exhausted`: all
    of it was, or somebody was refused for want of the little that is left (`Book.used_up`). `reserved`: what workers hold of it
    for requests under way and those to come; what they do not need of that they give back."""

    used: int = 0
    exhausted: bool = False
    reserved: int = 0


class Standings:
    """The ledger of a database, to be read. Its calls block, all in one thread at a time, and may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"Standings({self._database})"

    def of(self, budgets: Sequence[Budget]) -> dict[str, Standing]:
        """How budgets stand, by their ids: those of which something was ever used in their windows."""
        with self._database.reading() as tables:
            keys = {(each.id, each.period.window(tables.now_us).id): each for each in budgets}
            balances = tables.peek(keys)
            crossed = tables.crossed([key[0] for key in balances]) if balances else set[tuple[str, str, int]]()
        return {
            key[0]: Standing(
                _used(balance),
                _used(balance) >= keys[key].cap or (balance.budget, balance.window.id, keys[key].cap) in crossed,
                balance.reserved,
            )
            for key, balance in balances.items()
        }

    def under(self, prefix: str, period: Period) -> Generator[tuple[str, int], None, None]:
        """What was used of all budgets whose ids begin so and that have this period: (id, how much), by their ids."""
        after = ""
        while True:
            with self._database.reading() as tables:
                found = tables.under(prefix, period.window(tables.now_us).id, after, BATCH)
            yield from ((balance.budget, _used(balance)) for balance in found)
            if len(found) < BATCH:
                return
            after = found[-1].budget

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _used(balance: Balance) -> int:
    return balance.spent + balance.overage
