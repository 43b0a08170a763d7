"""Scopes that administer, by the names that Portkey's users know, and who has them by a role.

Source: https://portkey.ai/docs/product/enterprise-offering/org-management/api-keys-authn-and-authz. A key has none of them
unless they are given to it by name. What the data plane asks for is in its own table (`http.routes`).
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.tenancy import OrganisationRole, WorkspaceRole

#: The scope that stands for all of them.
EVERYTHING = "admin"

_VERBS = ("create", "read", "update", "delete", "list")
_KEYS = (*_VERBS, "rotate")
_LOOKING = frozenset(("read", "list", "view", "render", "invoke"))


def _named(table: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(f"{noun}.{verb}" for noun, verbs in table.items() for verb in verbs)


#: Of things that belong to a whole organisation.
OF_ORGANISATION = _named(
    {
        "organisation_users": _VERBS,
        "organisation_service_api_keys": _KEYS,
        "organisation_integrations": _VERBS,
        "organisations": ("read", "update"),
        "workspaces": _VERBS,
        "secret_references": _VERBS,
        "audit_logs": ("list",),
        "metrics": ("read",),
    }
)
#: Of things that can belong to a workspace.
OF_WORKSPACE = _named(
    {
        "workspace_users": _VERBS,
        "workspace_service_api_keys": _KEYS,
        "workspace_user_api_keys": _KEYS,
        "workspace_integrations": _VERBS,
        "configs": _VERBS,
        "providers": _VERBS,
        "virtual_keys": (*_VERBS, "duplicate", "copy"),
        "policies": _VERBS,
        "guardrails": (*_VERBS, "invoke"),
        "prompts": (*_VERBS, "publish", "render"),
        "logs": ("view", "list", "write", "export"),
        "analytics": ("view",),
        "cache": ("list", "delete"),
        "mcp": ("invoke",),
        "mcp_servers": _VERBS,
        "agents": ("invoke",),
        "agent_servers": _VERBS,
        "deployments": _VERBS,
        "plugins": _VERBS,
    }
)
ADMINISTRATIVE = OF_ORGANISATION | OF_WORKSPACE
#: What a key has only when it is given to it by name: it administers, or opens all that an account can do at a provider.
BY_NAME = ADMINISTRATIVE | {"proxy.write"}

#: What a workspace's people may know of the organisation around it.
_AROUND = frozenset(("workspaces.read", "workspaces.list", "organisation_integrations.list", "organisation_integrations.read"))
_LOOKING_AT = frozenset(scope for scope in OF_WORKSPACE if scope.rpartition(".")[2] in _LOOKING)
_OWN_KEYS = frozenset(scope for scope in OF_WORKSPACE if scope.startswith("workspace_user_api_keys."))

#: What its heads may see: who has changed what there.
_OVERSEEING = frozenset(("audit_logs.list",))

#: What a place in a workspace brings beside the data plane, and whether it brings all of that.
_IN_WORKSPACE: dict[WorkspaceRole, tuple[frozenset[str], bool]] = {
    "admin": (OF_WORKSPACE | _AROUND | _OVERSEEING | {"workspaces.update"}, True),
    "manager": (OF_WORKSPACE | _AROUND | _OVERSEEING, True),
    "member": (_LOOKING_AT | _OWN_KEYS | _AROUND, False),
}


def of_person(role: OrganisationRole, seat: WorkspaceRole | None, known: frozenset[str]) -> frozenset[str]:
    """The scopes that a person has by the role in the organisation, and the one in a workspace, if there is one. `known` are
    all that there are."""
    if role != "member":
        return known | {EVERYTHING}
    if seat is None:
        return frozenset()
    administers, passes = _IN_WORKSPACE[seat]
    return administers | (known - (ADMINISTRATIVE if passes else BY_NAME))
