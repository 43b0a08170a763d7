"""Tidying up the cache's table, a little at a time: what has expired, and what was not used longest where there is too much.

How much there is is counted now and then, not each time: counting goes through an index of all entries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import LiteralString, cast

from lockgate.stores.cache.postgres_server import TABLE, Timed
from lockgate.stores.cache.trouble import Clock

#: It is tidied up after so many seconds, and after this part of all that may be kept was written.
_EVERY_S, _PART = 60.0, 200
#: Rows that go at once; how often that is done in one transaction that makes room; and how often at all, each time.
_ROWS, _LOTS, _TURNS = 500, 10, 200
#: Room is made until this share of it is taken.
_ENOUGH = 0.9
#: What a row takes beside its data, with its places in the indexes, about, in bytes.
_BESIDE = 500
#: The advisory lock of whoever makes room: "room" as a number.
_ROOM = 0x726F6F6D

_EXPIRED = cast(
    "LiteralString",
    f"""DELETE FROM {TABLE} WHERE key IN (
        SELECT key FROM {TABLE} WHERE expires_us <= %s ORDER BY expires_us LIMIT {_ROWS} FOR UPDATE SKIP LOCKED)""",  # noqa: S608
)
# Of those that were not used longest as many as free so many bytes.
_UNUSED = cast(
    "LiteralString",
    f"""WITH gone AS (DELETE FROM {TABLE} WHERE key IN (
        SELECT key FROM (SELECT key, taken, sum(taken) OVER (ORDER BY used_us, key) AS freed FROM (
            SELECT key, used_us, size + {_BESIDE} AS taken FROM {TABLE} ORDER BY used_us LIMIT {_ROWS} FOR UPDATE SKIP LOCKED
        ) AS eldest) AS counted WHERE freed - taken < %s) RETURNING size)
        SELECT count(*), coalesce(sum(size + {_BESIDE}), 0)::bigint FROM gone""",  # noqa: S608 - ours
)
_TAKEN = cast("LiteralString", f"SELECT coalesce(sum(size + {_BESIDE}), 0)::bigint FROM {TABLE}")  # noqa: S608 - ours


class Tidying:
    """One worker's. At most `most` bytes are kept; `time_us` is what entries expire by."""

    def __init__(self, most: int, clock: Clock, time_us: Callable[[], int]) -> None:
        self._most = most
        self._clock = clock
        self._time_us = time_us
        self._written = 0
        self._due = clock()

    def __repr__(self) -> str:
        return f"Tidying({self._written} bytes written since)"

    def go_on(self, db: Timed, written: int) -> None:
        """So many bytes were written: tidy up when it is time. Raises `psycopg.Error`."""
        self._written += written
        if self._clock() < self._due and self._written < self._most // _PART:
            return
        self._written = 0
        self._due = self._clock() + _EVERY_S
        for _ in range(_TURNS):
            if db.execute(_EXPIRED, (self._time_us(),)).rowcount < _ROWS:
                break
        enough = self._most
        while self._made_room(db, enough):
            enough = int(self._most * _ENOUGH)

    def _made_room(self, db: Timed, enough: int) -> bool:
        """Whether some room was made, and that may not be all. Of all workers one does it at a time: two would each take away
        what is too much."""
        with db.transaction():
            if not db.execute("SELECT pg_try_advisory_xact_lock(%s)", (_ROOM,)).fetchall()[0][0]:
                return False
            taken = db.execute(_TAKEN).fetchall()[0][0]
            if taken <= enough:
                return False
            too_much = taken - int(self._most * _ENOUGH)
            for _ in range(_LOTS):
                count, freed = db.execute(_UNUSED, (too_much,)).fetchall()[0]
                too_much -= freed
                if not count or too_much <= 0:
                    return False
            return True
