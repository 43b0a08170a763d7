"""One day of the request log in one SQLite file: its tables, how a batch is written, and how it is read.

`requests` is narrow: what is searched by, numbered (`n`) in the order of arrival. What a record says beyond that stands in
`facts`, its bodies in `bodies`, both in blocks of up to a hundred records in a row, compressed together (under 1 µs a
record, one by one it would take 11); a block is known by the `n` of its first record. `minutes` are the roll-ups, written
in the same transaction and only for rows that were new, so that neither a repeated batch nor a crash counts anything twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import msgspec
import zstandard

from lockgate.core.record import Record, pack, time_of_id, unpack
from lockgate.stores.logs.ports import Cursor, Filter, glob
from lockgate.stores.logs.rollup import NAME, Minute, roll_up, whole
from lockgate.stores.logs.sketch import Sketch, merged
from lockgate.stores.ports import StoreError

T = TypeVar("T")

#: Each brings the schema one version further; never changed once released.
MIGRATIONS = (
    """
    CREATE TABLE requests (
        n INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, id TEXT NOT NULL,
        trace_id TEXT NOT NULL, key_id TEXT NOT NULL, key_name TEXT NOT NULL, provider TEXT NOT NULL,
        model_asked TEXT NOT NULL, model_sent TEXT NOT NULL, model_served TEXT NOT NULL, operation TEXT NOT NULL,
        status INTEGER NOT NULL, outcome TEXT NOT NULL, latency_us INTEGER NOT NULL,
        input INTEGER NOT NULL, output INTEGER NOT NULL, cost_nusd INTEGER,
        UNIQUE (time_us, id)
    );
    CREATE INDEX requests_trace ON requests (trace_id) WHERE trace_id != '';
    CREATE INDEX requests_not_ok ON requests (time_us) WHERE outcome != 'ok';
    CREATE INDEX requests_key ON requests (key_id, time_us);
    CREATE TABLE facts (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE bodies (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE minutes (
        minute_us INTEGER NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, key_id TEXT NOT NULL,
        requests INTEGER NOT NULL, refused INTEGER NOT NULL, failed INTEGER NOT NULL, broken INTEGER NOT NULL,
        client_left INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL,
        cost_nusd INTEGER NOT NULL, unpriced INTEGER NOT NULL, latency_us INTEGER NOT NULL,
        latency BLOB NOT NULL, ttft BLOB NOT NULL,
        PRIMARY KEY (minute_us, provider, model, key_id)
    ) WITHOUT ROWID;
    """,
)

BLOCK_RECORDS = 100
BLOCK_BYTES = 1024 * 1024
#: Bytes of requests that are read at a time when many records are.
SCANNED_BYTES = 16 * 1024 * 1024

_INSERT = "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MINUTE_FIELDS = Minute.__struct_fields__
_SUMS = _MINUTE_FIELDS[4:-2]
_ADD = (
    f"INSERT INTO minutes ({', '.join(_MINUTE_FIELDS)}) VALUES ({', '.join('?' * len(_MINUTE_FIELDS))}) "  # noqa: S608 - names of ours
    f"ON CONFLICT DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in _SUMS)}, "
    "latency = merged(latency, excluded.latency), ttft = merged(ttft, excluded.ttft)"
)
_FACTS = "SELECT first, data FROM facts WHERE first <= ? ORDER BY first DESC LIMIT 1"
_BODIES = "SELECT first, data FROM bodies WHERE first = ?"
#: Member of a filter → condition. The order is that of `_values`.
_CONDITIONS: dict[str, str] = {
    "since_us": "time_us >= ?",
    "until_us": "time_us < ?",
    "status": "status BETWEEN ? AND ?",
    "outcome": "outcome = ?",
    "provider": "provider = ?",
    "key": "(key_id = ? OR key_name = ?)",
    "trace": "(trace_id = ? AND trace_id != '' OR time_us BETWEEN ? AND ? AND id = ?)",
    "min_latency_us": "latency_us >= ?",
    "model": "(model_asked GLOB ? OR model_sent GLOB ? OR model_served GLOB ?)",
}

_facts = msgspec.msgpack.Decoder(list[bytes])
_bodies = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])


class Damage(sqlite3.DatabaseError):
    """What is stored in the file makes no sense."""


class Day:
    """An open day. Methods raise `sqlite3.Error`; `StoreError` when the file is of a later version than this program."""

    def __init__(self, path: Path, *, busy_s: float, write: bool = False) -> None:
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._decompressor = zstandard.ZstdDecompressor()
        self._db = _connect(path, busy_s, write)
        try:
            if write:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")
                self._db.create_function("merged", 2, merged, deterministic=True)
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise StoreError(f"{path} was written by a later version of this program (schema {version})")
            if write:
                self._migrate(version)
            self.is_empty = version == 0 and not write  # a reader came between the file's making and its tables'
        except (sqlite3.Error, StoreError):
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file (and fold its write-ahead log into it)."""
        self._db.close()

    def append(self, records: Sequence[Record]) -> int:
        """Write a batch in one transaction; how many records were new."""
        if not self._insert(records):
            records = self._unknown(records)
            self._insert(records)
        return len(records)

    def find(self, meant: Filter, after: Cursor | None, limit: int, *, bodies: bool = False) -> list[Record]:
        """The newest records that are meant, older than `after`; with the bodies of their requests, or with none. There may be
        fewer than `limit` where these are large, but not none."""
        conditions = [condition for name, condition in _CONDITIONS.items() if _values(meant, name)]
        values = [value for name in _CONDITIONS for value in _values(meant, name)]
        if after is not None:
            conditions.append("(time_us, id) < (?, ?)")
            values += [after.time_us, after.id]
        if meant.outcome not in ("", "ok"):
            conditions.append("outcome != 'ok'")  # what the index of these is made for
        where = "WHERE " + " AND ".join(conditions) if conditions else ""
        rows = self._db.execute(
            f"SELECT n FROM requests {where} ORDER BY time_us DESC, id DESC LIMIT ?",  # noqa: S608 - conditions are ours
            [*values, limit],
        ).fetchall()
        loaded: dict[int, list[bytes]] = {}
        if not bodies:
            return [self._record(n, loaded)[0] for (n,) in rows]
        found: list[Record] = []
        block, kept, size = 0, list[tuple[bytes, bytes]](), 0
        for (n,) in rows:
            record, first = self._record(n, loaded)
            if first != block:
                block, (_, kept) = first, self._read(_BODIES, first, _bodies)
            if kept:
                record.request = kept[n - first][0]
                size += len(record.request)
            found.append(record)
            if size >= SCANNED_BYTES:
                break
        return found

    def get(self, id: str, first_us: int, last_us: int) -> Record | None:
        """One record with its bodies, whose time is within the two given."""
        row = self._db.execute(
            "SELECT n FROM requests WHERE time_us BETWEEN ? AND ? AND id = ?", (first_us, last_us, id)
        ).fetchone()
        if row is None:
            return None
        record, first = self._record(row[0], {})
        _, bodies = self._read(_BODIES, first, _bodies)
        if bodies:
            record.request, record.response = bodies[row[0] - first]
        return record

    def minutes(self, since_us: int, until_us: int) -> Iterator[Minute]:
        """The roll-ups of minutes in [since, until), in order."""
        rows = self._db.execute(
            f"SELECT {', '.join(_MINUTE_FIELDS)} FROM minutes WHERE minute_us >= ? AND minute_us < ? ORDER BY 1, 2, 3, 4",  # noqa: S608
            (since_us, until_us),
        )
        for *sums, latency, ttft in rows:
            yield Minute(*sums, latency=Sketch.unpack(latency), ttft=Sketch.unpack(ttft))

    def _migrate(self, version: int) -> None:
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            self._db.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")

    def _insert(self, records: Sequence[Record]) -> bool:
        """Write records that should all be new; when one is not, nothing is written, and the answer is False."""
        execute = self._db.execute
        execute("BEGIN IMMEDIATE")
        try:
            (last,) = execute("SELECT ifnull(max(n), 0) FROM requests").fetchone()
            before = self._db.total_changes
            self._db.executemany(_INSERT, map(_row, range(last + 1, last + 1 + len(records)), records))
            if self._db.total_changes - before != len(records):
                return False
            for start, stop in _blocks(records):
                self._write_block(last + start + 1, records[start:stop])
            self._db.executemany(_ADD, map(_minute_row, roll_up(records)))
            execute("COMMIT")
            return True
        finally:
            if self._db.in_transaction:
                execute("ROLLBACK")

    def _unknown(self, records: Sequence[Record]) -> list[Record]:
        """Those that are not in the file, each once. Only this process writes, so that it stays true."""
        known = "SELECT 1 FROM requests WHERE time_us = ? AND id = ?"
        once = {record.id: record for record in reversed(records)}
        return [
            record
            for record in reversed(once.values())
            if self._db.execute(known, (whole(record.time_us), record.id)).fetchone() is None
        ]

    def _write_block(self, first: int, records: Sequence[Record]) -> None:
        self._write("INSERT INTO facts VALUES (?, ?)", first, [pack(record, bodies=False) for record in records])
        if any(record.request or record.response for record in records):
            self._write("INSERT INTO bodies VALUES (?, ?)", first, [(record.request, record.response) for record in records])

    def _write(self, statement: str, first: int, values: object) -> None:
        self._db.execute(statement, (first, self._compressor.compress(msgspec.msgpack.encode(values))))

    def _record(self, n: int, loaded: dict[int, list[bytes]]) -> tuple[Record, int]:
        """Record `n` without bodies, and the first of its block; `loaded` blocks are not read again."""
        for first, facts in loaded.items():
            if first <= n < first + len(facts):
                break
        else:
            first, facts = self._read(_FACTS, n, _facts)
            loaded[first] = facts
        try:
            return unpack(facts[n - first]), first
        except (msgspec.DecodeError, IndexError) as error:
            raise Damage(f"record {n} cannot be read: {error}") from None

    def _read(self, statement: str, n: int, decoder: msgspec.msgpack.Decoder[list[T]]) -> tuple[int, list[T]]:
        row = self._db.execute(statement, (n,)).fetchone()
        if row is None:
            return 0, []
        try:
            return row[0], decoder.decode(self._decompressor.decompress(row[1]))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise Damage(f"the block of record {n} cannot be read: {error}") from None


def _blocks(records: Sequence[Record]) -> Iterator[tuple[int, int]]:
    """Where blocks begin and end."""
    start = size = 0
    for at, record in enumerate(records, 1):
        size += len(record.request) + len(record.response)
        if at - start == BLOCK_RECORDS or size >= BLOCK_BYTES:
            yield start, at
            start, size = at, 0
    if start < len(records):
        yield start, len(records)


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


def _row(n: int, record: Record) -> tuple[object, ...]:
    usage = record.usage
    return (
        n,
        whole(record.time_us),
        record.id,
        "" if _is_own(record) else record.trace_id[:NAME],
        record.key_id[:NAME],
        record.key_name[:NAME],
        record.provider[:NAME],
        record.model_asked[:NAME],
        record.model_sent[:NAME],
        record.model_served[:NAME],
        record.operation,
        record.status,
        record.outcome,
        whole(record.latency_us),
        0 if usage is None else whole(usage.input),
        0 if usage is None else whole(usage.output),
        None if record.cost_nusd is None else whole(record.cost_nusd),
    )


def _is_own(record: Record) -> bool:
    """Whether the trace is the record's own, made from its id because the caller named none.

    Such a trace is not stored: it is random, and an index of random texts costs a page of disk for each record.
    """
    return record.trace_id == record.id.replace("-", "")


def _own(trace: str) -> tuple[int, int, str]:
    """The record whose own trace it would be: from when, until when, its id."""
    id = f"{trace[:8]}-{trace[8:12]}-{trace[12:16]}-{trace[16:20]}-{trace[20:]}"
    time_us = time_of_id(id)
    return (-1, -1, "") if time_us is None else (time_us, time_us + 999, id)


def _values(meant: Filter, name: str) -> list[object]:
    """The values that a member of a filter gives its condition; [] when it is not set."""
    value = getattr(meant, name)
    if value is None or value == "" or value == 0:
        return []
    if name == "status":
        return list(value)
    if name == "key":
        return [value, value]
    if name == "trace":
        return [value[:NAME], *_own(value)]
    if name == "model":
        return [glob(value)] * 3
    return [value]


def _minute_row(minute: Minute) -> tuple[object, ...]:
    *sums, latency, ttft = msgspec.structs.astuple(minute)
    return (*sums, latency.pack(), ttft.pack())
