"""The ledger's tables in memory: for tests, and for a single process that may forget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from secrets import token_hex

import msgspec

from lockgate.policy.ledger import Alert, Balance, Budget, Lease
from lockgate.policy.window import Window
from lockgate.stores.ledger.ports import Duty, Epoch, Key, Orphan


class _Rows(msgspec.Struct):
    """Everything there is."""

    epochs: dict[int, Epoch] = {}
    budgets: dict[str, Budget] = {}
    balances: dict[Key, Balance] = {}
    leases: dict[tuple[int, int], Lease] = {}
    orphans: dict[tuple[str, int, int, int], Orphan] = {}
    alerts: dict[tuple[str, str, int], tuple[Alert, bool]] = {}
    duties: dict[str, Duty] = {}
    last: int = 0
    id: str = msgspec.field(default_factory=lambda: token_hex(16))

    def copied(self) -> _Rows:
        """The same rows in tables of their own: a row that may be changed is copied when it is read."""
        return _Rows(
            dict(self.epochs),
            dict(self.budgets),
            dict(self.balances),
            dict(self.leases),
            dict(self.orphans),
            dict(self.alerts),
            dict(self.duties),
            self.last,
            self.id,
        )


class MemoryLedger:
    """A `Database`. `clock` gives µs since the epoch."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._rows = _Rows()
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryLedger({len(self._rows.balances)} balances, {len(self._rows.leases)} leases)"

    @contextmanager
    def transaction(self) -> Generator[MemoryTables, None, None]:
        with self._turn:
            tables = MemoryTables(self._rows.copied(), self._clock())
            yield tables
            self._rows = tables.rows

    def reading(self) -> AbstractContextManager[MemoryTables]:
        """See `Database`."""
        return self.transaction()

    def interrupt(self) -> None:
        """Nothing here takes long."""

    def close(self) -> None:
        """Nothing is held."""


class MemoryTables:
    """The `Tables` of one transaction."""

    def __init__(self, rows: _Rows, now_us: int) -> None:
        self.rows = rows
        self.now_us = now_us

    @property
    def id(self) -> str:
        return self.rows.id

    def enroll(self, epoch: Epoch) -> int:
        self.rows.last = epoch.number = self.rows.last + 1
        self.rows.epochs[epoch.number] = epoch
        return epoch.number

    def epoch(self, number: int) -> Epoch | None:
        return copy(self.rows.epochs.get(number))

    def put_epoch(self, epoch: Epoch) -> None:
        self.rows.epochs[epoch.number] = epoch

    def epochs(self) -> list[Epoch]:
        return [each for each in self.rows.epochs.values() if each.state != "closed"]

    def budgets(self, ids: Iterable[str]) -> dict[str, Budget]:
        return {id: self.rows.budgets[id] for id in ids if id in self.rows.budgets}

    def put_budgets(self, budgets: Sequence[Budget]) -> None:
        for budget in budgets:
            old = self.rows.budgets.get(budget.id)
            if old is None or old.revision <= budget.revision:
                self.rows.budgets[budget.id] = budget

    def windows(self, keys: Iterable[Key]) -> dict[Key, Window]:
        return {key: self.rows.balances[key].window for key in keys}

    def balances(self, windows: Mapping[Key, Window]) -> dict[Key, Balance]:
        for key, window in windows.items():
            self.rows.balances.setdefault(key, Balance(key[0], window))
        return {key: copy(self.rows.balances[key]) for key in windows}

    def peek(self, keys: Iterable[Key]) -> dict[Key, Balance]:
        return {key: copy(self.rows.balances[key]) for key in keys if key in self.rows.balances}

    def under(self, prefix: str, window: str, after: str, limit: int) -> list[Balance]:
        found = [key for key in self.rows.balances if key[0].startswith(prefix) and key[0] > after and key[1] == window]
        return [copy(self.rows.balances[key]) for key in sorted(found)[:limit]]

    def put_balances(self, balances: Sequence[Balance]) -> None:
        for each in balances:
            self.rows.balances[each.budget, each.window.id] = each

    def leases(self, epoch: int, numbers: Iterable[int] | None = None) -> dict[int, Lease]:
        leases = self.rows.leases
        if numbers is None:
            return {at[1]: copy(each) for at, each in leases.items() if at[0] == epoch and each.state != "closed"}
        return {number: copy(leases[epoch, number]) for number in sorted(numbers) if (epoch, number) in leases}

    def put_leases(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            self.rows.leases[lease.epoch, lease.number] = lease

    def put_orphans(self, orphans: Sequence[Orphan]) -> None:
        for each in orphans:
            self.rows.orphans[each.id, each.attempt, each.epoch, each.number] = each

    def doubtful(self, after: tuple[str, int], limit: int) -> list[tuple[str, int]]:
        found = {(each.id, each.attempt) for each in self.rows.orphans.values() if each.actual is None}
        return sorted(each for each in found if each > after)[:limit]

    def orphans(self, id: str, attempt: int) -> list[Orphan]:
        orphans = self.rows.orphans.values()
        return [copy(each) for each in orphans if (each.id, each.attempt, each.actual) == (id, attempt, None)]

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self.rows.alerts.setdefault((alert.budget, alert.window, alert.threshold), (alert, False))

    def alerts(self, limit: int) -> list[Alert]:
        return [alert for alert, told in self.rows.alerts.values() if not told][:limit]

    def crossed(self, budgets: Iterable[str]) -> set[tuple[str, str, int]]:
        wanted = set(budgets)
        return {key for key in self.rows.alerts if key[0] in wanted}

    def told(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self.rows.alerts[alert.budget, alert.window, alert.threshold] = (alert, True)

    def prune(self, before_us: int) -> int:
        rows = self.rows
        old = {key for key, each in rows.balances.items() if each.window.end_us is not None and each.window.end_us < before_us}
        old -= {(lease.budget, lease.window) for lease in rows.leases.values() if lease.state != "closed"}
        gone = {at for at, lease in rows.leases.items() if (lease.budget, lease.window) in old}
        for at in gone:
            del rows.leases[at]
        for key in old:
            del rows.balances[key]
        for at in [at for at, each in rows.orphans.items() if (each.epoch, each.number) in gone]:
            del rows.orphans[at]
        for at in [at for at in rows.alerts if at[:2] in old]:
            del rows.alerts[at]
        return len(old)

    def give_up(self, before_us: int) -> None:
        rows = self.rows
        over = {each.number for each in rows.epochs.values() if each.state == "closed" and each.beat_us < before_us}
        for number in over:
            del rows.epochs[number]
        for at in [at for at, each in rows.orphans.items() if each.epoch in over]:
            del rows.orphans[at]

    def closed(self, limit: int) -> list[Lease]:
        doubtful = {(each.epoch, each.number) for each in self.rows.orphans.values() if each.actual is None}
        leases = (each for each in self.rows.leases.values() if each.epoch and each.state == "closed")
        return [copy(each) for each in leases if (each.epoch, each.number) not in doubtful][:limit]

    def common(self, epoch: int, keys: Iterable[Key]) -> dict[Key, Lease]:
        found = {(each.budget, each.window): copy(each) for each in self.rows.leases.values() if each.epoch == epoch}
        for key in keys:
            if key not in found:
                number = 1 + max((each.number for each in found.values()), default=0)
                found[key] = Lease(epoch, number, *key, hard=True)
        return {key: found[key] for key in keys}

    def forget(self, leases: Sequence[Lease]) -> None:
        for each in leases:
            del self.rows.leases[each.epoch, each.number]

    def duty(self, name: str) -> Duty | None:
        return copy(self.rows.duties.get(name))

    def put_duty(self, duty: Duty) -> None:
        self.rows.duties[duty.name] = duty

    def everything(self) -> tuple[list[Balance], list[Lease], list[Orphan]]:
        return list(self.rows.balances.values()), list(self.rows.leases.values()), list(self.rows.orphans.values())
