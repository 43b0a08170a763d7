"""What is said of a cloud account, by the names that Portkey's users know: the same in `lockgate.yaml` and in a config."""

from __future__ import annotations

from typing import Any

import msgspec


class Deployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model as it is deployed in an account: asked for by `alias` (or its own name), and for any other name when it is the
    default."""

    deployment_id: str
    alias: str = ""
    is_default: bool = False


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """The members that a scheme of this package reads; an empty one was not said.

    aws_auth_type      accessKey | assumedRole | serviceRole | webIdentity | container | instance | apiKey; when left out,
                       what else is said decides. Those from serviceRole to instance mean the gateway's own identity, and
                       only its operator can choose them
    aws_region         the region to call and to sign for
    aws_role_arn       a role to assume with the keys (aws_external_id: where its trust policy demands one)
    vertex_auth_type   serviceAccount | accessToken | apiKey | applicationDefault | metadata; when left out, what else is said
                       decides. The last two mean the gateway's own identity; metadata must be said
    vertex_service_account_json   the key file of a service account, as an object or as its text
    azure_auth_mode    apiKey | entra | managed | workload; the last two mean the gateway's own identity
    azure_ad_token     an access token of Entra ID, had elsewhere
    azure_api_version  v1, or the date of an older API
    azure_foundry_url  the address of a Foundry resource, or of a model's own endpoint
    azure_deployment_name, azure_extra_params   sent as headers to a models endpoint
    oracle_tenancy, oracle_user, oracle_fingerprint, oracle_private_key   who signs, and the key's PEM; without them, an API key
    oracle_compartment_id   the compartment to work in
    oracle_api_version      v1, or the date of the older API
    azure_deployment_id, deployments   the deployment for every model, or one for each
    params             values for the slots of the provider's addresses, by the names in its row (`providers.slots`)

    Portkey's users say some slots by members of their own: `fireworks_account_id`, `workers_ai_account_id`,
    `snowflake_account`, `oracle_region`, `databricks_workspace`. Those of Azure's that are spelled without "azure_" too:
    `resource_name`, `deployment_id`, `api_version`.
    """

    aws_auth_type: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    aws_session_token: str = ""
    aws_region: str = ""
    aws_role_arn: str = ""
    aws_external_id: str = ""
    vertex_auth_type: str = ""
    vertex_project_id: str = ""
    vertex_region: str = ""
    vertex_service_account_json: str | dict[str, Any] = ""
    azure_auth_mode: str = ""
    azure_ad_token: str = ""
    azure_entra_tenant_id: str = ""
    azure_entra_client_id: str = ""
    azure_entra_client_secret: str = ""
    azure_entra_scope: str = ""
    azure_managed_client_id: str = ""
    azure_workload_client_id: str = ""
    azure_resource_name: str = ""
    azure_api_version: str = ""
    azure_foundry_url: str = ""
    azure_deployment_id: str = ""
    azure_deployment_name: str = ""
    azure_extra_params: str = ""
    resource_name: str = ""
    api_version: str = ""
    deployment_id: str = ""
    deployments: list[Deployment] = msgspec.field(default_factory=list[Deployment])
    fireworks_account_id: str = ""
    workers_ai_account_id: str = ""
    snowflake_account: str = ""
    oracle_region: str = ""
    oracle_tenancy: str = ""
    oracle_user: str = ""
    oracle_fingerprint: str = ""
    oracle_private_key: str = ""
    oracle_key_passphrase: str = ""
    oracle_compartment_id: str = ""
    oracle_api_version: str = ""
    oracle_serving_mode: str = ""
    databricks_workspace: str = ""
    params: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def said(self) -> dict[str, Any]:
        """The members that say something, of this struct alone."""
        return {name: value for name in Settings.__struct_fields__ if (value := getattr(self, name))}
