"""A cost on its record: whether it says that already, and saying it."""

from __future__ import annotations

from lockgate.core.record import Record
from lockgate.stores.logs.ports import Cost


def says(record: Record, cost: Cost) -> bool:
    """Whether the record has that cost already."""
    attempts = tuple(attempt.cost_nusd for attempt in record.attempts)
    wanted = cost.attempts if _tells_apart(record, cost) else attempts
    return (record.cost_nusd, record.cost_note, record.price_version, attempts) == (cost.nusd, cost.note, cost.version, wanted)


def say(record: Record, cost: Cost) -> None:
    """Give the record that cost, and its attempts their shares."""
    record.cost_nusd, record.cost_note, record.price_version = cost.nusd, cost.note, cost.version
    if _tells_apart(record, cost):
        for attempt, nusd in zip(record.attempts, cost.attempts, strict=True):
            attempt.cost_nusd = nusd


def _tells_apart(record: Record, cost: Cost) -> bool:
    return bool(cost.attempts) and len(cost.attempts) == len(record.attempts)
