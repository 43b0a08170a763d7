import base64
import re
import subprocess
import sys

import pytest

from lockgate.control.config import BadConfig, read_text
from lockgate.control.sinks.outlets import Means, outlets_by_name
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.port import Batch
from lockgate.stores.sinks.webhook import sign
from lockgate.transport.egress import Egress
from support.collector import Collector
from support.sinks import record


def outlets(text, **environment):
    config = read_text(text, environment)
    return outlets_by_name(config.telemetry, config.sinks, Means(lambda: Egress.compile(()), "i-1", environment))


def wrong(text, **environment):
    return [each.path for each in outlets(text, **environment)[1]]


def lines(found):
    """What each outlet would speak to."""
    shown = {}
    for name, outlet in found.items():
        line = outlet.open()._line
        shown[name] = (line.place.destination.authority, line.place.target.decode(), dict(line.headers), line.json, line.gzip)
    return shown


def test_nothing_is_sent_unless_somebody_says_where():
    assert outlets("") == ({}, [])


def test_telemetry_is_traces_and_metrics():
    found, mistakes = outlets("telemetry: {endpoint: 'https://collector.example:4318/otlp/', headers: {x-key: k}}")
    assert mistakes == []
    assert lines(found) == {
        "telemetry.traces": ("collector.example:4318", "/otlp/v1/traces", {b"x-key": b"k"}, False, True),
        "telemetry.metrics": ("collector.example:4318", "/otlp/v1/metrics", {b"x-key": b"k"}, False, True),
    }
    assert not any(outlet.bodies for outlet in found.values())


def test_the_standard_variables_say_it_too():
    found, _ = outlets(
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
    found, _ = outlets(
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
    assert outlets("", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4317", **environment) == ({}, [])


def test_what_came_by_opentelemetry_does_not_go_back():
    found, _ = outlets("telemetry: {endpoint: 'https://c.example'}\nsinks: {f: {type: jsonl, directory: /var/log/x}}")
    assert [found["telemetry.traces"].wants(record(0, source=source)) for source in ("gateway", "posted", "span")] == [
        True,
        True,
        False,
    ]
    assert found["f"].wants(record(0, source="span"))


def test_bodies_go_only_where_somebody_says_so():
    found, _ = outlets(
        """
telemetry: {endpoint: 'https://c.example', capture_content: true}
sinks:
  plain: {type: jsonl, directory: /var/log/x}
  whole: {type: jsonl, directory: /var/log/y, privacy: full}
"""
    )
    assert {name for name, outlet in found.items() if outlet.bodies} == {"telemetry.traces", "whole"}


def test_a_filter_means_all_that_it_names():
    found, _ = outlets(
        "sinks: {f: {type: jsonl, directory: /x, where: {status: ['5xx', '404', '400-402'], models: ['gpt-*']}}}"
    )
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
  stream: {type: kafka, brokers: ['k:0', 'https://k:9092'], topic: '..', message_bytes: 1, timeout: 0}
  nobody: {type: kafka, brokers: [], topic: t, password: p}
  bare-kafka: {type: kafka, brokers: ['[::1]:9092'], topic: t, tls: false, sasl_mechanism: PLAIN, username: u}
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
        "sinks.stream.brokers[0]",
        "sinks.stream.brokers[1]",
        "sinks.stream.topic",
        "sinks.stream.message_bytes",
        "sinks.stream.timeout",
        "sinks.nobody.brokers",
        "sinks.nobody.sasl_mechanism",
        "sinks.bare-kafka.username",
        "sinks.bare-kafka.tls",
    ]


def test_an_unknown_member_is_an_error_with_its_path():
    with pytest.raises(BadConfig, match="sinks"):
        read_text("sinks: {f: {type: jsonl, directory: /x, colour: red}}")
    with pytest.raises(BadConfig, match="telemetry"):
        read_text("telemetry: {endpiont: x}")


def test_secrets_come_from_files_and_are_shown_by_nobody(tmp_path):
    (tmp_path / "key").write_text("Bearer very-secret\n")
    (tmp_path / "whsec").write_text("whsec_" + base64.b64encode(b"k" * 24).decode())
    found, mistakes = outlets(
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
    before = outlets(text)[0]["telemetry.traces"].said
    (tmp_path / "key").write_text("two")
    assert outlets(text)[0]["telemetry.traces"].said != before


def test_a_topic_is_spoken_to_as_it_is_said(tmp_path):
    (tmp_path / "password").write_text("very-secret\n")
    found, mistakes = outlets(
        f"""
sinks:
  stream: {{type: kafka, brokers: ['k-1:9093', 'k-2:9093'], topic: llm.requests, sasl_mechanism: SCRAM-SHA-256, username: me,
           password_file: {tmp_path}/password, ca_file: /ca.pem, compression: lz4, message_bytes: 500000, timeout: 5}}
"""
    )
    assert mistakes == []
    topic = found["stream"].open()
    said = topic._line.settings()
    assert (
        said.items()
        >= {
            "bootstrap.servers": "k-1:9093,k-2:9093",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": "me",
            "sasl.password": "very-secret",
            "ssl.ca.location": "/ca.pem",
            "compression.type": "lz4",
            "message.max.bytes": 500_000,
            "acks": "all",
        }.items()
    )
    assert "very-secret" not in repr((found, topic))


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setattr("lockgate.control.sinks.kafka.find_spec", lambda name: None)
    (mistake,) = outlets("sinks: {s: {type: kafka, brokers: ['k:9093'], topic: t}}")[1]
    assert (mistake.path, "pip install 'lockgate[kafka]'" in mistake.message) == ("sinks.s", True)


def test_nothing_of_kafka_is_imported_before_such_a_sink_is_opened():
    text = "sinks: {s: {type: kafka, brokers: ['k:9093'], topic: t}}"
    code = f"""
import sys
from lockgate.control.config import read_text
from lockgate.control.sinks.outlets import Means, outlets_by_name
config = read_text({text!r}, {{}})
found, wrong = outlets_by_name(config.telemetry, config.sinks, Means(None, "i", {{}}))
assert not wrong and "confluent_kafka" not in sys.modules
found["s"].open()
assert "confluent_kafka" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# --- secrets that are kept elsewhere


REFERRED = """
telemetry: {endpoint: 'https://c.example', secret_mappings: [{target_field: headers.authorization, secret_reference: otlp}]}
sinks:
  hook: {type: webhook, secret_mappings: [{target_field: url, secret_reference: h}, {target_field: secret, secret_reference: h}]}
  lake: {type: s3, bucket: logs, aws_region: eu-central-1, aws_access_key_id: AKID,
         secret_mappings: [{target_field: aws_secret_access_key, secret_reference: aws, secret_key: key}]}
  stream: {type: kafka, brokers: ['k:9093'], topic: t, sasl_mechanism: PLAIN, username: u,
           secret_mappings: [{target_field: password, secret_reference: kafka}]}
"""


def referring(text, secrets):
    """The outlets, of secrets by (reference, key); and who was asked when."""
    asked = []

    def look_up(mappings):
        def secrets_now():
            asked.append([each.target_field for each in mappings])
            return {each.target_field: secrets[each.secret_reference, each.secret_key] for each in mappings}

        return secrets_now

    config = read_text(text, {})
    found, mistakes = outlets_by_name(config.telemetry, config.sinks, Means(lambda: Egress.compile(()), "i", {}, look_up))
    assert mistakes == []
    return found, asked


def test_settings_whose_secrets_are_elsewhere_are_checked_without_them():
    assert outlets(REFERRED)[1] == []


def test_secrets_that_are_elsewhere_are_asked_for_by_who_sends():
    receiver = Collector()
    secrets = {("h", ""): f"{receiver.url}/secret-path-of-16-bytes"}
    (text,) = re.findall(r"  hook.*\n", REFERRED)
    found, asked = referring(f"sinks:\n{text}", secrets)
    sink = found["hook"].open()
    assert asked == []
    assert sink.send(Batch(1, [record(0)])) == 0
    ((path, headers, body),) = receiver.asked
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/secret-path-of-16-bytes"
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == sign(secrets["h", ""].encode(), record(0).id, stamp, body).decode()
    assert "secret-path" not in repr((found, sink))
    sink.close()
    receiver.close()


def test_each_kind_of_sink_is_made_with_its_secrets():
    secrets = {
        ("otlp", ""): "Bearer t",
        ("h", ""): "https://h.example/0123456789",
        ("aws", "key"): "aws-s",
        ("kafka", ""): "pw",
    }
    found, _ = referring(REFERRED, secrets)
    made = {}
    for name, outlet in found.items():
        sink = outlet.open()
        made[name] = sink._make(sink._secrets())
    assert dict(made["telemetry.metrics"]._line.headers) == {b"authorization": b"Bearer t"}
    assert made["lake"]._bucket._signer.source.credential.secret == "aws-s"
    assert made["stream"]._line.password == "pw"


def test_a_secret_that_has_become_another_makes_the_sink_anew():
    receiver = Collector()
    secrets = {("t", ""): "one"}
    found, _ = referring(
        f"sinks: {{o: {{type: otlp, signals: [traces], endpoint: '{receiver.url}', "
        "secret_mappings: [{target_field: headers.x-key, secret_reference: t}]}}",
        secrets,
    )
    sink = found["o.traces"].open()
    for secret in ("one", "one", "two"):
        secrets["t", ""] = secret
        sink.send(Batch(1, [record(0)]))
    sink.close()
    assert [dict(headers)["x-key"] for _, headers, _ in receiver.asked] == ["one", "one", "two"]
    receiver.close()


def test_a_secret_that_is_of_no_use_is_trouble_of_its_sink():
    found, _ = referring(REFERRED, {("h", ""): "ftp://h.example/0123456789"})
    with pytest.raises(StoreError, match=r"sinks\.hook\.url") as told:
        found["hook"].open().send(Batch(1, [record(0)]))
    assert "0123456789" not in str(told.value)


@pytest.mark.parametrize(
    ("sink", "path"),
    [
        (
            "type: kafka, brokers: ['k:1'], topic: topic, secret_mappings: [{target_field: topic, secret_reference: r}]",
            "target_field",
        ),
        ("type: webhook, url: 'https://h', secret_mappings: [{target_field: url, secret_reference: r}]", "target_field"),
        (
            "type: webhook, url: 'https://h', headers: {X-Key: a}, "
            "secret_mappings: [{target_field: headers.x-key, secret_reference: r}]",
            "target_field",
        ),
        ("type: webhook, secret_mappings: [{target_field: url, secret_reference: ''}]", "secret_reference"),
        (
            "type: s3, bucket: bbb, aws_region: x, secret_mappings: [{target_field: headers.x, secret_reference: r}]",
            "target_field",
        ),
    ],
)
def test_what_a_reference_cannot_be_for_is_said(sink, path):
    assert f"sinks.s.secret_mappings[0].{path}" in wrong(f"sinks: {{s: {{{sink}}}}}")
