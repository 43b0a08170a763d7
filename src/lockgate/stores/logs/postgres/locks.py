"""Locks between all who write, on whatever machine. Whoever takes several takes them in the order in which they stand here.

They are PostgreSQL's advisory locks, held until the transaction ends.
"""

from __future__ import annotations

from lockgate.stores.logs.postgres.link import Connection

#: "log" as a number: the first half of each lock's name. A day's roll-ups have a number of their own for theirs.
_SPACE, _ROLLUPS = 0x6C6F67, 0x6C6F68
#: Whoever makes or drops tables.
MAKER = 1
#: Who keeps requests shares it; who says something of traces has it alone. So what is said is there before a request, or looks
#: for it afterwards, and nothing falls between the two.
SAYING = 2
#: Who changes requests that are kept.
CHANGING = 3


def hold(db: Connection, lock: int) -> None:
    """Hold a lock alone."""
    db.rows("SELECT pg_advisory_xact_lock(%s, %s)", (_SPACE, lock))


def share(db: Connection, lock: int) -> None:
    """Hold a lock together with others who share it."""
    db.rows("SELECT pg_advisory_xact_lock_shared(%s, %s)", (_SPACE, lock))


def hold_rollups(db: Connection, day: int) -> None:
    """Nobody else changes the roll-ups of a day. Several days are taken oldest first."""
    db.rows("SELECT pg_advisory_xact_lock(%s, %s)", (_ROLLUPS, day))


def try_rollups(db: Connection, day: int) -> bool:
    """The same, if nobody has them."""
    return db.rows("SELECT pg_try_advisory_xact_lock(%s, %s)", (_ROLLUPS, day))[0][0]
