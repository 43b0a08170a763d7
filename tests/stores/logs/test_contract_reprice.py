"""Costs that are set anew, in every log store: they are what everything tells, whatever was rolled up already."""

import threading
from contextlib import closing
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Cost, Filter, Range
from lockgate.stores.logs.rollup import DAY_US, HOUR_US
from support.log_store import MemoryLog

START = int(datetime(2026, 11, 25, tzinfo=UTC).timestamp()) * 1_000_000
WHOLE = Filter(since_us=START, until_us=START + 2 * DAY_US)


def record(number, **members):
    time_us = members.pop("time_us", START + number * 1000)
    members = {"provider": "p", "model_sent": f"m{number % 3}", "usage": Usage(input=10, output=5), "cost_nusd": 100, **members}
    return Record(new_id(time_us, number), time_us, **members)


def told(store):
    """All that a store tells of costs."""
    numbers = ("requests", "cost_nusd", "unpriced", "input", "failed")

    def sums(totals):
        return [getattr(totals, name) for name in numbers] + [totals.latency.count]

    groups = {
        by: {value: sums(totals) for value, totals in store.groups(WHOLE, by).rows}
        for by in ("model", "provider", "key", "user", "workspace", "route", "status", "metadata.team")
    }
    series = {step: [(at, sums(totals)) for at, totals in store.series(WHOLE, step)] for step in (60_000_000, HOUR_US, DAY_US)}
    pages = {
        least: [
            (each.id, each.cost_nusd, each.cost_note)
            for each in store.page(Filter(cost_nusd=Range(least=least)), limit=99).records
        ]
        for least in (0, 100, 5000)
    }
    return groups, series, pages


def test_the_detail_says_the_new_cost_and_all_else_stays(log):
    kept = record(
        1,
        cost_note="unknown price",
        cost_nusd=None,
        request=b"asked",
        response=b"said",
        attempts=[Attempt(provider="p", kind="timeout", input=3), Attempt(provider="p")],
    )
    log.append([kept, record(2)])
    assert log.reprice({kept.id: Cost(700, "", "list 2", (300, 400))}) == 1
    found = log.get(kept.id)
    assert (found.cost_nusd, found.cost_note, found.price_version) == (700, "", "list 2")
    assert [each.cost_nusd for each in found.attempts] == [300, 400]
    assert (found.request, found.response, found.usage, found.model_sent) == (b"asked", b"said", kept.usage, "m1")
    assert log.get(record(2).id).cost_nusd == 100


def test_what_costs_that_already_is_left_alone(log):
    log.append([record(1)])
    costs = {record(1).id: Cost(9, "estimated", "v")}
    assert [log.reprice(costs), log.reprice(costs), log.reprice({})] == [1, 0, 0]
    assert log.reprice({"nobody's": Cost(1), new_id(START + 5, 5): Cost(1), new_id(START - DAY_US, 5): Cost(1)}) == 0


@pytest.mark.parametrize("rolled", [False, True])
def test_roll_ups_follow(kind, log, monkeypatch, rolled):
    if rolled:
        kind.roll(monkeypatch, 1)
    plain = MemoryLog()
    records = [
        record(
            n, time_us=START + n * DAY_US // 21, key_id=f"k{n % 4}", user=f"u{n % 2}", metadata={"team": "r"} if n % 2 else {}
        )
        for n in range(40)
    ]
    log.append(records)
    plain.append(records)
    costs = {each.id: Cost(None if n % 5 == 0 else n * n * 7, "x", "v") for n, each in enumerate(records) if n % 3}
    before = told(log)
    assert log.reprice(costs) == len(costs)
    for each in records:
        if each.id in costs:
            each.cost_nusd, each.cost_note = costs[each.id].nusd, "x"
    assert told(log) == told(plain) != before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=10)
@given(
    st.lists(
        st.dictionaries(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 10**16)), max_size=5), min_size=1, max_size=4
    ),
    st.data(),
)
def test_any_corrections_in_any_order_with_roll_ups_in_between(kind, tmp_path_factory, corrections, data):
    plain = MemoryLog()
    records = [record(n, time_us=START + n * HOUR_US // 2) for n in range(10)]
    plain.append(records)
    with (
        closing(open_log(kind.url(), tmp_path_factory.mktemp("log"), report=pytest.fail)) as log,
        pytest.MonkeyPatch.context() as patch,
    ):
        kind.roll(patch, data.draw(st.sampled_from([1, 7, 1000])))
        log.append(records[:5])
        if data.draw(st.booleans()):
            log.close()
        log.append(records[5:])
        for correction in corrections:
            log.reprice({records[n].id: Cost(nusd) for n, nusd in correction.items()})
            for n, nusd in correction.items():
                # What nobody ever pays is kept as the most that sums are made of, in rows and roll-ups.
                records[n].cost_nusd = nusd if nusd is None else min(nusd, 2**44)
            if data.draw(st.booleans()):
                log.close()
        groups, series, _ = told(log)
        assert (groups, series) == told(plain)[:2]


def test_the_one_who_appends_goes_on_meanwhile(kind, opened, monkeypatch):
    kind.roll(monkeypatch, 50)
    writer, corrector = (opened(busy_s=30.0) for _ in range(2))
    writer.append([record(n) for n in range(100)])
    ids = [record(n).id for n in range(100)]

    def correct():
        for round in range(10):
            corrector.reprice({id: Cost(round + 1) for id in ids})

    thread = threading.Thread(target=correct)
    thread.start()
    for n in range(100, 400, 10):
        writer.append([record(m, cost_nusd=1000) for m in range(n, n + 10)])
    thread.join()
    totals = dict(writer.groups(WHOLE, "provider").rows)["p"]
    assert (totals.requests, totals.cost_nusd) == (400, 100 * 10 + 300 * 1000)
