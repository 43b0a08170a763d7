"""Accounts at Google Cloud: which token a request carries, by what was said; an express key goes in a header of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from lockgate.core.failure import Refusal
from lockgate.providers.auth.google_sources import AuthorizedUser, Federated, Impersonated, Metadata, ServiceAccount
from lockgate.providers.auth.port import AnySigner, Bearer, Given, Source
from lockgate.providers.auth.settings import Settings

Environment = Mapping[str, str]
_Object = dict[str, Any]

_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_JSON = "vertex_service_account_json"
#: How API keys begin; access tokens begin otherwise.
_API_KEYS = ("AIza", "AQ.")
_OWN = ("applicationDefault", "metadata")


def google(settings: Settings, key: str, environment: Environment | None) -> AnySigner:
    """The signer of an account; see `providers.auth.Make`."""
    kind = settings.vertex_auth_type or _likely(settings, key, environment or {})
    make = _KINDS.get(kind)
    if make is None:
        known = ", ".join(_KINDS)
        raise Refusal(400, "invalid_setting", f"vertex_auth_type must be one of {known}.", param="vertex_auth_type")
    if environment is None and kind in _OWN:
        raise Refusal(
            403,
            "not_yours",
            f"vertex_auth_type '{kind}' means the identity of the gateway, which only its operator can lend: "
            "set the provider up in lockgate.yaml and name it with '@'.",
            param="vertex_auth_type",
        )
    return make(settings, key, environment or {})


def _likely(settings: Settings, key: str, environment: Environment) -> str:
    """The kind that goes with what was said. Nothing said is not the metadata server: that is lent by name only."""
    if settings.vertex_service_account_json:
        return "serviceAccount"
    if key:
        return "apiKey" if key.startswith(_API_KEYS) else "accessToken"
    return "applicationDefault" if environment.get(_FILE) else "serviceAccount"


def _service_account(settings: Settings, key: str, environment: Environment) -> AnySigner:
    said = settings.vertex_service_account_json
    if not said:
        raise _missing(
            _JSON,
            f"{_JSON} (the key file of a service account), an access token as api_key, {_FILE} in the environment, or "
            "vertex_auth_type 'metadata' on a machine of Google's",
        )
    return Bearer(service_account(_object(said, _JSON), _JSON))


def service_account(about: _Object, setting: str) -> ServiceAccount:
    """A service account by its key file; raises `Refusal` that names the `setting`."""
    email, private_key = about.get("client_email"), about.get("private_key")
    if not isinstance(email, str) or not isinstance(private_key, str) or not email or not private_key:
        raise _missing(setting, f"the key file of a service account in {setting}: with client_email and private_key")
    return ServiceAccount(email, private_key, str(about.get("private_key_id") or ""))


def _application_default(settings: Settings, key: str, environment: Environment) -> AnySigner:
    place = environment.get(_FILE, "")
    if not place:
        raise _missing("vertex_auth_type", f"{_FILE} in the environment for application default credentials")
    try:
        text = Path(place).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise Refusal(400, "invalid_setting", f"{_FILE}: {place} cannot be read: {why}.", param="vertex_auth_type") from None
    about = _object(text, "vertex_auth_type")
    project = about.get("quota_project_id")
    headers = (("x-goog-user-project", project),) if isinstance(project, str) and project else ()
    return Bearer(source_of(about), headers=headers)


def source_of(about: _Object) -> Source[str]:
    """What a file of application default credentials describes; raises `Refusal`."""
    kind = about.get("type")
    try:
        if kind == "service_account":
            return service_account(about, _FILE)
        if kind == "authorized_user":
            return AuthorizedUser(about["client_id"], about["client_secret"], about["refresh_token"])
        if kind == "impersonated_service_account":
            return Impersonated.at(about["service_account_impersonation_url"], source_of(about["source_credentials"]))
        if kind == "external_account":
            base = Federated.of(about)
            url = about.get("service_account_impersonation_url")
            return Impersonated.at(url, base) if url else base
    except (KeyError, TypeError, AttributeError):
        raise Refusal(400, "invalid_setting", f"{_FILE}: the file is no whole '{kind}'.", param="vertex_auth_type") from None
    except ValueError as error:
        raise Refusal(400, "invalid_setting", f"{_FILE}: {error}.", param="vertex_auth_type") from None
    known = "service_account, authorized_user, impersonated_service_account or external_account"
    raise Refusal(400, "invalid_setting", f"{_FILE}: the file's type must be {known}.", param="vertex_auth_type")


def _metadata(settings: Settings, key: str, environment: Environment) -> AnySigner:
    return Bearer(Metadata())


def _access_token(settings: Settings, key: str, environment: Environment) -> AnySigner:
    if not key:
        raise _missing("api_key", "an access token as api_key")
    return Bearer(Given(key.removeprefix("Bearer ")))


def _api_key(settings: Settings, key: str, environment: Environment) -> AnySigner:
    if not key:
        raise _missing("api_key", "an API key as api_key")
    return Bearer(Given(key), header="x-goog-api-key", prefix="")


def _object(said: str | _Object, setting: str) -> _Object:
    if isinstance(said, dict):
        return said
    try:
        value: Any = json.loads(said)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_setting", f"{setting} must be a JSON object.", param=setting)
    return cast("_Object", value)


_KINDS: dict[str, Callable[[Settings, str, Environment], AnySigner]] = {
    "serviceAccount": _service_account,
    "applicationDefault": _application_default,
    "metadata": _metadata,
    "accessToken": _access_token,
    "apiKey": _api_key,
}


def _missing(member: str, what: str) -> Refusal:
    return Refusal(400, "missing_setting", f"Google Cloud needs {what}.", param=member)
