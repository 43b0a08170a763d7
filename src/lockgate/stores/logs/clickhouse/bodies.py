"""Where bodies are: in a table of their own, in columns that can be read by SQL."""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.core.record import BODIES as MEMBERS
from lockgate.core.record import Record
from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.keys import among
from lockgate.stores.logs.clickhouse.rows import bodies_row
from lockgate.stores.logs.clickhouse.schema import BODIES, BODY_COLUMNS

_INSERT = f"INSERT INTO {BODIES} ({', '.join(BODY_COLUMNS)}) FORMAT RowBinary"


class Bodies:
    """Keeps the bodies of records, and gives them back. Raises `StoreError`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def put(self, records: Sequence[Record]) -> None:
        """Keep them; what was kept before stays as it was."""
        rows = [bodies_row(record) for record in records if any(getattr(record, name) for name in MEMBERS)]
        if rows:
            self._client.insert(_INSERT, b"".join(rows))

    def add(self, records: Sequence[Record], members: Sequence[str] = MEMBERS) -> None:
        """Give records these of their bodies."""
        if not records:
            return
        query = f"SELECT id, {', '.join(members)} FROM {BODIES} WHERE {among(records)} LIMIT 1 BY time_us, id"
        found = {id: bodies for id, *bodies in self._client.strings(query, 1 + len(members))}
        for record in records:
            for name, body in zip(members, found.get(record.id.encode("utf-8", "backslashreplace"), ()), strict=False):
                setattr(record, name, body)
