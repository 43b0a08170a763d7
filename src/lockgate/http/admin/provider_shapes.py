"""How providers (`@slug`) are written in /v1/providers and, as older programs do, in /v1/virtual-keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control.budgets import begun_anew, carried
from lockgate.control.providers import Status
from lockgate.core.failure import Refusal
from lockgate.core.holdings import VirtualKey
from lockgate.core.limits import UsageLimit
from lockgate.http.admin.integration_shapes import Rates, Secret, Usage, shown_limits, stored_rates, stored_usage
from lockgate.http.admin.shapes import (
    Body,
    LongText,
    Paging,
    RateLimits,
    ShownUsageLimits,
    Text,
    micros,
    said,
    shown_usage,
    text_of,
)
from lockgate.stores.ledger.standings import Standing


class NewProvider(Body, frozen=True, kw_only=True):
    """A provider to be made: a name (`@slug`) under which a workspace uses an integration, which is said by its id or slug."""

    name: Text
    integration_id: Text
    workspace_id: str = ""
    slug: str | None = None
    note: LongText | None = None
    usage_limits: Usage = None
    rate_limits: Rates = None
    expires_at: str | None = None
    model_config: Any = None


class ChangedProvider(Body, frozen=True, kw_only=True):
    """What is to be changed of a provider; null takes a limit or an expiry away."""

    slug: str = ""
    workspace_id: str = ""
    name: Text | UnsetType = UNSET
    note: LongText | UnsetType | None = UNSET
    usage_limits: Usage | UnsetType = UNSET
    rate_limits: Rates | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    reset_usage: bool | None = None
    model_config: Any = None


class MadeProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that was made or changed."""

    id: str
    slug: str
    object: Literal["provider"] = "provider"


class ShownProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider. `ai_provider_name`: whose models they are. `declared_in`: where it is declared, if it is not stored; then it
    has no integration, and is there for each workspace of its organisation."""

    id: str
    slug: str
    name: str
    note: str | None
    integration_id: str | None
    ai_provider_name: str
    organisation_id: str
    workspace_id: str | None
    status: Status
    usage_limits: ShownUsageLimits | None
    rate_limits: list[RateLimits] | None
    reset_usage: bool | None = None
    expires_at: str | None
    created_at: str | None
    last_updated_at: str | None
    declared_in: str | None = None
    object: Literal["provider"] = "provider"


class ListProviders(Paging, frozen=True, kw_only=True):
    """Which providers; `workspace_id` by id or slug."""

    workspace_id: str = ""


class Deployment(Body, frozen=True, kw_only=True):
    """A deployment at Azure, as virtual keys say it."""

    deploymentName: Text
    apiVersion: Text | None = None
    alias: Text | None = None
    is_default: bool | None = None


class _Account(Body, frozen=True, kw_only=True):
    """What the account behind a virtual key is known by: Azure's by members of their own, all others by `configurations`."""

    configurations: Annotated[dict[str, Any], Meta(max_length=100)] | None = None
    resourceName: Text | None = None
    deploymentName: Text | None = None
    apiVersion: Text | None = None
    deploymentConfig: Annotated[list[Deployment], Meta(max_length=100)] | None = None

    def configured(self) -> dict[str, Any] | None:
        """As an integration says it; None when nothing was said."""
        deployments = [
            {
                "azure_deployment_name": each.deploymentName,
                "azure_api_version": each.apiVersion or "",
                "alias": each.alias or "",
                "is_default": bool(each.is_default),
            }
            for each in self.deploymentConfig or ()
        ]
        if self.deploymentName:
            deployments.append(
                {
                    "azure_deployment_name": self.deploymentName,
                    "azure_api_version": self.apiVersion or "",
                    "is_default": not any(each["is_default"] for each in deployments),
                }
            )
        found: dict[str, Any] = dict(self.configurations or {})
        if self.resourceName:
            found["azure_resource_name"] = self.resourceName
        if deployments:
            found["azure_deployment_config"] = deployments
        elif self.apiVersion:
            found["azure_api_version"] = self.apiVersion
        return found if found or self.configurations is not None else None


class NewVirtualKey(_Account, frozen=True, kw_only=True):
    """A provider to be made together with the account behind it, which is the workspace's own."""

    name: Text
    provider: Text
    key: Secret | None = None
    slug: str | None = None
    note: LongText | None = None
    workspace_id: str = ""
    usage_limits: Usage = None
    rate_limits: Rates = None
    expires_at: str | None = None

    def __repr__(self) -> str:
        return f"NewVirtualKey({self.name!r})"


class ChangedVirtualKey(_Account, frozen=True, kw_only=True):
    """What is to be changed of a provider, or of the account behind it; null takes a limit or an expiry away."""

    slug: str = ""
    workspace_id: str = ""
    name: Text | UnsetType = UNSET
    note: LongText | UnsetType | None = UNSET
    key: Secret | None = None
    usage_limits: Usage | UnsetType = UNSET
    rate_limits: Rates | UnsetType = UNSET
    expires_at: str | UnsetType | None = UNSET
    reset_usage: bool | None = None

    def __repr__(self) -> str:
        return "ChangedVirtualKey()"


class MadeVirtualKey(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that was made or changed."""

    id: str
    slug: str
    object: Literal["virtual-key"] = "virtual-key"


class ShownVirtualKey(msgspec.Struct, frozen=True, kw_only=True):
    """A provider with the account behind it. Of its key nothing is shown but the last letters."""

    id: str
    slug: str
    name: str
    note: str | None
    provider: str
    ai_provider_name: str
    integration_id: str | None
    organisation_id: str
    workspace_id: str | None
    status: Status
    key: str | None
    model_config: dict[str, Any]
    usage_limits: ShownUsageLimits | None
    rate_limits: list[RateLimits] | None
    reset_usage: bool | None = None
    expires_at: str | None
    created_at: str | None
    last_updated_at: str | None
    declared_in: str | None = None
    object: Literal["virtual-key"] = "virtual-key"


def limits_of(body: NewProvider | NewVirtualKey, now_us: int) -> dict[str, Any]:
    """The limits of a row to be made. Raises `Refusal` 400."""
    limit = _one(stored_usage(body.usage_limits))
    return {
        "note": body.note or "",
        "usage_limits": limit and carried(limit, None, now_us),
        "rate_limits": stored_rates(body.rate_limits),
        "expires_us": _expiry(body.expires_at, now_us),
    }


def changes_of(body: ChangedProvider | ChangedVirtualKey, before: VirtualKey, now_us: int) -> dict[str, Any]:
    """The members of a row that a body changes. Raises `Refusal` 400."""
    changes: dict[str, Any] = {}
    for name in said(body) & {"name", "note", "usage_limits", "rate_limits", "expires_at"}:
        value = getattr(body, name)
        match name:
            case "usage_limits":
                limit = _one(stored_usage(value))
                changes[name] = limit and carried(limit, before.usage_limits, now_us)
            case "rate_limits":
                changes[name] = stored_rates(value)
            case "expires_at":
                changes["expires_us"] = _expiry(value, now_us)
            case _:
                changes[name] = value or ""
    limit = changes.get("usage_limits", before.usage_limits)
    if body.reset_usage and limit is not None:
        changes["usage_limits"] = begun_anew(limit)
    return changes


def row_of(
    key: VirtualKey, provider: str, status: Status, declared_in: str | None, now_us: int, stand: Standing | None
) -> dict[str, Any]:
    """What both ways of showing a provider have in common. `stand`: how its budget does; None: nobody knows."""
    _, rates = shown_limits([], key.rate_limits)
    return {
        "id": key.id,
        "slug": key.slug,
        "name": key.name,
        "note": key.note or None,
        "integration_id": key.integration or None,
        "ai_provider_name": provider,
        "organisation_id": key.organisation,
        "workspace_id": key.workspace or None,
        "status": status,
        "usage_limits": None if key.usage_limits is None else shown_usage(key.usage_limits, now_us, stand),
        "rate_limits": rates,
        "expires_at": text_of(key.expires_us),
        "created_at": text_of(key.created_us),
        "last_updated_at": text_of(key.changed_us),
        "declared_in": declared_in,
    }


def _one(limits: list[UsageLimit]) -> UsageLimit | None:
    if len(limits) > 1:
        raise Refusal(400, "invalid_value", "A provider has one budget.", param="usage_limits")
    return limits[0] if limits else None


def _expiry(text: str | None, now_us: int) -> int:
    us = micros(text, "expires_at") if text else 0
    if us and us <= now_us:
        raise Refusal(400, "invalid_time", "expires_at has passed already.", param="expires_at")
    return us
