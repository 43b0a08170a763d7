"""`router_settings`, `litellm_settings` and `general_settings`: what of them steers routing, and what becomes a section here.

Source: https://docs.litellm.ai/docs/proxy/config_settings
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lockgate.control.imports.accounts import Accounts, Secret
from lockgate.control.imports.draft import Draft
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.litellm.deployments import milliseconds
from lockgate.control.imports.litellm.left import leave
from lockgate.control.imports.litellm.members import Members
from lockgate.core.failure import FailureKind
from lockgate.policy.retry import MOST_ATTEMPTS

METHODS = {
    "simple-shuffle": "weighted",
    "least-busy": "least_busy",
    "latency-based-routing": "latency",
    "cost-based-routing": "cost",
    "usage-based-routing": "quota",
    "usage-based-routing-v2": "quota",
}

#: LiteLLM's classes of errors, as its retry policies name them → ours.
_RETRIED: dict[str, tuple[FailureKind, ...]] = {
    "BadRequestErrorRetries": ("bad_request",),
    "AuthenticationErrorRetries": ("auth",),
    "TimeoutErrorRetries": ("timeout",),
    "RateLimitErrorRetries": ("rate_limit",),
    "ContentPolicyViolationErrorRetries": ("content_policy",),
    "InternalServerErrorRetries": ("server", "connect", "cut", "malformed"),
    "ServiceUnavailableErrorRetries": ("overloaded",),
    "NotFoundErrorRetries": ("not_found",),
}
#: Those of them that LiteLLM retries where a policy does not name them.
_USUAL = ("TimeoutErrorRetries", "RateLimitErrorRetries", "InternalServerErrorRetries", "ServiceUnavailableErrorRetries")
#: LiteLLM's own number of retries where nobody says one.
USUAL_RETRIES = 2

_DAYS = re.compile(r"([0-9]+)\s*([dhw])")
_HOURS = {"h": 1, "d": 24, "w": 168}


class Policy(msgspec.Struct, frozen=True):
    """How often, and after what, a request is tried again. `kinds` None: after what is usual."""

    attempts: int | None = None
    kinds: list[FailureKind] | None = None


class Router(msgspec.Struct):
    """What steers routing: the two sections that say it, read together."""

    method: str = "weighted"
    methods: dict[str, str] = {}  # of single groups
    policy: Policy = Policy()
    policies: dict[str, Policy] = {}  # of single groups
    retry_after_ms: int | None = None
    breaker: dict[str, Any] = {}
    fallbacks: dict[str, list[str]] = {}
    context_window: dict[str, list[str]] | None = None
    content_policy: dict[str, list[str]] | None = None
    aliases: dict[str, str] = {}


def read_router(router: Members, litellm: Members, draft: Draft, findings: Findings) -> Router:
    """The router of a source; `router_settings` goes before `litellm_settings`. The timeout goes into the draft."""
    found = Router()
    found.method = _method(router, findings)
    found.methods = _methods(router, findings)
    counts = [members.number("num_retries") for members in (router, litellm)]
    count = next((number for number in counts if number is not None), None)
    found.policy = Policy(None if count is None else _attempts(int(count), "num_retries", findings))
    if policy := router.take("retry_policy"):
        found.policy = _policy(Members(policy, router.path("retry_policy"), findings), found.policy.attempts)
    for group, policy in router.mapping("model_group_retry_policy").items():
        members = Members(policy, router.path(f"model_group_retry_policy.{group}"), findings)
        found.policies[group] = _policy(members, found.policy.attempts)
    if (after := router.number("retry_after")) is not None and after > 0:
        found.retry_after_ms = round(after * 1000)
    found.breaker = _breaker(router, litellm, findings)
    found.fallbacks = _lists(router, litellm, "fallbacks") or {}
    default = router.items("default_fallbacks") or litellm.items("default_fallbacks")
    if default:
        found.fallbacks.setdefault("*", [str(each) for each in default])
    found.context_window = _lists(router, litellm, "context_window_fallbacks")
    found.content_policy = _lists(router, litellm, "content_policy_fallbacks")
    for name, meant in router.mapping("model_group_alias").items():
        meant = meant.get("model") if isinstance(meant, dict) else meant
        if isinstance(meant, str):
            found.aliases[name] = meant
    _timeout(router, litellm, draft, findings)
    leave(router, "router_settings")
    return found


def read_litellm(litellm: Members, draft: Draft, findings: Findings) -> None:
    """What is left of `litellm_settings` after the router has been read."""
    if litellm.flag("turn_off_message_logging"):
        draft.log["capture"] = "metadata"
        findings.carried(litellm.path("turn_off_message_logging"), "bodies are not recorded")
    leave(litellm, "litellm_settings")


def read_general(general: Members, draft: Draft, accounts: Accounts, findings: Findings) -> None:
    """`general_settings`: the master key opens completions here, and what is kept of bodies stays so."""
    if key := general.text("master_key"):
        at = general.path("master_key")
        draft.keys.append({"name": "litellm-master", "key": accounts.hide(Secret(key, "MASTER_KEY", at), "litellm")})
        findings.changed(at, "a key for completions and lists of models, so that callers keep it; it is no admin key")
    if general.flag("store_prompts_in_spend_logs"):
        findings.carried(general.path("store_prompts_in_spend_logs"), "bodies are recorded, as always here (log.capture)")
    elif draft.log.setdefault("capture", "metadata"):
        findings.changed(general.at, "log.capture is metadata: LiteLLM keeps no prompts unless asked; else leave it out")
    if period := general.text("maximum_spend_logs_retention_period"):
        match = _DAYS.fullmatch(period)
        if match:
            draft.log["retention_days"] = max(1, int(match[1]) * _HOURS[match[2]] // 24)
            findings.carried(general.path("maximum_spend_logs_retention_period"), "log.retention_days")
        else:
            findings.left(general.path("maximum_spend_logs_retention_period"), "write it as log.retention_days")
    leave(general, "general_settings")


def read_environment(said: dict[str, Any], needed: list[str], findings: Findings) -> None:
    """`environment_variables`: their values are not copied."""
    for name in said:
        at = f"environment_variables.{name}"
        if name in needed:
            findings.todo(at, "set it in the gateway's environment; its value is not copied")
        else:
            findings.left(at, "nothing here reads it")


def _method(router: Members, findings: Findings) -> str:
    said = router.text("routing_strategy") or "simple-shuffle"
    return _method_of(said, router.path("routing_strategy"), findings)


def _method_of(said: str, at: str, findings: Findings) -> str:
    method = METHODS.get(said)
    if method is None:
        findings.changed(at, f"there is no method like {said}; targets are drawn by weight")
        return "weighted"
    if method == "quota":
        findings.changed(at, "method quota: the target of which the provider says that more of its rate limits is left")
    elif said != "simple-shuffle":
        findings.carried(at, f"method {method} of each loadbalance")
    return method


def _methods(router: Members, findings: Findings) -> dict[str, str]:
    found: dict[str, str] = {}
    for n, tree in enumerate(router.items("routing_groups")):
        group = Members(tree, router.path(f"routing_groups[{n}]"), findings)
        group.take("group_name")
        method = _method_of(group.text("routing_strategy"), group.path("routing_strategy"), findings)
        found |= {str(name): method for name in group.items("models")}
        leave(group, "router_settings")
    return found


def _policy(members: Members, otherwise: int | None) -> Policy:
    """A retry policy: one number for all that is retried, the greatest of those that it has. What it does not name is retried
    `otherwise` times, where LiteLLM retries it at all."""
    counts = {name: int(count) for name in (*_RETRIED, "DefaultRetries") if (count := members.number(name)) is not None}
    default = counts.pop("DefaultRetries", otherwise)
    rest = USUAL_RETRIES if default is None else default
    counts = {**dict.fromkeys(_USUAL, rest), **counts}
    wanted = {name: count for name, count in counts.items() if count > 0}
    if len(set(wanted.values())) > 1:
        members.findings.changed(members.at, f"all that is retried is retried as often: {max(wanted.values())} times")
    if wanted.keys() == set(_USUAL):
        return Policy(_attempts(max(wanted.values()), members.at, members.findings))
    kinds: list[FailureKind] = []
    for name in wanted:
        kinds += _RETRIED[name]
    return Policy(_attempts(max(wanted.values(), default=0), members.at, members.findings), kinds)


def _attempts(count: int, at: str, findings: Findings) -> int:
    if count > MOST_ATTEMPTS:
        findings.changed(at, f"at most {MOST_ATTEMPTS} retries")
    return max(0, min(count, MOST_ATTEMPTS))


def _breaker(router: Members, litellm: Members, findings: Findings) -> dict[str, Any]:
    fails = [members.number("allowed_fails") for members in (router, litellm)]
    cooldown = [members.number("cooldown_time") for members in (router, litellm)]
    allowed = next((int(number) for number in fails if number is not None), None)
    seconds = next((number for number in cooldown if number is not None), None)
    if router.flag("disable_cooldowns"):
        findings.carried(router.path("disable_cooldowns"), "no circuit breaker (cb_config: false)")
        return {"off": True}
    if allowed is None and seconds is None:
        return {}
    # Without a number of its own LiteLLM leaves a deployment alone when half of at least five requests in a minute failed.
    said: dict[str, Any] = (
        {"failure_threshold_percentage": 50, "minimum_requests": 5} if allowed is None else {"failure_threshold": allowed + 1}
    )
    if seconds is not None:
        said["cooldown_interval"] = max(1000, round(seconds * 1000))
    findings.carried(router.path("allowed_fails"), "cb_config of each loadbalance: how many failures in a minute open it")
    return said


def _lists(router: Members, litellm: Members, name: str) -> dict[str, list[str]] | None:
    """Fallbacks as LiteLLM lists them, [{group: [other, …]}, …]; None when nobody says any."""
    here = router if name in router else litellm
    if name not in here:
        return None
    found: dict[str, list[str]] = {}
    for n, tree in enumerate(here.items(name)):
        at = here.path(f"{name}[{n}]")
        for group, others in Members(tree, at, here.findings).rest().items():
            names: list[str] = []
            for other in others if isinstance(others, list) else [others]:
                if isinstance(other, dict):
                    here.findings.changed(at, "only the model of a fallback is carried over, not what it says besides")
                    other = other.get("model")
                if isinstance(other, str):
                    names.append(other)
            found[group] = names
    return found


def _timeout(router: Members, litellm: Members, draft: Draft, findings: Findings) -> None:
    said = [(members.number(name), members.path(name)) for members, name in ((router, "timeout"), (litellm, "request_timeout"))]
    seconds, at = next(((number, at) for number, at in said if number is not None), (None, ""))
    limit = milliseconds(seconds, at, findings)
    if limit is not None:
        first = limit / 1000
        draft.timeouts = {"first_byte": int(first) if first == int(first) else first}
        if first > 600:
            draft.timeouts["total"] = draft.timeouts["first_byte"]
        findings.carried(at, "timeouts.first_byte: the wait for an answer, or for a stream's first event")
