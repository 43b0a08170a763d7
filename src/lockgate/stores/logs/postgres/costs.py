"""Costs of requests that are in the log, set anew: in a request's row and in its facts. Records are otherwise never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lockgate.core.record import Record
from lockgate.stores.logs.ports import Cost
from lockgate.stores.logs.postgres import rolling
from lockgate.stores.logs.postgres.find import Place
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.postgres.locks import CHANGING, hold, hold_rollups
from lockgate.stores.logs.postgres.packing import Packing
from lockgate.stores.logs.postgres.rolling import Change
from lockgate.stores.logs.postgres.rows import array, bounded, clean, size_terms

_FIND = """
    SELECT r.time_us, r.id, r.facts, r.terms
    FROM unnest(%(times)s::bigint[], %(ids)s::text[]) AS c(time_us, id)
    JOIN log_requests r ON r.day = %(day)s AND r.time_us = c.time_us AND r.id = c.id
    ORDER BY 1, 2
    FOR UPDATE OF r
"""
_SET = """
    UPDATE log_requests SET cost_nusd = %s, facts = %b, terms = %s
    WHERE day = %s AND time_us = %s AND id = %s
"""


def reprice(db: Connection, day: int, places: Sequence[Place], costs: Mapping[str, Cost], packing: Packing) -> int:
    """Set what requests of a day cost, which stand at these places; how many were changed. Within a transaction."""
    hold(db, CHANGING)
    hold_rollups(db, day)
    wanted = {clean(id): cost for id, cost in costs.items()}
    rows = db.rows(_FIND, {"day": day, "times": [place.time_us for place in places], "ids": [place.id for place in places]})
    changes: list[Change] = []
    for time_us, id, facts, terms in rows:
        record, cost = packing.record(facts), wanted[id]
        if _costs(record) == _wanted(record, cost):
            continue
        was, known = size_terms(record), record.cost_nusd
        _set(record, cost)
        now = array([*(each for each in terms if each not in was), *size_terms(record)])
        kept = None if cost.nusd is None else bounded(cost.nusd)
        db.run(_SET, (kept, packing.packed(record), now, day, time_us, id))
        unpriced = 0 if record.usage is None else (cost.nusd is None) - (known is None)
        changes.append(Change(time_us, id, bounded(cost.nusd or 0) - bounded(known or 0), unpriced))
    rolling.change(db, day, changes)
    return len(changes)


def _costs(record: Record) -> tuple[object, ...]:
    return record.cost_nusd, record.cost_note, record.price_version, tuple(attempt.cost_nusd for attempt in record.attempts)


def _wanted(record: Record, cost: Cost) -> tuple[object, ...]:
    attempts = cost.attempts if _tells_apart(record, cost) else tuple(attempt.cost_nusd for attempt in record.attempts)
    return cost.nusd, cost.note, cost.version, attempts


def _set(record: Record, cost: Cost) -> None:
    record.cost_nusd, record.cost_note, record.price_version = cost.nusd, cost.note, cost.version
    if _tells_apart(record, cost):
        for attempt, nusd in zip(record.attempts, cost.attempts, strict=True):
            attempt.cost_nusd = nusd


def _tells_apart(record: Record, cost: Cost) -> bool:
    return bool(cost.attempts) and len(cost.attempts) == len(record.attempts)
