"""The tables, and how they come to be.

`lockgate_requests` has a row a request, in the order of time, and a partition a day (UTC): to forget a day is to drop its
partition. What one filters by and adds up stands in columns, -1 for what is not known (a NULL has a column of its own, and is
slower); `words` are those that text search finds it by; `facts` is the whole record without its bodies, packed. Bodies stand in
a table of their own, in columns that can be read by SQL.

Both are ReplacingMergeTree: of rows with the same time and id the one of the highest `version` stands, and `FINAL` sees to that
at once, not only when ClickHouse comes to merge. So whatever is inserted twice counts once, and a cost is set anew by a row of
the next version. With time first in the order, parts hardly overlap, and FINAL has next to nothing to do.

Nothing is rolled up: sums are made from the rows, of the few columns that they need. They are exact, tell everything apart, and
follow costs and feedback that change. A materialised view sees what is inserted, not what it replaces: it would count twice.
"""

from __future__ import annotations

from lockgate.stores.logs.clickhouse.client import Client, Refused
from lockgate.stores.logs.clickhouse.literals import text
from lockgate.stores.ports import StoreError

REQUESTS, BODIES, FEEDBACK, VERSIONS = "lockgate_requests", "lockgate_bodies", "lockgate_feedback", "lockgate_schema"
SPOKEN = "lockgate_spoken"
#: The least version that is asked (Map, tokenbf_v1 with hasToken, ZSTD, partitions in FINAL by themselves, DELETE).
LEAST = (23, 3)
_NO_DATABASE = 81
#: The latest moment that a partition can be of, in µs: 2106, when 32 bits of seconds end.
LAST_US = (2**32 - 1) * 1_000_000

_DAY = "toYYYYMMDD(toDateTime(intDiv(time_us, 1000000), 'UTC'))"
#: The columns of numbers → their types, in the order of `rows`.
NUMBERS = {
    "time_us": "Int64 CODEC(Delta, ZSTD(1))", "version": "UInt32", "status": "Int32", "stream": "UInt8", "rescued": "UInt8",
    "retried": "UInt8", "stalled": "UInt8", "input": "Int64", "output": "Int64", "cached": "Int64", "cost_nusd": "Int64",
    "saved_nusd": "Int64", "latency_us": "Int64", "ttft_us": "Int64", "gateway_us": "Int64",
    "latency": "Int16", "ttft": "Int16", "gap": "Int16",
}  # fmt: skip
#: The columns of words that recur, named as in `Record`.
NAMES = (
    "organisation", "workspace", "user", "key_id", "key_name", "route", "provider", "model_asked", "model_sent", "model_served",
    "operation", "outcome", "error_code", "cache",
)  # fmt: skip
_TEXTS = {
    "id": "String CODEC(ZSTD(1))", "trace_id": "String CODEC(ZSTD(1))", "span_id": "String CODEC(ZSTD(1))",
    "metadata": "Map(LowCardinality(String), String) CODEC(ZSTD(1))", "words": "String CODEC(ZSTD(1))",
    "facts": "String CODEC(ZSTD(3))",
}  # fmt: skip
#: What came later, after all others: by the second migration, and by the third.
_GIVEN = {"cached_id": "String CODEC(ZSTD(1))"}
_COUNTED = {"retries": "UInt8 CODEC(ZSTD(1))"}
COLUMNS = (*NUMBERS, *NAMES, *_TEXTS, *_GIVEN, *_COUNTED)
BODY_COLUMNS = ("time_us", "id", "request", "response", "sent", "received")


def _columns() -> str:
    kinds = [
        *(f"{name} {kind}" if "CODEC" in kind else f"{name} {kind} CODEC(ZSTD(1))" for name, kind in NUMBERS.items()),
        *(f"{name} LowCardinality(String) CODEC(ZSTD(1))" for name in NAMES),
        *(f"{name} {kind}" for name, kind in _TEXTS.items()),
    ]
    return ", ".join(kinds)


#: Each brings the schema one version further, by statements that may be made again; never changed once released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        f"""CREATE TABLE IF NOT EXISTS {REQUESTS} ({_columns()},
            INDEX by_id id TYPE bloom_filter(0.01) GRANULARITY 4,
            INDEX by_trace trace_id TYPE bloom_filter(0.01) GRANULARITY 4,
            INDEX by_span span_id TYPE bloom_filter(0.01) GRANULARITY 4,
            INDEX by_words words TYPE tokenbf_v1(65536, 3, 0) GRANULARITY 4
        ) ENGINE = ReplacingMergeTree(version) PARTITION BY {_DAY} ORDER BY (time_us, id) SETTINGS index_granularity = 1024""",
        f"""CREATE TABLE IF NOT EXISTS {BODIES} (
            time_us Int64 CODEC(Delta, ZSTD(1)), id String CODEC(ZSTD(1)), request String CODEC(ZSTD(3)),
            response String CODEC(ZSTD(3)), sent String CODEC(ZSTD(3)), received String CODEC(ZSTD(3))
        ) ENGINE = ReplacingMergeTree PARTITION BY {_DAY} ORDER BY (time_us, id) SETTINGS index_granularity = 256""",
        f"""CREATE TABLE IF NOT EXISTS {FEEDBACK} (
            id String, trace_id String, time_us Int64, value Int64, weight Int64, organisation String, workspace String,
            metadata String
        ) ENGINE = ReplacingMergeTree ORDER BY id""",
    ),
    (
        *(f"ALTER TABLE {REQUESTS} ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _GIVEN.items()),
        f"ALTER TABLE {REQUESTS} ADD INDEX IF NOT EXISTS by_cached cached_id TYPE bloom_filter(0.01) GRANULARITY 4",
    ),
    tuple(f"ALTER TABLE {REQUESTS} ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in _COUNTED.items()),
    (
        f"""CREATE TABLE IF NOT EXISTS {SPOKEN} (time_us Int64, span String, id String, data String)
        ENGINE = ReplacingMergeTree PARTITION BY {_DAY} ORDER BY (span, id) SETTINGS index_granularity = 256""",
    ),
)
_VERSIONS = f"CREATE TABLE IF NOT EXISTS {VERSIONS} (version UInt32) ENGINE = ReplacingMergeTree ORDER BY version"


def prepare(client: Client, database: str) -> None:
    """See that the server is new enough and that the tables are there. Raises `StoreError`."""
    version = client.run("SELECT version()", database=False)[:20].decode("utf-8", "replace").partition("\n")[0]
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if not numbers:
        raise StoreError(f"{client.place}: the answer is none of ClickHouse's.")
    if numbers < LEAST:
        least = ".".join(map(str, LEAST))
        raise StoreError(f"{client.place} is of version {version}, which is too old: {least} or later is needed.")
    try:
        client.run(_VERSIONS)
    except Refused as error:
        if error.code != _NO_DATABASE:
            raise
        try:
            client.run(f"CREATE DATABASE IF NOT EXISTS {_quoted(database)}", database=False)
        except Refused:
            raise error from None
        client.run(_VERSIONS)
    ((known,),) = client.rows(f"SELECT max(version) FROM {VERSIONS}")
    if known > len(MIGRATIONS):
        raise StoreError(f"{client.place} was written by a later version of this program (schema {known}).")
    for number, statements in enumerate(MIGRATIONS[known:], known + 1):
        for statement in statements:
            client.run(statement)
        client.run(f"INSERT INTO {VERSIONS} VALUES ({number})")


def _quoted(name: str) -> str:
    """A name: as a text, in other quotes."""
    return "`" + text(name)[1:-1].replace("`", "\\`") + "`"
