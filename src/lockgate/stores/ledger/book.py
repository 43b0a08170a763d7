"""`Book`: the durable ledger. Each call is one transaction, and all there is to decide in it `policy.ledger` has decided.

A worker sends what it wants and what it has to tell in numbered batches, each applied once: after a commit whose outcome is
not known, `applied` tells whether it was. Who is silent for too long is swept; who is found dead is recovered from the journal
it left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from lockgate.policy.ledger import (
    MOST,
    Alert,
    Allotment,
    Balance,
    Budget,
    Contradiction,
    Lease,
    Want,
    close,
    correct,
    crossed,
    give_back,
    sweep,
    total,
)
from lockgate.policy.pool import Filled, Move
from lockgate.policy.teller import Flush
from lockgate.stores.ledger.audit import audit
from lockgate.stores.ledger.change import SILENT_US, Change, Heard, Op, Result
from lockgate.stores.ledger.ports import Database, Duty, Epoch, Fenced, Key, Orphan, Tables, Uncertain
from lockgate.stores.ports import StoreError

#: From this percentage of its cap on a budget counts as used up, once somebody was refused.
NEARLY = 95


class Answer(msgspec.Struct, frozen=True):
    """What became of a batch, and when; how many workers there are; the generation of the pool that is in use, and what was put
    into it."""

    results: tuple[Result, ...]
    heard: tuple[Heard, ...]
    now_us: int
    workers: int = 1
    pool: int = 0
    filled: tuple[Filled, ...] = ()


class PoolNews(msgspec.Struct, frozen=True):
    """What a worker that takes from pools tells with a batch: what it took, and that it takes nothing from generations before
    `pool` any more. `fill`: pools of what is granted in this batch may be filled."""

    moves: Sequence[Move]
    pool: int
    fill: bool


class Finding(msgspec.Struct, frozen=True):
    """What was spent (paid, overage) on an epoch's leases beyond what its worker has told, by their numbers; and what of it was
    under way when the worker died, and is charged in full until somebody knows better."""

    spent: Mapping[int, tuple[int, int]]
    orphans: Sequence[Orphan] = ()


class Doubt(StoreError):
    """Nobody knows whether a batch was applied. If it was, `answer` is what became of it."""

    def __init__(self, message: str, answer: Answer | None) -> None:
        super().__init__(message)
        self.answer = answer


class Book:
    """The durable ledger in a database. Every call may raise `StoreError`. Who is not heard for `silent_us` is silent."""

    def __init__(self, database: Database, *, silent_us: int = SILENT_US) -> None:
        self._database = database
        self._silent_us = silent_us

    def __repr__(self) -> str:
        return f"Book({self._database})"

    # --- workers

    def enroll(self, name: str, host: str = "", token: str = "") -> int:
        """Begin an epoch; its number."""
        with self._database.transaction() as tables:
            return tables.enroll(Epoch(0, name, host, token, pool=_current(tables), beat_us=tables.now_us))

    def quick(self, epoch: int, asked: Sequence[Sequence[Want]]) -> dict[int, tuple[Allotment, ...]]:
        """Grant without asking the ledger what can be; by the places of those that were granted."""
        return {}

    def transact(
        self, epoch: int, batch: int, ops: Sequence[Op], beat: Sequence[int] = (), news: PoolNews | None = None
    ) -> Answer:
        """Apply a batch: all of it, or nothing. `beat` are leases that the worker wants to hear of besides those it names.
        Raises `Fenced`, and `Doubt` when the outcome is not known.

        A batch that contradicts the ledger ends its epoch: all that its worker held is charged, which is never too little.
        """
        answer: Answer | None = None
        try:
            with self._database.transaction() as tables:
                row = tables.epoch(epoch)
                if row is None or row.state != "open":
                    raise Fenced(f"epoch {epoch} was silent for too long")
                moves, fill = (news.moves, news.pool if news.fill else 0) if news is not None else ((), 0)
                change = Change(tables, epoch, ops, beat, moves=moves, fill=fill, silent_us=self._silent_us)
                change.move(row)
                results = tuple(change.apply(op, row) for op in ops)
                answered = zip(ops, results, strict=True)
                granted = [op for op, result in answered if not isinstance(op, Flush) and isinstance(result, tuple)]
                filled = change.fill([want for op in granted for want in op])
                answer = Answer(results, change.heard(), tables.now_us, change.workers, change.pool, filled)
                change.keep()
                row.batch, row.beat_us = batch, tables.now_us
                row.pool = max(row.pool, change.pool if news is None else news.pool)
                tables.put_epoch(row)
        except Uncertain as error:
            raise Doubt(str(error), answer) from None
        except Contradiction as error:
            self.sweep(epoch)
            raise Fenced(f"epoch {epoch} contradicts the ledger ({error}), and all that it held is charged") from None
        return answer

    def epoch(self, number: int) -> Epoch | None:
        """How an epoch stands: which batch was the last to be applied, and whether it is over."""
        with self._database.transaction() as tables:
            return tables.epoch(number)

    def end(self, epoch: int, finding: Finding) -> bool:
        """End an epoch, by what its worker knows, or its journal. False: it has ended already, and nothing happens. Where that
        contradicts the ledger, all that the epoch held is charged, and that is a `StoreError`."""
        try:
            with self._database.transaction() as tables:
                row = tables.epoch(epoch)
                if row is None or row.state == "closed":
                    return False
                change = Change(tables, epoch)
                for number, lease in change.leases.items():
                    close(lease, change.of(lease), *finding.spent.get(number, (0, 0)))
                tables.put_orphans(finding.orphans)
                change.keep()
                row.state = "closed"
                tables.put_epoch(row)
                return True
        except Contradiction as error:
            self.sweep(epoch)
            self.write_off(epoch)
            raise StoreError(f"epoch {epoch} contradicts the ledger ({error}), and all that it held is charged") from None

    # --- those who are gone

    def epochs(self) -> list[Epoch]:
        """Epochs that are not closed, oldest first."""
        with self._database.transaction() as tables:
            return tables.epochs()

    def silent(self) -> list[int]:
        """Open epochs that have not been heard for too long."""
        with self._database.transaction() as tables:
            now, found = tables.now_us, [each for each in tables.epochs() if each.state == "open"]
            for number in [each.number for each in found if each.beat_us > now]:
                row = tables.epoch(number)
                if row is not None and row.beat_us > now:  # the clock was set back: wait from now on
                    row.beat_us = now
                    tables.put_epoch(row)
            return [each.number for each in found if each.beat_us < now - self._silent_us]

    def sweep(self, epoch: int) -> None:
        """Take a worker for lost: all that it holds is posted by estimate, and it cannot go on in this epoch. One that has
        asked for nothing yet is done with."""
        with self._database.transaction() as tables:
            row = tables.epoch(epoch)
            if row is None or row.state != "open":
                return
            change = Change(tables, epoch)
            for lease in change.leases.values():
                sweep(lease, change.of(lease))
            change.keep()
            row.state = "swept" if row.batch else "closed"  # it never held anything
            tables.put_epoch(row)

    def write_off(self, epoch: int) -> bool:
        """End a swept epoch of which nobody will know better: what was charged by estimate stays charged. False: it has ended
        already, or is open."""
        with self._database.transaction() as tables:
            row = tables.epoch(epoch)
            if row is None or row.state != "swept":
                return False
            # It may have taken something from a pool that nobody knows of.
            for each in tables.epochs():
                if each.is_pool and each.number >= row.pool:
                    _leave(tables, each.number, "lost")
            change = Change(tables, epoch)
            for lease in change.leases.values():
                close(lease, change.of(lease), lease.posted - lease.told, 0)
            change.keep()
            row.state = "closed"
            tables.put_epoch(row)
            return True

    def leases(self, epoch: int) -> tuple[Epoch | None, dict[int, Lease], dict[str, Budget]]:
        """An epoch with those of its leases that are not closed, and their budgets."""
        with self._database.transaction() as tables:
            leases = tables.leases(epoch)
            return tables.epoch(epoch), leases, tables.budgets({lease.budget for lease in leases.values()})

    def doubtful(self, after: tuple[str, int] = ("", -1), limit: int = 1000) -> list[tuple[str, int]]:
        """Attempts (id and number) that are charged by estimate and not corrected, in an order; those that come after."""
        with self._database.transaction() as tables:
            return tables.doubtful(after, limit)

    def correct(self, id: str, attempt: int, amounts: tuple[int, int, int]) -> bool:
        """What an attempt that was charged by estimate has cost in truth: (nano-USD, tokens, requests). False: nothing was, or
        it is corrected already."""
        with self._database.transaction() as tables:
            orphans = tables.orphans(id, attempt)
            if not orphans:
                return False
            epoch = orphans[0].epoch
            change = Change(tables, epoch, numbers={orphan.number for orphan in orphans})
            for orphan in orphans:
                actual = amounts[orphan.measure]
                lease = change.leases[orphan.number]
                correct(lease, change.of(lease), orphan.charged, actual)
                orphan.actual = actual
            tables.put_orphans(orphans)
            change.keep()
            return True

    # --- pools

    def declare(self, epoch: int, moves: Sequence[Move]) -> None:
        """What a worker that is gone has taken out of pools and has not told."""
        with self._database.transaction() as tables:
            row = tables.epoch(epoch)
            if row is None or row.state == "closed":
                return
            change = Change(tables, epoch, numbers=set(), moves=moves)
            change.move(row)
            change.keep()
            tables.put_epoch(row)

    def begin_pool(self, believed: int) -> tuple[int, str]:
        """The generation of the pool that is in use, and a name of the ledger: a new one where the one in use is the one that
        is `believed` to be (0: none; -1: only tell)."""
        with self._database.transaction() as tables:
            if believed >= 0:
                tables.put_duty(Duty("generation", "", 0))  # one at a time
            current = _current(tables)
            if current == believed:
                if current:
                    _leave(tables, current, "over")
                current = tables.enroll(Epoch(0, "pool", "", state="pool", beat_us=tables.now_us))
            return current, tables.id

    def give_back(self, pool: int, amounts: Mapping[int, int]) -> None:
        """What was left of a generation's leases, and nobody can take any more."""
        with self._database.transaction() as tables:
            tables.epoch(pool)  # whoever changes its leases holds it
            change = Change(tables, pool, numbers=set(amounts))
            for number, lease in change.leases.items():
                give_back(lease, change.of(lease), amounts[number])
            change.keep()

    def tight(self, pool: int) -> list[Key]:
        """The budgets, in their windows, of which the generation holds more than there is besides."""
        with self._database.transaction() as tables:
            leases = [lease for lease in tables.leases(pool).values() if lease.granted > lease.posted]
            budgets = tables.budgets({lease.budget for lease in leases})
            balances = tables.peek({(lease.budget, lease.window) for lease in leases})
        keys = [(lease.budget, lease.window) for lease in leases]
        held = [lease.granted - lease.posted for lease in leases]
        return [key for key, amount in zip(keys, held, strict=True) if balances[key].room(budgets[key[0]]) < amount]

    def tend(self) -> None:
        """From time to time: what is in a generation that nobody takes from any more is free again."""
        with self._database.transaction() as tables:
            epochs = tables.epochs()
            least = min((each.pool for each in epochs if not each.is_pool), default=MOST)
            for number in [each.number for each in epochs if each.state in ("over", "lost") and each.number < least]:
                row = tables.epoch(number)
                assert row is not None, "an epoch does not vanish"
                change = Change(tables, number)
                for lease in change.leases.values():
                    if row.state == "lost":
                        sweep(lease, change.of(lease))
                    else:
                        give_back(lease, change.of(lease), lease.granted - lease.posted)
                    lease.state = "closed"
                    lease.told = lease.posted
                change.keep()
                row.state = "closed"
                tables.put_epoch(row)

    # --- budgets

    def define(self, budgets: Sequence[Budget]) -> None:
        """Set budgets up, or change them: caps hold for what is granted from now on. A budget whose revision is lower than the
        one there is stays as it is. Raises `ValueError` for one that measures something else now."""
        with self._database.transaction() as tables:
            before = tables.budgets([budget.id for budget in budgets])
            for budget in budgets:
                old = before.get(budget.id, budget)
                if old.measure != budget.measure:
                    raise ValueError(f"the budget {budget.id} measures {old.measure}; {budget.measure} need another one")
            tables.put_budgets(budgets)
            now = tables.now_us
            held = tables.budgets([budget.id for budget in budgets])
            windows = {(each.id, (window := each.period.window(now)).id): window for each in held.values()}
            balances = tables.balances(windows)
            alerts: list[Alert] = []
            for balance in balances.values():
                budget = held[balance.budget]
                alerts += crossed(budget, balance, -1 if budget.id in before else balance.spent + balance.overage, now)
            tables.put_alerts(alerts)

    def balance(self, budget: Budget) -> Balance:
        """A budget as it stands in the window of this moment."""
        with self._database.transaction() as tables:
            window = budget.period.window(tables.now_us)
            return tables.balances({(budget.id, window.id): window})[budget.id, window.id]

    def budgets(self, ids: Iterable[str]) -> dict[str, Budget]:
        """Budgets as they were last set up, by their ids: those that there are."""
        with self._database.transaction() as tables:
            return tables.budgets(ids)

    def used_up(self, budget: Budget) -> None:
        """Somebody was refused for want of a budget. Where nearly all of it is spent that is told, once a window, as if its cap
        had been reached; where it is not, somebody wanted too much at once."""
        with self._database.transaction() as tables:
            now = tables.now_us
            window = budget.period.window(now)
            balance = tables.balances({(budget.id, window.id): window})[budget.id, window.id]
            used = balance.spent + balance.overage
            if used * 100 >= budget.cap * NEARLY:
                tables.put_alerts([Alert(budget.id, window.id, budget.cap, budget.cap, used, now)])

    def alerts(self, limit: int = 100) -> list[Alert]:
        """Thresholds that were crossed and that nobody was told of yet, oldest first."""
        with self._database.transaction() as tables:
            return tables.alerts(limit)

    def told(self, alerts: Sequence[Alert]) -> None:
        """Somebody was told."""
        with self._database.transaction() as tables:
            tables.told(alerts)

    # --- keeping house

    def lead(self, duty: str, holder: str, term_us: int) -> bool:
        """Whether `holder` has a duty, of all that share the ledger: it takes it if nobody has it, for so long at least."""
        with self._database.transaction() as tables:
            now, row = tables.now_us, tables.duty(duty)
            if row is not None and row.holder != holder and now < row.until_us <= now + 2 * term_us:
                return False
            if row is None or row.holder != holder or not now + term_us <= row.until_us <= now + 2 * term_us:
                tables.put_duty(Duty(duty, holder, now + 2 * term_us))
            return True

    def now_us(self) -> int:
        """The ledger's time, in µs since the epoch."""
        with self._database.transaction() as tables:
            return tables.now_us

    def prune(self, before_us: int) -> int:
        """Forget windows that ended before; how many."""
        with self._database.transaction() as tables:
            return tables.prune(before_us)

    def give_up(self, before_us: int) -> None:
        """Whoever is gone and was last heard before is gone for good: what was charged by estimate for him stays charged."""
        for epoch in self.epochs():
            if epoch.state == "swept" and epoch.beat_us < before_us:
                self.write_off(epoch.number)
        with self._database.transaction() as tables:
            tables.give_up(before_us)

    def fold(self, limit: int = 500) -> int:
        """Put leases that are done with together, one to a balance; how many were. They would be ever more."""
        with self._database.transaction() as tables:
            tables.put_duty(Duty("fold", "", 0))  # one at a time
            leases = tables.closed(limit)
            sums = tables.common(0, {(lease.budget, lease.window) for lease in leases})
            for lease in sums.values():
                lease.state = "closed"
            for lease in leases:
                total(sums[lease.budget, lease.window], lease)
            tables.put_leases(list(sums.values()))
            tables.forget(leases)
            return len(leases)

    def audit(self) -> list[str]:
        """What contradicts itself, in words: [] when all is well."""
        with self._database.transaction() as tables:
            balances, leases, orphans = tables.everything()
        return audit(balances, leases, orphans)

    def interrupt(self) -> None:
        """Break off what is under way; from any thread."""
        self._database.interrupt()

    def shut(self) -> None:
        """Let go of the database."""
        self._database.close()


def _current(tables: Tables) -> int:
    """The generation of the pool that is in use, held until the end: who enrols with it is seen by whoever leaves it."""
    while numbers := [each.number for each in tables.epochs() if each.state == "pool"]:
        row = tables.epoch(max(numbers))
        if row is not None and row.state == "pool":
            return row.number
    return 0


def _leave(tables: Tables, number: int, state: Literal["over", "lost"]) -> None:
    row = tables.epoch(number)
    if row is not None and row.is_pool:
        row.state = state
        tables.put_epoch(row)
