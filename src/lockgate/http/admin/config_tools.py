"""Beside /v1/configs: what is wrong with a config before it is saved, what it may say, and where a request would go by it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from starlette.responses import Response

from lockgate.control.config import schema as config_schema
from lockgate.control.config_check import mistakes_of
from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import new_id
from lockgate.core.tenancy import Tenant
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.later import Later
from lockgate.http.admin.shapes import Body, LongText, Text
from lockgate.pipeline.explain import Fail, Question, World, explained
from lockgate.pipeline.explanation import Explanation
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot

_CONFIG = "x-lockgate-config"


class CheckedConfig(Body, frozen=True, kw_only=True):
    """A config that is to be checked and not saved."""

    config: dict[str, Any]
    workspace_id: str = ""


class ConfigMistake(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, and where ("config.targets[0].weight")."""

    path: str
    message: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a config; `ok`: nothing."""

    ok: bool
    mistakes: list[ConfigMistake]


class ExplainAsked(Body, frozen=True, kw_only=True):
    """A request to be explained: its `body`, as it would be sent to `path` with `headers`; by `config`, a slug or a config that
    is not saved yet; `fail`: how its targets fail, by status or class, one after the other."""

    body: dict[str, Any]
    config: dict[str, Any] | Text | None = None
    path: LongText = "/v1/chat/completions"
    headers: dict[str, str] = {}
    fail: list[int | str] = []
    workspace_id: str = ""


def check(ask: Ask, body: CheckedConfig) -> Checked:
    """Check a config, and tell all that is wrong with it. Nothing is saved."""
    found = [ConfigMistake(path=each.path, message=each.message) for each in mistakes_of(body.config)]
    return Checked(ok=not found, mistakes=found)


def schema(ask: Ask) -> dict[str, Any]:
    """Read what a config may say, as a JSON Schema."""
    return config_schema(route=True)


def explain(ask: Ask, body: ExplainAsked) -> Response:
    """Explain where a request of the workspace would go now, and why. Nothing is sent, counted or spent."""
    snapshot, runtime = ask.office.snapshot(), ask.office.runtime
    if runtime is None:
        raise Refusal(503, "not_serving", "No requests are served here now, so none can be explained.", retry_after=5.0)
    headers: dict[str, Any] = {**body.headers}
    if body.config:
        headers[_CONFIG] = body.config
    fail: list[Fail] = [*body.fail]
    question = Question(Raw(encode(body.body)), body.path, headers, fail)
    principal = _anybody(ask.tenant, ask.office.house.stored.home, ask.caller.name)

    async def make() -> Explanation:
        return _explained(question, principal, snapshot, runtime)

    return Later(make)


def _explained(question: Question, principal: Principal, snapshot: Snapshot, runtime: Runtime) -> Explanation:
    time_us = runtime.time_us()
    id = new_id(time_us, runtime.draw(62))
    asking = Call(id, id, time_us, runtime.clock(), "POST", "/v1/explain", b"", {}, "explain", "")
    seen = snapshot.seen_by(principal)
    return explained(question, asking, principal, "", World(seen, runtime, runtime.address))


def _anybody(tenant: Tenant, home: Tenant, name: str) -> Principal:
    """Somebody of a workspace who may ask for anything: whom a key without limits of its own stands for."""
    at_home = tenant.organisation == home.organisation and tenant.workspace in ("", home.workspace)
    return Principal(
        "",
        name,
        frozenset(("completions.write",)),
        organisation=tenant.organisation,
        workspace=tenant.workspace,
        view="" if at_home else tenant.workspace or tenant.organisation,
    )
