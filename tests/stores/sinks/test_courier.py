import pytest

from lockgate.stores.ports import StoreError
from lockgate.stores.sinks import courier as module
from lockgate.stores.sinks.courier import Courier
from lockgate.stores.sinks.feed import Feed, Pace
from lockgate.stores.sinks.port import Later, Refused
from lockgate.stores.sinks.state import read_state
from support.sinks import Listed, fill, ids, record


@pytest.fixture
def spool(tmp_path):
    path = tmp_path / "spool"
    path.mkdir()
    return path


def courier_of(spool, sink, **more):
    feed = Feed(spool, spool.parent / "there.json", pace=Pace(records=2, linger_s=0), clock=lambda: 7, **more)
    return Courier("there", feed, lambda: sink, chance=lambda: 0.5)


def test_all_is_brought_and_then_there_is_time(spool):
    fill(spool, 5).close()
    sink = Listed()
    courier = courier_of(spool, sink)
    assert [courier.step(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, module.LOOK_S]
    assert ids(sink.records) == ids(map(record, range(5)))
    assert courier.feed.state.sent == 5


def test_what_fails_is_tried_again_with_the_same_batch_ever_more_rarely(spool):
    fill(spool, 1).close()
    sink = Listed(StoreError("down"), StoreError("down"), StoreError("down"))
    courier = courier_of(spool, sink)
    tries = []
    now = 0.0
    while not sink.batches:
        before = len(sink.script)
        wait = courier.step(now)
        if len(sink.script) < before or sink.batches:
            tries.append(now)
        now += max(wait, 0.01)
    assert [round(each) for each in tries] == [0, 1, 3, 7]
    assert (sink.batches[0].number, courier.feed.state.retries) == (1, 3)
    assert courier.feed.state.trouble == ""


def test_a_sink_that_says_when_is_not_asked_before(spool):
    fill(spool, 1).close()
    sink = Listed(Later("busy", 30.0))
    courier = courier_of(spool, sink)
    courier.step(0.0)
    for now in range(1, 30):
        courier.step(float(now))
    assert sink.batches == []
    courier.step(30.0)
    assert len(sink.batches) == 1


def test_nobody_is_waited_for_for_ever(spool):
    fill(spool, 1).close()
    sink = Listed(Later("go away", 10**9))
    courier = courier_of(spool, sink)
    courier.step(0.0)
    courier.step(module.AFTER_MOST_S)
    assert len(sink.batches) == 1


def test_what_is_refused_is_counted_and_not_tried_again(spool):
    fill(spool, 4).close()
    sink = Listed(Refused("400: no such thing"), 1)
    courier = courier_of(spool, sink)
    courier.step(0.0)
    assert (courier.feed.state.refused, courier.feed.state.sent) == (2, 0)
    assert courier.feed.state.trouble == "400: no such thing"
    courier.step(0.0)
    assert (courier.feed.state.refused, courier.feed.state.sent) == (3, 1)


def test_ten_minutes_of_silence_are_caught_up_with_nothing_twice(spool):
    """The sink is down for 600 s, in which 60 records come, and more than half of them find no room."""
    writer = fill(spool, 1)
    sink = Listed(*[StoreError("down")] * 1000)
    courier = courier_of(spool, sink, capacity=12_000)
    now, written = 0.0, 1
    while now < 600.0:
        if now >= written * 10.0:
            writer.append(record(written))
            written += 1
        now += max(courier.step(now), 0.05)
    assert courier.feed.measure() <= 12_000 + 2_000
    sink.script.clear()
    while courier.step(now) != module.LOOK_S:
        now += 1.0
    state = courier.feed.state
    got = ids(sink.records)
    assert len(got) == len(set(got)) == state.sent > 0
    assert state.dropped > 0
    assert state.sent + state.dropped == written
    assert got == ids(map(record, range(state.dropped, written)))
    writer.close()


def test_nothing_is_sent_while_its_end_cannot_be_written_down(spool, monkeypatch):
    fill(spool, 4).close()
    sink = Listed()
    courier = courier_of(spool, sink)
    courier.step(0.0)
    monkeypatch.setattr("lockgate.stores.sinks.feed.write_state", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    courier.step(0.0)
    assert ids(sink.records) == ids(map(record, range(2)))
    monkeypatch.undo()
    courier.step(2.0)
    assert ids(sink.records) == ids(map(record, range(4)))


def test_a_sink_is_told_of_restarts(spool):
    fill(spool, 4).close()
    first = courier_of(spool, Listed())
    first.step(0.0)
    first.close()
    sink = Listed()
    second = courier_of(spool, sink)
    second.step(0.0)
    assert sink.batches[0].mark == "after 1"


def test_a_thread_stops_when_told_and_brings_what_there_is(spool):
    fill(spool, 5).close()
    sink = Listed()
    courier = courier_of(spool, sink)
    courier.feed._pace = Pace(records=100, linger_s=3600.0)
    courier.start()
    courier.stop()
    assert courier.join(10.0)
    assert len(sink.records) == 5
    assert sink.closed
    assert read_state(spool.parent / "there.json").sent == 5
