"""Groups and fallbacks as configs: what LiteLLM's router does with a group, in the grammar of `configs`.

Source: https://docs.litellm.ai/docs/routing and https://docs.litellm.ai/docs/proxy/reliability
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from lockgate.control.imports.draft import Draft, slugged, unused
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.litellm.deployments import METRICS, Deployment, Groups
from lockgate.control.imports.litellm.settings import USUAL_RETRIES, Policy, Router
from lockgate.core.failure import FailureKind
from lockgate.pipeline.aliases import resolved

#: What another deployment of the group may answer where one has failed.
_REDRAWN = ["connect", "timeout", "cut", "malformed", "rate_limit", "overloaded", "server", "auth", "billing"]
#: Fallbacks of fallbacks of one group, at most.
_MOST_FALLBACKS = 10

Tree = dict[str, Any]


def write_routes(groups: Groups, router: Router, draft: Draft, findings: Findings) -> None:
    """A config for each group that is more than one model at one account, and an alias for each name that callers ask for."""
    routes = _Routes(groups, router, findings)
    for name, deployments in groups.named.items():
        if flaw := resolved({name: "@slug/model"})[1].get(name):
            findings.left(deployments[0].at.removesuffix(".litellm_params"), f"'{name}' cannot be asked for here: {flaw}")
            continue
        config = routes.config(name)
        if config.keys() <= {"provider", "override_params"}:
            draft.aliases[name] = f"@{deployments[0].slug}/{deployments[0].model}"
            continue
        slug = unused(f"pc-{slugged(name) or 'group'}", draft.configs)
        draft.configs[slug] = config
        draft.aliases[name] = {"config": slug}
        findings.carried(deployments[0].at.removesuffix(".litellm_params"), f"{name} is the config {slug}")
    for name, deployments in groups.wild.items():
        _tell_wild(name, deployments, findings)
    for name, meant in router.aliases.items():
        at = f"router_settings.model_group_alias.{name}"
        if meant in draft.aliases:
            draft.aliases[name] = draft.aliases[meant]
            findings.carried(at, f"an alias for what {meant} is")
        else:
            findings.left(at, f"there is no group '{meant}'")
    if router.policy.attempts is None and any(isinstance(meant, str) for meant in draft.aliases.values()):
        findings.changed(
            "router_settings.num_retries",
            f"LiteLLM retries {USUAL_RETRIES} times where nobody says a number; a plain alias is not retried. Say num_retries "
            "and import again, or give the model a config with retry",
        )


def _tell_wild(name: str, deployments: Iterable[Deployment], findings: Findings) -> None:
    for deployment in deployments:
        models = deployment.model.replace("*", "MODEL")
        own = " or by the model's own name" if name == "*" else ""
        findings.changed(
            deployment.at, f"aliases have no patterns: callers who ask for '{name}' ask for @{deployment.slug}/{models}{own}"
        )


class _Routes:
    def __init__(self, groups: Groups, router: Router, findings: Findings) -> None:
        self._groups = groups
        self._router = router
        self._findings = findings
        # A list for one kind of failure takes that kind from the general one, for all groups.
        special: set[FailureKind] = set()
        if router.context_window is not None:
            special.add("context_window")
        if router.content_policy is not None:
            special.add("content_policy")
        self._general = [kind for kind in get_args(FailureKind) if kind not in special] if special else None

    def config(self, name: str) -> Tree:
        """A group with its fallbacks."""
        node = self._group(name)
        general = self._chain(name)
        node = self._fallback(node, general, self._general, "fallbacks")
        for lists, kind in ((self._router.context_window, "context_window"), (self._router.content_policy, "content_policy")):
            node = self._fallback(node, (lists or {}).get(name, []), [kind], f"{kind}_fallbacks")
        return node

    def _fallback(self, node: Tree, others: list[str], kinds: list[Any] | None, member: str) -> Tree:
        targets = [node]
        for other in others:
            if self._groups.find(other):
                targets.append({"name": other, **self._group(other)})
            else:
                self._findings.left(f"{member}: {other}", "it names no group of model_list")
        if len(targets) == 1:
            return node
        strategy: Tree = {"mode": "fallback"} if kinds is None else {"mode": "fallback", "on_failures": kinds}
        return {"strategy": strategy, "targets": targets}

    def _chain(self, name: str) -> list[str]:
        """The groups that a group falls back to, with those that each of them falls back to behind it."""
        found: dict[str, None] = {}

        def add(group: str) -> None:
            lists = self._router.fallbacks
            for other in lists.get(group, lists.get("*", [])):
                if other != name and other not in found and len(found) < _MOST_FALLBACKS:
                    found[other] = None
                    add(other)

        add(name)
        return list(found)

    def _group(self, name: str) -> Tree:
        """A group by itself: deployments of a lower order first, those of the same order share the requests."""
        orders: dict[float, list[Deployment]] = {}
        for deployment in self._groups.find(name):
            orders.setdefault(float("inf") if deployment.order is None else deployment.order, []).append(deployment)
        levels = [self._level(name, orders[order]) for order in sorted(orders)]
        if len(levels) == 1:
            return levels[0]
        return {"strategy": {"mode": "fallback"}, "targets": levels}

    def _level(self, name: str, deployments: list[Deployment]) -> Tree:
        policy = self._router.policies.get(name, self._router.policy)
        if len(deployments) == 1:
            return deployments[0].target() | self._retry(policy, deployments[0], policy.attempts)
        retries = USUAL_RETRIES if policy.attempts is None else policy.attempts
        strategy: Tree = {"mode": "loadbalance"}
        method = self._router.methods.get(name, self._router.method)
        if method != "weighted":
            strategy["method"] = method
        if retries:
            strategy["on_failures"] = _REDRAWN if policy.kinds is None else policy.kinds
        if self._router.breaker:
            strategy["cb_config"] = False if "off" in self._router.breaker else self._router.breaker
        # A retry goes to another deployment first; what is left of the number is for the same ones again.
        again = (retries + 1) // len(deployments) - 1
        targets = [
            _weighed(deployment, weight, deployment.target() | self._retry(policy, deployment, max(0, again) or None))
            for deployment, weight in zip(deployments, _weights(deployments), strict=True)
        ]
        if 0 in _weights(deployments):
            says = "a deployment without the number that the others are weighed by is never drawn"
            self._findings.changed(f"model_list: {name}", says)
        return {"strategy": strategy, "targets": targets}

    def _retry(self, policy: Policy, deployment: Deployment, attempts: int | None) -> Tree:
        attempts = attempts if deployment.retries is None else min(10, max(0, deployment.retries))
        if not attempts:
            return {}
        retry: Tree = {"attempts": attempts}
        if policy.kinds is not None:
            retry["on_failures"] = policy.kinds
        if self._router.retry_after_ms is not None:
            retry["base_ms"] = self._router.retry_after_ms
        return {"retry": retry}


def _weights(deployments: list[Deployment]) -> list[float | None]:
    """The weights of a draw by LiteLLM's rule; None for all when it has none: each is as likely."""
    for metric in METRICS:
        weights = [deployment.metrics.get(metric, 0) for deployment in deployments]
        if any(weights):
            return [*weights]
    return [None] * len(deployments)


def _weighed(deployment: Deployment, weight: float | None, target: Tree) -> Tree:
    return target if weight is None else {"weight": weight, **target}
