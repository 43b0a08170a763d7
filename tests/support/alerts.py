"""Alerts, and what channels send them with, for tests."""

from __future__ import annotations

import asyncio

from lockgate.control.alerts.alert import Alert, Subject, id_of
from lockgate.control.alerts.channel import Means
from lockgate.core.failure import Failure
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress

NOW = 1_795_608_000_000_000
MARKETING = Subject("key", "k1", "marketing", "org", "w1", "work")


def budget(**more):
    """80 % of $100 are used."""
    said = {
        "rule": "key:k1",
        "window": "month 2026-11-01",
        "ends_us": 1_796_083_200_000_000,
        "measure": "cost",
        "value": 81_500_000_000,
        "limit": 100_000_000_000,
        "threshold": 80_000_000_000,
    }
    said |= more
    return Alert(id_of("test", *map(str, said.values())), "budget", said.pop("subject", MARKETING), NOW, **said)


class Names:
    """A resolver that knows what it was told."""

    def __init__(self, **names):
        self.names = names
        self.asked = []

    async def resolve(self, host):
        self.asked.append(host)
        return self.names.get(host.replace(".", "_")) or Failure("connect", 502, f"{host} could not be resolved.")


def with_means(use, *, allow=(), clock=lambda: NOW, **names):
    """What `use(means)` gives, in a loop of its own, where names are what is said here."""

    async def run():
        egress, resolver = Egress.compile(allow), Names(**names)
        client = HttpClient(egress, resolver=resolver)
        try:
            return await use(Means(lambda: client, lambda: egress, resolver, clock))
        finally:
            client.close()

    return asyncio.run(asyncio.wait_for(run(), 20))
