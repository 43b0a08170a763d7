"""`lockgate.yaml`: its grammar, read strictly. An unknown member is an error with its path; all errors come at once."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml

from lockgate.control.alerts.settings import AlertsEntry
from lockgate.control.grammar import flaws_of, schema_of
from lockgate.control.identity.settings import IdentityEntry
from lockgate.control.limit_settings import HolderSetting, PolicySetting, UsageSetting
from lockgate.control.sinks.given import Wrong, account_of
from lockgate.control.sinks.settings import SinkEntry, TelemetryEntry
from lockgate.core.call import Capture
from lockgate.core.limits import RateLimit
from lockgate.core.mask import Redaction
from lockgate.pipeline.route import RouteConfig
from lockgate.policy.price import Row as PriceRow
from lockgate.providers.auth.settings import Settings
from lockgate.providers.prices_file import URL
from lockgate.stores.logs.open import BODIES_ENDPOINT, BODIES_URL, LOG_URL
from lockgate.stores.logs.s3 import S3Place


class Timeouts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds. Until a connection stands; until the answer's headers; the longest silence inside an answer; all of it."""

    connect: float = 5.0
    first_byte: float = 120.0
    idle: float = 60.0
    total: float = 600.0


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Files of the upstream's authority and of our own certificate, and the name to verify when it is not the host."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""


class ProviderEntry(Settings, frozen=True, forbid_unknown_fields=True):
    """A provider that is set up here, under a slug of its own.

    provider      its name in the provider table (`lockgate providers`); the slug itself when left out
    api_key       its key, usually "${NAME}" of an environment variable; api_key_file reads it from a file
    base_url      where it is, when that is not the table's address
    models        the models that may be used: names or patterns; all when left out
    headers       sent with every request
    proxy         an HTTP proxy to go through (CONNECT): "http://user:password@host:port"
    trace_context  it is told which trace a request belongs to (W3C `traceparent`)
    usage_limits, rate_limits   what may be used of it

    An account is said by the members of `Settings`, secrets usually as "${NAME}" too; `params` fill the provider's address.
    """

    provider: str = ""
    api_key: str = ""
    api_key_file: str = ""
    base_url: str = ""
    models: list[str] = msgspec.field(default_factory=list)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    proxy: str = ""
    trace_context: bool = False
    tls: Tls = Tls()
    timeouts: Timeouts = Timeouts()
    usage_limits: UsageSetting | None = None
    rate_limits: list[RateLimit] = msgspec.field(default_factory=list)

    def __repr__(self) -> str:
        return f"ProviderEntry({self.provider!r})"


class KeyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A gateway key: its SHA-256 (`hash: "sha256:…"`, as `lockgate keys create --hash` prints it) or the key by "${NAME}".

    config     of requests that name none; with `allow_config_override: false`, of all
    capture    the most that is kept of its requests: full, metadata or off
    redact     what is taken out of that, beside what `log.redact` says
    usage_limits, rate_limits   what it may use
    """

    name: str
    hash: str = ""
    key: str = ""
    scopes: list[str] = []
    models: list[str] = []
    config: str = ""
    allow_config_override: bool = True
    capture: Capture = "full"
    redact: Redaction = Redaction()
    usage_limits: UsageSetting | None = None
    rate_limits: list[RateLimit] = []

    def __repr__(self) -> str:
        return f"KeyEntry({self.name!r})"


class EgressEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where requests may go beyond the providers' public addresses: networks ("127.0.0.0/8") and hosts ("*.example.com")."""

    allow: list[str] = []


class LogEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is recorded. `capture` is the most that is kept of any request; `body_limit` in bytes; `retention_days` of the log.
    `store` is the URL of the log ("": in the data directory); with `text`, it can be searched by words of prompts and answers.

    spool_bytes what may wait on disk for the log: above it bodies are left out, above twice as much records. Read at the start
    bodies      s3://BUCKET/PREFIX, where a log at a server keeps bodies; `bodies_endpoint` is another service than AWS's,
                `bodies_ca_file` whom to trust there, and the AWS members say the account, as they do of a sink (`s3`)
    redact      what is taken out of bodies before they are kept, beside keys and tokens: `patterns` are expressions of RE2,
                `fields` are paths of members in JSON ("messages.*.content", "user")
    """

    capture: Capture = "full"
    body_limit: int = 1024 * 1024
    retention_days: int = 30
    spool_bytes: int = 2 * 1024 * 1024 * 1024
    redact: Redaction = Redaction()
    store: str = ""
    text: bool = True
    bodies: str = ""
    bodies_endpoint: str = ""
    bodies_ca_file: str = ""
    aws_auth_type: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    aws_secret_access_key_file: str = ""
    aws_session_token: str = ""
    aws_region: str = ""
    aws_role_arn: str = ""
    aws_external_id: str = ""

    def __repr__(self) -> str:
        return f"LogEntry({self.capture}, {self.retention_days} days)"  # there may be a password in `store`

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("capture", self.capture)]


class CacheEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where answers are kept that configs let be given again (`cache` in a config), and how many bytes of them.

    store   sqlite: (a file in the data directory, for all workers), memory: (each worker has its own), or the URL of a Redis,
            a Valkey or a PostgreSQL, for all machines
    """

    store: str = "sqlite:"
    max_bytes: int = 1024 * 1024 * 1024

    def __repr__(self) -> str:
        return f"CacheEntry({self.max_bytes} bytes)"  # there may be a password in `store`


class ServerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks. `trusted_proxies`: the operator's own proxies, as CIDRs or addresses, whose `X-Forwarded-For` is believed."""

    trusted_proxies: list[str] = []


class LimitsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes of a request body and of a whole answer."""

    request_body: int = 32 * 1024 * 1024
    answer_body: int = 64 * 1024 * 1024


class CatalogueEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price list. `refresh: true` fetches what genai-prices publishes from `url` every so many hours; without it nothing
    leaves this machine, and the list is the one that was installed, or taken by `lockgate prices refresh`."""

    refresh: bool = False
    url: str = URL
    every_hours: float = 24.0
    proxy: str = ""
    tls: Tls = Tls()


class ConfigAlias(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model's name that stands for a config: `fast: {config: pc-fast}`."""

    config: str


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. Everything may be left out. `aliases`: a name for a model → "@slug/model", another alias, or a config.
    `redis`: the URL of the Redis or Valkey that machines share (`redis://`, `rediss://`, `unix://`). `workspace`: what all
    that is declared here may use together."""

    providers: dict[str, ProviderEntry] = {}
    keys: list[KeyEntry] = []
    configs: dict[str, RouteConfig] = {}
    aliases: dict[str, str | ConfigAlias] = {}
    egress: EgressEntry = EgressEntry()
    prices: dict[str, PriceRow] = {}
    catalogue: CatalogueEntry = CatalogueEntry()
    log: LogEntry = LogEntry()
    cache: CacheEntry = CacheEntry()
    server: ServerEntry = ServerEntry()
    limits: LimitsEntry = LimitsEntry()
    timeouts: Timeouts = Timeouts()
    identity: IdentityEntry = IdentityEntry()
    alerts: AlertsEntry = AlertsEntry()
    telemetry: TelemetryEntry = TelemetryEntry()
    sinks: dict[str, SinkEntry] = {}
    redis: str = ""
    workspace: HolderSetting = HolderSetting()
    policies: list[PolicySetting] = []

    def __repr__(self) -> str:
        return "Config()"  # there are secrets in it


class Mistake(msgspec.Struct, frozen=True):
    """One thing wrong in a configuration, and where."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class BadConfig(Exception):
    """A configuration that cannot be used; `mistakes` holds everything that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


#: The environment's word on `redis`, which comes before the file's.
REDIS_URL = "LOCKGATE_REDIS_URL"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def redis_url(config: Config, environment: Mapping[str, str] = os.environ) -> str:
    """Where machines share rate limits and circuits; "": each is by itself."""
    return environment.get(REDIS_URL) or config.redis


def log_url(log: LogEntry, environment: Mapping[str, str] = os.environ) -> str:
    """Where the log is kept; "": in the data directory."""
    return environment.get(LOG_URL) or log.store


def log_bodies(log: LogEntry, environment: Mapping[str, str] = os.environ) -> S3Place | None:
    """Where the log's bodies are kept; None: in the log itself. Raises `BadConfig`."""
    url = environment.get(BODIES_URL) or log.bodies
    if not url:
        return None
    wrong: list[Wrong] = []
    account = account_of("log", log, wrong)
    if wrong:
        raise BadConfig([Mistake(each.path, each.message) for each in wrong])
    return S3Place(url, environment.get(BODIES_ENDPOINT) or log.bodies_endpoint, log.bodies_ca_file, account)


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in a file; raises `BadConfig`, also when the file cannot be read."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig([Mistake("", f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")]) from None
    return read_text(text, environment)


def read_log(path: Path, environment: Mapping[str, str] = os.environ) -> LogEntry:
    """What a file says of the log, whatever else is wrong with it: who looks at what was recorded needs none of the gateway's
    secrets. Raises `BadConfig`."""
    try:
        tree = _tree(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig([Mistake("", f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")]) from None
    said = cast("dict[str, Any]", tree).get("log", {}) if isinstance(tree, dict) else {}
    mistakes: list[Mistake] = []
    said = _interpolate(said, "log", environment, mistakes)
    try:
        log = msgspec.json.decode(msgspec.json.encode(said), type=LogEntry)
    except (msgspec.ValidationError, TypeError) as error:
        raise BadConfig([*mistakes, Mistake("log", str(error))]) from None
    if mistakes:
        raise BadConfig(mistakes)
    return log


def read_text(text: str, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration in a text; raises `BadConfig`."""
    tree = _tree(text)
    mistakes: list[Mistake] = []
    tree = _interpolate({} if tree is None else tree, "", environment, mistakes)
    _read_captures(tree, mistakes)
    try:
        config = msgspec.json.decode(msgspec.json.encode(tree), type=Config)
    except (msgspec.ValidationError, TypeError) as error:
        # Only now the slower validator, which finds everything that is wrong at once.
        found = [Mistake(*flaw) for flaw in flaws_of(tree, schema())]
        raise BadConfig(mistakes + (found or [Mistake("", str(error))])) from None
    if mistakes:
        raise BadConfig(mistakes)
    return config


def _tree(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_unique(_SAFE_LOADER))  # noqa: S506 - a safe loader, with repeated members refused
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise BadConfig([Mistake(where, str(getattr(error, "problem", None) or error))]) from None
    except RecursionError:
        raise BadConfig([Mistake("", "the file is nested too deeply")]) from None


def schema(*, route: bool = False) -> dict[str, Any]:
    """The grammar as JSON Schema, for editors: of the whole file, or of a `route`, as one config is written alone."""
    return schema_of(RouteConfig, "a config") if route else schema_of(Config, "lockgate.yaml")


def _interpolate(value: Any, path: str, environment: Mapping[str, str], mistakes: list[Mistake]) -> Any:
    """`${NAME}` and `${NAME:-default}` in every text, from the environment."""
    if isinstance(value, str):

        def put(match: re.Match[str]) -> str:
            found = environment.get(match[1])
            if found is None and match[2] is None:
                mistakes.append(Mistake(path, f"the environment variable {match[1]} is not set"))
            return found if found is not None else match[2] or ""

        return _VARIABLE.sub(put, value) if "${" in value else value
    if isinstance(value, dict):
        tree = cast("dict[Any, Any]", value)
        return {name: _interpolate(each, f"{path}.{name}".lstrip("."), environment, mistakes) for name, each in tree.items()}
    if isinstance(value, list):
        return [_interpolate(each, f"{path}[{n}]", environment, mistakes) for n, each in enumerate(cast("list[Any]", value))]
    return value


def _read_captures(tree: Any, mistakes: list[Mistake]) -> None:
    """`capture: off` is a word here, where YAML 1.1 reads `false`."""
    if not isinstance(tree, dict):
        return
    root = cast("dict[str, Any]", tree)
    keys: Any = root.get("keys")
    places = [("log", root.get("log")), ("workspace", root.get("workspace"))]
    places += [(f"keys[{n}]", each) for n, each in enumerate(cast("list[Any]", keys) if isinstance(keys, list) else [])]
    for at, place in places:
        if isinstance(place, dict) and isinstance((node := cast("dict[str, Any]", place)).get("capture"), bool):
            if node["capture"]:
                message = "'on' says nothing of how much is kept: say full (all of it), metadata (no bodies) or off (nothing)"
                mistakes.append(Mistake(f"{at}.capture", message))
            node["capture"] = "full" if node["capture"] else "off"


def _unique(loader: Any) -> Any:
    """The loader, refusing a member that is given twice (YAML 1.2, section 3.2.1.1: keys are unique)."""

    class Unique(loader):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key.value, str):
                    raise yaml.constructor.ConstructorError(None, None, "a member's name must be a text", key.start_mark)
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' is given twice", key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    return Unique
