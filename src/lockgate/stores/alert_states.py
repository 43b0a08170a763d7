# ruff: noqa: S608 - no SQL here is put together of anything but the names of this file
"""`AlertStates`: how the alert rules over a log stand, and what they have found. Tables in the control store's database.

Machines that read one log share what stands here; those with a log of their own have rows of their own (`log`). Whoever claims
a moment is the one to look at it. A state is only changed by who has seen the last one, together with what follows from that,
so that nothing is found twice. What was found stays until it is told. Calls block, and raise `StoreError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from lockgate.stores.control.driver import Connection, Driver

#: A claim that lies further ahead than this, in µs, was made by a clock that has been set back.
FAR_US = 3600 * 1_000_000


class State(msgspec.Struct, frozen=True):
    """How a rule stands with one of those whom it tells apart (`who`, "": all together), as of `seen_us` (µs since the
    epoch)."""

    rule: str
    who: str
    seen_us: int
    body: bytes


class Finding(msgspec.Struct, frozen=True):
    """Something that somebody is to be told."""

    id: str
    made_us: int
    body: bytes


class AlertStates:
    """The states in a database. Threads may share it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __repr__(self) -> str:
        return f"AlertStates({self._driver})"

    def claim(self, log: str, at_us: int) -> bool:
        """Whether a moment is ours to look at: nobody else has looked at it, or at a later one."""
        with self._driver.writing() as connection:
            found = connection.rows("SELECT seen_us FROM alert_states WHERE log = ? AND rule = '' AND who = ''", (log,))
            if found and at_us <= found[0][0] <= at_us + FAR_US:
                return False
            _put(connection, log, State("", "", at_us, b""))
        return True

    def states(self, log: str, rule: str) -> list[State]:
        """How a rule stands, with all for whom there is anything to say."""
        with self._driver.reading() as connection:
            rows = connection.rows(
                "SELECT rule, who, seen_us, body FROM alert_states WHERE log = ? AND rule = ? ORDER BY who", (log, rule)
            )
        return [State(*row) for row in rows]

    def change(self, log: str, before: State | None, after: State | None, findings: Iterable[Finding] = ()) -> bool:
        """Put a state in another's place (None: there is none), with what was found; False, and nothing is changed: the one
        before is not there any more."""
        with self._driver.writing() as connection:
            one = before or after
            if one is None:
                return True
            found = connection.rows(f"SELECT seen_us FROM alert_states{_AT}", (log, one.rule, one.who))
            if [seen for (seen,) in found] != ([before.seen_us] if before is not None else []):
                return False
            if after is None:
                connection.run(f"DELETE FROM alert_states{_AT}", (log, one.rule, one.who))
            else:
                _put(connection, log, after)
            for each in findings:
                connection.run(
                    "INSERT INTO alert_findings (id, made_us, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                    (each.id, each.made_us, each.body),
                )
        return True

    def findings(self, limit: int) -> list[Finding]:
        """What nobody was told of yet, oldest first."""
        with self._driver.reading() as connection:
            rows = connection.rows("SELECT id, made_us, body FROM alert_findings ORDER BY made_us, id LIMIT ?", (limit,))
        return [Finding(*row) for row in rows]

    def told(self, ids: Sequence[str]) -> None:
        """Somebody was told of these."""
        with self._driver.writing() as connection:
            for id in ids:
                connection.run("DELETE FROM alert_findings WHERE id = ?", (id,))

    def forget(self, before_us: int) -> int:
        """Remove the states that nobody has looked at since: of rules that there are no more; how many."""
        with self._driver.writing() as connection:
            return connection.run("DELETE FROM alert_states WHERE seen_us < ?", (before_us,))

    def close(self) -> None:
        """Let go of the database."""
        self._driver.close()


_AT = " WHERE log = ? AND rule = ? AND who = ?"


def _put(connection: Connection, log: str, state: State) -> None:
    connection.run(
        "INSERT INTO alert_states (log, rule, who, seen_us, body) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (log, rule, who) DO UPDATE SET seen_us = excluded.seen_us, body = excluded.body",
        (log, state.rule, state.who, state.seen_us, state.body),
    )
