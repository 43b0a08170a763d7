"""Gateway keys: making, rotating and revoking those that are stored, and reading those that the configuration declares."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from lockgate.control.config import KeyEntry, Mistake
from lockgate.control.scopes import EVERYTHING
from lockgate.control.secrets import WeakSecret, check_strength, new_key
from lockgate.control.stored import widen
from lockgate.control.vault import masked
from lockgate.core.audit import Actor
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Rotation, Tenant
from lockgate.pipeline.admit import digest
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

ADMIN = "LOCKGATE_ADMIN_KEY"


def create(
    store: ControlStore,
    pepper: bytes,
    tenant: Tenant,
    actor: Actor,
    now_us: int,
    *,
    name: str,
    scopes: Iterable[str] = (),
    models: Iterable[str] = (),
    mode: str = "cli",
    **more: object,
) -> tuple[ApiKey, str]:
    """A new key, and its text, which is not kept and cannot be shown again. See `draft`."""
    key, text = draft(pepper, tenant, name=name, scopes=scopes, models=models, mode=mode, **more)
    with store.change(_around(tenant, key), actor, now_us) as change:
        return change.add(key), text


def draft(
    pepper: bytes,
    tenant: Tenant,
    *,
    name: str,
    scopes: Iterable[str] = (),
    models: Iterable[str] = (),
    mode: str = "api",
    **more: object,
) -> tuple[ApiKey, str]:
    """A key that is not stored yet, and its text. One that may administer all is the organisation's, others are the workspace's
    of the tenant. `more` are members of `ApiKey`."""
    id, text = new_key()
    scopes = sorted(scopes)
    key = msgspec.convert(
        {
            **more,
            "id": id,
            "organisation": tenant.organisation,
            "workspace": "" if EVERYTHING in scopes else tenant.workspace,
            "name": name,
            "scopes": scopes,
            "models": list(models),
            "hint": masked(text),
            "digest": digest(pepper, sha256(text)),
            "mode": mode,
        },
        ApiKey,
    )
    return key, text


def rotate(
    store: ControlStore, pepper: bytes, tenant: Tenant, actor: Actor, now_us: int, id: str, transition_ms: int | None = None
) -> tuple[ApiKey, str]:
    """A key with a new text. See `renew`. Raises `Refusal` 404."""
    with store.change(tenant, actor, now_us) as change:
        return renew(change, pepper, named(change, id), now_us, transition_ms)


def renew(change: Change, pepper: bytes, key: ApiKey, now_us: int, transition_ms: int | None = None) -> tuple[ApiKey, str]:
    """A key with a new text; the old one holds for as long as its rotation says, or `transition_ms`. Raises `Refusal` 404 when
    the key does not hold any more."""
    if key.status(now_us) != "active":
        raise unknown_key(key.id)
    if transition_ms is None:
        transition_ms = (key.rotation or Rotation()).key_transition_period_ms
    text = new_key(key.id)[1]
    old = {"old_digest": key.digest, "old_until_us": now_us + transition_ms * 1000}
    if transition_ms <= 0:
        old = {"old_digest": b"", "old_until_us": 0}
    new = msgspec.structs.replace(key, digest=digest(pepper, sha256(text)), hint=masked(text), **old)
    return change.put(new, "rotate"), text


def revoke(store: ControlStore, tenant: Tenant, actor: Actor, now_us: int, id: str) -> None:
    """Revoke by id; raises `Refusal` 404 when no such key holds."""
    with store.change(tenant, actor, now_us) as change:
        key = named(change, id)
        if key.revoked_us:
            raise unknown_key(id)
        change.put(msgspec.structs.replace(key, revoked_us=now_us))


def named(change: Change, id: str) -> ApiKey:
    """The key of an id. Raises `Refusal` 404."""
    try:
        return change.get(ApiKey, id)
    except Absent:
        raise unknown_key(id) from None


def unknown_key(id: str) -> Refusal:
    """There is no such key, or none that holds."""
    return Refusal(404, "key_not_found", f"No key with the id '{id[:100]}' is in force. `lockgate keys list` shows the ids.")


def _around(tenant: Tenant, key: ApiKey) -> Tenant:
    """Where a key is put: one of the organisation is in no workspace."""
    return tenant if key.workspace else Tenant(tenant.organisation)


def sha256(key: str) -> bytes:
    """A key's SHA-256: what a configuration may hold instead of the key. Keys have 256 random bits, so no salt is needed."""
    return hashlib.sha256(key.encode()).digest()


def principals(
    entries: list[KeyEntry],
    environment: Mapping[str, str],
    pepper: bytes,
    scopes: frozenset[str],
    mistakes: list[Mistake],
) -> dict[bytes, Principal]:
    """The keys that the configuration declares, by digest, and the one of `LOCKGATE_ADMIN_KEY`.

    `scopes` are what a key without its own gets, and what the admin scope stands for.
    """
    found: dict[bytes, Principal] = {}
    for n, entry in enumerate(entries):
        where = f"keys[{n}]"
        hashed = _hash_of(entry, where, mistakes)
        unknown = set(entry.scopes) - scopes - {EVERYTHING}
        if unknown:
            mistakes.append(
                Mistake(f"{where}.scopes", f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(sorted(scopes))}")
            )
        if hashed is not None:
            found[digest(pepper, hashed)] = Principal(
                f"config:{entry.name}",
                entry.name,
                widen(entry.scopes, scopes),
                tuple(entry.models),
                entry.config,
                not entry.allow_config_override,
                capture=entry.capture,
            )
    if admin := environment.get(ADMIN):
        found[digest(pepper, sha256(admin))] = Principal("admin", "admin", scopes | {EVERYTHING})
    return found


def _hash_of(entry: KeyEntry, where: str, mistakes: list[Mistake]) -> bytes | None:
    if bool(entry.hash) == bool(entry.key):
        mistakes.append(Mistake(where, "give either hash or key"))
        return None
    if entry.key:
        try:
            check_strength(entry.key, f"{where}.key")
        except WeakSecret as weak:
            mistakes.append(Mistake(f"{where}.key", str(weak)))
        return sha256(entry.key)
    kind, _, text = entry.hash.partition(":")
    try:
        hashed = bytes.fromhex(text)
    except ValueError:
        hashed = b""
    if kind != "sha256" or len(hashed) != 32:
        mistakes.append(
            Mistake(
                f"{where}.hash", 'must look like "sha256:" and 64 hexadecimal digits; `lockgate keys create --hash` prints one'
            )
        )
        return None
    return hashed
