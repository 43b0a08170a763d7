"""Setting up providers that are stored: an account (an integration) with its secrets in the vault, and the name under which a
workspace uses it (a virtual key)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lockgate.control.accounts import KEY, entry_of, split
from lockgate.control.vault import Vault
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, Sealed, SecretMapping, VirtualKey
from lockgate.core.tenancy import Tenant, check_slug, new_id, slug_of
from lockgate.providers.table import TABLE
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore


def add_integration(
    change: Change,
    vault: Vault,
    tenant: Tenant,
    *,
    name: str,
    provider: str,
    key: str = "",
    slug: str = "",
    configurations: Mapping[str, Any] | None = None,
    secret_mappings: list[SecretMapping] | None = None,
    own_identity: bool = False,
    **more: Any,
) -> Integration:
    """A new account, its secrets sealed. Raises `Refusal` 400 for what cannot be one, before anything is kept."""
    plain, secret = split(configurations or {})
    if key:
        secret[KEY] = key
    account = Integration(
        id=new_id(),
        organisation=tenant.organisation,
        workspace=tenant.workspace,
        slug=check_slug(slug or slug_of(name)),
        name=name,
        provider=provider,
        configurations=plain,
        sealed=sorted(secret),
        secret_mappings=secret_mappings or [],
        own_identity=own_identity,
        **more,
    )
    _check(account, secret)
    account = change.add(account)
    for field, value in secret.items():
        change.add(vault.seal(account.organisation, account.id, field, value, workspace=account.workspace))
    return account


def replace_secret(change: Change, vault: Vault, account: Integration, field: str, value: str) -> Integration:
    """Another value for a field that is in the vault, or is to be. The old one is gone with it."""
    old = change.all(Sealed, owner=account.id, field=field)
    for sealed in old:
        change.remove(sealed)
    number = 1 + max((sealed.number for sealed in old), default=0)
    change.add(vault.seal(account.organisation, account.id, field, value, number, account.workspace))
    if field in account.sealed:
        return account
    return change.put(msgspec.structs.replace(account, sealed=sorted({*account.sealed, field})))


def add_virtual_key(
    change: Change, tenant: Tenant, account: Integration, *, name: str, slug: str = "", **more: Any
) -> VirtualKey:
    """A name for an account in the tenant's workspace. Raises `Refusal` 403 when the account is not for that."""
    if not account.open_to(tenant.workspace):
        raise Refusal(
            403, "integration_not_enabled", f"'{account.slug}' may not be used in this workspace.", param="integration_id"
        )
    return change.add(
        VirtualKey(
            id=new_id(),
            organisation=tenant.organisation,
            workspace=tenant.workspace,
            slug=check_slug(slug or slug_of(name)),
            name=name,
            integration=account.id,
            **more,
        )
    )


def add_provider(
    store: ControlStore, vault: Vault, tenant: Tenant, actor: Actor, now_us: int, slug: str, **said: Any
) -> VirtualKey:
    """An account of a workspace's own, and its name there, at once. `said`: see `add_integration`."""
    with store.change(tenant, actor, now_us) as change:
        account = add_integration(change, vault, tenant, name=slug, **said)
        return add_virtual_key(change, tenant, account, name=slug, slug=slug)


def remove_provider(store: ControlStore, tenant: Tenant, actor: Actor, now_us: int, slug: str) -> None:
    """Remove a name, and the account behind it when it was the workspace's own and has no other. Raises `Refusal` 404."""
    with store.change(tenant, actor, now_us) as change:
        key = _named(change, slug)
        change.remove(key)
        owned = change.all(Integration, id=key.integration)
        if owned and owned[0].workspace == tenant.workspace and not change.all(VirtualKey, integration=key.integration):
            change.remove(owned[0])


def rotate_provider(store: ControlStore, vault: Vault, tenant: Tenant, actor: Actor, now_us: int, slug: str, key: str) -> None:
    """Another key for the account behind a name. Raises `Refusal` 404."""
    with store.change(tenant, actor, now_us) as change:
        owned = change.all(Integration, id=_named(change, slug).integration)
        if not owned:
            raise Refusal(
                403, "not_yours", f"The account behind '@{slug}' is the organisation's: rotate it there.", param="slug"
            )
        replace_secret(change, vault, owned[0], KEY, key)


def _named(change: Change, slug: str) -> VirtualKey:
    try:
        return change.find(VirtualKey, slug=slug)
    except Absent:
        raise Refusal(
            404, "provider_not_found", f"No provider is stored as '@{slug}'. `lockgate providers stored` lists them."
        ) from None


def _check(account: Integration, secrets: Mapping[str, str]) -> None:
    """Whether the compiler will be able to use it, as far as that can be said now."""
    entry = entry_of(account, secrets)
    row = TABLE[account.provider]
    mapped = any(mapping.target_field == KEY for mapping in account.secret_mappings)
    if row.auth == "bearer" and not row.keyless and not entry.api_key and not mapped:
        raise Refusal(400, "missing_key", f"{row.name} needs a key.", param="key")
