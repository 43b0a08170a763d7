"""/v1/admin/settings: what the operator has set up in the configuration and the environment, without a secret. It tells of
what all organisations share, so it is for the one of those who run the gateway."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

from lockgate import __version__
from lockgate.control.addresses import host_of, kind_of, shown
from lockgate.control.config import REDIS_URL, log_bodies, redis_url
from lockgate.control.house import CONTROL_URL, LEDGER_URL
from lockgate.control.identity.sessions import ABSOLUTE_US
from lockgate.control.identity.settings import JwtEntry, OidcEntry
from lockgate.control.kms.roots import VARIABLE as ROOT_KEY
from lockgate.control.sinks.settings import (
    JsonlEntry,
    KafkaEntry,
    OtlpEntry,
    S3Entry,
    SinkEntry,
    TelemetryEntry,
    WebhookEntry,
)
from lockgate.control.state import read_state
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.settings_shapes import (
    GatewaySettings,
    IdentitySettings,
    LogSettings,
    PriceSettings,
    ShownGroup,
    ShownIssuer,
    ShownOidc,
    ShownPlace,
    ShownSink,
)
from lockgate.http.admin.shapes import text_of
from lockgate.providers.prices_file import head_of
from lockgate.stores.logs.files import SUFFIX
from lockgate.stores.logs.open import BODIES_URL, LOG_URL

_HOUR_US = 3600 * 1_000_000


def check_operator(ask: Ask) -> None:
    """Raises `Refusal` 403 for other organisations than that of those who run the gateway."""
    if not ask.at_home:
        raise Refusal(403, "operators_only", "This is for the organisation of those who run the gateway.", scope="organisation")


def declared_in(ask: Ask) -> str | None:
    """The name of the configuration file; None: there is none."""
    path = ask.office.house.config_path
    return None if path is None else path.name


def log(ask: Ask) -> LogSettings:
    """Read where the log is, how large it is, how long it is kept, and what is kept of requests."""
    check_operator(ask)
    house, config = ask.office.house, ask.office.declared
    url, bodies = house.log_url, log_bodies(house.log, house.environment)
    folder = house.data / "log"
    size, days, free = (None, None, None) if url else _measured(folder)
    return LogSettings(
        store=kind_of(url) or "sqlite",
        address=shown(url) if url else str(folder),
        bodies=None if bodies is None else shown(bodies.url),
        size=size,
        days=days,
        free_bytes=free,
        retention_days=house.log.retention_days,
        capture=config.log.capture,
        redact=config.log.redact,
        declared_capture=config.workspace.capture,
        declared_redact=config.workspace.redact,
        body_limit=config.log.body_limit,
        spool_bytes=house.log.spool_bytes,
        waiting_bytes=read_state(house.data).backlog_bytes,
        text=house.log.text,
        declared_in=declared_in(ask),
    )


def prices(ask: Ask) -> PriceSettings:
    """Read which price list holds, and where it is from."""
    check_operator(ask)
    config, head = ask.office.declared, head_of(ask.office.house.price_list)
    return PriceSettings(
        version=ask.office.snapshot().prices.load().version,
        source="the installed package" if head is None else shown(head.source),
        taken_at=None if head is None else text_of(head.taken_us),
        refresh=config.catalogue.refresh,
        every_hours=config.catalogue.every_hours,
        address=shown(config.catalogue.url),
        own=sorted(config.prices),
        declared_in=declared_in(ask),
    )


def identity(ask: Ask) -> IdentitySettings:
    """Read who may come in: passwords, identity providers, and issuers of tokens."""
    check_operator(ask)
    entry = ask.office.declared.identity
    return IdentitySettings(
        public_url=entry.public_url or None,
        passwords=entry.passwords,
        oidc=[_oidc(name, each, entry.public_url) for name, each in entry.oidc.items()],
        jwt=[_issuer(name, each) for name, each in entry.jwt.items()],
        session_hours=ABSOLUTE_US / _HOUR_US,
        declared_in=declared_in(ask),
    )


def gateway(ask: Ask) -> GatewaySettings:
    """Read what the gateway is: its version, where things are kept, and where records go besides the log."""
    check_operator(ask)
    house, config = ask.office.house, ask.office.declared
    sinks = [_sink(name, each) for name, each in config.sinks.items()]
    if config.telemetry.endpoint or config.telemetry.traces_endpoint:
        sinks.insert(0, _sink("telemetry", config.telemetry))
    return GatewaySettings(
        version=__version__,
        python=platform.python_version(),
        revision=ask.office.snapshot().revision,
        config=None if house.config_path is None else str(house.config_path),
        data=str(house.data),
        root_keys="environment" if house.environment.get(ROOT_KEY) else "file",
        stores=list(_places(ask)),
        sinks=sinks,
        egress=config.egress.allow,
        trusted_proxies=config.server.trusted_proxies,
    )


def _measured(folder: Path) -> tuple[int, int, int | None]:
    """Bytes and days of a log in the data directory, and what is free on its disk."""
    size = days = 0
    for path in folder.glob("*"):
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            continue  # forgotten in this moment
        days += path.suffix == SUFFIX
    try:
        stat = os.statvfs(folder)
    except FileNotFoundError:
        return size, days, None
    return size, days, stat.f_bavail * stat.f_frsize


def _places(ask: Ask) -> Iterator[ShownPlace]:
    house, config, environment = ask.office.house, ask.office.declared, ask.office.house.environment
    control = environment.get(CONTROL_URL)
    ledger = CONTROL_URL if control and not environment.get(LEDGER_URL) else LEDGER_URL
    yield _place("control", house.control_url, CONTROL_URL if control else None)
    yield _place("ledger", house.ledger_url, ledger if environment.get(ledger) else None)
    log_said = LOG_URL if environment.get(LOG_URL) else "log.store" if house.log.store else None
    yield _place("log", house.log_url or f"sqlite:{house.data / 'log'}", log_said)
    if (bodies := log_bodies(house.log, environment)) is not None:
        yield _place("bodies", bodies.url, BODIES_URL if environment.get(BODIES_URL) else "log.bodies")
    yield _place("cache", config.cache.store, "cache.store" if config.cache.store != type(config.cache)().store else None)
    if url := redis_url(config, environment):
        yield _place("shared", url, REDIS_URL if environment.get(REDIS_URL) else "redis")


def _place(what: str, url: str, said_by: str | None) -> ShownPlace:
    return ShownPlace(what=what, kind=kind_of(url), address=shown(url), said_by=said_by)  # pyright: ignore[reportArgumentType]


def _oidc(name: str, entry: OidcEntry, public_url: str) -> ShownOidc:
    return ShownOidc(
        name=name,
        title=entry.title or name,
        issuer=shown(entry.issuer),
        client_id=entry.client_id,
        has_secret=bool(entry.client_secret),
        organisation=entry.organisation or None,
        scopes=entry.scopes,
        claims={each: getattr(entry.claims, each) for each in entry.claims.__struct_fields__},
        trusts_email=entry.trusts_email,
        require=entry.require,
        allowed_domains=entry.allowed_domains,
        role=entry.role,
        workspaces=entry.workspaces,
        groups=[ShownGroup(group=each.group, role=each.role, workspace=each.workspace or None) for each in entry.groups],
        callback=f"{public_url.rstrip('/')}/auth/oidc/{name}/callback" if public_url else None,
    )


def _issuer(name: str, entry: JwtEntry) -> ShownIssuer:
    return ShownIssuer(
        name=name,
        issuer=shown(entry.issuer),
        audience=entry.audience,
        keys=shown(entry.jwks_url) if entry.jwks_url else None,
        organisations=entry.organisations,
        scopes=entry.scopes,
        models=entry.models,
        require=entry.require,
        max_hours=entry.max_hours,
    )


def _sink(name: str, entry: SinkEntry | TelemetryEntry) -> ShownSink:
    kind, address, whole = _reached(entry)
    return ShownSink(
        name=name,
        kind=kind,
        address=address,
        privacy="full" if whole else "metadata",
        filtered=entry.where != type(entry.where)(),
    )


def _reached(entry: SinkEntry | TelemetryEntry) -> tuple[str, str, bool]:
    """What kind of sink it is, where it is, and whether bodies go there."""
    match entry:
        case OtlpEntry() | TelemetryEntry():
            return "otlp", shown(entry.endpoint or entry.traces_endpoint), entry.capture_content
        case JsonlEntry():
            return "jsonl", entry.directory, entry.privacy == "full"
        case WebhookEntry():
            return "webhook", host_of(entry.url), entry.privacy == "full"
        case S3Entry():
            return "s3", f"s3://{entry.bucket}/{entry.prefix}", entry.privacy == "full"
        case KafkaEntry():
            return "kafka", f"{entry.topic} at {', '.join(entry.brokers)}", entry.privacy == "full"
