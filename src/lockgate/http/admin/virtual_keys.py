"""/v1/virtual-keys: providers as older programs know them, each with the account behind it. The same rows as /v1/providers."""

from __future__ import annotations

from lockgate.control import accounts, integrations
from lockgate.control import providers as case
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.integrations import hints_of, unknown_provider
from lockgate.http.admin.provider_shapes import (
    ChangedVirtualKey,
    ListProviders,
    MadeVirtualKey,
    NewVirtualKey,
    ShownVirtualKey,
    changes_of,
    limits_of,
)
from lockgate.http.admin.providers import Found, changeable, check_same, check_slug, listed, seen
from lockgate.http.admin.shapes import Empty, Listing
from lockgate.providers.table import TABLE


def create(ask: Ask, body: NewVirtualKey) -> MadeVirtualKey:
    """Make a provider and the account behind it."""
    check_slug(ask, body.slug or "")
    if body.provider not in TABLE:
        raise unknown_provider(body.provider, "provider")
    limits = limits_of(body, ask.now_us)
    vault, egress = ask.office.vault, ask.office.snapshot().egress
    with ask.change() as change:
        account = integrations.add_integration(
            change,
            vault,
            ask.tenant,
            name=body.name,
            provider=body.provider,
            key=(body.key or "").strip(),
            configurations=body.configured(),
            egress=egress,
        )
        key = case.add_virtual_key(change, ask.tenant, account, name=body.name, slug=body.slug or account.slug, **limits)
    return MadeVirtualKey(id=key.id, slug=key.slug)


def index(ask: Ask, query: ListProviders) -> Listing[ShownVirtualKey]:
    """List the providers that the caller may use, newest first, and those that the configuration declares."""
    return listed(ask, query, lambda found: _shown(ask, found))


def read(ask: Ask) -> ShownVirtualKey:
    """Read a provider, and what its account is known by."""
    found = seen(ask)
    ask.version = found.key.version
    return _shown(ask, found)


def update(ask: Ask, body: ChangedVirtualKey) -> MadeVirtualKey:
    """Change a provider, or give the account behind it another key."""
    check_same(ask, body.slug)
    if body.reset_usage:
        ask.check_resets()
    configurations, secret = body.configured(), (body.key or "").strip()
    vault, egress = ask.office.vault, ask.office.snapshot().egress
    with ask.change() as change:
        key = changeable(ask, change)
        key = case.update_virtual_key(change, key, **changes_of(body, key, ask.now_us))
        if secret or configurations is not None:
            account = case.account_of(change, key)
            if not account.workspace:
                ask.may("organisation_integrations.update")
            integrations.update_integration(change, vault, account, key=secret, configurations=configurations, egress=egress)
    return MadeVirtualKey(id=key.id, slug=key.slug)


def remove(ask: Ask) -> Empty:
    """Remove a provider, and the account behind it if that is the workspace's own and has no other."""
    with ask.change() as change:
        case.remove_with_account(change, changeable(ask, change))
    return Empty()


def _shown(ask: Ask, found: Found) -> ShownVirtualKey:
    account = found.account
    if account is None or ask.tenant.workspace not in ("", account.workspace):
        return ShownVirtualKey(**found.row, provider=found.provider, key=None, model_config={})
    hints = hints_of(ask, account)
    masked = accounts.MASK + hints[accounts.KEY] if accounts.KEY in hints else None
    configured = accounts.shown(account.configurations, hints)
    return ShownVirtualKey(**found.row, provider=found.provider, key=masked, model_config=configured)
