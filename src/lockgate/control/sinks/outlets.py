"""The sinks as they are configured: `telemetry:`, `sinks:` and OpenTelemetry's own variables, made into what sends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from lockgate import __version__
from lockgate.control.alerts.webhook import key_of
from lockgate.control.sinks.environment import OtelEnvironment, read_environment
from lockgate.control.sinks.given import Wrong, account_of, secret_of
from lockgate.control.sinks.kafka import kafka_of
from lockgate.control.sinks.referred import Referred, filled, mappings_of, stand_ins
from lockgate.control.sinks.settings import (
    JsonlEntry,
    KafkaEntry,
    OtlpEntry,
    Out,
    S3Entry,
    SecretMappingEntry,
    SinkEntry,
    TelemetryEntry,
    Web,
    WebhookEntry,
    WhereEntry,
)
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.dialects.otlp.metrics import CUMULATIVE, DELTA
from lockgate.providers.auth.aws import for_service, region_of
from lockgate.stores.bucket import BUCKET, PREFIX, Bucket, bucket_url
from lockgate.stores.logs.ports import Filter
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.feed import Pace
from lockgate.stores.sinks.jsonl import JsonlFiles
from lockgate.stores.sinks.otlp import Line, OtlpMetrics, OtlpTraces
from lockgate.stores.sinks.outlets import Outlet
from lockgate.stores.sinks.port import Sink
from lockgate.stores.sinks.poster import Place, Poster, place_of
from lockgate.stores.sinks.s3 import S3Objects
from lockgate.stores.sinks.webhook import Webhook
from lockgate.transport.destination import TlsIdentity
from lockgate.transport.egress import Egress

#: The name of what `telemetry:` says.
TELEMETRY = "telemetry"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HEADER = re.compile(r"[A-Za-z0-9_-]+")
_STATUS = re.compile(r"([1-5])xx|(\d{3})(?:-(\d{3}))?")
#: No more than that may wait for one sink: the spool itself leaves bodies out from twice as much on.
QUEUE_MOST = 1024 * 1024 * 1024
_WEAK = 16


class Means(msgspec.Struct, frozen=True):
    """What sinks are made with: the policy that is in force, what tells this house from others, the environment, and what
    looks up secrets that are kept elsewhere (None: settings are only checked)."""

    egress: Callable[[], Egress]
    instance: str
    environment: Mapping[str, str]
    secrets: Callable[[Sequence[SecretMappingEntry]], Callable[[], Mapping[str, str]]] | None = None


def outlets_by_name(
    telemetry: TelemetryEntry, sinks: Mapping[str, SinkEntry], means: Means
) -> tuple[dict[str, Outlet], list[Wrong]]:
    """All outlets by name, and all that is wrong with the settings."""
    wrong: list[Wrong] = []
    found: dict[str, Outlet] = {}
    found |= _outlets(TELEMETRY, "telemetry", telemetry, means, wrong)
    for name, entry in sinks.items():
        at = f"sinks.{name}"
        if not _NAME.fullmatch(name) or name == TELEMETRY:
            wrong.append(Wrong(at, "a name has 1 to 64 lower-case letters, digits, '-' and '_', and is not 'telemetry'"))
        found |= _outlets(name, at, entry, means, wrong)
    return found, wrong


def _outlets(name: str, at: str, entry: TelemetryEntry | SinkEntry, means: Means, wrong: list[Wrong]) -> dict[str, Outlet]:
    """Of one entry. Where some of its secrets are kept elsewhere, whoever opens the sink asks for them."""
    mappings = mappings_of(entry)
    if not mappings:
        return _settled(name, at, entry, means, wrong)
    found = _settled(name, at, filled(entry, stand_ins(at, entry, wrong)), means, wrong)
    if means.secrets is None:
        return found

    def make(each: str, secrets: Mapping[str, str]) -> Sink:
        flaws: list[Wrong] = []
        outlet = _settled(name, at, filled(entry, secrets), means, flaws).get(each)
        if outlet is None:
            raise StoreError("; ".join(f"{flaw.path}: {flaw.message}" for flaw in flaws))
        return outlet.open()

    return {
        each: msgspec.structs.replace(outlet, open=partial(Referred, means.secrets(mappings), partial(make, each)))
        for each, outlet in found.items()
    }


def _settled(name: str, at: str, entry: TelemetryEntry | SinkEntry, means: Means, wrong: list[Wrong]) -> dict[str, Outlet]:
    """Of one entry that has all of its secrets in it."""
    if isinstance(entry, TelemetryEntry):
        own = isinstance(entry, OtlpEntry)
        made = _otlp(name, at, entry, OtelEnvironment() if own else read_environment(means.environment), means, wrong)
        if own and not made and not (entry.endpoint or entry.traces_endpoint or entry.metrics_endpoint):
            wrong.append(Wrong(f"{at}.endpoint", "a collector has an address"))
        return made
    outlet = _outlet(at, entry, means, wrong)
    return {} if outlet is None else {name: outlet}


def _outlet(
    at: str, entry: JsonlEntry | WebhookEntry | S3Entry | KafkaEntry, means: Means, wrong: list[Wrong]
) -> Outlet | None:
    before = len(wrong)
    wants = _wants(at, entry, wrong)
    make: Callable[[], Sink] | None
    if isinstance(entry, JsonlEntry):
        make = _jsonl(at, entry, wrong)
    elif isinstance(entry, WebhookEntry):
        make = _webhook(at, entry, means, wrong)
    elif isinstance(entry, KafkaEntry):
        make = kafka_of(at, entry, wrong)
    else:
        make = _s3(at, entry, means, wrong)
    if make is None or len(wrong) > before:
        return None
    return _made(type(entry).__struct_config__.tag, entry, make, wants, bodies=entry.privacy == "full")


def _made(kind: object, entry: Out, make: Callable[[], Sink], wants: Callable[[Record], bool], *, bodies: bool) -> Outlet:
    pace = Pace(entry.batch_records, entry.batch_bytes, entry.linger)
    return Outlet(str(kind), encode(entry), make, wants, bodies, pace, entry.queue_bytes)


def _otlp(
    name: str, at: str, entry: TelemetryEntry, around: OtelEnvironment, means: Means, wrong: list[Wrong]
) -> dict[str, Outlet]:
    """Spans and metrics are two sinks: one may fail without the other."""
    found: dict[str, Outlet] = {}
    before = len(wrong)
    sources = entry.where.sources or ["gateway", "posted"]  # what came by OpenTelemetry does not go in circles
    entry = msgspec.structs.replace(entry, where=msgspec.structs.replace(entry.where, sources=sources))
    wants = _wants(at, entry, wrong)
    headers = _headers(at, entry, wrong)
    resource = {
        "service.name": "lockgate",
        "service.version": __version__,
        "service.instance.id": means.instance,
        **around.resource,
        **entry.resource,
    }
    for signal in dict.fromkeys(entry.signals):
        url = getattr(entry, f"{signal}_endpoint") or (entry.endpoint and f"{entry.endpoint.rstrip('/')}/v1/{signal}")
        own = around.signals[signal] if not url and signal in around.signals else None
        url = url or (own.endpoint if own is not None else "")
        if not url:
            continue
        place = _place(f"{at}.endpoint", url, entry, wrong, ca_file=own.ca_file if own is not None else "")
        if place is None:
            continue
        line = Line(
            place,
            headers if own is None else ((*own.headers, *headers)),
            json=(entry.protocol if own is None or not own.protocol else own.protocol) == "http/json",
            gzip=(entry.compression if own is None or not own.compression else own.compression) == "gzip",
        )
        timeout_s = entry.timeout if own is None or not own.timeout_s else own.timeout_s
        temporality = DELTA if (around.temporality or entry.temporality) == "delta" else CUMULATIVE
        make = _traces if signal == "traces" else _metrics
        said = encode([entry, line.json, line.gzip, url, timeout_s, temporality, resource, repr(line.headers)])
        outlet = _made(
            f"otlp {signal}",
            entry,
            make(line, means, timeout_s, resource, entry, temporality),
            wants,
            bodies=entry.capture_content and signal == "traces",
        )
        found[f"{name}.{signal}"] = msgspec.structs.replace(outlet, said=said)
    return found if len(wrong) == before else {}


def _traces(
    line: Line, means: Means, timeout_s: float, resource: Mapping[str, str], entry: TelemetryEntry, temporality: int
) -> Callable[[], Sink]:
    return lambda: OtlpTraces(line, Poster(means.egress, timeout_s), resource, content=entry.capture_content)


def _metrics(
    line: Line, means: Means, timeout_s: float, resource: Mapping[str, str], entry: TelemetryEntry, temporality: int
) -> Callable[[], Sink]:
    return lambda: OtlpMetrics(line, Poster(means.egress, timeout_s), resource, clock=time.time_ns, temporality=temporality)


def _jsonl(at: str, entry: JsonlEntry, wrong: list[Wrong]) -> Callable[[], Sink] | None:
    if not entry.directory.startswith("/"):
        wrong.append(Wrong(f"{at}.directory", "is the whole path of a directory"))
    if not _FILE.fullmatch(entry.name):
        wrong.append(Wrong(f"{at}.name", "has 1 to 64 letters, digits, '-' and '_'"))
    if entry.file_bytes < 1 or entry.keep < 0:
        wrong.append(Wrong(at, "file_bytes is at least 1, and keep at least 0"))
    return lambda: JsonlFiles(
        Path(entry.directory), entry.name, size=entry.file_bytes, keep=entry.keep, compression=entry.compression
    )


def _webhook(at: str, entry: WebhookEntry, means: Means, wrong: list[Wrong]) -> Callable[[], Sink] | None:
    url = secret_of(at, "url", entry.url, entry.url_file, wrong)
    if not entry.url and not entry.url_file:
        wrong.append(Wrong(f"{at}.url", "a webhook has an address: url or url_file"))
    secret = secret_of(at, "secret", entry.secret, entry.secret_file, wrong)
    try:
        key = key_of(secret)
    except ValueError as error:
        wrong.append(Wrong(f"{at}.secret", str(error)))
        return None
    if secret and len(key) < _WEAK:
        wrong.append(Wrong(f"{at}.secret", f"has fewer than {_WEAK} bytes: `openssl rand -base64 32` makes a good one"))
    headers = _headers(at, entry, wrong)
    place = _place(f"{at}.url", url, entry, wrong) if url else None
    if place is None:
        return None
    return lambda: Webhook(
        place, Poster(means.egress, entry.timeout), key=key, headers=headers, compressed=entry.compression == "gzip"
    )


def _s3(at: str, entry: S3Entry, means: Means, wrong: list[Wrong]) -> Callable[[], Sink] | None:
    if not BUCKET.fullmatch(entry.bucket):
        wrong.append(Wrong(f"{at}.bucket", "is no bucket's name"))
    if not PREFIX.fullmatch(entry.prefix):
        wrong.append(Wrong(f"{at}.prefix", "has up to 256 letters, digits, '-', '_', '.' and '/'"))
    settings = account_of(at, entry, wrong)
    try:
        signer, region = for_service("s3")(settings, "", means.environment), region_of(settings, means.environment)
    except Refusal as refusal:
        wrong.append(Wrong(f"{at}.{refusal.param}", refusal.message))
        return None
    place = _place(f"{at}.endpoint", bucket_url(entry.bucket, region, entry.endpoint), entry, wrong)
    if place is None:
        return None
    bucket = Bucket(place, signer, region)
    return lambda: S3Objects(bucket, Poster(means.egress, entry.timeout), prefix=entry.prefix, compression=entry.compression)


def _place(at: str, url: str, entry: Web | S3Entry, wrong: list[Wrong], *, ca_file: str = "") -> Place | None:
    ca_file = entry.ca_file or ca_file
    cert, key = (entry.cert_file, entry.key_file) if isinstance(entry, Web) else ("", "")
    tls = TlsIdentity(ca_file=ca_file, cert_file=cert, key_file=key) if ca_file or cert or key else None
    try:
        return place_of(url, tls, entry.proxy)
    except Refusal as refusal:
        wrong.append(Wrong(at, refusal.message))
        return None


def _headers(at: str, entry: Web, wrong: list[Wrong]) -> tuple[tuple[bytes, bytes], ...]:
    said = dict(entry.headers)
    for name, file in entry.header_files.items():
        said[name] = secret_of(at, f"header_files.{name}", "", file, wrong)
    for name, value in said.items():
        if not _HEADER.fullmatch(name) or not value.isprintable() or not value.isascii():
            wrong.append(Wrong(f"{at}.headers", f"'{name}' is no header, or its value has characters that none may have"))
            return ()
    return tuple((name.lower().encode(), value.encode()) for name, value in said.items())


def _wants(at: str, entry: Out, wrong: list[Wrong]) -> Callable[[Record], bool]:
    """Which records are meant; checks what all sinks have, too."""
    if not 1024 * 1024 <= entry.queue_bytes <= QUEUE_MOST:
        wrong.append(Wrong(f"{at}.queue_bytes", f"must be from 1 MiB to {QUEUE_MOST // 2**30} GiB"))
    if entry.batch_records < 1 or entry.batch_bytes < 1 or not 0 <= entry.linger <= 3600:
        wrong.append(Wrong(at, "a batch has at least 1 record and 1 byte, and is waited for for at most an hour"))
    if isinstance(entry, Web | S3Entry) and not 0 < entry.timeout <= 60:
        wrong.append(Wrong(f"{at}.timeout", "must be a number of seconds above 0, and at most 60"))
    where = entry.where
    ranges = tuple(_status(f"{at}.where.status", each, wrong) for each in where.status)
    if where == WhereEntry():
        return lambda record: True
    meant = Filter(
        status=ranges,
        outcomes=tuple(where.outcomes),
        operations=tuple(where.operations),
        models=tuple(where.models),
        providers=tuple(where.providers),
        keys=tuple(where.keys),
        users=tuple(where.users),
        workspaces=tuple(where.workspaces) or None,
        routes=tuple(where.routes),
        errors=tuple(where.errors),
        metadata=tuple(where.metadata.items()),
    )
    sources = frozenset(where.sources)
    return lambda record: (not sources or record.source in sources) and meant.admits(record)


def _status(at: str, text: str, wrong: list[Wrong]) -> tuple[int, int]:
    match = _STATUS.fullmatch(text)
    if match is None:
        wrong.append(Wrong(at, f'\'{text}\' is no status: "404", "5xx" or "400-499"'))
        return (0, 0)
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    return int(match[2]), int(match[3] or match[2])
