"""The exporter against a collector that refuses, hangs, is busy, and takes a part: real sockets, the official decoder."""

import json

import pytest

from lockgate.dialects.otlp.metrics import CUMULATIVE, DELTA
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.courier import LOOK_S, Courier
from lockgate.stores.sinks.feed import Feed, Pace
from lockgate.stores.sinks.otlp import Line, OtlpMetrics, OtlpTraces
from lockgate.stores.sinks.port import Batch, Later, Refused
from lockgate.stores.sinks.poster import Poster, place_of
from lockgate.transport.egress import Egress
from support.collector import METRICS, Collector, attributes, partial
from support.sinks import fill, ids, record

RESOURCE = {"service.name": "lockgate"}
BATCH = Batch(1, [record(0), record(1)])


@pytest.fixture
def made():
    """What is to be closed."""
    things = []
    yield things
    for each in reversed(things):
        each.close()


def collector_of(made, *script):
    made.append(Collector(*script))
    return made[-1]


def sink_of(made, collector, path="/v1/traces", timeout_s=10.0, **more):
    line = Line(place_of(collector.url + path), **more)
    made.append(OtlpTraces(line, Poster(lambda: Egress.compile(()), timeout_s, now_s=lambda: 1e9), RESOURCE))
    return made[-1]


def test_spans_arrive_as_protobuf(made):
    collector = collector_of(made)
    assert sink_of(made, collector, headers=((b"x-key", b"k"),)).send(BATCH) == 0
    ((path, headers, _),) = collector.asked
    assert path == "/v1/traces"
    assert {name.lower(): value for name, value in headers.items()}["x-key"] == "k"
    assert [attributes(span).get("lockgate.request.id") for span in collector.spans()] == [
        record(0).id,
        None,
        record(1).id,
        None,
    ]


def test_spans_arrive_as_json_uncompressed(made):
    collector = collector_of(made)
    sink_of(made, collector, json=True, gzip=False).send(BATCH)
    _, _, body = collector.asked[0]
    span = json.loads(body)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (span["traceId"], span["startTimeUnixNano"], span["kind"]) == (f"{1:032x}", "1790000000000000000", 2)
    assert len(collector.spans()) == 4


def test_one_connection_serves_many_batches(made):
    collector = collector_of(made)
    sink = sink_of(made, collector)
    for _ in range(3):
        assert sink.send(BATCH) == 0


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_collector_that_is_busy_is_asked_again_when_it_says(made, status):
    sink = sink_of(made, collector_of(made, (status, {"retry-after": "17"})))
    with pytest.raises(Later, match=str(status)) as raised:
        sink.send(BATCH)
    assert raised.value.after_s == 17.0
    assert sink.send(BATCH) == 0


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 501, 307])
def test_whatever_else_it_says_is_final(made, status):
    with pytest.raises(Refused, match=str(status)):
        sink_of(made, collector_of(made, status)).send(BATCH)


def test_what_it_rejects_is_counted(made):
    answer = (200, {"content-type": "application/x-protobuf"}, partial(1))
    assert sink_of(made, collector_of(made, answer)).send(BATCH) == 1
    answer = (200, {"content-type": "application/json"}, b'{"partialSuccess": {"rejectedSpans": "2"}}')
    assert sink_of(made, collector_of(made, answer), json=True).send(BATCH) == 2


def test_an_answer_that_cannot_be_read_is_a_good_one(made):
    assert sink_of(made, collector_of(made, (200, {}, b"\xff\xff nonsense"))).send(BATCH) == 0


def test_nobody_there_is_tried_again(made):
    collector = Collector()
    sink = sink_of(made, collector)
    collector.close()
    with pytest.raises(StoreError):
        sink.send(BATCH)


def test_a_collector_that_hangs_is_given_up_in_time(made):
    collector = collector_of(made, "hang")
    with pytest.raises(StoreError):
        sink_of(made, collector, timeout_s=0.2).send(BATCH)


def test_an_address_that_the_egress_policy_denies_is_never_asked(made):
    sink = OtlpTraces(
        Line(place_of("http://collector.internal:4318/v1/traces")), Poster(lambda: Egress.compile(()), 1.0), RESOURCE
    )
    made.append(sink)
    with pytest.raises(StoreError):
        sink.send(BATCH)


def test_through_all_faults_each_record_arrives_once(made, tmp_path):
    """Refused connections, 503 with a date to come back, a hang, a part: what is sent and not sent adds up, nothing twice."""
    (tmp_path / "spool").mkdir()
    fill(tmp_path / "spool", 10).close()
    half = (200, {"content-type": "application/x-protobuf"}, partial(1))
    collector = collector_of(made, 503, 200, "hang", (429, {"retry-after": "5"}), 200, half, 400)
    sink = sink_of(made, collector, timeout_s=0.3)
    feed = Feed(tmp_path / "spool", tmp_path / "s.json", pace=Pace(records=2, linger_s=0), clock=lambda: 7)
    courier = Courier("otlp", feed, lambda: sink, chance=lambda: 0.5)
    now = 0.0
    while (wait := courier.step(now)) != LOOK_S:
        now += wait
    state = feed.state
    assert (state.sent, state.refused, state.retries) == (7, 3, 3)
    tried = [attributes(span)["lockgate.request.id"] for span in collector.spans() if "lockgate.request.id" in attributes(span)]
    # Batch 1 twice (503), batch 2 three times (a hang, 429), the others once.
    assert tried == ids(record(n) for first in (0, 0, 2, 2, 2, 4, 6, 8) for n in (first, first + 1))


def metrics_sink(made, collector, temporality):
    ticks = iter(range(100, 1000, 100))
    sink = OtlpMetrics(
        Line(place_of(collector.url + "/v1/metrics")),
        Poster(lambda: Egress.compile(()), 10.0),
        RESOURCE,
        clock=lambda: next(ticks),
        temporality=temporality,
    )
    made.append(sink)
    return sink


def counts(collector):
    """Of each request: when the durations began, ended, and how many there are."""
    found = []
    for request in collector.messages(METRICS):
        by_name = {metric.name: metric for metric in request.resource_metrics[0].scope_metrics[0].metrics}
        (point,) = by_name["gen_ai.client.operation.duration"].histogram.data_points
        found.append((point.start_time_unix_nano, point.time_unix_nano, point.count))
    return found


def test_cumulative_metrics_go_on_and_a_retry_counts_once(made):
    collector = collector_of(made, 503)
    sink = metrics_sink(made, collector, CUMULATIVE)
    with pytest.raises(Later):
        sink.send(BATCH)
    sink.send(BATCH)
    sink.send(Batch(2, [record(2)]))
    assert counts(collector) == [(100, 200, 2), (100, 200, 2), (100, 300, 3)]


def test_deltas_begin_where_the_last_one_ended(made):
    collector = collector_of(made)
    sink = metrics_sink(made, collector, DELTA)
    sink.send(BATCH)
    sink.send(Batch(2, [record(2)]))
    assert counts(collector) == [(100, 200, 2), (200, 300, 1)]
