"""`model_list`: each entry is a deployment, entries of one name are a group.

Source: https://docs.litellm.ai/docs/proxy/configs and https://docs.litellm.ai/docs/routing; which number is a weight is
`litellm/router_strategy/simple_shuffle.py`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from lockgate.control.imports.accounts import Accounts
from lockgate.control.imports.draft import Draft
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.litellm.accounts import place
from lockgate.control.imports.litellm.left import LEFT
from lockgate.control.imports.litellm.members import Members, deep_interpolated

#: Prices per token → the members of ours, per million.
_PRICES = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "output_cost_per_reasoning_token": "reasoning",
}
#: The numbers that a draw weighs by, the first that any deployment of the group has.
METRICS = ("weight", "rpm", "tpm")
#: Milliseconds that a `request_timeout` may be.
LONGEST_MS = 3_600_000

#: Facts about a model that LiteLLM is told here and the catalogue knows.
_FACTS = re.compile(r"max_(input_|output_)?tokens|supports_.*|.*_cost_.*|litellm_provider|description|version|tier")
_KNOWN = "what a model can do is known here (`lockgate models`)"
_ACCESS = "it steers LiteLLM itself; which models a caller may use is said by the caller's key"


class Deployment(msgspec.Struct):
    """One way to a model: an account, the model's name there, and what is said of the requests that go this way."""

    at: str
    slug: str
    model: str
    api: str = ""
    order: float | None = None
    metrics: dict[str, float] = {}
    retries: int | None = None
    timeout_ms: int | None = None
    defaults: dict[str, Any] = {}
    drops: list[str] = []

    def target(self) -> dict[str, Any]:
        """It as a target of a config."""
        target: dict[str, Any] = {"provider": f"@{self.slug}", "override_params": {"model": self.model}}
        if self.defaults:
            target["default_params"] = self.defaults
        if self.drops:
            target["drop_params"] = self.drops
        if self.timeout_ms is not None:
            target["request_timeout"] = self.timeout_ms
        if self.api:
            target["upstream_api"] = self.api
        return target


class Groups:
    """The deployments by the name that callers ask for. Names with a "*" stand for many, and apart."""

    def __init__(self) -> None:
        self.named: dict[str, list[Deployment]] = {}
        self.wild: dict[str, list[Deployment]] = {}

    def find(self, name: str) -> list[Deployment]:
        """The deployments for a name; for one that only a pattern has, the model stands for the "*"."""
        if name in self.named:
            return self.named[name]
        for pattern, deployments in self.wild.items():
            if pattern.count("*") == 1 and fnmatchcase(name, pattern):
                before, _, after = pattern.partition("*")
                meant = name[len(before) : len(name) - len(after)]
                return [msgspec.structs.replace(each, model=each.model.replace("*", meant)) for each in deployments]
        return []


def read_groups(
    model_list: list[Any], credentials: dict[str, dict[str, Any]], draft: Draft, accounts: Accounts, findings: Findings
) -> Groups:
    """All groups; their accounts and prices are written into the draft."""
    groups = Groups()
    for n, tree in enumerate(model_list):
        entry = Members(tree, f"model_list[{n}]", findings)
        name = entry.text("model_name")
        params = Members(_with_credentials(entry, credentials), entry.path("litellm_params"), findings)
        info = Members(entry.take("model_info"), entry.path("model_info"), findings)
        for member in entry.rest():
            findings.left(entry.path(member), "it stands beside litellm_params, where LiteLLM does not read it either")
        if not name:
            findings.left(entry.at, "it has no model_name")
        elif (deployment := _deployment(params, info, draft, accounts, findings)) is not None:
            (groups.wild if "*" in name else groups.named).setdefault(name, []).append(deployment)
    _restrict(groups, draft)
    return groups


def _with_credentials(entry: Members, credentials: dict[str, dict[str, Any]]) -> Any:
    """`litellm_params`, with what a named credential says for them."""
    params = entry.take("litellm_params")
    name = params.get("litellm_credential_name") if isinstance(params, dict) else None
    if not isinstance(params, dict) or name is None:
        return params
    if name not in credentials:
        entry.findings.left(entry.path("litellm_params.litellm_credential_name"), f"credential_list has no '{name}'")
    known = credentials.get(str(name), {})
    return {**known, **{member: value for member, value in params.items() if member != "litellm_credential_name"}}


def _deployment(params: Members, info: Members, draft: Draft, accounts: Accounts, findings: Findings) -> Deployment | None:
    found = place(params)
    if found is None:
        return None
    slug = accounts.place(found.account, params.at)
    deployment = Deployment(params.at, slug, found.model, found.api)
    _name_by_base(deployment, found.account.row, info, draft, findings)
    _price(deployment, params, info, draft, findings)
    deployment.metrics = {name: value for name in METRICS if (value := params.number(name)) is not None}
    for name in deployment.metrics.keys() & {"rpm", "tpm"}:
        findings.changed(params.path(name), "it weighs the draws, as in LiteLLM's simple-shuffle; it is no limit")
    deployment.order = params.number("order")
    for name in ("max_retries", "num_retries"):
        if (retries := params.number(name)) is not None:
            deployment.retries = int(retries)
    deployment.timeout_ms = milliseconds(params.number("timeout"), params.path("timeout"), findings)
    deployment.drops = [str(each) for each in params.items("additional_drop_params")]
    for name, why in LEFT["litellm_params"].items():
        if params.take(name) is not None:
            findings.left(params.path(name), why)
    deployment.defaults = deep_interpolated({**params.mapping("extra_body"), **params.rest()})
    for name in deployment.defaults:
        findings.carried(params.path(name), "a default of the request's body (default_params); the caller's own value wins")
    for name in info.rest().keys() - {"id", "mode"}:
        findings.left(info.path(name), _KNOWN if _FACTS.fullmatch(name) else _ACCESS)
    return deployment


def _name_by_base(deployment: Deployment, row: str, info: Members, draft: Draft, findings: Findings) -> None:
    """An Azure deployment goes by its model's name here too, so that its price is known."""
    base = info.text("base_model").rpartition("/")[2]
    if not base or base == deployment.model:
        return
    if row != "azure-openai":
        findings.left(info.path("base_model"), "a model is priced by its own name; give its price in the prices section")
        return
    known = draft.providers[deployment.slug].setdefault("deployments", [])
    entry = {"deployment_id": deployment.model, "alias": base}
    if entry not in known:
        if any(each["alias"] == base for each in known):
            findings.left(info.path("base_model"), f"another deployment is '{base}' already; this one goes by its own name")
            return
        known.append(entry)
    findings.carried(info.path("base_model"), f"the deployment {deployment.model} goes by its model's name")
    deployment.model = base


def _price(deployment: Deployment, params: Members, info: Members, draft: Draft, findings: Findings) -> None:
    said: dict[str, Any] = {}
    for name, ours in _PRICES.items():
        for members in (params, info):
            if (price := members.number(name)) is not None:
                said.setdefault(ours, _per_million(price))
    if not said or "*" in deployment.model:
        return
    draft.prices[f"{deployment.slug}/{deployment.model}"] = {"input": 0, **said}
    findings.carried(params.at, f"the price of @{deployment.slug}/{deployment.model}, per million tokens")


def _per_million(price: float) -> float | int:
    exact = Decimal(str(price)) * 1_000_000
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def milliseconds(seconds: float | None, at: str, findings: Findings) -> int | None:
    """A timeout in seconds as `request_timeout` says it, None when there is none."""
    if seconds is None:
        return None
    if seconds <= 0:
        findings.left(at, "a timeout is a number of seconds above 0")
        return None
    if seconds * 1000 > LONGEST_MS:
        findings.changed(at, f"the longest timeout is {LONGEST_MS // 1000} seconds")
    return min(max(1, round(seconds * 1000)), LONGEST_MS)


def _restrict(groups: Groups, draft: Draft) -> None:
    """Callers may use the models that the source lists, as at LiteLLM, and no others."""
    models: dict[str, list[str]] = {}
    for deployment in (each for group in (*groups.named.values(), *groups.wild.values()) for each in group):
        names = models.setdefault(deployment.slug, [])
        if deployment.model not in names:
            names.append(deployment.model)
    for slug, names in models.items():
        if "*" not in names:
            draft.providers[slug]["models"] = names
