"""Rows of what an organisation has: accounts at providers, the names under which they are used, places of secrets, prices."""

from __future__ import annotations

from lockgate.http.admin.route import ADMINS, MANAGERS, MEMBERS, Action, AdminRoute, Role, Within

_OF_ORGANISATION, _EITHER = ("organisation_integrations",), ("organisation_integrations", "workspace_integrations")
_PROVIDERS = ("providers", "virtual_keys")


def _row(
    method: str,
    path: str,
    handler: str,
    nouns: tuple[str, ...],
    verb: str,
    roles: frozenset[Role],
    within: Within = "either",
    action: Action | None = None,
) -> AdminRoute:
    """A row that a key may use with `verb` for one of the nouns."""
    scopes = tuple(f"{noun}.{verb}" for noun in nouns)
    resource = nouns[-1].removesuffix("s").replace("_", "-")
    return AdminRoute(method, f"/v1/{path}", handler, scopes, roles, within, resource, action or _ACTIONS[method])


_ACTIONS: dict[str, Action] = {"POST": "create", "GET": "read", "PUT": "update", "DELETE": "delete"}

INTEGRATIONS: tuple[AdminRoute, ...] = (
    _row("POST", "integrations", "integrations.create", _EITHER, "create", MANAGERS),
    AdminRoute(
        "POST",
        "/v1/integrations/test",
        "trial.create",
        tuple(f"{noun}.create" for noun in _EITHER),
        MANAGERS,
        "either",
        "workspace-integration",
        "read",
        gives="application/json",
    ),
    _row("GET", "integrations", "integrations.index", _EITHER, "list", MEMBERS, action="list"),
    _row("GET", "integrations/{slug}", "integrations.read", _EITHER, "read", MEMBERS),
    _row("PUT", "integrations/{slug}", "integrations.update", _EITHER, "update", MANAGERS),
    _row("DELETE", "integrations/{slug}", "integrations.remove", _EITHER, "delete", MANAGERS),
    _row("GET", "integrations/{slug}/models", "integrations.models", _EITHER, "read", MEMBERS, action="list"),
    _row("PUT", "integrations/{slug}/models", "integrations.update_models", _EITHER, "update", MANAGERS),
    _row("DELETE", "integrations/{slug}/models", "integrations.remove_models", _EITHER, "update", MANAGERS),
    _row(
        "GET",
        "integrations/{slug}/workspaces",
        "integrations.workspaces",
        _OF_ORGANISATION,
        "read",
        ADMINS,
        "organisation",
        "list",
    ),
    _row(
        "PUT",
        "integrations/{slug}/workspaces",
        "integrations.update_workspaces",
        _OF_ORGANISATION,
        "update",
        ADMINS,
        "organisation",
    ),
)

PROVIDERS: tuple[AdminRoute, ...] = tuple(
    row
    for path, module in (("providers", "providers"), ("virtual-keys", "virtual_keys"))
    for row in (
        _row("POST", path, f"{module}.create", _PROVIDERS, "create", MANAGERS, "workspace"),
        _row("GET", path, f"{module}.index", _PROVIDERS, "list", MEMBERS, action="list"),
        _row("GET", f"{path}/{{slug}}", f"{module}.read", _PROVIDERS, "read", MEMBERS),
        _row("PUT", f"{path}/{{slug}}", f"{module}.update", _PROVIDERS, "update", MANAGERS),
        _row("DELETE", f"{path}/{{slug}}", f"{module}.remove", _PROVIDERS, "delete", MANAGERS),
    )
)


def _reference(method: str, path: str, handler: str, verb: str, action: Action | None = None) -> AdminRoute:
    return _row(method, path, f"secret_references.{handler}", ("secret_references",), verb, ADMINS, "organisation", action)


SECRET_REFERENCES: tuple[AdminRoute, ...] = (
    _reference("POST", "secret-references", "create", "create"),
    _reference("GET", "secret-references", "index", "list", "list"),
    _reference("GET", "secret-references/{id}", "read", "read"),
    _reference("PUT", "secret-references/{id}", "update", "update"),
    _reference("DELETE", "secret-references/{id}", "remove", "delete"),
)

MODEL_PRICES = AdminRoute(
    "GET",
    "/v1/model-configs/pricing/{provider}/{model}",
    "model_prices.read",
    (),
    frozenset(),
    "organisation",
    "model-price",
    "read",
    open="the price list is public, and says nothing of this gateway's own prices",
    deep="model",
)

#: What everybody who may look at accounts may know: it is the same for all.
KNOWN_PROVIDERS: tuple[AdminRoute, ...] = (
    _row("GET", "ai-providers", "known.providers", _EITHER, "list", MEMBERS, action="list"),
    _row("GET", "ai-models", "known.models", _EITHER, "list", MEMBERS, action="list"),
)

HOLDINGS: tuple[AdminRoute, ...] = (*KNOWN_PROVIDERS, *INTEGRATIONS, *PROVIDERS, *SECRET_REFERENCES, MODEL_PRICES)
