"""What the ledger asks of a database: a few tables, and transactions. Calls block; they are made in a thread of their own.

All that may happen to the rows is decided in `policy.ledger` and put together in `stores.ledger.book`; a database only keeps
them. So all databases behave alike, and each is a hundred lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Literal, Protocol

import msgspec

from lockgate.policy.ledger import Alert, Balance, Budget, Lease
from lockgate.policy.window import Window
from lockgate.stores.ports import StoreError

#: One budget in one window.
Key = tuple[str, str]


class Uncertain(StoreError):
    """The store broke off while it committed: whether it did has to be asked."""


class Fenced(Exception):
    """The epoch is over: somebody took the worker for dead. It may close its leases, and needs another epoch to go on."""


class Epoch(msgspec.Struct):
    """One worker, from its start to its end.

    `name` says for people who it is, `host` where its journal can be read, and `token`, in both, that the journal is of this
    epoch and not of one with the same number in another database. `batch` is the last batch of operations that was applied,
    `seq` the last posting that is in its leases, `moved` the last move, `beat_us` when it was last heard. It takes nothing from
    generations of the pool before `pool`, and all that it took from those is told.

    A pool's generation is an epoch as well, which nobody's journal tells of: "pool" while it is the one in use; "over" until
    all workers have said that they take nothing from it; "lost" likewise, but what it holds then is charged, because a worker
    is gone that may have taken it.
    """

    number: int
    name: str
    host: str
    token: str = ""
    batch: int = 0
    seq: int = 0
    moved: int = 0
    pool: int = 0
    beat_us: int = 0
    state: Literal["open", "swept", "closed", "pool", "over", "lost"] = "open"

    @property
    def is_pool(self) -> bool:
        """Whether it is a generation of the pool, and not closed."""
        return self.state in ("pool", "over", "lost")


class Orphan(msgspec.Struct):
    """What was charged to a lease by estimate for an attempt whose worker died. `actual` is the truth, once it is known."""

    id: str
    attempt: int
    epoch: int
    number: int
    measure: int
    charged: int
    actual: int | None = None


class Duty(msgspec.Struct):
    """What one process does for all that share the ledger: `holder` has it until then (µs since the epoch)."""

    name: str
    holder: str
    until_us: int


class Tables(Protocol):
    """The rows, in a transaction. What is read for a change stays as it is until the end."""

    @property
    def now_us(self) -> int:
        """The ledger's time, the same for all workers: µs since the epoch."""
        ...

    def enroll(self, epoch: Epoch) -> int:
        """A new epoch; its number, which is higher than any before."""
        ...

    def epoch(self, number: int) -> Epoch | None:
        """One epoch, to be changed."""
        ...

    def put_epoch(self, epoch: Epoch) -> None: ...

    def epochs(self) -> list[Epoch]:
        """Those that are not closed, oldest first."""
        ...

    def budgets(self, ids: Iterable[str]) -> dict[str, Budget]: ...

    def put_budgets(self, budgets: Sequence[Budget]) -> None:
        """Keep each unless a higher revision is there."""
        ...

    def balances(self, windows: Mapping[Key, Window]) -> dict[Key, Balance]:
        """Balances, to be changed; those that were not there are there now, with nothing in them."""
        ...

    def peek(self, keys: Iterable[Key]) -> dict[Key, Balance]:
        """Those balances that there are, as they are now, not to be changed."""
        ...

    def under(self, prefix: str, window: str, after: str, limit: int) -> list[Balance]:
        """Balances in a window of budgets whose ids begin so and come after one, in the order of their ids; as they are now."""
        ...

    def put_balances(self, balances: Sequence[Balance]) -> None: ...

    def leases(self, epoch: int, numbers: Iterable[int] | None = None) -> dict[int, Lease]:
        """Leases of an epoch, to be changed: those of these numbers that are there, or all that are not closed."""
        ...

    def put_leases(self, leases: Sequence[Lease]) -> None: ...

    def windows(self, keys: Iterable[Key]) -> dict[Key, Window]:
        """The windows of balances that are there."""
        ...

    def put_orphans(self, orphans: Sequence[Orphan]) -> None: ...

    def doubtful(self, after: tuple[str, int], limit: int) -> list[tuple[str, int]]:
        """The attempts (id and number) that are charged by estimate and not corrected: those that come after, in this order."""
        ...

    def orphans(self, id: str, attempt: int) -> list[Orphan]:
        """What was charged for an attempt and is not corrected, to be changed."""
        ...

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """Keep those that are new: of a budget, in a window, at a threshold."""
        ...

    def crossed(self, budgets: Iterable[str]) -> set[tuple[str, str, int]]:
        """The thresholds that budgets have crossed: (budget, window, threshold)."""
        ...

    def alerts(self, limit: int) -> list[Alert]:
        """Those that nobody was told yet, oldest first."""
        ...

    @property
    def id(self) -> str:
        """A name of this ledger, like no other's."""
        ...

    def told(self, alerts: Sequence[Alert]) -> None:
        """Somebody was."""
        ...

    def prune(self, before_us: int) -> int:
        """Forget balances whose window ended before, with their closed leases, orphans and alerts; how many balances."""
        ...

    def give_up(self, before_us: int) -> None:
        """Forget epochs that ended and were last heard before, and their orphans: nobody will know better any more."""
        ...

    def closed(self, limit: int) -> list[Lease]:
        """Leases that are closed, and on which nothing was charged that may still be corrected; to be changed."""
        ...

    def common(self, epoch: int, keys: Iterable[Key]) -> dict[Key, Lease]:
        """The leases of an epoch that has one for each balance, to be changed: of a pool; or of epoch 0, which is nobody's and
        stands for those that were forgotten. Those that were not there begin with nothing in them."""
        ...

    def forget(self, leases: Sequence[Lease]) -> None: ...

    def duty(self, name: str) -> Duty | None:
        """Who has a duty, to be changed."""
        ...

    def put_duty(self, duty: Duty) -> None: ...

    def everything(self) -> tuple[list[Balance], list[Lease], list[Orphan]]:
        """All rows, for an audit."""
        ...


class Database(Protocol):
    """Where the tables are."""

    def transaction(self) -> AbstractContextManager[Tables]:
        """A transaction: committed at the end of the block, and durable then; undone when the block raises. Raises `StoreError`
        where nothing was changed, `Uncertain` where that is not known. Waits no longer than the deadline it was opened with."""
        ...

    def reading(self) -> AbstractContextManager[Tables]:
        """A transaction in which nothing is changed: what is committed, of one moment. It waits for nobody who writes. Raises
        `StoreError`."""
        ...

    def interrupt(self) -> None:
        """Break off what is under way; may be called from any thread, at any time."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
