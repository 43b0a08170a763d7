"""Making, listing and revoking gateway keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from lockgate.control.config import KeyEntry, Mistake
from lockgate.control.secrets import WeakSecret, check_strength, new_key
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.pipeline.admit import digest
from lockgate.stores.keys import KeyStore, StoredKey

#: The scope that stands for all of them.
EVERYTHING = "admin"
ADMIN = "LOCKGATE_ADMIN_KEY"
#: Scopes that a key has only when they are given to it by name: they open all that an account can do at a provider.
BY_NAME = frozenset(("proxy.write",))


def create(
    store: KeyStore, pepper: bytes, name: str, scopes: Iterable[str], models: Iterable[str], now_us: int
) -> tuple[StoredKey, str]:
    """A new key, and its text, which is not kept and cannot be shown again."""
    id, text = new_key()
    key = StoredKey(id, name, digest(pepper, sha256(text)), sorted(scopes), list(models), now_us)
    store.add(key)
    return key, text


def revoke(store: KeyStore, id: str, now_us: int) -> None:
    """Revoke by id; raises `Refusal` 404 when no such key holds."""
    if not store.revoke(id, now_us):
        raise Refusal(404, "key_not_found", f"No key with the id '{id}' is in force. `lockgate keys list` shows the ids.")


def sha256(key: str) -> bytes:
    """A key's SHA-256: what a configuration may hold instead of the key. Keys have 256 random bits, so no salt is needed."""
    return hashlib.sha256(key.encode()).digest()


def principals(
    stored: Iterable[StoredKey],
    entries: list[KeyEntry],
    environment: Mapping[str, str],
    pepper: bytes,
    scopes: frozenset[str],
    mistakes: list[Mistake],
) -> dict[bytes, Principal]:
    """All keys that hold, by digest: the stored ones, the configuration's, and the one of `LOCKGATE_ADMIN_KEY`.

    `scopes` are what a key without its own gets, and what the admin scope stands for.
    """
    found: dict[bytes, Principal] = {}
    for key in stored:
        if key.revoked_us is None:
            found[key.digest] = Principal(key.id, key.name, _widen(key.scopes, scopes), tuple(key.models))
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
                _widen(entry.scopes, scopes),
                tuple(entry.models),
                entry.config,
                not entry.allow_config_override,
            )
    if admin := environment.get(ADMIN):
        found[digest(pepper, sha256(admin))] = Principal("admin", "admin", scopes | {EVERYTHING})
    return found


def _widen(named: list[str], scopes: frozenset[str]) -> frozenset[str]:
    if EVERYTHING in named:
        return scopes | {EVERYTHING}
    return frozenset(named) if named else scopes - BY_NAME


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
