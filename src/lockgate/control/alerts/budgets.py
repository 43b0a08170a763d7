"""Budgets as a source of alerts: the thresholds that the ledger has seen crossed, and at which amounts that is.

The ledger keeps each crossing once a window (`ledger_alert`) until it is told that somebody has it. A crossing is told to the
outbox first and to the ledger then, so a process that dies in between tells the outbox twice, which keeps it once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lockgate.control.alerts.alert import Alert, Subject, id_of, when
from lockgate.policy.ledger import MOST, Budget
from lockgate.policy.ledger import Alert as Crossing
from lockgate.stores.ledger.book import Book

#: Whose a budget is; None: nobody knows any more.
Whose = Callable[[Budget], Subject | None]


def amounts(cap: int, percents: Iterable[int], also: int | None = None) -> tuple[int, ...]:
    """The amounts of a budget at which somebody is told, for `Budget.alerts`: percents of its cap, rounded up, and one that was
    named outright. What no budget can reach is left out."""
    found = {-(-cap * percent // 100) for percent in percents}
    found = {amount for amount in found if 0 < amount <= MOST}
    return tuple(sorted(found if also is None else found | {also}))


class Crossings:
    """The ledger's crossings as alerts. Calls block, one at a time, and raise `StoreError`."""

    def __init__(self, book: Book, whose: Whose) -> None:
        self._book = book
        self._whose = whose
        self._pending: dict[str, Crossing] = {}

    def __repr__(self) -> str:
        return f"Crossings({self._book})"

    def pending(self, limit: int) -> list[Alert]:
        """See `Source`."""
        crossings = self._book.alerts(limit)
        if not crossings:
            return []
        budgets = self._book.budgets({crossing.budget for crossing in crossings})
        self._pending = {}
        alerts: list[Alert] = []
        for crossing in crossings:
            budget = budgets.get(crossing.budget) or Budget(crossing.budget, crossing.cap)
            alert = alert_of(crossing, budget, self._whose(budget) or Subject(name=budget.scope or budget.id))
            self._pending[alert.id] = crossing
            alerts.append(alert)
        return alerts

    def told(self, alerts: Sequence[Alert]) -> None:
        """See `Source`."""
        self._book.told([self._pending.pop(alert.id) for alert in alerts])

    def close(self) -> None:
        """See `Source`."""
        self._book.shut()


def alert_of(crossing: Crossing, budget: Budget, subject: Subject) -> Alert:
    """What there is to tell of a crossing."""
    ends_us = budget.period.window(crossing.at_us).end_us or 0
    full = crossing.threshold >= crossing.cap
    note = ""
    if full and budget.hard:
        begins = f" until it begins anew at {when(ends_us)}, or is raised" if ends_us else " until it is raised"
        note = f"Requests that would need more of it are refused{begins}."
    return Alert(
        id_of("budget", crossing.budget, crossing.window, crossing.threshold),
        "budget",
        subject,
        crossing.at_us,
        rule=crossing.budget,
        window=crossing.window,
        ends_us=ends_us,
        measure=budget.measure,
        value=crossing.spent,
        limit=crossing.cap,
        threshold=crossing.threshold,
        severity="critical" if full else "warning",
        note=note,
    )
