"""HashiCorp Vault: the key/value engine in both versions, and whatever else answers a read with `data`.

https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2, …/auth/approle

    vault_addr       where it is; `egress.allow` must have it
    vault_auth_type  token (`vault_token`), approle (`vault_role_id`, `vault_secret_id`)
    vault_namespace, vault_auth_mount   of Vault Enterprise; where the method is mounted, if not under its own name

`secret_path` is the API's path: "secret/data/openai" in the second version. The cluster's token (Vault's method "kubernetes")
is the gateway's own identity, and is not shown to an address that a reference names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from lockgate.control.managers.web import answer_of
from lockgate.control.references import ManagerError
from lockgate.core.holdings import SecretReference
from lockgate.core.json import encode
from lockgate.providers.auth.port import Asked
from lockgate.providers.auth.port import Fetch as Ask


async def hashicorp(reference: SecretReference, config: Mapping[str, Any], ask: Ask, now_s: float) -> str:
    """See `web.Manager`."""
    where = str(config.get("vault_addr", "")).rstrip("/")
    namespace = str(config.get("vault_namespace", ""))
    headers = (("x-vault-request", "true"), *((("x-vault-namespace", namespace),) if namespace else ()))
    token = await _token(reference, config, ask, where, headers)
    path = quote(reference.secret_path.strip("/"), safe="/")
    told = await ask(Asked("GET", f"{where}/v1/{path}", (*headers, ("x-vault-token", token))))
    data = _data(reference, answer_of(reference, told))
    if set(data) == {"data", "metadata"} and isinstance(data["data"], dict):
        data = data["data"]  # the second version has the secret within
    return encode(data).decode()


async def _token(
    reference: SecretReference, config: Mapping[str, Any], ask: Ask, where: str, headers: tuple[tuple[str, str], ...]
) -> str:
    kind = config.get("vault_auth_type") or "token"
    if kind == "token":
        return str(config.get("vault_token", ""))
    if kind == "approle":
        proof = {"role_id": config.get("vault_role_id", ""), "secret_id": config.get("vault_secret_id", "")}
    else:
        raise ManagerError(f"'{reference.slug}': vault_auth_type must be token or approle")
    mount = quote(str(config.get("vault_auth_mount") or kind).strip("/"), safe="/")
    told = await ask(Asked("POST", f"{where}/v1/auth/{mount}/login", headers, encode(proof)))
    try:
        return msgspec.json.decode(answer_of(reference, told))["auth"]["client_token"]
    except (msgspec.DecodeError, KeyError, TypeError):
        raise ManagerError(f"'{reference.slug}': Vault's answer to the login cannot be read") from None


def _data(reference: SecretReference, body: bytes) -> dict[str, Any]:
    try:
        data = msgspec.json.decode(body)["data"]
    except (msgspec.DecodeError, KeyError, TypeError):
        data = None
    if not isinstance(data, dict):
        raise ManagerError(f"'{reference.slug}': Vault's answer cannot be read")
    return data
