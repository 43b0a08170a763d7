"""Where a request goes: what the caller says of config, provider, key and model, made into targets, one after the other.

Precedence (https://portkey.ai/docs, as its gateway does it): a config, then the provider header, then a virtual key, then
"@slug/model" in the body (or an alias for it), then the provider that the bare model name belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from math import inf
from typing import TypeVar

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.record import Decided, Decision
from lockgate.core.sheet import Sheet
from lockgate.pipeline.aliases import grants
from lockgate.pipeline.branches import PLAIN, Branch, Route, compile_inline
from lockgate.pipeline.facts import RequestFacts
from lockgate.pipeline.forwarding import named_headers
from lockgate.pipeline.route import AT, RouteConfig
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import MEMO, Key, Provider, Target, set_up
from lockgate.policy.balance import Method
from lockgate.policy.tree import Leaf, Walk
from lockgate.providers.auth import SIGNERS, make_signer
from lockgate.providers.auth.settings import Settings
from lockgate.providers.deployments import deployments_of
from lockgate.providers.table import TABLE
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Deadlines
from lockgate.wire.multipart import Form

T = TypeVar("T")

#: The settings of a caller that said none.
_NOTHING = Settings()
#: Settings that are texts → the header that says each as well.
_HEADERS = {name: name.replace("_", "-") for name in Settings.__struct_fields__ if name not in ("params", "deployments")}


#: Headers that have a say in what a target is.
_STEERING = frozenset(
    f"x-{family}-{name}".encode()
    for family in ("lockgate", "portkey")
    for name in ("provider", "virtual-key", "custom-host", "request-timeout", "forward-headers")
)


class Ask(msgspec.Struct):
    """What the planner reads of a request: the model as the caller named it, the keys that came with it, and its body."""

    model: str
    provider_key: str = ""  # the caller's own key for the provider
    body: Sheet | Form | None = None
    stream: bool = False
    modelless: bool = False  # the operation may go without a model, if the provider is named


class Plan:
    """A request's targets, in the order in which they are to be tried. Each is made only when its turn comes.

    A target that cannot be (a model that the key may not use, an operation that the provider lacks) is passed over where the
    route has another; where it has none, the first such refusal is the answer.
    """

    def __init__(
        self, call: Call, ask: Ask, principal: Principal, snapshot: Snapshot, runtime: Runtime, route: Route, name: str
    ) -> None:
        self.route = name  # a config's slug, "inline", or ""
        self._call = call
        self._ask = ask
        self._principal = principal
        self._snapshot = snapshot
        self._runtime = runtime
        self._branches = route.branches
        self._sole = len(route.branches) == 1  # nobody else could be tried: its health is not asked for
        self._watched = route.watched
        self._refused: Refusal | None = None
        self._facts: RequestFacts | None = None
        self._ahead: Walk | None = None
        facts = self if self._sole else self._ask_about()
        self._walk = Walk(route.root, self, facts, runtime.chance, call.time_us / 1e6, blind=self._sole)

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
        """The target to try instead of the last one, which could not be tried."""
        return self._take(self._walk.skip(why))

    def refuse(self, refusal: Refusal) -> Target | None:
        """The target to try instead of the last one, which our own no has ruled out."""
        self._refused = self._refused or refusal
        return self.skip(refusal.message)

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

    def out(self, leaf: Leaf) -> str:
        """Why a leaf is not to be tried now (`policy.tree.Health`)."""
        branch = self._branches[leaf.number]
        return self._runtime.health.out(self._key(branch), branch.breaker, self._runtime.clock())

    def find(self, name: str, key: str = "", /) -> object:
        """A fact of the request (`policy.facts.Facts`)."""
        if self._facts is None:
            self._facts = self._ask_about()
        return self._facts.find(name, key)

    def _ask_about(self) -> RequestFacts:
        ask = self._ask
        return RequestFacts(self._call, ask.body, self._principal, model=ask.model, stream=ask.stream)

    def load(self, leaf: Leaf, method: Method) -> float:
        """What a leaf is worth by a method, the less the better (`policy.tree.Health`)."""
        key = self._key(self._branches[leaf.number])
        if method == "cost":
            provider = self._snapshot.providers.get(key[0])
            row = TABLE.get(key[0].partition("#")[0]) if provider is None else provider.row
            return inf if row is None else self._snapshot.prices.dearness(row, key[1], self._call.time_us, key[0])
        pulse = self._runtime.health.pulse(key)
        if method == "latency":
            return pulse.latency_s * (pulse.in_flight + 1)
        if method == "quota":
            return 0.0 if pulse.quota is None else 1 - pulse.quota
        return pulse.in_flight

    def _key(self, branch: Branch) -> Key:
        """What a branch's target is known by, before it is made."""
        if branch.key is not None:
            return branch.key
        asked = self._ask.model
        model = branch.model or self._snapshot.aliases.get(asked, asked)
        slug, rest = _named(model, self._snapshot)
        if not branch.slug:
            return slug, rest
        return branch.slug, rest if slug == branch.slug else model

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
        call = self._call
        if not self._branches[leaf.number].own or not _STEERING.isdisjoint(call.headers):
            return self._make(leaf)
        known = self._snapshot.targets
        key = (leaf, call.dialect, self._ask.model, self._principal.models)
        target = known.get(key)
        if target is None:
            target = self._make(leaf)
            if len(known) >= MEMO:
                known.clear()
            known[key] = target
        return target

    def _make(self, leaf: Leaf) -> Target:
        """Raises `Refusal`: unknown provider or model, model not allowed, destination not allowed."""
        branch, call, ask = self._branches[leaf.number], self._call, self._ask
        config = branch.config
        provider, model = choose(call, ask, self._snapshot, config, sole=self._sole)
        if branch.model:
            slug, rest = _named(branch.model, self._snapshot)
            model = rest if slug == provider.slug else branch.model
        if not model and not ask.modelless:
            raise _no_model()
        check_access(provider, model, self._principal, ask.model, self._snapshot)
        key = (branch.slug or provider.slug, model)
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
            self._watched,
            branch.hedge,
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
    if not said.lstrip().startswith(b"{"):
        slug = said.decode("latin-1").strip()
        return _saved(slug, snapshot), slug
    route = snapshot.inline_routes.get(said)
    if route is None:
        route = compile_inline(said)
        if len(snapshot.inline_routes) >= MEMO:
            snapshot.inline_routes.clear()
        snapshot.inline_routes[said] = route
    return route, "inline"


def _saved(slug: str, snapshot: Snapshot) -> Route:
    route = snapshot.routes.get(slug)
    if route is None:
        known = ", ".join(sorted(snapshot.routes)) or "none"
        raise Refusal(404, "config_not_found", f"No config is called '{slug}'. Configs here: {known}.", param=AT)
    return route


def choose(call: Call, ask: Ask, snapshot: Snapshot, config: RouteConfig, *, sole: bool = True) -> tuple[Provider, str]:
    """Who is asked, and for which model by its own name. Raises `Refusal`. `sole`: no other target may be asked, so the key
    that the caller brought can only be for this one."""
    slug, model = _named(snapshot.aliases.get(ask.model, ask.model), snapshot)
    key = ask.provider_key if sole else ""
    if config.provider or config.virtual_key:
        provider = _provider_of(config, call, key, snapshot)
    elif said := call.header("provider"):
        provider = _provider_of(msgspec.structs.replace(config, provider=said), call, ask.provider_key, snapshot)
    elif said := call.header("virtual-key"):
        provider = _configured(said.removeprefix("@"), snapshot, "x-portkey-virtual-key")
    elif slug:
        provider = _configured(slug, snapshot, "model")
    else:
        provider = _home(model, snapshot)
    if slug and slug != provider.slug:
        model = ask.model  # "@…", or what is an alias elsewhere, belongs to the model's own name
    return provider, model


def deadlines_of(call: Call, provider: Provider, config: RouteConfig) -> Deadlines:
    """How long an attempt may take. Raises `Refusal` for a header that says no time."""
    deadlines, timeout = provider.deadlines, _timeout(call) or config.request_timeout
    if config.timeouts is not None:
        deadlines = msgspec.structs.replace(deadlines, **config.timeouts.said())
    return deadlines if timeout is None else msgspec.structs.replace(deadlines, first_byte=timeout / 1000)


def _named(model: str, snapshot: Snapshot) -> tuple[str, str]:
    """("slug", "model") of "@slug/model"; a name that only looks like it ("@cf/…") is a model's own."""
    if model.startswith("@") and "/" in model:
        slug, rest = model[1:].split("/", 1)
        if slug in snapshot.providers or slug not in ("cf", "hf"):
            return slug, rest
    return "", model


def _provider_of(config: RouteConfig, call: Call, provider_key: str, snapshot: Snapshot) -> Provider:
    """The provider that a config (or a provider header) names: one that is set up here, or one that the caller brings."""
    host = call.header("custom-host") or config.custom_host
    if config.virtual_key or config.provider.startswith("@"):
        provider = _configured((config.virtual_key or config.provider).removeprefix("@"), snapshot, f"{AT}.provider")
        if host:
            raise Refusal(
                400,
                "custom_host_with_stored_key",
                f"custom_host cannot be combined with '@{provider.slug}': its key belongs to its own host. "
                "Give provider and api_key instead, or set base_url in the configuration.",
                param=f"{AT}.custom_host",
            )
        return provider
    row = TABLE.get(config.provider)
    if row is None:
        raise Refusal(
            400,
            "unknown_provider",
            f"No provider is called '{config.provider}'. `lockgate providers` lists them; "
            "one that is set up here is named with '@', as in '@openai'.",
            param=f"{AT}.provider",
        )
    key = config.api_key or provider_key
    settings = _settings(config, call) if row.auth in SIGNERS or row.slots or config.params else _NOTHING
    if not key and not row.keyless and (settings is _NOTHING or row.auth not in SIGNERS):
        if (stored := snapshot.providers.get(row.slug)) is not None and not host:
            return stored
        raise Refusal(
            401,
            "missing_provider_key",
            f"{row.name} needs a key: send it as 'Authorization: Bearer …' beside x-lockgate-api-key, put api_key into the "
            f"config, or set up the provider here ({row.env[0] if row.env else 'providers'} in the environment).",
            param=f"{AT}.api_key",
        )
    memo = encode((row.slug, key, host, settings))
    provider = snapshot.inline.get(memo)
    if provider is None:
        provider = _brought(row.slug, key, host, settings, snapshot)
        if len(snapshot.inline) >= MEMO:
            snapshot.inline.clear()
        snapshot.inline[memo] = provider
    return provider


def _settings(config: RouteConfig, call: Call) -> Settings:
    """What the caller says of a cloud account: the config's members, a header of the same name before each of them."""
    said = config.said()
    if call.steered:
        for name, header in _HEADERS.items():
            if value := call.header(header):
                said[name] = value
    return Settings(**said) if said else _NOTHING


def _brought(name: str, key: str, host: str, settings: Settings, snapshot: Snapshot) -> Provider:
    """A provider with the caller's own key, at its own address or, where an egress rule allows it, at the caller's."""
    try:
        row = TABLE[name].filled(settings, {}, host)
        signer = make_signer(row.auth, settings, key, None)
        deployments = deployments_of(settings)
    except Refusal as refusal:
        refusal.param = f"{AT}.{'custom_host' if refusal.param == 'base_url' else refusal.param}"
        raise
    destination, base = Destination.parse(row.base_url, trusted=not host)
    if host:
        snapshot.egress.check(destination)
    stored = snapshot.providers.get(name)
    deadlines = stored.deadlines if stored is not None else snapshot.deadlines
    return set_up(
        name, row, key, destination=destination, base_path=base, deadlines=deadlines, signer=signer, deployments=deployments
    )


def _configured(slug: str, snapshot: Snapshot, at: str) -> Provider:
    provider = snapshot.providers.get(slug)
    if provider is None:
        known = ", ".join(f"@{name}" for name in sorted(snapshot.providers))
        hint = f" Set one of {', '.join(TABLE[slug].env)} or add it to providers." if slug in TABLE and TABLE[slug].env else ""
        raise Refusal(404, "provider_not_found", f"No provider is set up as '@{slug}'. Set up here: {known}.{hint}", param=at)
    return provider


def _home(model: str, snapshot: Snapshot) -> Provider:
    homes = snapshot.homes(model) if model else ()
    if len(homes) == 1:
        return snapshot.providers[homes[0]]
    if not model:
        raise _no_model()
    known = ", ".join(f"@{slug}" for slug in (homes or sorted(snapshot.providers)))
    if homes:
        raise Refusal(
            400, "ambiguous_model", f"Several providers offer '{model}': name one as '@slug/{model}' ({known}).", param="model"
        )
    raise Refusal(
        404,
        "model_not_found",
        f"No provider is known for the model '{model}'. Name one as '@slug/{model}'; set up here: {known}.",
        param="model",
    )


def check_access(provider: Provider, model: str, principal: Principal, asked: str, snapshot: Snapshot) -> None:
    """Whether the provider's and the key's allow-lists admit the model. A key may also be admitted by the alias `asked`."""
    if provider.models and not any(fnmatchcase(model, pattern) for pattern in provider.models):
        raise Refusal(
            403,
            "model_not_allowed",
            f"'{model}' is not among the models of '@{provider.slug}': {', '.join(provider.models)}.",
            param="model",
            scope="provider",
            rule=provider.slug,
        )
    names = grants(asked, provider.slug, model, snapshot) if principal.models else ()
    if names and not any(fnmatchcase(name, pattern) for pattern in principal.models for name in names):
        raise Refusal(
            403,
            "model_not_allowed",
            f"The key '{principal.name}' may not use '{names[-1]}'; it may use {', '.join(principal.models)}.",
            param="model",
            scope="key",
            rule=principal.id,
        )


def _no_model() -> Refusal:
    return Refusal(400, "missing_model", "The request names no model; set 'model', for example \"@sim/chat\".", param="model")


def _timeout(call: Call) -> int | None:
    said = call.header("request-timeout")
    if not said:
        return None
    if not said.isascii() or not said.isdigit() or not 0 < int(said) <= 3_600_000:
        raise Refusal(
            400,
            "invalid_header",
            "The request-timeout header must be a number of milliseconds between 1 and 3600000.",
            param="request-timeout",
        )
    return int(said)
