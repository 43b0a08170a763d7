"""A route as it is written: the members of a config, saved in `lockgate.yaml` or inline in a header.

The grammar is the one that Portkey's users know (https://portkey.ai/docs/product/ai-gateway/configs), in both spellings where
its documents and its code differ; a member that this version does not know is an error with its path, never ignored.
`pipeline.branches` makes it a tree that can be walked.
"""

from __future__ import annotations

import re
from typing import Any, Literal, cast

import msgspec

from lockgate.core.failure import FailureKind, Refusal
from lockgate.core.json import encode, readable
from lockgate.policy.balance import Method
from lockgate.policy.caching import Scope
from lockgate.policy.prompt_cache import Ttl
from lockgate.providers.auth.settings import Settings


class RetryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Tries on the same target after the first one.

    attempts          how many, at most 10
    on_status_codes   statuses that are tried again; on_failures: classes of failure
    use_retry_after_header   wait as long as the provider says (the default), where that is not too long
    base_ms, cap_ms   the n-th wait is drawn from 0 to base × 2ⁿ (a second × 2ⁿ), and never above the cap
    """

    attempts: int = 0
    on_status_codes: list[int] | None = None
    on_failures: list[FailureKind] | None = None
    use_retry_after_header: bool | None = None
    use_retry_after_headers: bool | None = None
    base_ms: int | None = None
    cap_ms: int = 60_000


class StickyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The same target for `ttl` seconds for callers of whom `hash_fields` are the same ("metadata.user", "headers.x-team").

    by    "conversation", instead of fields: the same target as long as a conversation goes on, so that the prompt cache there
          is warm; one that had to go to another stays there until nothing was heard of it for `ttl` seconds
    """

    enabled: bool = True
    by: Literal["", "conversation"] = ""
    hash_fields: list[str] = msgspec.field(default_factory=list[str])
    ttl: int = 3600


class BreakerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a target is left alone for a while.

    failure_threshold              failures within the window that open the circuit
    failure_threshold_percentage   or this share of the requests, of at least `minimum_requests`
    cooldown_interval              milliseconds until a single request may probe it
    failure_status_codes           what counts as a failure; all of 500 and above, and network trouble, when left out
    window                         milliseconds that are looked back
    """

    failure_threshold: int | None = None
    failure_threshold_percentage: float | None = None
    cooldown_interval: int = 30_000
    failure_status_codes: list[int] | None = None
    minimum_requests: int = 5
    window: int = 60_000


class HedgeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a second attempt goes out beside a first one that has not begun its answer; whichever begins first is the answer.

    after           milliseconds, or a percentile of the times in which the target has begun its answers lately: p50 to p99
    max_percentage  of the requests that are hedged at most
    to              next: the next target of the route; same: the same one once more
    """

    after: str | float = "p95"
    max_percentage: float = 5.0
    to: Literal["next", "same"] = "next"


class Flaw(Exception):
    """What is wrong with a route, and where."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


#: How answers are given again: not at all; to exactly the same request; to one that says the same in other words, too.
MODES = ("off", "simple", "semantic")


class CacheConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Answers are kept, and given again to who asks the same.

    mode      simple: exactly the same; semantic: the same in other words, too; off: not here
    max_age   seconds that an answer is kept: 60 to 7,776,000; a week when left out
    scope     among whom: workspace, key or user
    coalesce  who asks the same while an answer is on its way is given that one
    levels    semantic: by which the same in other words is told: canonical, verified, judged; canonical alone when left out
    level     semantic: how sure the verifier must be: strict, standard or wide
    judge     semantic: of the level judged, the model that is asked where the verifier is not sure ("@openai/gpt-5-mini")
    shadow    semantic: no answer is given; the record says which would have been. Or a list of levels, which give none
    max_temperature   semantic: not for requests above it
    """

    mode: str = "simple"
    max_age: int | None = None
    scope: Scope = "workspace"
    coalesce: bool = True
    levels: list[str] | None = None
    level: str | None = None
    judge: str | None = None
    shadow: bool | list[str] = False
    max_temperature: float = 1.0


class PromptCacheConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The provider's own cache of prompts is helped: prefixes are marked where it asks for marks, conversations named where it
    asks for that. Where the caller has done so itself, nothing is put.

    mode         auto, off
    ttl          how long a prefix is kept: 5m or 1h, where the provider can be told
    min_tokens   from how many tokens on a prefix is marked; as many as the model needs when left out
    """

    mode: Literal["auto", "off"] = "auto"
    ttl: Ttl = "5m"
    min_tokens: int | None = None


class TimeoutConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Seconds. Until a connection stands; until the answer's headers; the longest silence inside an answer; all of it."""

    connect: float | None = None
    first_byte: float | None = None
    idle: float | None = None
    total: float | None = None

    def said(self) -> dict[str, float]:
        """Those that are said."""
        return {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The target (by its name) for requests of which the query holds."""

    query: dict[str, Any]
    then: str


class Strategy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one of several targets is found.

    mode              single (the first), fallback, loadbalance, conditional
    on_status_codes, on_failures   what a fallback goes on after, by status and by class; all failures when both are left out.
                      In a loadbalance: after what another target is drawn; none when both are left out
    conditions, default   of a conditional
    method            of a loadbalance: weighted, round_robin, least_busy, latency, cost, quota
    sticky            of a loadbalance
    cb_config         the circuit breaker of the targets below; `false`: none
    """

    mode: Literal["single", "fallback", "loadbalance", "conditional"]
    on_status_codes: list[int] | None = None
    on_failures: list[FailureKind] | None = None
    conditions: list[Condition] = msgspec.field(default_factory=list[Condition])
    default: str = ""
    method: Method = "weighted"
    sticky: StickyConfig | None = None
    cb_config: BreakerConfig | bool | None = None


class RouteConfig(Settings, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A target, or a strategy with targets, to any depth.

    provider          a provider's name from the table, or "@slug" for one that is set up here
    virtual_key       a slug, as older configs say it
    api_key           the provider's key, where the caller brings its own
    custom_host       replaces the provider's base URL; needs an egress rule
    override_params   members that replace those of the request body; default_params: that are put where they are absent;
                      drop_params: paths of those that are left out ("user", "messages[*].name")
    passthrough       the body goes out as it came
    forward_headers   headers of the caller that go along
    timeouts          instead of those of the provider
    request_timeout   milliseconds until the answer's headers; comes before `timeouts.first_byte`
    hedge             a second attempt beside a slow first one; `true`: as usual, `false`: none
    cache             answers are given again: true or "simple", or how; false or "off": not
    prompt_cache      the provider's prompt cache is helped: true or "auto", or how; false or "off": not
    upstream_api      for a provider with two APIs of its own: which one to use
    strict            a member that the target cannot be told is an error, not a loss with a name
    strict_open_ai_compliance   false: answers hold what OpenAI's have no member for
    name, weight      what a condition calls it; its part of a loadbalance

    Targets inherit what they do not say themselves: `retry`, `hedge`, `cache`, `prompt_cache` and the breaker whole,
    parameters and timeouts member by member.
    The caller's own account is said by the members of `Settings`; `params` fill the provider's address.
    """

    name: str = ""
    weight: float = 1.0
    strategy: Strategy | None = None
    targets: list[RouteConfig] = msgspec.field(default_factory=list["RouteConfig"])
    retry: RetryConfig | None = None
    provider: str = ""
    virtual_key: str = ""
    api_key: str = ""
    custom_host: str = ""
    override_params: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict[str, msgspec.Raw])
    default_params: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict[str, msgspec.Raw])
    drop_params: list[str] = msgspec.field(default_factory=list[str])
    passthrough: bool | None = None
    forward_headers: list[str] = msgspec.field(default_factory=list[str])
    request_timeout: int | None = None
    timeouts: TimeoutConfig | None = None
    hedge: HedgeConfig | bool | None = None
    cache: CacheConfig | str | bool | None = None
    prompt_cache: PromptCacheConfig | Literal["auto", "off"] | bool | None = None
    upstream_api: Literal["", "chat", "responses"] = ""
    strict: bool | None = None
    strict_open_ai_compliance: bool | None = None

    def __repr__(self) -> str:
        return f"RouteConfig({self.provider or self.virtual_key or self.name!r})"


#: Where an error in an inline config is said to be.
AT = "config"


def read_inline(text: bytes) -> RouteConfig:
    """An inline config. Raises `Refusal` 400 with the path of what is wrong."""
    try:
        return readable(text, RouteConfig, AT)
    except Refusal as refusal:
        # Members in camel case are the same members to Portkey's gateway, which turns all into it.
        if refusal.code != "invalid_type" or (other := _snaked(msgspec.json.decode(text))) is None:
            raise
        return readable(encode(other), RouteConfig, AT)


#: Members whose values are not ours to spell.
_FOREIGN = frozenset(("override_params", "default_params", "query", "params", "vertex_service_account_json"))
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def _snaked(tree: object) -> object | None:
    """A config with its members' names in snake case; None when they are already."""
    changed = False

    def walk(value: object) -> object:
        nonlocal changed
        if isinstance(value, list):
            return [walk(each) for each in cast("list[object]", value)]
        if not isinstance(value, dict):
            return value
        out: dict[str, object] = {}
        for name, each in cast("dict[str, object]", value).items():
            snake = _HUMP.sub("_", name).lower()
            changed = changed or snake != name
            out[snake] = each if snake in _FOREIGN else walk(each)
        return out

    snaked = walk(tree)
    return snaked if changed else None


def read_statuses(listed: list[int] | frozenset[int] | tuple[()], at: str) -> frozenset[int]:
    """The HTTP statuses that a config lists. Raises `Flaw`."""
    for status in listed:
        if not 100 <= status <= 599:
            raise Flaw(at, f"{status} is no HTTP status")
    return frozenset(listed)
