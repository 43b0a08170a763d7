"""`Snapshot`: the compiled world. A request reads it once and lives in it; a reload makes another one beside it."""

from __future__ import annotations

import msgspec

from lockgate.core.call import Principal
from lockgate.pipeline.branches import Route
from lockgate.pipeline.target import MEMO, Provider, Target
from lockgate.policy.tree import Leaf
from lockgate.providers.prices import Prices
from lockgate.transport.destination import Destination
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


class Refresh(msgspec.Struct, frozen=True):
    """Where a new price list is fetched from, and after how many seconds again."""

    url: str
    destination: Destination
    target: bytes
    every_s: float


class Snapshot(msgspec.Struct, eq=False):
    """Keys, providers and routes, ready to be looked up. Frozen by rule: only the memos change, and they hold what can be
    computed again.

    `keys` are found by their keyed digest (`control.keys`), so that no key stands in memory. `aliases` stand for "@slug/model".
    """

    revision: str
    pepper: bytes
    keys: dict[bytes, Principal]
    providers: dict[str, Provider]
    routes: dict[str, Route]  # by the slugs of configs
    egress: Egress
    prices: Prices
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()
    log: LogPolicy = LogPolicy()
    aliases: dict[str, str] = {}
    refresh: Refresh | None = None  # of the price list; None: never
    alias_configs: dict[str, str] = {}  # names of models that stand for a config
    _homes: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    seen: dict[bytes, Principal] = msgspec.field(default_factory=dict)  # who sent a header, by its digest
    inline_routes: dict[bytes, Route] = msgspec.field(default_factory=dict)  # of configs that callers brought
    targets: dict[tuple[Leaf, str, str, tuple[str, ...]], Target] = msgspec.field(default_factory=dict)  # by all that decides
    inline: dict[bytes, Provider] = msgspec.field(default_factory=dict)  # providers that callers brought, by what they said

    def __repr__(self) -> str:
        return f"Snapshot({self.revision}, {len(self.keys)} keys, {len(self.providers)} providers)"

    def homes(self, model: str) -> tuple[str, ...]:
        """The slugs of the providers that a bare model name may mean, best first; one that is known to have the model comes
        before one whose row only knows its pattern. A world with a single provider sends everything there."""
        found = self._homes.get(model)
        if found is None:
            if len(self._homes) >= MEMO:
                self._homes.clear()
            self.targets.clear()
            found = self._homes[model] = self._find_homes(model)
        return found

    def learn(self, provider: Provider, found: tuple[str, ...]) -> None:
        """A provider has said which models it has."""
        if provider.found != found:
            provider.found = found
            self._homes.clear()
            self.targets.clear()

    def inherit(self, before: Snapshot) -> None:
        """Know of the providers that have stayed what they told the world before this one, until they are asked again."""
        for slug, provider in self.providers.items():
            old = before.providers.get(slug)
            if old is not None and (old.destination, old.base_path) == (provider.destination, provider.base_path):
                provider.found = old.found

    def _find_homes(self, model: str) -> tuple[str, ...]:
        known = [slug for slug, provider in self.providers.items() if provider.has(model)]
        if known:  # the plain one before its variants
            return tuple(slug for slug in known if (plain := self.providers[slug].row.slug) == slug or plain not in known)
        owners = [slug for slug, provider in self.providers.items() if provider.row.owns(model)]
        named = [slug for slug in owners if self.providers[slug].row.slug == slug]
        if len(named) == 1:
            return tuple(named)
        if owners:
            return tuple(owners)
        outside = [slug for slug, provider in self.providers.items() if not provider.row.builtin]
        return tuple(outside) if len(outside) == 1 else ()
