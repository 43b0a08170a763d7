"""Who there is: organisations, their workspaces, the people in them, and what they were given: roles, keys, limits, sessions.

All of it is stored (`stores.control`). Every row belongs to one organisation, and many to one workspace in it. An id says
nothing and cannot be guessed; a slug is what people write. Times are µs since the epoch, 0 for never.
"""

from __future__ import annotations

import re
import secrets
from typing import Any, ClassVar, Literal

import msgspec

from lockgate.core.cache_cap import UNCAPPED, CacheCap
from lockgate.core.call import Capture
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, Term, UsageLimit
from lockgate.core.mask import Redaction

OrganisationRole = Literal["owner", "admin", "member"]
WorkspaceRole = Literal["admin", "manager", "member"]

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_UNSLUG = re.compile(r"[^a-z0-9._-]+")


class Tenant(msgspec.Struct, frozen=True):
    """On whose behalf something is read or changed: nothing outside is there. With a `workspace`, nothing outside that is."""

    organisation: str
    workspace: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every stored noun has. `version` counts its changes from 1; whoever changes it says which one it has seen."""

    #: Members that no audit entry shows.
    PRIVATE: ClassVar[frozenset[str]] = frozenset()

    id: str
    organisation: str
    version: int = 0
    created_us: int = 0
    changed_us: int = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id})"


class Defaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds for requests that do not say it: metadata, a config by its slug, and whether they may name another."""

    metadata: dict[str, str] = {}
    config: str = ""
    allow_config_override: bool = True


class Organisation(Row, frozen=True, kw_only=True):
    """A tenant. It is its own `organisation`. `settings` are its switches, by name; `cache` is the most that configs may ask of
    the cache."""

    slug: str
    name: str
    defaults: Defaults = Defaults()
    settings: dict[str, Any] = {}
    usage_limits: list[UsageLimit] = []
    rate_limits: list[RateLimit] = []
    cache: CacheCap = UNCAPPED


class Workspace(Row, frozen=True, kw_only=True):
    """A part of an organisation, with keys, providers and configs of its own. `capture` is the most that is kept of any request
    there, `redact` what is taken out of it, and `cache` the most that configs may ask of the cache."""

    slug: str
    name: str
    description: str = ""
    defaults: Defaults = Defaults()
    usage_limits: list[UsageLimit] = []
    rate_limits: list[RateLimit] = []
    capture: Capture = "full"
    redact: Redaction = Redaction()
    cache: CacheCap = UNCAPPED


class User(Row, frozen=True, kw_only=True):
    """A person, by e-mail address. `subject` is who an identity provider says it is ("issuer|sub"). The password's hash is in
    the vault, under the field "password"."""

    email: str
    name: str = ""
    role: OrganisationRole = "member"
    status: Literal["active", "disabled"] = "active"
    subject: str = ""
    usage_limits: list[UsageLimit] = []
    rate_limits: list[RateLimit] = []


class Membership(Row, frozen=True, kw_only=True):
    """A person's place in a workspace."""

    workspace: str
    user: str
    role: WorkspaceRole = "member"


class Seat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a workspace that an invite promises."""

    workspace: str
    role: WorkspaceRole = "member"


class Invite(Row, frozen=True, kw_only=True):
    """A place in the organisation for whoever holds the link, of which the `digest` is kept. `scopes`: of the keys that are
    made when it is taken, one in each of the workspaces. `inviter`: the person or key who has made it."""

    PRIVATE: ClassVar[frozenset[str]] = frozenset(("digest",))

    email: str
    digest: bytes
    role: OrganisationRole = "member"
    seats: list[Seat] = []
    scopes: list[str] = []
    inviter: str = ""
    expires_us: int = 0
    accepted_us: int = 0
    status: Literal["pending", "accepted", "cancelled"] = "pending"


class Rotation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How long a key's old text is good beside the new one. (Its schedule was kept once and never followed; it is not taken any
    more.)"""

    rotation_period: Literal["", "weekly", "monthly"] = ""
    rotation_days: int = 0
    next_rotation_us: int = 0
    key_transition_period_ms: int = 1_800_000


class ApiKey(Row, frozen=True, kw_only=True):
    """A gateway key. Its text is not kept: it is known by its keyed digest (`pipeline.admit.digest`).

    workspace    "": a key of the organisation
    kind, user   a service's, or a person's
    scopes       what it may do; none: all that needs no name of its own (`control.keys`)
    models       patterns of "@slug/model" that it may use; none: all
    capture      the most that is kept of its requests
    redact       what is taken out of that
    hint         the last letters of its text
    old_digest   of the text before the last rotation, good until `old_until_us`
    mode         how it was made
    """

    PRIVATE: ClassVar[frozenset[str]] = frozenset(("digest", "old_digest"))

    name: str
    digest: bytes
    workspace: str = ""
    kind: Literal["service", "user"] = "service"
    user: str = ""
    description: str = ""
    scopes: list[str] = []
    models: list[str] = []
    defaults: Defaults = Defaults()
    usage_limits: UsageLimit | None = None
    rate_limits: list[RateLimit] = []
    alert_emails: list[str] = []
    capture: Capture = "full"
    redact: Redaction = Redaction()
    expires_us: int = 0
    rotation: Rotation | None = None
    hint: str = ""
    old_digest: bytes = b""
    old_until_us: int = 0
    revoked_us: int = 0
    mode: Literal["ui", "api", "auto", "cli"] = "api"

    def status(self, now_us: int) -> Literal["active", "revoked", "expired"]:
        """Whether it holds."""
        if self.revoked_us:
            return "revoked"
        return "expired" if 0 < self.expires_us <= now_us else "active"


class Policy(Row, frozen=True, kw_only=True):
    """A limit over many: for requests of which all `conditions` hold, counted apart for each combination of what stands at the
    keys of `group_by`. It has a `usage` or a `rate`; with neither, those requests are refused. `workspace` "": it holds in the
    whole organisation. `resets`: how often the budget of a group was said to begin anew (`UsageLimit.resets`)."""

    name: str = ""
    workspace: str = ""
    conditions: list[Term] = []
    group_by: list[str] = []
    usage: UsageLimit | None = None
    rate: RateLimit | None = None
    status: Literal["active", "paused"] = "active"
    resets: dict[str, int] = {}


class Session(Row, frozen=True, kw_only=True):
    """Someone who is logged in at the dashboard, known by the digest of a cookie. It ends at `expires_us`, or when it has not
    been seen for long."""

    PRIVATE: ClassVar[frozenset[str]] = frozenset(("digest",))

    user: str
    digest: bytes
    expires_us: int
    seen_us: int = 0
    client_ip: str = ""
    user_agent: str = ""


def new_id() -> str:
    """An id: 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def check_slug(slug: str, at: str = "slug") -> str:
    """The slug; raises `Refusal` 400 for what is none."""
    if not _SLUG.fullmatch(slug):
        raise Refusal(
            400,
            "invalid_slug",
            "A slug has 1 to 64 lower-case letters and digits, and '-', '_' or '.' between them.",
            param=at,
        )
    return slug


def slug_of(name: str) -> str:
    """A slug made of a name, and six random digits that keep it apart from others."""
    return f"{_UNSLUG.sub('-', name.lower()).strip('-._')[:40] or 'x'}-{secrets.token_hex(3)}"
