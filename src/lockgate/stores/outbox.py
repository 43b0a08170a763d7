# ruff: noqa: S608 - no SQL here is put together of anything but the names of this file
"""`Outbox`: what is to be told to somebody outside, kept until it was. A table in the control store's database.

An item is put in once, however often it is found: its id, channel and address are its key, and it stays for some days after it
was sent. Whoever sends takes items for a time; where he does not come back, they are another's. So what was put in is sent at
least once, and twice only when somebody dies between the sending and saying so. Calls block, and raise `StoreError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from lockgate.stores.control.driver import Connection, Driver

State = Literal["waiting", "sent", "given up"]

#: Items that wait, at most.
MOST = 10_000
#: What is to be tried later than this from now on, in µs, was written down by a clock that has been set back: it is due.
FAR_US = 2 * 3600 * 1_000_000
_COLUMNS = "id, channel, address, body, made_us, due_us, tries, state, why"


class Item(msgspec.Struct, frozen=True):
    """Something for somebody. Times are µs since the epoch. `due_us`: when it is to be tried next, or by when whoever has it
    must have come back. `why`: what went wrong the last time."""

    id: str
    channel: str
    address: str
    body: bytes
    made_us: int
    due_us: int = 0
    tries: int = 0
    state: State = "waiting"
    why: str = ""

    def __repr__(self) -> str:
        return f"Item({self.id} for {self.channel}, {self.state}, {self.tries} tries)"


class Outbox:
    """The items in a database; at most `most` that wait. Threads may share it."""

    def __init__(self, driver: Driver, *, most: int = MOST) -> None:
        self._driver = driver
        self._most = most

    def __repr__(self) -> str:
        return f"Outbox({self._driver})"

    def put(self, items: Sequence[Item]) -> bool:
        """Put items in that are not there yet: all, or none where there is no room (False)."""
        with self._driver.writing() as connection:
            new = [item for item in items if not _there(connection, item)]
            waiting = connection.rows("SELECT count(*) FROM outbox WHERE state = 'waiting'")[0][0]
            if new and waiting + len(new) > self._most:
                return False
            for item in new:
                connection.run(
                    f"INSERT INTO outbox ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    msgspec.structs.astuple(item),
                )
        return True

    def due(self, now_us: int) -> set[str]:
        """The channels for which something is to be sent."""
        with self._driver.reading() as connection:
            found = connection.rows(f"SELECT DISTINCT channel FROM outbox WHERE {_DUE}", (now_us, now_us + FAR_US))
        return {channel for (channel,) in found}

    def take(self, channels: Iterable[str], now_us: int, until_us: int, limit: int) -> list[Item]:
        """Items that are due for some channels, oldest first; until `until_us` they are nobody else's."""
        names = sorted(channels)
        with self._driver.writing() as connection:
            rows = connection.rows(
                f"SELECT {_COLUMNS} FROM outbox WHERE {_DUE}"
                f" AND channel IN ({', '.join('?' * len(names))}) ORDER BY due_us, id, channel, address LIMIT ?",
                (now_us, now_us + FAR_US, *names, limit),
            )
            items = [msgspec.structs.replace(_item(row), due_us=until_us) for row in rows]
            for item in items:
                connection.run(f"UPDATE outbox SET due_us = ?{_KEY}", (until_us, *_key(item)))
        return items

    def sent(self, item: Item) -> None:
        """It has arrived."""
        with self._driver.writing() as connection:
            connection.run(f"UPDATE outbox SET state = 'sent', tries = ?, why = ''{_KEY}", (item.tries + 1, *_key(item)))

    def later(self, item: Item, due_us: int, why: str) -> None:
        """It has not, and is to be tried again then; unless it is somebody else's by now."""
        with self._driver.writing() as connection:
            connection.run(
                f"UPDATE outbox SET due_us = ?, tries = ?, why = ?{_KEY} AND state = 'waiting' AND due_us = ?",
                (due_us, item.tries + 1, why, *_key(item), item.due_us),
            )

    def give_up(self, item: Item, why: str) -> None:
        """It has not, and will not be tried again; unless it is somebody else's by now."""
        with self._driver.writing() as connection:
            connection.run(
                f"UPDATE outbox SET state = 'given up', tries = ?, why = ?{_KEY} AND state = 'waiting' AND due_us = ?",
                (item.tries + 1, why, *_key(item), item.due_us),
            )

    def expire(self, before_us: int, now_us: int, why: str) -> list[Item]:
        """Give up what was put in before, is due, and nobody takes; what that was."""
        with self._driver.writing() as connection:
            rows = connection.rows(
                f"SELECT {_COLUMNS} FROM outbox WHERE state = 'waiting' AND made_us < ? AND due_us <= ?"
                " ORDER BY made_us, id, channel, address",
                (before_us, now_us),
            )
            items = [msgspec.structs.replace(_item(row), state="given up", why=why) for row in rows]
            for item in items:
                connection.run(f"UPDATE outbox SET state = 'given up', why = ?{_KEY}", (why, *_key(item)))
        return items

    def forget(self, before_us: int) -> int:
        """Remove what was put in before and does not wait; how many."""
        with self._driver.writing() as connection:
            return connection.run("DELETE FROM outbox WHERE state <> 'waiting' AND made_us < ?", (before_us,))

    def newest(self, limit: int) -> list[Item]:
        """What was put in last, newest first."""
        with self._driver.reading() as connection:
            rows = connection.rows(
                f"SELECT {_COLUMNS} FROM outbox ORDER BY made_us DESC, id, channel, address LIMIT ?",
                (limit,),
            )
        return [_item(row) for row in rows]

    def close(self) -> None:
        """Let go of the database."""
        self._driver.close()


_DUE = "state = 'waiting' AND (due_us <= ? OR due_us > ?)"
_KEY = " WHERE id = ? AND channel = ? AND address = ?"


def _key(item: Item) -> tuple[str, str, str]:
    return item.id, item.channel, item.address


def _there(connection: Connection, item: Item) -> bool:
    return bool(connection.rows(f"SELECT 1 FROM outbox{_KEY}", _key(item)))


def _item(row: tuple[Any, ...]) -> Item:
    return Item(*row)
