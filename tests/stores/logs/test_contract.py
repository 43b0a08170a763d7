"""What every log store does (`stores.logs.ports.LogStore`): kept once, found by what is asked, rated, forgotten by the day."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.record import Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Filter, LogStore, Range
from support.log_records import DAY, FILTERS, MINUTE, NOON, counted, everything, full, ids, rating, record, varied_record
from support.log_stores import Kind


def test_a_record_comes_back_whole(log: LogStore) -> None:
    kept = [full(n) for n in range(250)]
    assert log.append(kept) == 250
    assert [log.get(each.id) for each in kept] == kept


def test_all_records_are_scanned_the_newest_first(log: LogStore) -> None:
    records = [full(number) for number in range(1, 450)] + [record(number, time_us=NOON - DAY + number) for number in range(9)]
    log.append(records)
    newest = sorted(records, key=lambda each: (each.time_us, each.id), reverse=True)
    for bodies in (False, True):
        found = list(log.scan(Filter(), bodies=bodies))
        assert ids(found) == ids(newest)
        assert [each.request for each in found] == [each.request if bodies else b"" for each in newest]
        assert not any(each.response for each in found)
    assert ids(list(log.scan(Filter(providers=("p",), until_us=NOON + 4000)))) == ids([full(3), full(2), full(1)])
    assert list(log.scan(Filter(since_us=NOON + DAY))) == []


def test_a_scan_may_be_left_and_others_asked_meanwhile(log: LogStore) -> None:
    log.append([full(number) for number in range(1, 9)])
    scan = log.scan(Filter(), bodies=True)
    assert next(scan).id == full(8).id
    assert log.get(full(3).id) == full(3)
    log.append([full(9)])
    assert next(scan).id == full(7).id
    scan.close()
    assert len(log.page(Filter()).records) == 9


def test_what_was_kept_is_there_when_it_is_opened_again(log: LogStore, opened: Callable[..., LogStore]) -> None:
    log.append([full(1)])
    reader = opened()
    log.append([full(2)])
    assert ids(everything(reader)) == [full(2).id, full(1).id]
    log.close()
    assert reader.get(full(2).id) == full(2)
    writer = opened()
    assert writer.append([full(1), full(3)]) == 1
    assert counted(writer) == 3


def test_a_store_that_was_closed_can_be_asked_again(log: LogStore) -> None:
    log.append([full(1)])
    log.close()
    assert log.append([full(2)]) == 1
    log.close()
    assert ids(everything(log)) == [full(2).id, full(1).id]


def test_nothing_is_no_trouble(log: LogStore) -> None:
    assert log.append([]) == 0
    assert log.prune(NOON) == 0
    assert log.reprice({}) == 0
    assert log.feedback([]) == []
    log.rate([])


def test_without_words_nothing_is_found_by_them(opened: Callable[..., LogStore]) -> None:
    log = opened(text=False)
    log.append([record(1, request=b'{"messages": [{"role": "user", "content": "hello"}]}')])
    assert log.page(Filter(text="hello")).records == []
    log.append([record(2)])
    with_words = opened()
    with_words.append([record(3, request=b'{"messages": [{"role": "user", "content": "hello"}]}')])
    assert ids(log.page(Filter(text="hello")).records) == [record(3).id]


def test_large_bodies_come_back(log: LogStore) -> None:
    kept = [record(n, request=random.Random(n).randbytes(300_000)) for n in range(9)]
    log.append(kept)
    assert [log.get(each.id) for each in kept] == kept


def test_the_turns_of_a_conversation_come_back_whole(log: LogStore) -> None:
    draw = random.Random(2)
    messages: list[dict[str, str]] = []
    kept: list[Record] = []
    for n in range(1, 31):
        messages += [{"role": "user", "content": draw.randbytes(300).hex()}]
        body = json.dumps({"model": "a", "messages": messages}).encode()
        kept.append(record(n, request=body, sent=body.replace(b'"a"', b'"b"'), response=draw.randbytes(9), received=b"{}"))
    for each in kept:
        log.append([each])
    assert [log.get(each.id) for each in kept] == kept
    assert [each.request for each in log.scan(Filter(), bodies=True)] == [each.request for each in reversed(kept)]
    log.append(kept)
    log.append([full(99)])
    assert log.get(full(99).id) == full(99)


@pytest.mark.parametrize("text", ["'; DROP TABLE x; --", "\\x00\t%s {}", "🦊\r\n", '"', "[a-z]", "A", "a "])
def test_no_text_is_too_strange(log: LogStore, text: str) -> None:
    strange = record(1, user=text, model_asked=text, metadata={text: text}, trace_id=text, error=text)
    log.append([strange, record(2)])
    found = log.get(strange.id)
    assert found is not None
    day = Filter(since_us=NOON - DAY, until_us=NOON + DAY)
    for meant in (Filter(users=(text,)), Filter(models=(text,)), Filter(metadata=((text, text),)), Filter(traces=(text,))):
        assert ids(log.page(meant).records) == [strange.id]
        both = msgspec.structs.replace(meant, since_us=day.since_us, until_us=day.until_us)
        assert [totals.requests for _, totals in log.series(both, DAY)] == [1]
    assert [totals.requests for _, totals in log.groups(day, "user").rows] == [1, 1]
    assert [totals.requests for _, totals in log.groups(day, f"metadata.{text}").rows] == [1]


def test_a_nul_in_a_text_is_kept(log: LogStore) -> None:
    odd = record(1, user="a\0b", metadata={"a\0": "\0b"}, error="\0", request=b'{"messages": ["one\\u0000two"]}')
    log.append([odd])
    assert log.get(odd.id) == odd
    assert log.page(Filter(text="two")).records != []
    assert counted(log) == 1


def test_old_days_are_forgotten(log: LogStore) -> None:
    log.append([full(0), *[record(n, time_us=NOON - n * DAY) for n in range(1, 5)]])
    assert log.prune(NOON - 2 * DAY) == 2
    assert ids(everything(log)) == [full(0).id, *[record(n, time_us=NOON - n * DAY).id for n in (1, 2)]]
    assert counted(log) == 3
    assert log.get(record(4, time_us=NOON - 4 * DAY).id) is None
    assert log.prune(NOON - 2 * DAY) == 0
    assert log.append([record(4, time_us=NOON - 4 * DAY)]) == 1  # as if it had come late


def test_a_record_without_bodies_comes_back(log: LogStore) -> None:
    log.append([record(1), record(2)])
    assert log.get(record(1).id) == record(1)


def test_what_was_never_kept_is_not_found(log: LogStore) -> None:
    assert log.get(record(1).id) is None
    assert log.page(Filter()).records == []
    assert log.series(Filter(since_us=0, until_us=NOON), MINUTE) == []
    log.append([record(1)])
    assert log.get(record(2).id) is None
    assert log.get("no-id-of-ours") is None


def test_an_id_of_another_kind_is_found(log: LogStore) -> None:
    log.append([record(1), Record(id="custom-1", time_us=NOON - 3 * DAY, request=b"x")])
    found = log.get("custom-1")
    assert found is not None
    assert found.request == b"x"


def test_a_batch_that_comes_again_changes_nothing(log: LogStore) -> None:
    kept = [full(n) for n in range(150)]
    assert log.append(kept[:100]) == 100
    assert log.append(kept) == 50
    assert log.append(kept) == 0
    assert ids(everything(log)) == ids(kept)[::-1]
    assert counted(log) == 150
    assert [log.get(each.id) for each in kept] == kept


def test_a_batch_may_hold_a_record_twice(log: LogStore) -> None:
    assert log.append([full(1), full(1), full(2)]) == 2
    assert log.get(full(2).id) == full(2)


def test_a_page_has_no_bodies_and_everything_else(log: LogStore) -> None:
    log.append([full(3)])
    (found,) = log.page(Filter()).records
    assert found.request == found.response == b""
    assert (found.attempts, found.usage, found.metadata) == (full(3).attempts, full(3).usage, full(3).metadata)


def test_pages_go_on_where_the_last_one_ended_across_days(log: LogStore) -> None:
    kept = [record(n, time_us=NOON + n * DAY // 3) for n in range(20)]
    shuffled = random.Random(1).sample(kept, 20)
    log.append(shuffled[:9])
    log.append(shuffled[9:])
    assert ids(everything(log, limit=3)) == ids(kept)[::-1]


def test_records_of_one_moment_are_all_found(log: LogStore) -> None:
    kept = [Record(id=new_id(NOON, n), time_us=NOON) for n in range(10)]
    log.append(kept)
    assert ids(everything(log, limit=3)) == ids(kept)[::-1]


def test_what_arrives_while_pages_are_read_does_not_shift_them(log: LogStore) -> None:
    log.append([record(n) for n in range(10)])
    first = log.page(Filter(), limit=5)
    log.append([record(n) for n in range(10, 20)])
    assert ids(log.page(Filter(), first.next, 5).records) == [record(n).id for n in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize("time_us", [-5, 0, 10**17, 2**63, 2**70])
def test_no_time_is_too_strange(log: LogStore, time_us: int) -> None:
    kept = Record(id="x", time_us=time_us, request=b"x")
    assert log.append([kept]) == 1
    assert log.get("x") == kept


def test_a_record_is_found_by_its_own_trace_and_its_trace_comes_back(log: LogStore) -> None:
    kept = [record(n, trace_id=record(n).id.replace("-", "")) for n in range(5)]
    log.append(kept)
    assert log.page(Filter(traces=(kept[3].trace_id,))).records == [kept[3]]
    assert log.page(Filter(traces=(record(9).id.replace("-", ""),))).records == []


def test_counts_that_no_database_takes_are_kept_as_far_as_they_go(log: LogStore) -> None:
    odd = record(1, usage=Usage(input=10**30, output=-5), cost_nusd=10**25, latency_us=10**20)
    assert log.append([odd]) == 1
    assert log.get(odd.id) == odd


def test_names_of_any_length_are_kept(log: LogStore) -> None:
    long = record(1, model_asked="m" * 100_000, trace_id="t" * 1000, user="u" * 100_000, metadata={"n" * 1000: "v" * 100_000})
    log.append([long, record(2, user="u" * 99_999)])
    assert log.get(long.id) == long
    assert (
        ids(log.page(Filter(users=(long.user,))).records) == ids(log.page(Filter(traces=(long.trace_id,))).records) == [long.id]
    )


@pytest.fixture(scope="module")
def varied(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LogStore, list[Record]]]:
    draw = random.Random(5)
    kept = [varied_record(draw, n) for n in range(300)]
    log = open_log(kind.url(), tmp_path_factory.mktemp("log"), report=pytest.fail)
    log.append(kept)
    yield log, sorted(kept, key=lambda each: (each.time_us, each.id), reverse=True)
    log.close()


@pytest.mark.parametrize("meant", FILTERS, ids=repr)
def test_the_database_and_the_filter_mean_the_same(varied: tuple[LogStore, list[Record]], meant: Filter) -> None:
    log, kept = varied
    expected = [each for each in kept if meant.admits(each)]
    assert ids(everything(log, meant, limit=11)) == ids(expected)
    assert 0 < len(expected) < len(kept)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=20, deadline=None)
@given(
    st.sampled_from(FILTERS), st.sampled_from(FILTERS), st.integers(1, 60)
)  # fmt: skip
def test_filters_combine(varied: tuple[LogStore, list[Record]], one: Filter, other: Filter, limit: int) -> None:
    log, kept = varied
    both = msgspec.structs.replace(
        one, **{name: getattr(other, name) for name in other.__struct_fields__ if getattr(other, name) not in (None, "", 0)}
    )
    assert ids(everything(log, both, limit)) == ids([each for each in kept if both.admits(each)])


def scores(log: LogStore, meant: Filter | None = None) -> tuple[int, int, int]:
    asked = msgspec.structs.replace(meant or Filter(), since_us=NOON - DAY, until_us=NOON + DAY)
    found = [totals for _, totals in log.series(asked, DAY)]
    return sum(each.rated for each in found), sum(each.weight for each in found), sum(each.score for each in found)


@pytest.mark.parametrize("fresh", [1, 10_000])
@pytest.mark.parametrize("first", [True, False])
def test_what_people_said_counts_with_each_request_of_its_trace(
    kind: Kind, log: LogStore, monkeypatch: pytest.MonkeyPatch, fresh: int, first: bool
) -> None:
    kind.roll(monkeypatch, fresh)
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


def test_feedback_comes_back_whole_and_is_forgotten_with_its_day(log: LogStore) -> None:
    said = rating(1, "t", 3, metadata={"who": "anna"}, organisation="o", workspace="w")
    assert log.feedback(["t"]) == []
    log.rate([said])
    log.rate([])
    assert log.feedback(["t", "u"]) == [said]
    log.prune(NOON + DAY)
    assert log.feedback(["t"]) == []


@pytest.mark.parametrize("fresh", [1, 10_000])
@pytest.mark.parametrize("first", [True, False])
def test_what_an_organisation_said_counts_with_its_own_requests_alone(
    kind: Kind, log: LogStore, monkeypatch: pytest.MonkeyPatch, fresh: int, first: bool
) -> None:
    kind.roll(monkeypatch, fresh)
    kept = [record(n, trace_id="t", organisation=place) for n, place in enumerate(("a", "b", "c", ""), 1)]
    kept.append(record(5, trace_id=record(5).id.replace("-", ""), organisation="a"))
    said = [
        rating(1, "t", 5, organisation="a"),
        rating(2, "t", 1, organisation="a", weight=500),
        rating(3, "t", -10, organisation="b"),
        rating(4, kept[4].trace_id, 9, organisation="b"),  # another's request
        rating(5, "elsewhere", 2, organisation="c"),
    ]
    if first:
        log.rate(said)
    log.append(kept)
    if not first:
        log.rate(said)
    assert [scores(log, Filter(organisation=place)) for place in ("a", "b", "c")] == [
        (2, 1500, 5500),
        (1, 1000, -10_000),
        (0, 0, 0),
    ]
    assert scores(log) == (3, 2500, -4500)
    assert ids(log.page(Filter(feedback=Range(0))).records) == ids([kept[0]])
    assert ids(log.page(Filter(feedback=Range(None, 0))).records) == ids([kept[1]])
    log.rate([rating(6, "t", 4), rating(2, "t", 1, organisation="c")])  # said by nobody's, and by another than before
    assert [scores(log, Filter(organisation=place)) for place in ("a", "b", "c")] == [
        (2, 2000, 9000),
        (2, 2000, -6000),
        (2, 2000, 5000),
    ]
    assert scores(log) == (7, 7000, 12_000)
    assert ids(log.page(Filter(feedback=Range(4000))).records) == ids([kept[3], kept[0]])
    assert ids(log.page(Filter(feedback=Range(2000, 3000))).records) == ids([kept[2]])
    assert {each.organisation for each in log.feedback(["t"])} == {"", "a", "b", "c"}
