"""Accounts as they are stored, read as the provider entries that the compiler knows.

An integration says its account as Portkey's users do: a key, and *configurations* per provider. Which of these are secret, and
what each means here, is a table; a member that no table knows is refused when it is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from lockgate.control.config import ProviderEntry
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration
from lockgate.providers.auth.settings import Settings
from lockgate.providers.table import TABLE

#: The field of the vault that holds a provider's key.
KEY = "key"
#: What stands for a secret that is in the vault, where an account is only looked at.
UNREVEALED = "not-revealed"
#: How the text begins that is shown instead of a secret.
MASK = "****"
#: Configurations that are secrets; the vault has them as "configurations.NAME".
SECRET = frozenset(
    (
        "aws_secret_access_key",
        "aws_session_token",
        "vertex_service_account_json",
        "azure_ad_token",
        "azure_entra_client_secret",
        "oracle_private_key",
        "oracle_key_passphrase",
        "custom_headers",
    )
)
#: Fields of secrets that are read, and not only sent.
STRUCTURED = frozenset(
    f"configurations.{name}" for name in ("vertex_service_account_json", "oracle_private_key", "oracle_key_passphrase")
)
#: Configurations of Portkey's that are headers.
_HEADERS = {"openai_organization": "openai-organization", "openai_project": "openai-project"}
#: Those that say where the provider is.
_ADDRESSES = ("custom_host", "huggingface_base_url")
#: Portkey's word for a mode → ours.
_MODES = {
    "azure_auth_mode": {"default": "apiKey"},
    "vertex_auth_type": {"basic": ""},
}
_DEPLOYMENTS = "azure_deployment_config"
_CUSTOM_HEADERS = "custom_headers"
_KNOWN = frozenset((*Settings.__struct_fields__, *_HEADERS, *_ADDRESSES, _DEPLOYMENTS, _CUSTOM_HEADERS))
_OF_HEADERS = msgspec.json.Decoder(dict[str, str])


def split(configurations: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Configurations apart into those that may be read, and secrets by their fields in the vault; what is null was not said.
    Raises `Refusal` 400 for one that is not known, or cannot be."""
    plain: dict[str, Any] = {}
    secret: dict[str, str] = {}
    for name, value in configurations.items():
        at = f"configurations.{name}"
        if name not in _KNOWN:
            raise Refusal(400, "unknown_member", f"'{name[:100]}' is not known of an account.", param=at[:200])
        if value is None:
            continue
        if name not in SECRET:
            plain[name] = value
            continue
        secret[at] = value if isinstance(value, str) else json.dumps(value)
        if name == _CUSTOM_HEADERS:
            _headers_of(secret[at])
    return plain, secret


def check_target(field: str, at: str) -> None:
    """Whether a secret that is kept elsewhere can stand in this field. Raises `Refusal` 400."""
    name = field.removeprefix("configurations.")
    if field != KEY and (name == field or name not in _KNOWN or name in _ADDRESSES):
        raise Refusal(400, "invalid_value", f"'{field[:100]}' is no field of an account that takes a secret.", param=at)


def shown(configurations: Mapping[str, Any], sealed: Mapping[str, str]) -> dict[str, Any]:
    """Configurations as they may be read: of those that are in the vault, what `sealed` says may be shown, by their fields."""
    masked = {field.removeprefix("configurations."): MASK + hint for field, hint in sealed.items() if field != KEY}
    return {**configurations, **masked}


def entry_of(integration: Integration, secrets: Mapping[str, str]) -> ProviderEntry:
    """An account as a provider's entry; `secrets` by their fields. Raises `Refusal` 400 for what cannot be one."""
    if integration.provider not in TABLE:
        raise Refusal(
            400,
            "unknown_provider",
            f"No provider is called '{integration.provider}'; `lockgate providers` lists them.",
            param="provider",
        )
    said: dict[str, Any] = {**integration.configurations}
    for field, value in secrets.items():
        if field != KEY:
            said[field.removeprefix("configurations.")] = value
    tree: dict[str, Any] = {"provider": integration.provider, "api_key": secrets.get(KEY, "")}
    headers: dict[str, str] = {}
    for name, value in said.items():
        if name in _HEADERS:
            headers[_HEADERS[name]] = value
        elif name == _CUSTOM_HEADERS:
            headers.update(_headers_of(value))
        elif name in _ADDRESSES:
            tree["base_url"] = value
        elif name == _DEPLOYMENTS:
            tree |= _deployments(value)
        else:
            tree[name] = _MODES.get(name, {}).get(value, value) if isinstance(value, str) else value
    if headers:
        tree["headers"] = headers
    if models := _models(integration):
        tree["models"] = models
    try:
        return msgspec.convert(tree, ProviderEntry)
    except msgspec.ValidationError as error:
        raise Refusal(400, "invalid_type", f"The account cannot be read: {error}.", param="configurations") from None


def _headers_of(written: str) -> dict[str, str]:
    if written == UNREVEALED:
        return {}
    try:
        return _OF_HEADERS.decode(written)
    except msgspec.DecodeError:
        at = f"configurations.{_CUSTOM_HEADERS}"
        raise Refusal(400, "invalid_type", f"{_CUSTOM_HEADERS} is an object of texts.", param=at) from None


def _models(integration: Integration) -> list[str]:
    """The models that may be used; none: all."""
    if integration.allow_all_models:
        return []
    # A pattern that no model has: an account without any enabled model is not one with all of them.
    return [model.slug for model in integration.models if model.enabled] or ["\x00"]


def without(integration: Integration) -> frozenset[str]:
    """The models that may not be used, in lower case: some providers take any."""
    return frozenset(model.slug.lower() for model in integration.models if not model.enabled)


def _deployments(written: Any) -> dict[str, Any]:
    """Portkey's list of Azure deployments as ours; the API version is the default deployment's, or the first one's."""
    if not isinstance(written, list) or not all(isinstance(each, dict) for each in cast("list[Any]", written)):
        raise Refusal(400, "invalid_type", "azure_deployment_config is a list of deployments.", param="configurations")
    entries = cast("list[dict[str, Any]]", written)
    found = [
        {
            "deployment_id": str(each.get("azure_deployment_name", "")),
            "alias": str(each.get("alias") or each.get("azure_model_slug") or ""),
            "is_default": bool(each.get("is_default", False)),
        }
        for each in entries
    ]
    chosen = next((each for each in entries if each.get("is_default")), entries[0] if entries else {})
    version = str(chosen.get("azure_api_version") or "")
    return {"deployments": found, **({"azure_api_version": version} if version else {})}
