"""Costs of requests that are in the log, set anew: in a request's row, in its terms, and in the block that its record is in.

Records are otherwise never changed. What it changes in the roll-ups is given back, to be added there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from lockgate.core.record import Record
from lockgate.stores.logs import costs
from lockgate.stores.logs.blocks import Blocks
from lockgate.stores.logs.ports import Cost
from lockgate.stores.logs.rows import Rows, bounded
from lockgate.stores.logs.search import of_id

#: An index without its texts forgets a request only when it is told again what it knew.
_FORGET = "INSERT INTO find (find, rowid, terms) VALUES ('delete', ?, ?)"
_FIND = "INSERT INTO find (rowid, terms) VALUES (?, ?)"

Change = dict[str, int]


def reprice(db: sqlite3.Connection, blocks: Blocks, rows: Rows, start_us: int, wanted: Mapping[str, Cost]) -> dict[int, Change]:
    """Set costs, by the ids of requests; what that changes of sums, by the numbers of requests. Within a transaction; raises
    `sqlite3.Error`."""
    reader = blocks.reader()
    rewritten: dict[int, Record] = {}
    changes: dict[int, Change] = {}
    for id, cost in wanted.items():
        for n in of_id(db, id, start_us):
            (place,) = db.execute("SELECT at FROM requests WHERE n = ?", (n,)).fetchone()
            record = reader.record(place)
            if record.id != id or costs.says(record, cost):
                continue
            was, known = rows.row(record, n, place)[1], record.cost_nusd
            costs.say(record, cost)
            terms = rows.row(record, n, place)[1]
            if terms != was:
                db.execute(_FORGET, (n, was))
                db.execute(_FIND, (n, terms))
            kept = None if cost.nusd is None else bounded(cost.nusd)
            db.execute("UPDATE requests SET cost_nusd = ? WHERE n = ?", (kept, n))
            rewritten[place] = record
            changes[n] = {
                "cost_nusd": bounded(cost.nusd or 0) - bounded(known or 0),
                "unpriced": 0 if record.usage is None else (cost.nusd is None) - (known is None),
            }
    blocks.rewrite(rewritten)
    return changes
