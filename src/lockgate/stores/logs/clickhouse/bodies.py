"""Where bodies are: in a table of their own, in columns that can be read by SQL; or elsewhere, by whoever is a `Bodies`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lockgate.core.record import BODIES as MEMBERS
from lockgate.core.record import Record
from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.days import drop_days
from lockgate.stores.logs.clickhouse.keys import among
from lockgate.stores.logs.clickhouse.rows import bodies_row
from lockgate.stores.logs.clickhouse.schema import BODIES, BODY_COLUMNS

_INSERT = f"INSERT INTO {BODIES} ({', '.join(BODY_COLUMNS)}) FORMAT RowBinary"


class Bodies(Protocol):
    """Keeps the bodies of records. Each call may raise `StoreError`."""

    def put(self, records: Sequence[Record]) -> None:
        """Keep those of new records, before these are in the log; some may have been kept before, as they are."""
        ...

    def add(self, records: Sequence[Record], members: Sequence[str] = MEMBERS) -> None:
        """Give records these of their bodies."""
        ...

    def forget(self, before_us: int) -> None:
        """Forget those of days that ended before."""
        ...


class TableBodies:
    """`Bodies` in `lockgate_bodies`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def put(self, records: Sequence[Record]) -> None:
        """See `Bodies`: rows replace their like."""
        rows = [bodies_row(record) for record in records if any(getattr(record, name) for name in MEMBERS)]
        if rows:
            self._client.insert(_INSERT, b"".join(rows))

    def add(self, records: Sequence[Record], members: Sequence[str] = MEMBERS) -> None:
        """See `Bodies`."""
        if not records:
            return
        query = f"SELECT id, {', '.join(members)} FROM {BODIES} WHERE {among(records)} LIMIT 1 BY time_us, id"
        found = {id: bodies for id, *bodies in self._client.strings(query, 1 + len(members))}
        for record in records:
            for name, body in zip(members, found.get(record.id.encode("utf-8", "backslashreplace"), ()), strict=False):
                setattr(record, name, body)

    def forget(self, before_us: int) -> None:
        """See `Bodies`."""
        drop_days(self._client, BODIES, before_us)
