"""The alerts of one house: its lock, its outbox, its channels and rules as they are configured now."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from lockgate.control.alerts.channel import Means
from lockgate.control.alerts.dispatch import Dispatch, Setting, Source
from lockgate.control.alerts.looking import Known, Looking
from lockgate.control.house import House
from lockgate.pipeline.runtime import now_us
from lockgate.stores.control.open import open_alert_states, open_outbox
from lockgate.stores.ports import StoreError
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Client
from lockgate.transport.resolve import CachedResolver

log = logging.getLogger("lockgate")


def alerts_of(
    house: House,
    client: Callable[[], Client],
    egress: Callable[[], Egress],
    sources: Callable[[], Sequence[Source]] = tuple,
) -> Dispatch:
    """To be made in the worker's loop, and kept (`Dispatch.keep`). `sources` are opened by the one worker that leads; the rules
    over the log come after them, which may take longer."""
    return Dispatch(
        house.data / "alerts.lock",
        lambda: open_outbox(house.control_url, now_us()),
        lambda: [*sources(), looking_of(house)],
        lambda: Setting(house.in_force.alerts, house.stored.home.organisation),
        Means(client, egress, CachedResolver(), now_us),
    )


def looking_of(house: House) -> Looking:
    """The rules over a house's log. Raises `StoreError`."""
    states = open_alert_states(house.control_url, now_us())
    try:
        name, store = log_known_as(house), house.open_log(log.warning)
    except BaseException:
        states.close()
        raise
    return Looking(name, store, states, lambda: Known(house.in_force.alerts, house.stored), now_us)


def log_known_as(house: House) -> str:
    """What a house's log is known by: one in the data directory is this machine's alone, one on a server is everybody's. Raises
    `StoreError`."""
    url = house.log_url
    if not url:
        return log_name(house.data / "alerts.id")
    place = urlsplit(url)
    told = f"{place.scheme}://{place.hostname}:{place.port}{place.path}"  # a password may change
    return hashlib.blake2b(told.encode(), digest_size=16).hexdigest()


def log_name(path: Path) -> str:
    """A name that no other log has, made once and kept in a file. Raises `StoreError`."""
    try:
        try:
            with path.open("x", encoding="ascii") as file:
                file.write(secrets.token_hex(16))
        except FileExistsError:
            pass
        return path.read_text("ascii")
    except OSError as error:
        raise StoreError(f"cannot read or make {path}: {error.strerror}") from None
