"""`Book`: the durable ledger. Each call is one transaction, and all there is to decide in it `policy.ledger` has decided.

A worker sends what it wants and what it has to tell in numbered batches, each applied once: after a commit whose outcome is
not known, `applied` tells whether it was. Who is silent for too long is swept; who is found dead is recovered from the journal
it left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy

import msgspec

from lockgate.policy.ledger import (
    MEASURES,
    Alert,
    Allotment,
    Balance,
    Budget,
    Lease,
    Short,
    Want,
    close,
    correct,
    crossed,
    give_back,
    grant,
    open_lease,
    refuse,
    share,
    sweep,
    total,
    write,
)
from lockgate.policy.teller import Flush
from lockgate.stores.ledger.ports import Database, Duty, Epoch, Fenced, Orphan, Tables, Uncertain
from lockgate.stores.ports import StoreError

#: Who is not heard for so long, in µs, does not count among those who share a budget, and is swept.
SILENT_US = 30_000_000
#: From this percentage of its cap on a budget counts as used up, once somebody was refused.
NEARLY = 95

#: Wants that are granted together or not at all; or news.
Op = tuple[Want, ...] | Flush
#: What became of it: lease by lease, or why not; nothing to say of news.
Result = tuple[Allotment, ...] | Short | None


class Heard(msgspec.Struct, frozen=True):
    """What a worker may have of the rest of a budget it has a lease of, and whether that is hard."""

    number: int
    share: int
    hard: bool


class Answer(msgspec.Struct, frozen=True):
    """What became of a batch, and when."""

    results: tuple[Result, ...]
    heard: tuple[Heard, ...]
    now_us: int


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
            return tables.enroll(name, host, token)

    def transact(self, epoch: int, batch: int, ops: Sequence[Op], beat: Sequence[int] = ()) -> Answer:
        """Apply a batch: all of it, or nothing. `beat` are leases that the worker wants to hear of besides those it names.
        Raises `Fenced`, and `Doubt` when the outcome is not known."""
        answer: Answer | None = None
        try:
            with self._database.transaction() as tables:
                row = tables.epoch(epoch)
                if row is None or row.state != "open":
                    raise Fenced(f"epoch {epoch} is over")
                change = _Change(tables, epoch, ops, beat, silent_us=self._silent_us)
                results = tuple(change.apply(op, row) for op in ops)
                answer = Answer(results, change.heard(), tables.now_us)
                change.keep()
                row.batch, row.beat_us = batch, tables.now_us
                tables.put_epoch(row)
        except Uncertain as error:
            raise Doubt(str(error), answer) from None
        return answer

    def epoch(self, number: int) -> Epoch | None:
        """How an epoch stands: which batch was the last to be applied, and whether it is over."""
        with self._database.transaction() as tables:
            return tables.epoch(number)

    def end(self, epoch: int, finding: Finding) -> bool:
        """End an epoch, by what its worker knows, or its journal. False: it has ended already, and nothing happens."""
        with self._database.transaction() as tables:
            row = tables.epoch(epoch)
            if row is None or row.state == "closed":
                return False
            change = _Change(tables, epoch)
            for number, lease in change.leases.items():
                close(lease, change.of(lease), *finding.spent.get(number, (0, 0)))
            tables.put_orphans(finding.orphans)
            change.keep()
            row.state = "closed"
            tables.put_epoch(row)
            return True

    # --- those who are gone

    def epochs(self) -> list[Epoch]:
        """Epochs that are not closed, oldest first."""
        with self._database.transaction() as tables:
            return tables.epochs()

    def silent(self) -> list[int]:
        """Open epochs that have not been heard for too long."""
        with self._database.transaction() as tables:
            before = tables.now_us - self._silent_us
            return [each.number for each in tables.epochs() if each.state == "open" and each.beat_us < before]

    def sweep(self, epoch: int) -> None:
        """Take a worker for lost: all that it holds is posted by estimate, and it cannot go on in this epoch."""
        with self._database.transaction() as tables:
            row = tables.epoch(epoch)
            if row is None or row.state != "open":
                return
            change = _Change(tables, epoch)
            for lease in change.leases.values():
                sweep(lease, change.of(lease))
            change.keep()
            row.state = "swept"
            tables.put_epoch(row)

    def write_off(self, epoch: int) -> bool:
        """End a swept epoch of which nobody will know better: what was charged by estimate stays charged. False: it has ended
        already, or is open."""
        with self._database.transaction() as tables:
            row = tables.epoch(epoch)
            if row is None or row.state != "swept":
                return False
            change = _Change(tables, epoch)
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
            change = _Change(tables, epoch, numbers={orphan.number for orphan in orphans})
            for orphan in orphans:
                actual = amounts[orphan.measure]
                lease = change.leases[orphan.number]
                correct(lease, change.of(lease), orphan.charged, actual)
                orphan.actual = actual
            tables.put_orphans(orphans)
            change.keep()
            return True

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
            leases = tables.closed(limit)
            sums = tables.sums({(lease.budget, lease.window) for lease in leases})
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


class _Change:
    """The rows that a transaction is about, changed in memory and kept together.

    It is about the leases that `ops` name; or those of `numbers`; or all of the epoch's that are not closed. Those of `beat`
    are looked at besides.
    """

    def __init__(
        self,
        tables: Tables,
        epoch: int,
        ops: Sequence[Op] | None = None,
        beat: Sequence[int] = (),
        numbers: set[int] | None = None,
        silent_us: int = SILENT_US,
    ) -> None:
        self._tables = tables
        self._epoch = epoch
        wants = [want for op in ops or () if not isinstance(op, Flush) for want in op]
        lines = [line for op in ops or () if isinstance(op, Flush) for line in op.lines]
        if ops is not None:
            numbers = {line.number for line in lines} | {want.number for want in wants} | {want.fresh for want in wants}
        leases = tables.leases(epoch, None if numbers is None else numbers.union(beat))
        ids = {lease.budget for lease in leases.values()} | {want.budget.id for want in wants}
        self._budgets = tables.budgets(ids)
        newer: dict[str, Budget] = {}
        for want in wants:
            known = newer.get(want.budget.id) or self._budgets.get(want.budget.id)
            if known is None or known.revision < want.budget.revision:
                newer[want.budget.id] = want.budget
        if newer:
            tables.put_budgets([newer[id] for id in sorted(newer)])
            self._budgets = tables.budgets(ids)
        self._current = {want.budget.id: self._budgets[want.budget.id].period.window(tables.now_us) for want in wants}
        self.leases = leases if numbers is None else {number: leases[number] for number in leases if number in numbers}
        windows = tables.windows({(lease.budget, lease.window) for lease in self.leases.values()})
        windows |= {(id, window.id): window for id, window in self._current.items()}
        self._balances = tables.balances(windows)
        # The balances are ours alone now: a cap that was changed until then is seen, one that is changed later waits.
        self._budgets = tables.budgets(ids)
        self._others = {number: lease for number, lease in leases.items() if number not in self.leases}
        self._seen = tables.peek({(lease.budget, lease.window) for lease in self._others.values()}) if self._others else {}
        self._were = {key: copy(balance) for key, balance in self._balances.items()}
        self._had = {number: copy(lease) for number, lease in self.leases.items()}
        since = tables.now_us - silent_us
        self._workers = max(1, sum(each.beat_us >= since for each in tables.epochs())) if ops is not None else 1

    def of(self, lease: Lease) -> Balance:
        """The balance of a lease."""
        return self._balances[lease.budget, lease.window]

    def apply(self, op: Op, row: Epoch) -> Result:
        """Apply one operation of a batch."""
        if isinstance(op, Flush):
            for line in op.lines:
                lease = self.leases[line.number]
                write(line, lease, self.of(lease))
            row.seq = op.seq
            return None
        return self._grant(op)

    def _grant(self, wants: Sequence[Want]) -> tuple[Allotment, ...] | Short:
        """Grant all wants or none; what is given back stays given back."""
        for want in wants:
            if want.give:
                lease = self.leases[want.number]
                give_back(lease, self.of(lease), want.give)
        for want in wants:
            budget = self._budgets[want.budget.id]
            short = refuse(budget, self._balance(want), want.need)
            if short is not None:
                return short
        granted: list[Allotment] = []
        for want in wants:
            budget, balance = self._budgets[want.budget.id], self._balance(want)
            granted.append(grant(budget, balance, self._lease(want, budget, balance), want, self._workers))
        return tuple(granted)

    def _balance(self, want: Want) -> Balance:
        """The balance that a want is to be granted from."""
        fresh = self.leases.get(want.fresh)
        if fresh is not None:
            return self.of(fresh)  # several wants named it, and it was made for the first of them
        return self._balances[want.budget.id, self._current[want.budget.id].id]

    def _lease(self, want: Want, budget: Budget, balance: Balance) -> Lease:
        """The lease that a want adds to, or a new one: where the window is another one, or the budget of another kind."""
        lease = self.leases.get(want.fresh)
        if lease is None:
            lease = self.leases.get(want.number)
            if lease is None or (lease.window, lease.hard) != (balance.window.id, budget.hard):
                lease = self.leases[want.fresh] = open_lease(budget, balance, self._epoch, want.fresh)
        assert lease.state == "open", "a lease that is done with is asked for"
        assert lease.budget == budget.id, "a lease of another budget is asked for"
        return lease

    def heard(self) -> tuple[Heard, ...]:
        """What there is to tell of each lease."""
        found: list[Heard] = []
        for leases, balances in ((self.leases, self._balances), (self._others, self._seen)):
            for number, lease in leases.items():
                budget = self._budgets[lease.budget]
                found.append(Heard(number, share(budget, balances[lease.budget, lease.window], self._workers), budget.hard))
        return tuple(found)

    def keep(self) -> None:
        """Write down what has changed."""
        tables, now = self._tables, self._tables.now_us
        alerts: list[Alert] = []
        for key, balance in self._balances.items():
            before = self._were[key]
            alerts += crossed(self._budgets[balance.budget], balance, before.spent + before.overage, now)
        tables.put_balances([each for key, each in self._balances.items() if each != self._were[key]])
        tables.put_leases([each for number, each in self.leases.items() if each != self._had.get(number)])
        tables.put_alerts(alerts)


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
