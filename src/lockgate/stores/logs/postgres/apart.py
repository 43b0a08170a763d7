"""What a day's roll-ups tell apart: the first thousands of values of each kind, and a few dozen names of metadata.

So they stay small, whatever callers put into metadata or ask for as a model. Values beyond are rolled up as one group, `OTHER`;
names of metadata beyond are not rolled up, and counted from rows. `log_names` has what is told apart, by the day and the kind;
`log_full` the kinds of a day that had more, which are few on most days: while there are none, nothing else is looked at.

A value is told apart for the whole of a day, or not at all: once a kind is full, no other value of it gets a place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lockgate.stores.logs import names
from lockgate.stores.logs.names import METADATA
from lockgate.stores.logs.postgres.link import Connection
from lockgate.stores.logs.rollup import OTHER

#: Columns whose values come from outside; what else is told apart has few.
KINDS = ("user", "key", "key_name", "route", "provider", "model_asked", "model_sent", "model_served", "error")
#: The kind of the names of metadata themselves.
NAMES = "metadata"

_VALUES = ", ".join(f"('{kind}', r.\"{kind}\")" for kind in KINDS)
_KNOWN = "EXISTS (SELECT 1 FROM log_names n WHERE n.day = %(day)s AND n.kind = {} AND n.name = {})"
_NAME, _VALUE = f"'{METADATA}' || m.name", "m.value"
#: What is fresh and has no place yet, in the order in which it came.
_NEW = """
    SELECT kind, name FROM (
        SELECT k.kind, k.name, min(r.time_us) AS first FROM {source} CROSS JOIN LATERAL (VALUES {values}) AS k(kind, name)
        WHERE {fresh} AND NOT {known} GROUP BY 1, 2
        UNION ALL
        SELECT {name}, m.value, min(r.time_us) FROM {source} CROSS JOIN LATERAL jsonb_each_text(r.metadata) AS m(name, value)
        WHERE {fresh} AND NOT {known_metadata} GROUP BY 1, 2
    ) s WHERE NOT kind = ANY(%(full)s) ORDER BY first, kind, name
"""


def learn(db: Connection, day: int, source: str, fresh: str, values: Mapping[str, Any]) -> None:
    """Give the values of rows that are about to be rolled up their places, as long as there are any. Within a transaction that
    has the day's roll-ups."""
    full = full_of(db, day)
    query = _NEW.format(
        source=source, fresh=fresh, values=_VALUES, name=_NAME,
        known=_KNOWN.format("k.kind", "k.name"), known_metadata=_KNOWN.format(_NAME, _VALUE),
    )  # fmt: skip
    new = db.rows(query, {**values, "full": sorted(full)})
    if not new:
        return
    counts = Counter(dict(db.rows("SELECT kind, count(*) FROM log_names WHERE day = %s GROUP BY kind", (day,))))
    told = sum(kind.startswith(METADATA) for kind in counts)
    added: list[tuple[str, str]] = []
    over = set[str]()
    for kind, name in new:
        if kind.startswith(METADATA) and not counts[kind]:
            if told >= names.KINDS:
                over.add(NAMES)
                continue
            told += 1
        if counts[kind] >= names.VALUES:
            over.add(kind)
            continue
        counts[kind] += 1
        added.append((kind, name))
    kinds, told_names = [kind for kind, _ in added], [name for _, name in added]
    db.run("INSERT INTO log_names SELECT %s, * FROM unnest(%s::text[], %s::text[])", (day, kinds, told_names))
    db.run("INSERT INTO log_full SELECT %s, * FROM unnest(%s::text[]) ON CONFLICT DO NOTHING", (day, sorted(over)))


def full_of(db: Connection, day: int) -> set[str]:
    """The kinds of a day of which not all values are told apart."""
    return {kind for (kind,) in db.rows("SELECT kind FROM log_full WHERE day = %s", (day,))}


def column(kind: str, full: Iterable[str]) -> str:
    """What a row is rolled up as, in SQL."""
    told = f'r."{kind}"'
    if kind not in full:
        return told
    known = _KNOWN.format(f"'{kind}'", told)
    return f"CASE WHEN {known} THEN {told} ELSE '{OTHER}' END"


def value_of_metadata(full: Iterable[str]) -> str:
    """The same of metadata (`m`)."""
    if not any(kind.startswith(METADATA) for kind in full):
        return _VALUE
    return f"CASE WHEN {_KNOWN.format(_NAME, _VALUE)} THEN m.value ELSE '{OTHER}' END"


def names_of_metadata(full: Iterable[str]) -> str:
    """Which metadata is rolled up, in SQL."""
    if NAMES not in full:
        return "true"
    return f"EXISTS (SELECT 1 FROM log_names n WHERE n.day = %(day)s AND n.kind = {_NAME})"  # noqa: S608 - no values in it


def tells(db: Connection, first: int, last: int, named: Mapping[str, Sequence[str] | None], by: str) -> bool:
    """Whether the roll-ups of these days know what is asked: those whose kinds (`named`) have some values (None: of a pattern),
    told apart `by` a kind."""
    rows = db.rows("SELECT day, kind FROM log_full WHERE day BETWEEN %s AND %s", (first, last))
    for day, kind in rows:
        asked = [each for each in {*named, by} if kind in (each, NAMES) and (kind != NAMES or each.startswith(METADATA))]
        for each in asked:
            if kind == NAMES:
                if not _known(db, day, each, None):
                    return False
            elif each in named and not _all_known(db, day, each, named[each]):
                return False
    return True


def _all_known(db: Connection, day: int, kind: str, values: Sequence[str] | None) -> bool:
    return values is not None and all(value != OTHER and _known(db, day, kind, value) for value in values)


def _known(db: Connection, day: int, kind: str, name: str | None) -> bool:
    query = "SELECT 1 FROM log_names WHERE day = %s AND kind = %s AND (%s::text IS NULL OR name = %s) LIMIT 1"
    return bool(db.rows(query, (day, kind, name, name)))
