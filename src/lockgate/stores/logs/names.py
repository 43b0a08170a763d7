"""`Names`: the words that recur within a day, each known by a number.

The first thousands of a kind have positive numbers and a group of their own in roll-ups; those after them have negative ones
and are rolled up together, as `OTHER`. Names of metadata after the first dozens are not rolled up: they are counted from rows.
So a day's roll-ups stay small, whatever callers put into `user` or metadata.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter

from lockgate.stores.logs.rollup import NAME, OTHER

#: Values of a kind, and kinds of metadata, that are told apart in a day's roll-ups.
VALUES = 5000
KINDS = 32
METADATA = "metadata."
#: How many are remembered; then all are forgotten, and looked up again.
_REMEMBERED = 100_000


class Names:
    """The names of an open day, to be read and added to."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[tuple[str, str], int] = {}
        self._counts: Counter[str] | None = None
        self._kinds: set[str] = set()  # of metadata, those told apart
        self._last = self._least = 0
        self._others: dict[int, int] = {}

    def number(self, kind: str, name: str) -> int:
        """The number of a name, which it gets if it has none yet."""
        known = self._known.get((kind, name))
        if known is not None:
            return known
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        short = shortened(name)
        row = self._db.execute("SELECT id FROM names WHERE kind = ? AND name = ?", (kind, short)).fetchone()
        number = self._known[kind, name] = row[0] if row else self._add(kind, short)
        return number

    def forget(self) -> None:
        """Forget what was added in a transaction that has failed."""
        self._known.clear()
        self._others.clear()
        self._counts = None

    def rolled(self, number: int) -> int:
        """The number of the group that a name is rolled up into: its own, or that of `OTHER`; 0: it is not rolled up."""
        if number > 0:
            return number
        other = self._others.get(number)
        if other is None:
            (kind,) = self._db.execute("SELECT kind FROM names WHERE id = ?", (number,)).fetchone()
            if len(self._others) >= _REMEMBERED:
                self._others.clear()
            other = self._others[number] = self._other(kind) if is_rolled(self._db, kind) else 0
        return other

    def _other(self, kind: str) -> int:
        row = self._db.execute("SELECT id FROM names WHERE kind = ? AND name = ? AND id > 0", (kind, OTHER)).fetchone()
        return row[0] if row else self._add(kind, OTHER, own=True)

    def _add(self, kind: str, name: str, *, own: bool = False) -> int:
        if self._counts is None:
            self._counts = Counter(dict(self._db.execute("SELECT kind, count(*) FROM names GROUP BY kind")))
            self._last, self._least = self._db.execute("SELECT ifnull(max(id), 0), ifnull(min(id), 0) FROM names").fetchone()
            self._last, self._least = max(self._last, 0), min(self._least, 0)
            told_apart = "SELECT DISTINCT kind FROM names WHERE kind GLOB 'metadata.*' AND id > 0 AND name != ?"
            self._kinds = {each for (each,) in self._db.execute(told_apart, (OTHER,))}
        counts = self._counts
        full = counts[kind] >= VALUES
        if kind.startswith(METADATA) and kind not in self._kinds and not own:
            full = len(self._kinds) >= KINDS
            if not full:
                self._kinds.add(kind)
        if own or not full:
            number = self._last = self._last + 1
        else:
            number = self._least = self._least - 1
        counts[kind] += 1
        self._db.execute("INSERT INTO names VALUES (?, ?, ?)", (number, kind, name))
        return number


def is_rolled(db: sqlite3.Connection, kind: str) -> bool:
    """Whether a kind of a day is rolled up, for what is known of it."""
    if not kind.startswith(METADATA):
        return True
    return db.execute("SELECT 1 FROM names WHERE kind = ? AND id > 0 LIMIT 1", (kind,)).fetchone() is not None


def shortened(name: str) -> str:
    """A name as it is kept: a long one ends in a hash of the whole."""
    if len(name) <= NAME:
        return name
    return name[: NAME - 17] + "…" + hashed(name)


def hashed(text: str) -> str:
    """A text as 16 hexadecimal digits, for an index."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
