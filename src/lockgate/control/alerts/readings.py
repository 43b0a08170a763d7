"""What a rule reads from the log: the totals of a stretch of time, and the value that is measured of them."""

from __future__ import annotations

import msgspec

from lockgate.control.alerts.measures import rise
from lockgate.control.alerts.rule_subjects import ids_of
from lockgate.control.alerts.rules import Rule
from lockgate.control.stored import Stored
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.logs.rollup import OTHER, Totals, add

#: Those whom a rule tells apart, at most: the busiest.
MOST = 1000


def totals_of(store: LogStore, rule: Rule, stored: Stored, since_us: int, until_us: int) -> dict[str, Totals]:
    """What the requests come to that a rule means, by those whom it tells apart; by "": all together. Raises `StoreError`."""
    workspaces = ids_of(rule.workspaces, stored) if rule.workspaces else None
    meant = msgspec.structs.replace(rule.meant, since_us=since_us, until_us=until_us, workspaces=workspaces)
    if rule.each:
        rows = store.groups(meant, rule.each, limit=MOST, sketches=True).rows
        return {who: totals for who, totals in rows if who not in ("", OTHER)}
    whole = Totals()
    for _, totals in store.groups(meant, "organisation", limit=1 << 30, sketches=True).rows:
        add(whole, totals)
    return {"": whole}


def value_of(rule: Rule, found: Totals, earlier: Totals) -> int | None:
    """What is measured; None: there are too few requests to tell."""
    reading = rule.reading
    if reading.count(found) < rule.least:
        return None
    value = reading.read(found)
    if not reading.compares or value is None:
        return value
    return rise(value, reading.read(earlier) or 0)


def values_of(store: LogStore, rule: Rule, stored: Stored, at_us: int) -> dict[str, int]:
    """What is measured now, of those for whom there is enough to tell. Raises `StoreError`."""
    since_us = rule.span.since_us(at_us)
    totals = totals_of(store, rule, stored, since_us, at_us)
    earlier = totals_of(store, rule, stored, 2 * since_us - at_us, since_us) if rule.reading.compares else {}
    found = {who: value_of(rule, each, earlier.get(who, Totals())) for who, each in totals.items()}
    return {who: value for who, value in found.items() if value is not None}
