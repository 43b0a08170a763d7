"""The tables of one day of the request log, and what a column holds.

`requests` is narrow: one row a request, numbered so that the order of numbers is the order of time (`n`: the millisecond of the
day, then twenty bits of the id). Words that recur (a model, a user, a value of metadata) stand once in `names` and are known by
their number there: what a filter names and a day has not is found out by one look. `find` is an index of terms, made with
FTS5 and kept without the texts: for each request a term for its every name and for the size of its every number; it answers
any combination of them newest first, and is written in a row where a dozen B-trees would be written all over.
`said` is the same for the words of prompts and answers; its rows are known by `at`, a request's place in the blocks. What a
record says beyond that stands in `facts` and `bodies`, in blocks of up to a hundred records in a row, compressed together.

`rollups` are sums over a day, an hour, minutes, each for one *cut*: what it tells apart (see `cuts`). They hold all
requests but those in `fresh`, which are counted from their rows until there are enough of them to be rolled up together.
"""

from __future__ import annotations

from lockgate.stores.logs.cuts import ALL, KEY_MODEL, METADATA, MODEL, RESULT, ROUTE, USER
from lockgate.stores.logs.rollup import DAY_US, FIVE_MINUTES_US, HOUR_US, QUARTER_US

#: Columns whose values are numbers in `names`: what a roll-up can tell apart.
NAMED = (
    "user", "key", "metadata", "key_name", "route", "provider", "model_asked", "model_sent", "model_served",
    "operation", "status", "outcome", "error", "cache", "organisation", "workspace",
)  # fmt: skip
#: Of these, those of which a request has one.
SINGLE = tuple(name for name in NAMED if name != "metadata")

#: The sums of a roll-up as the first version has them; what comes later, comes by a migration.
_SUMS = (
    "requests", "refused", "failed", "broken", "client_left", "rescued", "retried", "streams", "stalled", "input", "output",
    "cached", "cost_nusd", "unpriced", "hits", "semantic_hits", "saved_nusd", "hit_us", "latency_us", "gateway_us", "rated",
    "weight", "score",
)  # fmt: skip

_REQUESTS = f"""
    CREATE TABLE names (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (kind, name));
    CREATE TABLE requests (
        n INTEGER PRIMARY KEY, us INTEGER NOT NULL, id BLOB NOT NULL, at INTEGER NOT NULL,
        {", ".join(f'"{name}" INTEGER NOT NULL' for name in SINGLE)}, metadata TEXT,
        flags INTEGER NOT NULL, input INTEGER, output INTEGER, cached INTEGER NOT NULL,
        cost_nusd INTEGER, saved_nusd INTEGER NOT NULL,
        latency_us INTEGER NOT NULL, ttft_us INTEGER, gateway_us INTEGER NOT NULL,
        latency INTEGER NOT NULL, ttft INTEGER, gap INTEGER
    );
    CREATE TABLE fresh (n INTEGER PRIMARY KEY);
    CREATE TABLE rated (n INTEGER PRIMARY KEY, rated INTEGER NOT NULL, weight INTEGER NOT NULL, score INTEGER NOT NULL);
    CREATE VIRTUAL TABLE find USING fts5 (terms, content='', columnsize=0, detail=none, tokenize="ascii tokenchars '='");
    CREATE VIRTUAL TABLE said USING fts5 (words, content='', columnsize=0, detail=none, tokenize="ascii");
    CREATE TABLE facts (block INTEGER PRIMARY KEY, numbers BLOB NOT NULL, data BLOB NOT NULL);
    CREATE TABLE bodies (block INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE rollups (
        cut INTEGER NOT NULL, span_us INTEGER NOT NULL, {", ".join(f'"{name}" INTEGER NOT NULL' for name in NAMED)},
        start_us INTEGER NOT NULL, {", ".join(f"{name} INTEGER NOT NULL" for name in _SUMS)},
        latency BLOB NOT NULL, ttft BLOB NOT NULL, gap BLOB NOT NULL,
        PRIMARY KEY (cut, span_us, {", ".join(f'"{name}"' for name in NAMED)}, start_us)
    ) WITHOUT ROWID;
"""

#: Some cuts are rolled up over shorter times too (`SINCE`): all that was rolled up before is rolled up again.
_FINER = """
    INSERT OR IGNORE INTO fresh SELECT n FROM requests;
    DELETE FROM rollups;
"""

#: How many retries rescued requests took (a packed sketch). What was rolled up before has nothing in it: it counts as retried,
#: and nobody knows how often.
_COUNTED = """
    ALTER TABLE rollups ADD COLUMN retries BLOB NOT NULL DEFAULT x'80';
"""

#: What log records say was said in spans (see `spoken`).
_SPOKEN = """
    CREATE TABLE spoken (span BLOB NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (span, id));
"""

#: Each brings the schema one version further; never changed once released.
MIGRATIONS = (_REQUESTS, _FINER, _COUNTED, _SPOKEN, _FINER)
#: The versions from which a day has those.
FINER, COUNTED, SPOKEN, QUARTERS = 2, 3, 4, 5
#: A cut, and how long roll-ups last that not every day has → the version from which a day has them.
SINCE = {
    **{(cut, FIVE_MINUTES_US): FINER for cut in (MODEL, RESULT, ROUTE)},
    **{(cut, HOUR_US): FINER for cut in (USER, METADATA)},
    (ALL, QUARTER_US): QUARTERS,
    (KEY_MODEL, DAY_US): QUARTERS,
}
