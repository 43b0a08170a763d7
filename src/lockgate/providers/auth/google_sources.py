"""Where access tokens of Google Cloud come from: a service account, a user's login, a federated identity, the metadata server.

Sources: https://developers.google.com/identity/protocols/oauth2/service-account (the signed grant, RFC 7523),
https://google.aip.dev/auth/4110 and what it refers to (the files), https://cloud.google.com/iam/docs/reference/sts/rest
(RFC 8693), https://cloud.google.com/compute/docs/metadata/querying-metadata
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

import msgspec

from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE
from lockgate.providers.auth.port import Asked, Fetch, Issued, Source, Told, cannot_issue

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
#: The only place where tokens are asked for, whatever a key file says: it may be a caller's.
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
#: The metadata server of a machine; it is reached without a proxy and without a name.
METADATA_URL = "http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token"
#: Seconds that a grant is good for, and a token that is asked for by another identity.
LIFE_S = 3600

_FORM = ("content-type", "application/x-www-form-urlencoded")
_JSON = ("content-type", "application/json")
_FILE = "GOOGLE_APPLICATION_CREDENTIALS"
_Object = dict[str, Any]


class ServiceAccount(msgspec.Struct, frozen=True, cache_hash=True):
    """A service account, by its private key (PEM)."""

    email: str
    private_key: str
    key_id: str = ""

    def __repr__(self) -> str:
        return f"ServiceAccount({self.email})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`. Signing goes to a thread: the first one imports a large library."""
        what, setting = f"A token for the service account {self.email}", "vertex_service_account_json"
        try:
            assertion = await asyncio.to_thread(self.assertion, now_s)
        except (ValueError, TypeError):
            return cannot_issue(what, setting, "its private_key is no RSA key in PEM.")
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
        return _token(await fetch(Asked("POST", TOKEN_URL, (_FORM,), urlencode(form).encode())), what, setting, now_s)

    def assertion(self, now_s: float) -> str:
        """The signed grant; raises `ValueError` or `TypeError` for a key that is none."""
        import jwt  # noqa: PLC0415 - 0.2 s and 16 MB, for those who have a service account

        now = int(now_s)
        claims = {"iss": self.email, "scope": SCOPE, "aud": TOKEN_URL, "iat": now, "exp": now + LIFE_S}
        try:
            return jwt.encode(claims, self.private_key, "RS256", {"kid": self.key_id} if self.key_id else None)
        except jwt.PyJWTError as error:
            raise ValueError(str(error)) from None


class AuthorizedUser(msgspec.Struct, frozen=True, cache_hash=True):
    """A user who has logged in with gcloud on the operator's machine."""

    client_id: str
    client_secret: str
    refresh_token: str

    def __repr__(self) -> str:
        return f"AuthorizedUser({self.client_id})"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        form = {"grant_type": "refresh_token", **msgspec.structs.asdict(self)}
        told = await fetch(Asked("POST", TOKEN_URL, (_FORM,), urlencode(form).encode()))
        return _token(told, "A token for the user who logged in", f"{_FILE} (gcloud auth application-default login)", now_s)


class Federated(msgspec.Struct, frozen=True, cache_hash=True):
    """An identity of another issuer, whose token is in a file or at an address, exchanged for one of Google's."""

    audience: str
    subject_token_type: str
    token_url: str
    file: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    field: str = ""  # of the JSON that holds the token; "": the text is the token

    def __repr__(self) -> str:
        return f"Federated({self.audience})"

    @classmethod
    def of(cls, about: _Object) -> Federated:
        """From a file of type external_account; raises `KeyError`, or `ValueError` with what is wrong."""
        source: _Object = about["credential_source"]
        file, url = str(source.get("file") or ""), str(source.get("url") or "")
        if bool(file) == bool(url):
            raise ValueError("its credential_source must be a file or a url")
        token_url = _google(about.get("token_url") or "https://sts.googleapis.com/v1/token")
        shape: _Object = source.get("format") or {}
        field = str(shape["subject_token_field_name"]) if shape.get("type") == "json" else ""
        headers = tuple((str(name), str(value)) for name, value in cast("_Object", source.get("headers") or {}).items())
        return cls(str(about["audience"]), str(about["subject_token_type"]), token_url, file, url, headers, field)

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        what, setting = "A token for the federated identity", f"{_FILE} and its credential_source"
        subject = await self._subject(fetch)
        if isinstance(subject, Failure) or not subject:
            return cannot_issue(what, setting, subject or "there is no token of the other issuer.")
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": self.audience,
            "scope": SCOPE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token": subject,
            "subject_token_type": self.subject_token_type,
        }
        return _token(await fetch(Asked("POST", self.token_url, (_FORM,), urlencode(form).encode())), what, setting, now_s)

    async def _subject(self, fetch: Fetch) -> str | Failure:
        """The other issuer's token, which is renewed where it is."""
        if self.file:
            text = _read(self.file)
        else:
            told = await fetch(Asked("GET", self.url, self.headers))
            if isinstance(told, Failure):
                return told
            text = told.body.decode("utf-8", "replace") if told.status == 200 else ""
        return str(_members(text.encode()).get(self.field) or "") if self.field else text.strip()


class Impersonated(msgspec.Struct, frozen=True, cache_hash=True):
    """A service account that another identity may speak for."""

    base: Source[str]
    url: str

    def __repr__(self) -> str:
        return f"Impersonated({self.base}, {self.url.rpartition('/')[2]})"

    @classmethod
    def at(cls, url: str, base: Source[str]) -> Impersonated:
        """Raises `ValueError` for an address that is not Google's."""
        return cls(base, _google(url))

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        base = await self.base.issue(fetch, now_s)
        if isinstance(base, Failure):
            return base
        what, setting = "A token for the impersonated service account", f"{_FILE} and its roles/iam.serviceAccountTokenCreator"
        body = json.dumps({"scope": [SCOPE], "lifetime": f"{LIFE_S}s"}).encode()
        told = await fetch(Asked("POST", self.url, (_JSON, ("authorization", f"Bearer {base.credential}")), body))
        if isinstance(told, Failure):
            return cannot_issue(what, setting, told)
        said = _members(told.body)
        try:
            token, ends = str(said["accessToken"]), datetime.fromisoformat(str(said["expireTime"]))
        except (KeyError, ValueError):
            return cannot_issue(what, setting, told, _sentence(said))
        return Issued(token, ends.timestamp())


class Metadata(msgspec.Struct, frozen=True, cache_hash=True):
    """The service account of the machine, pod or function that the gateway runs on."""

    def __repr__(self) -> str:
        return "Metadata()"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[str] | Failure:
        """See `Source`."""
        told = await fetch(Asked("GET", METADATA_URL, (("metadata-flavor", "Google"),)))
        return _token(told, "The machine's token", "vertex_auth_type and the machine's service account", now_s)


def _read(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _google(url: str) -> str:
    """An address of Google's own; raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not (parts.hostname or "").endswith(".googleapis.com"):
        raise ValueError(f"{url} is no https address at googleapis.com")
    return url


def _token(told: Told | Failure, what: str, setting: str, now_s: float) -> Issued[str] | Failure:
    """The access token in an answer (RFC 6749, section 5.1)."""
    if isinstance(told, Failure):
        return cannot_issue(what, setting, told)
    said = _members(told.body)
    token, life_s = said.get("access_token"), said.get("expires_in")
    if told.status != 200 or not isinstance(token, str) or not token:
        return cannot_issue(what, setting, told, _sentence(said))
    return Issued(token, now_s + (float(life_s) if isinstance(life_s, int) else LIFE_S))


def _members(body: bytes) -> _Object:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE:
        return {}


def _sentence(said: _Object) -> str:
    """The place's own words: of OAuth, or of one of Google's APIs."""
    error = said.get("error")
    words = cast("_Object", error).get("message") if isinstance(error, dict) else said.get("error_description") or error
    return f"{str(words).rstrip('.')}." if words else ""
