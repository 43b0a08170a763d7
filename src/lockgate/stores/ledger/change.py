"""A change of the ledger: the rows that one transaction is about, changed in memory by `policy.ledger` and kept together."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import msgspec

from lockgate.policy.ledger import (
    Alert,
    Allotment,
    Balance,
    Budget,
    Contradiction,
    Lease,
    Short,
    Want,
    crossed,
    give_back,
    grant,
    open_lease,
    refuse,
    share,
    write,
)
from lockgate.policy.pool import Filled, Move, pool_size, put_in, take_out
from lockgate.policy.teller import Flush
from lockgate.stores.ledger.ports import Epoch, Tables

#: Who is not heard for so long, in µs, does not count among those who share a budget, and is swept.
SILENT_US = 30_000_000
#: Wants that are granted together or not at all; or news.
Op = tuple[Want, ...] | Flush
#: What became of it: lease by lease, or why not; nothing to say of news.
Result = tuple[Allotment, ...] | Short | None


class Heard(msgspec.Struct, frozen=True):
    """What a worker may have of the rest of a budget it has a lease of, and whether that is hard."""

    number: int
    share: int
    hard: bool


class Change:
    """The rows that a transaction is about, changed in memory and kept together.

    It is about the leases that `ops` name; or those of `numbers`; or all of the epoch's that are not closed; and those that
    `moves` name. Those of `beat` are looked at besides. `fill`: the generation of which pools may be filled.
    """

    def __init__(
        self,
        tables: Tables,
        epoch: int,
        ops: Sequence[Op] | None = None,
        beat: Sequence[int] = (),
        numbers: set[int] | None = None,
        moves: Sequence[Move] = (),
        fill: int = 0,
        silent_us: int = SILENT_US,
    ) -> None:
        self._tables = tables
        self._epoch = epoch
        self._moves = moves
        wants = [want for op in ops or () if not isinstance(op, Flush) for want in op]
        lines = [line for op in ops or () if isinstance(op, Flush) for line in op.lines]
        if ops is not None:
            numbers = {line.number for line in lines} | {want.number for want in wants} | {want.fresh for want in wants}
        if numbers is not None:
            numbers |= {move.number for move in moves}
        leases = tables.leases(epoch, None if numbers is None else numbers.union(beat))
        # A generation's leases are everybody's: whoever changes them holds its epoch.
        pools = [row for number in sorted({move.pool for move in moves} | {fill} - {0}) if (row := tables.epoch(number))]
        self._sources = {
            (row.number, number): lease
            for row in pools
            for number, lease in tables.leases(row.number, {each.source for each in moves if each.pool == row.number}).items()
        }
        ids = {lease.budget for lease in (*leases.values(), *self._sources.values())} | {want.budget.id for want in wants}
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
        windows = tables.windows({(lease.budget, lease.window) for lease in (*self.leases.values(), *self._sources.values())})
        windows |= {(id, window.id): window for id, window in self._current.items()}
        self._balances = tables.balances(windows)
        # The balances are ours alone now: a cap that was changed until then is seen, one that is changed later waits.
        self._budgets = tables.budgets(ids)
        self._others = {number: lease for number, lease in leases.items() if number not in self.leases}
        self._seen = tables.peek({(lease.budget, lease.window) for lease in self._others.values()}) if self._others else {}
        self._were = {key: copy(balance) for key, balance in self._balances.items()}
        self._had = {number: copy(lease) for number, lease in self.leases.items()}
        self._filling: dict[str, Lease] = {}
        if any(row.number == fill and row.state == "pool" for row in pools):
            keys = [(want.budget.id, self._current[want.budget.id].id) for want in wants if self._budgets[want.budget.id].hard]
            for (id, _), lease in tables.common(fill, keys).items():
                self._filling[id] = self._sources.setdefault((fill, lease.number), lease)
        self._held = {at: copy(lease) for at, lease in self._sources.items()}
        epochs = tables.epochs() if ops is not None else []
        #: The generation of the pool that is in use; 0: there is none.
        self.pool = max((each.number for each in epochs if each.state == "pool"), default=0)
        since = tables.now_us - silent_us
        self.workers = max(1, sum(each.beat_us >= since for each in epochs if each.state == "open"))

    def of(self, lease: Lease) -> Balance:
        """The balance of a lease."""
        return self._balances[lease.budget, lease.window]

    def move(self, row: Epoch) -> None:
        """Apply what the worker has taken out of pools, as far as that is news."""
        for move in self._moves:
            if move.seq <= row.moved:
                continue
            row.moved = move.seq
            source = self._sources.get((move.pool, move.source))
            if source is None or source.state != "open":
                raise Contradiction("something was taken out of a pool that is closed")
            take_out(source, move.amount)
            balance = self.of(source)
            if not move.number:
                balance.reserved -= move.amount
                continue
            lease = self.leases.get(move.number)
            if lease is None:
                lease = self.leases[move.number] = Lease(self._epoch, move.number, source.budget, source.window, hard=True)
            if (lease.budget, lease.window, lease.hard) != (source.budget, source.window, True):
                raise Contradiction("something was taken out of a pool for a lease of another budget")
            put_in(lease, balance, move.amount)

    def fill(self, wants: Sequence[Want]) -> tuple[Filled, ...]:
        """Put something into the pools of budgets that a worker has just been granted something of."""
        found: list[Filled] = []
        for want in wants:
            lease = self._filling.pop(want.budget.id, None)
            if lease is None:
                continue
            budget, balance = self._budgets[want.budget.id], self.of(lease)
            amount = pool_size(balance.room(budget), self.workers, want.need, want.want) - lease.granted
            if amount > 0:
                balance.ceiling = max(balance.ceiling, budget.cap)
                balance.reserved += amount
                lease.granted += amount
                rest = share(budget, balance, self.workers)
                found.append(Filled(budget, lease.window, lease.number, amount, rest))
        return tuple(found)

    def apply(self, op: Op, row: Epoch) -> Result:
        """Apply one operation of a batch."""
        if isinstance(op, Flush):
            for line in op.lines:
                lease = self._named(line.number)
                write(line, lease, self.of(lease))
            row.seq = op.seq
            return None
        return self._grant(op)

    def _grant(self, wants: Sequence[Want]) -> tuple[Allotment, ...] | Short:
        """Grant all wants or none; what is given back stays given back."""
        for want in wants:
            if want.give:
                lease = self._named(want.number)
                give_back(lease, self.of(lease), want.give)
        for want in wants:
            budget = self._budgets[want.budget.id]
            short = refuse(budget, self._balance(want), want.need)
            if short is not None:
                return short
        granted: list[Allotment] = []
        for want in wants:
            budget, balance = self._budgets[want.budget.id], self._balance(want)
            granted.append(grant(budget, balance, self._lease(want, budget, balance), want, self.workers))
        return tuple(granted)

    def _named(self, number: int) -> Lease:
        lease = self.leases.get(number)
        if lease is None:
            raise Contradiction(f"nobody knows of the lease {number}")
        return lease

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
        if lease.state != "open" or lease.budget != budget.id:
            raise Contradiction("a lease that is done with is asked for, or one of another budget")
        return lease

    def heard(self) -> tuple[Heard, ...]:
        """What there is to tell of each lease."""
        found: list[Heard] = []
        for leases, balances in ((self.leases, self._balances), (self._others, self._seen)):
            for number, lease in leases.items():
                budget = self._budgets[lease.budget]
                found.append(Heard(number, share(budget, balances[lease.budget, lease.window], self.workers), budget.hard))
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
        tables.put_leases([each for at, each in self._sources.items() if each != self._held[at]])
        tables.put_alerts(alerts)
