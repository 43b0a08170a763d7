import gzip
import json

import pytest

from lockgate.stores.sinks.port import Batch, Later, Refused
from lockgate.stores.sinks.poster import Poster, place_of
from lockgate.stores.sinks.webhook import Webhook, sign
from lockgate.transport.egress import Egress
from support.collector import Collector
from support.sinks import ids, record

KEY = b"a key of some length"


@pytest.fixture
def receiver():
    there = Collector()
    yield there
    there.close()


@pytest.fixture(autouse=True)
def hooks():
    made = []
    HOOKS.append(made)
    yield
    for each in HOOKS.pop():
        each.close()


HOOKS = []


def hook_of(receiver, **more):
    poster = Poster(lambda: Egress.compile(()), 5.0, now_s=lambda: 1_790_000_000.5)
    HOOKS[-1].append(Webhook(place_of(receiver.url + "/in?token=t"), poster, **more))
    return HOOKS[-1][-1]


def test_a_batch_is_json_that_its_receiver_can_verify(receiver):
    hook = hook_of(receiver, key=KEY)
    assert hook.send(Batch(12, [record(0), record(1)])) == 0
    ((path, headers, body),) = receiver.asked
    headers = {name.lower(): value for name, value in headers.items()}
    assert (path, headers["webhook-id"], headers["webhook-timestamp"]) == ("/in?token=t", record(0).id, "1790000000")
    assert headers["webhook-signature"] == sign(KEY, record(0).id, 1_790_000_000, body).decode()
    said = json.loads(body)
    assert (said["type"], said["id"]) == ("records", record(0).id)
    assert [each["id"] for each in said["records"]] == ids([record(0), record(1)])


def test_a_signature_is_that_of_standard_webhooks():
    # The example of the specification's reference libraries.
    key = __import__("base64").b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert said == b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_same_batch_has_the_same_id_and_body_whoever_tries(receiver):
    receiver.script.append(500)
    with pytest.raises(Later):
        hook_of(receiver).send(Batch(3, [record(0)]))
    hook_of(receiver).send(Batch(3, [record(0)]))
    first, second = [(dict(headers).get("webhook-id"), body) for _, headers, body in receiver.asked]
    assert first == second


def test_what_is_compressed_is_signed_as_it_is_read(receiver):
    hook_of(receiver, key=KEY, compressed=True).send(Batch(1, [record(0)]))
    ((_, headers, body),) = receiver.asked
    assert headers["webhook-signature"] == sign(KEY, record(0).id, 1_790_000_000, gzip.decompress(body)).decode()


@pytest.mark.parametrize(("status", "kind"), [(408, Later), (429, Later), (500, Later), (410, Refused), (302, Refused)])
def test_what_may_pass_is_tried_again_and_nothing_else(receiver, status, kind):
    receiver.script.append(status)
    with pytest.raises(kind):
        hook_of(receiver).send(Batch(1, [record(0)]))
