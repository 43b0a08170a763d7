"""Who pays for what a person asks from the dashboard."""

from __future__ import annotations

import time

from lockgate.control.office import Office
from lockgate.control.resend import key as resend
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Tenant
from lockgate.pipeline.snapshot import Snapshot

#: How long a worker may take to know a key that another one has made, and how often it is looked whether it does, in seconds.
NEW_S, LOOK_S = 2.0, 0.02


def world_with(office: Office, tenant: Tenant, key: str) -> Snapshot:
    """The world as it is now; where a key of that id was made a moment ago, as it is as soon as it has it. It blocks."""
    snapshot, end_us = office.snapshot(), 0
    while key and not any(each.id == key for each in snapshot.keys.values()):
        if not end_us:  # however often it is asked for, it is waited for from its making on
            made = office.store.page(tenant, ApiKey, id=key).rows
            end_us = made[0].created_us + int(NEW_S * 1e6) if made else 1
        if office.clock() >= end_us:
            break
        time.sleep(LOOK_S)
        snapshot = office.snapshot()
    return snapshot


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
