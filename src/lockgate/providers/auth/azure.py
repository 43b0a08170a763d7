"""Accounts at Azure: a resource's key, or a token of Entra ID for an application or for the gateway's own machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from lockgate.core.failure import Refusal
from lockgate.providers.auth.azure_sources import AUTHORITY, ClientSecret, Managed, WorkloadIdentity
from lockgate.providers.auth.port import AnySigner, Bearer, Given, Headers, Message, Source
from lockgate.providers.auth.settings import Settings

Environment = Mapping[str, str]

#: The audience of the model services. Foundry takes it as well.
SCOPE = "https://cognitiveservices.azure.com/.default"

_TENANT = re.compile(r"[A-Za-z0-9.-]{1,253}")
_SCOPE = re.compile(r"[\x21-\x7e]{1,500}")
_OWN = ("managed", "workload")
#: What a models endpoint shall do with parameters that a model does not know.
_EXTRA = ("drop", "error", "pass-through")


class Key(msgspec.Struct, frozen=True):
    """A resource's key, in every header that one of its APIs reads. See `Signer`."""

    source: Source[str]
    bearer: bool = False  # some models' own endpoints know no other way
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return "Key()"

    def sign(self, message: Message, host: str, now_s: float, credential: str) -> Headers:
        """See `Signer`. The Messages API reads `x-api-key`, and takes no bearer that is not a token."""
        key = credential.encode("latin-1")
        signed: Headers = [(b"api-key", key), *((name.encode(), value.encode("latin-1")) for name, value in self.headers)]
        if b"/anthropic/" in message.target:
            signed.append((b"x-api-key", key))
        elif self.bearer:
            signed.append((b"authorization", b"Bearer " + key))
        return signed


def azure(*, foundry: bool) -> Callable[[Settings, str, Environment | None], AnySigner]:
    """What makes the signers of Azure OpenAI, or of Foundry; see `providers.auth.Make`."""

    def make(settings: Settings, key: str, environment: Environment | None) -> AnySigner:
        key = key or (environment or {}).get("AZURE_AI_API_KEY" if foundry else "AZURE_OPENAI_API_KEY", "")
        headers = _foundry_headers(settings) if foundry else ()
        if settings.azure_ad_token:
            return Bearer(Given(settings.azure_ad_token.removeprefix("Bearer ")), headers=headers)
        mode = (settings.azure_auth_mode or _likely(settings, key)).lower()
        if mode == "apikey":
            if not key:
                raise _missing("api_key", "a key: api_key; or azure_auth_mode 'entra', 'managed' or 'workload'")
            return Key(Given(key), bearer=foundry, headers=headers)
        make_source = _SOURCES.get(mode)
        if make_source is None:
            known = ", ".join(("apiKey", *_SOURCES))
            raise Refusal(400, "invalid_setting", f"azure_auth_mode must be one of {known}.", param="azure_auth_mode")
        if environment is None and mode in _OWN:
            raise Refusal(
                403,
                "not_yours",
                f"azure_auth_mode '{mode}' means the identity of the gateway, which only its operator can lend: "
                "set the provider up in lockgate.yaml and name it with '@'.",
                param="azure_auth_mode",
            )
        scope = settings.azure_entra_scope or SCOPE
        if not _SCOPE.fullmatch(scope):
            raise Refusal(400, "invalid_setting", "azure_entra_scope must be a scope.", param="azure_entra_scope")
        return Bearer(make_source(settings, scope, environment or {}), headers=headers)

    return make


def _likely(settings: Settings, key: str) -> str:
    return "entra" if settings.azure_entra_client_id and not key else "apikey"


def _foundry_headers(settings: Settings) -> tuple[tuple[str, str], ...]:
    """What goes to a models endpoint: which deployment answers, and that parameters it does not know go to the model."""
    extra = settings.azure_extra_params or "pass-through"
    if extra not in _EXTRA:
        known = ", ".join(_EXTRA)
        raise Refusal(400, "invalid_setting", f"azure_extra_params must be one of {known}.", param="azure_extra_params")
    name = settings.azure_deployment_name
    if name and not (name.isascii() and name.isprintable()):
        raise Refusal(400, "invalid_setting", "azure_deployment_name must be a name.", param="azure_deployment_name")
    return (("extra-parameters", extra), *((("azureml-model-deployment", name),) if name else ()))


def _entra(settings: Settings, scope: str, environment: Environment) -> Source[str]:
    tenant, client = settings.azure_entra_tenant_id, settings.azure_entra_client_id
    for member in ("azure_entra_tenant_id", "azure_entra_client_id", "azure_entra_client_secret"):
        if not getattr(settings, member):
            raise _missing(member, f"{member} for an application of Entra ID")
    authority = _authority(environment)
    return ClientSecret(authority, _tenant(tenant, "azure_entra_tenant_id"), client, settings.azure_entra_client_secret, scope)


def _managed(settings: Settings, scope: str, environment: Environment) -> Source[str]:
    place, header = environment.get("IDENTITY_ENDPOINT", ""), environment.get("IDENTITY_HEADER", "")
    resource = scope.removesuffix("/.default")
    return Managed(resource, settings.azure_managed_client_id, place if header else "", header)


def _workload(settings: Settings, scope: str, environment: Environment) -> Source[str]:
    tenant = environment.get("AZURE_TENANT_ID", "") or settings.azure_entra_tenant_id
    client = settings.azure_workload_client_id or environment.get("AZURE_CLIENT_ID", "")
    file = environment.get("AZURE_FEDERATED_TOKEN_FILE", "")
    if not tenant or not client or not file:
        raise _missing(
            "azure_auth_mode",
            "AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE in the environment for a workload identity",
        )
    return WorkloadIdentity(_authority(environment), _tenant(tenant, "azure_auth_mode"), client, file, scope)


def _authority(environment: Environment) -> str:
    """Where tokens are had: the public cloud, or the operator's."""
    said = environment.get("AZURE_AUTHORITY_HOST", "").rstrip("/")
    if said and not said.startswith("https://"):
        said = f"https://{said}"
    return said or AUTHORITY


def _tenant(tenant: str, member: str) -> str:
    if not _TENANT.fullmatch(tenant) or set(tenant) <= {"."}:
        raise Refusal(400, "invalid_setting", f"{member}: a tenant is its id or its domain.", param=member)
    return tenant


_SOURCES: dict[str, Callable[[Settings, str, Environment], Source[str]]] = {
    "entra": _entra,
    "managed": _managed,
    "workload": _workload,
}


def _missing(member: str, what: str) -> Refusal:
    return Refusal(400, "missing_setting", f"Azure needs {what}.", param=member)
