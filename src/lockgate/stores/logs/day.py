"""One day of the request log in one SQLite file: how a batch is written, and how it is read. The tables are in `schema`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from lockgate.core.record import Record
from lockgate.stores.logs import rolling, spoken
from lockgate.stores.logs.blocks import Blocks, Damage, Reader
from lockgate.stores.logs.names import Names
from lockgate.stores.logs.ports import Cost, Cursor, Filter
from lockgate.stores.logs.ratings import Said, counted
from lockgate.stores.logs.reprice import reprice
from lockgate.stores.logs.rows import BITS, Rows, number_at, whole_id
from lockgate.stores.logs.schema import MIGRATIONS, QUARTERS, SINGLE, SPOKEN
from lockgate.stores.logs.search import Nothing, of_id, of_trace, span_of_numbers, times, understand
from lockgate.stores.logs.sketch import merged
from lockgate.stores.logs.sums import Answer, Question, Sums
from lockgate.stores.logs.text import indexed
from lockgate.stores.ports import StoreError

#: Bytes of requests that are read at a time when many records are.
SCANNED_BYTES = 16 * 1024 * 1024
_PAGES_KIB = 16 * 1024
_COLUMNS = 4 + len(SINGLE) + 13
_INSERT = f"INSERT OR IGNORE INTO requests VALUES ({', '.join('?' * _COLUMNS)})"  # noqa: S608 - question marks
_OWNER = "SELECT name FROM requests r JOIN names ON names.id = r.organisation WHERE n = ?"
_TELL = "INSERT OR IGNORE INTO spoken SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM spoken WHERE span = ?1) < ?4"
_RATE = "INSERT OR REPLACE INTO rated VALUES (?, ?, ?, ?)"


class Day:
    """An open day, which begins at `start_us`. With `text`, words are made findable as requests are written. `report` is told
    of what is damaged and left out; `opened` may set the connection up.

    Methods raise `sqlite3.Error`; `StoreError` when the file is of a later version than this program.
    """

    def __init__(
        self,
        path: Path,
        start_us: int,
        *,
        busy_s: float,
        report: Callable[[str], None],
        write: bool = False,
        text: bool = True,
        opened: Callable[[sqlite3.Connection], None] = lambda db: None,
    ) -> None:
        self._start_us = start_us
        self._report = report
        self._text = text
        self._db = _connect(path, busy_s, write)
        try:
            opened(self._db)
            if write:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.create_function("merged", 2, merged, deterministic=True)
            self._db.execute(f"PRAGMA cache_size = -{_PAGES_KIB}")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise StoreError(f"{path} was written by a later version of this program (schema {version})")
            if write:
                self._migrate(version)
            self.is_empty = version == 0 and not write  # a reader came between the file's making and its tables'
            self._blocks = Blocks(self._db)
            self._names = Names(self._db)
            self._rows = Rows(self._names, start_us)
            self._fresh = rolling.fresh(self._db) if write else 0
            self._version = len(MIGRATIONS) if write else version
            if write and 0 < version < QUARTERS:
                self.roll_up()
        except (sqlite3.Error, StoreError):
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file (and fold its write-ahead log into it)."""
        self._db.close()

    def append(self, records: Sequence[Record], rated: Mapping[str, Said] | None = None) -> int:
        """Write a batch in one transaction; how many records were new. `rated` is what was said of their traces."""
        numbers = [self._rows.number(record) for record in records]
        pairs = sorted(zip(numbers, records, strict=True), key=lambda pair: pair[0])  # as the indexes want them
        if not self._insert(pairs, rated or {}):
            pairs = self._unknown(pairs)
            self._insert(pairs, rated or {})
        self._fresh += len(pairs)
        if self._fresh >= rolling.FRESH:
            self.roll_up()
        return len(pairs)

    def roll_up(self) -> None:
        """Roll up what is not rolled up yet: when there is enough of it, and before the day is left alone."""
        if not self._fresh:
            return
        with self._transaction():
            rolling.roll_up(self._db, self._names, self._start_us)
        self._fresh = 0

    def rate(self, rated: Mapping[str, Said]) -> None:
        """What is now said of these traces."""
        with self._transaction():
            for trace, said in rated.items():
                for n in of_trace(self._db, trace, self._start_us):
                    row = self._db.execute("SELECT rated, weight, score FROM rated WHERE n = ?", (n,)).fetchone()
                    was, now = row or (0, 0, 0), counted(said, self._db.execute(_OWNER, (n,)).fetchone()[0])
                    if now != was:
                        self._db.execute(_RATE, (n, *now))
                        change = {name: now[at] - was[at] for at, name in enumerate(("rated", "weight", "score"))}
                        rolling.change(self._db, self._names, self._start_us, {n: change})

    def reprice(self, costs: Mapping[str, Cost]) -> int:
        """Set what requests cost, by their ids, in one transaction; how many were changed."""
        with self._transaction():
            changes = reprice(self._db, self._blocks, self._rows, self._start_us, costs)
            rolling.change(self._db, self._names, self._start_us, changes)
        return len(changes)

    def tell(self, told: Sequence[Record]) -> None:
        """Keep what log records say was said in spans."""
        with self._transaction():
            rows = [(spoken.span_of(each), each.id, spoken.packed(each), spoken.MOST) for each in told]
            self._db.executemany(_TELL, rows)

    def told(self, span: Record) -> list[Record]:
        """What was said in a span."""
        if self._version < SPOKEN:
            return []
        rows = self._db.execute("SELECT data FROM spoken WHERE span = ? ORDER BY id", (spoken.span_of(span),))
        return spoken.unpacked(data for (data,) in rows)

    def find(self, meant: Filter, after: Cursor | None, limit: int, *, bodies: bool = False) -> list[Record]:
        """The newest records that are meant, older than `after`; with the bodies of their requests, or with none. There may be
        fewer than `limit` where these are large, but not none."""
        reader = self._blocks.reader()
        found: list[Record] = []
        size = 0
        damage = _Told(self._report)
        more = True
        while more:
            wanted = limit - len(found)
            places = self._places(meant, after, wanted)
            more = False
            for place, _ in places:
                try:
                    record = reader.record(place)
                except Damage as error:
                    damage.tell(error)
                    more = len(places) == wanted  # others may take its place
                    continue
                if bodies:
                    self._add_bodies(reader, record, place, damage)
                    record.response = record.sent = record.received = b""
                    size += len(record.request)
                found.append(record)
                if size >= SCANNED_BYTES:
                    return found
            if more:
                after = places[-1][1]
        return found

    def get(self, id: str) -> Record | None:
        """One record with its bodies."""
        for n in of_id(self._db, id, self._start_us):
            (place,) = self._db.execute("SELECT at FROM requests WHERE n = ?", (n,)).fetchone()
            reader = self._blocks.reader()
            damage = _Told(self._report)
            try:
                record = reader.record(place)
            except Damage as error:
                damage.tell(error)
                continue
            if record.id == id:
                self._add_bodies(reader, record, place, damage)
                return record
        return None

    def sums(self, meant: Filter, since_us: int, until_us: int, asked: Question) -> list[Answer]:
        """What those come to that are meant and lie in [since, until); a group may come several times."""
        try:
            search = understand(self._db, self._blocks, meant, self._start_us)
        except Nothing:
            return []
        # Roll-ups and what is not rolled up yet are read of one moment, whoever rolls up meanwhile.
        self._db.execute("BEGIN")
        try:
            return list(Sums(self._db, self._start_us, search, asked, version=self._version).answer(since_us, until_us))
        finally:
            self._db.execute("ROLLBACK")

    def _add_bodies(self, reader: Reader, record: Record, place: int, damage: _Told) -> None:
        try:
            reader.add_bodies(record, place)
        except Damage as error:
            damage.tell(error)
            record.strip()
            record.truncated = True

    def _migrate(self, version: int) -> None:
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db, (self._names, self._rows, self._blocks))

    def _insert(self, pairs: Sequence[tuple[int, Record]], rated: Mapping[str, Said]) -> bool:
        """Write records that should all be new; when one is not, nothing is written, and the answer is False."""
        if not pairs:
            return True
        db = self._db
        numbers, records = [n for n, _ in pairs], [record for _, record in pairs]
        with self._transaction() as transaction:
            places = self._blocks.write(records, numbers)
            rows = [self._rows.row(record, n, at) for (n, record), at in zip(pairs, places, strict=True)]
            before = db.total_changes
            db.executemany(_INSERT, [row for row, _ in rows])
            if db.total_changes - before != len(rows):
                transaction.fail()
                return False
            db.executemany("INSERT INTO fresh VALUES (?)", [(n,) for n in numbers])
            db.executemany(
                "INSERT INTO find (rowid, terms) VALUES (?, ?)", [(n, row[1]) for n, row in zip(numbers, rows, strict=True)]
            )
            if self._text:
                texts = ((at, indexed(each.request, each.response)) for at, each in zip(places, records, strict=True))
                db.executemany("INSERT INTO said (rowid, words) VALUES (?, ?)", [each for each in texts if each[1]])
            if rated:
                known = [(n, counted(rated[each.trace_id], each.organisation)) for n, each in pairs if each.trace_id in rated]
                db.executemany(_RATE, [(n, *sums) for n, sums in known if sums[0]])
        return True

    def _unknown(self, pairs: Sequence[tuple[int, Record]]) -> list[tuple[int, Record]]:
        """Those that are not in the file, each once, with a number that is free. Only this process appends, so it stays so."""
        taken: dict[int, str] = {}
        found: list[tuple[int, Record]] = []
        for start, record in pairs:
            n = start
            while (id := taken.get(n) or self._id_of(n)) is not None and id != record.id:
                n += 1  # another one of this very millisecond has the same bits by chance
            if id is None:
                taken[n] = record.id
                found.append((n, record))
        return sorted(found, key=lambda pair: pair[0])

    def _id_of(self, n: int) -> str | None:
        row = self._db.execute("SELECT id FROM requests WHERE n = ?", (n,)).fetchone()
        return None if row is None else whole_id(row[0])

    def _places(self, meant: Filter, after: Cursor | None, limit: int) -> list[tuple[int, Cursor]]:
        """Where the records stand that are meant, newest first; and where each is in the log."""
        try:
            search = understand(self._db, self._blocks, meant, self._start_us)
        except Nothing:
            return []
        first, last = span_of_numbers(meant, self._start_us)
        if after is not None:
            last = min(last, number_at(after.time_us, self._start_us) + (1 << BITS) - 1)
        where = [times(meant, self._start_us), search.where()]
        source, order, values = "requests r", "r.n", list[str]()
        if search.numbers is not None:
            source, values = "json_each(?) s CROSS JOIN requests r ON r.n = s.value", [json.dumps(sorted(search.numbers))]
        elif search.match:
            source, order, values = "find CROSS JOIN requests r ON r.n = find.rowid", "find.rowid", [" AND ".join(search.match)]
            where.append("find MATCH ?")
        where.append(f"{order} >= {first} AND {order} <= {last}")
        rows = self._db.execute(
            f"SELECT r.n, r.us, r.id, r.at FROM {source} WHERE {' AND '.join(where)} ORDER BY {order} DESC",  # noqa: S608
            values,
        )
        found: list[tuple[int, Cursor]] = []
        for moment in _moments(rows, self._start_us):
            # Within a millisecond numbers are in no order.
            moment.sort(reverse=True)
            found += [
                (at, Cursor(time_us, id))
                for time_us, id, at in moment
                if after is None or (time_us, id) < (after.time_us, after.id)
            ]
            if len(found) >= limit:
                break
        return found[:limit]


class _Told:
    """Tells of each damage once."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._told: set[str] = set()

    def tell(self, error: Damage) -> None:
        """Tell it, unless it was told."""
        if str(error) not in self._told:
            self._told.add(str(error))
            self._report(f"{error}; it is left out")


class _Transaction:
    """A transaction on a day; when it fails, what was learned in it is forgotten."""

    def __init__(self, db: sqlite3.Connection, learned: Sequence[Names | Rows | Blocks]) -> None:
        self._db = db
        self._learned = learned
        self._failed = False

    def __enter__(self) -> _Transaction:
        self._db.execute("BEGIN IMMEDIATE")
        return self

    def fail(self) -> None:
        """Nothing of it is to be kept."""
        self._failed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None and not self._failed:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                for each in self._learned:
                    each.forget()
                self._db.execute("ROLLBACK")


def _moments(rows: sqlite3.Cursor, start_us: int) -> Iterator[list[tuple[int, str, int]]]:
    """(time, id, place) of the rows of each millisecond."""
    moment: list[tuple[int, str, int]] = []
    now = -1
    for n, us, id, at in rows:
        ms = n >> BITS
        if ms != now and moment:
            yield moment
            moment = []
        now = ms
        moment.append((start_us + ms * 1000 + us, whole_id(id), at))
    if moment:
        yield moment


def _connect(path: Path, busy_s: float, write: bool) -> sqlite3.Connection:
    if write:
        return sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    place = "file:" + quote(str(path))
    try:
        db = sqlite3.connect(place + "?mode=ro", timeout=busy_s, isolation_level=None, uri=True)
        db.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        # A write-ahead log cannot be shared in a directory that cannot be written; then nobody writes there either.
        db = sqlite3.connect(place + "?immutable=1", isolation_level=None, uri=True)
    return db
