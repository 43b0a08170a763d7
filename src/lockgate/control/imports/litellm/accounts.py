"""`litellm_params`: whose account a deployment uses, and which model of it.

Source: https://docs.litellm.ai/docs/providers, each provider's page, and https://docs.litellm.ai/docs/set_keys for what comes
from the environment when it is not said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from lockgate.control.imports.accounts import Account, Secret, headers, host_hint, name_hint, same_site
from lockgate.control.imports.draft import reference
from lockgate.control.imports.litellm.members import Members, deep_interpolated
from lockgate.control.imports.litellm.names import FOREIGN, NAMES, Name, split
from lockgate.providers.table import TABLE

_AZURE_HOST = re.compile(r"https://([a-zA-Z0-9-]+)\.openai\.azure\.com(?:/.*)?")
_FOUNDRY_HOST = re.compile(r"https://([a-zA-Z0-9-]+)\.services\.ai\.azure\.com(?:/.*)?")
_API_VERSION = re.compile(r"[?&]api-version=([^&]+)")
_CLOUDFLARE = re.compile(r"https://api\.cloudflare\.com/client/v4/accounts/([a-f0-9]{32})(?:/.*)?")
_SNOWFLAKE = re.compile(r"https://([A-Za-z0-9._-]+)\.snowflakecomputing\.com(?:/.*)?")
_AWS_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
#: Paths that LiteLLM's users put behind an address, and our rows put there themselves.
_ENDPOINT = re.compile(r"/(?:chat/completions|completions|embeddings|messages|responses|chat|rerank)/?(?:\?.*)?$")

#: What people write where a key must stand and none is needed.
_NO_KEYS = frozenset(("none", "empty", "null", "dummy", "fake", "fake-key", "no-key", "not-needed", "sk-no-key-required"))

_AWS_MEMBERS = {"aws_region_name": "aws_region", "aws_role_name": "aws_role_arn", "aws_external_id": "aws_external_id"}
_AWS_SECRETS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_AWS_LEFT = {
    "aws_session_name": "sessions of an assumed role are named by Lockgate",
    "aws_profile_name": "profiles are not read; give keys, a role, or the machine's own identity (docs/clouds.md)",
    "aws_web_identity_token": "set AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, with aws_auth_type: webIdentity",
    "aws_sts_endpoint": "the region's own STS endpoint is asked",
    "aws_session_tags": "an assumed role's session has no tags",
    "aws_bedrock_control_plane_endpoint": "only the runtime endpoint is used",
    "aws_bedrock_project_id": "there is no member for it",
}


class Place(msgspec.Struct):
    """Where a deployment asks: the account and the model. `api` is a config's `upstream_api`."""

    account: Account
    model: str
    api: str = ""


def place(params: Members) -> Place | None:
    """The account and model of a deployment's `litellm_params`; what was read of them is taken. None, with a finding, when
    there is no provider for it here."""
    written = params.text("model")
    if not written:
        params.findings.left(params.at, "it names no model")
        return None
    provider, model = split(written, params.text("custom_llm_provider"))
    name = NAMES.get(provider)
    if name is None and provider not in FOREIGN and "api_base" in params:
        params.findings.changed(params.path("model"), f"'{provider or model}' is asked in OpenAI's API at its api_base")
        name = Name("openai", f"{provider.upper()}_API_KEY" if provider else "OPENAI_API_KEY")
    if name is None:
        known = f"there is no provider here for LiteLLM's '{provider}'" if provider else f"no provider is known for '{model}'"
        params.findings.left(params.path("model"), f"{known} (`lockgate providers` lists those that there are)")
        return None
    model, api, region = _unrouted(model, name)
    account = _KINDS[name.account](params, name)
    if region:
        account.said["aws_region"] = account.hint = region
    if extra := {**params.mapping("extra_headers"), **params.mapping("default_headers"), **params.mapping("headers")}:
        account.said["headers"] = headers(deep_interpolated(extra), params.path("extra_headers"))
    if organization := params.text("organization"):
        account.said.setdefault("headers", {})["OpenAI-Organization"] = organization
    return Place(account, params.text("model_id") or model, api)


def _unrouted(model: str, name: Name) -> tuple[str, str, str]:
    """The model without the words before it that choose an API (told as `upstream_api`) or, at Amazon, a region."""
    api = region = ""
    while "/" in model:
        word, _, rest = model.partition("/")
        if word in name.routes:
            api = "responses" if word == "responses" else api
        elif name.account == "aws" and _AWS_REGION.fullmatch(word):
            region = word
        else:
            break
        model = rest
    return model, api, region


def _key(params: Members, name: Name, member: str = "api_key") -> Secret | str:
    """The key that the configuration says, or the variable that LiteLLM takes it from."""
    said = params.text(member)
    if said:
        return said if reference(said) or said.lower() in _NO_KEYS else Secret(said, "API_KEY", params.path(member))
    return f"${{{name.key}}}" if name.key else ""


def _by_key(params: Members, name: Name) -> Account:
    row = TABLE[name.slug]
    base = _ENDPOINT.sub("", params.text("api_base") or params.text("base_url")).rstrip("/")
    base = base + name.below if base and not base.endswith(name.below) else base
    base = base or name.base_url
    own = bool(base) and base != row.base_url.rstrip("/")
    said: dict[str, Any] = {}
    if own and "api_key" not in params and not row.keyless and not same_site(base, name.slug) and base != name.base_url:
        params.findings.changed(params.at, f"no key is said for {base}, so none goes there; LiteLLM would send {name.key}")
        said["api_key"] = "none"
    elif key := _key(params, name):
        said["api_key"] = key
    if own:
        said["base_url"] = base
    if tenant := params.text("tenant_id"):
        said["params"] = {"tenant_id": tenant}
    if params.text("api_version"):
        params.findings.left(params.path("api_version"), f"{row.name} is asked in the version of its API that Lockgate speaks")
    hint = host_hint(base, name.slug) if own else _key_hint(said.get("api_key"), name.slug)
    return Account(name.slug, said, hint, apart=own and not row.keyless)


def _key_hint(key: Secret | str | None, row: str) -> str:
    return name_hint(reference(key), row) if isinstance(key, str) else ""


def _azure(params: Members, name: Name) -> Account:
    base = params.text("api_base") or "${AZURE_API_BASE}"
    said: dict[str, Any] = _azure_identity(params, name)
    version = params.text("api_version")
    if match := _API_VERSION.search(base):
        version = version or match[1]
        base = base[: match.start()]
    if match := _AZURE_HOST.fullmatch(base):
        said["azure_resource_name"] = match[1]
    else:
        base = base.rstrip("/")
        said["base_url"] = base if base.endswith("/openai") else f"{base}/openai"
        if reference(base):
            params.findings.todo(params.at, f"{reference(base)} must be the resource's address without a slash at its end")
    if version:
        said["azure_api_version"] = version
    return Account(name.slug, said, match[1] if match else host_hint(base, name.slug))


def _foundry(params: Members, name: Name) -> Account:
    base = params.text("api_base") or "${AZURE_AI_API_BASE}"
    said: dict[str, Any] = _azure_identity(params, name)
    version = params.text("api_version")
    if match := _API_VERSION.search(base):
        version = version or match[1]
        base = base[: match.start()]
    if match := _FOUNDRY_HOST.fullmatch(base):
        said["azure_resource_name"] = match[1]
    else:
        said["azure_foundry_url"] = base if reference(base) else re.sub(r"^(https://[^/]+).*$", r"\1", base)
    if version:
        said["azure_api_version"] = version
    return Account(name.slug, said, match[1] if match else host_hint(base, name.slug))


def _azure_identity(params: Members, name: Name) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for member in ("azure_username", "azure_password"):
        if params.take(member) is not None:
            params.findings.left(params.path(member), "nobody signs in with a user's password here; use azure_auth_mode: entra")
    if token := params.text("azure_ad_token"):
        said["azure_ad_token"] = Secret(token, "AD_TOKEN", params.path("azure_ad_token"))
    if secret := params.text("client_secret"):
        said["azure_auth_mode"] = "entra"
        said["azure_entra_tenant_id"] = params.text("tenant_id")
        said["azure_entra_client_id"] = params.text("client_id")
        said["azure_entra_client_secret"] = Secret(secret, "CLIENT_SECRET", params.path("client_secret"))
        if scope := params.text("azure_scope"):
            said["azure_entra_scope"] = scope
    if not said or "api_key" in params:
        said["api_key"] = _key(params, name)
    return said


def _aws(params: Members, name: Name) -> Account:
    said: dict[str, Any] = {}
    if "aws_region_name" not in params and "region_name" not in params:
        said["aws_region"] = "${AWS_REGION:-us-west-2}"  # where LiteLLM goes when nobody says
    if region := params.text("region_name"):
        said["aws_region"] = region
    for member, ours in _AWS_MEMBERS.items():
        if value := params.text(member):
            said[ours] = value
    for member in _AWS_SECRETS:
        if value := params.text(member):
            said[member] = Secret(value, member, params.path(member))
    if key := params.text("api_key"):
        said["api_key"] = Secret(key, "API_KEY", params.path("api_key"))
    if base := params.text("aws_bedrock_runtime_endpoint") or params.text("api_base"):
        said["base_url"] = base.rstrip("/")
    for member, why in _AWS_LEFT.items():
        if params.take(member) is not None:
            params.findings.left(params.path(member), why)
    return Account(name.slug, said, said["aws_region"] if not said["aws_region"].startswith("$") else "")


def _google(params: Members, name: Name) -> Account:
    said: dict[str, Any] = {"vertex_region": params.text("vertex_location") or "${VERTEXAI_LOCATION:-us-central1}"}
    credentials = params.take("vertex_credentials")
    at = params.path("vertex_credentials")
    if project := params.text("vertex_project"):
        said["vertex_project_id"] = project
    elif credentials is None:
        said["vertex_project_id"] = "${VERTEXAI_PROJECT}"
    if isinstance(credentials, dict):
        credentials = json.dumps(credentials)
    if isinstance(credentials, str):
        text = deep_interpolated(credentials)
        file = not text.lstrip().startswith("{") and not reference(text)
        said["vertex_service_account_json"] = Secret(text, "SERVICE_ACCOUNT_JSON", at, file)
        if reference(text):
            params.findings.todo(at, f"{reference(text)} must hold the text of the key file; LiteLLM takes its path too")
    elif key := params.text("api_key"):
        said["api_key"] = Secret(key, "API_KEY", params.path("api_key"))
    else:
        said["vertex_auth_type"] = "applicationDefault"
    if base := params.text("api_base"):
        said["base_url"] = base.rstrip("/")
    return Account(name.slug, said, said["vertex_region"] if not said["vertex_region"].startswith("$") else "")


def _cloudflare(params: Members, name: Name) -> Account:
    base = params.text("api_base")
    match = _CLOUDFLARE.fullmatch(base)
    said: dict[str, Any] = {
        "api_key": _key(params, name),
        "workers_ai_account_id": match[1] if match else params.text("account_id") or "${CLOUDFLARE_ACCOUNT_ID}",
    }
    return Account(name.slug, said, _key_hint(said["api_key"], name.slug))


def _snowflake(params: Members, name: Name) -> Account:
    match = _SNOWFLAKE.fullmatch(params.text("api_base"))
    said: dict[str, Any] = {
        "api_key": _key(params, name),
        "snowflake_account": match[1] if match else params.text("account_id") or "${SNOWFLAKE_ACCOUNT_ID}",
    }
    params.findings.changed(params.at, "the key goes as a programmatic access token, not as a key pair's JWT")
    return Account(name.slug, said, said["snowflake_account"] if match else "")


def _oracle(params: Members, name: Name) -> Account:
    said: dict[str, Any] = {"api_key": _key(params, name), "oracle_region": params.text("oci_region") or "${OCI_REGION}"}
    for member in ("oci_user", "oci_fingerprint", "oci_tenancy", "oci_key", "oci_key_file", "oci_compartment_id"):
        if params.take(member) is not None:
            params.findings.left(params.path(member), "requests are not signed for Oracle; make an API key for its models")
    return Account(name.slug, said, said["oracle_region"])


_KINDS: dict[str, Callable[[Members, Name], Account]] = {
    "key": _by_key,
    "azure": _azure,
    "foundry": _foundry,
    "aws": _aws,
    "google": _google,
    "cloudflare": _cloudflare,
    "snowflake": _snowflake,
    "oracle": _oracle,
}
