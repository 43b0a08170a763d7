"""What an operator may do with the cache in PostgreSQL: look at its entries, and forget them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import LiteralString, cast

import psycopg

from lockgate.stores.cache.meaning import COLUMNS, clause
from lockgate.stores.cache.port import Kept, Meant
from lockgate.stores.cache.postgres_server import TABLE, Timed, connect, sentence, where
from lockgate.stores.ports import StoreError

#: The longest wait for an answer, in seconds.
_TIMEOUT_S = 60.0


class PostgresShelf:
    """The `CacheShelf` of a server. Raises `StoreError` for a URL that is none."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._where = where(url)

    def __repr__(self) -> str:
        return f"PostgresShelf({self._where})"

    def entries(self, meant: Meant, limit: int = 50, offset: int = 0) -> Sequence[Kept]:
        """See `CacheShelf`."""
        said, values = clause(meant, "%s")
        sql = f"SELECT {COLUMNS} FROM {TABLE} WHERE size > 0 AND {said} ORDER BY time_us DESC, key LIMIT %s OFFSET %s"  # noqa: S608 - ours
        with self._reached() as db:
            return [Kept(*found) for found in db.execute(cast("LiteralString", sql), (*values, limit, offset))]

    def size(self, meant: Meant) -> tuple[int, int]:
        """See `CacheShelf`."""
        said, values = clause(meant, "%s")
        sql = f"SELECT count(*), coalesce(sum(size), 0)::bigint FROM {TABLE} WHERE size > 0 AND {said}"  # noqa: S608 - ours
        with self._reached() as db:
            count, size = db.execute(cast("LiteralString", sql), values).fetchall()[0]
            return count, size

    def purge(self, meant: Meant) -> int:
        """See `CacheShelf`. All at once; rows are locked in the order of their keys, as by those who write."""
        said, values = clause(meant, "%s")
        rows = f"SELECT key FROM {TABLE} WHERE {said} ORDER BY key FOR UPDATE"  # noqa: S608 - ours
        gone = f"DELETE FROM {TABLE} WHERE key IN ({rows}) RETURNING size"  # noqa: S608 - ours
        sql = f"WITH gone AS ({gone}) SELECT count(*) FROM gone WHERE size > 0"  # noqa: S608 - ours
        with self._reached() as db:
            return db.execute(cast("LiteralString", sql), values).fetchall()[0][0]

    @contextmanager
    def _reached(self) -> Iterator[Timed]:
        try:
            with connect(self._url, _TIMEOUT_S) as db:
                yield db
        except psycopg.Error as error:
            raise StoreError(f"The cache cannot be reached: {self._where}: {sentence(error)}.") from None
