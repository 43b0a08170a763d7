"""The tables of the log.

`log_requests`, `log_bodies` and `log_rollups` are partitioned by the day (UTC, days since the epoch), so that to forget a day
is to drop tables. A partition is made like its parent when its day begins (`days`); whatever a migration adds to a parent, its
partitions get too.

A request's row holds what it is searched and counted by, and `facts`: its record without bodies. Names are texts, byte by byte
compared. `terms` are hashes of all its names and of the sizes of its numbers: one GIN index finds any combination of rare
values, where frequent ones are met soon on the way through the primary key. `said` are the words of prompt and answer; those
of a long one are kept out of line. Bodies lie in blocks (`bodies`), of which a row knows its own and its place in it.

`log_batches` are the batches whose requests are not in the roll-ups yet: these are counted from their rows. `log_rollups` are
sums over a minute, an hour or a day, each for one cut (`stores.logs.cuts`); names that its cut does not tell apart are NULL.
`log_names` and `log_full` say which values they tell apart (`apart`).
"""

from __future__ import annotations

#: What a roll-up can tell apart, but for metadata; `status` is a number.
NAMES = (
    "user", "key", "key_name", "organisation", "workspace",
    "route", "provider", "model_asked", "model_sent", "model_served", "operation", "outcome", "error", "cache",
)  # fmt: skip
TOLD = (*NAMES, "status", "metadata_name", "metadata_value")

#: The columns of `log_requests`, in the order in which rows are written.
COLUMNS = (
    "time_us", "batch", "block", "trace", "span", "input", "output", "cached", "cost_nusd", "saved_nusd", "latency_us",
    "ttft_us", "gateway_us", "weight", "score", "day", "rated", "status", "at", "flags", "latency", "ttft", "gap", "strange",
    "id", *NAMES, "metadata", "terms", "said", "facts", "given",
)  # fmt: skip

#: The sums of a roll-up as the first version has them; what comes later, comes by a migration.
_SUMS = (
    "requests", "refused", "failed", "broken", "client_left", "rescued", "retried", "streams", "stalled", "input", "output",
    "cached", "cost_nusd", "unpriced", "hits", "semantic_hits", "saved_nusd", "hit_us", "latency_us", "gateway_us", "rated",
    "weight", "score",
)  # fmt: skip

_TEXT = 'text COLLATE "C"'
_names = ", ".join(f'"{name}" {_TEXT} NOT NULL' for name in NAMES)
_told = ", ".join(f'"{name}" {_TEXT}' for name in (*NAMES, "metadata_name", "metadata_value"))

_FIRST = f"""
    CREATE SEQUENCE log_numbers;
    CREATE TABLE log_requests (
        time_us bigint NOT NULL, batch bigint NOT NULL, block bigint, trace bigint, span bigint,
        input bigint, output bigint, cached bigint NOT NULL, cost_nusd bigint, saved_nusd bigint NOT NULL,
        latency_us bigint NOT NULL, ttft_us bigint, gateway_us bigint NOT NULL, weight bigint NOT NULL, score bigint NOT NULL,
        day integer NOT NULL, rated integer NOT NULL, status integer NOT NULL, at smallint NOT NULL, flags smallint NOT NULL,
        latency smallint NOT NULL, ttft smallint, gap smallint, strange boolean NOT NULL,
        id {_TEXT} NOT NULL, {_names},
        metadata jsonb, terms integer[] NOT NULL, said tsvector, facts bytea NOT NULL,
        PRIMARY KEY (day, time_us, id)
    ) PARTITION BY LIST (day);
    ALTER TABLE log_requests ALTER said SET STORAGE EXTERNAL, ALTER facts SET STORAGE EXTERNAL;
    CREATE STATISTICS log_requests_tokens ON (input + output) FROM log_requests;
    CREATE INDEX log_requests_terms ON log_requests USING gin (terms);
    CREATE INDEX log_requests_said ON log_requests USING gin (said);
    CREATE INDEX log_requests_trace ON log_requests (trace);
    CREATE INDEX log_requests_span ON log_requests (span) WHERE span IS NOT NULL;
    CREATE INDEX log_requests_batch ON log_requests (batch);
    CREATE INDEX log_requests_strange ON log_requests (id) WHERE strange;
    CREATE INDEX log_requests_rated ON log_requests (time_us) WHERE rated > 0;

    CREATE TABLE log_bodies (
        day integer NOT NULL, name {_TEXT} NOT NULL, data bytea NOT NULL, PRIMARY KEY (day, name)
    ) PARTITION BY LIST (day);
    ALTER TABLE log_bodies ALTER data SET STORAGE EXTERNAL;

    CREATE TABLE log_batches (
        day integer NOT NULL, batch bigint NOT NULL, requests integer NOT NULL, PRIMARY KEY (day, batch)
    );

    CREATE TABLE log_rollups (
        start_us bigint NOT NULL, span_us bigint NOT NULL, {", ".join(f"{name} bigint NOT NULL" for name in _SUMS)},
        day integer NOT NULL, status integer, cut smallint NOT NULL, key_hash bytea NOT NULL, {_told},
        latency bytea NOT NULL, ttft bytea NOT NULL, gap bytea NOT NULL,
        PRIMARY KEY (day, key_hash)
    ) PARTITION BY LIST (day);
    CREATE INDEX log_rollups_cut ON log_rollups (cut, span_us, start_us);

    CREATE TABLE log_feedback (
        id {_TEXT} PRIMARY KEY, trace bigint NOT NULL, time_us bigint NOT NULL, value bigint NOT NULL, weight bigint NOT NULL,
        organisation {_TEXT} NOT NULL, data bytea NOT NULL
    );
    CREATE INDEX log_feedback_trace ON log_feedback (trace);
    CREATE INDEX log_feedback_time ON log_feedback (time_us);
"""

#: By whom an answer from the cache is found: the request whose answer it was.
_GIVEN = """
    ALTER TABLE log_requests ADD COLUMN given bigint;
    CREATE INDEX log_requests_given ON log_requests (given) WHERE given IS NOT NULL;
"""

#: Some cuts are rolled up over shorter times too: all that was rolled up before is rolled up again.
_FINER = """
    INSERT INTO log_batches SELECT day, batch, count(*) FROM log_requests GROUP BY 1, 2 ON CONFLICT DO NOTHING;
    DELETE FROM log_rollups;
"""

#: Which values roll-ups tell apart. All that had a roll-up of its own keeps it.
_APART = f"""
    CREATE TABLE log_names (day integer, kind {_TEXT}, name {_TEXT}, PRIMARY KEY (day, kind, name));
    CREATE TABLE log_full (day integer, kind {_TEXT}, PRIMARY KEY (day, kind));
    INSERT INTO log_names
        SELECT DISTINCT r.day, k.kind, k.name FROM log_rollups r CROSS JOIN LATERAL (VALUES
            ('user', r."user"), ('key', r.key), ('key_name', r.key_name), ('route', r.route), ('provider', r.provider),
            ('model_asked', r.model_asked), ('model_sent', r.model_sent), ('model_served', r.model_served), ('error', r.error),
            ('metadata.' || r.metadata_name, r.metadata_value)
        ) AS k(kind, name) WHERE k.name IS NOT NULL;
"""  # noqa: S608 - no values in it

#: How many retries rescued requests took, as a sketch. What was rolled up before has nothing in it: it counts as retried, and
#: nobody knows how often.
_COUNTED = """
    ALTER TABLE log_rollups ADD COLUMN retries bytea NOT NULL DEFAULT '';
"""

#: What log records say was said in spans (see `stores.logs.spoken`).
_SPOKEN = f"""
    CREATE TABLE log_spoken (
        day integer NOT NULL, span bytea NOT NULL, id {_TEXT} NOT NULL, data bytea NOT NULL, PRIMARY KEY (day, span, id)
    ) PARTITION BY LIST (day);
    ALTER TABLE log_spoken ALTER data SET STORAGE EXTERNAL;
"""

#: Each brings the schema one version further; never changed once released.
MIGRATIONS = (_FIRST, _GIVEN, _FINER, _APART, _COUNTED, _SPOKEN, _FINER)
#: The tables that are partitioned by the day, and what each of their partitions is told besides.
PARTITIONED = {
    "log_requests": "",
    "log_bodies": "",
    "log_spoken": "",
    # Roll-ups are changed in place again and again, as long as their day lasts.
    "log_rollups": "fillfactor = 70",
}
#: What a batch is written into first, one connection at a time.
INCOMING = """
    CREATE TEMP TABLE IF NOT EXISTS log_incoming (LIKE log_requests) ON COMMIT DELETE ROWS;
    CREATE TEMP TABLE IF NOT EXISTS log_rolling (LIKE log_rollups) ON COMMIT DELETE ROWS;
"""
