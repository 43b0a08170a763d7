"""What is said of a cloud account, by the names that Portkey's users know: the same in `lockgate.yaml` and in a config."""

from __future__ import annotations

from typing import Any

import msgspec


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """The members that a scheme of this package reads; an empty one was not said.

    aws_auth_type      accessKey | assumedRole | serviceRole | webIdentity | container | instance | apiKey; when left out,
                       what else is said decides. Those from serviceRole to instance mean the gateway's own identity, and
                       only its operator can choose them
    aws_region         the region to call and to sign for
    aws_role_arn       a role to assume with the keys (aws_external_id: where its trust policy demands one)
    params             values for the slots of the provider's addresses, by the names in its row (`providers.slots`)

    Portkey's users say some slots by members of their own: `fireworks_account_id`, `workers_ai_account_id`,
    `snowflake_account`, `databricks_workspace`.
    """

    aws_auth_type: str = ""
    aws_access_key_id: str = ""
    aws_secret_access_key: str = ""
    aws_session_token: str = ""
    aws_region: str = ""
    aws_role_arn: str = ""
    aws_external_id: str = ""
    fireworks_account_id: str = ""
    workers_ai_account_id: str = ""
    snowflake_account: str = ""
    databricks_workspace: str = ""
    params: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def said(self) -> dict[str, Any]:
        """The members that say something, of this struct alone."""
        return {name: value for name in Settings.__struct_fields__ if (value := getattr(self, name))}
