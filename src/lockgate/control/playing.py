"""Who pays for what a person asks from the dashboard."""

from __future__ import annotations

from lockgate.control.resend import key as resend
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.snapshot import Snapshot


def payer(snapshot: Snapshot, tenant: Tenant, said: str, own: Principal | None, person: str, *, manages: bool) -> Principal:
    """The key that pays: a person's own; a service's, for those who manage the place; and of whoever comes with a key, that
    one. Nobody speaks in the name of somebody else, whatever their role. Raises `Refusal`: 403, 404, and 400 for none."""
    found = resend.payer(snapshot, tenant, said, own)
    if own is not None or (found.user == person and person) or (not found.user and manages):
        return found
    if found.user:
        message = f"'{found.name}' is somebody else's key: what it asks is theirs. Take one of your own."
    else:
        message = f"'{found.name}' is a service's key, which those who manage the workspace may use. Take one of your own."
    raise Refusal(403, "beyond_your_rights", message, param="key", scope="key")
