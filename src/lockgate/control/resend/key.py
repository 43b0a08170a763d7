"""In whose name a request is sent again: who pays for it, and what it may do."""

from __future__ import annotations

from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.snapshot import Snapshot


def payer(snapshot: Snapshot, tenant: Tenant, said: str, own: Principal | None) -> Principal:
    """The key that pays. Whoever comes with a key pays with that one; a person names a key of the tenant, by id or name.
    Raises `Refusal`."""
    if own is not None:
        if said and said not in (own.id, own.name):
            message = "Whoever comes with a key sends requests again with that key: leave 'key' out."
            raise Refusal(403, "beyond_your_rights", message, param="key", scope="key")
        return own
    if not said:
        raise Refusal(400, "missing_member", "Say which key pays for it: its id or its name, as 'key'.", param="key")
    known = [each for each in snapshot.keys.values() if _is_of(each, tenant, snapshot.home)]
    for name in ("id", "name"):
        found = next((each for each in known if getattr(each, name) == said), None)
        if found is not None:
            return found
    raise Refusal(404, "key_not_found", f"There is no key '{said[:100]}' here.", param="key")


def _is_of(principal: Principal, tenant: Tenant, home: Tenant) -> bool:
    """Whether a key belongs to a tenant; those of the configuration are the home's."""
    organisation = principal.organisation or home.organisation
    workspace = principal.workspace if principal.organisation else home.workspace
    return organisation == tenant.organisation and tenant.workspace in ("", workspace)
