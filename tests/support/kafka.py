"""Kafka's brokers as librdkafka has them for tests: they speak the real protocol, on this machine, while their owner lives."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading

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


class Guard:
    """Asks whoever connects for a name and a password, as a broker with SASL/PLAIN does, and lets nobody in. `told` is what it
    heard. Source: https://kafka.apache.org/protocol (ApiVersions 18, SaslHandshake 17, SaslAuthenticate 36)."""

    def __init__(self, context=None):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._context = context
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.told = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                with connection, connection.makefile("rb") as reader:
                    while size := reader.read(4):
                        connection.sendall(self._answer(reader.read(int.from_bytes(size))))
            except OSError:
                if self._socket.fileno() < 0:
                    return

    def _answer(self, request):
        kind, version, turn, length = struct.unpack_from(">hhih", request)
        body = request[10 + max(0, length) :]
        if kind == 18:
            known = b"".join(struct.pack(">hhh", *each) for each in ((3, 0, 1), (17, 0, 1), (18, 0, 0), (36, 0, 0)))
            said = struct.pack(">hi", 35 if version else 0, 4) + known  # 35: speak version 0
        elif kind == 17:
            said = struct.pack(">hih5s", 0, 1, 5, b"PLAIN")
        else:
            self.told.append(body[4:])
            why = b"nobody comes in"
            said = struct.pack(">hh", 58, len(why)) + why + struct.pack(">i", 0)
        return struct.pack(">ii", 4 + len(said), turn) + said


def nowhere():
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"
