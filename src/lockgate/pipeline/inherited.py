"""What a member of a route inherits from those above it, and says itself: each part of a config, read into its rule."""

from __future__ import annotations

from math import isfinite

import msgspec

from lockgate.pipeline.cache_config import read_cache
from lockgate.pipeline.forwarding import forwardable
from lockgate.pipeline.params import Drop, read_drop
from lockgate.pipeline.route import (
    BreakerConfig,
    Flaw,
    HedgeConfig,
    PromptCacheConfig,
    RetryConfig,
    RouteConfig,
    TimeoutConfig,
    read_statuses,
)
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.caching import CachePolicy
from lockgate.policy.hedge import Hedge, read_hedge
from lockgate.policy.prompt_cache import PromptCache
from lockgate.policy.retry import DEFAULT_STATUSES, Retry

#: A retry that was not asked for.
_NO_RETRY = Retry()
#: The longest timeouts that a config may name: in milliseconds for `request_timeout`, in seconds for `timeouts`.
_LONGEST, _LONGEST_S = 3_600_000, 86_400


class Inherited(msgspec.Struct, frozen=True):
    """What holds at one place of a route: what was said there, before what comes down from the strategies above."""

    overrides: dict[str, msgspec.Raw] = {}
    defaults: dict[str, msgspec.Raw] = {}
    drops: tuple[Drop, ...] = ()
    retry: Retry = _NO_RETRY
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


TOP = Inherited()


def inherit(config: RouteConfig, at: str, above: Inherited) -> Inherited:
    """What holds here: a member's own word before what comes down. Raises `Flaw`."""
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

    return Inherited(
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
            read_statuses(listed, f"{at}.on_status_codes"),
            frozenset(config.on_failures or ()),
            (min(1000, config.cap_ms) if config.base_ms is None else config.base_ms) / 1000,
            config.cap_ms / 1000,
            heed is not False,
        )
    except ValueError as error:
        raise Flaw(at, str(error)) from None


def read_breaker(config: BreakerConfig | bool, at: str) -> BreakerPolicy | None:
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
