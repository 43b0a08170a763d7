"""A plan put into the words of an explanation: its route, its targets, what the cache would do, the ways it may go."""

from __future__ import annotations

import msgspec

from lockgate.core.cache_cap import CacheCap
from lockgate.core.failure import Failure
from lockgate.core.sheet import Sheet
from lockgate.pipeline.explanation import (
    Branch,
    Course,
    Hedged,
    Held,
    No,
    Recalling,
    Retries,
    Step,
    Told,
    Tried,
    Warmed,
)
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.question import question_of
from lockgate.pipeline.survey import Way
from lockgate.pipeline.target import Target
from lockgate.policy.caching import CachePolicy, Wish, age_s, capped
from lockgate.policy.facts import Facts
from lockgate.policy.forecast import Foreseen, odds_of
from lockgate.policy.retry import Retry, again
from lockgate.policy.sameness.canonical import canonical
from lockgate.policy.tree import Balance, Choice, Fallback, Leaf, Node, Trigger


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
