"""A route as it is walked: its tree, and what each leaf of it asks for, with all that it inherits.

Compiled once: saved configs when the world is made, inline ones when they first come (a snapshot keeps them by their bytes).
"""

from __future__ import annotations

from hashlib import blake2b
from math import isfinite
from typing import Any

import msgspec

from lockgate.core.failure import FailureKind, Refusal
from lockgate.core.json import encode
from lockgate.pipeline.cache_config import read_cache
from lockgate.pipeline.forwarding import forwardable
from lockgate.pipeline.params import NO_CHANGES, Changes, Drop, read_drop
from lockgate.pipeline.route import (
    AT,
    BreakerConfig,
    Flaw,
    HedgeConfig,
    PromptCacheConfig,
    RetryConfig,
    RouteConfig,
    Strategy,
    TimeoutConfig,
    read_inline,
)
from lockgate.pipeline.target import Key, Target
from lockgate.policy.balance import Draw, Moved, Sticky, Turns
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.caching import LEVELS, CachePolicy
from lockgate.policy.condition import Predicate, compile_query
from lockgate.policy.facts import Path, read_path
from lockgate.policy.hedge import Hedge, read_hedge
from lockgate.policy.prompt_cache import PromptCache
from lockgate.policy.retry import DEFAULT_STATUSES, Retry
from lockgate.policy.tree import Balance, Choice, Fallback, Leaf, Node, Rule, Trigger, leaves

#: Bounds of a config: how deep it may nest, how many targets it may have, and how many conditions one strategy.
DEEPEST, MOST, MOST_CONDITIONS = 16, 1000, 64
#: How many bytes of configs that callers brought are kept compiled, which takes many times as much.
INLINE_BYTES = 1024 * 1024
#: All that decides a target, where no header does: the leaf, the caller's dialect and model, and the key's models.
Made = tuple[Leaf, str, str, tuple[str, ...]]
#: A retry that was not asked for.
_NONE = Retry()
#: The longest timeouts that a config may name: in milliseconds for `request_timeout`, in seconds for `timeouts`.
_LONGEST, _LONGEST_S = 3_600_000, 86_400


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
    caller brought (those of saved ones a snapshot has). `caches`: answers of some branch are given again."""

    root: Node
    branches: tuple[Branch, ...]
    watched: bool = False
    asks_budget: bool = False
    caches: bool = False
    targets: dict[Made, Target] = {}


#: The route of a request that names none: what it says itself decides.
PLAIN = Route(Leaf(AT, 0), (Branch(RouteConfig()),))


def compile_inline(text: bytes, *, verifies: bool = True) -> Route:
    """The route of an inline config. Raises `Refusal` 400 with the path of what is wrong."""
    try:
        return compile_route(read_inline(text), verifies=verifies)
    except Flaw as flaw:
        raise Refusal(400, "invalid_config", f"{flaw.path}: {flaw}.", param=flaw.path) from None


def compile_route(config: RouteConfig, *, verifies: bool = True) -> Route:
    """The route of a config. `verifies`: the cache keeps words by which answers are found. Raises `Flaw`."""
    growing = _Growing(verifies)
    root = growing.grow(config, AT, _TOP, 0)
    several = len(growing.branches) > 1
    if not several and (hedge := growing.branches[0].hedge) is not None and not hedge.same:
        raise Flaw(f"{AT}.hedge", "there is no next target: add one, or hedge to the same one ('to': 'same')")
    branches = growing.branches if several else [msgspec.structs.replace(each, breaker=None) for each in growing.branches]
    caches = any(each.cache is not None for each in branches)
    return Route(root, tuple(branches), growing.watched, growing.asks_budget, caches)


class _Inherited(msgspec.Struct, frozen=True):
    """What comes down from the strategies above."""

    overrides: dict[str, msgspec.Raw] = {}
    defaults: dict[str, msgspec.Raw] = {}
    drops: tuple[Drop, ...] = ()
    retry: Retry = _NONE
    breaker: BreakerPolicy | None = BreakerPolicy()
    custom_host: str = ""
    forward: tuple[bytes, ...] = ()
    request_timeout: int | None = None
    timeouts: TimeoutConfig | None = None
    hedge: Hedge | None = None
    cache: CachePolicy | None = None
    prompt_cache: PromptCache | None = None
    passthrough: bool | None = None
    strict: bool | None = None
    strict_open_ai_compliance: bool | None = None


_TOP = _Inherited()


class _Growing:
    """A tree while it is made."""

    def __init__(self, verifies: bool) -> None:
        self._verifies = verifies
        self.branches: list[Branch] = []
        self.watched = self.asks_budget = False

    def grow(self, config: RouteConfig, at: str, above: _Inherited, depth: int) -> Node:
        if depth > DEEPEST:
            raise Flaw(at, f"targets may be nested {DEEPEST} deep")
        here = _inherit(config, at, above)
        semantic = here.cache.semantic if config.cache is not None and here.cache is not None else None
        if semantic is not None and semantic.levels != LEVELS[:1] and not self._verifies:
            raise Flaw(
                f"{at}.cache.levels",
                f"'{semantic.levels[-1]}' needs a cache that keeps words, which 'sqlite:' and 'memory:' do",
            )
        if config.strategy is None and not config.targets:
            return self._leaf(config, at, here)
        strategy = config.strategy or Strategy("single")
        for member in ("provider", "virtual_key", "api_key"):
            if getattr(config, member):
                raise Flaw(f"{at}.{member}", "beside targets this has no meaning: put it into one of them")
        if not config.targets:
            raise Flaw(f"{at}.targets", f"a strategy needs targets ({strategy.mode})")
        if strategy.cb_config is not None:
            here = msgspec.structs.replace(here, breaker=_breaker(strategy.cb_config, f"{at}.strategy.cb_config"))
        config = msgspec.structs.replace(config, strategy=strategy)
        if strategy.mode == "single":
            return self.grow(config.targets[0], f"{at}.targets[0]", here, depth + 1)
        self.watched |= strategy.method == "quota"
        children = tuple(self.grow(each, f"{at}.targets[{n}]", here, depth + 1) for n, each in enumerate(config.targets))
        made = _STRATEGIES[strategy.mode](config, strategy, children, at)
        if isinstance(made, Choice):
            self.asks_budget |= any("budget.remaining" in rule.query.asks for rule in made.rules)
        return made

    def _leaf(self, config: RouteConfig, at: str, here: _Inherited) -> Leaf:
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
                NO_CHANGES if here.passthrough else changes,
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


def _inherit(config: RouteConfig, at: str, above: _Inherited) -> _Inherited:
    """What holds here: a member's own word before what comes down."""
    if config.request_timeout is not None and not 0 < config.request_timeout <= _LONGEST:
        raise Flaw(f"{at}.request_timeout", f"must lie between 1 and {_LONGEST} milliseconds")
    if not isfinite(config.weight) or config.weight < 0:
        raise Flaw(f"{at}.weight", "must be 0 or more")
    drops = [*above.drops]
    for n, path in enumerate(config.drop_params):
        try:
            drops.append(read_drop(path))
        except ValueError as error:
            raise Flaw(f"{at}.drop_params[{n}]", str(error)) from None
    forward = tuple(name.strip().lower().encode("latin-1", "replace") for name in config.forward_headers)
    for n, name in enumerate(forward):
        if not forwardable(name):
            raise Flaw(f"{at}.forward_headers[{n}]", "this header belongs to one connection, or carries a key")

    def own(name: str) -> bool | None:
        said: bool | None = getattr(config, name)
        inherited: bool | None = getattr(above, name)
        return inherited if said is None else said

    return _Inherited(
        overrides={**above.overrides, **config.override_params},
        defaults={**above.defaults, **config.default_params},
        drops=tuple(drops),
        retry=above.retry if config.retry is None else _retry(config.retry, f"{at}.retry"),
        breaker=above.breaker,
        custom_host=config.custom_host or above.custom_host,
        forward=forward or above.forward,
        request_timeout=config.request_timeout or above.request_timeout,
        timeouts=above.timeouts if config.timeouts is None else _timeouts(config.timeouts, above.timeouts, f"{at}.timeouts"),
        hedge=above.hedge if config.hedge is None else _hedge(config.hedge, f"{at}.hedge"),
        cache=above.cache if config.cache is None else read_cache(config.cache, f"{at}.cache"),
        prompt_cache=(
            above.prompt_cache if config.prompt_cache is None else _prompt_cache(config.prompt_cache, f"{at}.prompt_cache")
        ),
        passthrough=own("passthrough"),
        strict=own("strict"),
        strict_open_ai_compliance=own("strict_open_ai_compliance"),
    )


def _timeouts(config: TimeoutConfig, above: TimeoutConfig | None, at: str) -> TimeoutConfig:
    said = config.said()
    for name, seconds in said.items():
        if not 0 < seconds <= _LONGEST_S:
            raise Flaw(f"{at}.{name}", f"must be a number of seconds above 0 and at most {_LONGEST_S}")
    return config if above is None else msgspec.structs.replace(above, **said)


def _hedge(config: HedgeConfig | bool, at: str) -> Hedge | None:
    if config is False:
        return None
    if config is True:
        return Hedge()
    try:
        return read_hedge(config.after, config.max_percentage, config.to == "same")
    except ValueError as error:
        raise Flaw(at, str(error)) from None


def _prompt_cache(config: PromptCacheConfig | str | bool, at: str) -> PromptCache | None:
    if not isinstance(config, PromptCacheConfig):
        config = PromptCacheConfig("auto" if config in ("auto", True) else "off")
    if config.min_tokens is not None and config.min_tokens < 1:
        raise Flaw(f"{at}.min_tokens", "must be 1 or more")
    return None if config.mode == "off" else PromptCache(config.ttl, config.min_tokens)


def _retry(config: RetryConfig, at: str) -> Retry:
    heed = config.use_retry_after_headers if config.use_retry_after_header is None else config.use_retry_after_header
    listed = config.on_status_codes
    if listed is None:
        listed = DEFAULT_STATUSES if config.on_failures is None else ()
    try:
        return Retry(
            config.attempts,
            _statuses(listed, f"{at}.on_status_codes"),
            frozenset(config.on_failures or ()),
            (min(1000, config.cap_ms) if config.base_ms is None else config.base_ms) / 1000,
            config.cap_ms / 1000,
            heed is not False,
        )
    except ValueError as error:
        raise Flaw(at, str(error)) from None


def _breaker(config: BreakerConfig | bool, at: str) -> BreakerPolicy | None:
    if config is False:
        return None
    if config is True:
        return BreakerPolicy()
    try:
        return BreakerPolicy(
            failures=config.failure_threshold,
            percentage=config.failure_threshold_percentage,
            cooldown_s=config.cooldown_interval / 1000,
            statuses=None if config.failure_status_codes is None else frozenset(config.failure_status_codes),
            minimum=config.minimum_requests,
            window_s=config.window / 1000,
        )
    except ValueError as error:
        raise Flaw(at, str(error)) from None


def _trigger(strategy: Strategy, at: str) -> Trigger:
    statuses, kinds = strategy.on_status_codes, strategy.on_failures
    return Trigger(
        None if statuses is None else _statuses(statuses, f"{at}.strategy.on_status_codes"),
        None if kinds is None else frozenset[FailureKind](kinds),
    )


def _fallback(config: RouteConfig, strategy: Strategy, children: tuple[Node, ...], at: str) -> Node:
    return Fallback(at, children, _trigger(strategy, at))


def _balance(config: RouteConfig, strategy: Strategy, children: tuple[Node, ...], at: str) -> Node:
    weights = tuple(each.weight for each in config.targets)
    if not any(weights):
        raise Flaw(f"{at}.targets", "all weights are 0: give one of them a weight above 0")
    turns = Turns([0.0] * len(children)) if strategy.method == "round_robin" else None
    draw = Draw(weights, strategy.method, _sticky(strategy, at), turns, at)
    goes_on = strategy.on_status_codes is not None or strategy.on_failures is not None
    return Balance(at, children, draw, _trigger(strategy, at) if goes_on else None)


def _sticky(strategy: Strategy, at: str) -> Sticky | None:
    sticky = strategy.sticky
    if sticky is None or not sticky.enabled:
        return None
    if sticky.ttl <= 0:
        raise Flaw(f"{at}.strategy.sticky.ttl", "must be a number of seconds above 0")
    if sticky.by:
        if sticky.hash_fields:
            raise Flaw(f"{at}.strategy.sticky.hash_fields", "what tells conversations apart is known: leave it out, or 'by'")
        return Sticky((Path(sticky.by, sticky.by),), float(sticky.ttl), Moved())
    if not sticky.hash_fields:
        raise Flaw(f"{at}.strategy.sticky.hash_fields", "name what tells callers apart, like 'metadata.user'")
    fields = (_field(field, f"{at}.strategy.sticky.hash_fields[{n}]") for n, field in enumerate(sticky.hash_fields))
    return Sticky(tuple(fields), float(sticky.ttl))


def _field(text: str, at: str) -> Path:
    """A fact that tells callers apart. Of headers it may be any, since nothing of it is shown."""
    group, _, name = text.partition(".")
    return Path(text, group, name.lower()) if group == "headers" and name else read_path(text, at)


def _choice(config: RouteConfig, strategy: Strategy, children: tuple[Node, ...], at: str) -> Node:
    named = {each.name: n for n, each in enumerate(config.targets) if each.name}
    known = ", ".join(named) or "none has a name"

    def child(name: str, where: str) -> int:
        if name not in named:
            raise Flaw(where, f"no target here is called '{name}' ({known})")
        return named[name]

    if len(named) < sum(1 for each in config.targets if each.name):
        raise Flaw(f"{at}.targets", "two targets have the same name")
    if not strategy.conditions:
        raise Flaw(f"{at}.strategy.conditions", "a conditional needs conditions")
    if len(strategy.conditions) > MOST_CONDITIONS:
        raise Flaw(f"{at}.strategy.conditions", f"there may be {MOST_CONDITIONS} conditions")
    rules = tuple(
        Rule(
            _query(each.query, f"{at}.strategy.conditions[{n}].query"),
            child(each.then, f"{at}.strategy.conditions[{n}].then"),
        )
        for n, each in enumerate(strategy.conditions)
    )
    return Choice(at, children, rules, child(strategy.default, f"{at}.strategy.default") if strategy.default else None)


def _query(query: dict[str, Any], at: str) -> Predicate:
    try:
        return compile_query(query, at)
    except Refusal as refusal:
        raise Flaw(refusal.param, refusal.message.removeprefix(f"{refusal.param}: ").rstrip(".")) from None


_STRATEGIES = {"fallback": _fallback, "loadbalance": _balance, "conditional": _choice}


def _statuses(listed: list[int] | frozenset[int] | tuple[()], at: str) -> frozenset[int]:
    for status in listed:
        if not 100 <= status <= 599:
            raise Flaw(at, f"{status} is no HTTP status")
    return frozenset(listed)


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
