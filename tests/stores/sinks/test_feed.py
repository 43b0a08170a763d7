import pytest

from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks import feed as module
from lockgate.stores.sinks.feed import Feed, Pace
from lockgate.stores.sinks.state import read_state
from lockgate.stores.spool import held, segments
from support.sinks import fill, ids, record

SMALL = Pace(records=3, linger_s=0)


@pytest.fixture
def spool(tmp_path):
    path = tmp_path / "spool"
    path.mkdir()
    return path


def feed_of(spool, pace=SMALL, **more):
    return Feed(spool, spool.parent / "sinks" / "there.json", pace=pace, clock=lambda: 7, **more)


def drain(feed):
    """All batches, each done with."""
    found = []
    while (batch := feed.take(0.0)) is not None:
        found.append(batch)
        feed.done(0)
    return found


def test_each_record_comes_once_and_in_order(spool):
    writer = fill(spool, 8)
    batches = drain(feed_of(spool))
    assert [len(batch.records) for batch in batches] == [3, 3, 2]
    assert [batch.number for batch in batches] == [1, 2, 3]
    assert ids(each for batch in batches for each in batch.records) == ids(map(record, range(8)))
    writer.close()


def test_a_batch_under_way_is_the_same_after_a_death_though_more_has_come(spool):
    writer = fill(spool, 2)
    first = feed_of(spool).take(0.0)
    writer.append(record(2))
    again = feed_of(spool)
    repeated = again.take(0.0)
    assert (repeated.number, ids(repeated.records)) == (first.number, ids(first.records))
    again.done(0)
    assert ids(again.take(0.0).records) == ids([record(2)])
    writer.close()


def test_of_several_segments_the_same_batch_comes_again(spool):
    one, two = fill(spool, 1), fill(spool, 1, begin=10)
    first = feed_of(spool).take(0.0)
    one.append(record(1))
    two.append(record(11))
    assert ids(feed_of(spool).take(0.0).records) == ids(first.records) == ids([record(0), record(10)])
    one.close()
    two.close()


def test_what_is_done_with_is_not_sent_again(spool):
    writer = fill(spool, 3)
    drain(feed_of(spool))
    assert feed_of(spool).take(0.0) is None
    writer.close()


def test_too_little_is_waited_for(spool):
    writer = fill(spool, 1)
    feed = feed_of(spool, Pace(linger_s=5.0))
    assert feed.take(100.0) is None
    assert feed.take(104.9) is None
    assert len(feed.take(105.0).records) == 1
    writer.close()


def test_a_full_batch_is_not_waited_for(spool):
    writer = fill(spool, 4)
    assert feed_of(spool, Pace(size=100, linger_s=3600.0)).take(0.0) is not None
    writer.close()


def test_what_is_not_meant_or_not_to_be_kept_is_passed_over(spool):
    writer = fill(spool, 3)
    writer.append(record(3, unkept=True))
    writer.append(record(4, status=500))
    writer.close()
    feed = feed_of(spool, wants=lambda record: record.status == 500)
    assert [ids(batch.records) for batch in drain(feed)] == [ids([record(4)])]
    assert feed.measure() == 0


def test_without_bodies_they_are_not_even_read(spool):
    fill(spool, 1).close()
    (batch,) = drain(feed_of(spool, bodies=False))
    assert (batch.records[0].request, batch.records[0].response, batch.records[0].model_sent) == (b"", b"", "gpt-5")


def test_more_than_may_wait_is_left_out_the_oldest_first_and_counted_exactly(spool, monkeypatch):
    monkeypatch.setattr(module, "_STRETCH", 2000)
    writer = fill(spool, 20)
    feed = feed_of(spool, capacity=held(spool) // 2)
    under_way = feed.take(0.0)
    dropped = feed.trim()
    assert feed.measure() <= held(spool) // 2
    rest = [each for batch in drain(feed) for each in batch.records]
    assert dropped == feed.state.dropped == 20 - len(rest)
    assert 0 < len(rest) < 20
    assert ids(rest) == ids(map(record, range(dropped, 20)))
    assert ids(under_way.records)[0] not in ids(rest)
    writer.close()


def test_only_what_was_meant_counts_as_left_out(spool):
    writer = fill(spool, 3)
    writer.append(record(3, status=500))
    feed = feed_of(spool, capacity=0, wants=lambda record: record.status == 500)
    assert feed.trim() == 1
    writer.close()


class Kept:
    def append(self, records):
        return len(records)


def test_a_segment_stays_until_it_is_read_and_no_longer_than_there_is_room(spool):
    fill(spool, 5).close()
    feed = feed_of(spool, capacity=10**9)
    ingest = Ingest(spool, Kept(), report=print, released=feed.released)
    while ingest.step():
        pass
    ingest.step()
    assert len(segments(spool)) == 1
    feed._capacity = 0
    assert feed.trim() == 5
    ingest.step()
    assert segments(spool) == []
    ingest.close()


def test_places_of_segments_that_are_gone_are_forgotten(spool):
    fill(spool, 2).close()
    feed = feed_of(spool)
    drain(feed)
    segments(spool)[0].unlink()
    fill(spool, 1, begin=5).close()
    drain(feed)
    assert set(read_state(spool.parent / "sinks" / "there.json").places) == {path.name for path in segments(spool)}


def test_what_was_under_way_and_is_gone_is_given_up(spool):
    fill(spool, 2).close()
    feed_of(spool).take(0.0)
    segments(spool)[0].unlink()
    fill(spool, 1, begin=5).close()
    feed = feed_of(spool)
    found = [each for _ in range(3) if (batch := feed.take(0.0)) is not None for each in batch.records]
    assert ids(found[:1]) == ids([record(5)])


def test_damage_is_counted_and_passed_over(spool):
    fill(spool, 3).close()
    (path,) = segments(spool)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    feed = feed_of(spool)
    assert sum(len(batch.records) for batch in drain(feed)) == 2
    assert feed.state.damaged == 1


def test_an_end_that_cannot_be_written_down_is_not_sent(spool):
    writer = fill(spool, 1)
    (spool.parent / "sinks").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot write"):
        feed_of(spool).take(0.0)
    writer.close()


def test_a_batch_says_what_the_sink_said_after_the_one_before(spool):
    writer = fill(spool, 4)
    feed = feed_of(spool)
    assert feed.take(0.0).mark == ""
    feed.done(0, "a.jsonl 120")
    assert feed_of(spool).take(0.0).mark == "a.jsonl 120"
    writer.close()
