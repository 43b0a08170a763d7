from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from lockgate.dialects.otlp import metrics as module
from lockgate.dialects.otlp.metrics import CUMULATIVE, Measures
from lockgate.dialects.otlp.schema import METRICS
from lockgate.wire.protobuf import write
from support.collector import attributes
from support.sinks import record


def metrics_of(measures):
    tree = measures.tree({"service.name": "lockgate"}, ("lockgate", "1"), "", 99, CUMULATIVE)
    request = ExportMetricsServiceRequest.FromString(write(METRICS, tree))
    return {metric.name: metric for metric in request.resource_metrics[0].scope_metrics[0].metrics}


def counted(*records):
    measures = Measures(11)
    for each in records:
        measures.count(each)
    return metrics_of(measures)


def test_tokens_are_told_apart_by_their_kind():
    points = counted(record(0), record(1))["gen_ai.client.token.usage"].histogram.data_points
    found = {attributes(point)["gen_ai.token.type"]: (point.count, point.sum) for point in points}
    assert found == {"input": (2, 200.0), "output": (2, 40.0)}


def test_durations_are_in_seconds_and_in_the_buckets_of_the_conventions():
    (point,) = counted(record(0))["gen_ai.client.operation.duration"].histogram.data_points
    assert list(point.explicit_bounds)[:3] == [0.01, 0.02, 0.04]
    assert list(point.explicit_bounds)[-1] == 81.92
    assert point.bucket_counts[list(point.explicit_bounds).index(1.28)] == 1
    assert (point.sum, point.start_time_unix_nano, point.time_unix_nano) == (0.9, 11, 99)


def test_a_border_belongs_to_the_bucket_below():
    (point,) = counted(record(0, latency_us=10_000))["gen_ai.client.operation.duration"].histogram.data_points
    assert point.bucket_counts[0] == 1


def test_an_error_has_its_class_and_no_first_token():
    found = counted(record(0, outcome="failed", status=502, error_code="overloaded"))
    (point,) = found["gen_ai.client.operation.duration"].histogram.data_points
    assert attributes(point)["error.type"] == "overloaded"
    assert "gen_ai.server.time_to_first_token" not in found


def test_combinations_have_a_bound(monkeypatch):
    monkeypatch.setattr(module, "SERIES", 3)
    found = counted(*(record(n, model_sent=f"m{n}") for n in range(10)))
    points = found["gen_ai.client.operation.duration"].histogram.data_points
    assert [attributes(point).get("otel.metric.overflow") for point in points] == [None, None, True]
    assert sum(point.count for point in points) == 10


def test_what_the_cache_gave_took_time_and_used_no_provider_s_tokens():
    assert set(counted(record(0, cache="hit", ttft_us=900))) == {"gen_ai.client.operation.duration"}
