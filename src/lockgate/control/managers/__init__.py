"""Secret managers: where references point to. A new one is a file here with a `Fetch` (`control.references`), and a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lockgate.control.managers import aws, azure
from lockgate.control.managers.aws import secrets_manager
from lockgate.control.managers.azure import key_vault
from lockgate.control.managers.file import file_manager
from lockgate.control.managers.hashicorp import hashicorp, place_of
from lockgate.control.managers.web import over_http
from lockgate.control.references import Fetch
from lockgate.core.holdings import SecretReference
from lockgate.transport.egress import Egress

#: What may be said of how a manager is reached.
MEMBERS: dict[str, frozenset[str]] = {
    "file": frozenset(),
    "aws_sm": frozenset(
        (
            "aws_auth_type",
            "aws_access_key_id",
            "aws_secret_access_key",
            "aws_session_token",
            "aws_role_arn",
            "aws_external_id",
            "aws_region",
        )
    ),
    "azure_kv": frozenset(
        (
            "azure_vault_url",
            "azure_auth_mode",
            "azure_entra_tenant_id",
            "azure_entra_client_id",
            "azure_entra_client_secret",
            "azure_managed_client_id",
        )
    ),
    "hashicorp_vault": frozenset(
        (
            "vault_addr",
            "vault_auth_type",
            "vault_token",
            "vault_role_id",
            "vault_secret_id",
            "vault_role",
            "vault_namespace",
            "vault_auth_mount",
        )
    ),
}
#: What of that is secret, and where a secret would go.
SECRET = frozenset(
    ("aws_secret_access_key", "aws_session_token", "azure_entra_client_secret", "vault_token", "vault_secret_id")
)
ADDRESSES = frozenset(("azure_vault_url", "vault_addr"))


def managers_of(environment: Mapping[str, str], egress: Callable[[], Egress]) -> dict[str, Fetch]:
    """The managers that this installation can ask, under its egress policy."""
    return {
        "file": file_manager(environment.get("LOCKGATE_SECRETS_DIR", "")),
        "aws_sm": over_http(secrets_manager, egress, trusted=True),
        "azure_kv": over_http(key_vault, egress, trusted=True),
        "hashicorp_vault": over_http(hashicorp, egress, trusted=False),
    }


def check(reference: SecretReference, config: Mapping[str, Any]) -> str:
    """Whether a manager can be asked with this `auth_config`, its secrets in it, as far as that can be said without asking. The
    address that the egress policy has to allow; "" for one that is known here. Raises `ManagerError`, `Refusal`."""
    match reference.manager_type:
        case "aws_sm":
            aws.signer_of(reference, config)
        case "azure_kv":
            azure.signer_of(reference, config)
        case "hashicorp_vault":
            return place_of(reference, config)
        case "file":
            pass
    return ""
