"""The port to whoever is told: a channel takes one alert to one address, and says what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from lockgate.control.alerts.alert import Alert
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Client
from lockgate.transport.resolve import Resolver


class Trouble(msgspec.Struct, frozen=True):
    """Why an alert has not arrived, in words that hold no secret; `after_s`: it is not to be tried again sooner."""

    why: str
    after_s: float = 0.0


class Means(msgspec.Struct, frozen=True):
    """What channels send with. `client` is asked anew each time, as is the policy; `clock` gives µs since the epoch."""

    client: Callable[[], Client]
    egress: Callable[[], Egress]
    resolver: Resolver
    clock: Callable[[], int]


class Channel(Protocol):
    """One way to reach somebody."""

    #: Whom: mail addresses; ("",) where the channel is its own address.
    @property
    def addresses(self) -> tuple[str, ...]: ...

    #: Channels with one lane are used one at a time, alert by alert; "": it has its own.
    @property
    def lane(self) -> str: ...

    async def deliver(self, alert: Alert, to: str, means: Means) -> Trouble | None:
        """Take an alert to one of the addresses; None: it has arrived. Ends within a minute."""
        ...
