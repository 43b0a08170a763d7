"""The ledger's tables in SQL that SQLite and PostgreSQL share; where they differ, a `Speech` says how.

Checks in the schema are a second lock: rows that `policy.ledger` would never make cannot be written by anybody else either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from lockgate.policy.ledger import Alert, Balance, Budget, Lease
from lockgate.policy.window import Window
from lockgate.stores.ledger.ports import Duty, Epoch, Key, Orphan
from lockgate.stores.ports import StoreError

VERSION = 1

#: `SERIAL` stands for a number that the database counts up.
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS ledger_version (version BIGINT NOT NULL, id TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS ledger_epoch (
        number SERIAL, name TEXT NOT NULL, host TEXT NOT NULL, token TEXT NOT NULL,
        batch BIGINT NOT NULL, seq BIGINT NOT NULL, moved BIGINT NOT NULL, pool BIGINT NOT NULL, beat_us BIGINT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'swept', 'closed', 'pool', 'over', 'lost')))""",
    "CREATE INDEX IF NOT EXISTS ledger_epoch_open ON ledger_epoch (number) WHERE state <> 'closed'",
    """CREATE TABLE IF NOT EXISTS ledger_budget (id TEXT PRIMARY KEY, revision BIGINT NOT NULL, said TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS ledger_balance (
        budget TEXT NOT NULL, win TEXT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT,
        ceiling BIGINT NOT NULL, spent BIGINT NOT NULL CHECK (spent >= 0), reserved BIGINT NOT NULL CHECK (reserved >= 0),
        overage BIGINT NOT NULL CHECK (overage >= 0), PRIMARY KEY (budget, win), CHECK (spent + reserved <= ceiling))""",
    """CREATE TABLE IF NOT EXISTS ledger_lease (
        epoch BIGINT NOT NULL, number BIGINT NOT NULL, budget TEXT NOT NULL, win TEXT NOT NULL, hard BIGINT NOT NULL,
        granted BIGINT NOT NULL, posted BIGINT NOT NULL CHECK (posted BETWEEN 0 AND granted), told BIGINT NOT NULL,
        overage BIGINT NOT NULL CHECK (overage >= 0), state TEXT NOT NULL CHECK (state IN ('open', 'swept', 'closed')),
        PRIMARY KEY (epoch, number), CHECK (state = 'open' OR posted = granted))""",
    "CREATE INDEX IF NOT EXISTS ledger_lease_balance ON ledger_lease (budget, win)",
    "CREATE INDEX IF NOT EXISTS ledger_lease_closed ON ledger_lease (epoch) WHERE state = 'closed' AND epoch > 0",
    """CREATE TABLE IF NOT EXISTS ledger_orphan (
        id TEXT NOT NULL, attempt BIGINT NOT NULL, epoch BIGINT NOT NULL, number BIGINT NOT NULL, measure BIGINT NOT NULL,
        charged BIGINT NOT NULL, actual BIGINT, PRIMARY KEY (id, attempt, epoch, number))""",
    "CREATE INDEX IF NOT EXISTS ledger_orphan_lease ON ledger_orphan (epoch, number)",
    "CREATE INDEX IF NOT EXISTS ledger_orphan_doubtful ON ledger_orphan (id, attempt) WHERE actual IS NULL",
    "CREATE TABLE IF NOT EXISTS ledger_duty (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until_us BIGINT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS ledger_alert (
        budget TEXT NOT NULL, win TEXT NOT NULL, threshold BIGINT NOT NULL, cap BIGINT NOT NULL, spent BIGINT NOT NULL,
        at_us BIGINT NOT NULL, told BIGINT NOT NULL DEFAULT 0, PRIMARY KEY (budget, win, threshold))""",
)  # fmt: skip

Row = Sequence[Any]
_EPOCH = "SELECT number, name, host, token, batch, seq, moved, pool, beat_us, state FROM ledger_epoch "
_BALANCE = (
    "SELECT budget, win, start_us, end_us, ceiling, spent, reserved, overage FROM ledger_balance"
    " WHERE budget AMONG ? AND win AMONG ? ORDER BY budget, win"
)
_UNDER = (
    "SELECT budget, win, start_us, end_us, ceiling, spent, reserved, overage FROM ledger_balance"
    " WHERE budget BYTEWISE > ? AND budget BYTEWISE < ? AND win = ? ORDER BY budget BYTEWISE LIMIT ?"
)
_LEASES = "SELECT epoch, number, budget, win, hard, granted, posted, told, overage, state FROM ledger_lease "
_LEASE = _LEASES + "WHERE epoch = ? AND "


class Speech(msgspec.Struct, frozen=True):
    """How a database says what others say otherwise: a place for a value, being among a list of values, holding rows that are
    read until the end of the transaction; and how it takes lists, and compares texts byte by byte."""

    place: str
    among: str
    hold: str
    serial: str
    listed: Callable[[Sequence[Any]], Any]
    bytewise: str

    def say(self, sql: str) -> str:
        """The statement as this database takes it."""
        return (
            sql.replace("AMONG ?", self.among)
            .replace("?", self.place)
            .replace("FOR UPDATE", self.hold)
            .replace("SERIAL", self.serial)
            .replace("BYTEWISE", self.bytewise)
        )


class SqlTables:
    """The `Tables` of one transaction. `run` runs a statement and gives its rows; `many` runs one for many rows of values."""

    def __init__(
        self,
        speech: Speech,
        run: Callable[[str, Sequence[Any]], Sequence[Row]],
        many: Callable[[str, Sequence[Sequence[Any]]], None],
        now_us: int,
    ) -> None:
        self._speech = speech
        self._run_said = run
        self._many_said = many
        self.now_us = now_us

    @property
    def id(self) -> str:
        return self._run("SELECT id FROM ledger_version")[0][0]

    def enroll(self, epoch: Epoch) -> int:
        sql = (
            "INSERT INTO ledger_epoch (name, host, token, batch, seq, moved, pool, beat_us, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number"
        )
        return self._run(sql, *msgspec.structs.astuple(epoch)[1:])[0][0]

    def epoch(self, number: int) -> Epoch | None:
        rows = self._run(_EPOCH + "WHERE number = ? FOR UPDATE", number)
        return Epoch(*rows[0]) if rows else None

    def put_epoch(self, epoch: Epoch) -> None:
        sql = "UPDATE ledger_epoch SET batch = ?, seq = ?, moved = ?, pool = ?, beat_us = ?, state = ? WHERE number = ?"
        self._many(sql, [(epoch.batch, epoch.seq, epoch.moved, epoch.pool, epoch.beat_us, epoch.state, epoch.number)])

    def epochs(self) -> list[Epoch]:
        return [Epoch(*row) for row in self._run(_EPOCH + "WHERE state <> 'closed' ORDER BY number")]

    def budgets(self, ids: Iterable[str]) -> dict[str, Budget]:
        rows = self._run("SELECT id, said FROM ledger_budget WHERE id AMONG ?", sorted(ids))
        return {id: _budget(id, said) for id, said in rows}

    def put_budgets(self, budgets: Sequence[Budget]) -> None:
        sql = (
            "INSERT INTO ledger_budget (id, revision, said) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET revision = excluded.revision, said = excluded.said WHERE ledger_budget.revision <= excluded.revision"
        )
        rows = [(each.id, each.revision, msgspec.json.encode(each).decode()) for each in budgets]
        self._many(sql, sorted(rows))

    def windows(self, keys: Iterable[Key]) -> dict[Key, Window]:
        return {key: balance.window for key, balance in self.peek(keys).items()}

    def balances(self, windows: Mapping[Key, Window]) -> dict[Key, Balance]:
        found = self._balances(windows, " FOR UPDATE")
        missing = [(key[0], key[1], each.start_us, each.end_us) for key, each in windows.items() if key not in found]
        if missing:
            sql = (
                "INSERT INTO ledger_balance (budget, win, start_us, end_us, ceiling, spent, reserved, overage)"
                " VALUES (?, ?, ?, ?, 0, 0, 0, 0) ON CONFLICT DO NOTHING"
            )
            self._many(sql, sorted(missing))
            found = self._balances(windows, " FOR UPDATE")
        return found

    def peek(self, keys: Iterable[Key]) -> dict[Key, Balance]:
        return self._balances(keys, "")

    def under(self, prefix: str, window: str, after: str, limit: int) -> list[Balance]:
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return [_balance(row) for row in self._run(_UNDER, max(after, prefix), end, window, limit)]

    def put_balances(self, balances: Sequence[Balance]) -> None:
        sql = "UPDATE ledger_balance SET ceiling = ?, spent = ?, reserved = ?, overage = ? WHERE budget = ? AND win = ?"
        self._many(sql, [(b.ceiling, b.spent, b.reserved, b.overage, b.budget, b.window.id) for b in balances])

    def leases(self, epoch: int, numbers: Iterable[int] | None = None) -> dict[int, Lease]:
        if numbers is None:
            rows = self._run(_LEASE + "state <> 'closed'", epoch)
        else:
            rows = self._run(_LEASE + "number AMONG ?", epoch, sorted(numbers))
        return {row[1]: _lease(row) for row in rows}

    def put_leases(self, leases: Sequence[Lease]) -> None:
        sql = (
            "INSERT INTO ledger_lease (epoch, number, budget, win, hard, granted, posted, told, overage, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (epoch, number) DO UPDATE SET granted = excluded.granted,"
            " posted = excluded.posted, told = excluded.told, overage = excluded.overage, state = excluded.state"
        )
        rows = [_row(lease) for lease in leases]
        self._many(sql, rows)

    def put_orphans(self, orphans: Sequence[Orphan]) -> None:
        sql = (
            "INSERT INTO ledger_orphan (id, attempt, epoch, number, measure, charged, actual) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id, attempt, epoch, number) DO UPDATE SET actual = excluded.actual"
        )
        self._many(sql, [(o.id, o.attempt, o.epoch, o.number, o.measure, o.charged, o.actual) for o in orphans])

    def doubtful(self, after: tuple[str, int], limit: int) -> list[tuple[str, int]]:
        sql = (
            "SELECT DISTINCT id, attempt FROM ledger_orphan WHERE actual IS NULL AND (id, attempt) > (?, ?)"
            " ORDER BY id, attempt LIMIT ?"
        )
        return [(row[0], row[1]) for row in self._run(sql, *after, limit)]

    def orphans(self, id: str, attempt: int) -> list[Orphan]:
        sql = (
            "SELECT id, attempt, epoch, number, measure, charged, actual FROM ledger_orphan"
            " WHERE id = ? AND attempt = ? AND actual IS NULL ORDER BY epoch, number FOR UPDATE"
        )
        return [Orphan(*row) for row in self._run(sql, id, attempt)]

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        sql = (
            "INSERT INTO ledger_alert (budget, win, threshold, cap, spent, at_us) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (budget, win, threshold) DO NOTHING"
        )
        self._many(sql, [(a.budget, a.window, a.threshold, a.cap, a.spent, a.at_us) for a in alerts])

    def alerts(self, limit: int) -> list[Alert]:
        sql = (
            "SELECT budget, win, threshold, cap, spent, at_us FROM ledger_alert WHERE told = 0"
            " ORDER BY at_us, budget, threshold LIMIT ?"
        )
        return [Alert(*row) for row in self._run(sql, limit)]

    def crossed(self, budgets: Iterable[str]) -> set[tuple[str, str, int]]:
        rows = self._run("SELECT budget, win, threshold FROM ledger_alert WHERE budget AMONG ?", sorted(budgets))
        return {(budget, win, threshold) for budget, win, threshold in rows}

    def told(self, alerts: Sequence[Alert]) -> None:
        sql = "UPDATE ledger_alert SET told = 1 WHERE budget = ? AND win = ? AND threshold = ?"
        self._many(sql, [(a.budget, a.window, a.threshold) for a in alerts])

    def prune(self, before_us: int) -> int:
        old = self._run(
            "SELECT budget, win FROM ledger_balance b WHERE end_us < ? AND NOT EXISTS (SELECT 1 FROM ledger_lease l"
            " WHERE l.budget = b.budget AND l.win = b.win AND l.state <> 'closed')",
            before_us,
        )
        keys = [(row[0], row[1]) for row in old]
        self._many(
            "DELETE FROM ledger_orphan WHERE EXISTS (SELECT 1 FROM ledger_lease l WHERE l.epoch = ledger_orphan.epoch"
            " AND l.number = ledger_orphan.number AND l.budget = ? AND l.win = ?)",
            keys,
        )
        for sql in (
            "DELETE FROM ledger_lease WHERE budget = ? AND win = ?",
            "DELETE FROM ledger_alert WHERE budget = ? AND win = ?",
            "DELETE FROM ledger_balance WHERE budget = ? AND win = ?",
        ):
            self._many(sql, keys)
        return len(keys)

    def give_up(self, before_us: int) -> None:
        sql = (
            "DELETE FROM ledger_orphan WHERE epoch IN"
            " (SELECT number FROM ledger_epoch WHERE state = 'closed' AND beat_us < ?) RETURNING epoch"
        )
        self._run(sql, before_us)
        self._run("DELETE FROM ledger_epoch WHERE state = 'closed' AND beat_us < ? RETURNING number", before_us)

    def closed(self, limit: int) -> list[Lease]:
        doubtful = (
            "(SELECT 1 FROM ledger_orphan o WHERE o.epoch = ledger_lease.epoch AND o.number = ledger_lease.number"
            " AND o.actual IS NULL)"
        )
        sql = _LEASES + "WHERE state = 'closed' AND epoch > 0 AND NOT EXISTS " + doubtful + " LIMIT ? FOR UPDATE"
        return [_lease(row) for row in self._run(sql, limit)]

    def common(self, epoch: int, keys: Iterable[Key]) -> dict[Key, Lease]:
        wanted = sorted(set(keys))
        sql = _LEASE + "budget AMONG ? AND win AMONG ? FOR UPDATE"
        rows = self._run(sql, epoch, sorted({key[0] for key in wanted}), sorted({key[1] for key in wanted}))
        found = {(lease.budget, lease.window): lease for lease in map(_lease, rows)}
        last = self._run("SELECT coalesce(max(number), 0) FROM ledger_lease WHERE epoch = ?", epoch)[0][0]
        for key in wanted:
            if key not in found:
                last += 1
                found[key] = Lease(epoch, last, *key, hard=True)
        return {key: found[key] for key in wanted}

    def forget(self, leases: Sequence[Lease]) -> None:
        self._many("DELETE FROM ledger_lease WHERE epoch = ? AND number = ?", [(each.epoch, each.number) for each in leases])

    def duty(self, name: str) -> Duty | None:
        rows = self._run("SELECT name, holder, until_us FROM ledger_duty WHERE name = ? FOR UPDATE", name)
        return Duty(*rows[0]) if rows else None

    def put_duty(self, duty: Duty) -> None:
        sql = (
            "INSERT INTO ledger_duty (name, holder, until_us) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
            " SET holder = excluded.holder, until_us = excluded.until_us"
        )
        self._many(sql, [(duty.name, duty.holder, duty.until_us)])

    def everything(self) -> tuple[list[Balance], list[Lease], list[Orphan]]:
        balances = self._run("SELECT budget, win, start_us, end_us, ceiling, spent, reserved, overage FROM ledger_balance")
        leases = self._run(_LEASES)
        orphans = self._run("SELECT id, attempt, epoch, number, measure, charged, actual FROM ledger_orphan")
        return (
            [_balance(row) for row in balances],
            [_lease(row) for row in leases],
            [Orphan(*row) for row in orphans],
        )

    def _balances(self, keys: Iterable[Key], hold: str) -> dict[Key, Balance]:
        wanted = set(keys)
        if not wanted:
            return {}
        rows = self._run(_BALANCE + hold, sorted({key[0] for key in wanted}), sorted({key[1] for key in wanted}))
        return {key: _balance(row) for row in rows if (key := (row[0], row[1])) in wanted}

    def _run(self, sql: str, *values: Any) -> Sequence[Row]:
        taken = [self._speech.listed(value) if isinstance(value, list) else value for value in values]
        return self._run_said(self._speech.say(sql), taken)

    def _many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            self._many_said(self._speech.say(sql), rows)


def check_version(found: Sequence[Row], where: str) -> bool:
    """Whether the tables were there already, by their version. Raises `StoreError` for tables of a later release."""
    if not found:
        return False
    if found[0][0] != VERSION:
        raise StoreError(f"{where}: the ledger was written by a later release (version {found[0][0]}, not {VERSION})")
    return True


def _budget(id: str, said: str) -> Budget:
    try:
        return msgspec.json.decode(said, type=Budget)
    except msgspec.DecodeError as error:  # a time zone that is not known on this machine
        raise StoreError(f"the budget {id} cannot be read here: {error}") from None


def _balance(row: Row) -> Balance:
    return Balance(row[0], Window(row[1], row[2], row[3]), *row[4:])


def _lease(row: Row) -> Lease:
    epoch, number, budget, win, hard, *rest = row
    return Lease(epoch, number, budget, win, bool(hard), *rest)


def _row(lease: Lease) -> Row:
    epoch, number, budget, win, hard, *rest = msgspec.structs.astuple(lease)
    return (epoch, number, budget, win, int(hard), *rest)
