"""A filter as one day understands it: conditions on its rows, and terms of its index that narrow them down.

The conditions alone say which requests are meant. The terms say no less and are found newest first without looking at rows:
which makes any pair of rare and frequent values cheap. A value that the day's names do not hold ends the search at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

import msgspec

from lockgate.core.record import time_of_id
from lockgate.stores.logs.blocks import Blocks
from lockgate.stores.logs.names import METADATA, hashed, shortened
from lockgate.stores.logs.ports import Filter, Range, glob
from lockgate.stores.logs.rollup import DAY_US, OTHER
from lockgate.stores.logs.rows import BITS, CACHED, ID, LETTERS, METADATA_LETTER, SIZES, SPAN, TRACE, number_at, packed_id, term
from lockgate.stores.logs.text import words

#: More alternatives than that narrow nothing down.
_ALTERNATIVES = 64
#: Requests with a word that are looked up one by one; of more, those meant are met soon on the way through the day.
_FEW = 2000
_MODELS = ("model_asked", "model_sent", "model_served")
_EXACT = {
    "outcomes": "outcome", "operations": "operation", "providers": "provider", "users": "user", "routes": "route",
    "caches": "cache", "errors": "error",
}  # fmt: skip
#: Member of a filter → the number it limits. What is NULL lies nowhere.
_NUMBERS = {
    "cost_nusd": "r.cost_nusd", "tokens": "(r.input + r.output)", "input": "r.input", "output": "r.output",
    "latency_us": "r.latency_us", "ttft_us": "r.ttft_us",
}  # fmt: skip


class Search(msgspec.Struct):
    """What is looked for in one day: rows of `requests` (as `r`) that agree with all `conditions`.

    `match` are terms, all of which they have; `numbers`, where it is set, are the only ones that can. `rolled` are the
    conditions as `rollups` have them, for the columns `named`; None where these do not know.
    """

    conditions: list[str] = []
    match: list[str] = []
    numbers: set[int] | None = None
    named: set[str] = set()
    rolled: list[str] | None = []

    def where(self) -> str:
        """The conditions as one."""
        return " AND ".join(self.conditions) or "1"

    def rolled_where(self) -> str:
        """Those on roll-ups."""
        return " AND ".join(self.rolled or ()) or "1"

    def only(self, numbers: Iterable[int]) -> None:
        """Only these can be meant."""
        self.numbers = set(numbers) if self.numbers is None else self.numbers.intersection(numbers)
        self.rolled = None

    def add(self, condition: str, *, rolled: str | None = None) -> None:
        """One more condition; `rolled` is what it is for roll-ups."""
        self.conditions.append(condition)
        if self.rolled is not None:
            self.rolled = None if rolled is None else [*self.rolled, rolled]


class Nothing(Exception):
    """No request of the day is meant."""


def understand(db: sqlite3.Connection, blocks: Blocks, meant: Filter, start_us: int) -> Search:
    """What a filter means for the day that begins at `start_us`, but for its times. Raises `Nothing`, `sqlite3.Error`."""
    search = Search()
    if meant.organisation:
        _name(db, search, {"organisation": (meant.organisation,)})
    if meant.workspaces is not None:
        _name(db, search, {"workspace": meant.workspaces})
    for member, column in _EXACT.items():
        if values := getattr(meant, member):
            _name(db, search, {column: values})
    if meant.keys:
        _name(db, search, {"key": meant.keys, "key_name": meant.keys})
    if meant.models:
        _patterns(db, search, meant.models)
    if meant.status:
        _status(db, search, meant.status)
    for name, value in meant.metadata:
        _metadata(db, search, name, value)
    for member, number in _NUMBERS.items():
        if (limits := getattr(meant, member)) is not None:
            _limit(search, member, number, limits)
    if meant.traces:
        search.only(n for trace in meant.traces for n in of_trace(db, trace, start_us))
    if meant.spans:
        search.only(n for span in meant.spans for n in _with(db, SPAN, span))
    if meant.cached:
        search.only(n for id in meant.cached for n in _with(db, CACHED, id))
    if meant.feedback is not None:
        search.only(_rated(db, meant.feedback))
    if meant.text and (sought := words(meant.text)):
        _text(db, blocks, search, sought)
    if search.numbers is not None and not search.numbers:
        raise Nothing
    return search


def of_trace(db: sqlite3.Connection, trace: str, start_us: int) -> list[int]:
    """The requests of a trace; it may be one's own, made from its id."""
    if not trace:
        return []
    found = _with(db, TRACE, trace)
    own = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
    return found + of_id(db, own, start_us) if time_of_id(own) is not None else found


def of_id(db: sqlite3.Connection, id: str, start_us: int) -> list[int]:
    """The requests with an id: one or none."""
    packed = packed_id(id)
    time_us = time_of_id(id) if isinstance(packed, bytes) else None
    if isinstance(packed, str):
        return _with(db, ID, id)
    if time_us is None:
        return [n for (n,) in db.execute("SELECT n FROM requests WHERE id = ?", (packed,))]
    if not start_us <= time_us < start_us + DAY_US:
        return []
    first = number_at(time_us, start_us)
    rows = db.execute("SELECT n FROM requests WHERE n BETWEEN ? AND ? AND id = ?", (first, first + (2 << BITS), packed))
    return [n for (n,) in rows]


def times(meant: Filter, start_us: int) -> str:
    """The condition that a request lies within the filter's times."""
    parts: list[str] = []
    for bound, sign in ((meant.since_us, ">="), (meant.until_us, "<")):
        if bound is None or (sign == ">=" and bound <= start_us) or (sign == "<" and bound >= start_us + DAY_US):
            continue
        ms = (bound - start_us) // 1000
        if bound % 1000 == 0:
            parts.append(f"r.n {sign} {ms << BITS}")
        else:
            edge = f"r.n < {ms + 1 << BITS}"
            parts.append(
                f"r.n >= {ms << BITS} AND NOT ({edge} AND r.us < {bound % 1000})"
                if sign == ">="
                else f"{edge} AND NOT (r.n >= {ms << BITS} AND r.us >= {bound % 1000})"
            )
    return " AND ".join(parts) or "1"


def span_of_numbers(meant: Filter, start_us: int) -> tuple[int, int]:
    """Between which numbers, both included, all lie whose times are meant."""
    since = start_us if meant.since_us is None else meant.since_us
    until = start_us + DAY_US if meant.until_us is None else meant.until_us
    return number_at(since, start_us), number_at(until, start_us) + (1 << BITS) - 1


def _name(db: sqlite3.Connection, search: Search, wanted: dict[str, tuple[str, ...]]) -> None:
    """Any of these columns has any of its values."""
    found: dict[str, list[tuple[int, str]]] = {}
    for column, values in wanted.items():
        query = "SELECT id, name FROM names WHERE kind = ? AND name IN (SELECT value FROM json_each(?))"
        found[column] = db.execute(query, (column, json.dumps([shortened(value) for value in values]))).fetchall()
    _among(search, found)


def _patterns(db: sqlite3.Connection, search: Search, patterns: tuple[str, ...]) -> None:
    found: dict[str, list[tuple[int, str]]] = {}
    either = " OR ".join(["name GLOB ?"] * len(patterns))
    for column in _MODELS:
        query = f"SELECT id, name FROM names WHERE kind = ? AND ({either})"  # noqa: S608 - question marks
        found[column] = db.execute(query, (column, *map(glob, patterns))).fetchall()
    _among(search, found)


def _status(db: sqlite3.Connection, search: Search, ranges: tuple[tuple[int, int], ...]) -> None:
    known = db.execute("SELECT id, name FROM names WHERE kind = 'status'").fetchall()
    _among(search, {"status": [(id, name) for id, name in known if any(low <= int(name) <= high for low, high in ranges)]})


def _among(search: Search, found: dict[str, list[tuple[int, str]]]) -> None:
    found = {column: names for column, names in found.items() if names}
    if not found:
        raise Nothing
    condition = " OR ".join(f'r."{column}" IN ({_list(names)})' for column, names in found.items())
    terms = [(LETTERS[column], *name) for column, names in found.items() for name in names]
    told_apart = all(id > 0 and name != OTHER for _, id, name in terms)
    search.add(f"({condition})", rolled=f"({condition})" if told_apart else None)
    search.named |= found.keys()
    if len(terms) <= _ALTERNATIVES and all(name for _, _, name in terms):  # what is empty has no term
        search.match.append(_either(term(letter, id) for letter, id, _ in terms))


def _list(names: list[tuple[int, str]]) -> str:
    return ", ".join(str(id) for id, _ in names)


def _metadata(db: sqlite3.Connection, search: Search, name: str, pattern: str) -> None:
    kind = METADATA + name
    known = db.execute("SELECT id, name, name GLOB ? FROM names WHERE kind = ?", (glob(pattern), kind)).fetchall()
    (takes_none,) = db.execute("SELECT '' GLOB ?", (glob(pattern),)).fetchone()
    within = "EXISTS (SELECT 1 FROM json_each(r.metadata) WHERE value IN ({}))"
    if takes_none:  # without the name is as good as ""
        others = [(id, value) for id, value, fits in known if not fits]
        search.add("NOT " + within.format(_list(others)))
        return
    fitting = [(id, value) for id, value, fits in known if fits]
    if not fitting:
        raise Nothing
    told_apart = all(id > 0 and value != OTHER for id, value in fitting) and "metadata" not in search.named
    search.add(within.format(_list(fitting)), rolled=f"r.metadata IN ({_list(fitting)})" if told_apart else None)
    search.named.add("metadata")
    if len(fitting) <= _ALTERNATIVES:
        search.match.append(_either(term(METADATA_LETTER, id) for id, _ in fitting))


def _limit(search: Search, member: str, number: str, limits: Range) -> None:
    parts = [f"{number} IS NOT NULL"]
    if limits.least is not None:
        parts.append(f"{number} >= {limits.least}")
    if limits.most is not None:
        parts.append(f"{number} <= {limits.most}")
    search.add(" AND ".join(parts))
    first = max(limits.least or 0, 0).bit_length()
    last = 45 if limits.most is None else min(max(limits.most, 0).bit_length(), 45)
    search.match.append(_either(f"{SIZES[member]}={bits}" for bits in range(first, last + 1)) if first <= last else '"none"')


def _either(terms: Iterable[str]) -> str:
    return "(" + " OR ".join(f'"{each}"' for each in terms) + ")"


def _with(db: sqlite3.Connection, letter: str, text: str) -> list[int]:
    """The requests with a term that stands for a text."""
    query = "SELECT rowid FROM find WHERE find MATCH ?"
    return [n for (n,) in db.execute(query, (f'"{letter}={hashed(text)}"',))]


def _rated(db: sqlite3.Connection, limits: Range) -> list[int]:
    """The requests whose mean of what was said of them lies within limits."""
    low = "1" if limits.least is None else f"1000 * score >= {limits.least} * weight"
    high = "1" if limits.most is None else f"1000 * score <= {limits.most} * weight"
    return [n for (n,) in db.execute(f"SELECT n FROM rated WHERE rated AND weight AND {low} AND {high}")]  # noqa: S608 - numbers


def _text(db: sqlite3.Connection, blocks: Blocks, search: Search, sought: list[str]) -> None:
    match = " AND ".join(f'"{word}"' for word in sought)
    places = [at for (at,) in db.execute("SELECT rowid FROM said WHERE said MATCH ? LIMIT ?", (match, _FEW + 1))]
    if not places:
        raise Nothing
    if len(places) <= _FEW:
        search.only(blocks.numbers(places))
    else:
        # Words are letters and digits: there is nothing to escape.
        search.add(f"r.at IN (SELECT rowid FROM said WHERE said MATCH '{match}')")  # noqa: S608
