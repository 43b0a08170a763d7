"""How gateway keys are written in /v1/api-keys, and to and from how they are stored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control.budgets import begun_anew, carried
from lockgate.control.secrets import KEY_PREFIX
from lockgate.core.call import Capture
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Rotation
from lockgate.http.admin.shapes import (
    Body,
    DefaultsBody,
    LongText,
    Paging,
    RateLimits,
    RedactionBody,
    ShownUsageLimits,
    Text,
    UsageLimits,
    micros,
    said,
    shown_defaults,
    shown_rate,
    shown_redaction,
    shown_usage,
    text_of,
)
from lockgate.stores.ledger.standings import Standing

Kind = Literal["organisation-service", "organisation-user", "workspace-service", "workspace-user"]
_Transition = Annotated[int, Meta(ge=1_800_000, le=366 * 86_400_000)]
_Scope = Annotated[str, Meta(max_length=100)]
_Scopes = Annotated[list[_Scope], Meta(max_length=500)]
_Models = Annotated[list[Text], Meta(max_length=1000)]
_Rates = Annotated[list[RateLimits], Meta(max_length=20)]
_Emails = Annotated[list[Text], Meta(max_length=50)]


class RotationPolicy(Body, frozen=True, kw_only=True):
    """For how long (in ms) a key's old text is good beside the new one. A schedule can be said by Portkey's clients, and is
    refused: a new text is shown once, to whoever asks for it, so one that nobody has asked for would be lost."""

    rotation_period: Literal["weekly", "monthly"] | None = None
    rotation_days: Annotated[int, Meta(ge=1, le=3650)] | None = None
    next_rotation_at: str | None = None
    key_transition_period_ms: _Transition = 1_800_000

    def stored(self) -> Rotation:
        """As it is kept. Raises `Refusal` 400."""
        for name in ("rotation_period", "rotation_days", "next_rotation_at"):
            if getattr(self, name):
                message = (
                    "No key is rotated by a schedule: its new text would be shown to nobody. Leave this out, and ask for it by"
                    " POST /v1/api-keys/{id}/rotate when it is due, from where the text is needed; or let the key expire."
                )
                raise Refusal(400, "rotation_by_nobody", message, param=f"rotation_policy.{name}")
        return Rotation(key_transition_period_ms=self.key_transition_period_ms)


class NewApiKey(Body, frozen=True, kw_only=True):
    """A key to be made. It can do and use no more than who makes it. `scopes`: what it may do; none: ask models. `models`:
    which it may use, as patterns of "@slug/model"; none: all. `capture`: the most that is kept of its requests;
    `redact`: what is taken out of that."""

    name: Text
    description: LongText = ""
    type: Literal["organisation", "workspace"] | None = None
    sub_type: Literal["service", "user"] | None = msgspec.field(default=None, name="sub-type")
    organisation_id: str = ""
    workspace_id: str = ""
    user_id: str = ""
    scopes: _Scopes = []
    models: _Models = []
    defaults: DefaultsBody | None = None
    usage_limits: UsageLimits | None = None
    rate_limits: _Rates | None = None
    alert_emails: _Emails | None = None
    capture: Capture | UnsetType = UNSET
    redact: RedactionBody | UnsetType = UNSET
    expires_at: str | None = None
    rotation_policy: RotationPolicy | None = None


class ChangedApiKey(Body, frozen=True, kw_only=True):
    """What is to be changed of a key; null takes a limit, an expiry or a policy away. `reset_usage`: its budget begins anew."""

    id: str = ""
    name: Text | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    scopes: _Scopes | UnsetType = UNSET
    models: _Models | UnsetType = UNSET
    defaults: DefaultsBody | UnsetType | None = UNSET
    usage_limits: UsageLimits | UnsetType | None = UNSET
    rate_limits: _Rates | UnsetType | None = UNSET
    alert_emails: _Emails | UnsetType | None = UNSET
    capture: Capture | UnsetType | None = UNSET
    redact: RedactionBody | UnsetType | None = UNSET
    expires_at: str | UnsetType | None = UNSET
    rotation_policy: RotationPolicy | UnsetType | None = UNSET
    reset_usage: bool | UnsetType | None = UNSET


class MadeApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was made, with its text, which is not shown again."""

    id: str
    key: str
    object: Literal["api-key"] = "api-key"


class RotatedApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key's new text, which is not shown again, and until when the old one is good."""

    id: str
    key: str
    key_transition_expires_at: str | None
    object: Literal["api-key"] = "api-key"


class ShownApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key. Of its text nothing is known but the last letters. `declared_in`: where it is declared, if it is not stored."""

    id: str
    key: str
    name: str
    description: str | None
    type: Kind
    organisation_id: str
    workspace_id: str | None
    user_id: str | None
    status: Literal["active", "exhausted", "expired", "revoked"]
    creation_mode: str
    scopes: list[str]
    models: list[str]
    defaults: DefaultsBody
    usage_limits: ShownUsageLimits | None
    reset_usage: bool | None = None
    rate_limits: list[RateLimits]
    alert_emails: list[str]
    capture: Capture
    redact: RedactionBody | None
    expires_at: str | None
    rotation_policy: RotationPolicy | None
    created_at: str | None
    last_updated_at: str | None
    declared_in: str | None = None
    object: Literal["api-key"] = "api-key"


class ListApiKeys(Paging, frozen=True, kw_only=True):
    """Which keys; `workspace_id` by id or slug."""

    workspace_id: str = ""


class Turn(Body, frozen=True, kw_only=True):
    """For how long (in ms) the old text is good beside the new one."""

    key_transition_period_ms: _Transition | None = None


def changes_of(body: ChangedApiKey, before: ApiKey, now_us: int) -> dict[str, Any]:
    """The members of a row that a body changes. Raises `Refusal` 400."""
    changes: dict[str, Any] = {}
    for name in said(body) - {"id", "reset_usage"}:
        value = getattr(body, name)
        match name:
            case "scopes":
                changes[name] = sorted(set(value))
            case "defaults":
                changes[name] = (value or DefaultsBody()).stored()
            case "usage_limits":
                changes[name] = value and carried(value.stored(), before.usage_limits, now_us)
            case "rate_limits":
                changes[name] = [each.stored() for each in value or ()]
            case "alert_emails":
                changes[name] = value or []
            case "capture":
                changes[name] = value or "full"
            case "redact":
                changes[name] = (value or RedactionBody()).stored()
            case "expires_at":
                changes["expires_us"] = micros(value, name) if value else 0
            case "rotation_policy":
                changes["rotation"] = value and value.stored()
            case _:
                changes[name] = value
    limit = changes.get("usage_limits", before.usage_limits)
    if body.reset_usage is True and limit is not None:
        changes["usage_limits"] = begun_anew(limit)
    return changes


def kind_of(key: ApiKey) -> Kind:
    """What Portkey's users call a key like this."""
    if key.workspace:
        return "workspace-user" if key.user else "workspace-service"
    return "organisation-user" if key.user else "organisation-service"


def shown(key: ApiKey, now_us: int, declared_in: str | None = None, standing: Standing | None = None) -> ShownApiKey:
    """A key to be shown. `standing`: how its budget stands; None when that cannot be told."""
    rotation, limit, status = key.rotation, key.usage_limits, key.status(now_us)
    spent = standing is not None and standing.exhausted and limit is not None and not limit.soft
    return ShownApiKey(
        id=key.id,
        key=f"{KEY_PREFIX}_****{key.hint}" if key.version else "****",
        name=key.name,
        description=key.description or None,
        type=kind_of(key),
        organisation_id=key.organisation,
        workspace_id=key.workspace or None,
        user_id=key.user or None,
        status="exhausted" if spent and status == "active" else status,
        creation_mode=key.mode if declared_in is None else "file",
        scopes=key.scopes,
        models=key.models,
        defaults=shown_defaults(key.defaults),
        usage_limits=None if limit is None else shown_usage(limit, now_us, standing),
        rate_limits=[shown_rate(each) for each in key.rate_limits],
        alert_emails=key.alert_emails,
        capture=key.capture,
        redact=shown_redaction(key.redact),
        expires_at=text_of(key.expires_us),
        rotation_policy=None
        if rotation is None
        else RotationPolicy(key_transition_period_ms=max(rotation.key_transition_period_ms, 1_800_000)),
        created_at=text_of(key.created_us),
        last_updated_at=text_of(key.changed_us),
        declared_in=declared_in,
    )
