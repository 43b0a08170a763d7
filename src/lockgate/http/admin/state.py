"""/v1/admin/state: the gateway of this machine as it is now."""

from __future__ import annotations

from lockgate.control.state import State, read_state
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask


def read(ask: Ask) -> State:
    """Read the state of this machine's gateway: its workers, circuits, parked keys and targets."""
    if not ask.at_home:  # it tells of all organisations
        raise Refusal(403, "operators_only", "This is for the organisation of those who run the gateway.", scope="organisation")
    return read_state(ask.office.house.data)
