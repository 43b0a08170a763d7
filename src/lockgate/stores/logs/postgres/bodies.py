"""Where the log's blocks of bodies lie (`stores.logs.block_store`): in its database, or in a store of their own."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.stores.logs.block_store import BlockStore
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.ports import StoreError

#: Gives the store for what is done in a transaction.
OpenBlocks = Callable[[Connection], BlockStore]


class TableBlocks:
    """The blocks in `log_bodies`, in the transaction of their batch; their day's partition is dropped with the day."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def put(self, day: int, name: str, data: bytes) -> None:
        """See `BlockStore`."""
        self._db.run("INSERT INTO log_bodies VALUES (%s, %s, %b)", (day, name, data))

    def get(self, day: int, name: str) -> bytes | None:
        """See `BlockStore`."""
        rows = self._db.rows("SELECT data FROM log_bodies WHERE day = %s AND name = %s", (day, name))
        return rows[0][0] if rows else None

    def lost(self, sentence: str) -> None:
        """See `BlockStore`: it was written with its requests, so the database is damaged, and somebody should look at that."""
        raise StoreError(sentence)

    def forget(self, day: int) -> None:
        """See `BlockStore`: the table goes as a whole."""
