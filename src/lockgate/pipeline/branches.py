"""A route as it is walked: its tree, and what each leaf of it asks for, with all that it inherits.

Compiled once: saved configs when the world is made, inline ones when they first come (a snapshot keeps them by their bytes).
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.pipeline.inherited import TOP, Inherited, inherit, read_breaker
from lockgate.pipeline.params import NO_CHANGES, Changes
from lockgate.pipeline.route import (
    AT,
    Flaw,
    RouteConfig,
    Strategy,
    read_inline,
)
from lockgate.pipeline.strategies import STRATEGIES
from lockgate.pipeline.target import Key, Target
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.caching import LEVELS, CachePolicy
from lockgate.policy.hedge import Hedge
from lockgate.policy.prompt_cache import PromptCache
from lockgate.policy.tree import Choice, Leaf, Node, leaves

#: Bounds of a config: how deep it may nest, and how many targets it may have.
DEEPEST, MOST = 16, 1000
#: How many bytes of configs that callers brought are kept compiled, which takes many times as much.
INLINE_BYTES = 1024 * 1024
#: All that decides a target, where no header does: the leaf, the caller's dialect and model, and the key's models.
Made = tuple[Leaf, str, str, tuple[str, ...]]


class Branch(msgspec.Struct, frozen=True):
    """What a leaf asks for. `config` is its own part of the route with what it inherits; `slug` tells its provider from others
    before it is looked for ("": the request names it); `model` is the one that the route names, or "".

    `breaker`: when its circuit opens; None: never. `hedge`: when a second attempt goes out beside one here; None: never.
    `cache`: how answers are given again; None: they are not. `prompt_cache`: how the provider's is helped; None: it is not.
    """

    config: RouteConfig
    slug: str = ""
    model: str = ""
    changes: Changes = NO_CHANGES
    forward: tuple[bytes, ...] = ()
    breaker: BreakerPolicy | None = None
    hedge: Hedge | None = None
    key: Key | None = None  # what its health is known by, where the route alone says it
    cache: CachePolicy | None = None
    prompt_cache: PromptCache | None = None
    own: bool = True  # its provider is one that is set up here: no key of a caller's can make another of it


class Route(msgspec.Struct, frozen=True, eq=False):
    """A compiled config: the tree, and its branches by the number of their leaves. `watched`: a balance goes by what providers
    say of their rate limits; `asks_budget`: a condition asks what is left of a budget. `targets`: a memo of a config that a
    caller brought (those of saved ones a snapshot has). `caches`: answers of some branch are given again; `likens`: also
    to what a vector finds."""

    root: Node
    branches: tuple[Branch, ...]
    watched: bool = False
    asks_budget: bool = False
    caches: bool = False
    likens: bool = False
    targets: dict[Made, Target] = {}


#: The route of a request that names none: what it says itself decides.
PLAIN = Route(Leaf(AT, 0), (Branch(RouteConfig()),))


def compile_inline(text: bytes) -> Route:
    """The route of an inline config. Raises `Refusal` 400 with the path of what is wrong."""
    try:
        return compile_route(read_inline(text))
    except Flaw as flaw:
        raise Refusal(400, "invalid_config", f"{flaw.path}: {flaw}.", param=flaw.path) from None


def compile_route(config: RouteConfig) -> Route:
    """The route of a config. Raises `Flaw`."""
    growing = _Growing()
    root = growing.grow(config, AT, TOP, 0)
    several = len(growing.branches) > 1
    if not several and (hedge := growing.branches[0].hedge) is not None and not hedge.same:
        raise Flaw(f"{AT}.hedge", "there is no next target: add one, or hedge to the same one ('to': 'same')")
    branches = growing.branches if several else [msgspec.structs.replace(each, breaker=None) for each in growing.branches]
    caches = [each.cache for each in branches if each.cache is not None]
    likens = any(each.semantic is not None and each.semantic.levels != LEVELS[:1] for each in caches)
    return Route(root, tuple(branches), growing.watched, growing.asks_budget, bool(caches), likens)


class _Growing:
    """A tree while it is made."""

    def __init__(self) -> None:
        self.branches: list[Branch] = []
        self.watched = self.asks_budget = False

    def grow(self, config: RouteConfig, at: str, above: Inherited, depth: int) -> Node:
        if depth > DEEPEST:
            raise Flaw(at, f"targets may be nested {DEEPEST} deep")
        here = inherit(config, at, above)
        if config.strategy is None and not config.targets:
            return self._leaf(config, at, here)
        strategy = config.strategy or Strategy("single")
        for member in ("provider", "virtual_key", "api_key"):
            if getattr(config, member):
                raise Flaw(f"{at}.{member}", "beside targets this has no meaning: put it into one of them")
        if not config.targets:
            raise Flaw(f"{at}.targets", f"a strategy needs targets ({strategy.mode})")
        if strategy.cb_config is not None:
            here = msgspec.structs.replace(here, breaker=read_breaker(strategy.cb_config, f"{at}.strategy.cb_config"))
        config = msgspec.structs.replace(config, strategy=strategy)
        if strategy.mode == "single":
            return self.grow(config.targets[0], f"{at}.targets[0]", here, depth + 1)
        self.watched |= strategy.method == "quota"
        children = tuple(self.grow(each, f"{at}.targets[{n}]", here, depth + 1) for n, each in enumerate(config.targets))
        made = STRATEGIES[strategy.mode](config, strategy, children, at)
        if isinstance(made, Choice):
            self.asks_budget |= any("budget.remaining" in rule.query.asks for rule in made.rules)
        return made

    def _leaf(self, config: RouteConfig, at: str, here: Inherited) -> Leaf:
        if len(self.branches) >= MOST:
            raise Flaw(at, f"a config may have {MOST} targets")
        model, overrides = _model(here.overrides, at)
        merged = msgspec.structs.replace(
            config,
            override_params=here.overrides,
            custom_host=here.custom_host,
            request_timeout=here.request_timeout,
            timeouts=here.timeouts,
            passthrough=here.passthrough,
            strict=here.strict,
            strict_open_ai_compliance=here.strict_open_ai_compliance,
        )
        changes = Changes(here.defaults, overrides, here.drops)
        stored = bool(merged.virtual_key) or merged.provider.startswith("@")
        if stored and (account := next(iter(config.said()), "")):
            raise Flaw(
                f"{at}.{account}",
                f"cannot be combined with '@{_slug(merged)}', whose account is said where it is set up: leave it out, or set "
                "up another provider for it",
            )
        leaf = Leaf(at, len(self.branches), config.name, here.retry)
        self.branches.append(
            Branch(
                merged,
                _slug(merged),
                model,
                NO_CHANGES if here.passthrough or changes == NO_CHANGES else changes,
                here.forward,
                here.breaker,
                here.hedge,
                key=_key(_slug(merged), model),
                cache=here.cache,
                prompt_cache=here.prompt_cache,
                own=not merged.provider or stored,
            )
        )
        return leaf


def _model(overrides: dict[str, msgspec.Raw], at: str) -> tuple[str, dict[str, msgspec.Raw]]:
    """The model that the parameters name, and the others."""
    raw = overrides.get("model")
    if raw is None:
        return "", overrides
    try:
        model = msgspec.json.decode(raw, type=str)
    except msgspec.DecodeError:
        raise Flaw(f"{at}.override_params.model", "must be a string") from None
    return model, {name: value for name, value in overrides.items() if name != "model"}


def _slug(config: RouteConfig) -> str:
    """A name for the provider and key that a branch asks for."""
    if config.virtual_key or config.provider.startswith("@"):
        return (config.virtual_key or config.provider).removeprefix("@")
    if not config.provider:
        return ""
    brought = config.said()
    if not config.api_key and not brought and not config.custom_host:
        return config.provider
    digest = blake2b(encode((config.api_key, config.custom_host, brought)), digest_size=8).hexdigest()
    return f"{config.provider}#{digest}"


def _key(slug: str, model: str) -> Key | None:
    """The key of a branch that names both, None where the request or the world has a say."""
    model = model.removeprefix(f"@{slug}/")
    return (slug, model) if slug and model and not model.startswith("@") else None


def targets_of(route: Route) -> list[tuple[Leaf, Branch]]:
    """All targets of a route, from the left."""
    return [(leaf, route.branches[leaf.number]) for leaf in leaves(route.root)]
