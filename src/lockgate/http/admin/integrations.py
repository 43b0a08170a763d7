"""/v1/integrations: accounts at providers, their models, and the workspaces that may use them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from lockgate.control import declared
from lockgate.control import integrations as case
from lockgate.control.budgets import all_carried, standings_of_access
from lockgate.control.called import called
from lockgate.control.providers import add_default
from lockgate.core.failure import Refusal
from lockgate.core.holdings import GlobalAccess, Integration, Sealed, WorkspaceAccess
from lockgate.core.tenancy import Tenant, Workspace
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.integration_shapes import (
    ChangedIntegration,
    ChangedModels,
    ChangedWorkspaces,
    IntegrationSummary,
    ListIntegrations,
    MadeIntegration,
    ModelBody,
    NewIntegration,
    RemovedModels,
    ShownIntegration,
    ShownModels,
    ShownWorkspaces,
    WorkspaceBody,
    granted,
    shown_integration,
    shown_model,
    shown_workspaces,
    stored_access,
    stored_rates,
    stored_usage,
    summary,
)
from lockgate.http.admin.shapes import Empty, Listing, said
from lockgate.providers.table import TABLE

Verb = Literal["create", "read", "update", "delete", "list"]


def create(ask: Ask, body: NewIntegration) -> MadeIntegration:
    """Set up an account at a provider."""
    workspace = ask.tenant.workspace
    _may(ask, workspace, "create")
    if body.ai_provider_id not in TABLE:
        raise unknown_provider(body.ai_provider_id, "ai_provider_id")
    if body.pricing_adjustments:
        _check_prices(ask)
    slug = body.default_provider_slug or ""
    _check_free(ask, slug, "default_provider_slug")
    vault, egress, taken = ask.office.vault, ask.office.snapshot().egress, declared_slugs(ask)
    with ask.change() as change:
        account = case.add_integration(
            change,
            vault,
            ask.tenant,
            name=body.name,
            provider=body.ai_provider_id,
            key=(body.key or "").strip(),
            slug=body.slug,
            configurations=body.configurations,
            secret_mappings=[each.stored() for each in body.secret_mappings or ()],
            egress=egress,
            description=body.description or "",
            tags=body.tags or {},
            pricing_adjustments=body.pricing_adjustments or {},
            everyone=GlobalAccess(enabled=bool(workspace)),  # an organisation's is lent to nobody unless it is said
        )
        if workspace and body.create_default_provider:
            add_default(change, ask.tenant, account, slug, taken)
    return MadeIntegration(id=account.id, slug=account.slug)


def index(ask: Ask, query: ListIntegrations) -> Listing[IntegrationSummary]:
    """List the accounts that the caller may use, newest first."""
    rows = [row for row in case.seen_by(ask.store, ask.tenant) if _is_listed(ask, row, query.type)]
    page = rows[query.offset : query.offset + query.page_size]
    return Listing(total=len(rows), data=[IntegrationSummary(**summary(row)) for row in page])


def read(ask: Ask) -> ShownIntegration:
    """Read an account."""
    account = _seen(ask)
    ask.version = account.version
    return shown_integration(account, hints_of(ask, account), whole=_is_own(ask, account))


def update(ask: Ask, body: ChangedIntegration) -> Empty:
    """Change an account. Requests that are under way keep what they began with."""
    seen = _seen(ask)
    more: dict[str, Any] = {}
    for name in said(body) - {"key", "configurations", "secret_mappings"}:
        value = getattr(body, name)
        more[name] = value if value is not None else "" if name == "description" else {}
    if "pricing_adjustments" in more:
        _check_prices(ask)
    mappings = body.secret_mappings
    vault, egress = ask.office.vault, ask.office.snapshot().egress
    with ask.change() as change:
        account = case.changeable(change, ask.tenant, seen)
        _may(ask, account.workspace, "update")
        ask.match(account)
        case.update_integration(
            change,
            vault,
            account,
            key="" if body.key is UNSET else (body.key or "").strip(),
            configurations=None if body.configurations is UNSET else body.configurations,
            secret_mappings=None if mappings is UNSET else [each.stored() for each in mappings or ()],
            egress=egress,
            **more,
        )
    return Empty()


def remove(ask: Ask) -> Empty:
    """Remove an account that no provider uses, with its secrets."""
    seen = _seen(ask)
    with ask.change() as change:
        account = case.changeable(change, ask.tenant, seen)
        _may(ask, account.workspace, "delete")
        ask.match(account)
        case.remove_integration(change, account)
    return Empty()


# --- models


def models(ask: Ask) -> ShownModels:
    """List the models of an account, and which of them may be used: in a workspace, by that."""
    account = _seen(ask)
    lent = account.access_of(ask.tenant.workspace).models if ask.tenant.workspace else []
    ask.version = account.version
    named = {model.slug for model in account.models}
    row = TABLE.get(account.provider)
    listed = ask.office.snapshot().prices.models(row.prices) if row is not None else []
    beside = [
        ModelBody(slug=each.name, enabled=account.allow_all_models, is_custom=False, is_finetune=False)
        for each in listed
        if each.name not in named
    ]
    found = [*(shown_model(model) for model in account.models), *beside]
    if lent:
        found = [
            msgspec.structs.replace(each, enabled=each.enabled and any(fnmatchcase(each.slug, like) for like in lent))
            for each in found
        ]
    return ShownModels(total=len(found), allow_all_models=account.allow_all_models, models=found)


def update_models(ask: Ask, body: ChangedModels) -> Empty:
    """Say which models of an account may be used, and what they cost."""
    seen = _seen(ask)
    now = [model.stored(f"models[{n}]") for n, model in enumerate(body.models)]
    before = {model.slug: (model.pricing_config, model.base_model_slug) for model in seen.models}
    if any((model.pricing_config, model.base_model_slug) != before.get(model.slug, ({}, "")) for model in now):
        _check_prices(ask)
    with ask.change() as change:
        account = case.changeable(change, ask.tenant, seen)
        _may(ask, account.workspace, "update")
        ask.match(account)
        case.set_models(change, account, now, body.allow_all_models)
    return Empty()


def remove_models(ask: Ask, query: RemovedModels) -> Empty:
    """Forget what was said of some models of an account; those that the catalogue does not know are gone with it."""
    seen = _seen(ask)
    slugs = {slug for slug in query.slugs.split(",") if slug}
    if any(model.pricing_config or model.base_model_slug for model in seen.models if model.slug in slugs):
        _check_prices(ask)
    with ask.change() as change:
        account = case.changeable(change, ask.tenant, seen)
        _may(ask, account.workspace, "update")
        ask.match(account)
        case.remove_models(change, account, slugs)
    return Empty()


# --- workspaces


def workspaces(ask: Ask) -> ShownWorkspaces:
    """List the workspaces that may use an account of the organisation, and how much of it."""
    account = _seen(ask)
    ask.version = account.version
    return shown_workspaces(account, ask.now_us, standings_of_access(ask.office, account))


def update_workspaces(ask: Ask, body: ChangedWorkspaces) -> Empty:
    """Say which workspaces may use an account of the organisation, and how much of it."""
    seen = _seen(ask)
    if any(each.reset_usage for each in body.workspaces):
        ask.check_resets()
    taken = declared_slugs(ask)
    override = body.override_existing_workspace_access or body.override_existing_workspaces_access
    everyone = None if body.global_workspace_access is None else stored_access(body.global_workspace_access, seen.everyone)
    if everyone is not None:
        usage = all_carried(everyone.usage_limits, seen.everyone.usage_limits, ask.now_us)
        everyone = msgspec.structs.replace(everyone, usage_limits=usage)
    named = [(_workspace(ask, seen, each, f"workspaces[{n}]"), each) for n, each in enumerate(body.workspaces)]
    with ask.change() as change:
        account = case.changeable(change, ask.tenant, seen)
        ask.match(account)
        account = case.set_access(change, account, [access for access, _ in named], everyone, override=override)
        for access, each in named:
            wanted = body.create_default_provider if each.create_default_provider is None else each.create_default_provider
            if access.enabled and wanted:
                slug = each.default_provider_slug or body.default_provider_slug or ""
                _check_free(ask, slug, "default_provider_slug")
                add_default(change, Tenant(account.organisation, access.workspace), account, slug, taken)
    return Empty()


def _workspace(ask: Ask, account: Integration, body: WorkspaceBody, at: str) -> WorkspaceAccess:
    row = called(ask.store, ask.tenant, Workspace, body.id)
    if row is None:
        raise Refusal(404, "workspace_not_found", f"There is no workspace '{body.id[:100]}' here.", param=f"{at}.id")
    access = account.access_of(row.id)
    before = access.usage_limits
    usage = stored_usage(body.usage_limits, f"{at}.usage_limits")
    if body.reset_usage and body.usage_limits is None:
        usage = before  # nobody who wants them to begin anew wants them to be gone
    usage = all_carried(usage, before, ask.now_us, anew=body.reset_usage is True)
    return WorkspaceAccess(row.id, body.enabled, usage, stored_rates(body.rate_limits), granted(body.models, access.models))


# --- who may


def _seen(ask: Ask) -> Integration:
    account = case.named(ask.store, ask.tenant, ask.params["slug"])
    if not _may_see(ask, account, "read"):
        raise case.unknown_integration(ask.params["slug"])
    return account


def _is_listed(ask: Ask, row: Integration, kind: str) -> bool:
    return kind in ("all", "workspace" if row.workspace else "organisation") and _may_see(ask, row, "list")


def _may_see(ask: Ask, row: Integration, verb: Verb) -> bool:
    """An organisation's account is known to the workspaces that it is open to; to see all of them is more."""
    return bool(row.workspace or ask.tenant.workspace) or any(
        f"organisation_integrations.{each}" in ask.scopes for each in (verb, "update", "delete")
    )


def _may(ask: Ask, workspace: str, verb: Verb) -> None:
    """What belongs to the organisation is changed by those who may change that; the route has asked for either."""
    if not workspace:
        ask.may(f"organisation_integrations.{verb}")


def _is_own(ask: Ask, row: Integration) -> bool:
    return ask.tenant.workspace in ("", row.workspace)


def _check_prices(ask: Ask) -> None:
    """Budgets count by prices, so nobody says what something costs who could not set the budget of all."""
    try:
        ask.may("organisation_integrations.update")
    except Refusal as refusal:
        refusal.message += " Prices are said by those who may change the organisation's integrations."
        raise


def declared_slugs(ask: Ask) -> frozenset[str]:
    """Slugs that the configuration file has: with one that is stored too, no reload of it would succeed."""
    return frozenset(ask.office.declared.providers) if ask.at_home else frozenset()


def _check_free(ask: Ask, slug: str, at: str) -> None:
    if slug in declared_slugs(ask):
        raise declared.taken(slug, at)


def hints_of(ask: Ask, account: Integration) -> dict[str, str]:
    """What may be shown of an account's secrets, by their fields."""
    rows = ask.store.page(Tenant(account.organisation), Sealed, limit=1000, owner=account.id).rows
    return {row.field: row.hint for row in rows}


def unknown_provider(name: str, at: str) -> Refusal:
    """The provider table has no such row."""
    return Refusal(400, "unknown_provider", f"No provider is called '{name[:100]}'; `lockgate providers` lists them.", param=at)
