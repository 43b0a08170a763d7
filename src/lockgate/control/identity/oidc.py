"""Logging in by an identity provider: OpenID Connect's authorization code flow, with PKCE.

    begin    to the provider, with state, nonce and the hash of a verifier; all three go sealed into a cookie of the browser
    finish   back from it, with a code: for the code and the verifier the provider's token endpoint gives an ID token, which
    says who that is

The cookie is what binds a login to the browser that began it; it is sealed under a key that seals nothing else, lasts ten
minutes, and names its provider, so that one provider's answer is not taken for another's. Sources: OpenID Connect Core 1.0 and
Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (iss), RFC 9700 (best current practice).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote_plus, urlencode

import msgspec

from lockgate.control.identity import jose
from lockgate.control.identity.jose import BadToken, Claims, UnknownKey
from lockgate.control.identity.jwks import KeySet
from lockgate.control.identity.provision import Assertion
from lockgate.control.identity.secrets import Keys
from lockgate.control.identity.settings import OidcEntry
from lockgate.control.identity.site import Site
from lockgate.control.identity.users import email_of
from lockgate.control.identity.web import Place, Trouble, ask, claim, place_of
from lockgate.control.kms.local import seal, unseal
from lockgate.control.kms.port import Tampered
from lockgate.core.failure import Refusal
from lockgate.transport.exchange import Client

#: Seconds that a login may take at the provider, and that a discovery document counts as fresh.
FLOW_S, FRESH_S = 600, 3600.0
_BOUND = b"lockgate oidc login"
_FORM = (b"content-type", b"application/x-www-form-urlencoded")
#: Characters of a name, and groups that are looked at.
_NAME, _GROUPS = 255, 1000


class Discovery(msgspec.Struct, frozen=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Flow(msgspec.Struct, frozen=True):
    """A login under way, as the browser's cookie keeps it."""

    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    until_s: float

    def __repr__(self) -> str:
        return f"Flow({self.provider!r})"


class _Tokens(msgspec.Struct):
    """What a token endpoint gives."""

    id_token: str
    access_token: str = ""


class Provider:
    """One identity provider, with what it has said of itself and its keys. It belongs to one event loop. `clock` is monotonic,
    in seconds."""

    def __init__(self, name: str, entry: OidcEntry, clock: Callable[[], float]) -> None:
        self.name = name
        self.entry = entry
        self._clock = clock
        self._place = discovery_place(entry)
        self._said: Discovery | None = None
        self._fresh_until_s = 0.0
        self._keys: KeySet | None = None

    def __repr__(self) -> str:
        return f"Provider({self.name!r})"

    async def begin(self, client: Client, keys: Keys, site: Site, return_to: str, now_s: float) -> tuple[str, str]:
        """Where to send the browser, and the cookie ("login") that it takes along. Raises `Refusal` 502."""
        said = await self._discover(client)
        flow = Flow(
            self.name,
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(32),
            secrets.token_urlsafe(48),
            local_path(return_to),
            now_s + FLOW_S,
        )
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self.entry.client_id,
                "redirect_uri": redirect_uri(site, self.name),
                "scope": " ".join(self.entry.scopes),
                "state": flow.state,
                "nonce": flow.nonce,
                "code_challenge": _base64url(sha256(flow.verifier.encode()).digest()),
                "code_challenge_method": "S256",
            }
        )
        join = "&" if "?" in said.authorization_endpoint else "?"
        return f"{said.authorization_endpoint}{join}{query}", _sealed(keys, flow)

    async def finish(
        self, client: Client, keys: Keys, site: Site, cookie: str, query: Mapping[str, str], now_s: float
    ) -> tuple[Assertion, str]:
        """Who has logged in, and where they wanted to go. `query`: what the provider has sent the browser back with. Raises
        `Refusal` 400 for an answer to a login that this browser has not begun, 403 for one that is not accepted, and 502."""
        flow = _opened(keys, cookie, now_s)
        if flow.provider != self.name or not hmac.compare_digest(query.get("state", "").encode(), flow.state.encode()):
            raise _not_begun()
        said = await self._discover(client)
        issuer = query.get("iss")
        if (issuer is not None or said.authorization_response_iss_parameter_supported) and issuer != self.entry.issuer:
            raise _refused("another provider has answered (iss)")
        if "error" in query:
            code = query["error"]
            raise _refused(f"it said {code}" if code.replace("_", "").isalnum() and len(code) < 64 else "it refused")
        if not query.get("code"):
            raise _refused("it gave no code")
        try:
            tokens = await self._redeem(client, said, site, query["code"], flow.verifier)
            claims = await self._verified(client, said, tokens.id_token, flow.nonce, now_s)
            return await self._assertion(client, said, claims, tokens.access_token), flow.return_to
        except Trouble as trouble:
            raise _unreachable(self.name, trouble) from None
        except BadToken as bad:
            raise _refused(f"its token is not accepted: {bad}") from None

    async def _discover(self, client: Client) -> Discovery:
        """The provider's document; an old one while it cannot be had. Raises `Refusal` 502."""
        if self._said is not None and self._clock() < self._fresh_until_s:
            return self._said
        try:
            said = await ask(client, self._place, Discovery)
            if said.issuer != self.entry.issuer:
                raise Trouble(f"{self._place.url} speaks for {said.issuer[:200]!r}, not for {self.entry.issuer!r}")
            for each in (said.authorization_endpoint, said.token_endpoint):
                self._near(each)
            where = self._near(said.jwks_uri)
        except Trouble as trouble:
            if self._said is None:
                raise _unreachable(self.name, trouble) from None
            return self._said
        if self._keys is None or self._keys.place != where:
            self._keys = KeySet(where, (), self._clock)
        self._said, self._fresh_until_s = said, self._clock() + FRESH_S
        return said

    def _near(self, url: str) -> Place:
        """A place that the provider's document names. Raises `Trouble`."""
        try:
            return place_of(url, near=self._place)
        except Refusal as refusal:
            raise Trouble(refusal.message) from None

    async def _redeem(self, client: Client, said: Discovery, site: Site, code: str, verifier: str) -> _Tokens:
        """The tokens for a code."""
        entry = self.entry
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri(site, self.name),
            "code_verifier": verifier,
        }
        headers = (_FORM,)
        methods = said.token_endpoint_auth_methods_supported
        if not entry.client_secret:
            form["client_id"] = entry.client_id
        elif "client_secret_basic" in methods or "client_secret_post" not in methods:
            pair = f"{quote_plus(entry.client_id)}:{quote_plus(entry.client_secret)}"  # RFC 6749, section 2.3.1
            headers = (_FORM, (b"authorization", b"Basic " + base64.b64encode(pair.encode())))
        else:
            form |= {"client_id": entry.client_id, "client_secret": entry.client_secret}
        body = urlencode(form).encode()
        return await ask(client, self._near(said.token_endpoint), _Tokens, method="POST", headers=headers, body=body)

    async def _verified(self, client: Client, said: Discovery, token: str, nonce: str, now_s: float) -> Claims:
        """What an ID token claims (OpenID Connect Core, section 3.1.3.7). Raises `BadToken`."""
        keys = self._keys
        assert keys is not None
        head = jose.head_of(token)
        if keys.due:
            await keys.fetch(client)
        if not keys.known:
            raise Trouble("its keys cannot be had")
        try:
            claims = jose.verified(token, head, keys.keys)
        except UnknownKey:
            if not keys.miss():
                raise
            await keys.fetch(client)
            claims = jose.verified(token, head, keys.keys)
        if claims.get("iss") != self.entry.issuer:
            raise BadToken("another issuer's name is in it (iss)")
        audiences = jose.check_audience(claims, (self.entry.client_id,))
        party = claims.get("azp")
        if (party is not None or len(audiences) > 1) and party != self.entry.client_id:
            raise BadToken("it was made for another client (azp)")
        jose.check_times(claims, now_s)
        if "iat" not in claims:
            raise BadToken("it does not say when it was made (iat)")
        said_nonce = claims.get("nonce")
        if not isinstance(said_nonce, str) or not hmac.compare_digest(said_nonce.encode(), nonce.encode()):
            raise BadToken("it belongs to another login (nonce)")
        jose.check_required(claims, self.entry.require)
        return claims

    async def _assertion(self, client: Client, said: Discovery, claims: Claims, access_token: str) -> Assertion:
        """What the provider says of whom the ID token is about; what that does not say, the userinfo may."""
        names, subject = self.entry.claims, claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _NAME:
            raise BadToken("it does not say whom it is about (sub)")
        wanted = [names.email, *([names.groups] if self.entry.groups else [])]
        if access_token and said.userinfo_endpoint and any(claim(claims, name) is None for name in wanted):
            bearer = (b"authorization", b"Bearer " + access_token.encode("latin-1", "replace"))
            more = await ask(client, self._near(said.userinfo_endpoint), dict[str, Any], headers=(bearer,))
            if more.get("sub") != subject:
                raise BadToken("the userinfo is about someone else")
            claims = {**more, **claims}
        name = claim(claims, names.name)
        return Assertion(
            self.entry.issuer,
            subject,
            self._email(claims),
            name[:_NAME] if isinstance(name, str) and name.isprintable() else "",
            _groups(claim(claims, names.groups)),
        )

    def _email(self, claims: Claims) -> str:
        """The e-mail address, when it is verified and one."""
        said = claim(claims, self.entry.claims.email)
        if not isinstance(said, str) or not (self.entry.trusts_email or claims.get("email_verified") in (True, "true")):
            return ""
        try:
            return email_of(said)
        except Refusal:
            return ""


def discovery_place(entry: OidcEntry) -> Place:
    """Where a provider's discovery document is. Raises `Refusal` 400."""
    return place_of(f"{entry.issuer.rstrip('/')}/.well-known/openid-configuration", entry.tls, entry.proxy)


def redirect_uri(site: Site, name: str) -> str:
    """Where a provider sends the browser back to: what is to be registered there."""
    return f"{site.origin}/auth/oidc/{name}/callback"


def local_path(text: str) -> str:
    """A path of this site, to go to after the login; "/" for anything else, which might lead elsewhere."""
    if not text.startswith("/") or text[1:2] in ("/", "\\") or not text.isascii() or not text.isprintable() or len(text) > 1024:
        return "/"
    return "/" if any(each in text for each in '\\"<> ') else text


def _groups(said: Any) -> frozenset[str]:
    found = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    return frozenset(each for each in found[:_GROUPS] if isinstance(each, str))


def _sealed(keys: Keys, flow: Flow) -> str:
    return _base64url(seal(keys.login, msgspec.json.encode(flow), _BOUND))


def _opened(keys: Keys, cookie: str, now_s: float) -> Flow:
    try:
        box = base64.b64decode(cookie + "=" * (-len(cookie) % 4), b"-_", validate=True)
        flow = msgspec.json.decode(unseal(keys.login, box, _BOUND), type=Flow)
    except (ValueError, Tampered):
        raise _not_begun() from None
    if now_s >= flow.until_s:
        raise _not_begun()
    return flow


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _not_begun() -> Refusal:
    return Refusal(
        400, "login_not_begun", "This login was not begun in this browser, or took longer than ten minutes. Try again."
    )


def _refused(why: str) -> Refusal:
    return Refusal(403, "login_refused", f"The identity provider has not logged you in: {why}.")


def _unreachable(name: str, trouble: Trouble) -> Refusal:
    return Refusal(502, "identity_provider_failed", f"The identity provider '{name}' cannot be used now: {trouble}.")
