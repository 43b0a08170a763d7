"""Records and filters that the contract of log stores is tried with, and what records come to, counted plainly."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import msgspec

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.ports import Cursor, Feedback, Filter, LogStore, Range
from lockgate.stores.logs.rollup import Totals
from lockgate.stores.logs.sketch import Sketch

NOON = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000
MINUTE = 60_000_000


def record(number: int, **members: Any) -> Record:
    time_us = members.pop("time_us", NOON + number * 1000)
    return Record(id=new_id(time_us, number), time_us=time_us, **members)


def full(number: int) -> Record:
    return record(
        number,
        trace_id=f"trace{number}",
        provider="p",
        model_sent="m",
        status=200,
        attempts=[Attempt(provider="p", status=200)],
        usage=Usage(input=10, output=5, cached=4, raw=msgspec.Raw(b'{"in":10}')),
        cost_nusd=1234,
        latency_us=250_000,
        ttft_us=90_000,
        metadata={"team": "blau"},
        request=b"q" * number,
        response=b"\x00\xff" * number,
    )


def ids(records: list[Record]) -> list[str]:
    return [each.id for each in records]


def counted(log: LogStore) -> int:
    return sum(totals.requests for _, totals in log.series(Filter(since_us=0, until_us=NOON * 2), DAY))


def everything(log: LogStore, meant: Filter | None = None, limit: int = 7) -> list[Record]:
    found: list[Record] = []
    after: Cursor | None = None
    while True:
        page = log.page(meant or Filter(), after, limit)
        found += page.records
        if page.next is None:
            return found
        after = page.next


def rating(number: int, trace: str, value: int, **members: Any) -> Feedback:
    return Feedback(id=f"f{number}", trace_id=trace, time_us=NOON + number, value=value, **members)


#: Each means some of `varied_record`s, and not all.

FILTERS = [
    Filter(since_us=NOON + 5000),
    Filter(until_us=NOON + 5000),
    Filter(since_us=NOON + 2000, until_us=NOON + DAY),
    Filter(since_us=NOON + 9_001, until_us=NOON + DAY + 12_345_679),
    Filter(status=((500, 599),)),
    Filter(status=((0, 0), (429, 429))),
    Filter(outcomes=("failed",)),
    Filter(outcomes=("ok", "broken")),
    Filter(models=("gpt-4o",)),
    Filter(models=("gpt-4o*",)),
    Filter(models=("*mini", "gp?-4o")),
    Filter(models=("a[b]*",)),
    Filter(providers=("p1",)),
    Filter(providers=("",)),
    Filter(keys=("k1",)),
    Filter(keys=("name1", "k2")),
    Filter(users=("anna", "bert")),
    Filter(organisation="one"),
    Filter(workspaces=("w1", "")),
    Filter(routes=("pc-1",)),
    Filter(caches=("hit", "semantic hit")),
    Filter(errors=("rate_limited",)),
    Filter(operations=("chat",)),
    Filter(traces=("t1",)),
    Filter(spans=("s1", "s2")),
    Filter(cached=("c1",)),
    Filter(cached=("c2", "c1"), outcomes=("ok", "failed")),
    Filter(metadata=(("team", "blue"),)),
    Filter(metadata=(("team", "b*"), ("tier", "g?ld"))),
    Filter(metadata=(("tier", "*"), ("team", "?*"))),
    Filter(metadata=(("tier", ""),)),
    Filter(latency_us=Range(500)),
    Filter(latency_us=Range(100, 500)),
    Filter(cost_nusd=Range(None, 1000)),
    Filter(cost_nusd=Range(700)),
    Filter(tokens=Range(100, 120)),
    Filter(input=Range(0, 10)),
    Filter(output=Range(60)),
    Filter(ttft_us=Range(0, 31)),
    Filter(text="Ärger"),
    Filter(text="one two"),
    Filter(outcomes=("failed",), providers=("p1",), models=("gpt*",), latency_us=Range(100)),
]
MODELS = ["", "gpt-4o", "gpt-4o-mini", "a[b]c", "GPT-4o"]


def varied_record(draw: random.Random, n: int) -> Record:
    pick = draw.choice
    words = " ".join(draw.sample(["one", "two", "three", "ärger", "Straße", "twofold"], 3))
    old = [{"role": "user", "content": "three"}, {"role": "assistant", "content": "two one"}] if pick([True, False]) else []
    body = {"model": "m", "messages": [*old, {"role": "user", "content": words}]}
    timeout = Attempt(kind="timeout")
    return record(
        n,
        time_us=NOON + n * pick([1000, DAY // 40]) + draw.randrange(3),
        status=pick([0, 200, 429, 500, 503]),
        outcome=pick(["ok", "failed", "refused", "broken", "client_left"]),
        model_asked=pick(MODELS),
        model_sent=pick(MODELS),
        model_served=pick(MODELS),
        provider=pick(["", "p1", "p2"]),
        key_id=pick(["", "k1", "k2"]),
        key_name=pick(["", "name1", "k1"]),
        user=pick(["", "anna", "bert", "cleo"]),
        organisation=pick(["one", "two"]),
        workspace=pick(["", "w1", "w2"]),
        route=pick(["", "pc-1", "inline"]),
        cache=pick(["", "hit", "semantic hit", "miss"]),
        error_code=pick(["", "rate_limited", "x"]),
        operation=pick(["chat", "embed"]),
        trace_id=pick(["", "t1", "t2"]),
        span_id=pick(["", "s1", "s2", "s3"]),
        cached_id=pick(["", "", "c1", "c2"]),
        metadata=pick([{}, {"team": "blue"}, {"team": "bright", "tier": "gold"}, {"tier": "", "team": "red"}]),
        stream=pick([True, False]),
        gap_us=pick([None, 5, 20_000_000]),
        attempts=pick(
            [[], [timeout, Attempt()], [Attempt(kind="server"), timeout, Attempt()], [Attempt("a", kind="x"), Attempt("b")]]
        ),
        latency_us=draw.randrange(1000),
        ttft_us=pick([None, draw.randrange(100)]),
        usage=pick([None, Usage(input=draw.randrange(100), output=draw.randrange(100), cached=draw.randrange(9))]),
        cost_nusd=pick([None, draw.randrange(2000)]),
        saved_nusd=draw.randrange(3),
        gateway_us=draw.randrange(300),
        request=json.dumps(body, ensure_ascii=pick([True, False])).encode() if pick([1, 0]) else words.encode(),
        response=pick([b"", b'data: {"delta": "on"}\n\ndata: {"delta": "e"}\n\n', b'{"content": "two"}']),
    )


def plain(totals: Totals) -> Totals:
    """The sums without their sketches."""
    return msgspec.structs.replace(totals, latency=Sketch(), ttft=Sketch(), gap=Sketch(), retries=Sketch())


def expected_of(records: list[Record]) -> Totals:
    """What records come to, counted plainly."""
    totals = Totals(requests=len(records))
    for each in records:
        if each.outcome != "ok":
            setattr(totals, each.outcome, getattr(totals, each.outcome) + 1)
        totals.rescued += each.outcome == "ok" and len(each.attempts) > 1
        again = len(each.attempts) - 1 if each.outcome == "ok" and {attempt.target for attempt in each.attempts} == {""} else 0
        totals.retried += again > 0
        if again:
            totals.retries.buckets[again] = totals.retries.buckets.get(again, 0) + 1
        totals.streams += each.stream
        totals.stalled += each.stream and each.gap_us == 20_000_000
        if each.usage is not None:
            totals.input += each.usage.input
            totals.output += each.usage.output
            totals.cached += each.usage.cached
            totals.unpriced += each.cost_nusd is None
        totals.cost_nusd += each.cost_nusd or 0
        totals.saved_nusd += each.saved_nusd
        totals.hits += each.cache == "hit"
        totals.semantic_hits += each.cache == "semantic hit"
        totals.hit_us += each.latency_us if each.cache in ("hit", "semantic hit") else 0
        totals.latency_us += each.latency_us
        totals.gateway_us += each.gateway_us
        totals.latency.add(each.latency_us)
        if each.ttft_us is not None:
            totals.ttft.add(each.ttft_us)
        if each.gap_us is not None:
            totals.gap.add(each.gap_us)
    return totals


#: What roll-ups may know; what they do not; from when to when, in hours of the day of `NOON`.
KNOWN = [
    Filter(), Filter(providers=("p1",)), Filter(models=("gpt*",), workspaces=("w1", "w2"), organisation="one"),
    Filter(status=((500, 599),), caches=("hit", "")), Filter(users=("anna",)), Filter(keys=("k1",)), Filter(routes=("pc-1",)),
    Filter(metadata=(("team", "b*"),)), Filter(outcomes=("failed",), providers=("p2",)), Filter(operations=("chat",)),
]  # fmt: skip
UNKNOWN = [Filter(users=("anna",), keys=("k1",)), Filter(latency_us=Range(500)), Filter(text="one"), Filter(traces=("t1",))]
SPANS = [(0, 24), (3, 5), (-24, 48), (-11, 13)]
#: A dimension → the member of a record.
DIMENSIONS = {
    "model": "model_sent", "provider": "provider", "key": "key_id", "user": "user", "workspace": "workspace",
    "organisation": "organisation", "route": "route", "operation": "operation", "status": "status", "outcome": "outcome",
    "error": "error_code", "cache": "cache",
}  # fmt: skip
