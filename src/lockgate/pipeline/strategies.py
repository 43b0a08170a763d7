"""The strategies of a config, each read into the node of the tree that it is: a strategy is a function and a row."""

from __future__ import annotations

from typing import Any

from lockgate.core.failure import FailureKind, Refusal
from lockgate.pipeline.route import Flaw, RouteConfig, Strategy, read_statuses
from lockgate.policy.balance import Draw, Moved, Sticky, Turns
from lockgate.policy.condition import Predicate, compile_query
from lockgate.policy.facts import Path, read_path
from lockgate.policy.tree import Balance, Choice, Fallback, Node, Rule, Trigger

#: How many conditions one strategy may have.
MOST_CONDITIONS = 64


def _trigger(strategy: Strategy, at: str) -> Trigger:
    statuses, kinds = strategy.on_status_codes, strategy.on_failures
    return Trigger(
        None if statuses is None else read_statuses(statuses, f"{at}.strategy.on_status_codes"),
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


#: How each strategy is made of its config and the targets below it. Raise `Flaw`.
STRATEGIES = {"fallback": _fallback, "loadbalance": _balance, "conditional": _choice}
