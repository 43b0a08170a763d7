"""Secret references: places in secret managers, made, changed and removed. How a manager is reached is kept as accounts are:
what of it is secret is in the vault, and is said again when the manager moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from lockgate.control.accounts import MASK, UNREVEALED
from lockgate.control.called import called_within
from lockgate.control.managers import ADDRESSES, MEMBERS, SECRET, check
from lockgate.control.references import ManagerError
from lockgate.control.vault import Vault
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, Sealed, SecretReference
from lockgate.core.tenancy import Tenant, check_slug, new_id, slug_of
from lockgate.stores.control.change import Change
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress

#: How the fields of the vault begin that hold the secrets of an `auth_config`.
FIELD = "auth_config."


def add_reference(
    change: Change,
    vault: Vault,
    tenant: Tenant,
    *,
    name: str,
    manager_type: str,
    auth_config: Mapping[str, Any],
    egress: Egress,
    slug: str = "",
    **more: Any,
) -> SecretReference:
    """A new reference. `egress` is the policy for the addresses of managers. Raises `Refusal`."""
    plain, secret = _split(manager_type, auth_config)
    reference = msgspec.convert(
        {
            **more,
            "id": new_id(),
            "organisation": tenant.organisation,
            "slug": check_slug(slug or slug_of(name)),
            "name": name,
            "manager_type": manager_type,
            "auth_config": plain,
            "sealed": sorted(f"{FIELD}{member}" for member in secret),
        },
        SecretReference,
    )
    _check(reference, secret, egress)
    reference = change.add(reference)
    for member, value in secret.items():
        change.add(vault.seal(reference.organisation, reference.id, f"{FIELD}{member}", value))
    return reference


def update_reference(
    change: Change,
    vault: Vault,
    reference: SecretReference,
    *,
    egress: Egress,
    auth_config: Mapping[str, Any] | None = None,
    **more: Any,
) -> SecretReference:
    """Change a reference. What `auth_config` says is put in the place of what it said before, member by member; null takes a
    member away, and what is said as it is shown stays. Raises `Refusal`."""
    config, secret, gone = dict(reference.auth_config), dict[str, str](), set[str]()
    if auth_config is not None:
        said = {name: value for name, value in auth_config.items() if not _is_mask(value)}
        plain, secret = _split(reference.manager_type, said)
        gone = {name for name, value in said.items() if value is None}
        config = {name: value for name, value in (config | plain).items() if name not in gone}
    sealed = {field.removeprefix(FIELD) for field in reference.sealed}
    kept = sealed - gone - secret.keys()
    new = msgspec.structs.replace(
        reference, **more, auth_config=config, sealed=sorted(f"{FIELD}{name}" for name in kept | secret.keys())
    )
    if kept and any(config.get(name) != reference.auth_config.get(name) for name in ADDRESSES):
        raise Refusal(
            400,
            "secrets_needed",
            f"A manager at another address is not told the secrets of this one unseen: say {', '.join(sorted(kept))} again.",
            param="auth_config",
        )
    _check(new, dict.fromkeys(kept, UNREVEALED) | secret, egress)
    if new != reference:
        new = change.put(new)
    for name in sorted(gone & sealed):
        _unseal(change, new, f"{FIELD}{name}")
    for name, value in secret.items():
        field = f"{FIELD}{name}"
        number = 1 + _unseal(change, new, field)
        change.add(vault.seal(new.organisation, new.id, field, value, number))
    return new


def remove_reference(change: Change, reference: SecretReference) -> None:
    """Remove a reference. Raises `Refusal` 409 while an account has a secret by it."""
    names = {reference.id, reference.slug}
    users = [
        account.slug
        for account in change.all(Integration)
        if any(mapping.secret_reference in names for mapping in account.secret_mappings)
    ]
    if users:
        raise Refusal(
            409, "in_use", f"'{reference.slug}' is in use: change the integrations {', '.join(sorted(users)[:5])} first."
        )
    change.remove(reference)


def named(change: Change, said: str) -> SecretReference:
    """The reference of a slug or an id. Raises `Refusal` 404."""
    row = called_within(change, SecretReference, said)
    if row is None:
        raise unknown_reference(said)
    return row


def unknown_reference(said: str) -> Refusal:
    """There is no such reference, for this tenant."""
    return Refusal(404, "secret_reference_not_found", f"There is no secret reference '{said[:100]}' here.", param="id")


def _split(manager_type: str, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    plain: dict[str, Any] = {}
    secret: dict[str, str] = {}
    for name, value in config.items():
        at = f"auth_config.{name}"[:200]
        if name not in MEMBERS[manager_type]:
            known = ", ".join(sorted(MEMBERS[manager_type])) or "nothing"
            raise Refusal(
                400, "unknown_member", f"'{name[:100]}' is not known of a manager of this type; it knows {known}.", param=at
            )
        if value is None:
            continue
        if not isinstance(value, str):
            raise Refusal(400, "invalid_type", f"'{name}' is a text.", param=at)
        (secret if name in SECRET else plain)[name] = value
    return plain, secret


def _check(reference: SecretReference, secret: Mapping[str, str], egress: Egress) -> None:
    if not reference.secret_path:
        raise Refusal(400, "missing_member", "Say where in the manager the secret is.", param="secret_path")
    try:
        where = check(reference, {**reference.auth_config, **secret})
        if where:
            egress.check(Destination.parse(where)[0])
    except ManagerError as trouble:
        raise Refusal(400, "invalid_value", f"{trouble}.", param="auth_config") from None
    except Refusal as refusal:
        refusal.param = f"auth_config.{refusal.param}" if refusal.param in MEMBERS[reference.manager_type] else "auth_config"
        raise


def _is_mask(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(MASK)


def _unseal(change: Change, reference: SecretReference, field: str) -> int:
    old = change.all(Sealed, owner=reference.id, field=field)
    for sealed in old:
        change.remove(sealed)
    return max((sealed.number for sealed in old), default=0)
