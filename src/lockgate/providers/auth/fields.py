"""What a person may fill in of an account at a provider beside its key, for forms: the members of `Settings` that schemes read,
in the order in which they are asked."""

from __future__ import annotations

import msgspec


class Field(msgspec.Struct, frozen=True):
    """A member of `Settings` as a form shows it. `secret`: it is sealed when it is kept; `long`: a text of many lines."""

    name: str
    label: str
    secret: bool = False
    long: bool = False


#: How the name of a scheme begins → what else than a key an account may be known by.
FIELDS: dict[str, tuple[Field, ...]] = {
    "sigv4": (
        Field("aws_access_key_id", "Access key id"),
        Field("aws_secret_access_key", "Secret access key", secret=True),
        Field("aws_session_token", "Session token", secret=True),
        Field("aws_role_arn", "Role to assume (ARN)"),
        Field("aws_external_id", "External id of the role"),
    ),
    "google": (Field("vertex_service_account_json", "Service account (JSON)", secret=True, long=True),),
    "azure": (
        Field("azure_entra_tenant_id", "Entra tenant id"),
        Field("azure_entra_client_id", "Entra client id"),
        Field("azure_entra_client_secret", "Entra client secret", secret=True),
        Field("azure_deployment_id", "Deployment for every model"),
    ),
    "oci": (
        Field("oracle_tenancy", "Tenancy (OCID)"),
        Field("oracle_user", "User (OCID)"),
        Field("oracle_fingerprint", "Fingerprint"),
        Field("oracle_private_key", "Private key (PEM)", secret=True, long=True),
        Field("oracle_compartment_id", "Compartment (OCID)"),
    ),
}


def fields_of(scheme: str) -> tuple[Field, ...]:
    """What is asked for a scheme; nothing for one that knows a key alone."""
    return next((fields for begins, fields in FIELDS.items() if scheme.startswith(begins)), ())
