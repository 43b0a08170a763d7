"""Bodies of a log in PostgreSQL kept in S3, read back by AWS's own client from a server that speaks S3."""

import re

import boto3
import msgspec
import pytest
from moto.server import ThreadedMotoServer

from lockgate.providers.auth.settings import Settings
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Cost, Filter
from lockgate.stores.logs.s3 import S3Place, open_bodies
from lockgate.stores.ports import StoreError
from support import postgres
from support.collector import Collector
from support.log_records import DAY, NOON, counted, everything, full, ids, record

SECRET = "very-geheim"
ACCOUNT = Settings(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key=SECRET, aws_region="us-east-1")
KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": SECRET, "region_name": "us-east-1"}


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client("s3", endpoint_url=url, **KEYS)
    client.create_bucket(Bucket="bodies")
    yield url, client
    client.close()
    server.stop()


@pytest.fixture
def prefix(request):
    return re.sub(r"[^a-z0-9]+", "-", request.node.name)


@pytest.fixture
def names(s3, prefix):
    pages = s3[1].get_paginator("list_objects_v2")
    return lambda: [
        each["Key"] for page in pages.paginate(Bucket="bodies", Prefix=f"{prefix}/") for each in page.get("Contents", ())
    ]


@pytest.fixture
def told():
    return []


@pytest.fixture
def opened(s3, prefix, told, tmp_path):
    logs, database = [], postgres.new_database()

    def opened(endpoint=s3[0], bucket="bodies"):
        place = S3Place(f"s3://{bucket}/{prefix}", endpoint, settings=ACCOUNT)
        logs.append(open_log(database, tmp_path, report=told.append, bodies=place))
        return logs[-1]

    yield opened
    for log in logs:
        log.close()


def test_bodies_are_objects_by_their_day_and_come_back_whole(opened, names, prefix, told):
    log = opened()
    kept = [full(n) for n in range(1, 250)] + [record(1, time_us=NOON - DAY, request=b"old")]
    assert log.append(kept) == 250
    assert log.append(kept[:3]) == 0
    assert [opened().get(each.id) for each in kept[::40]] == kept[::40]
    assert [each.request for each in log.scan(Filter(until_us=NOON))] == [b""]
    assert [each.request for each in log.scan(Filter(), bodies=True)] == [each.request for each in reversed(kept[:-1])] + [
        b"old"
    ]
    assert all(re.fullmatch(rf"{prefix}/2026-11-2[45]/\d+", name) for name in names())
    log.close()
    assert log.get(full(7).id) == full(7)  # it may be asked again
    assert told == []


def test_the_turns_of_a_conversation_are_kept_once_and_come_back(opened, names, s3):
    log = opened()
    long = [f"{n} " * 400 for n in range(12)]
    kept = [record(n, request=msgspec.json.encode({"messages": long[:n]})) for n in range(1, 12)]
    for each in kept:
        log.append([each])
    assert [log.get(each.id) for each in kept] == kept


def test_a_body_is_read_after_its_request_was_repriced(opened):
    log = opened()
    log.append([full(3), full(4)])
    assert log.reprice({full(3).id: Cost(77)}) == 1
    found = log.get(full(3).id)
    assert (found.cost_nusd, found.request, found.response) == (77, full(3).request, full(3).response)


def test_while_s3_is_down_no_record_is_kept_and_the_batch_comes_again(opened, told):
    batch = [full(n) for n in range(1, 250)]
    stub = Collector(200, 503)  # it goes down in the middle
    with pytest.raises(StoreError, match=r"log\.bodies: 127\.0\.0\.1:\d+ answered with the status 503") as failed:
        opened(stub.url).append(batch)
    stub.close()
    with pytest.raises(StoreError, match=r"log\.bodies") as away:
        opened(stub.url).append(batch)
    assert SECRET not in f"{failed.value}{away.value}"
    assert len(stub.asked) == 2
    log = opened()
    assert everything(log) == [] and counted(log) == 0
    assert log.append(batch) == 249
    assert log.get(full(7).id) == full(7) and told == []


def test_a_bucket_that_is_not_there_is_said_with_what_to_do(opened):
    with pytest.raises(StoreError, match=r"NoSuchBucket.*make the bucket"):
        opened(bucket="none").append([full(1)])


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_record_whose_block_is_lost_comes_without_its_bodies_and_it_is_told_once(opened, names, s3, told, harm):
    log = opened()
    log.append([full(1), full(2)])
    log.append([full(3)])
    lost, _ = sorted(names(), key=lambda name: int(name.rsplit("/", 1)[1]))
    if harm == "missing":
        s3[1].delete_object(Bucket="bodies", Key=lost)
    else:
        data = bytearray(s3[1].get_object(Bucket="bodies", Key=lost)["Body"].read())
        data[-6] ^= 1
        s3[1].put_object(Bucket="bodies", Key=lost, Body=bytes(data))
    found = list(log.scan(Filter(), bodies=True))
    assert ids(found) == ids([full(3), full(2), full(1)])
    assert [(each.request, each.truncated) for each in found] == [(full(3).request, False), (b"", True), (b"", True)]
    assert len(told) == 1 and "lost" in told[0] and "2026-11-25" in told[0]


def test_while_s3_is_down_a_body_is_no_lost_body(opened, told):
    opened().append([full(1)])
    stub = Collector()
    stub.close()
    with pytest.raises(StoreError, match=r"log\.bodies"):
        opened(stub.url).get(full(1).id)
    assert told == []


def test_a_day_is_forgotten_with_what_failed_batches_left_over_and_nothing_else(opened, names, s3, prefix):
    log = opened()
    log.append([record(n, time_us=NOON - DAY + n, request=b"old") for n in range(3)] + [full(1)])
    for name in ("2026-11-24/999999", "2026-11-24/notes.txt"):
        s3[1].put_object(Bucket="bodies", Key=f"{prefix}/{name}", Body=b"x")
    assert log.prune(NOON) == 1
    day, note = sorted(names(), key=lambda name: name.endswith("txt"))
    assert day.startswith(f"{prefix}/2026-11-25/") and note.endswith("notes.txt")
    assert ids(everything(log)) == [full(1).id]
    assert log.get(full(1).id) == full(1)


def test_many_blocks_are_deleted_some_at_a_time_and_what_failed_goes_on(s3, prefix, names, monkeypatch, told):
    monkeypatch.setattr("lockgate.stores.logs.s3.DELETED", 3)
    bodies = open_bodies(S3Place(f"s3://bodies/{prefix}", s3[0], settings=ACCOUNT), {}, told.append)
    blocks = bodies(None)
    for number in range(10):
        blocks.put(20_000, str(number), b"x")
    blocks.put(20_001, "1", b"y")
    asked, ask = [], bodies.bucket.ask

    def cut(poster, method, *arguments, **more):
        asked.append(method)
        if len(asked) == 4:
            raise StoreError("away")
        return ask(poster, method, *arguments, **more)

    bodies.bucket.ask = cut
    with pytest.raises(StoreError, match="away"):
        blocks.forget(20_000)
    assert len(names()) == 8  # three are gone
    blocks.forget(20_000)
    assert [name.rsplit("/", 1)[1] for name in names()] == ["1"]
    assert blocks.get(20_001, "1") == b"y" and blocks.get(20_000, "1") is None
    bodies.close()


def test_the_blocks_of_one_batch_may_not_take_for_ever(s3, prefix, told):
    bodies = open_bodies(S3Place(f"s3://bodies/{prefix}", s3[0], settings=ACCOUNT), {}, told.append)
    times = iter((0.0, 29.0, 31.0))
    bodies.clock = lambda: next(times)
    blocks = bodies(None)
    blocks.put(1, "1", b"x")
    blocks.put(1, "2", b"x")
    with pytest.raises(StoreError, match="longer than 30 s"):
        blocks.put(1, "3", b"x")
    bodies.close()
    assert SECRET not in repr((bodies, S3Place("s3://b/p", settings=ACCOUNT)))
