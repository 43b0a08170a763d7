"""`Snapshot`: the compiled world. A request reads it once and lives in it; a reload makes another one beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from lockgate.core.cache_cap import UNCAPPED, CacheCap
from lockgate.core.call import Capture, Principal, strictest
from lockgate.core.mask import Mask
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.allowance import Allowances
from lockgate.pipeline.branches import Route
from lockgate.pipeline.target import MEMO, Provider, Target
from lockgate.policy.tree import Leaf
from lockgate.providers.prices import Prices
from lockgate.providers.worst import WorstCases
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Deadlines


class Tokens(Protocol):
    """Knows signed tokens that stand for gateway keys."""

    def principal(self, text: str) -> Principal | None:
        """Who a token stands for; None for what is no token at all. Raises `Refusal` 401, or 503 while its issuer's keys are
        not known. It is synchronous, and as quick as a signature is checked."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes."""

    request: int = 32 * 1024 * 1024
    answer: int = 64 * 1024 * 1024
    error: int = 64 * 1024


class LogPolicy(msgspec.Struct, frozen=True):
    """What is kept of requests at most: of bodies, so many bytes each."""

    capture: Capture = "full"
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
    `views` are the same world as others see it: by workspace, or by organisation for keys of no workspace.
    """

    revision: str
    pepper: bytes
    keys: dict[bytes, Principal]
    providers: dict[str, Provider]
    routes: dict[str, Route]  # by the slugs of configs
    egress: Egress
    prices: Prices
    worst: WorstCases
    allowances: Allowances | None = None  # None: nobody is limited
    deadlines: Deadlines = Deadlines()
    limits: Limits = Limits()
    log: LogPolicy = LogPolicy()
    captures: dict[str, Capture] = {}  # the most that is kept in a workspace, by its id; those that say nothing are not here
    caps: dict[str, CacheCap] = {}  # the most that is asked of the cache, by workspace (of keys of none, by organisation)
    mask: Mask | None = None  # what nobody may read in the log; None: keys and tokens alone
    masks: dict[str, Mask] = {}  # and what workspaces and keys take out besides, by their ids
    home: Tenant = Tenant("")  # whose the keys of the configuration are
    aliases: dict[str, str] = {}
    refresh: Refresh | None = None  # of the price list; None: never
    alias_configs: dict[str, str] = {}  # names of models that stand for a config
    tokens: Tokens | None = None  # what knows signed tokens that stand for keys; None: none do
    stale: bool = False  # what is stored cannot be read now: there may be keys that are not known here
    views: dict[str, Snapshot] = {}
    default_view: dict[str, Snapshot] = {}  # of places that have nothing of their own, by organisation; "": of any other
    _homes: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    seen: dict[bytes, Principal] = msgspec.field(default_factory=dict)  # who sent a header, by its digest
    inline_routes: dict[bytes, Route] = msgspec.field(default_factory=dict)  # of configs that callers brought
    targets: dict[tuple[Leaf, str, str, tuple[str, ...]], Target] = msgspec.field(default_factory=dict)  # by all that decides
    inline: dict[bytes, Provider] = msgspec.field(default_factory=dict)  # providers that callers brought, by what they said

    def __repr__(self) -> str:
        return f"Snapshot({self.revision}, {len(self.keys)} keys, {len(self.providers)} providers)"

    def seen_by(self, principal: Principal) -> Snapshot:
        """What of the world there is for a caller."""
        if not principal.view:
            return self
        view = self.views.get(principal.view) or self.default_view.get(principal.organisation)
        return self.default_view[""] if view is None else view

    @property
    def likens(self) -> bool:
        """Whether some config has answers found by vectors."""
        return any(route.likens for world in (self, *self.views.values()) for route in world.routes.values())

    def capture_of(self, principal: Principal | None, workspace: str) -> Capture:
        """The most that may be kept of what somebody (None: a person without a key) does in a workspace."""
        key: Capture = "full" if principal is None else principal.capture
        return strictest(self.log.capture, key, self.captures.get(workspace, "full"))

    def cap_of(self, principal: Principal) -> CacheCap:
        """The most that somebody's configs may ask of the cache."""
        if not self.caps:
            return UNCAPPED
        place = principal if principal.organisation else self.home
        return self.caps.get(place.workspace or place.organisation, UNCAPPED)

    def mask_of(self, principal: Principal | None, workspace: str) -> Mask | None:
        """What nobody may read of what somebody (None: a person without a key) does in a workspace; `mask` itself where neither
        says more."""
        if not self.masks:
            return self.mask
        said = (self.mask, self.masks.get(workspace), None if principal is None else self.masks.get(principal.id))
        if said[1] is said[2] is None:
            return self.mask
        return Mask.joined(each for each in said if each is not None)

    def everywhere(self) -> Iterator[Provider]:
        """Every provider, each once, whoever sees it."""
        seen: set[int] = set()
        for world in (self, *self.views.values(), *self.default_view.values()):
            for provider in world.providers.values():
                if id(provider) not in seen:
                    seen.add(id(provider))
                    yield provider

    def homes(self, model: str) -> tuple[str, ...]:
        """The slugs of the providers that a bare model name may mean, best first; one that is known to have the model comes
        before one whose row only knows its pattern. A world with a single provider sends everything there."""
        found = self._homes.get(model)
        if found is None:
            if len(self._homes) >= MEMO:
                self._homes.clear()
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
        for place, view in self.views.items():
            if (earlier := before.views.get(place)) is not None:
                view.inherit(earlier)

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
