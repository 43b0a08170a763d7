"""Kafka: each record is a message of a topic, as JSON. Needs the extra `lockgate[kafka]` (confluent-kafka, upon librdkafka).

    key                        the record's id
    value                      the record on one line, see `lines`
    timestamp                  when the request began
    lockgate-record-id         a header with the id, for those who do not read keys
    lockgate-bodies: left out  where the bodies made it larger than a message may be

At least once: a batch is done with when the brokers have acknowledged all of it, by as many replicas as the topic asks for
(acks=all). What was acknowledged is not sent again by this process; what has got no report is, also by the next process, so a
message may come twice, with the same key. A producer that has had trouble is let go of with all that it still holds; the next
try makes another. librdkafka makes its connections itself, to the brokers that it is told of by those that it is given.
Source: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Literal

import msgspec
from confluent_kafka import KafkaError, KafkaException, Producer

from lockgate.core.record import Record
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.lines import line
from lockgate.stores.sinks.port import Batch

log = logging.getLogger("lockgate")
#: What librdkafka says of itself, over and over: all that matters of it is in what we say.
_murmur = logging.getLogger("lockgate.kafka")
_murmur.addFilter(lambda record: log.isEnabledFor(logging.DEBUG))

#: What librdkafka may hold of messages, in KiB and by number: more waits in the spool.
_HOLD_KIB, _HOLD = 32 * 1024, 10_000
#: What a message has besides key and value, at most: its headers, and the framing.
_FRAME = 512
#: Between two looks for reports while there is no room for more, in seconds.
_LOOK_S = 0.1
#: For how long a topic that nobody knows is looked for, in ms.
_TOPIC_MS = 5000

#: A message that no broker will ever take.
_TOO_LARGE = frozenset((KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE))
_NEVER = _TOO_LARGE | {KafkaError.INVALID_RECORD}

_TLS = "see that `ca_file` names whom to trust; brokers that speak without TLS need `tls: false`"
_ADDRESS = "see that it runs, and that the addresses that brokers advertise (advertised.listeners) can be reached from here"
_RIGHT = "give its user the right to write there"
#: What to do about an error.
_ADVICE = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "make the topic",
    KafkaError._UNKNOWN_TOPIC: "make the topic",
    KafkaError._UNKNOWN_PARTITION: "make the topic",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: _RIGHT,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "give its user the right IdempotentWrite, or say `idempotence: false`",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: _RIGHT,
    KafkaError._AUTHENTICATION: "see that `sasl_mechanism`, `username` and `password` are those of the brokers",
    KafkaError.SASL_AUTHENTICATION_FAILED: "see that `username` and `password` are those of the brokers",
    KafkaError._SSL: _TLS,
    KafkaError._RESOLVE: "see that the names of the brokers are known here",
    KafkaError.NOT_ENOUGH_REPLICAS: "see that enough of the topic's replicas are in sync (min.insync.replicas)",
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND: "see that enough of the topic's replicas are in sync (min.insync.replicas)",
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """How the brokers are reached. `brokers` are "host:port", to begin with; `message_bytes` is the most that they take as
    one message; `timeout_s` is for a batch."""

    brokers: tuple[str, ...]
    topic: str
    tls: bool = True
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    username: str = ""
    password: str = ""
    compression: str = "zstd"
    message_bytes: int = 1_000_000
    idempotence: bool = True
    timeout_s: float = 30.0

    def __repr__(self) -> str:
        return f"Line({self.topic!r} at {', '.join(self.brokers)})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("topic", self.topic), ("brokers", self.brokers)]

    def settings(self) -> dict[str, str | int | bool]:
        """All of it as librdkafka spells it."""
        wait_ms = int(self.timeout_s * 1000)
        said: dict[str, str | int | bool] = {
            "client.id": "lockgate",
            "bootstrap.servers": ",".join(self.brokers),
            "security.protocol": ("SASL_" if self.sasl_mechanism else "") + ("SSL" if self.tls else "PLAINTEXT"),
            "acks": "all",
            "enable.idempotence": self.idempotence,
            "compression.type": self.compression,
            "partitioner": "murmur2_random",  # as Java's clients have it
            "message.max.bytes": self.message_bytes,
            "queue.buffering.max.kbytes": max(_HOLD_KIB, self.message_bytes // 512),  # two of the largest
            "queue.buffering.max.messages": _HOLD,
            "message.timeout.ms": wait_ms,
            "socket.timeout.ms": wait_ms,
            "socket.connection.setup.timeout.ms": min(max(wait_ms, 1000), 5000),
            "socket.keepalive.enable": True,
            "reconnect.backoff.max.ms": 1000,
            "topic.metadata.propagation.max.ms": _TOPIC_MS,
            "log.connection.close": False,
        }
        named = {
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.cert_file,
            "ssl.key.location": self.key_file,
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
        }
        return said | {name: value for name, value in named.items() if value}


class KafkaTopic:
    """Belongs to the thread that first uses it. `clock` is monotonic, in seconds."""

    mark = ""

    def __init__(self, line: Line, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._line = line
        self._clock = clock
        self._producer: Producer | None = None
        self._number = -1
        self._taken: set[int] = set()  # of the batch of that number, what was acknowledged
        self._failed: dict[int, KafkaError] = {}
        self._heard: KafkaError | None = None  # the last that was told of a connection

    def __repr__(self) -> str:
        return f"KafkaTopic({self._line})"

    def send(self, batch: Batch) -> int:
        """See `Sink`."""
        if batch.number != self._number:
            self._number, self._taken = batch.number, set()
        self._heard, until = None, self._clock() + self._line.timeout_s
        self._send(dict(enumerate(batch.records)), until)
        large = {n: batch.records[n] for n, error in self._failed.items() if error.code() in _TOO_LARGE}
        if large:
            self._send({n: _stripped(record) for n, record in large.items()}, until, stripped=True)
        self._failed = {n: error for n, error in self._failed.items() if n not in self._taken}
        for error in self._failed.values():
            if error.code() not in _NEVER:
                raise self._trouble(error)
        return len(self._failed)

    def close(self) -> None:
        """See `Sink`."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.poll(0)
            self._producer = None

    def _send(self, records: dict[int, Record], until: float, *, stripped: bool = False) -> None:
        """Send those that were not taken yet, and wait for what became of each. Raises `StoreError`."""
        if self._producer is None:
            self._producer = self._made()
        self._failed = {}
        for n, record in records.items():
            if n not in self._taken:
                self._put(self._producer, n, record, until, stripped=stripped)
        if self._producer.flush(max(0.0, until - self._clock())):
            raise self._trouble(None)

    def _put(self, producer: Producer, n: int, record: Record, until: float, *, stripped: bool) -> None:
        id = record.id.encode()
        value = line(record)
        if len(id) + len(value) + _FRAME > self._line.message_bytes:
            self._failed[n] = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
            return
        headers: list[tuple[str, str | bytes | None]] = [("content-type", b"application/json"), ("lockgate-record-id", id)]
        if stripped:
            headers.append(("lockgate-bodies", b"left out"))
        while True:
            try:
                producer.produce(
                    self._line.topic,
                    value,
                    id,
                    on_delivery=lambda error, _: self._report(n, error),
                    timestamp=record.time_us // 1000,
                    headers=headers,
                )
            except BufferError:  # reports make room
                producer.poll(_LOOK_S)
                if self._clock() >= until:
                    raise self._trouble(None) from None
            except KafkaException as trouble:
                raise self._trouble(trouble.args[0]) from None
            else:
                producer.poll(0)
                return

    def _report(self, n: int, error: KafkaError | None) -> None:
        if error is None:
            self._taken.add(n)
        else:
            self._failed[n] = error

    def _made(self) -> Producer:
        try:
            return Producer({**self._line.settings(), "error_cb": self._hear}, logger=_murmur)
        except (KafkaException, ValueError) as trouble:  # a file that cannot be read, most likely
            raise StoreError(f"the settings are of no use: {trouble.args[0]}") from None

    def _hear(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN or self._heard is None:  # which says nothing of why
            self._heard = error

    def _trouble(self, error: KafkaError | None) -> StoreError:
        """What is wrong, of whom, and what to do. The producer is let go of."""
        heard = self._heard
        self.close()
        if error is None or error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError._TRANSPORT):
            why = f"no acknowledgement within {self._line.timeout_s:.0f} s" if heard is None else heard.str()
            advice = _ADDRESS if heard is None else _ADVICE.get(heard.code(), _ADDRESS)
        else:
            why, advice = error.str(), _ADVICE.get(error.code(), _ADDRESS)
        if "SSL_HANDSHAKE" in why:  # which a broker that speaks without TLS ends without a word
            advice = _TLS
        return StoreError(f"{self._line.topic} at {', '.join(self._line.brokers)}: {why}: {advice}")


def _stripped(record: Record) -> Record:
    bare = msgspec.structs.replace(record)
    bare.strip()
    return bare
