"""What the operator has set up, as it is shown: where things are and what holds, and no secret. Addresses are without users,
passwords and queries (`control.addresses`); what a file says, and not what is in it."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.call import Capture
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import WorkspaceRole


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The log. `store` is its kind, `address` where it is; `bodies`: where bodies are, if not in the log. `size` in bytes and
    `days` of what is there; null where that is a server's to tell. `spool_bytes` may wait for it, `waiting_bytes` do. `text`:
    it is searched by words. `capture` and `redact` hold for everything, `declared_capture` and `declared_redact` for all that
    the file declares."""

    store: str
    address: str
    bodies: str | None
    size: int | None
    days: int | None
    free_bytes: int | None
    retention_days: int
    capture: Capture
    redact: Redaction
    declared_capture: Capture
    declared_redact: Redaction
    body_limit: int
    spool_bytes: int
    waiting_bytes: int
    text: bool
    declared_in: str | None
    object: Literal["log-settings"] = "log-settings"


class PriceSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Prices. `version` is of the list, `source` where it is from, `taken_at` null: it came with the package. `refresh`: a new
    one is fetched every so many hours from `address`. `own`: names in `prices` of the configuration."""

    version: str
    source: str
    taken_at: str | None
    refresh: bool
    every_hours: float
    address: str
    own: list[str]
    declared_in: str | None
    object: Literal["price-settings"] = "price-settings"


class ShownGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What members of a group are: in a workspace (its slug), or in the organisation (null)."""

    group: str
    role: Literal["admin", "manager", "member"]
    workspace: str | None


class ShownOidc(msgspec.Struct, frozen=True, kw_only=True):
    """An identity provider. `has_secret` false: a public client. `allowed_domains`: who may be new here; `role` and
    `workspaces`: as what."""

    name: str
    title: str
    issuer: str
    client_id: str
    has_secret: bool
    organisation: str | None
    scopes: list[str]
    claims: dict[str, str]
    trusts_email: bool
    require: dict[str, str]
    allowed_domains: list[str]
    role: Literal["admin", "member"]
    workspaces: dict[str, WorkspaceRole]
    groups: list[ShownGroup]
    callback: str | None


class ShownIssuer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose tokens stand for gateway keys. `keys`: where its keys are, null: in the configuration itself."""

    name: str
    issuer: str
    audience: list[str]
    keys: str | None
    organisations: list[str]
    scopes: list[str]
    models: list[str]
    require: dict[str, str]
    max_hours: float


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who may come in. `public_url` null: the dashboard answers on the machine itself alone."""

    public_url: str | None
    passwords: bool
    oidc: list[ShownOidc]
    jwt: list[ShownIssuer]
    session_hours: float
    declared_in: str | None
    object: Literal["identity-settings"] = "identity-settings"


class ShownPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where something is kept: its kind and address; `said_by` the member of the configuration, or the variable, that says so;
    null: that is the default."""

    what: Literal["control", "ledger", "log", "bodies", "cache", "shared"]
    kind: str
    address: str
    said_by: str | None


class ShownSink(msgspec.Struct, frozen=True, kw_only=True):
    """Where records go besides the log. `privacy`: whether with bodies (`full`)."""

    name: str
    kind: str
    address: str
    privacy: Literal["metadata", "full"]
    filtered: bool


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """The gateway. `root_keys`: where those are that seal what is stored. `egress`, `trusted_proxies`: as they are declared."""

    version: str
    python: str
    revision: str
    config: str | None
    data: str
    root_keys: Literal["environment", "file"]
    stores: list[ShownPlace]
    sinks: list[ShownSink]
    egress: list[str]
    trusted_proxies: list[str]
    object: Literal["gateway-settings"] = "gateway-settings"


class ShownAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Of whom a rule is alarming, and what is measured of them now (null: there are too few requests to tell). `since` null:
    it is alarming since `alarming_since`, and not for long enough to be told, or so soon after the last alarm."""

    about: str
    name: str
    since: str | None
    alarming_since: str | None
    value: str | None


class ShownRule(msgspec.Struct, frozen=True, kw_only=True):
    """An alert rule. `state`: `firing`; `pending`: it is alarming and not told; `quiet`. `value` is what is measured now (of
    those that it tells apart, of the one who is worst off, `worst`)."""

    name: str
    what: str
    threshold: str
    below: bool
    window: str
    each: str | None
    severity: Literal["info", "warning", "critical"]
    channels: list[str]
    state: Literal["firing", "pending", "quiet"]
    value: str | None
    worst: str | None
    raised_at: str | None
    alarms: list[ShownAlarm]


class ShownChannel(msgspec.Struct, frozen=True, kw_only=True):
    """A way to reach somebody. `address` is a host ("": a file has it), or whom a mail is for. Empty lists: all there is."""

    name: str
    type: Literal["webhook", "slack", "mail"]
    address: str
    signed: bool
    workspaces: list[str]
    about: list[str]
    kinds: list[str]
    at_least: int
    problem: str | None


class ShownTelling(msgspec.Struct, frozen=True, kw_only=True):
    """An alert on its way to a channel: `waiting` (why it has not arrived yet), `sent`, or `given up`."""

    at: str | None
    title: str
    channel: str
    state: Literal["waiting", "sent", "given up"]
    tries: int
    why: str


class AlertSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts: what is looked for, who is told, and what became of the newest. `thresholds`: percent of each budget at which it
    is told. `mail`: by which server it leaves, null: none."""

    thresholds: list[int]
    rules: list[ShownRule]
    channels: list[ShownChannel]
    mail: str | None
    told: list[ShownTelling]
    declared_in: str | None
    object: Literal["alert-settings"] = "alert-settings"


class TriedChannel(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a trial alert. `problem`: why it has not arrived."""

    arrived: bool
    problem: str | None
    object: Literal["alert-trial"] = "alert-trial"
