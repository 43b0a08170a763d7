"""The words by which answers are found, in PostgreSQL with pgvector: a table beside that of the answers, whose rows go with
theirs, however these go. The server searches it.

Of a small partition it compares all vectors; of one that is a large part of the table it walks a graph (HNSW) and passes over
what is of others. Which of the two is cheaper its planner knows. What there is of others costs time, and is never given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg import errors
from psycopg.adapt import Dumper
from psycopg.pq import Format

from lockgate.stores.cache.lanes import Lanes
from lockgate.stores.cache.port import Wording
from lockgate.stores.cache.postgres_server import MAKER, TABLE, Prompt, Timed, connect_loop, sentence
from lockgate.stores.cache.trouble import Clock, Trouble
from lockgate.stores.ports import StoreError

#: The table. The number is that of its layout, which is for vectors of so many numbers.
WORDS: Final = "lockgate_cache_words_1"
WIDTH: Final = 256
#: The extension whose type it has.
EXTENSION: Final = "vector"
#: How many of the nearest are given.
_CANDIDATES = 8
#: A connection answers one search after the other, each in some milliseconds: so many are asked at once.
_BATCH = 4
_LINE_S = 1.0
#: Where there was no table, it is looked again after so many seconds.
_AGAIN_S = 60.0
#: How many neighbours are looked at where a text is put into the graph, and where one is looked for. With pgvector's own 64 and
#: 40 it found two thirds of the hits that a look at all gives, with these nine tenths, in 4 ms instead of 2
#: (`bench.nearest_postgres`).
_MADE, _WALKED = 200, 200
#: A walk goes on until enough of the partition was met (pgvector 0.8; older ones find less).
_SETTINGS = f"-c hnsw.iterative_scan=relaxed_order -c hnsw.ef_search={_WALKED}"

_SCHEMA = (
    f"""CREATE UNLOGGED TABLE IF NOT EXISTS {WORDS} (
        key BYTEA PRIMARY KEY REFERENCES {TABLE} ON DELETE CASCADE, partition BYTEA NOT NULL, id TEXT NOT NULL,
        expires_us BIGINT NOT NULL, words BYTEA NOT NULL, vector vector({WIDTH}) NOT NULL
    )""",
    f"CREATE INDEX IF NOT EXISTS {WORDS}_near ON {WORDS}"
    f" USING hnsw (vector vector_cosine_ops) WITH (ef_construction = {_MADE})",
    f"CREATE INDEX IF NOT EXISTS {WORDS}_partition ON {WORDS} (partition)",
)
KEEP_WORDS: Final = (
    f"INSERT INTO {WORDS} (key, partition, id, expires_us, words, vector) VALUES (%s, %s, %s, %s, %s, %b)"  # noqa: S608 - ours
    " ON CONFLICT (key) DO UPDATE SET partition = excluded.partition, id = excluded.id, expires_us = excluded.expires_us,"
    " words = excluded.words, vector = excluded.vector"
)
_NEAREST = cast(
    "LiteralString",
    f"""SELECT key, id, expires_us, words, 1 - (vector <=> %b) FROM {WORDS} WHERE partition = %s AND expires_us > %s
        ORDER BY vector <=> %b LIMIT {_CANDIDATES}""",  # noqa: S608 - ours
)

Found = list[tuple[Wording, float]]


class _Vector(bytes):
    """A vector, as pgvector receives it."""


class _VectorDumper(Dumper):
    """Hands it over. Which type it is, the server knows from where it stands: extensions' types have numbers of their own."""

    format = Format.BINARY

    def dump(self, obj: _Vector) -> bytes:
        return obj


psycopg.adapters.register_dumper(_Vector, _VectorDumper)


class WordTable:
    """What a thread that writes knows of the table. It is made when somebody wants it (`wanted`) and not before: it needs an
    extension, which not everybody may make."""

    def __init__(self, where: str, report: Callable[[str], None], clock: Clock) -> None:
        self._where = where
        self._report = report
        self._clock = clock
        self._db: Timed | None = None
        self._again_at = 0.0
        self._missing = ""
        self.wanted = False

    def __repr__(self) -> str:
        return f"WordTable({self._missing or 'nothing is missing'})"

    def is_there(self, db: Timed) -> bool:
        """Whether words can be kept. What is missing is told, once. Raises `psycopg.Error`."""
        if not self.wanted:
            return False
        if db is not self._db or (self._missing and self._clock() >= self._again_at):
            missing = _make(db)
            if missing and missing != self._missing:
                self._report(f"cache: {self._where} cannot find answers by likeness (levels verified, judged): {missing}")
            self._db, self._missing, self._again_at = db, missing, self._clock() + _AGAIN_S
        return not self._missing


class Search:
    """Asks the server, on lanes of its own. `look` has the table made, where there is none."""

    def __init__(self, url: str, where: str, look: Callable[[], None], trouble: Trouble) -> None:
        self._url = url
        self._where = where
        self._look = look
        self._lanes: Lanes[Found] = Lanes(where, self._connect, trouble, batch=_BATCH)

    def __repr__(self) -> str:
        return f"Search({self._where})"

    async def nearest(self, partition: bytes, vector: bytes, now_us: int) -> Found:
        """See `SearchingStore`."""
        return await self._lanes.find(now_us.to_bytes(8) + vector + partition) or []

    async def close(self) -> None:
        """Let go of all."""
        await self._lanes.close()

    async def _connect(self) -> _Line:
        try:
            return _Line(await connect_loop(self._url, _LINE_S, _SETTINGS), self._where, self._look)
        except (psycopg.Error, OSError) as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None


class _Line:
    """A connection of the loop's (`lanes.Line`), whose keys are what is searched for."""

    def __init__(self, db: Prompt, where: str, look: Callable[[], None]) -> None:
        self._db = db
        self._where = where
        self._look = look

    async def read(self, keys: Sequence[bytes]) -> dict[bytes, Found]:
        try:
            return {key: await self._nearest(key) for key in keys}
        except errors.UndefinedTable:
            self._look()
            return {}
        except psycopg.Error as error:
            raise StoreError(f"{self._where}: {sentence(error)}") from None

    async def close(self) -> None:
        await self._db.close()

    async def _nearest(self, key: bytes) -> Found:
        now_us, vector, partition = int.from_bytes(key[:8]), key[8 : 8 + 4 * WIDTH], key[8 + 4 * WIDTH :]
        asked = _Vector(_HEAD + _swapped(vector, 4))
        cursor = self._db.cursor(binary=True)
        # Not prepared: whether to walk depends on the partition.
        await cursor.execute(_NEAREST, (asked, partition, now_us, asked), prepare=False)
        return [
            (Wording(partition, key, id, expires_us, words.decode("utf-8", "surrogatepass"), b""), cosine)
            for key, id, expires_us, words, cosine in await cursor.fetchall()
        ]


def words_row(wording: Wording) -> tuple[object, ...]:
    """A row of the table."""
    words, halves = wording.words.encode("utf-8", "surrogatepass"), wording.vector
    whole = bytearray(2 * len(halves))  # what is kept of a number is the upper half of its four bytes
    whole[0::4], whole[1::4] = halves[1::2], halves[0::2]
    return (wording.key, wording.partition, wording.id, wording.expires_us, words, _Vector(_HEAD + whole))


#: What comes before the numbers: how many they are, and two bytes that mean nothing.
_HEAD = WIDTH.to_bytes(2) + b"\0\0"


def _swapped(numbers: bytes, size: int) -> bytearray:
    """Numbers of so many bytes, the most significant first."""
    swapped = bytearray(len(numbers))
    for at in range(size):
        swapped[at::size] = numbers[size - 1 - at :: size]
    return swapped


def _make(db: Timed) -> str:
    """Make the table, unless it is there; what is missing for that, and what to do."""
    if _is_there(db):
        return ""
    try:
        db.execute(cast("LiteralString", f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}"))
    except (errors.FeatureNotSupported, errors.UndefinedFile):
        version = db.info.server_version // 10000
        return (
            f"it has no pgvector. Install it where the server runs (Debian, Ubuntu: postgresql-{version}-pgvector; elsewhere:"
            " github.com/pgvector/pgvector); it is used within a minute, without a restart"
        )
    except errors.InsufficientPrivilege:
        return "this user may not make its extension. Let somebody who may run CREATE EXTENSION vector in this database, once"
    except errors.UniqueViolation:  # another worker makes it at this moment
        pass
    try:
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (MAKER,))
            for statement in _SCHEMA:
                db.execute(cast("LiteralString", statement))
    except errors.UndefinedObject:
        return "its pgvector is too old: 0.5 or later is needed (ALTER EXTENSION vector UPDATE)"
    return ""


def _is_there(db: Timed) -> Any:
    return db.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{WORDS}_partition",)).fetchall()[0][0]
