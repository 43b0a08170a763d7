"""What is told of a request's plan: its route with all that decides there, its targets, and the ways it may go.

The words are those of a config, so that who wrote one finds it again. Of parameters the names are told and not the values, of
providers their slugs: whoever may ask for an answer may ask how it would come about, and no more.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.record import Decided, Gear, Match
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.caching import Scope
from lockgate.policy.hedge import Hedge
from lockgate.policy.prompt_cache import PromptCache
from lockgate.policy.retry import Retry


class No(msgspec.Struct, omit_defaults=True):
    """A refusal, as it would be answered."""

    status: int
    code: str
    message: str
    param: str = ""

    @classmethod
    def of(cls, refusal: Refusal) -> No:
        """The refusal as a value."""
        return cls(refusal.status, refusal.code, refusal.message, refusal.param)


class Retries(msgspec.Struct):
    """Tries on a target after the first one, as `retry` of a config says it."""

    attempts: int
    on_status_codes: list[int]
    on_failures: list[str]
    base_ms: int
    cap_ms: int
    use_retry_after_header: bool

    @classmethod
    def of(cls, retry: Retry) -> Retries | None:
        """The retries of a target; None for none."""
        if not retry.attempts:
            return None
        return cls(
            retry.attempts,
            sorted(retry.statuses),
            sorted(retry.kinds),
            round(retry.base_s * 1000),
            round(retry.cap_s * 1000),
            retry.use_retry_after,
        )


class Circuit(msgspec.Struct, omit_defaults=True):
    """A target's circuit breaker, as `cb_config` says it; its state now ("" where nobody knows), and in how many milliseconds
    the next request may try the target."""

    state: str = ""
    probe_in_ms: int = 0
    failure_threshold: int | None = None
    failure_threshold_percentage: float | None = None
    cooldown_interval: int = 0
    failure_status_codes: list[int] | None = None
    minimum_requests: int = 0
    window: int = 0

    @classmethod
    def of(cls, policy: BreakerPolicy) -> Circuit:
        """A circuit of whose state nothing is known."""
        return cls(
            failure_threshold=policy.failures,
            failure_threshold_percentage=policy.percentage,
            cooldown_interval=round(policy.cooldown_s * 1000),
            failure_status_codes=None if policy.statuses is None else sorted(policy.statuses),
            minimum_requests=policy.minimum,
            window=round(policy.window_s * 1000),
        )


class Hedged(msgspec.Struct):
    """A second request beside a first that is slow: after so long, or after the percentile of what is usual; to whom, and how
    many in a hundred there may be."""

    after: str
    to: Literal["next", "same"]
    max_percentage: float

    @classmethod
    def of(cls, hedge: Hedge | None) -> Hedged | None:
        """As a route has it; None: it has none."""
        if hedge is None:
            return None
        after = f"{hedge.after_s * 1000:g} ms" if hedge.percentile is None else f"p{hedge.percentile}"
        return cls(after, "same" if hedge.same else "next", hedge.percentage)


class Recalling(msgspec.Struct, omit_defaults=True):
    """What the cache would do at a target, as `cache` of a config and the request say it: `max_age` in seconds; `matched`:
    answers to other words are looked for, by `levels`, of which those `in_shadow` only tell what they have found (`shadow`: all
    of them); `level`: how sure the verifier must be. No judge is asked to explain something.

    capped_from       how long it would be kept, in seconds, if the workspace and its organisation had no cap
    looked_up, kept   whether an answer is looked for, and kept when it is asked for
    why               why not
    found             the request whose answer is there for exactly this ("" for none, or where nobody knows: no gateway that
                      runs was asked), and its age in seconds
    match             how one is found that was an answer to other words
    under_way         somebody else is being answered just this: the answer would be shared
    """

    mode: Literal["simple", "semantic"]
    max_age: int
    scope: Scope
    coalesce: bool
    looked_up: bool
    kept: bool
    levels: list[str] = []
    level: str = ""
    shadow: bool = False
    in_shadow: list[str] = []
    matched: bool = False
    namespace: str = ""
    capped_from: int | None = None
    why: str = ""
    found: str = ""
    age: int | None = None
    match: Match | None = None
    under_way: bool = False


class Warmed(msgspec.Struct, omit_defaults=True):
    """How the provider's own prompt cache is helped: for how long, from how many tokens on (None: as the model needs), and in
    which members of this request's body something is `put`."""

    ttl: str
    min_tokens: int | None = None
    put: list[str] = []

    @classmethod
    def of(cls, wish: PromptCache | None) -> Warmed | None:
        """As a route has it; None: it is not helped."""
        return None if wish is None else cls(wish.ttl, wish.min_tokens)


class Told(msgspec.Struct, omit_defaults=True):
    """A target. `model` is as it is sent; `dialect` what the provider is spoken to in.

    put, changed, left_out   members of the body that the route or the provider's row adds, changes, takes away
    losses                   what the target's dialect cannot say
    timeouts                 in seconds
    skipped                  why it would not be tried now: access, an operation that it lacks, its circuit, a parked key
    """

    at: str
    name: str = ""
    provider: str = ""
    provider_kind: str = ""
    model: str = ""
    dialect: str = ""
    gear: Gear = ""
    put: list[str] = []
    changed: list[str] = []
    left_out: list[str] = []
    losses: list[str] = []
    timeouts: dict[str, float] = {}
    retry: Retries | None = None
    hedge: Hedged | None = None
    prompt_cache: Warmed | None = None
    circuit: Circuit | None = None
    cache: Recalling | None = None
    skipped: str = ""
    refusal: No | None = None


class Held(msgspec.Struct):
    """A condition: the target that it leads to, whether it holds, and why. The first that holds decides."""

    then: str
    holds: bool
    why: str


class Branch(msgspec.Struct, omit_defaults=True):
    """A place in the route: a strategy and what is below it, or (`strategy` "") a target.

    odds         how likely its balance draws it, before anything is known of its health; None: it is no balance's
    goes_on      a loadbalance draws another target in place of one that fails
    on_status_codes, on_failures   after what; none of both: after every failure
    """

    at: str
    strategy: Literal["", "fallback", "loadbalance", "conditional"] = ""
    name: str = ""
    odds: float | None = None
    weight: float | None = None
    method: str = ""
    by: str = ""
    sticky: bool = False
    goes_on: bool = False
    on_status_codes: list[int] | None = None
    on_failures: list[str] | None = None
    conditions: list[Held] = []
    default: str = ""
    targets: list[Branch] = []


class Step(msgspec.Struct, omit_defaults=True):
    """A decision, as records have them."""

    at: str
    what: Decided
    why: str = ""


class Tried(msgspec.Struct, omit_defaults=True):
    """A target that is tried: how often, where it was asked how it fails."""

    at: str
    provider: str
    model: str
    times: int = 1
    fails: str = ""


class Course(msgspec.Struct, omit_defaults=True):
    """One way that the request may go: its odds, whom it tries in which order, and all decisions.

    `ends`: "answers" (the one of `tries`), "fails" (all of them have), "refused" (with `refusal`).
    """

    odds: float
    tries: list[Tried]
    decisions: list[Step]
    ends: Literal["answers", "fails", "refused"]
    refusal: No | None = None


class Explanation(msgspec.Struct, omit_defaults=True):
    """A request's plan. `config` is its name ("inline" for one that came with the request), `config_from` says who named it.

    fails     how the targets are taken to fail, in the order in which they are tried; [] for "in a way that goes on"
    more      targets of the route beyond those that are told
    rest      the odds of the ways beyond those that are told
    live      whether the state of circuits and keys is known
    """

    object: str
    path: str
    operation: str
    revision: str
    model: str = ""
    stream: bool = False
    key: str = ""
    config: str = ""
    config_from: Literal["", "header", "model", "key"] = ""
    fails: list[str] = []
    live: bool = True
    refusal: No | None = None
    route: Branch | None = None
    targets: list[Told] = []
    more: int = 0
    ways: list[Course] = []
    rest: float = 0.0
