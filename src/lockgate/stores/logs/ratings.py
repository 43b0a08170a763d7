"""What people said of traces: one small file beside the days, since it is said on another day, or before the request is kept.

Days hold what it comes to for each of their requests. So that nothing falls between the two, whoever keeps requests holds this
file's lock meanwhile: what is said is either there before them, or looks for them afterwards.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec

from lockgate.stores.logs.names import shortened
from lockgate.stores.logs.ports import Feedback
from lockgate.stores.logs.rows import LARGEST

_SCHEMA = """
    CREATE TABLE feedback (
        id TEXT PRIMARY KEY, trace TEXT NOT NULL, time_us INTEGER NOT NULL, value INTEGER NOT NULL, weight INTEGER NOT NULL,
        metadata TEXT NOT NULL, organisation TEXT NOT NULL, workspace TEXT NOT NULL
    );
    CREATE INDEX feedback_trace ON feedback (trace, time_us);
    PRAGMA user_version = 1;
"""
_OF_TRACES = "FROM feedback WHERE trace IN (SELECT value FROM json_each(?))"
_SAY = "INSERT OR REPLACE INTO feedback VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

#: How many said it, the sum of the weights, and that of the values by their weights.
Sum = tuple[int, int, int]
#: What was said of a trace, by the organisations that said it.
Said = Mapping[str, Sum]
_NOTHING: Sum = (0, 0, 0)


class Ratings:
    """The file of what people said. Methods raise `sqlite3.Error`."""

    def __init__(self, path: Path, *, busy_s: float) -> None:
        self.path = path
        self._busy_s = busy_s

    def __repr__(self) -> str:
        return f"Ratings({self.path})"

    @contextmanager
    def held(self) -> Iterator[Callable[[Sequence[str]], dict[str, Said]]]:
        """Nobody says anything meanwhile. Gives what looks up what was said of traces."""
        with self._open(write=True) as db:
            db.execute("BEGIN IMMEDIATE")
            anything = db.execute("SELECT 1 FROM feedback LIMIT 1").fetchone() is not None
            yield lambda traces: _sums(db, traces) if anything else {}
            db.execute("COMMIT")

    def say(self, feedback: Sequence[Feedback]) -> dict[str, Said]:
        """Keep it; what is now said of the traces concerned, of those too that were meant before."""
        with self._open(write=True) as db:
            db.execute("BEGIN IMMEDIATE")
            ids = json.dumps([each.id for each in feedback])
            rows = db.execute("SELECT trace FROM feedback WHERE id IN (SELECT value FROM json_each(?))", (ids,))
            traces = {trace for (trace,) in rows} | {each.trace_id for each in feedback}
            db.executemany(_SAY, map(_row, feedback))
            sums = _sums(db, sorted(traces))
            db.execute("COMMIT")
        return {trace: sums.get(trace, {}) for trace in traces}

    def of(self, traces: Sequence[str]) -> list[Feedback]:
        """What was said of traces, oldest first."""
        if not self.path.exists():
            return []
        with self._open() as db:
            if not db.execute("PRAGMA user_version").fetchone()[0]:
                return []  # a reader came between the file's making and its table's
            rows = db.execute(f"SELECT * {_OF_TRACES} ORDER BY time_us, id", (json.dumps(traces),)).fetchall()
        return [
            Feedback(
                id, trace, time_us, value, weight, msgspec.json.decode(metadata, type=dict[str, str]), organisation, workspace
            )
            for id, trace, time_us, value, weight, metadata, organisation, workspace in rows
        ]

    def prune(self, before_us: int) -> None:
        """Forget what was said before."""
        if self.path.exists():
            with self._open(write=True) as db:
                db.execute("DELETE FROM feedback WHERE time_us < ?", (before_us,))

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        if write:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = str(self.path) if write else f"file:{quote(str(self.path))}?mode=ro"
        with closing(sqlite3.connect(place, timeout=self._busy_s, isolation_level=None, uri=not write)) as db:
            if write and not db.execute("PRAGMA user_version").fetchone()[0]:
                db.execute("BEGIN IMMEDIATE")
                (version,) = db.execute("PRAGMA user_version").fetchone()
                db.execute("COMMIT")
                if not version:
                    db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            yield db


def counted(said: Said, organisation: str) -> Sum:
    """What of it counts with a request of an organisation: what that said, and what nobody's said."""
    rated, weight, score = said.get("", _NOTHING)
    if organisation and (own := said.get(shortened(organisation))) is not None:
        return rated + own[0], weight + own[1], score + own[2]
    return rated, weight, score


def _sums(db: sqlite3.Connection, traces: Sequence[str]) -> dict[str, Said]:
    rows = db.execute(
        f"SELECT trace, organisation, count(*), sum(weight), sum(value * weight) {_OF_TRACES} GROUP BY trace, organisation",
        (json.dumps(traces),),
    )
    found: dict[str, dict[str, Sum]] = {}
    for trace, organisation, rated, weight, score in rows:
        found.setdefault(trace, {})[shortened(organisation)] = (rated, weight, score)
    return dict(found)


def _row(each: Feedback) -> tuple[object, ...]:
    weight, value = min(max(each.weight, 0), LARGEST >> 8), min(max(each.value, -100), 100)
    metadata = msgspec.json.encode(dict(each.metadata)).decode()
    return each.id, each.trace_id, each.time_us, value, weight, metadata, each.organisation, each.workspace
