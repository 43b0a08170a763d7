"""A filter as SQL: conditions on rows (`r`), and the same on roll-ups where these can tell.

Terms say no more than the conditions, and let the server find what is rare by one index; which of the two ways is the shorter,
its planner knows best.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from lockgate.stores.logs.names import METADATA
from lockgate.stores.logs.ports import Filter, Range
from lockgate.stores.logs.postgres.days import LAST_US, day_of, within
from lockgate.stores.logs.postgres.rows import (
    BITS,
    LETTERS,
    array,
    bounded,
    clean,
    hashed,
    metadata_term,
    short,
    size_term,
    term,
)
from lockgate.stores.logs.text import words

#: More alternatives than that narrow nothing down.
_ALTERNATIVES = 64
_EXACT = {
    "outcomes": "outcome", "operations": "operation", "providers": "provider", "users": "user", "routes": "route",
    "caches": "cache", "errors": "error", "workspaces": "workspace",
}  # fmt: skip
_MODELS = ("model_asked", "model_sent", "model_served")
#: Member of a filter → the number it limits. What is NULL lies nowhere.
_NUMBERS = {
    "cost_nusd": "r.cost_nusd", "tokens": "(r.input + r.output)", "input": "r.input", "output": "r.output",
    "latency_us": "r.latency_us", "ttft_us": "r.ttft_us",
}  # fmt: skip


class Where(msgspec.Struct):
    """What is meant: all `conditions` hold. `rolled` are those on roll-ups, None where these cannot tell; `named` are the
    columns that they need (or `metadata.NAME`), with the values that these may have, None where that is a pattern. `terms`
    narrow rows down. `values` are the values of all, by their names in the SQL."""

    conditions: list[str] = []
    rolled: list[str] | None = []
    named: dict[str, list[str] | None] = {}
    terms: list[str] = []
    values: dict[str, Any] = {}

    def add(self, condition: str, *, rolled: str | None = None, terms: Iterable[int] = (), exact: bool = True) -> None:
        """One more condition; `rolled` is what it is for roll-ups. All rows that it means have one of the `terms`, and, where
        these are `exact`, no others."""
        found = sorted(set(terms))
        if 0 < len(found) <= _ALTERNATIVES:
            self.terms.append(f"r.terms {'@>' if len(found) == 1 else '&&'} {self.value(array(found))}::integer[]")
            if exact:
                # Both say the same, which the planner does not know: it would take them for far more rare than they are.
                condition = f"CASE WHEN {condition} THEN true ELSE false END"
        self.conditions.append(condition)
        if self.rolled is not None:
            self.rolled = None if rolled is None else [*self.rolled, rolled]

    def value(self, value: object) -> str:
        """The place of a value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def rows(self) -> str:
        """The conditions on rows as one."""
        return " AND ".join((*self.conditions, *self.terms)) or "true"

    def rollups(self) -> str:
        """Those on roll-ups."""
        return " AND ".join(self.rolled or ()) or "true"


def understood(meant: Filter) -> Where:
    """What a filter means, but for its times."""
    where = Where()
    if meant.organisation:
        _named(where, {"organisation": (meant.organisation,)})
    for member, column in _EXACT.items():
        if (values := getattr(meant, member)) or (values is not None and member == "workspaces"):
            _named(where, {column: values})
    if meant.keys:
        _named(where, {"key": meant.keys, "key_name": meant.keys})
    if meant.models:
        _models(where, meant.models)
    if meant.status:
        _status(where, meant.status)
    for name, pattern in meant.metadata:
        _metadata(where, short(name), pattern)
    for member, number in _NUMBERS.items():
        if (limits := getattr(meant, member)) is not None:
            _limited(where, member, number, limits)
    for values, column in ((meant.traces, "trace"), (meant.spans, "span"), (meant.cached, "given")):
        if values:
            where.add(f"r.{column} = ANY({where.value([hashed(each) for each in values if each])}::bigint[])")
    if meant.feedback is not None:
        _rated(where, meant.feedback)
    if meant.text and (sought := words(meant.text)):
        # Words are letters and digits: between quotes there is nothing to escape.
        quoted = " & ".join([f"'{word}'" for word in sought])
        where.add(f"r.said @@ {where.value(quoted)}::tsquery")
    return where


def times(since_us: int | None, until_us: int | None) -> str:
    """The condition that a row lies within these times, and in the partitions that can hold it."""
    parts: list[str] = []
    if since_us is not None:
        parts.append(f"r.day >= {day_of(since_us)} AND r.time_us >= {within(since_us)}")
    if until_us is not None and until_us <= LAST_US:
        parts.append(f"r.day <= {day_of(until_us - 1)} AND r.time_us < {max(until_us, 0)}")
    return " AND ".join(parts) or "true"


def like(pattern: str) -> str:
    """A pattern of `*` and `?` as one for LIKE."""
    escaped = clean(pattern).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def _named(where: Where, wanted: dict[str, tuple[str, ...]]) -> None:
    """Any of these columns has any of its values."""
    parts: list[str] = []
    terms: list[int] = []
    for column, values in wanted.items():
        names = [short(value) for value in values]
        parts.append(f'r."{column}" = ANY({where.value(names)})')
        terms += [term(LETTERS[column], name) for name in names]
    condition = f"({' OR '.join(parts)})"
    nameless = any(not value for values in wanted.values() for value in values)  # what is empty has no term
    where.add(condition, rolled=condition, terms=() if nameless else terms)
    where.named |= {column: [short(value) for value in values] for column, values in wanted.items()}


def _models(where: Where, patterns: tuple[str, ...]) -> None:
    exact = [short(each) for each in patterns if not _is_pattern(each)]
    loose = [like(each) for each in patterns if _is_pattern(each)]
    parts: list[str] = []
    for values, sign in ((exact, "="), (loose, "LIKE")):
        if values:
            place = where.value(values)
            parts += [f'r."{column}" {sign} ANY({place})' for column in _MODELS]
    condition = f"({' OR '.join(parts)})"
    terms = [term(LETTERS[column], name) for column in _MODELS for name in exact]
    where.add(condition, rolled=condition, terms=() if loose or not all(exact) else terms)
    where.named |= dict.fromkeys(_MODELS, None if loose else exact)


def _status(where: Where, ranges: tuple[tuple[int, int], ...]) -> None:
    bounds = [(bounded(max(low, 0)), bounded(max(high, -1) + 1) - 1) for low, high in ranges]
    condition = f"({' OR '.join(f'r.status BETWEEN {low} AND {high}' for low, high in bounds)})"
    where.add(condition, rolled=condition)
    where.named["status"] = None


def _metadata(where: Where, name: str, pattern: str) -> None:
    place = where.value(name)
    if _is_pattern(pattern):
        test = f"LIKE {where.value(like(pattern))}"
    else:
        test = f"= {where.value(short(pattern))}"
    if not pattern.strip("*"):  # without the name is as good as ""
        where.add(f"coalesce(r.metadata ->> {place}, '') {test}")
    else:
        once = not any(each.startswith(METADATA) for each in where.named)
        condition = f"(r.metadata_name = {place} AND r.metadata_value {test})"
        terms = () if _is_pattern(pattern) else (metadata_term(name, short(pattern)),)
        where.add(f"r.metadata ->> {place} {test}", rolled=condition if once else None, terms=terms)
    where.named[METADATA + name] = None if _is_pattern(pattern) else [short(pattern)]


def _limited(where: Where, member: str, number: str, limits: Range) -> None:
    parts = [f"{number} IS NOT NULL"]
    if limits.least is not None:
        parts.append(f"{number} >= {min(limits.least, 2**62)}")
    if limits.most is not None:
        parts.append(f"{number} <= {max(limits.most, -1)}" if limits.most < 2**62 else "true")
    first = min(max(limits.least or 0, 0).bit_length(), BITS)
    last = BITS if limits.most is None else min(max(limits.most, 0).bit_length(), BITS)
    where.add(" AND ".join(parts), terms=[size_term(member, 2**bits // 2) for bits in range(first, last + 1)], exact=False)


def _rated(where: Where, limits: Range) -> None:
    parts = ["r.rated > 0", "r.weight > 0"]
    if limits.least is not None:
        parts.append(f"1000 * r.score >= {limits.least}::numeric * r.weight")
    if limits.most is not None:
        parts.append(f"1000 * r.score <= {limits.most}::numeric * r.weight")
    where.add(" AND ".join(parts))
