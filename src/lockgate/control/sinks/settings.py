"""`telemetry:` and `sinks:` of the configuration: the grammar. `outlets.outlets_by_name` makes of it what sends."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.record import Source

Privacy = Literal["metadata", "full"]


class WhereEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which records are meant: those that agree with each member that is set, with any of its values.

    status       HTTP statuses: "404", "5xx", "400-499"
    models, metadata   may have * and ?
    workspaces   by their ids, as records name them; keys by id or name
    sources      gateway (requests that were served here), posted, span (what came by OpenTelemetry)
    """

    status: list[str] = []
    outcomes: list[str] = []
    operations: list[str] = []
    models: list[str] = []
    providers: list[str] = []
    keys: list[str] = []
    users: list[str] = []
    workspaces: list[str] = []
    routes: list[str] = []
    errors: list[str] = []
    metadata: dict[str, str] = {}
    sources: list[Source] = []


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What all sinks have.

    where         which records; all when left out
    queue_bytes   how much may wait for it in the spool while it is down; then the oldest records are left out, and counted
    batch_records, batch_bytes, linger   how large batches are, and how many seconds are waited for a full one
    """

    where: WhereEntry = WhereEntry()
    queue_bytes: int = 512 * 1024 * 1024
    batch_records: int = 500
    batch_bytes: int = 2 * 1024 * 1024
    linger: float = 2.0


class SecretMappingEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret of a sink that is kept elsewhere, as accounts have it: the value of the member `target_field` ("url",
    "headers.authorization") is what the secret reference `secret_reference` leads to, or a key of that."""

    target_field: str
    secret_reference: str
    secret_key: str = ""


class Web(Out, frozen=True, kw_only=True):
    """What those have that are reached by HTTP.

    headers        sent with every request; header_files reads values from files, since a key is often among them
    timeout        seconds for one exchange
    proxy, ca_file, cert_file, key_file   an HTTP proxy to go through (CONNECT), whom to trust, and our own certificate
    secret_mappings   members that come by a secret reference
    """

    secret_mappings: list[SecretMappingEntry] = []
    headers: dict[str, str] = {}
    header_files: dict[str, str] = {}
    timeout: float = 10.0
    proxy: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"  # there may be a key in it

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return []


class TelemetryEntry(Web, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """OpenTelemetry by OTLP/HTTP. Without an endpoint, here or in OTEL_EXPORTER_OTLP_ENDPOINT, nothing is sent.

    endpoint          of the collector: "/v1/traces" and "/v1/metrics" are put behind it
    traces_endpoint, metrics_endpoint   others for one of them, used as they are
    signals           what is sent
    protocol, compression   as OpenTelemetry names them
    capture_content   whether what was asked and answered is sent too
    temporality       of metrics: what has been since the start, or since the last time
    resource          attributes of the gateway itself, beside service.name and service.instance.id
    """

    endpoint: str = ""
    traces_endpoint: str = ""
    metrics_endpoint: str = ""
    signals: tuple[Literal["traces", "metrics"], ...] = ("traces", "metrics")
    protocol: Literal["http/protobuf", "http/json"] = "http/protobuf"
    compression: Literal["gzip", "none"] = "gzip"
    capture_content: bool = False
    temporality: Literal["cumulative", "delta"] = "cumulative"
    resource: dict[str, str] = {}


class OtlpEntry(TelemetryEntry, frozen=True, kw_only=True, tag="otlp", forbid_unknown_fields=True):
    """Another collector. See `TelemetryEntry`; the environment says nothing of it."""


class JsonlEntry(Out, frozen=True, kw_only=True, tag="jsonl", forbid_unknown_fields=True):
    """JSON lines in files.

    directory     where; `name` begins the files' names
    file_bytes    from which size on a file is followed by another; each day has files of its own
    keep          how many finished files stay (0: all)
    """

    directory: str
    name: str = "requests"
    file_bytes: int = 256 * 1024 * 1024
    keep: int = 0
    compression: Literal["gzip", "zstd", "none"] = "gzip"
    privacy: Privacy = "metadata"


class WebhookEntry(Web, frozen=True, kw_only=True, tag="webhook", forbid_unknown_fields=True):
    """Signed batches to a URL.

    url           where to; url_file reads it from a file, since such a URL is often a secret
    secret        what is signed with: "whsec_" and base64, or any text; secret_file reads it from a file
    """

    url: str = ""
    url_file: str = ""
    secret: str = ""
    secret_file: str = ""
    compression: Literal["gzip", "none"] = "none"
    privacy: Privacy = "metadata"


class S3Entry(Out, frozen=True, kw_only=True, tag="s3", forbid_unknown_fields=True):
    """Objects of JSON lines in S3, or what speaks as it does. The account is said by the AWS members, which mean what they mean
    of a provider (`providers.auth.settings`); aws_secret_access_key_file reads the key from a file.

    bucket        its name; `prefix` begins the objects' names, which go on with day and hour
    endpoint      of another service than AWS's: the bucket is then a part of the path
    """

    bucket: str
    prefix: str = "lockgate"
    endpoint: str = ""
    compression: Literal["gzip", "zstd"] = "gzip"
    privacy: Privacy = "metadata"
    aws_auth_type: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    aws_secret_access_key_file: str = ""
    aws_session_token: str = ""
    aws_region: str = ""
    aws_role_arn: str = ""
    aws_external_id: str = ""
    secret_mappings: list[SecretMappingEntry] = []
    timeout: float = 60.0
    proxy: str = ""
    ca_file: str = ""
    batch_records: int = 50_000
    batch_bytes: int = 16 * 1024 * 1024
    linger: float = 300.0

    def __repr__(self) -> str:
        return f"S3Entry({self.bucket!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("bucket", self.bucket)]


class KafkaEntry(Out, frozen=True, kw_only=True, tag="kafka", forbid_unknown_fields=True):
    """Messages of a topic in Kafka, or what speaks as it does. Needs the extra `lockgate[kafka]`.

    brokers         "host:port" of those that are asked first; they tell of the others
    topic           its name; it has to be there, unless the brokers make topics
    tls             whether the brokers speak with TLS; ca_file, cert_file, key_file: whom to trust, and our own certificate
    sasl_mechanism, username, password   who we are; password_file reads it from a file
    compression     of what is sent together
    message_bytes   how large a message may be for the brokers; a record that is larger goes without its bodies
    idempotence     that messages keep their order, and are there once each while the connection lasts
    timeout         seconds for a batch
    """

    brokers: list[str]
    topic: str
    tls: bool = True
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    sasl_mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    username: str = ""
    password: str = ""
    password_file: str = ""
    secret_mappings: list[SecretMappingEntry] = []
    compression: Literal["zstd", "lz4", "snappy", "gzip", "none"] = "zstd"
    message_bytes: int = 1_000_000
    idempotence: bool = True
    timeout: float = 30.0
    privacy: Privacy = "metadata"

    def __repr__(self) -> str:
        return f"KafkaEntry({self.topic!r})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("topic", self.topic)]


SinkEntry = OtlpEntry | JsonlEntry | WebhookEntry | S3Entry | KafkaEntry
