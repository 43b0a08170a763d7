"""What every log store keeps of what was said in spans (`LogStore.tell`, `told`)."""

from lockgate.core.record import Record, new_id
from lockgate.stores.logs import spoken
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.rollup import DAY_US
from support.log_records import DAY, NOON, counted, record

SPAN = record(1, source="span", trace_id="t", span_id="s", organisation="one", workspace="w", latency_us=5_000_000)


def told(n, time_us=NOON, **more):
    members = {"trace_id": "t", "span_id": "s", "organisation": "one", "workspace": "w", "request": b"%d" % n} | more
    return Record(id=new_id(time_us, n), time_us=time_us, source="event", **members)


def said(log, span=SPAN):
    return sorted(each.request for each in log.told(span))


def test_what_was_said_is_found_by_its_span_and_is_no_request(log):
    log.tell([told(1), told(2, response=b"\x00\xff"), told(3, span_id="other"), told(4, workspace="v")])
    log.append([SPAN])
    assert said(log) == [b"1", b"2"]
    assert {each.response for each in log.told(SPAN)} == {b"", b"\x00\xff"}
    assert (counted(log), len(log.page(Filter()).records)) == (1, 1)


def test_what_is_told_again_is_known(log, opened):
    for store in (log, log, opened()):
        store.tell([told(1), told(2)])
    log.tell([])
    assert said(log) == [b"1", b"2"]


def test_it_may_be_told_before_midnight_and_after_and_without_a_request(log):
    midnight = NOON - NOON % DAY_US
    span = record(1, time_us=midnight + 1000, source="span", trace_id="t", span_id="s", organisation="one", workspace="w")
    log.tell([told(1, midnight - 1), told(2, midnight + 1)])
    assert said(log, span) == [b"1", b"2"]
    assert said(log, record(2, time_us=midnight - 5 * DAY, trace_id="t", span_id="s", organisation="one", workspace="w")) == []


def test_of_one_span_so_many_are_read(log, monkeypatch):
    monkeypatch.setattr(spoken, "MOST", 3)
    for n in range(6):
        log.tell([told(n)])
    assert len(said(log)) == 3


def test_it_is_forgotten_with_its_day(log):
    log.append([SPAN])
    log.tell([told(1)])
    log.prune(NOON + 2 * DAY)
    assert said(log) == []


def test_who_fills_a_span_with_words_fills_no_memory(log, monkeypatch):
    monkeypatch.setattr(spoken, "MOST_BYTES", 1000)
    log.tell([told(n, request=b"%d" % n * 600) for n in range(1, 6)])
    found = sorted(log.told(SPAN), key=lambda each: each.id)
    assert [each.request[:1] for each in found] == [b"1", b"2"]
    assert [each.truncated for each in found] == [False, True]


def test_what_cannot_be_read_is_left_out_and_that_is_said():
    rows = [spoken.packed(told(1)), b"no frame", spoken.packed(told(2))[:-3], spoken.packed(told(3))]
    assert [(each.request, each.truncated) for each in spoken.unpacked(rows)] == [(b"1", False), (b"3", True)]
