"""`identity:` of lockgate.yaml: where the dashboard is, who logs in by an identity provider, and whose tokens stand for
keys."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.core.tenancy import WorkspaceRole


def _words(*words: str) -> Any:
    return msgspec.field(default_factory=lambda: list(words))


class TlsEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As for a provider: files of the other side's authority and of our own certificate, and the name to verify."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""


class GroupEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What members of a group are: in a workspace, by its slug, or (without one) in the organisation, admin or member."""

    group: str
    role: Literal["admin", "manager", "member"]
    workspace: str = ""


class ClaimNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of claims; a path into objects has dots ("realm_access.roles"), unless there is a claim of the whole name."""

    email: str = "email"
    name: str = "name"
    groups: str = "groups"


class OidcEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identity provider that people log in with (OpenID Connect).

    issuer          its address, as its discovery document and its tokens spell it
    client_id, client_secret   what it knows this gateway by; without a secret it is a public client (PKCE alone)
    title           on the button
    organisation    whose people they are, by its slug; "": the first one
    scopes          what is asked for
    claims          where an ID token or the userinfo says the e-mail address, the name and the groups
    trusts_email    the provider's addresses are verified though it does not say so (Entra ID does not)
    require         claims that must have these values, for providers that let in more people than are meant
    allowed_domains whose addresses may be new here ("*": any); none: only who is here already
    role            of who is new, in the organisation
    workspaces      where who is new has a place, by slug
    groups          what groups stand for; at each login, places and roles follow
    """

    issuer: str
    client_id: str
    client_secret: str = ""
    title: str = ""
    organisation: str = ""
    scopes: list[str] = _words("openid", "email", "profile")
    claims: ClaimNames = ClaimNames()
    trusts_email: bool = False
    require: dict[str, str] = {}
    allowed_domains: list[str] = []
    role: Literal["admin", "member"] = "member"
    workspaces: dict[str, WorkspaceRole] = {}
    groups: list[GroupEntry] = []
    proxy: str = ""
    tls: TlsEntry = TlsEntry()

    def __repr__(self) -> str:
        return f"OidcEntry({self.issuer!r})"


class TokenClaims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a token says what a key would have: the first of these that is there counts. Names as in `ClaimNames`. The defaults
    are Portkey's (https://portkey.ai/docs/product/enterprise-offering/org-management/jwt)."""

    organisation: list[str] = _words("portkey_oid", "organisation_id")
    workspace: list[str] = _words("portkey_workspace", "workspace_slug")
    scopes: list[str] = _words("scope", "scopes")
    user: list[str] = _words("email_id", "sub", "uid")


class Assumed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for tokens that do not say it: organisation and workspace by id or slug, and scopes."""

    organisation: str = ""
    workspace: str = ""
    scopes: list[str] = []


class JwtEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose tokens (JWT, RS256 or ES256) stand for gateway keys.

    issuer          what `iss` must be; "": it need not be there
    audience        what `aud` must have one of; "*": it need not be there, for keys that sign for this gateway alone
    jwks_url, jwks  where the issuer's keys are, or the keys themselves
    organisations   whose tokens it may issue, by id or slug; the first one when left out
    scopes          what its tokens may do at most; left out: what a key may do to which none is given
    models          the models they may use: "@slug/model" patterns; all when left out
    claims, assume  where a token says what, and what holds when it does not
    require         claims that must have these values: {repository_owner: acme}
    trusts_email    its e-mail claims are verified: a token is that of the person here with this address
    max_hours       a token that holds for longer is refused: it cannot be revoked alone
    """

    audience: list[str]
    issuer: str = ""
    jwks_url: str = ""
    jwks: dict[str, Any] = {}
    organisations: list[str] = []
    scopes: list[str] = []
    models: list[str] = []
    claims: TokenClaims = TokenClaims()
    assume: Assumed = Assumed()
    require: dict[str, str] = {}
    trusts_email: bool = False
    max_hours: float = 24.0
    proxy: str = ""
    tls: TlsEntry = TlsEntry()


class IdentityEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who may come in, and how.

    public_url   where browsers find the dashboard ("https://gateway.example.com"); without one it answers on this machine alone
    passwords    off: people log in by an identity provider only
    oidc, jwt    identity providers, and issuers of tokens, each by a name of your own
    """

    public_url: str = ""
    passwords: bool = True
    oidc: dict[str, OidcEntry] = {}
    jwt: dict[str, JwtEntry] = {}

    def without_secrets(self) -> IdentityEntry:
        """The same, for what tells one configuration from another."""
        oidc = {name: msgspec.structs.replace(entry, client_secret="", proxy="") for name, entry in self.oidc.items()}
        jwt = {name: msgspec.structs.replace(entry, proxy="") for name, entry in self.jwt.items()}
        return msgspec.structs.replace(self, oidc=oidc, jwt=jwt)
