"""Keys that open nothing, however they came to that, for every matrix of who may do what."""

from __future__ import annotations

import msgspec

from lockgate.core.tenancy import ApiKey, User
from support.tenants import ME, NOW

#: How a key came to open nothing.
DEAD = (
    "none",
    "unknown",
    "expired",
    "revoked",
    "removed",
    "of someone disabled",
    "of someone removed",
    "cut short",
    "of a hash",
)


def dead_keys(admin):
    """The texts of keys that open nothing, by how they came to that; each could do everything before."""
    tenant = admin.whole
    made = {"none": "", "unknown": "lg_" + "0" * 32 + "_" + "A" * 43}
    made["expired"] = admin.key(tenant, ["admin"], expires_us=1)
    made["revoked"] = admin.key(tenant, ["admin"], revoked_us=1)
    made["removed"] = admin.key(tenant, ["admin"])
    made["cut short"] = admin.key(tenant, ["admin"])[:-1]
    with admin.store.change(tenant, ME, NOW) as change:
        change.remove(change.get(ApiKey, made["removed"].split("_")[1]))
    for how in ("of someone disabled", "of someone removed"):
        person = admin.person("owner")
        made[how] = admin.key(tenant, ["admin"], kind="user", user=person.id)
        with admin.store.change(tenant, ME, NOW) as change:
            if how == "of someone disabled":
                change.put(msgspec.structs.replace(change.get(User, person.id), status="disabled"))
            else:
                for key in change.all(ApiKey, user=person.id):
                    change.remove(key)
                change.remove(change.get(User, person.id))
    admin.key(tenant, ["admin"])
    made["of a hash"] = admin.rows(ApiKey)[0].digest.hex()  # what the store has of a key is no key
    admin.reload()
    return {how: made[how] for how in DEAD}
