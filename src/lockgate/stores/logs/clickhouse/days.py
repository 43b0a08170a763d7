"""Days, which are partitions: of a moment, and to forget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.literals import text
from lockgate.stores.logs.clickhouse.rows import kept_time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def day_of(time_us: int) -> str:
    """The partition of a moment: "20261125"."""
    return (_EPOCH + timedelta(microseconds=kept_time(time_us))).strftime("%Y%m%d")


def drop_days(client: Client, table: str, before_us: int) -> set[str]:
    """Drop the partitions of a table whose days ended before; which these were. Raises `StoreError`."""
    parts = f"FROM system.parts WHERE active AND database = currentDatabase() AND table = {text(table)}"
    days = {day for (day,) in client.rows(f"SELECT DISTINCT partition_id {parts} AND partition_id < '{day_of(before_us)}'")}
    for day in sorted(days):
        client.run(f"ALTER TABLE {table} DROP PARTITION ID {text(day)}")
    return days
