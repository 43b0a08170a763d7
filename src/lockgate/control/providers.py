"""Providers that are stored: the names (virtual keys, `@slug`) under which workspaces use accounts (`control.integrations`)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.control.accounts import KEY
from lockgate.control.integrations import add_integration, replace_secret
from lockgate.control.vault import Vault
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.tenancy import Tenant, check_slug, new_id, slug_of
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

#: Whether a name can be used: its budget may be spent, or its time over.
Status = Literal["active", "exhausted", "expired"]


def add_virtual_key(
    change: Change, tenant: Tenant, account: Integration, *, name: str, slug: str = "", **more: Any
) -> VirtualKey:
    """A name for an account in the tenant's workspace. Raises `Refusal` 403 when the account is not for that."""
    if not account.open_to(tenant.workspace):
        why = (
            "it is of another one."
            if account.workspace
            else f"the organisation opens it with PUT /v1/integrations/{account.slug}/workspaces."
        )
        raise Refusal(
            403,
            "integration_not_enabled",
            f"'{account.slug}' may not be used in this workspace: {why}",
            param="integration_id",
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


def add_default(
    change: Change, tenant: Tenant, account: Integration, slug: str = "", taken: frozenset[str] = frozenset()
) -> VirtualKey | None:
    """A name for an account in a workspace that has none for it yet: `slug`, or the account's own where that is free. `taken`
    are slugs that are declared."""
    if change.all(VirtualKey, integration=account.id, workspace=tenant.workspace):
        return None
    if not slug:
        free = account.slug not in taken and not change.all(VirtualKey, slug=account.slug, workspace=tenant.workspace)
        slug = account.slug if free else ""
    return add_virtual_key(change, tenant, account, name=account.name, slug=slug)


def add_provider(
    store: ControlStore, vault: Vault, tenant: Tenant, actor: Actor, now_us: int, slug: str, **said: Any
) -> VirtualKey:
    """An account of a workspace's own, and its name there, at once. `said`: see `add_integration`."""
    with store.change(tenant, actor, now_us) as change:
        account = add_integration(change, vault, tenant, name=slug, **said)
        return add_virtual_key(change, tenant, account, name=slug, slug=slug)


def update_virtual_key(change: Change, key: VirtualKey, **said: Any) -> VirtualKey:
    """Change a name, its limits, or its end."""
    new = msgspec.structs.replace(key, **said)
    return key if new == key else change.put(new)


def remove_with_account(change: Change, key: VirtualKey) -> None:
    """Remove a name, and the account behind it when it was the workspace's own and has no other."""
    change.remove(key)
    owned = change.all(Integration, id=key.integration)
    if owned and owned[0].workspace == key.workspace and not change.all(VirtualKey, integration=key.integration):
        change.remove(owned[0])


def remove_provider(store: ControlStore, tenant: Tenant, actor: Actor, now_us: int, slug: str) -> None:
    """See `remove_with_account`. Raises `Refusal` 404."""
    with store.change(tenant, actor, now_us) as change:
        remove_with_account(change, named(change, slug))


def rotate_provider(store: ControlStore, vault: Vault, tenant: Tenant, actor: Actor, now_us: int, slug: str, key: str) -> None:
    """Another key for the account behind a name. Raises `Refusal` 404."""
    with store.change(tenant, actor, now_us) as change:
        replace_secret(change, vault, account_of(change, named(change, slug)), KEY, key)


def account_of(change: Change, key: VirtualKey) -> Integration:
    """The account behind a name, to be changed. Raises `Refusal` 403 when it is not the tenant's own."""
    try:
        return change.get(Integration, key.integration)
    except Absent:
        raise Refusal(
            403, "not_yours", f"The account behind '@{key.slug}' is the organisation's: rotate it there.", param="slug"
        ) from None


def named(change: Change, slug: str) -> VirtualKey:
    """The name of a slug. Raises `Refusal` 404; 409 where several workspaces have one of that slug."""
    found = change.all(VirtualKey, slug=slug)
    if len(found) > 1:
        raise ambiguous(slug)
    if not found:
        raise unknown_provider(slug)
    return found[0]


def status_of(key: VirtualKey, now_us: int, *, spent: bool = False) -> Status:
    """Whether a name can be used now. `spent`: nothing is left of its budget."""
    if 0 < key.expires_us <= now_us:
        return "expired"
    return "exhausted" if spent and key.usage_limits is not None and not key.usage_limits.soft else "active"


def ambiguous(slug: str) -> Refusal:
    """Several are called that."""
    return Refusal(409, "ambiguous", f"Several workspaces have a provider '@{slug}': say which.", param="workspace_id")


def unknown_provider(slug: str) -> Refusal:
    """There is no such name, for this tenant."""
    return Refusal(
        404, "provider_not_found", f"No provider is stored as '@{slug[:100]}'. `lockgate providers stored` lists them."
    )
