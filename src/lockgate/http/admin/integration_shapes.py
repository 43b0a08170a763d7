"""How accounts at providers are written in /v1/integrations, and to and from how they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control.accounts import KEY, MASK, shown
from lockgate.core.failure import Refusal
from lockgate.core.holdings import GlobalAccess, Integration, ModelAccess, SecretMapping, WorkspaceAccess
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.http.admin.limit_lists import shown_usages
from lockgate.http.admin.shapes import (
    Body,
    LongText,
    Paging,
    RateLimits,
    ShownUsageLimits,
    Text,
    UsageLimits,
    shown_rate,
    shown_usage,
    text_of,
)
from lockgate.stores.ledger.standings import Standing

Secret = Annotated[str, Meta(max_length=65_536)]
Tags = Annotated[dict[str, Text], Meta(max_length=100)]
_Granted = Annotated[list[Annotated[str, Meta(min_length=1, max_length=255)]], Meta(min_length=1, max_length=1000)]
Configurations = Annotated[dict[str, Any], Meta(max_length=100)]
#: Budgets and rates as lists, though one alone may be written without.
Usage = Annotated[list[UsageLimits], Meta(max_length=10)] | UsageLimits | None
Rates = Annotated[list[RateLimits], Meta(max_length=20)] | RateLimits | None


class SecretMappingBody(Body, frozen=True, kw_only=True):
    """A secret that is kept in a secret manager: for `target_field` ("key", "configurations.aws_secret_access_key"), by the id
    or slug of a secret reference, and a key in what that holds."""

    target_field: Text
    secret_reference_id: Text
    secret_key: Text | None = None
    value_format: Literal["string", "json"] = "string"

    def stored(self) -> SecretMapping:
        """As it is kept."""
        return SecretMapping(self.target_field, self.secret_reference_id, self.secret_key or "", self.value_format)


_Mappings = Annotated[list[SecretMappingBody], Meta(max_length=50)]


class NewIntegration(Body, frozen=True, kw_only=True):
    """An account to be set up: at the provider `ai_provider_id`, with its `key` and whatever else it is known by. Secrets are
    sealed, and never shown again. With `workspace_id` it is of that workspace alone, which gets a provider (`@slug`) for it at
    once; else it is the organisation's, and opened to workspaces by PUT /v1/integrations/{slug}/workspaces."""

    name: Text
    ai_provider_id: Text
    slug: str = ""
    key: Secret | None = None
    description: LongText | None = None
    organisation_id: str = ""
    workspace_id: str = ""
    configurations: Configurations | None = None
    secret_mappings: _Mappings | None = None
    tags: Tags | None = None
    pricing_adjustments: dict[str, Any] | None = None
    create_default_provider: bool = True
    default_provider_slug: str | None = None

    def __repr__(self) -> str:
        return f"NewIntegration({self.name!r})"


class ChangedIntegration(Body, frozen=True, kw_only=True):
    """What is to be changed of an account. `configurations` stand instead of those before; of those that are secret, one stays
    that is left out or written as it is shown, and goes when it is null. An account that moves to another address needs its
    secrets again."""

    name: Text | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    key: Secret | UnsetType | None = UNSET
    configurations: Configurations | UnsetType = UNSET
    secret_mappings: _Mappings | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    pricing_adjustments: dict[str, Any] | UnsetType | None = UNSET
    status: Literal["active", "archived"] | UnsetType = UNSET

    def __repr__(self) -> str:
        return "ChangedIntegration()"


class MadeIntegration(msgspec.Struct, frozen=True, kw_only=True):
    """An account that was set up."""

    id: str
    slug: str
    object: Literal["integration"] = "integration"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an account may be used where nothing else is said, how much of it, and which of its models (null: all)."""

    enabled: bool
    usage_limits: list[ShownUsageLimits] | None
    rate_limits: list[RateLimits] | None
    models: list[str] | None


class IntegrationSummary(msgspec.Struct, frozen=True, kw_only=True):
    """An account, without what it is known by. Without `workspace_id`, it is the organisation's."""

    id: str
    slug: str
    name: str
    description: str | None
    ai_provider_id: str
    organisation_id: str
    workspace_id: str | None
    type: Literal["organisation", "workspace"]
    status: Literal["active", "archived"]
    created_at: str | None
    last_updated_at: str | None
    object: Literal["integration"] = "integration"


class ShownIntegration(IntegrationSummary, frozen=True, kw_only=True):
    """An account. Of its secrets nothing is shown but their last letters. To a workspace, an account of the organisation is
    shown without what it is known by. `own_identity`: the operator lets it use the gateway's own identity."""

    configurations: dict[str, Any]
    masked_key: str | None
    secret_mappings: list[SecretMappingBody]
    tags: dict[str, str]
    allow_all_models: bool
    global_workspace_access: Access | None
    pricing_adjustments: dict[str, Any] | None
    own_identity: bool


class ListIntegrations(Paging, frozen=True, kw_only=True):
    """Which accounts: those that a workspace may use, and of these its own, the organisation's, or all."""

    workspace_id: str = ""
    type: Literal["workspace", "organisation", "all"] = "all"


class PricingConfig(Body, frozen=True, kw_only=True):
    """A model's own price, as /v1/model-configs/pricing says those of the catalogue: in US cents for a token."""

    type: Literal["static"] = "static"
    pay_as_you_go: dict[str, Any] = {}
    currency: Literal["USD"] = "USD"


class ModelBody(Body, frozen=True, kw_only=True):
    """A model of an account: whether it may be used, and what it costs if that is not what the catalogue says. `is_custom`: the
    catalogue does not know it; it costs what `base_model_slug` does when nothing else is said."""

    slug: Text
    enabled: bool = True
    name: Text | None = None
    is_custom: bool | None = None
    is_finetune: bool | None = None
    base_model_slug: Text | None = None
    pricing_config: PricingConfig | None = None
    configurations: dict[str, Any] | None = None
    created_at: str | None = None
    last_updated_at: str | None = None

    def stored(self, at: str) -> ModelAccess:
        """As it is kept. Raises `Refusal` 400."""
        if self.configurations:
            raise Refusal(
                400,
                "unsupported_member",
                "All models of an integration are where it is: set up another integration for those that are elsewhere.",
                param=f"{at}.configurations",
            )
        return ModelAccess(
            self.slug,
            self.enabled,
            bool(self.is_custom),
            bool(self.is_finetune),
            self.base_model_slug or "",
            {} if self.pricing_config is None else msgspec.to_builtins(self.pricing_config),
        )


class ChangedModels(Body, frozen=True, kw_only=True):
    """What is said of some models; of the others, what was said before holds. `allow_all_models`: whether those may be used of
    which nothing is said."""

    models: Annotated[list[ModelBody], Meta(max_length=5000)] = []
    allow_all_models: bool | None = None


class ShownModels(msgspec.Struct, frozen=True, kw_only=True):
    """The models of an account: those of which something is said, then those that the catalogue has beside."""

    total: int
    allow_all_models: bool
    models: list[ModelBody]
    object: Literal["list"] = "list"


class RemovedModels(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which models, separated by commas."""

    slugs: str


class WorkspaceBody(Body, frozen=True, kw_only=True):
    """Whether a workspace (by id or slug) may use an account, how much of it, and which of its `models`, by patterns; null: all
    that it has; left out: those that it could. One that may gets a provider (`@slug`) for it, unless it has one."""

    id: Text
    enabled: bool
    usage_limits: Usage = None
    rate_limits: Rates = None
    models: _Granted | UnsetType | None = UNSET
    reset_usage: bool | None = None
    create_default_provider: bool | None = None
    default_provider_slug: str | None = None
    created_at: str | None = None
    last_updated_at: str | None = None


class AccessBody(Body, frozen=True, kw_only=True):
    """The same for every workspace of which nothing else is said."""

    enabled: bool
    usage_limits: Usage = None
    rate_limits: Rates = None
    models: _Granted | UnsetType | None = UNSET


class ChangedWorkspaces(Body, frozen=True, kw_only=True):
    """Which workspaces may use an account of the organisation. With `override_existing_workspace_access`, what is said for all
    holds for every workspace that is not among `workspaces`."""

    workspaces: Annotated[list[WorkspaceBody], Meta(max_length=5000)] = []
    global_workspace_access: AccessBody | None = None
    override_existing_workspace_access: bool = False
    override_existing_workspaces_access: bool = False
    create_default_provider: bool = True
    default_provider_slug: str | None = None


class ShownWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a workspace may use an account, how much of it, and which of its models (null: all)."""

    id: str
    enabled: bool
    usage_limits: list[ShownUsageLimits] | None
    rate_limits: list[RateLimits] | None
    models: list[str] | None


class ShownWorkspaces(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of workspaces, and what holds for all others."""

    total: int
    workspaces: list[ShownWorkspace]
    global_workspace_access: Access
    object: Literal["list"] = "list"


def stored_usage(said: Usage, at: str = "usage_limits") -> list[UsageLimit]:
    """Budgets as they are kept. Raises `Refusal` 400."""
    written = [said] if isinstance(said, UsageLimits) else said or []
    if any(each.downgrade_to for each in written):
        message = "The budget of a key, a person, a workspace or the organisation leads to a cheaper model; this one does not."
        raise Refusal(400, "invalid_value", message, param=f"{at}.downgrade_to")
    return [each.stored(at) for each in written]


def stored_rates(said: Rates) -> list[RateLimit]:
    """Rates as they are kept."""
    written = [said] if isinstance(said, RateLimits) else said or []
    return [each.stored() for each in written]


def shown_limits(
    usage: list[UsageLimit], rates: list[RateLimit]
) -> tuple[list[ShownUsageLimits] | None, list[RateLimits] | None]:
    """Budgets and rates to be shown; None where there are none."""
    return [shown_usage(each) for each in usage] or None, [shown_rate(each) for each in rates] or None


def stored_access(body: AccessBody, before: GlobalAccess, at: str = "global_workspace_access") -> GlobalAccess:
    """As it is kept, in the place of what was said `before`. Raises `Refusal` 400."""
    usage = stored_usage(body.usage_limits, f"{at}.usage_limits")
    return GlobalAccess(body.enabled, usage, stored_rates(body.rate_limits), granted(body.models, before.models))


def granted(said: list[str] | UnsetType | None, before: list[str]) -> list[str]:
    """The models that may be used, as they are kept: what was granted is widened by nobody who does not speak of it."""
    return before if isinstance(said, UnsetType) else said or []


def shown_access(access: GlobalAccess) -> Access:
    """To be shown."""
    usage, rates = shown_limits(access.usage_limits, access.rate_limits)
    return Access(enabled=access.enabled, usage_limits=usage, rate_limits=rates, models=access.models or None)


def shown_workspaces(account: Integration, now_us: int, stand: Mapping[str, Sequence[Standing | None]]) -> ShownWorkspaces:
    """To be shown. `stand`: how the workspaces' budgets stand, by the workspaces' ids."""
    return ShownWorkspaces(
        total=len(account.workspaces),
        workspaces=[_workspace(each, now_us, stand.get(each.workspace, ())) for each in account.workspaces],
        global_workspace_access=shown_access(account.everyone),
    )


def _workspace(access: WorkspaceAccess, now_us: int, stand: Sequence[Standing | None]) -> ShownWorkspace:
    usage = shown_usages(access.usage_limits, now_us, stand) or None
    _, rates = shown_limits([], access.rate_limits)
    models = access.models or None
    return ShownWorkspace(id=access.workspace, enabled=access.enabled, usage_limits=usage, rate_limits=rates, models=models)


def shown_model(model: ModelAccess) -> ModelBody:
    """To be shown."""
    return ModelBody(
        slug=model.slug,
        enabled=model.enabled,
        is_custom=model.is_custom,
        is_finetune=model.is_finetune,
        base_model_slug=model.base_model_slug or None,
        pricing_config=msgspec.convert(model.pricing_config, PricingConfig) if model.pricing_config else None,
    )


def summary(account: Integration) -> dict[str, Any]:
    """What is shown of an account in a list."""
    return {
        "id": account.id,
        "slug": account.slug,
        "name": account.name,
        "description": account.description or None,
        "ai_provider_id": account.provider,
        "organisation_id": account.organisation,
        "workspace_id": account.workspace or None,
        "type": "workspace" if account.workspace else "organisation",
        "status": account.status,
        "created_at": text_of(account.created_us),
        "last_updated_at": text_of(account.changed_us),
    }


def shown_integration(account: Integration, hints: Mapping[str, str], *, whole: bool) -> ShownIntegration:
    """An account to be shown; `hints` are what may be shown of its secrets, by their fields. `whole`: to whom it belongs."""
    return ShownIntegration(
        **summary(account),
        configurations=shown(account.configurations, hints) if whole else {},
        masked_key=MASK + hints[KEY] if whole and KEY in hints else None,
        secret_mappings=[_mapping(each) for each in account.secret_mappings] if whole else [],
        tags=account.tags,
        allow_all_models=account.allow_all_models,
        global_workspace_access=None if account.workspace or not whole else shown_access(account.everyone),
        pricing_adjustments=account.pricing_adjustments or None,
        own_identity=account.own_identity,
    )


def _mapping(mapping: SecretMapping) -> SecretMappingBody:
    return SecretMappingBody(
        target_field=mapping.target_field,
        secret_reference_id=mapping.secret_reference,
        secret_key=mapping.secret_key or None,
        value_format=mapping.value_format,
    )
