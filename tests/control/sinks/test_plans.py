import base64

import pytest

from lockgate.control.config import BadConfig, read_text
from lockgate.control.sinks.plans import Means, plans_of
from lockgate.transport.egress import Egress
from support.sinks import record


def plans(text, **environment):
    config = read_text(text, environment)
    return plans_of(config.telemetry, config.sinks, Means(lambda: Egress.compile(()), "i-1", environment))


def wrong(text, **environment):
    return [each.path for each in plans(text, **environment)[1]]


def lines(found):
    """What each plan would speak to."""
    shown = {}
    for name, plan in found.items():
        line = plan.open()._line
        shown[name] = (line.place.destination.authority, line.place.target.decode(), dict(line.headers), line.json, line.gzip)
    return shown


def test_nothing_is_sent_unless_somebody_says_where():
    assert plans("") == ({}, [])


def test_telemetry_is_traces_and_metrics():
    found, mistakes = plans("telemetry: {endpoint: 'https://collector.example:4318/otlp/', headers: {x-key: k}}")
    assert mistakes == []
    assert lines(found) == {
        "telemetry.traces": ("collector.example:4318", "/otlp/v1/traces", {b"x-key": b"k"}, False, True),
        "telemetry.metrics": ("collector.example:4318", "/otlp/v1/metrics", {b"x-key": b"k"}, False, True),
    }
    assert not any(plan.bodies for plan in found.values())


def test_the_standard_variables_say_it_too():
    found, _ = plans(
        "",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT="http://127.0.0.1:9/m",
        OTEL_EXPORTER_OTLP_HEADERS="api-key=a%20b,x=y",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/json",
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION="none",
    )
    assert lines(found) == {
        "telemetry.traces": ("127.0.0.1:4318", "/v1/traces", {b"api-key": b"a b", b"x": b"y"}, True, False),
        "telemetry.metrics": ("127.0.0.1:9", "/m", {b"api-key": b"a b", b"x": b"y"}, True, True),
    }


def test_the_file_comes_before_the_variables():
    found, _ = plans(
        "telemetry: {traces_endpoint: 'https://mine.example/t', signals: [traces]}", OTEL_EXPORTER_OTLP_ENDPOINT="http://x:1"
    )
    assert list(lines(found).values()) == [("mine.example:443", "/t", {}, False, True)]


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_variables_that_mean_others_send_nothing_and_stop_no_start(environment):
    assert plans("", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317", **environment) == ({}, [])


def test_what_came_by_opentelemetry_does_not_go_back():
    found, _ = plans("telemetry: {endpoint: 'https://c.example'}\nsinks: {f: {type: jsonl, directory: /var/log/x}}")
    assert [found["telemetry.traces"].wants(record(0, source=source)) for source in ("gateway", "posted", "span")] == [
        True,
        True,
        False,
    ]
    assert found["f"].wants(record(0, source="span"))


def test_bodies_go_only_where_somebody_says_so():
    found, _ = plans(
        """
telemetry: {endpoint: 'https://c.example', capture_content: true}
sinks:
  plain: {type: jsonl, directory: /var/log/x}
  whole: {type: jsonl, directory: /var/log/y, privacy: full}
"""
    )
    assert {name for name, plan in found.items() if plan.bodies} == {"telemetry.traces", "whole"}


def test_a_filter_means_all_that_it_names():
    found, _ = plans("sinks: {f: {type: jsonl, directory: /x, where: {status: ['5xx', '404', '400-402'], models: ['gpt-*']}}}")
    wants = found["f"].wants
    statuses = (200, 404, 403, 401, 503)
    assert [status for status in statuses if wants(record(0, status=status))] == [404, 401, 503]
    assert not wants(record(0, status=503, model_asked="c", model_sent="c", model_served="c"))


def test_all_that_is_wrong_is_said_with_its_place():
    assert wrong(
        """
telemetry: {endpoint: 'ftp://c', queue_bytes: 1}
sinks:
  Bad: {type: jsonl, directory: relative}
  hook: {type: webhook, url: 'https://h.example', secret: short}
  none: {type: webhook}
  lake: {type: s3, bucket: B, aws_region: us-east-1, aws_access_key_id: a, aws_secret_access_key: b}
  keyless: {type: s3, bucket: good-bucket, aws_region: us-east-1}
  where: {type: jsonl, directory: /x, where: {status: [often]}}
  bare: {type: otlp}
  slow: {type: webhook, url: 'https://h.example', timeout: 900}
"""
    ) == [
        "telemetry.queue_bytes",
        "telemetry.endpoint",
        "telemetry.endpoint",
        "sinks.Bad",
        "sinks.Bad.directory",
        "sinks.hook.secret",
        "sinks.none.url",
        "sinks.lake.bucket",
        "sinks.keyless.aws_access_key_id",
        "sinks.where.where.status",
        "sinks.bare.endpoint",
        "sinks.slow.timeout",
    ]


def test_an_unknown_member_is_an_error_with_its_path():
    with pytest.raises(BadConfig, match="sinks"):
        read_text("sinks: {f: {type: jsonl, directory: /x, colour: red}}")
    with pytest.raises(BadConfig, match="telemetry"):
        read_text("telemetry: {endpiont: x}")


def test_secrets_come_from_files_and_are_shown_by_nobody(tmp_path):
    (tmp_path / "key").write_text("Bearer very-secret\n")
    (tmp_path / "whsec").write_text("whsec_" + base64.b64encode(b"k" * 24).decode())
    found, mistakes = plans(
        f"""
telemetry: {{endpoint: 'https://c.example', header_files: {{authorization: {tmp_path}/key}}}}
sinks: {{hook: {{type: webhook, url: 'https://h.example/secret-path', secret_file: {tmp_path}/whsec, privacy: full}}}}
"""
    )
    assert mistakes == []
    sink = found["telemetry.traces"].open()
    assert dict(sink._line.headers) == {b"authorization": b"Bearer very-secret"}
    hook = found["hook"].open()
    assert hook._key == b"k" * 24
    assert "secret" not in repr((found, sink, hook))


def test_a_key_that_was_changed_in_its_file_is_another_plan(tmp_path):
    text = f"telemetry: {{endpoint: 'https://c.example', header_files: {{x: {tmp_path}/key}}}}"
    (tmp_path / "key").write_text("one")
    before = plans(text)[0]["telemetry.traces"].said
    (tmp_path / "key").write_text("two")
    assert plans(text)[0]["telemetry.traces"].said != before
