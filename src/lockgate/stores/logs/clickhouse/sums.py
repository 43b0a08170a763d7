"""What requests come to, added up from their rows: series and groups.

One query adds up the sums, another counts the buckets of the three sketches, as one number: which of them, and the bucket. So a
sketch is made of what was counted, and can be added to any other (see `stores.logs.sketch`).
"""

from __future__ import annotations

from typing import Any

from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.conditions import rated
from lockgate.stores.logs.clickhouse.literals import text, texts
from lockgate.stores.logs.clickhouse.schema import FEEDBACK, REQUESTS
from lockgate.stores.logs.names import METADATA
from lockgate.stores.logs.rollup import SKETCHES, SUMS, Totals
from lockgate.stores.logs.sketch import Sketch

_HIT = "cache IN ('hit', 'semantic hit')"


def _heard(name: str) -> str:
    """What was said, of that which counts with a request: its organisation's, and nobody's."""
    return f"sum(arraySum((each, place) -> if(place = '' OR place = r.organisation, each, 0), q.{name}, q.places))"


#: Member of `Totals` → how it is added up.
_ADDS = {
    "requests": "count()",
    "refused": "countIf(outcome = 'refused')",
    "failed": "countIf(outcome = 'failed')",
    "broken": "countIf(outcome = 'broken')",
    "client_left": "countIf(outcome = 'client_left')",
    "rescued": "sum(rescued)",
    "retried": "sum(retried)",
    "streams": "sum(stream)",
    "stalled": "sum(stalled)",
    "input": "sumIf(input, input >= 0)",
    "output": "sumIf(output, output >= 0)",
    "cached": "sum(cached)",
    "cost_nusd": "sumIf(cost_nusd, cost_nusd >= 0)",
    "unpriced": "countIf(input >= 0 AND cost_nusd < 0)",
    "hits": "countIf(cache = 'hit')",
    "semantic_hits": "countIf(cache = 'semantic hit')",
    "saved_nusd": "sum(saved_nusd)",
    "hit_us": f"sumIf(latency_us, {_HIT})",
    "latency_us": "sum(latency_us)",
    "gateway_us": "sum(gateway_us)",
    "rated": _heard("rated"),
    "weight": _heard("weight"),
    "score": _heard("score"),
}
assert tuple(_ADDS) == SUMS
#: What is added up where nobody has said anything.
_UNRATED = {"rated": "0", "weight": "0", "score": "0"}
#: Which sketch, times that, and the bucket; the last of each is what is not known.
_SKETCH = 1024
_FOUND = {"latency": "latency", "ttft": "ttft", "gap": "gap", "retries": "if(retries = 0, -1, retries)"}
assert tuple(_FOUND) == SKETCHES
_BUCKETS = f"arrayJoin([{', '.join(f'{at * _SKETCH} + toInt32({name})' for at, name in enumerate(_FOUND.values(), 1))}])"
#: A dimension → the name of its group.
_GROUPS = {
    "model": "model_sent", "provider": "provider", "key": "key_id", "user": "user", "workspace": "workspace",
    "organisation": "organisation", "route": "route", "operation": "operation", "status": "toString(status)",
    "outcome": "outcome", "error": "error_code", "cache": "cache",
}  # fmt: skip


class Sums:
    """Adds up the requests that agree with a condition. Raises `StoreError`."""

    def __init__(self, client: Client, condition: str) -> None:
        self._client = client
        self._where = condition
        rows = f"{REQUESTS} AS r FINAL"
        self._plain = f"FROM {rows} WHERE {condition}"
        ((said,),) = client.rows(f"SELECT count() FROM {FEEDBACK}")
        self._adds = _ADDS if said else _ADDS | _UNRATED
        # The rows are found before they are joined.
        joined = f"FROM (SELECT * FROM {rows} WHERE {condition}) AS r LEFT JOIN ({rated()}) AS q ON r.trace_id = q.trace_id"
        self._source = joined + " WHERE 1" if said else self._plain

    def by_step(self, step_us: int) -> list[tuple[int, Totals]]:
        """By steps of time, oldest first."""
        return sorted(self._totals(f"intDiv(time_us, {step_us}) * {step_us}").items(), key=lambda step: step[0])

    def spread(self, by: str, step_us: int) -> list[tuple[int, int, int]]:
        """By steps of time, oldest first: how many requests are in a group of a dimension, and in how many."""
        group, among = _group(by)
        step = f"intDiv(time_us, {step_us}) * {step_us}"
        rows = self._client.rows(
            f"SELECT {step} AS k, count(), uniqExact(toString({group})) {self._plain} AND {among} GROUP BY k ORDER BY k"
        )
        return [(start, requests, groups) for start, requests, groups in rows]

    def by_group(self, by: str, order: str, limit: int, offset: int, *, sketches: bool) -> tuple[list[tuple[str, Totals]], int]:
        """By a dimension, those with the most of `order` first; and how many groups there are."""
        group, among = _group(by)
        # First the order of all, then the rest of those that are shown.
        source = self._source if order in _UNRATED else self._plain
        ((total, names),) = self._client.rows(
            f"SELECT count(), arrayMap(x -> x.2, arraySlice(arraySort(groupArray((-n, k))), {offset + 1}, {limit})) FROM "
            f"(SELECT toString({group}) AS k, toInt64({self._adds[order]}) AS n {source} AND {among} GROUP BY k)"
        )
        among = f"{among} AND {group} IN ({texts(names)})"
        full = self._totals(f"toString({group})", among, sketches=sketches) if names else {}
        return [(name, full[name]) for name in names if name in full], total

    def _totals(self, group: str, among: str = "1", *, sketches: bool = True) -> dict[Any, Totals]:
        adds = ", ".join(self._adds[name] for name in SUMS)
        rows = self._client.rows(f"SELECT {group} AS k, {adds} {self._source} AND {among} GROUP BY k")
        found = {key: Totals(**dict(zip(SUMS, sums, strict=True))) for key, *sums in rows}
        if not sketches:
            return found
        counted = f"SELECT {group} AS k, {_BUCKETS} AS bucket, count() AS n {self._plain} AND {among} GROUP BY k, bucket"
        for key, buckets in self._client.rows(f"SELECT k, groupArray((bucket, n)) FROM ({counted}) GROUP BY k"):
            if key in found:  # what came between the two queries waits for the next
                for number, count in buckets:
                    _count(found[key], number, count)
        return found


def _count(totals: Totals, number: int, count: int) -> None:
    which, bucket = divmod(number, _SKETCH)
    if bucket < _SKETCH - 1:  # it is known
        sketch: Sketch = getattr(totals, SKETCHES[which - 1])
        sketch.buckets[bucket] = count


def _group(by: str) -> tuple[str, str]:
    """The name of a request's group, and the condition that it is in one."""
    if by.startswith(METADATA):
        name = text(by.removeprefix(METADATA))
        return f"metadata[{name}]", f"mapContains(metadata, {name})"
    return _GROUPS[by], "1"
