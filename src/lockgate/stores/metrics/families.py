"""Every metric there is: its name, what it counts, and its labels. `docs/metrics.md` is made of this table.

Labels are bounded (`names.py`); none tells who asks. Names follow https://prometheus.io/docs/practices/naming/: seconds and
bytes, counters as `_total`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["counter", "gauge", "histogram"]

#: Upper borders of buckets, in µs: of whole requests, of first tokens, of the gateway's own share.
_LONG = tuple(int(1e6 * s) for s in (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600))
_FIRST = tuple(int(1e6 * s) for s in (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60))
_OWN = tuple(int(1e6 * s) for s in (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1))


class Family(msgspec.Struct, frozen=True):
    """One metric. `scale`: what is counted is kept in whole parts of the unit, so many to one (1,000,000: µs for seconds).
    `buckets` of a histogram are in those parts."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    scale: int = 1
    buckets: tuple[int, ...] = ()

    @property
    def sample(self) -> str:
        """The name that its numbers have (those of a histogram add their own endings)."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_TARGET = ("provider", "model")

REQUESTS = Family(
    "lockgate_requests",
    "counter",
    "Requests that have ended, by the class of their HTTP status and by outcome: ok, refused, failed, broken, client_left.",
    ("operation", *_TARGET, "status", "outcome"),
)
DURATION = Family(
    "lockgate_request_duration_seconds",
    "histogram",
    "From the first byte of a request to the last byte of its answer.",
    ("operation", *_TARGET, "stream"),
    1_000_000,
    _LONG,
)
FIRST_TOKEN = Family(
    "lockgate_time_to_first_token_seconds",
    "histogram",
    "From the first byte of a request to the first real event of its streamed answer, of answers that a provider gave.",
    _TARGET,
    1_000_000,
    _FIRST,
)
OVERHEAD = Family(
    "lockgate_gateway_duration_seconds",
    "histogram",
    "What the gateway itself took of a request's duration.",
    ("operation",),
    1_000_000,
    _OWN,
)
ATTEMPTS = Family(
    "lockgate_attempts", "counter", "Tries at a provider, by what became of them: ok, failed, hedged.", (*_TARGET, "result")
)
FAILURES = Family("lockgate_failures", "counter", "Tries that failed, by the class of the failure.", (*_TARGET, "class"))
RETRIES = Family("lockgate_retries", "counter", "Tries at the same target after a failure of it.", _TARGET)
FALLBACKS = Family("lockgate_fallbacks", "counter", "Times that another target was tried after a failure of this one.", _TARGET)
TOKENS = Family(
    "lockgate_tokens",
    "counter",
    "Tokens used by kind (input, cache_read, cache_write, output, reasoning), none twice; an answer from the cache uses none.",
    (*_TARGET, "kind"),
)
UNITS = Family(
    "lockgate_units",
    "counter",
    "What is used and is no token, by unit: characters, pages, images, audio_ms, searches.",
    (*_TARGET, "unit"),
)
COST = Family("lockgate_cost_usd", "counter", "What requests cost, as far as prices are known.", _TARGET, 1_000_000_000)
UNPRICED = Family(
    "lockgate_unpriced_requests", "counter", "Requests that used something at a price that is not known.", _TARGET
)
CACHE = Family(
    "lockgate_cache_requests",
    "counter",
    "Requests by what the cache did for them: hit, semantic_hit, miss, semantic_miss, refresh, disabled (by their callers).",
    (*_TARGET, "status"),
)
CACHE_SAVED = Family(
    "lockgate_cache_saved_usd", "counter", "What answers from the cache would have cost.", _TARGET, 1_000_000_000
)
CACHE_SAVED_TIME = Family(
    "lockgate_cache_saved_seconds",
    "counter",
    "What the requests had taken whose answers were given again, less what these took.",
    _TARGET,
    1_000_000,
)
REFUSALS = Family(
    "lockgate_refusals",
    "counter",
    "Requests that the gateway itself refused, by the error's code: limits, budgets, keys, what cannot be read.",
    ("operation", "code"),
)
RECEIVED = Family("lockgate_received_bytes", "counter", "Bytes of request bodies.", ("operation",))
SENT = Family("lockgate_sent_bytes", "counter", "Bytes of answer bodies.", ("operation",))
RECORDS = Family("lockgate_records", "counter", "Records that were counted here.")
DAMAGED = Family("lockgate_records_damaged", "counter", "Records in the spool that could not be read.")
DROPPED = Family(
    "lockgate_records_dropped", "counter", "Records that the spool had no room for: these requests are not counted."
)
STRIPPED = Family("lockgate_records_stripped", "counter", "Records that the spool took without their bodies.")
CPU = Family("lockgate_cpu_seconds", "counter", "Processor time, of all workers or of the scribe.", ("process",), 1_000_000)

#: What the scribe counts, in the order in which it is shown.
COUNTED: tuple[Family, ...] = (
    REQUESTS,
    DURATION,
    FIRST_TOKEN,
    OVERHEAD,
    ATTEMPTS,
    FAILURES,
    RETRIES,
    FALLBACKS,
    TOKENS,
    UNITS,
    COST,
    UNPRICED,
    CACHE,
    CACHE_SAVED,
    CACHE_SAVED_TIME,
    REFUSALS,
    RECEIVED,
    SENT,
    RECORDS,
    DAMAGED,
    DROPPED,
    STRIPPED,
    CPU,
)

BUILD = Family("lockgate_build_info", "gauge", "1, with the version that runs.", ("version",))
WORKERS = Family("lockgate_workers", "gauge", "Workers that gave a sign of life in the last five seconds.")
IN_FLIGHT = Family("lockgate_requests_in_flight", "gauge", "Requests under way in all workers.")
TARGET_IN_FLIGHT = Family(
    "lockgate_target_requests_in_flight", "gauge", "Tries under way at a target, of all workers.", _TARGET
)
QUOTA = Family(
    "lockgate_target_quota_ratio",
    "gauge",
    "The part of a target's rate limits that is left, as its provider last said to any worker.",
    _TARGET,
)
CIRCUIT = Family(
    "lockgate_circuit_state", "gauge", "A target's circuit: 0 closed, 1 half-open, 2 open. The worst of several.", _TARGET
)
SHARED = Family("lockgate_circuits_shared", "gauge", "1 while circuits are shared with other machines.")
PARKED = Family(
    "lockgate_keys_parked",
    "gauge",
    "Workers that leave a target alone: its key is limited, refused or without money. No model: all of them.",
    (*_TARGET, "why"),
)
STALE = Family(
    "lockgate_configuration_stale", "gauge", "Workers that cannot read what is stored, and go on with what they know."
)
MEMORY = Family("lockgate_resident_memory_bytes", "gauge", "Memory, of all workers.")
SPOOL = Family("lockgate_spool_bytes", "gauge", "Bytes of records on their way to the log.")
BACKLOG = Family("lockgate_spool_backlog_bytes", "gauge", "Bytes of them that are not in the log yet.")
SINK_RECORDS = Family(
    "lockgate_sink_records",
    "counter",
    "Records that went elsewhere than to the log, by what became of them: sent, refused, dropped (no room while it was down).",
    ("sink", "result"),
)
SINK_RETRIES = Family(
    "lockgate_sink_retries", "counter", "Batches that a sink could not take, and is to be brought again.", ("sink",)
)
SINK_BACKLOG = Family("lockgate_sink_backlog_bytes", "gauge", "Bytes of the spool that wait for a sink.", ("sink",))
SINK_UP = Family("lockgate_sink_up", "gauge", "1 while a sink takes what it is brought.", ("sink",))
AGE = Family("lockgate_counters_age_seconds", "gauge", "How long ago the scribe brought the counters up to date.")

#: What is looked up when somebody asks.
LIVE: tuple[Family, ...] = (
    BUILD,
    WORKERS,
    IN_FLIGHT,
    TARGET_IN_FLIGHT,
    QUOTA,
    CIRCUIT,
    SHARED,
    PARKED,
    STALE,
    MEMORY,
    SPOOL,
    BACKLOG,
    SINK_RECORDS,
    SINK_RETRIES,
    SINK_BACKLOG,
    SINK_UP,
    AGE,
)
