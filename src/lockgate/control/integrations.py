"""Accounts at providers (integrations): made with their secrets in the vault, changed, lent to workspaces, removed.

Secrets go in and do not come out, by no detour either: what stays sealed while its account moves to another address would be
sent there, so whoever moves an account says its secrets again. An account that is the operator's (`own_identity`) is moved by
the operator alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from lockgate.control.accounts import KEY, MASK, STRUCTURED, UNREVEALED, check_target, entry_of, split
from lockgate.control.called import called, called_within
from lockgate.control.config import Mistake, Timeouts
from lockgate.control.entries import provider_of
from lockgate.control.pricing import factors_of, price_of
from lockgate.control.vault import Vault
from lockgate.core.failure import Refusal
from lockgate.core.holdings import (
    GlobalAccess,
    Integration,
    ModelAccess,
    Sealed,
    SecretMapping,
    SecretReference,
    VirtualKey,
    WorkspaceAccess,
)
from lockgate.core.tenancy import Tenant, check_slug, new_id, slug_of
from lockgate.providers.slots import names_in
from lockgate.providers.table import TABLE
from lockgate.stores.control.change import Change
from lockgate.stores.control.store import ControlStore
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress

#: Configurations that say where an account is, beside the slots of its provider's address.
_ADDRESSES = ("custom_host", "huggingface_base_url", "params")
_CUSTOM_HOST = "configurations.custom_host"


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
    egress: Egress | None = None,
    **more: Any,
) -> Integration:
    """A new account, its secrets sealed. `egress` is the policy for addresses that are not the operator's. Raises `Refusal`
    for what cannot be one, before anything is kept."""
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
        own_identity=own_identity,
        **more,
    )
    account = msgspec.structs.replace(account, secret_mappings=_mapped(change, account, secret_mappings or []))
    factors_of(account.pricing_adjustments)
    _check(account, secret, egress)
    account = change.add(account)
    for field, value in secret.items():
        change.add(vault.seal(account.organisation, account.id, field, value, workspace=account.workspace))
    return account


def update_integration(
    change: Change,
    vault: Vault,
    account: Integration,
    *,
    key: str = "",
    configurations: Mapping[str, Any] | None = None,
    secret_mappings: list[SecretMapping] | None = None,
    egress: Egress | None = None,
    **more: Any,
) -> Integration:
    """Change an account. `configurations` stand instead of those before; but those that are in the vault stay when they are
    not said, or said as they are shown, and go when they are null. Raises `Refusal`."""
    if account.own_identity and not (configurations is None and secret_mappings is None):
        raise Refusal(
            403,
            "operators_own",
            f"'{account.slug}' was set up by whoever operates this gateway, and may use the gateway's own identity: it is "
            "configured on the gateway's machine (`lockgate providers`).",
            param="secret_mappings" if configurations is None else "configurations",
        )
    said: dict[str, str] = {}
    gone: set[str] = set()
    new = account
    if configurations is not None:
        plain, said = split({name: value for name, value in configurations.items() if not _is_mask(value)})
        gone = {f"configurations.{name}" for name, value in configurations.items() if value is None} & {*account.sealed}
        new = msgspec.structs.replace(new, configurations=plain)
    if key:
        said[KEY] = key
    if secret_mappings is not None:
        new = msgspec.structs.replace(new, secret_mappings=_mapped(change, account, secret_mappings))
    kept = {*account.sealed} - gone - said.keys()
    new = msgspec.structs.replace(new, sealed=sorted(kept | said.keys()), **more)
    if kept and _address(new) != _address(account):
        raise Refusal(
            400,
            "secrets_needed",
            f"An account that moves to another address takes no secret along unseen: say {', '.join(sorted(kept))} again, or "
            "null to take it away.",
            param="configurations",
        )
    factors_of(new.pricing_adjustments)
    if said or configurations is not None or secret_mappings is not None:
        _check(new, dict.fromkeys(kept, UNREVEALED) | said, egress)
    if new != account:
        new = change.put(new, "rotate" if not more and configurations is None and secret_mappings is None else "update")
    for field in sorted(gone):
        _unseal(change, account, field)
    for field, value in said.items():
        _reseal(change, vault, account, field, value)
    return new


def replace_secret(change: Change, vault: Vault, account: Integration, field: str, value: str) -> Integration:
    """Another value for a field that is in the vault, or is to be. The old one is gone with it."""
    _reseal(change, vault, account, field, value)
    if field in account.sealed:
        return account
    return change.put(msgspec.structs.replace(account, sealed=sorted({*account.sealed, field})))


def set_models(
    change: Change, account: Integration, models: Collection[ModelAccess], allow_all: bool | None = None
) -> Integration:
    """Say of some models whether they may be used, and what they cost; of the others, what was said before holds. `allow_all`:
    whether those may be used of which nothing was said. Raises `Refusal` 400."""
    for n, model in enumerate(models):
        price_of(model.pricing_config, f"models[{n}].pricing_config")
    named = {each.slug: each for each in account.models} | {each.slug: each for each in models}
    allow_all = account.allow_all_models if allow_all is None else allow_all
    new = msgspec.structs.replace(account, models=list(named.values()), allow_all_models=allow_all)
    return account if new == account else change.put(new)


def remove_models(change: Change, account: Integration, slugs: Collection[str]) -> Integration:
    """Forget what was said of some models. Raises `Refusal` 404 for one of which nothing was."""
    unknown = set(slugs) - {each.slug for each in account.models}
    if unknown:
        raise Refusal(
            404, "model_not_found", f"Nothing is said here of the models {', '.join(sorted(unknown))[:200]}.", param="slugs"
        )
    return change.put(msgspec.structs.replace(account, models=[each for each in account.models if each.slug not in slugs]))


def set_access(
    change: Change,
    account: Integration,
    workspaces: Collection[WorkspaceAccess],
    everyone: GlobalAccess | None = None,
    *,
    override: bool = False,
) -> Integration:
    """Say which workspaces may use an organisation's account, and how much of it. What is said for `everyone` holds for those
    of which nothing is said; with `override`, that is so for all that are not said now. Raises `Refusal` 400 for an account of
    one workspace alone."""
    if account.workspace:
        raise Refusal(400, "of_one_workspace", f"'{account.slug}' is of one workspace, and for no other.", param="slug")
    before = {} if override else {each.workspace: each for each in account.workspaces}
    now = before | {each.workspace: each for each in workspaces}
    new = msgspec.structs.replace(account, workspaces=list(now.values()), everyone=everyone or account.everyone)
    return account if new == account else change.put(new)


def remove_integration(change: Change, account: Integration) -> None:
    """Remove an account with its secrets. Raises `Refusal` 409 while a workspace uses it."""
    used = change.all(VirtualKey, integration=account.id)
    if used:
        names = ", ".join(sorted(f"@{key.slug}" for key in used)[:5])
        raise Refusal(409, "in_use", f"'{account.slug}' is in use: remove {names} first.", param="slug")
    change.remove(account)


def seen_by(store: ControlStore, tenant: Tenant) -> list[Integration]:
    """The accounts that a tenant knows of, newest first: its own and, within a workspace, those of the organisation that are
    open to it."""
    rows = store.page(Tenant(tenant.organisation), Integration, limit=1 << 30).rows
    return [row for row in rows if _is_seen(row, tenant)]


def named(store: ControlStore, tenant: Tenant, said: str) -> Integration:
    """The account of a slug or an id, of those that a tenant knows of (`seen_by`). Raises `Refusal` 404."""
    row = called(store, Tenant(tenant.organisation), Integration, said)
    if row is None or not _is_seen(row, tenant):
        raise unknown_integration(said)
    return row


def changeable(change: Change, tenant: Tenant, seen: Integration) -> Integration:
    """An account that is seen, within a change. Raises `Refusal` 403 for the organisation's, which no workspace changes."""
    if tenant.workspace and seen.workspace != tenant.workspace:
        raise Refusal(
            403,
            "not_yours",
            f"'{seen.slug}' is the organisation's, and open to this workspace: it is changed by the organisation.",
            param="slug",
        )
    return change.get(Integration, seen.id)


def unknown_integration(said: str) -> Refusal:
    """There is no such account, for this tenant."""
    return Refusal(404, "integration_not_found", f"There is no integration '{said[:100]}' here.", param="slug")


def _is_seen(row: Integration, tenant: Tenant) -> bool:
    return not tenant.workspace or row.workspace == tenant.workspace or (not row.workspace and row.open_to(tenant.workspace))


def _is_mask(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(MASK)


def _mapped(change: Change, account: Integration, mappings: list[SecretMapping]) -> list[SecretMapping]:
    """The mappings, each naming its reference by id. Raises `Refusal` for one that leads nowhere, or not for this account."""
    found: list[SecretMapping] = []
    for n, mapping in enumerate(mappings):
        at = f"secret_mappings[{n}]"
        check_target(mapping.target_field, f"{at}.target_field")
        said = mapping.secret_reference
        reference = called_within(change, SecretReference, said)
        if reference is None or not (reference.allow_all_workspaces or account.workspace in reference.allowed_workspaces):
            raise Refusal(
                404,
                "secret_reference_not_found",
                f"There is no secret reference '{said[:100]}' for this account.",
                param=f"{at}.secret_reference_id",
            )
        found.append(msgspec.structs.replace(mapping, secret_reference=reference.id))
    return found


def _check(account: Integration, secrets: Mapping[str, str], egress: Egress | None) -> None:
    """Whether the compiler will be able to use it, as far as that can be said now, and requests may go where it is. Raises
    `Refusal`."""
    known = dict.fromkeys((each.target_field for each in account.secret_mappings), UNREVEALED) | dict(secrets)
    entry = entry_of(account, known)
    row = TABLE[account.provider]
    if row.auth == "bearer" and not row.keyless and not entry.api_key:
        raise Refusal(400, "missing_key", f"{row.name} needs a key.", param="key")
    if account.own_identity:
        return  # its operator's; what the environment has is not known here
    if STRUCTURED.isdisjoint(field for field, value in known.items() if value == UNREVEALED):
        mistakes: list[Mistake] = []
        provider_of(account.slug, entry, Timeouts(), None, mistakes)
        if mistakes:
            raise refusal_of(mistakes[0])
    if entry.base_url and egress is not None:
        try:
            egress.check(Destination.parse(entry.base_url)[0])
        except Refusal as refusal:
            refusal.param = _CUSTOM_HOST
            raise


def refusal_of(mistake: Mistake) -> Refusal:
    """A mistake in an entry of a provider, as it is said of an account."""
    member = mistake.path.rpartition(".")[2]
    at = {"api_key": "key", "base_url": _CUSTOM_HOST, "headers": "configurations.custom_headers"}
    return Refusal(400, "invalid_account", mistake.message, param=at.get(member, f"configurations.{member}"))


def _address(account: Integration) -> dict[str, Any]:
    """What is said of where an account is."""
    row = TABLE.get(account.provider)
    members = set(_ADDRESSES)
    if row is not None:
        bases = (row.base_url, *(each.base_url or "" for each in row.variants))
        for name in names_in(bases) & row.slots.keys():
            members |= {row.slots[name].member, *row.slots[name].also}
    return {name: value for name, value in account.configurations.items() if name in members}


def _reseal(change: Change, vault: Vault, account: Integration, field: str, value: str) -> None:
    number = 1 + _unseal(change, account, field)
    change.add(vault.seal(account.organisation, account.id, field, value, number, account.workspace))


def _unseal(change: Change, account: Integration, field: str) -> int:
    """Take a secret out of the vault; the number of its last writing."""
    old = change.all(Sealed, owner=account.id, field=field)
    for sealed in old:
        change.remove(sealed)
    return max((sealed.number for sealed in old), default=0)
