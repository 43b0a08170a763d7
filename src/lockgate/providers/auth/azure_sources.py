"""Where tokens of Microsoft Entra ID come from: an application's secret, a federated token of the cluster, the machine.

Sources: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (secret, federated token),
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token,
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE
from lockgate.providers.auth.port import Asked, Fetch, Issued, Told, cannot_issue

AUTHORITY = "https://login.microsoftonline.com"
#: The metadata service of a machine; it is reached without a proxy and without a name.
METADATA = "http://169.254.169.254/metadata/identity/oauth2/token"
#: Seconds that a token lasts when its answer does not say.
LIFE_S = 3600

_FORM = ("content-type", "application/x-www-form-urlencoded")


class ClientSecret(msgspec.Struct, frozen=True, cache_hash=True):
    """An application with a secret."""

    authority: str
    tenant: str
    client_id: str
    secret: str
    scope: str

    def __repr__(self) -> str:
        return f"ClientSecret({self.client_id})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        told = await fetch(_asked(self.authority, self.tenant, self.client_id, self.scope, {"client_secret": self.secret}))
        setting = "azure_entra_tenant_id, azure_entra_client_id and azure_entra_client_secret"
        return _token(told, f"A token for the application {self.client_id}", setting, now_s)


class WorkloadIdentity(msgspec.Struct, frozen=True, cache_hash=True):
    """An application that trusts the cluster's token, which is in a file and renewed there."""

    authority: str
    tenant: str
    client_id: str
    token_file: str
    scope: str

    def __repr__(self) -> str:
        return f"WorkloadIdentity({self.client_id})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        what, setting = f"A token for the workload {self.client_id}", "AZURE_FEDERATED_TOKEN_FILE and azure_workload_client_id"
        proof = _read(self.token_file)
        if not proof:
            return cannot_issue(what, setting, f"the token file {self.token_file} cannot be read or is empty.")
        form = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": proof,
        }
        return _token(await fetch(_asked(self.authority, self.tenant, self.client_id, self.scope, form)), what, setting, now_s)


class Managed(msgspec.Struct, frozen=True, cache_hash=True):
    """The identity of the machine or, where the platform names an `endpoint`, of the app. `client_id` picks one of several."""

    resource: str
    client_id: str = ""
    endpoint: str = ""
    secret: str = ""

    def __repr__(self) -> str:
        return f"Managed({self.client_id or 'system'})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        version = "2019-08-01" if self.endpoint else "2018-02-01"
        query = {"api-version": version, "resource": self.resource}
        if self.client_id:
            query["client_id"] = self.client_id
        header = ("x-identity-header", self.secret) if self.endpoint else ("metadata", "true")
        told = await fetch(Asked("GET", f"{self.endpoint or METADATA}?{urlencode(query)}", (header,)))
        setting = "azure_auth_mode, azure_managed_client_id and the identity of this machine"
        return _token(told, "A token for the managed identity", setting, now_s)


def _asked(authority: str, tenant: str, client_id: str, scope: str, proof: dict[str, str]) -> Asked:
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": scope, **proof}
    return Asked("POST", f"{authority}/{tenant}/oauth2/v2.0/token", (_FORM,), urlencode(form).encode())


def _token(told: Told | Failure, what: str, setting: str, now_s: float) -> Issued[str] | Failure:
    """The token in an answer. The token service tells how long it lasts, metadata services tell it as text, or when it ends."""
    if isinstance(told, Failure):
        return cannot_issue(what, setting, told)
    try:
        said = msgspec.json.decode(told.body, type=dict[str, Any])
    except UNREADABLE:
        said = dict[str, Any]()
    token = said.get("access_token")
    if told.status != 200 or not isinstance(token, str) or not token:
        words = str(said.get("error_description") or said.get("message") or said.get("error") or "").splitlines()
        return cannot_issue(what, setting, told, f"{words[0].rstrip('.')}." if words else "")
    life_s, ends_s = (str(said.get(name) or "") for name in ("expires_in", "expires_on"))
    if ends_s.isdigit():
        return Issued(token, float(ends_s))
    return Issued(token, now_s + (float(life_s) if life_s.isdigit() else LIFE_S))


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
