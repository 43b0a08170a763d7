"""A Kafka topic as it is configured. What speaks to it is imported when it is opened: nobody else pays its 15 MB of memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from lockgate.control.sinks.given import Wrong, secret_of
from lockgate.control.sinks.settings import KafkaEntry
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.port import Sink

INSTALL = "Kafka needs confluent-kafka: pip install 'lockgate[kafka]'"
_BROKER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_TOPIC = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
#: Of `message_bytes`: what librdkafka takes.
_LEAST, _MOST = 10_000, 100_000_000


def kafka_of(at: str, entry: KafkaEntry, wrong: list[Wrong]) -> Callable[[], Sink]:
    """What opens it; what is wrong with its settings is added to `wrong`."""
    if find_spec("confluent_kafka") is None:
        wrong.append(Wrong(at, INSTALL))
    if not entry.brokers:
        wrong.append(Wrong(f"{at}.brokers", "name at least one broker, as host:port"))
    for n, broker in enumerate(entry.brokers):
        match = _BROKER.fullmatch(broker)
        if match is None or not 0 < int(match[1]) < 65536:
            wrong.append(Wrong(f"{at}.brokers[{n}]", f"'{broker}' is no broker: host:port"))
    if not _TOPIC.fullmatch(entry.topic):
        wrong.append(Wrong(f"{at}.topic", "a topic's name has 1 to 249 letters, digits, '.', '_' and '-'"))
    if not _LEAST <= entry.message_bytes <= _MOST:
        wrong.append(Wrong(f"{at}.message_bytes", f"must be from {_LEAST} to {_MOST}"))
    if not 0 < entry.timeout <= 60:
        wrong.append(Wrong(f"{at}.timeout", "must be a number of seconds above 0, and at most 60"))
    password = secret_of(at, "password", entry.password, entry.password_file, wrong)
    if entry.sasl_mechanism and not (entry.username and (password or entry.password_file)):
        wrong.append(Wrong(f"{at}.username", f"{entry.sasl_mechanism} needs username, and password or password_file"))
    if not entry.sasl_mechanism and (entry.username or password):
        wrong.append(Wrong(f"{at}.sasl_mechanism", "say which: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"))
    if entry.sasl_mechanism == "PLAIN" and not entry.tls:
        wrong.append(Wrong(f"{at}.tls", "PLAIN would send the password as it is: use TLS, or SCRAM-SHA-512"))

    def opened() -> Sink:
        try:
            kafka = import_module("lockgate.stores.sinks.kafka")
        except ImportError as error:  # it is there, but was made for another system
            raise StoreError(f"{INSTALL} ({error})") from None
        return kafka.KafkaTopic(
            kafka.Line(
                brokers=tuple(entry.brokers),
                topic=entry.topic,
                tls=entry.tls,
                ca_file=entry.ca_file,
                cert_file=entry.cert_file,
                key_file=entry.key_file,
                sasl_mechanism=entry.sasl_mechanism,
                username=entry.username,
                password=password,
                compression=entry.compression,
                message_bytes=entry.message_bytes,
                idempotence=entry.idempotence,
                timeout_s=entry.timeout,
            )
        )

    return opened
