"""The alerts of one house: its lock, its outbox, its channels as they are configured now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockgate.control.alerts.channel import Means
from lockgate.control.alerts.dispatch import Dispatch, Setting, Source
from lockgate.control.house import House
from lockgate.pipeline.runtime import now_us
from lockgate.stores.control.open import open_outbox
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Client
from lockgate.transport.resolve import CachedResolver


def alerts_of(
    house: House,
    client: Callable[[], Client],
    egress: Callable[[], Egress],
    sources: Callable[[], Sequence[Source]] = tuple,
) -> Dispatch:
    """To be made in the worker's loop, and kept (`Dispatch.keep`). `sources` are opened by the one worker that leads."""
    return Dispatch(
        house.data / "alerts.lock",
        lambda: open_outbox(house.control_url, now_us()),
        sources,
        lambda: Setting(house.in_force.alerts, house.stored.home.organisation),
        Means(client, egress, CachedResolver(), now_us),
    )
