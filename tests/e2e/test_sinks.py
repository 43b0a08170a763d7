"""Records of a real gateway in every sink at once: read by OpenTelemetry's own decoder, AWS's own client, Kafka's own client."""

import gzip
import json

import boto3
import pytest
from moto.server import ThreadedMotoServer

from lockgate.stores.sinks.state import read_states
from support.collector import METRICS, Collector, attributes
from support.kafka import Cluster, nowhere
from support.process import until

COUNT = 12
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}


@pytest.fixture
def places():
    """A collector, a receiver, Kafka's brokers, and S3."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", **KEYS)
    client.create_bucket(Bucket="logs")
    collector, receiver, cluster = Collector(), Collector(), Cluster()
    yield collector, receiver, cluster, client
    for each in (collector, receiver, cluster, client):
        each.close()
    server.stop()


def test_each_record_is_in_every_sink_and_a_dead_one_holds_up_none(start, places, tmp_path):
    collector, receiver, cluster, s3 = places
    gateway = start(
        f"""
telemetry: {{endpoint: '{collector.url}', linger: 0}}
sinks:
  files: {{type: jsonl, directory: {tmp_path}/files, compression: none, linger: 0}}
  hook: {{type: webhook, linger: 0, secret_mappings: [{{target_field: url, secret_reference: hook, secret_key: url}}]}}
  lake: {{type: s3, bucket: logs, endpoint: '{s3.meta.endpoint_url}', aws_region: us-east-1, linger: 0,
         aws_access_key_id: {KEYS["aws_access_key_id"]}, aws_secret_access_key: {KEYS["aws_secret_access_key"]}}}
  stream: {{type: kafka, brokers: {json.dumps(cluster.addresses)}, topic: llm.requests, tls: false, privacy: full, linger: 0}}
  dead: {{type: kafka, brokers: ['{nowhere()}'], topic: llm.requests, tls: false, timeout: 1, linger: 0}}
""",
        "--workers",
        "2",
        LOCKGATE_SECRETS_DIR=str(tmp_path),
    )
    (tmp_path / "hook.json").write_text(json.dumps({"url": f"{receiver.url}/in"}))
    made = {"name": "Hook", "slug": "hook", "manager_type": "file", "secret_path": "hook.json", "auth_config": {}}
    assert gateway.ask("POST", "/v1/secret-references", made)[0] == 200
    ids = {gateway.chat_whole()[2]["x-lockgate-request-id"] for _ in range(COUNT)}
    assert len(ids) == COUNT

    def sent():
        return {name: state.sent for name, state in read_states(gateway.data).items() if name != "dead"}

    until(lambda: set(sent().values()) == {COUNT})
    assert set(sent()) == {"telemetry.traces", "telemetry.metrics", "files", "hook", "lake", "stream"}

    lines = [line for path in (tmp_path / "files").iterdir() for line in path.read_bytes().splitlines()]
    assert {json.loads(line)["id"] for line in lines} == ids
    assert {record["id"] for _, _, body in receiver.asked for record in json.loads(body)["records"]} == ids
    assert {attributes(span).get("lockgate.request.id") for span in collector.spans()} >= ids
    objects = [s3.get_object(Bucket="logs", Key=each["Key"]) for each in s3.list_objects_v2(Bucket="logs")["Contents"]]
    stored = [line for each in objects for line in gzip.decompress(each["Body"].read()).splitlines()]
    assert {json.loads(line)["id"] for line in stored} == ids
    messages = cluster.read("llm.requests")
    assert {key for key, *_ in messages} == ids and len(messages) == COUNT
    assert all(value["request"]["model"] == "@sim/chat" for _, _, value, _ in messages)

    points = [
        point
        for request in collector.messages(METRICS)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "gen_ai.client.operation.duration"
        for point in metric.histogram.data_points
    ]
    assert max(point.count for point in points) == COUNT
    until(lambda: "Connection refused" in read_states(gateway.data)["dead"].trouble)
    assert read_states(gateway.data)["dead"].sent == 0
