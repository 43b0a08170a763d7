"""Where a request goes: its route, walked target by target. Who a target's provider is, `choose.py` says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.core.record import Decided, Decision
from lockgate.pipeline.branches import INLINE_BYTES, PLAIN, Branch, Route, compile_inline
from lockgate.pipeline.choose import Ask, check_access, choose, deadlines_of, named, no_model
from lockgate.pipeline.forwarding import named_headers
from lockgate.pipeline.prospects import Prospects
from lockgate.pipeline.route import AT
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import MEMO, Target
from lockgate.policy.tree import Leaf, Walk

T = TypeVar("T")

#: The name of a route that the caller brought.
INLINE = "inline"
#: Headers that have a say in what a target is.
_STEERING = frozenset(
    f"x-{family}-{name}".encode()
    for family in ("lockgate", "portkey")
    for name in ("provider", "virtual-key", "custom-host", "request-timeout", "forward-headers")
)


class Plan:
    """A request's targets, in the order in which they are to be tried. Each is made only when its turn comes.

    A target that cannot be (a model that the key may not use, an operation that the provider lacks) is passed over where the
    route has another; where it has none, the first such refusal is the answer.
    """

    _refused: Refusal | None = None
    _ahead: Walk | None = None

    def __init__(
        self, call: Call, ask: Ask, principal: Principal, snapshot: Snapshot, runtime: Runtime, route: Route, name: str
    ) -> None:
        self.route = name  # a config's slug, "inline", or ""
        self._call = call
        self._ask = ask
        self._principal = principal
        self._snapshot = snapshot
        self._way = route
        self._sole = len(route.branches) == 1  # nobody else could be tried: its health is not asked for
        self._prospects = known = Prospects(call, ask, principal, snapshot, runtime, route.branches)
        self._walk = Walk(route.root, known, known, runtime.chance, call.time_us / 1e6, self._sole)

    @property
    def decisions(self) -> list[Decision]:
        """How the route was walked so far."""
        return self._walk.decisions

    def first(self) -> Target:
        """The first target. Raises `Refusal` when there is none."""
        target = self._take(self._walk.first())
        if target is None:
            raise self.refusal
        return target

    @property
    def caches(self) -> bool:
        """Whether some target's answers are given again."""
        return self._way.caches

    @property
    def refusal(self) -> Refusal:
        """Why no target could be tried."""
        assert self._refused is not None
        return self._refused

    @property
    def blind(self) -> bool:
        """Targets are tried whatever is known of their health."""
        return self._walk.blind

    def note(self, path: str, what: Decided, why: str) -> None:
        """Say what became of a target."""
        self._walk.decisions.append(Decision(path, what, why))

    def after(self, failure: Failure) -> Target | None:
        """The target to try after the last one failed so; None: the failure stands."""
        return self._take(self._walk.after(failure))

    def skip(self, why: str) -> Target | None:
        """The target to try instead of the last one, which turned out to be out."""
        return self._take(self._walk.pass_over(why))

    def refuse(self, refusal: Refusal) -> Target | None:
        """The target to try instead of the last one, which our own no has ruled out."""
        self._refused = self._refused or refusal
        return self._take(self._walk.skip(refusal.message))

    def beside(self, ready: Callable[[Target], T | None]) -> T | None:
        """What `ready` makes of the next target that it makes something of, to be tried beside the last one; None: there is
        none. The plan stays where it is until `move` says that it goes on from there. Raises as `first` does."""
        walk = self._walk.fork()
        while (leaf := walk.beside()) is not None:
            try:
                found = ready(self._target(leaf))
            except Refusal as refusal:
                self.note(leaf.path, "skipped", refusal.message)
                continue
            if found is not None:
                self._ahead = walk
                return found
        return None

    def move(self) -> None:
        """Stand where `beside` has found a target."""
        assert self._ahead is not None
        self._walk = self._ahead

    def _forward(self, branch: Branch) -> tuple[bytes, ...]:
        """The caller's headers that go along: those that it names, else those that the route names."""
        return named_headers(self._call) or branch.forward

    def _take(self, leaf: Leaf | None) -> Target | None:
        while leaf is not None:
            try:
                return self._target(leaf)
            except Refusal as refusal:
                self._refused = self._refused or refusal
                leaf = self._walk.skip(refusal.message)
        return None

    def _target(self, leaf: Leaf) -> Target:
        """The target of a leaf; known again where nothing but the leaf, the model and the key's models decide it."""
        call, branch = self._call, self._way.branches[leaf.number]
        if not branch.own or (call.steered and not _STEERING.isdisjoint(call.headers)):
            return self._make(leaf)
        if self.route != INLINE:
            known, most = self._snapshot.targets, MEMO
        elif branch.key is not None:  # what a caller brings is kept as long as its config is, and takes no more room than that
            known, most = self._way.targets, len(self._way.branches)
        else:
            return self._make(leaf)
        key = (leaf, call.dialect, self._ask.model, self._principal.models)
        target = known.get(key)
        if target is None:
            target = self._make(leaf)
            if len(known) >= most:
                known.clear()
            known[key] = target
        return target

    def _make(self, leaf: Leaf) -> Target:
        """Raises `Refusal`: unknown provider or model, model not allowed, destination not allowed."""
        branch, call, ask = self._way.branches[leaf.number], self._call, self._ask
        config = branch.config
        provider, model = choose(call, ask, self._snapshot, config, sole=self._sole)
        if branch.model:
            slug, rest = named(branch.model, self._snapshot)
            model = rest if slug == provider.slug else branch.model
        if not model and not ask.modelless:
            raise no_model()
        check_access(provider, model, self._principal, ask.model, self._snapshot)
        key = self._prospects.known((branch.slug, model)) if branch.slug else (provider.known_by, model)
        model = provider.named(model)
        lane = provider.lane(call.dialect, config.upstream_api, model)
        return Target(
            provider,
            lane,
            model,
            deadlines_of(call, provider, config),
            branch.changes,
            leaf.path,
            leaf.retry,
            branch.breaker,
            key,
            self._forward(branch),
            config.passthrough is True,
            config.strict is True,
            config.strict_open_ai_compliance,
            self._way.watched,
            branch.hedge,
            branch.cache,
            branch.prompt_cache,
        )


def plan(call: Call, ask: Ask, principal: Principal, snapshot: Snapshot, runtime: Runtime) -> Plan:
    """The plan of a request. Raises `Refusal` for a config that is not there, is wrong, or may not be used."""
    route, name = route_of(call, ask.model, principal, snapshot)
    return Plan(call, ask, principal, snapshot, runtime, route, name)


def route_of(call: Call, asked: str, principal: Principal, snapshot: Snapshot) -> tuple[Route, str]:
    """The route of a request and its name: a config's slug, "inline", or "" for none. A config that the caller names comes
    before the one that the model asked for is an alias of, and that before the key's own."""
    said = (call.headers.get(b"x-lockgate-config") or call.headers.get(b"x-portkey-config")) if call.steered else None
    if not said:
        slug = snapshot.alias_configs.get(asked) or principal.config
        return (_saved(slug, snapshot), slug) if slug else (PLAIN, "")
    if principal.config and principal.config_fixed and said != principal.config.encode():
        raise Refusal(
            400,
            "config_fixed",
            f"Cannot override default config set for this API key: '{principal.name}' always uses '{principal.config}'. "
            "Leave the config header out.",
            param=AT,
            scope="key",
            rule=principal.id,
        )
    said = said.strip()
    if not said.startswith(b"{"):
        slug = said.decode("latin-1")
        return _saved(slug, snapshot), slug
    route = snapshot.inline_routes.get(said)
    if route is None:
        route = compile_inline(said)
        kept = snapshot.inline_routes
        if len(kept) >= MEMO or sum(map(len, kept)) + len(said) > INLINE_BYTES:
            kept.clear()
        kept[said] = route
    return route, INLINE


def _saved(slug: str, snapshot: Snapshot) -> Route:
    route = snapshot.routes.get(slug)
    if route is None:
        known = ", ".join(sorted(snapshot.routes)) or "none"
        raise Refusal(404, "config_not_found", f"No config is called '{slug}'. Configs here: {known}.", param=AT)
    return route
