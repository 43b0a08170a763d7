"""What is told of a request's plan: its route with all that decides there, its targets, and the ways it may go.

The words are those of a config, so that who wrote one finds it again. Of parameters the names are told and not the values, of
providers their slugs: whoever may ask for an answer may ask how it would come about, and no more.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.cache_cap import CacheCap
from lockgate.core.failure import Failure, Refusal
from lockgate.core.record import Decided, Gear, Match
from lockgate.core.sheet import Sheet
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.question import question_of
from lockgate.pipeline.survey import Way
from lockgate.pipeline.target import Target
from lockgate.policy.breaker import BreakerPolicy
from lockgate.policy.caching import CachePolicy, Scope, Wish, age_s, capped
from lockgate.policy.facts import Facts
from lockgate.policy.forecast import Foreseen, odds_of
from lockgate.policy.hedge import Hedge
from lockgate.policy.prompt_cache import PromptCache
from lockgate.policy.retry import Retry, again
from lockgate.policy.sameness.canonical import canonical
from lockgate.policy.tree import Balance, Choice, Fallback, Leaf, Node, Trigger


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


def tell_route(node: Node, walk: Foreseen, facts: Facts, now: float) -> Branch:
    """A route, with what decides in it for this request. Raises `Refusal` where a condition asks into what cannot be read."""
    if isinstance(node, Leaf):
        return Branch(node.path, name=node.name)
    below = [tell_route(child, walk, facts, now) for child in node.children]
    if isinstance(node, Choice):
        held = [Held(node.children[rule.child].path, rule.query.holds(facts), rule.query.why(facts)) for rule in node.rules]
        default = "" if node.default is None else node.children[node.default].path
        return Branch(node.path, "conditional", conditions=held, default=default, targets=below)
    if isinstance(node, Fallback):
        return _triggered(Branch(node.path, "fallback", targets=below), node.trigger)
    return _triggered(_balance(node, below, walk, facts, now), node.trigger)


def _balance(node: Balance, below: list[Branch], walk: Foreseen, facts: Facts, now: float) -> Branch:
    odds, by = odds_of(node.draw, 0, walk.loads(node), facts, now)
    likely = dict(odds)
    for n, child in enumerate(below):
        child.odds, child.weight = likely.get(n, 0.0), node.draw.weights[n]
    return Branch(
        node.path,
        "loadbalance",
        method=node.draw.method,
        by=by,
        sticky=node.draw.sticky is not None,
        goes_on=node.trigger is not None,
        targets=below,
    )


def _triggered(branch: Branch, trigger: Trigger | None) -> Branch:
    if trigger is not None:
        branch.on_status_codes = None if trigger.statuses is None else sorted(trigger.statuses)
        branch.on_failures = None if trigger.kinds is None else sorted(trigger.kinds)
    return branch


def tell_target(leaf: Leaf, target: Target, told: Told) -> None:
    """Put into `told` what is known of a target without its request."""
    told.provider, told.provider_kind = target.provider.slug, target.provider.row.slug
    told.model, told.dialect = target.model, target.lane.provider.name
    told.timeouts = msgspec.structs.asdict(target.deadlines)
    told.retry, told.hedge = Retries.of(leaf.retry), Hedged.of(target.hedge)
    told.prompt_cache = Warmed.of(target.prompt_cache)


def tell_changes(sheet: Sheet, target: Target, prepared: Prepared, told: Told) -> None:
    """Put into `told` what becomes of a request's members on its way to a target."""
    told.gear, told.losses = prepared.gear, list(prepared.losses)
    if told.prompt_cache is not None:
        told.prompt_cache.put = list(prepared.warmed)
    if prepared.gear == "relay":
        return
    if prepared.gear == "edit" and isinstance(prepared.outgoing.body, bytes):
        after = Sheet.open(prepared.outgoing.body)
    else:  # the other dialect's members are others; the route's changes come before the translation
        after = sheet.copy()
        target.changes.make(after)
    told.put = [name for name in after if name not in sheet]
    told.changed = [name for name in after if name in sheet and after.raw(name) != sheet.raw(name)]
    told.left_out = [name for name in sheet if name not in after]


def tell_cache(prepared: Prepared, asked: CachePolicy, cap: CacheCap, wish: Wish, key: bytes | None) -> Recalling:
    """What the cache would do with a request, of what a config asks of it, and as far as a workspace lets it. `key` is what its
    answer is kept by; b"" for none, None where nobody knows whether there is a cache at all."""
    policy = capped(asked, cap)
    off, policy = (True, asked) if policy is None else (wish.off, policy)
    told = Recalling(
        "simple" if policy.semantic is None else "semantic",
        age_s(policy, wish),
        policy.scope,
        policy.coalesce,
        looked_up=not off and not wish.refresh and key != b"",
        kept=not off and key != b"",
        namespace=wish.namespace,
        capped_from=age_s(asked, wish) if age_s(asked, wish) > age_s(policy, wish) else None,
    )
    if (semantic := policy.semantic) is not None:
        told.levels, told.in_shadow = list(semantic.levels), list(semantic.shadow)
        told.shadow, told.level = (
            semantic.levels == semantic.shadow,
            semantic.certainty if "verified" in semantic.levels else "",
        )
    if cap.off:
        told.why = "the workspace, or its organisation, lets nothing be cached"
    elif wish.off:
        told.why = "the request wants nothing from the cache and nothing in it"
    elif key == b"":
        told.why = "the body that is sent is no JSON, or too large"
    elif wish.refresh:
        told.why = "the request wants to be answered anew"
    elif policy.semantic is not None:
        question = question_of(prepared, policy.semantic)
        if not isinstance(question, str) and canonical(question.words) is None:
            question = "they must not be matched with others"
        told.matched = not isinstance(question, str)
        told.why = f"other words are not matched: {question}" if isinstance(question, str) else ""
    return told


def tries_of(retry: Retry, failure: Failure) -> int:
    """How often a target is tried that always fails so, and has time enough."""
    tries = 1
    while again(retry, tries - 1, failure, left_s=float("inf"), chance=0.0) is not None:
        tries += 1
    return tries


def tell_way(way: Way, fails: list[Failure]) -> Course:
    """A way. `fails` is how its targets fail, as it was asked; [] where it was not."""
    decisions = [Step(each.at, each.what, each.why) for each in way.decisions]
    for each in () if fails else decisions:
        if each.what == "left":
            each.why = "if it fails"
    tries = [Tried(target.path, target.provider.slug, target.model) for target in way.tried]
    for n, each in enumerate(tries if fails else ()):
        failure = nth(fails, n)
        each.fails, each.times = said(failure), tries_of(way.tried[n].retry, failure)
    ends = "refused" if way.refusal is not None else "answers" if way.failure is None else "fails"
    return Course(way.odds, tries, decisions, ends, None if way.refusal is None else No.of(way.refusal))


def nth(fails: list[Failure], n: int) -> Failure:
    """How the n-th target fails; those beyond the list as its last."""
    return fails[min(n, len(fails) - 1)]


def said(failure: Failure) -> str:
    """A failure in two words: "rate_limit (429)"."""
    return f"{failure.kind} ({failure.status})"
