"""Azure Key Vault: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/get-secret

`auth_config`: `azure_vault_url` ("https://NAME.vault.azure.net") and an application of Entra ID, by the members of
`providers.auth.settings`; `secret_path` is a secret's name, or "NAME/VERSION".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from lockgate.control.managers.web import answer_of
from lockgate.control.references import ManagerError
from lockgate.core.failure import Failure
from lockgate.core.holdings import SecretReference
from lockgate.providers.auth.azure import azure
from lockgate.providers.auth.port import AnySigner, Asked
from lockgate.providers.auth.port import Fetch as Ask
from lockgate.providers.auth.settings import Settings

#: A vault's address in each of Azure's clouds, and the audience of its tokens.
_ADDRESS = re.compile(r"https://[a-zA-Z0-9-]{3,24}\.(vault\.azure\.net|vault\.azure\.cn|vault\.usgovcloudapi\.net)/?", re.ASCII)
_NAME = re.compile(r"[a-zA-Z0-9-]{1,127}(/[a-zA-Z0-9]{1,64})?")
_VERSION = "7.4"
_make = azure(foundry=False)


class _Answer(msgspec.Struct):
    value: str


def signer_of(reference: SecretReference, config: Mapping[str, Any]) -> tuple[AnySigner, str]:
    """What signs the questions, and the vault's address. Without an environment: nothing of the gateway's own identity is used.
    Raises `ManagerError`, `Refusal`."""
    said = dict(config)
    where = str(said.pop("azure_vault_url", ""))
    match = _ADDRESS.fullmatch(where)
    if match is None:
        raise ManagerError(f"'{reference.slug}': azure_vault_url must be the address of a vault in Azure")
    if not _NAME.fullmatch(reference.secret_path):
        raise ManagerError(f"'{reference.slug}': '{reference.secret_path}' is no name of a secret")
    said.setdefault("azure_entra_scope", f"https://{match[1]}/.default")
    try:
        return _make(msgspec.convert(said, Settings), "", None), where.rstrip("/")
    except msgspec.ValidationError as error:
        raise ManagerError(f"'{reference.slug}': its auth_config cannot be read: {error}") from None


async def key_vault(reference: SecretReference, config: Mapping[str, Any], ask: Ask, now_s: float) -> str:
    """See `web.Manager`."""
    signer, where = signer_of(reference, config)
    issued = await signer.source.issue(ask, now_s)
    if isinstance(issued, Failure):
        raise ManagerError(f"'{reference.slug}': {issued.message}")
    url = f"{where}/secrets/{reference.secret_path}?api-version={_VERSION}"
    told = await ask(Asked("GET", url, (("authorization", f"Bearer {issued.credential}"),)))
    try:
        return msgspec.json.decode(answer_of(reference, told), type=_Answer).value
    except msgspec.DecodeError:
        raise ManagerError(f"'{reference.slug}': the answer of Key Vault cannot be read") from None
