"""Objects in S3, read back by AWS's own client from a server that speaks S3."""

import gzip
import json

import boto3
import pytest
import zstandard
from moto.server import ThreadedMotoServer

from lockgate.providers.auth.aws import SigV4
from lockgate.providers.auth.port import Given
from lockgate.providers.auth.sigv4 import Keys
from lockgate.stores.bucket import Bucket
from lockgate.stores.sinks.port import Batch, Later
from lockgate.stores.sinks.poster import Poster, place_of
from lockgate.stores.sinks.s3 import S3Objects
from lockgate.transport.egress import Egress
from support.collector import Collector
from support.sinks import ids, record

SIGNER = SigV4(Given(Keys("AKIDEXAMPLE", "secret")), "us-east-1", "s3")
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **KEYS)
    client.create_bucket(Bucket="logs")
    yield f"http://{host}:{port}", client
    client.close()
    server.stop()


def sink_of(url, **more):
    return S3Objects(bucket_of(url), Poster(lambda: Egress.compile(()), 10.0), **more)


def bucket_of(url, name="logs"):
    return Bucket(place_of(f"{url}/{name}/"), SIGNER, "us-east-1")


@pytest.mark.parametrize(("compression", "unpack"), [("gzip", gzip.decompress), ("zstd", zstandard.decompress)])
def test_a_batch_is_an_object_by_its_hour(s3, compression, unpack):
    url, client = s3
    sink = sink_of(url, prefix=f"house/{compression}/", compression=compression)
    assert sink.send(Batch(1, [record(0), record(1)])) == 0
    assert sink.send(Batch(1, [record(0), record(1)])) == 0  # again: the same object
    sink.close()
    (found,) = client.list_objects_v2(Bucket="logs", Prefix=f"house/{compression}/")["Contents"]
    assert found["Key"].startswith(f"house/{compression}/2026/09/21/14/{record(0).id}.jsonl.")
    data = unpack(client.get_object(Bucket="logs", Key=found["Key"])["Body"].read())
    assert [json.loads(line)["id"] for line in data.splitlines()] == ids([record(0), record(1)])


def test_a_bucket_that_is_not_there_is_waited_for(s3):
    url, _ = s3
    sink = S3Objects(bucket_of(url, "none"), Poster(lambda: Egress.compile(()), 10.0))
    with pytest.raises(Later, match="404"):
        sink.send(Batch(1, [record(0)]))
    sink.close()


def test_what_is_signed_is_what_awss_own_signer_signs():
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    stub = Collector()
    sink = S3Objects(bucket_of(stub.url), Poster(lambda: Egress.compile(()), 10.0, now_s=lambda: 1_790_000_000.0))
    sink.send(Batch(1, [record(0)]))
    sink.close()
    stub.close()
    ((path, headers, body),) = stub.asked
    headers = {name.lower(): value for name, value in headers.items()}
    asked = AWSRequest("PUT", stub.url + path, {"Content-Type": headers["content-type"], "Host": headers["host"]}, body)
    asked.context["timestamp"] = headers["x-amz-date"]
    asked.headers["X-Amz-Date"] = headers["x-amz-date"]
    asked.headers["X-Amz-Content-SHA256"] = headers["x-amz-content-sha256"]
    auth = S3SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "s3", "us-east-1")
    signature = auth.signature(auth.string_to_sign(asked, auth.canonical_request(asked)), asked)
    assert headers["authorization"].endswith(f"Signature={signature}")
