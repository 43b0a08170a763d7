"""What people said of traces, in `lockgate_feedback`: what was said last of an id stands."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.literals import encoded, texts
from lockgate.stores.logs.clickhouse.rowbinary import string
from lockgate.stores.logs.clickhouse.schema import FEEDBACK
from lockgate.stores.logs.names import shortened
from lockgate.stores.logs.ports import Feedback
from lockgate.stores.logs.rows import LARGEST

_COLUMNS = "id, trace_id, time_us, value, weight, organisation, workspace, metadata"
_INSERT = f"INSERT INTO {FEEDBACK} ({_COLUMNS}) FORMAT RowBinary"


class Ratings:
    """Keeps what people said. Raises `StoreError`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def say(self, feedback: Sequence[Feedback]) -> None:
        """Keep it. It counts with requests from then on: sums look it up."""
        last = {each.id: each for each in feedback}  # within one insert no row is later than another
        if last:
            self._client.insert(_INSERT, b"".join(map(_row, last.values())))

    def of(self, traces: Sequence[str]) -> list[Feedback]:
        """What was said of traces, oldest first."""
        if not traces:
            return []
        listed = texts(map(shortened, traces))
        query = f"SELECT {_COLUMNS} FROM {FEEDBACK} FINAL WHERE trace_id IN ({listed}) ORDER BY time_us, id"
        return [
            Feedback(id, trace, time_us, value, weight, msgspec.json.decode(more, type=dict[str, str]), organisation, workspace)
            for id, trace, time_us, value, weight, organisation, workspace, more in self._client.rows(query)
        ]

    def prune(self, before_us: int) -> None:
        """Forget what was said before."""
        old = f"{FEEDBACK} WHERE time_us < {int(before_us)}"
        if self._client.rows(f"SELECT 1 FROM {old} LIMIT 1"):
            self._client.run(f"ALTER TABLE {FEEDBACK} DELETE WHERE time_us < {int(before_us)} SETTINGS mutations_sync = 2")


def _row(each: Feedback) -> bytes:
    weight, value = min(max(each.weight, 0), LARGEST >> 8), min(max(each.value, -100), 100)
    others = (each.organisation, each.workspace, msgspec.json.encode(dict(each.metadata)).decode())
    numbers = b"".join(number.to_bytes(8, "little", signed=True) for number in (each.time_us, value, weight))
    trace = string(encoded(shortened(each.trace_id)))
    return b"".join((string(encoded(each.id)), trace, numbers, *[string(encoded(other)) for other in others]))
