"""Reports of what was spent, compared with what adding up the records says."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.control.costs.spend import Sums, Unpriced, spent
from lockgate.core.failure import Refusal
from lockgate.core.record import Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from support.log_store import MemoryLog

DAY_US = 86_400_000_000


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


START = at("2026-01-30T00:00")
WHOLE = Filter(since_us=START, until_us=START + 4 * DAY_US)
VALUE = {
    "model": lambda record: record.model_sent,
    "provider": lambda record: record.provider,
    "key": lambda record: record.key_id,
    "user": lambda record: record.user,
    "workspace": lambda record: record.workspace,
    "metadata.team": lambda record: record.metadata.get("team", ""),
}


def record(number, time_us=START, cost=1000, tokens=10, **members):
    members = {"provider": "openai", "model_asked": "m", "model_sent": "m", "usage": Usage(input=tokens, output=1), **members}
    return Record(new_id(time_us, number), time_us, cost_nusd=cost, **members)


def added_up(records, by, step):
    """The same, the plain way: {(start, values): (requests, cost, unpriced)}."""
    found = {}
    for each in records:
        moment = datetime.fromtimestamp(each.time_us / 1e6, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        moment = moment.replace(day=1) if step == "month" else moment
        start = START if step == "all" else int(moment.timestamp()) * 1_000_000
        sums = found.setdefault((start, tuple(VALUE[name](each) for name in by)), [0, 0, 0])
        sums[0] += 1
        sums[1] += each.cost_nusd or 0
        sums[2] += each.usage is not None and each.cost_nusd is None
    return {key: tuple(sums) for key, sums in found.items()}


def told(report):
    return {(row.start_us, row.values): (row.sums.requests, row.sums.cost_nusd, row.sums.unpriced) for row in report.rows}


@st.composite
def record_sets(draw):
    few = st.sampled_from(["", "a", "b"])
    return [
        record(
            number,
            START + draw(st.integers(0, 4 * DAY_US - 1)),
            cost=draw(st.one_of(st.none(), st.integers(0, 10**6))),
            provider=draw(few),
            model_asked=draw(few),
            model_sent=draw(few),
            key_id=draw(few),
            user=draw(few),
            workspace=draw(few),
            metadata=draw(st.sampled_from([{}, {"team": "red"}, {"team": "blue*", "x": "y"}])),
        )
        for number in range(draw(st.integers(0, 12)))
    ]


@given(
    record_sets(),
    st.lists(st.sampled_from(sorted(VALUE)), unique=True, max_size=3).map(tuple),
    st.sampled_from(["all", "day", "month"]),
)
def test_every_request_is_in_one_row(records, by, step):
    if len(by) > 1:  # a value that a filter takes for a pattern is told apart where nothing is asked for within it
        for each in records:
            each.metadata = {name: value.replace("*", "") for name, value in each.metadata.items()}
    report = spent(MemoryLog(records), WHOLE, by, step)
    assert told(report) == added_up(records, by, step)
    assert (report.total.requests, report.total.cost_nusd) == (len(records), sum(each.cost_nusd or 0 for each in records))


def test_the_roll_ups_say_the_same(tmp_path):
    records = [
        record(
            n,
            START + n * DAY_US // 9,
            user="ab"[n % 2],
            model_asked="x",
            model_sent=f"m{n % 3}",
            metadata={"team": "r"} if n % 4 else {},
        )
        for n in range(30)
    ]
    store = SqliteLog(tmp_path, report=pytest.fail)
    store.append(records)
    for by in ((), ("model",), ("user", "model"), ("model", "metadata.team")):
        for step in ("all", "day", "month"):
            assert told(spent(store, WHOLE, by, step)) == added_up(records, by, step), (by, step)
    store.close()


def test_what_a_filter_cannot_ask_for_is_told_together():
    records = [record(1, metadata={"team": "r*"}), record(2, metadata={"team": "red"}), record(3)]
    found = told(spent(MemoryLog(records), WHOLE, ("metadata.team", "model")))
    assert found == {(START, ("red", "m")): (1, 1000, 0), (START, ("(other)", "m")): (2, 2000, 0)}


def test_what_has_no_price_is_listed_and_not_counted_as_nothing():
    records = [
        record(1),
        record(2, cost=None, tokens=99),
        record(3, cost=None, tokens=9, provider="own", model_sent="n"),
        record(4, cost=None, usage=None),  # refused: it has used nothing
    ]
    report = spent(MemoryLog(records), WHOLE)
    assert report.unpriced == [Unpriced("openai", "m", 1, 100), Unpriced("own", "n", 1, 10)]
    assert report.total == Sums(requests=4, input=118, output=3, cost_nusd=1000, unpriced=2)


def test_steps_are_whole_days_and_months():
    meant = Filter(since_us=at("2026-01-30T12:00"), until_us=at("2026-02-01T00:01"))
    records = [record(1, at("2026-01-01T01:00")), record(2, at("2026-01-30T01:00")), record(3, at("2026-02-01T23:00"))]
    days = spent(MemoryLog(records), meant, step="day")
    assert [(row.start_us, row.sums.requests) for row in days.rows] == [(START, 1), (at("2026-02-01T00:00"), 1)]
    assert (days.since_us, days.until_us) == (START, at("2026-02-02T00:00"))
    months = spent(MemoryLog(records), meant, step="month")
    assert [(row.start_us, row.sums.requests) for row in months.rows] == [
        (at("2026-01-01T00:00"), 2),
        (at("2026-02-01T00:00"), 1),
    ]


@pytest.mark.parametrize(
    ("by", "step", "days", "named"),
    [
        (("planet",), "all", 1, "by"),
        (("metadata.",), "all", 1, "by"),
        (("model", "model"), "all", 1, "by"),
        (("model", "key", "user", "route", "provider"), "all", 1, "by"),
        (("model",), "day", 1001, "step"),
        (("model",), "all", 0, "until"),
    ],
)
def test_what_cannot_be_told_is_refused(by, step, days, named):
    with pytest.raises(Refusal) as refused:
        spent(MemoryLog(), Filter(since_us=START, until_us=START + days * DAY_US), by, step)
    assert (refused.value.status, refused.value.param) == (400, named)
