"""/v1/integrations/test: whether an account at a provider works, before it is kept."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from lockgate.control.accounts import KEY, split
from lockgate.control.trial import account_provider, attempt, row_named, usual_model
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration
from lockgate.core.tenancy import new_id
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.integration_shapes import Configurations, Secret
from lockgate.http.admin.later import Later
from lockgate.http.admin.shapes import Body, Text


class TrialAsked(Body, frozen=True, kw_only=True):
    """An account as it would be set up, with all its secrets: those that are kept are not tried in another place. `model` is
    the one that is asked; left out, the cheapest that is known."""

    ai_provider_id: Text
    key: Secret | None = None
    configurations: Configurations | None = None
    model: Text = ""
    workspace_id: str = ""

    def __repr__(self) -> str:
        return f"TrialAsked({self.ai_provider_id!r})"


def create(ask: Ask, body: TrialAsked) -> Response:
    """Try an account with one small request, and keep nothing of it."""
    row, snapshot, runtime = row_named(body.ai_provider_id), ask.office.snapshot(), ask.office.runtime
    if runtime is None:
        raise Refusal(503, "not_serving", "No requests are served here now, so nothing can be tried.", retry_after=5.0)
    if not row.speaks:
        message = f"{row.name} has no chat, so a key for it cannot be tried here."
        raise Refusal(400, "not_tried", message, param="ai_provider_id")
    plain, secret = split(body.configurations or {})
    if key := (body.key or "").strip():
        secret[KEY] = key
    account = Integration(
        id=new_id(),
        organisation=ask.tenant.organisation,
        workspace=ask.tenant.workspace,
        slug="trial",
        name="trial",
        provider=row.slug,
        configurations=plain,
        sealed=sorted(secret),
    )
    provider = account_provider(account, secret)
    model = body.model.strip() or usual_model(row, snapshot.prices, ask.now_us)
    if not model:
        raise Refusal(400, "missing_member", "No model of this provider is known: say which one to ask.", param="model")
    return Later(partial(attempt, provider, model, runtime))
