"""Replacing the root key, while the gateway runs.

A new key is put before the old one, where every process finds both; it is taken into use; every data key is wrapped anew, some
at a time; then the old key goes. Whoever is stopped on the way calls it again and goes on from there.
"""

from __future__ import annotations

from lockgate.control.house import House
from lockgate.control.kms.roots import VARIABLE, keep_roots, new_root, root_secrets
from lockgate.control.vault import open_house, rewrap_all, take_root
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.stores.control.store import ControlStore


def rotate_root(house: House, store: ControlStore, actor: Actor, now_us: int) -> int:
    """Replace the root key; how many secrets were wrapped anew. With keys from the environment, the operator puts the new one
    there, before the old one: raises `Refusal` 409 when that was not done. Raises `OSError`, `StoreError`, `VaultError`."""
    in_file = not house.environment.get(VARIABLE)
    roots = root_secrets(house.data, house.environment)
    if store.house().root == house.ring().current.id:
        if in_file and len(roots) == 1:
            keep_roots(house.data, [new_root(), *roots])
        elif not in_file:
            raise Refusal(
                409,
                "no_new_root",
                f"Put a new key into {VARIABLE} before the one that is in use, with a comma between them, for every gateway; "
                "then call this again.",
            )
    ring = house.ring()
    take_root(store, ring, open_house(store, ring, lambda _: b""))
    done = rewrap_all(store, ring, actor, now_us)
    if in_file:
        keep_roots(house.data, root_secrets(house.data, house.environment)[:1])
    return done
