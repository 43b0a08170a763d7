"""`Snapshot`: the compiled world. A request reads it once and lives in it; a reload makes another one beside it."""

from __future__ import annotations

import msgspec

from lockgate.core.call import Principal
from lockgate.pipeline.route import RouteConfig
from lockgate.pipeline.target import MEMO, Provider
from lockgate.providers.prices import Prices
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Deadlines


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes."""

    request: int = 32 * 1024 * 1024
    answer: int = 64 * 1024 * 1024
    error: int = 64 * 1024


class LogPolicy(msgspec.Struct, frozen=True):
    """What a Record keeps: whole bodies up to `body_limit` bytes each, or metadata alone."""

    bodies: bool = True
    body_limit: int = 1024 * 1024


class Snapshot(msgspec.Struct, eq=False):
    """Keys, providers and routes, ready to be looked up. Frozen by rule: only the memos change, and they hold what can be
    computed again.

    `keys` are found by their keyed digest (`control.keys`), so that no key stands in memory. `aliases` stand for "@slug/model".
    """

    revision: str
    pepper: bytes
    keys: dict[bytes, Principal]
    providers: dict[str, Provider]
    configs: dict[str, RouteConfig]
    egress: Egress
    prices: Prices
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()
    log: LogPolicy = LogPolicy()
    aliases: dict[str, str] = {}
    _homes: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    seen: dict[bytes, Principal] = msgspec.field(default_factory=dict)  # who sent a header, by its digest
    inline: dict[bytes, Provider] = msgspec.field(default_factory=dict)  # providers that callers brought, by what they said

    def __repr__(self) -> str:
        return f"Snapshot({self.revision}, {len(self.keys)} keys, {len(self.providers)} providers)"

    def homes(self, model: str) -> tuple[str, ...]:
        """The slugs of the providers that a bare model name may mean, best first; one that lists the model comes before
        one whose row only knows its pattern. A world with a single provider sends everything there."""
        found = self._homes.get(model)
        if found is None:
            if len(self._homes) >= MEMO:
                self._homes.clear()
            found = self._homes[model] = self._find_homes(model)
        return found

    def _find_homes(self, model: str) -> tuple[str, ...]:
        listed = [slug for slug, provider in self.providers.items() if model in provider.models]
        if not listed:
            listed = [slug for slug, provider in self.providers.items() if provider.row.owns(model)]
        named = [slug for slug in listed if self.providers[slug].row.slug == slug]  # the plain one before its variants
        if len(named) == 1:
            return tuple(named)
        if listed:
            return tuple(listed)
        outside = [slug for slug, provider in self.providers.items() if not provider.row.builtin]
        return tuple(outside) if len(outside) == 1 else ()
