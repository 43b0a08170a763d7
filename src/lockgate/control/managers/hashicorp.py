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

#: How Vault is logged in to → what must be said for that.
_NEEDED = {"token": ("vault_token",), "approle": ("vault_role_id", "vault_secret_id")}


def place_of(reference: SecretReference, config: Mapping[str, Any]) -> str:
    """Vault's address. Raises `ManagerError` for what cannot be one, or is not enough to log in there."""
    kind = config.get("vault_auth_type") or "token"
    if kind not in _NEEDED:
        raise ManagerError(f"'{reference.slug}': vault_auth_type must be token or approle")
    for name, value in config.items():
        if not isinstance(value, str) or not value.isascii() or not value.isprintable():
            raise ManagerError(f"'{reference.slug}': {name} must be a text without special characters")
    for name in ("vault_addr", *_NEEDED[kind]):
        if not config.get(name):
            raise ManagerError(f"'{reference.slug}': {name} is missing")
    return str(config["vault_addr"]).rstrip("/")


async def hashicorp(reference: SecretReference, config: Mapping[str, Any], ask: Ask, now_s: float) -> str:
    """See `web.Manager`."""
    where = place_of(reference, config)
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
        return str(config["vault_token"])
    proof = {"role_id": config["vault_role_id"], "secret_id": config["vault_secret_id"]}
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
