"""stores/logs/sqlite: kept once, found by what is asked, whatever happens to the files."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs import day as module
from lockgate.stores.logs import names, rolling
from lockgate.stores.logs.ports import Cursor, Feedback, Filter, Groups, Range
from lockgate.stores.logs.rollup import Totals
from lockgate.stores.logs.sqlite import SqliteLog, day_of
from lockgate.stores.ports import StoreError

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


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def log(tmp_path: Path, said: list[str]) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log", report=said.append, busy_s=0.05)
    yield log
    log.close()


def ids(records: list[Record]) -> list[str]:
    return [each.id for each in records]


def counted(log: SqliteLog) -> int:
    return sum(totals.requests for _, totals in log.series(Filter(since_us=0, until_us=NOON * 2), DAY))


def everything(log: SqliteLog, meant: Filter | None = None, limit: int = 7) -> list[Record]:
    found: list[Record] = []
    after: Cursor | None = None
    while True:
        page = log.page(meant or Filter(), after, limit)
        found += page.records
        if page.next is None:
            return found
        after = page.next


def test_all_records_are_scanned_the_newest_first_in_small_parts(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [full(number) for number in range(1, 250)] + [record(number, time_us=NOON - DAY + number) for number in range(9)]
    log.append(records)
    newest = sorted(records, key=lambda each: (each.time_us, each.id), reverse=True)
    monkeypatch.setattr(module, "SCANNED_BYTES", 1000)  # after some requests of 249 bytes and less
    for bodies in (False, True):
        found = list(log.scan(Filter(), bodies=bodies))
        assert ids(found) == ids(newest)
        assert [each.request for each in found] == [each.request if bodies else b"" for each in newest]
        assert not any(each.response for each in found)
    assert ids(list(log.scan(Filter(providers=("p",), until_us=NOON + 4000)))) == ids([full(3), full(2), full(1)])
    assert list(log.scan(Filter(since_us=NOON + DAY))) == []


def test_a_record_comes_back_whole(log: SqliteLog) -> None:
    kept = [full(n) for n in range(250)]
    assert log.append(kept) == 250
    assert [log.get(each.id) for each in kept] == kept


def test_a_record_without_bodies_comes_back(log: SqliteLog) -> None:
    log.append([record(1), record(2)])
    assert log.get(record(1).id) == record(1)


def test_what_was_never_kept_is_not_found(log: SqliteLog) -> None:
    assert log.get(record(1).id) is None
    assert log.page(Filter()).records == []
    assert log.series(Filter(since_us=0, until_us=NOON), MINUTE) == []
    log.append([record(1)])
    assert log.get(record(2).id) is None
    assert log.get("no-id-of-ours") is None


def test_an_id_of_another_kind_is_found(log: SqliteLog) -> None:
    log.append([record(1), Record(id="custom-1", time_us=NOON - 3 * DAY, request=b"x")])
    found = log.get("custom-1")
    assert found is not None
    assert found.request == b"x"


def test_a_batch_that_comes_again_changes_nothing(log: SqliteLog) -> None:
    kept = [full(n) for n in range(150)]
    assert log.append(kept[:100]) == 100
    assert log.append(kept) == 50
    assert log.append(kept) == 0
    assert ids(everything(log)) == ids(kept)[::-1]
    assert counted(log) == 150
    assert [log.get(each.id) for each in kept] == kept


def test_a_batch_may_hold_a_record_twice(log: SqliteLog) -> None:
    assert log.append([full(1), full(1), full(2)]) == 2
    assert log.get(full(2).id) == full(2)


def test_a_page_has_no_bodies_and_everything_else(log: SqliteLog) -> None:
    log.append([full(3)])
    (found,) = log.page(Filter()).records
    assert found.request == found.response == b""
    assert (found.attempts, found.usage, found.metadata) == (full(3).attempts, full(3).usage, full(3).metadata)


def test_pages_go_on_where_the_last_one_ended_across_days(log: SqliteLog) -> None:
    kept = [record(n, time_us=NOON + n * DAY // 3) for n in range(20)]
    shuffled = random.Random(1).sample(kept, 20)
    log.append(shuffled[:9])
    log.append(shuffled[9:])
    assert ids(everything(log, limit=3)) == ids(kept)[::-1]


def test_records_of_one_moment_are_all_found(log: SqliteLog) -> None:
    kept = [Record(id=new_id(NOON, n), time_us=NOON) for n in range(10)]
    log.append(kept)
    assert ids(everything(log, limit=3)) == ids(kept)[::-1]


def test_what_arrives_while_pages_are_read_does_not_shift_them(log: SqliteLog) -> None:
    log.append([record(n) for n in range(10)])
    first = log.page(Filter(), limit=5)
    log.append([record(n) for n in range(10, 20)])
    assert ids(log.page(Filter(), first.next, 5).records) == [record(n).id for n in (4, 3, 2, 1, 0)]


def test_a_day_is_a_file_by_utc(log: SqliteLog, tmp_path: Path) -> None:
    midnight = NOON + DAY // 2
    log.append([record(1, time_us=midnight - 1), record(2, time_us=midnight), record(3, time_us=NOON - 40 * DAY)])
    names = sorted(path.name for path in (tmp_path / "log").glob("*.db"))
    assert names == ["2026-10-16.db", "2026-11-25.db", "2026-11-26.db"]
    assert len(log._open) == 2


@pytest.mark.parametrize("time_us", [-5, 0, 10**17, 2**63, 2**70])
def test_no_time_is_too_strange(log: SqliteLog, time_us: int) -> None:
    assert log.append([Record(id="x", time_us=time_us)]) == 1
    assert day_of(time_us)


def test_a_record_is_found_by_its_own_trace_and_its_trace_comes_back(log: SqliteLog, tmp_path: Path) -> None:
    kept = [record(n, trace_id=record(n).id.replace("-", "")) for n in range(5)]
    log.append(kept)
    assert log.page(Filter(traces=(kept[3].trace_id,))).records == [kept[3]]
    assert log.page(Filter(traces=(record(9).id.replace("-", ""),))).records == []


def test_counts_that_no_database_takes_are_kept_as_far_as_they_go(log: SqliteLog) -> None:
    odd = record(1, usage=Usage(input=10**30, output=-5), cost_nusd=10**25, latency_us=10**20)
    assert log.append([odd]) == 1
    assert log.get(odd.id) == odd


def test_names_of_any_length_are_kept(log: SqliteLog) -> None:
    long = record(1, model_asked="m" * 100_000, trace_id="t" * 1000)
    log.append([long])
    assert log.get(long.id) == long


# Filters

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


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqliteLog, list[Record]]]:
    draw = random.Random(5)
    kept = [varied_record(draw, n) for n in range(300)]
    log = SqliteLog(tmp_path_factory.mktemp("log"), report=print)
    log.append(kept)
    yield log, sorted(kept, key=lambda each: (each.time_us, each.id), reverse=True)
    log.close()


def varied_record(draw: random.Random, n: int) -> Record:
    pick = draw.choice
    words = " ".join(draw.sample(["one", "two", "three", "ärger", "Straße", "twofold"], 3))
    old = [{"role": "user", "content": "three"}, {"role": "assistant", "content": "two one"}] if pick([True, False]) else []
    body = {"model": "m", "messages": [*old, {"role": "user", "content": words}]}
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
        metadata=pick([{}, {"team": "blue"}, {"team": "bright", "tier": "gold"}, {"tier": "", "team": "red"}]),
        stream=pick([True, False]),
        gap_us=pick([None, 5, 20_000_000]),
        attempts=pick([[], [Attempt(kind="timeout"), Attempt()], [Attempt("a", kind="timeout"), Attempt("b")]]),
        latency_us=draw.randrange(1000),
        ttft_us=pick([None, draw.randrange(100)]),
        usage=pick([None, Usage(input=draw.randrange(100), output=draw.randrange(100), cached=draw.randrange(9))]),
        cost_nusd=pick([None, draw.randrange(2000)]),
        saved_nusd=draw.randrange(3),
        gateway_us=draw.randrange(300),
        request=json.dumps(body, ensure_ascii=pick([True, False])).encode() if pick([1, 0]) else words.encode(),
        response=pick([b"", b'data: {"delta": "on"}\n\ndata: {"delta": "e"}\n\n', b'{"content": "two"}']),
    )


@pytest.mark.parametrize("meant", FILTERS, ids=repr)
def test_the_database_and_the_filter_mean_the_same(varied: tuple[SqliteLog, list[Record]], meant: Filter) -> None:
    log, kept = varied
    expected = [each for each in kept if meant.admits(each)]
    assert ids(everything(log, meant, limit=11)) == ids(expected)
    assert 0 < len(expected) < len(kept)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60, deadline=None)
@given(
    st.sampled_from(FILTERS), st.sampled_from(FILTERS), st.integers(1, 60)
)  # fmt: skip
def test_filters_combine(varied: tuple[SqliteLog, list[Record]], one: Filter, other: Filter, limit: int) -> None:
    log, kept = varied
    both = msgspec.structs.replace(
        one, **{name: getattr(other, name) for name in other.__struct_fields__ if getattr(other, name) not in (None, "", 0)}
    )
    assert ids(everything(log, both, limit)) == ids([each for each in kept if both.admits(each)])


# Roll-ups


def expected_of(records: list[Record]) -> Totals:
    """What records come to, counted plainly."""
    totals = Totals(requests=len(records))
    for each in records:
        if each.outcome != "ok":
            setattr(totals, each.outcome, getattr(totals, each.outcome) + 1)
        totals.rescued += each.outcome == "ok" and len(each.attempts) == 2
        totals.retried += each.outcome == "ok" and [attempt.target for attempt in each.attempts] == ["", ""]
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


@pytest.fixture(scope="module", params=[1, 100, 10_000], ids=["rolled", "partly", "fresh"])
def rolled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SqliteLog, list[Record]]]:
    """The same records, of which all, some or none are in the roll-ups yet."""
    draw = random.Random(7)
    kept = [varied_record(draw, n) for n in range(400)]
    log = SqliteLog(tmp_path_factory.mktemp("log"), report=print)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rolling, "FRESH", request.param)
        for at in range(0, 400, 40):
            log.append(kept[at : at + 40])
        yield log, kept
        log.close()


KNOWN = [
    Filter(), Filter(providers=("p1",)), Filter(models=("gpt*",), workspaces=("w1", "w2"), organisation="one"),
    Filter(status=((500, 599),), caches=("hit", "")), Filter(users=("anna",)), Filter(keys=("k1",)), Filter(routes=("pc-1",)),
    Filter(metadata=(("team", "b*"),)), Filter(outcomes=("failed",), providers=("p2",)), Filter(operations=("chat",)),
]  # fmt: skip
UNKNOWN = [Filter(users=("anna",), keys=("k1",)), Filter(latency_us=Range(500)), Filter(text="one"), Filter(traces=("t1",))]
SPANS = [(0, 24), (3, 5), (-24, 48), (-11, 13)]


@pytest.mark.parametrize("step", [MINUTE, 15 * MINUTE, 60 * MINUTE, DAY])
@pytest.mark.parametrize("meant", KNOWN + UNKNOWN, ids=repr)
def test_a_series_is_what_its_records_come_to(rolled: tuple[SqliteLog, list[Record]], meant: Filter, step: int) -> None:
    log, kept = rolled
    for first, last in SPANS:
        since, until = NOON - DAY // 2 + first * 60 * MINUTE + 12_345, NOON - DAY // 2 + last * 60 * MINUTE - 54_321
        low, high = since // step * step, -(-until // step) * step
        steps: dict[int, list[Record]] = {}
        for each in kept:
            if low <= each.time_us < high and meant.admits(each):
                steps.setdefault(each.time_us // step * step, []).append(each)
        asked = msgspec.structs.replace(meant, since_us=since, until_us=until)
        assert log.series(asked, step) == [(start, expected_of(steps[start])) for start in sorted(steps)]


DIMENSIONS = {
    "model": "model_sent", "provider": "provider", "key": "key_id", "user": "user", "workspace": "workspace",
    "organisation": "organisation", "route": "route", "operation": "operation", "status": "status", "outcome": "outcome",
    "error": "error_code", "cache": "cache",
}  # fmt: skip


@pytest.mark.parametrize("by", [*DIMENSIONS, "metadata.team", "metadata.tier", "metadata.none"])
@pytest.mark.parametrize("meant", KNOWN + UNKNOWN, ids=repr)
def test_groups_are_what_their_records_come_to(rolled: tuple[SqliteLog, list[Record]], meant: Filter, by: str) -> None:
    log, kept = rolled
    for first, last in SPANS[::2]:
        since, until = NOON - DAY // 2 + first * 60 * MINUTE + 12_345, NOON - DAY // 2 + last * 60 * MINUTE - 54_321
        groups: dict[str, list[Record]] = {}
        for each in kept:
            if since <= each.time_us < until and meant.admits(each):
                name = each.metadata.get(by[9:]) if by.startswith("metadata.") else str(getattr(each, DIMENSIONS[by]))
                if name is not None:
                    groups.setdefault(name, []).append(each)
        expected = sorted(
            ((name, expected_of(each)) for name, each in groups.items()), key=lambda pair: (-pair[1].input, pair[0])
        )
        found = log.groups(msgspec.structs.replace(meant, since_us=since, until_us=until), by, order="input", limit=2, offset=1)
        assert found == Groups(expected[1:3], len(expected))


def test_values_beyond_the_first_thousands_are_one_group(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "VALUES", 3)
    monkeypatch.setattr(names, "KINDS", 1)
    monkeypatch.setattr(rolling, "FRESH", 1)
    kept = [record(n, user=f"u{n % 5}", metadata={"a": f"v{n % 2}", "b": f"v{n % 2}"}) for n in range(50)]
    log.append(kept[:30])
    log.append(kept[30:])
    day = Filter(since_us=NOON - DAY // 2, until_us=NOON + DAY // 2)
    assert [(name, totals.requests) for name, totals in log.groups(day, "user").rows] == [
        ("(other)", 20), ("u0", 10), ("u1", 10), ("u2", 10),
    ]  # fmt: skip
    assert [(name, totals.requests) for name, totals in log.groups(day, "metadata.b").rows] == [("(other)", 50)]
    assert [(name, totals.requests) for name, totals in log.groups(day, "metadata.a").rows] == [("v0", 25), ("v1", 25)]
    # Asked for by name, they are counted one by one.
    asked = msgspec.structs.replace(day, users=("u1", "u4"))
    assert [totals.requests for _, totals in log.series(asked, DAY)] == [20]
    assert len(log.page(Filter(users=("u4",))).records) == 10


def test_an_unknown_dimension_is_refused(log: SqliteLog) -> None:
    day = Filter(since_us=NOON, until_us=NOON + 1)
    with pytest.raises(ValueError, match="'colour' is none of model, provider"):
        log.groups(day, "colour")
    with pytest.raises(ValueError, match="'p99' is none of requests"):
        log.groups(day, "model", order="p99")
    with pytest.raises(ValueError, match="Both times"):
        log.series(Filter(), MINUTE)


# Feedback


def rating(number: int, trace: str, value: int, **members: Any) -> Feedback:
    return Feedback(id=f"f{number}", trace_id=trace, time_us=NOON + number, value=value, **members)


def scores(log: SqliteLog, meant: Filter | None = None) -> tuple[int, int, int]:
    asked = msgspec.structs.replace(meant or Filter(), since_us=NOON - DAY, until_us=NOON + DAY)
    found = [totals for _, totals in log.series(asked, DAY)]
    return sum(each.rated for each in found), sum(each.weight for each in found), sum(each.score for each in found)


@pytest.mark.parametrize("fresh", [1, 10_000])
@pytest.mark.parametrize("first", [True, False])
def test_what_people_said_counts_with_each_request_of_its_trace(
    log: SqliteLog, monkeypatch: pytest.MonkeyPatch, fresh: int, first: bool
) -> None:
    monkeypatch.setattr(rolling, "FRESH", fresh)
    kept = [record(1, trace_id="t1", provider="p"), record(2, trace_id="t1", time_us=NOON - DAY), record(3, trace_id="t2")]
    own = record(4, trace_id=record(4).id.replace("-", ""))
    said = [rating(1, "t1", 5), rating(2, "t2", -10, weight=500), rating(3, own.trace_id, 1), rating(4, "t1", 1)]
    if first:
        log.rate(said)
    log.append([*kept, own])
    if not first:
        log.rate(said)
    assert scores(log) == (6, 2 * 2000 + 500 + 1000, 2 * 6000 - 5000 + 1000)
    assert scores(log, Filter(providers=("p",))) == (2, 2000, 6000)
    log.rate([rating(1, "t2", 10)])  # said anew, and of another trace
    assert scores(log) == (2 + 2 + 1, 2 * 1000 + 1500 + 1000, 2 * 1000 + 5000 + 1000)
    assert log.feedback(["t2", "t1"]) == [rating(1, "t2", 10), rating(2, "t2", -10, weight=500), rating(4, "t1", 1)]
    assert ids(log.page(Filter(feedback=Range(1000))).records) == ids([own, kept[2], kept[0], kept[1]])
    assert ids(log.page(Filter(feedback=Range(3000, 3334))).records) == ids([kept[2]])
    assert log.page(Filter(feedback=Range(None, -1))).records == []


def test_feedback_comes_back_whole_and_is_forgotten_with_its_day(log: SqliteLog) -> None:
    said = rating(1, "t", 3, metadata={"who": "anna"}, organisation="o", workspace="w")
    assert log.feedback(["t"]) == []
    log.rate([said])
    log.rate([])
    assert log.feedback(["t", "u"]) == [said]
    log.prune(NOON + DAY)
    assert log.feedback(["t"]) == []


def test_feedback_that_is_damaged_is_set_aside(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    log.rate([rating(1, "t", 3)])
    (tmp_path / "log" / "feedback.sqlite").write_bytes(b"no database " * 100)
    assert log.append([full(1)]) == 1
    assert "set aside as feedback.sqlite.corrupt" in said[0]


def test_a_batch_that_fails_half_way_leaves_nothing(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])

    def broken(request: bytes, response: bytes) -> str:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patch:
        patch.setattr(module, "indexed", broken)
        with pytest.raises(StoreError, match="disk I/O error"):
            log.append([full(2)])
    assert ids(everything(log)) == [full(1).id]
    assert log.append([full(2)]) == 1
    assert counted(log) == 2


# What may happen to files


def the_day(tmp_path: Path) -> Path:
    return tmp_path / "log" / "2026-11-25.db"


def test_a_file_taken_away_is_begun_anew(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    for path in (tmp_path / "log").iterdir():
        path.unlink()
    assert log.append([full(2)]) == 1
    assert ids(everything(log)) == [full(2).id]


def test_a_directory_taken_away_is_made_again(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    shutil.rmtree(tmp_path / "log")
    assert log.append([full(2)]) == 1
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700


def test_a_damaged_file_is_set_aside_and_said(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "log").mkdir()
    the_day(tmp_path).write_bytes(b"this is no database, by any means " * 100)
    assert log.append([full(1)]) == 1
    assert ids(everything(log)) == [full(1).id]
    aside = the_day(tmp_path).with_name("2026-11-25.db.corrupt")
    assert aside.read_bytes().startswith(b"this is no")
    assert "set aside as 2026-11-25.db.corrupt" in said[0]


def test_damage_within_a_file_is_found_while_it_is_open(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    for n in range(0, 2000, 100):
        log.append([full(n + k) for k in range(100)])
    log.close()
    data = bytearray(the_day(tmp_path).read_bytes())
    data[4096 : len(data)] = random.Random(1).randbytes(len(data) - 4096)
    the_day(tmp_path).write_bytes(bytes(data))
    assert log.append([full(5000)]) == 1
    assert the_day(tmp_path).with_name("2026-11-25.db.corrupt").exists()
    assert ids(everything(log)) == [full(5000).id]


def test_a_second_damaged_file_gets_its_own_name(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for _ in range(2):
        log.close()
        the_day(tmp_path).write_bytes(b"no database " * 100)
        log.append([full(1)])
    assert the_day(tmp_path).with_name("2026-11-25.db.corrupt-2").exists()


def test_a_reader_leaves_a_damaged_day_out_and_says_so(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    log.append([full(1), record(2, time_us=NOON - DAY)])
    log.close()
    the_day(tmp_path).write_bytes(b"no database " * 100)
    assert ids(everything(log)) == [record(2, time_us=NOON - DAY).id]
    assert the_day(tmp_path).exists()
    assert "left out" in said[0]


def test_a_damaged_block_is_said(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    log.append([full(1)])
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("UPDATE facts SET data = x'0011'")
    db.commit()
    db.close()
    assert everything(log) == []
    assert "block 1 cannot be read" in said[0]


def test_a_lock_held_for_too_long_is_for_another_time(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    other = sqlite3.connect(the_day(tmp_path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        log.append([full(2)])
    assert ids(everything(log)) == [full(1).id]  # reading does not wait for a writer
    other.execute("ROLLBACK")
    other.close()
    assert log.append([full(2)]) == 1


def test_a_directory_that_cannot_be_made_is_for_another_time(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file")
    log = SqliteLog(tmp_path / "log", report=print)
    with pytest.raises(StoreError, match="cannot write"):
        log.append([full(1)])


@pytest.mark.parametrize("code", ["SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN"])
def test_a_disk_that_will_not_is_for_another_time(log: SqliteLog, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    def fails(*_: object) -> int:
        error = sqlite3.OperationalError(code)
        error.sqlite_errorcode = getattr(sqlite3, code)
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module.Day, "append", fails)
        with pytest.raises(StoreError, match=code):
            log.append([full(1)])
    assert log.append([full(1)]) == 1


def test_a_read_only_directory_can_be_read(log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])
    log.close()
    connect = sqlite3.connect
    asked: list[str] = []

    def as_if_read_only(place: str, **options: Any) -> sqlite3.Connection:
        asked.append(str(place))
        if "mode=ro" in str(place):
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error
        return connect(place, **options)

    monkeypatch.setattr(sqlite3, "connect", as_if_read_only)
    assert ids(everything(log)) == [full(1).id]
    assert asked[-1].endswith("?immutable=1")


def test_a_file_of_a_later_version_is_left_alone(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="later version"):
        log.append([full(1)])
    with pytest.raises(StoreError, match="later version"):
        log.page(Filter())
    assert the_day(tmp_path).exists()


def test_a_file_without_tables_yet_is_an_empty_day(log: SqliteLog, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    the_day(tmp_path).touch()
    assert log.page(Filter()).records == []
    assert log.append([full(1)]) == 1


def test_schemas_go_forward_one_by_one(log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])
    log.close()
    monkeypatch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, "CREATE TABLE later (x);", "CREATE INDEX z ON later (x);"))
    assert log.append([full(2)]) == 1
    db = sqlite3.connect(the_day(tmp_path))
    assert db.execute("PRAGMA user_version").fetchone() == (3,)
    assert db.execute("SELECT count(*) FROM later").fetchone() == (0,)
    db.close()
    assert ids(everything(log)) == [full(2).id, full(1).id]


def test_old_days_are_forgotten(log: SqliteLog, tmp_path: Path) -> None:
    log.append([record(n, time_us=NOON - n * DAY) for n in range(5)])
    assert log.prune(NOON - 2 * DAY) == 2
    assert sorted(path.name for path in (tmp_path / "log").glob("*.db")) == ["2026-11-23.db", "2026-11-24.db", "2026-11-25.db"]
    assert len(everything(log)) == 3
    assert log.prune(NOON - 2 * DAY) == 0


def test_many_large_bodies_make_many_blocks(log: SqliteLog, tmp_path: Path) -> None:
    kept = [record(n, request=random.Random(n).randbytes(300_000)) for n in range(9)]
    log.append(kept)
    assert [log.get(each.id) for each in kept] == kept
    db = sqlite3.connect(the_day(tmp_path))
    assert db.execute("SELECT count(*) FROM bodies").fetchone() == (3,)
    db.close()


def test_its_repr_says_where(log: SqliteLog, tmp_path: Path) -> None:
    log.append([full(1)])
    assert repr(log) == f"SqliteLog({tmp_path / 'log'}, 1 days open)"


def test_a_day_that_cannot_be_opened_is_for_another_time(log: SqliteLog, tmp_path: Path) -> None:
    the_day(tmp_path).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot read"):
        log.page(Filter())
    with pytest.raises(StoreError, match="cannot write"):
        log.append([full(1)])


def test_a_day_that_cannot_be_deleted_is_for_another_time(log: SqliteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([record(1, time_us=NOON - 9 * DAY)])

    def fails(*_: object, **__: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(Path, "unlink", fails)
    with pytest.raises(StoreError, match="cannot delete"):
        log.prune(NOON)


def test_a_conversation_is_kept_once_and_comes_back_whole(log: SqliteLog, tmp_path: Path) -> None:
    draw = random.Random(2)
    messages: list[dict[str, str]] = []
    kept: list[Record] = []
    for n in range(1, 31):
        messages += [{"role": "user", "content": draw.randbytes(300).hex()}]
        body = json.dumps({"model": "a", "messages": messages}).encode()
        kept.append(record(n, request=body, sent=body.replace(b'"a"', b'"b"'), response=draw.randbytes(9), received=b"{}"))
    for each in kept:  # each in a block of its own
        log.append([each])
    assert [log.get(each.id) for each in kept] == kept
    assert [each.request for each in log.scan(Filter(), bodies=True)] == [each.request for each in reversed(kept)]
    db = sqlite3.connect(the_day(tmp_path))
    (size,) = db.execute("SELECT sum(length(data)) FROM bodies").fetchone()
    db.close()
    assert size < sum(len(each.request) for each in kept) / 10
    log.append(kept)  # known: what was learned of that transaction is forgotten
    log.append([full(99)])
    assert log.get(full(99).id) == full(99)


def test_a_damaged_block_takes_with_it_what_refers_to_it_and_no_more(log: SqliteLog, tmp_path: Path, said: list[str]) -> None:
    body = json.dumps({"messages": ["x" * 600]}).encode()
    kept = [record(1, request=body), record(2, request=body), record(3, request=b"other")]
    for each in kept:
        log.append([each])
    db = sqlite3.connect(the_day(tmp_path))
    db.execute("UPDATE bodies SET data = x'0011' WHERE block = 1")
    db.commit()
    db.close()
    found = [log.get(each.id) for each in kept]
    assert [(each.id, each.request, each.truncated) for each in found if each] == [
        (kept[0].id, b"", True), (kept[1].id, b"", True), (kept[2].id, b"other", False)
    ]  # fmt: skip
    assert "block 1 cannot be read" in said[1]
    assert ids(everything(log)) == ids(kept)[::-1]
