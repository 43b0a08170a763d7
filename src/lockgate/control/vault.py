"""The vault: secrets at rest, each under a data key of its own, which is wrapped by a root key (envelope encryption).

    box     = AES-256-GCM(data key, secret,   bound to its place)
    wrapped = root key    (data key,          bound to its place and the root's id)
    place   = organisation ‖ row ‖ field ‖ number, each with its length

So a bit that flips is noticed, and a box that is moved to another tenant, row, field or version opens nothing. A data key seals
once. Secrets go in and do not come out: what shows of them are the last letters (`masked`); only who compiles the Snapshot
reveals them, and who compares a password (`Vault.reveal`; a test names its callers).

The house's own keys (for gateway keys, the audit log, sessions) are wrapped by the root key too, and stay when that is rotated:
the digests and hashes made with them must go on to hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from lockgate.control.kms.local import seal, unseal
from lockgate.control.kms.port import Ring
from lockgate.core.audit import Actor
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import Tenant, new_id
from lockgate.stores.control.store import ControlStore, HouseKey

#: What the house's own keys are for.
PURPOSES = ("gateway-keys", "audit", "identity")
#: How many letters of a secret may be shown, and how long it must be for that.
_SHOWN, _LONG = 4, 16


class Vault:
    """Seals and reveals by a ring of root keys; keeps nothing."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring

    def __repr__(self) -> str:
        return f"Vault({self._ring})"

    def seal(self, organisation: str, owner: str, field: str, secret: str, number: int = 1, workspace: str = "") -> Sealed:
        """A secret of a row's field, in its `number`-th writing, as it is stored. Raises `RootError`."""
        root = self._ring.current
        place = _place(organisation, owner, field, number)
        key = os.urandom(32)
        return Sealed(
            id=new_id(),
            organisation=organisation,
            owner=owner,
            field=field,
            number=number,
            workspace=workspace,
            root=root.id,
            wrapped=root.wrap(key, place + root.id.encode()),
            box=seal(key, secret.encode(), place),
            hint=masked(secret),
        )

    def reveal(self, sealed: Sealed) -> str:
        """The secret: for the compiler of the Snapshot, and for logins. Raises `Tampered`, `RootError`."""
        place = _place(sealed.organisation, sealed.owner, sealed.field, sealed.number)
        return unseal(self._key(sealed, place), sealed.box, place).decode()

    def rewrap(self, sealed: Sealed) -> Sealed:
        """The same secret with its data key wrapped by the current root key. Raises `Tampered`, `RootError`."""
        root = self._ring.current
        place = _place(sealed.organisation, sealed.owner, sealed.field, sealed.number)
        wrapped = root.wrap(self._key(sealed, place), place + root.id.encode())
        return msgspec.structs.replace(sealed, root=root.id, wrapped=wrapped)

    def _key(self, sealed: Sealed, place: bytes) -> bytes:
        return self._ring.root(sealed.root).unwrap(sealed.wrapped, place + sealed.root.encode())


def masked(secret: str) -> str:
    """What may be shown of a secret: the last letters of a long word, else nothing."""
    if len(secret) < _LONG or not secret.isascii() or not secret.isprintable() or " " in secret:
        return ""
    return secret[-_SHOWN:]


def open_house(store: ControlStore, ring: Ring, make: Callable[[str], bytes]) -> dict[str, bytes]:
    """The house's own keys by purpose; a new store gets those that `make` gives. Raises `RootError` when the root keys are not
    those of this store, `Tampered`."""
    stored = store.house_keys()
    if not stored:
        store.set_root(ring.current.id, _wrapped(ring, {purpose: make(purpose) for purpose in PURPOSES}), "")
        stored = store.house_keys()  # another may have been first
    elif missing := [purpose for purpose in PURPOSES if purpose not in stored]:  # a store of an older Lockgate
        for key in _wrapped(ring, {purpose: make(purpose) for purpose in missing}):
            store.add_house_key(key)
        stored = store.house_keys()
    return {
        each.purpose: ring.root(each.root).unwrap(each.wrapped, _bound(each.purpose, each.root)) for each in stored.values()
    }


def take_root(store: ControlStore, ring: Ring, keys: dict[str, bytes]) -> bool:
    """Take the current root key into use for a store with these keys of its own; False when it is in use already."""
    before = store.house().root
    return before != ring.current.id and store.set_root(ring.current.id, _wrapped(ring, keys), before)


def rewrap_all(store: ControlStore, ring: Ring, actor: Actor, now_us: int, batch: int = 200) -> int:
    """Wrap every data key by the current root key, some at a time; how many that were. Whoever is stopped on the way goes on
    later: what is done is done."""
    vault, done = Vault(ring), 0
    while found := store.sealed_by_others(ring.current.id, batch):
        for organisation in dict.fromkeys(each for each, _ in found):
            tenant = Tenant(organisation)
            with store.change(tenant, actor, now_us) as change:
                for id in (id for each, id in found if each == organisation):
                    for sealed in change.all(Sealed, id=id):  # none, when it was removed meanwhile
                        change.put(vault.rewrap(sealed), "rotate")
                        done += 1
    return done


def _wrapped(ring: Ring, keys: dict[str, bytes]) -> list[HouseKey]:
    root = ring.current
    return [HouseKey(purpose, root.id, root.wrap(key, _bound(purpose, root.id))) for purpose, key in keys.items()]


def _bound(purpose: str, root: str) -> bytes:
    return _place("house key", purpose, root)


def _place(*parts: str | int) -> bytes:
    """Parts as bytes that no other parts make."""
    return b"".join(len(data := str(part).encode()).to_bytes(4, "big") + data for part in parts)
