"""Kafka's brokers as librdkafka has them for tests: they speak the real protocol, on this machine, while their owner lives."""

from __future__ import annotations

import json
import logging
import socket

from confluent_kafka import Consumer, Producer, TopicPartition


class Cluster:
    """Brokers; `addresses` are theirs."""

    def __init__(self, brokers=2):
        quiet = logging.getLogger("test.kafka")
        quiet.propagate = False
        self._owner = Producer({"test.mock.num.brokers": brokers, "bootstrap.servers": "mock"}, logger=quiet)
        found = self._owner.list_topics(timeout=10).brokers.values()
        self.addresses = tuple(f"{each.host}:{each.port}" for each in found)

    def close(self):
        """End all of them, as they would be by kill -9."""
        self._owner = None

    def read(self, topic):
        """All messages of a topic: (key, headers, value, time in ms)."""
        settings = {"bootstrap.servers": ",".join(self.addresses), "group.id": "reader", "enable.partition.eof": True}
        reader = Consumer({**settings, "fetch.wait.max.ms": 10})
        parts = list(reader.list_topics(topic, timeout=10).topics[topic].partitions)
        reader.assign([TopicPartition(topic, part, 0) for part in parts])
        found, ended = [], set()
        while len(ended) < len(parts):
            message = reader.poll(10)
            assert message is not None, "a broker does not answer"
            if message.error():
                ended.add(message.partition())
                continue
            headers = {name: value.decode() for name, value in message.headers()}
            found.append((message.key().decode(), headers, json.loads(message.value()), message.timestamp()[1]))
        reader.close()
        return sorted(found, key=lambda each: each[0])


class Mute:
    """Takes connections, and answers nothing."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def close(self):
        self._socket.close()


def nowhere():
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"
