"""A `LogStore` in memory that does everything the slow and plain way: what the real ones are compared with."""

from __future__ import annotations

from msgspec.structs import replace

from lockgate.core.record import Record
from lockgate.stores.logs import rollup
from lockgate.stores.logs.ports import Cursor, Groups, Page
from lockgate.stores.logs.rollup import MINUTE_US, Totals
from lockgate.stores.logs.spoken import span_of
from support.log_records import plain

BODIES = ("request", "response", "sent", "received")
STALL_US = getattr(rollup, "STALL_US", 10_000_000)
DIMENSIONS = {
    "model": lambda record: record.model_sent,
    "provider": lambda record: record.provider,
    "key": lambda record: record.key_id,
    "user": lambda record: record.user,
    "workspace": lambda record: record.workspace,
    "organisation": lambda record: record.organisation,
    "route": lambda record: record.route,
    "operation": lambda record: record.operation,
    "status": lambda record: str(record.status),
    "outcome": lambda record: record.outcome,
    "error": lambda record: record.error_code,
    "cache": lambda record: record.cache,
}


def copy(record, bodies=()):
    """The record with these bodies and no others."""
    members = {name: getattr(record, name) for name in Record.__struct_fields__}
    return Record(**members | {name: b"" for name in BODIES if name not in bodies})


class MemoryLog:
    def __init__(self, records=()):
        self.records = {}
        self.said = {}
        self.spoken = {}
        self.append(records)

    def append(self, records):
        new = [record for record in records if record.id not in self.records]
        self.records.update((record.id, record) for record in new)
        return len(new)

    def page(self, meant, after=None, limit=50):
        found = []
        for record in self.scan(meant):
            if after is None or (record.time_us, record.id) < (after.time_us, after.id):
                found.append(record)
                if len(found) == limit:
                    return Page(found, Cursor.of(record))
        return Page(found, None)

    def scan(self, meant, *, bodies=False):
        for record in sorted(self.records.values(), key=lambda record: (record.time_us, record.id), reverse=True):
            if self._admits(meant, record):
                yield copy(record, ("request",) if bodies else ())

    def get(self, id):
        return self.records.get(id)

    def series(self, meant, step_us):
        assert step_us % MINUTE_US == 0
        since = meant.since_us // step_us * step_us
        until = -(-meant.until_us // step_us) * step_us
        steps = {}
        for record in self.records.values():
            if since <= record.time_us < until and self._admits(meant, record, timed=False):
                self._add(steps.setdefault(record.time_us // step_us * step_us, Totals()), record)
        return sorted(steps.items())

    def groups(self, meant, by, *, order="requests", limit=50, offset=0, sketches=False):
        name = by.removeprefix("metadata.")
        if by not in DIMENSIONS and name == by:
            raise ValueError(f"there is no dimension {by}")
        groups = {}
        for record in self.records.values():
            key = DIMENSIONS[by](record) if by in DIMENSIONS else record.metadata.get(name)
            if key is not None and self._admits(meant, record):
                self._add(groups.setdefault(key, Totals()), record)
        rows = sorted(groups.items(), key=lambda row: (-getattr(row[1], order), row[0]))
        return Groups([(name, each if sketches else plain(each)) for name, each in rows[offset : offset + limit]], len(rows))

    def spread(self, meant, by, step_us):
        since = meant.since_us // step_us * step_us
        until = -(-meant.until_us // step_us) * step_us
        steps = {at // step_us * step_us for at in {record.time_us for record in self.records.values()} if since <= at < until}
        found = []
        for at in sorted(steps):
            rows = self.groups(replace(meant, since_us=at, until_us=at + step_us), by, limit=1 << 30).rows
            found += [(at, sum(totals.requests for _, totals in rows), len(rows))] if rows else []
        return found

    def rate(self, feedback):
        self.said.update((each.id, each) for each in feedback)

    def feedback(self, traces):
        return sorted((each for each in self.said.values() if each.trace_id in set(traces)), key=lambda each: each.time_us)

    def tell(self, told):
        self.spoken.update((each.id, each) for each in told)

    def told(self, span):
        return [each for each in self.spoken.values() if span_of(each) == span_of(span)]

    def prune(self, before_us):
        return 0

    def close(self):
        pass

    def _admits(self, meant, record, timed=True):
        meant = meant if timed else replace(meant, since_us=None, until_us=None)
        if not replace(meant, feedback=None).admits(record):
            return False
        if meant.feedback is None:
            return True
        said = self._said_of(record)
        weight = sum(each.weight for each in said)
        return bool(said) and meant.feedback.admits(sum(each.value * each.weight for each in said) * 1000 // max(weight, 1))

    def _said_of(self, record):
        if not record.trace_id:
            return []
        return [
            each
            for each in self.said.values()
            if each.trace_id == record.trace_id and each.organisation in ("", record.organisation)
        ]

    def _add(self, totals, record):
        usage = record.usage
        totals.requests += 1
        if record.outcome != "ok":
            setattr(totals, record.outcome, getattr(totals, record.outcome) + 1)
        totals.rescued += record.outcome == "ok" and any(each.kind not in ("", "hedged") for each in record.attempts)
        places = {each.target for each in record.attempts}
        failed = sum(each.kind not in ("", "hedged") for each in record.attempts)
        if record.outcome == "ok" and failed and len(places) == 1:
            totals.retried += 1
            totals.retries.buckets[failed] = totals.retries.buckets.get(failed, 0) + 1
        totals.streams += record.stream
        totals.stalled += (record.gap_us or 0) > STALL_US
        if usage is not None:
            totals.input += usage.input
            totals.output += usage.output
            totals.cached += usage.cached
            totals.unpriced += record.cost_nusd is None
        totals.cost_nusd += record.cost_nusd or 0
        totals.hits += record.cache == "hit"
        totals.semantic_hits += record.cache == "semantic hit"
        totals.saved_nusd += record.saved_nusd
        totals.hit_us += record.latency_us if record.cache in ("hit", "semantic hit") else 0
        totals.latency_us += record.latency_us
        totals.gateway_us += record.gateway_us
        for each in self._said_of(record):
            totals.rated += 1
            totals.weight += each.weight
            totals.score += each.value * each.weight
        totals.latency.add(record.latency_us)
        if record.ttft_us is not None:
            totals.ttft.add(record.ttft_us)
        if record.gap_us is not None:
            totals.gap.add(record.gap_us)
