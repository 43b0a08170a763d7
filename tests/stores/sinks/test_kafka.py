"""Messages in Kafka, read back by its own client from brokers that speak its protocol."""

import json
import ssl
import threading
import time

import pytest
import trustme

from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.courier import Courier
from lockgate.stores.sinks.feed import Feed, Pace
from lockgate.stores.sinks.kafka import KafkaTopic, Line
from lockgate.stores.sinks.port import Batch
from support.kafka import Cluster, Guard, Mute, nowhere
from support.sinks import AT, Listed, fill, ids, record

LONG = b'{"messages": [{"role": "user", "content": "%s"}]}' % (b"long " * 20_000)


@pytest.fixture
def cluster():
    cluster = Cluster()
    yield cluster
    cluster.close()


def topic_at(*brokers, **more):
    return KafkaTopic(Line(**{"brokers": brokers, "topic": "requests", "tls": False, "timeout_s": 10.0, **more}))


def test_a_record_is_a_message_by_its_id(cluster):
    topic = topic_at(*cluster.addresses)
    assert topic.send(Batch(1, [record(0), record(1)])) == 0
    assert topic.send(Batch(2, [record(2)])) == 0
    topic.close()
    found = cluster.read("requests")
    assert [key for key, *_ in found] == ids(map(record, range(3)))
    key, headers, value, time_ms = found[0]
    assert headers == {"content-type": "application/json", "lockgate-record-id": key}
    assert (value["id"], value["model_asked"], time_ms) == (key, "gpt-5", AT // 1000)
    assert value["request"]["messages"][0]["content"] == "ping"


def test_each_compression_is_there(cluster):
    for n, compression in enumerate(("zstd", "lz4", "snappy", "gzip", "none")):
        topic = topic_at(*cluster.addresses, compression=compression, idempotence=False)
        assert topic.send(Batch(1, [record(n)])) == 0
        topic.close()
    assert [key for key, *_ in cluster.read("requests")] == ids(map(record, range(5)))


def test_what_was_acknowledged_is_not_sent_again(cluster):
    topic = topic_at(*cluster.addresses)
    batch = Batch(7, [record(0), record(1)])
    topic.send(batch)
    assert topic.send(batch) == 0
    topic.close()
    assert len(cluster.read("requests")) == 2


def test_a_batch_that_another_process_sends_again_has_the_same_keys(cluster):
    for _ in range(2):
        topic = topic_at(*cluster.addresses)
        topic.send(Batch(7, [record(0)]))
        topic.close()
    assert [key for key, *_ in cluster.read("requests")] == [record(0).id] * 2


def test_a_record_that_is_too_large_goes_without_its_bodies(cluster):
    topic = topic_at(*cluster.addresses, message_bytes=50_000)
    assert topic.send(Batch(1, [record(0, request=LONG), record(1)])) == 0
    topic.close()
    large, small = cluster.read("requests")
    assert large[1]["lockgate-bodies"] == "left out" and "request" not in large[2] and large[2]["truncated"]
    assert "lockgate-bodies" not in small[1] and "request" in small[2]


def test_one_that_is_too_large_all_the_same_is_refused_and_the_others_go(cluster):
    topic = topic_at(*cluster.addresses, message_bytes=50_000)
    assert topic.send(Batch(1, [record(0), record(1, metadata={"a": "long " * 20_000}), record(2)])) == 1
    topic.close()
    assert [key for key, *_ in cluster.read("requests")] == [record(0).id, record(2).id]


def test_what_it_holds_is_bounded_and_a_batch_may_be_larger(cluster, monkeypatch):
    monkeypatch.setattr("lockgate.stores.sinks.kafka._HOLD", 10)
    topic = topic_at(*cluster.addresses)
    assert topic.send(Batch(1, [record(n) for n in range(200)])) == 0
    topic.close()
    assert len(cluster.read("requests")) == 200


def test_a_broker_that_is_not_there_is_named_with_what_to_do():
    at = nowhere()
    topic = topic_at(at, timeout_s=1.0)
    with pytest.raises(StoreError, match=rf"requests at {at}.*Connection refused.*advertised\.listeners"):
        topic.send(Batch(1, [record(0)]))
    topic.close()


def test_a_broker_that_says_nothing_is_left_after_its_time():
    mute = Mute()
    topic = topic_at(mute.address, timeout_s=1.0)
    begin = time.monotonic()
    with pytest.raises(StoreError, match=mute.address):
        topic.send(Batch(1, [record(0)]))
    topic.close()
    assert time.monotonic() - begin < 5
    mute.close()


def test_brokers_without_tls_are_told_from_those_with_it(cluster):
    topic = topic_at(*cluster.addresses, tls=True, timeout_s=2.0)
    with pytest.raises(StoreError, match="tls: false"):
        topic.send(Batch(1, [record(0)]))
    topic.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    authority, other = trustme.CA(), trustme.CA()
    other.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    there = Mute()
    threading.Thread(target=_shake_hands, args=(there, context), daemon=True).start()
    topic = topic_at(there.address, tls=True, ca_file=str(tmp_path / "ca.pem"), timeout_s=2.0)
    with pytest.raises(StoreError, match=r"certificate.*ca_file"):
        topic.send(Batch(1, [record(0)]))
    topic.close()
    there.close()


def _shake_hands(there, context):
    while True:
        try:
            connection, _ = there._socket.accept()
        except OSError:
            return
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()


def test_who_we_are_is_said_to_the_broker_alone(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    guard = Guard(context)
    line = {"tls": True, "ca_file": str(tmp_path / "ca.pem"), "sasl_mechanism": "PLAIN", "username": "me"}
    topic = topic_at(guard.address, **line, password="very-secret", timeout_s=2.0)
    with pytest.raises(StoreError, match=rf"{guard.address}.*nobody comes in.*username. and .password") as told:
        topic.send(Batch(1, [record(0)]))
    topic.close()
    guard.close()
    assert guard.told[0] == b"\0me\0very-secret"
    assert "very-secret" not in str(told.value)


def test_settings_that_are_of_no_use_are_told():
    with pytest.raises(StoreError, match="ca"):
        topic_at("127.0.0.1:1", tls=True, ca_file="/no/such/file").send(Batch(1, [record(0)]))


def test_a_password_is_shown_by_nobody():
    topic = topic_at(nowhere(), sasl_mechanism="SCRAM-SHA-512", username="u", password="very-secret", timeout_s=0.5)
    assert topic._line.settings()["sasl.password"] == "very-secret"
    assert topic._line.settings()["security.protocol"] == "SASL_PLAINTEXT"
    with pytest.raises(StoreError) as told:
        topic.send(Batch(1, [record(0)]))
    topic.close()
    assert "very-secret" not in repr(topic) + str(told.value)


def feeds(tmp_path, sink, name):
    feed = Feed(tmp_path / "spool", tmp_path / f"{name}.json", pace=Pace(records=2, linger_s=0), clock=lambda: 7)
    return Courier(name, feed, lambda: sink, chance=lambda: 0.5)


def test_brokers_that_die_hold_up_nobody_and_are_caught_up_with(tmp_path):
    (tmp_path / "spool").mkdir()
    fill(tmp_path / "spool", 2).close()
    cluster, mute = Cluster(1), Mute()
    kafka, other = topic_at(*cluster.addresses, timeout_s=2.0), Listed()
    couriers = [feeds(tmp_path, kafka, "kafka"), feeds(tmp_path, topic_at(mute.address, timeout_s=2.0), "mute")]
    beside = feeds(tmp_path, other, "other")
    assert couriers[0].step(0.0) == 0.0 and couriers[0].feed.state.sent == 2
    cluster.close()
    fill(tmp_path / "spool", 3, begin=2).close()
    threads = [threading.Thread(target=courier.step, args=(1.0,)) for courier in couriers]
    for thread in threads:
        thread.start()
    while beside.step(1.0) == 0.0:
        pass
    assert all(thread.is_alive() for thread in threads), "these two wait still"
    assert ids(other.records) == ids(map(record, range(5)))
    for thread in threads:
        thread.join()
    states = [courier.feed.state for courier in couriers]
    assert [(state.sent, bool(state.trouble), state.retries) for state in states] == [(2, True, 1), (0, True, 1)]
    mute.close()

    again = Cluster(1)  # as a broker that has moved: the sink is made anew
    after = feeds(tmp_path, topic_at(*again.addresses), "kafka")
    while after.step(100.0) == 0.0:
        pass
    assert [key for key, *_ in again.read("requests")] == ids(record(n) for n in range(2, 5))
    assert json.loads((tmp_path / "kafka.json").read_text())["sent"] == 5
    for each in (couriers[0], after):
        each.close()
    again.close()
