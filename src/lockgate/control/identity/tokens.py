"""Signed tokens (JWT) that stand for gateway keys: which issuers' are accepted, and whom one stands for.

A token is verified once and then known by the SHA-256 of all of it, until it ends or its issuer's keys change; each Snapshot
begins anew. (LiteLLM knew tokens by their first twenty letters, and took one for another: CVE-2026-35030.) It says itself in
which organisation and workspace it works, within what its issuer may say; one that does not say it is refused, and never
somebody without a name (CVE-2026-59822). What it may do is what it asks for and the operator allows for its issuer, whichever
is less.

Sources: RFC 7519 (JWT), RFC 8725 (what goes wrong with it), Portkey's claims
(https://portkey.ai/docs/product/enterprise-offering/org-management/jwt).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from lockgate.control.identity import jose
from lockgate.control.identity.jose import BadToken, Claims, UnknownKey
from lockgate.control.identity.jwks import KeySet
from lockgate.control.identity.provision import subject_of
from lockgate.control.identity.said import read_said
from lockgate.control.identity.settings import JwtEntry
from lockgate.control.identity.web import claim
from lockgate.control.scopes import EVERYTHING
from lockgate.control.stored import principal_of
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Organisation, Row, Tenant, User, Workspace

#: Tokens that are known again.
MOST = 4096
#: Characters of a user's name in a token.
_NAME = 255


class Issuer(msgspec.Struct, frozen=True):
    """Whose tokens are accepted. `organisations`: as they may be called → which; `scopes`: the most that a token may do."""

    name: str
    entry: JwtEntry
    keys: KeySet
    scopes: frozenset[str]
    organisations: dict[str, str]

    def __repr__(self) -> str:
        return f"Issuer({self.name!r})"


class Realm:
    """The places and people of a Snapshot that tokens speak of, as they were when it was made."""

    def __init__(self, rows: Mapping[type[Row], Mapping[str, Any]], home: Tenant) -> None:
        self.rows = rows
        self.home = home
        self._workspaces: dict[tuple[str, str], str] = {}
        self._by_email: dict[tuple[str, str], User] = {}
        self._by_subject: dict[tuple[str, str], User] = {}
        workspaces: Iterable[Workspace] = rows[Workspace].values()
        for row in workspaces:
            self._workspaces[row.organisation, row.slug] = row.id
        for row in rows[Workspace].values():  # after the slugs: an id is nobody else's slug
            self._workspaces[row.organisation, row.id] = row.id
        people: Iterable[User] = rows[User].values()
        for user in people:
            self._by_email[user.organisation, user.email] = user
            if user.subject:
                self._by_subject[user.organisation, user.subject] = user

    def __repr__(self) -> str:
        return f"Realm({len(self._workspaces)} names, {len(self._by_email)} people)"

    def organisations(self, named: Iterable[str]) -> dict[str, str]:
        """Those that are named by id or slug, as they may be called; the first one when none is."""
        named = set(named) or {self.home.organisation}
        found: dict[str, str] = {}
        rows: Iterable[Organisation] = self.rows[Organisation].values()
        for row in rows:
            if row.id in named or row.slug in named:
                found[row.slug] = row.id
        return found | {id: id for id in found.values()}

    def workspace(self, organisation: str, name: str) -> str | None:
        """The workspace of an id or a slug."""
        return self._workspaces.get((organisation, name))

    def by_email(self, organisation: str, email: str) -> User | None:
        """The person with an address."""
        return self._by_email.get((organisation, email.lower()))

    def by_subject(self, organisation: str, issuer: str, subject: str) -> User | None:
        """The person whom an issuer calls so."""
        return self._by_subject.get((organisation, subject_of(issuer, subject)))


class _Known(msgspec.Struct, frozen=True):
    """A token that was good, until when, and by which keys."""

    principal: Principal
    until_s: float
    keys: KeySet
    generation: int


class Tokens:
    """See `pipeline.snapshot.Tokens`. `clock` gives seconds since the epoch."""

    def __init__(self, issuers: Iterable[Issuer], realm: Realm, clock: Callable[[], float]) -> None:
        self._issuers = tuple(issuers)
        self._realm = realm
        self._clock = clock
        self._known: dict[bytes, _Known] = {}

    def __repr__(self) -> str:
        return f"Tokens({len(self._issuers)} issuers, {len(self._known)} known)"

    def principal(self, text: str) -> Principal | None:
        """See `pipeline.snapshot.Tokens`."""
        digest = sha256(text.encode("latin-1")).digest()
        known = self._known.get(digest)
        now_s = self._clock()
        if known is not None and now_s < known.until_s and known.generation == known.keys.generation:
            return known.principal
        try:
            head = jose.head_of(text)
            said_issuer = jose.issuer_of(text)
        except BadToken:
            return None
        try:
            issuer, generation, claims = self._verify(text, head, said_issuer)
            ends_s = _check(issuer.entry, claims, now_s)
            principal = self._principal(issuer, claims, int(ends_s * 1e6))
        except BadToken as bad:
            raise Refusal(401, "invalid_token", f"The token is not accepted: {bad}.") from None
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[digest] = _Known(principal, ends_s + jose.LEEWAY_S, issuer.keys, generation)
        return principal

    def _verify(self, text: str, head: jose.Head, said_issuer: str) -> tuple[Issuer, int, Claims]:
        """Who has signed it, with which generation of keys, and what it claims. Raises `BadToken`, `Refusal` 503."""
        trouble = BadToken("nobody whose tokens are accepted here has issued it (iss)")
        pending = False
        for issuer in self._issuers:
            if issuer.entry.issuer not in ("", said_issuer):  # what is said there is part of what is signed
                continue
            generation = issuer.keys.generation  # before the keys: who swaps them counts afterwards
            try:
                return issuer, generation, jose.verified(text, head, issuer.keys.keys)
            except UnknownKey as unknown:
                trouble = unknown
                pending = issuer.keys.miss() or pending
            except BadToken as bad:
                trouble = bad
        if pending:
            raise Refusal(
                503,
                "issuer_keys_unknown",
                "The key that this token was signed with is not known yet; its issuer is being asked. Try again in a moment.",
                retry_after=1.0,
            )
        raise trouble

    def _principal(self, issuer: Issuer, claims: Claims, until_us: int) -> Principal:
        """Whom a token stands for, as if there was a key. Raises `BadToken`."""
        entry, realm = issuer.entry, self._realm
        organisation = issuer.organisations.get(
            _name(claims, entry.claims.organisation, entry.assume.organisation, "organisation")
        )
        if organisation is None:
            raise BadToken("it names an organisation that its issuer may not speak for")
        workspace = realm.workspace(organisation, _name(claims, entry.claims.workspace, entry.assume.workspace, "workspace"))
        if workspace is None:
            raise BadToken("there is no workspace as it names it")
        said = read_said(claims)
        user, name = self._user(issuer, claims, organisation)
        principal = principal_of(
            ApiKey(
                id=_id(issuer.name, organisation, workspace, user),
                organisation=organisation,
                workspace=workspace,
                name=name or issuer.name,
                digest=b"",
                kind="user" if user else "service",
                user=user,
                models=entry.models,
                defaults=said.defaults_for(name),
            ),
            _scopes(issuer, claims),
            realm.rows,
            realm.home,
        )
        return msgspec.structs.replace(
            principal, until_us=until_us, usage_limits=said.usage_limits, rate_limits=said.rate_limits
        )

    def _user(self, issuer: Issuer, claims: Claims, organisation: str) -> tuple[str, str]:
        """Whose a token is: the person's id, or a name that is no person's here; and what they are called. ("", ""): a
        service's. Raises `BadToken` for someone who may not be here."""
        entry = issuer.entry
        said = next((value for each in entry.claims.user if (value := claim(claims, each)) is not None), None)
        if said is None:
            return "", ""
        name = str(said) if isinstance(said, str | int) and not isinstance(said, bool) else ""
        if not name or len(name) > _NAME or not name.isprintable():
            raise BadToken("its user's name is none")
        person, known, subject = None, True, claims.get("sub")
        if entry.issuer and isinstance(subject, str):  # whose name is checked, and so is a subject of theirs
            person = self._realm.by_subject(organisation, entry.issuer, subject)
        if person is None and isinstance(email := claims.get("email_id") or claims.get("email"), str):
            person = self._realm.by_email(organisation, email)
            known = entry.trusts_email or claims.get("email_verified") is True
        if person is not None and person.status != "active":
            raise BadToken("the person that it names may not come in any more")
        return (person.id if person is not None and known else f"jwt:{issuer.name}:{name}"), name


def _check(entry: JwtEntry, claims: Claims, now_s: float) -> float:
    """When a signed token ends. Raises `BadToken` for one that is not good now, or not for us."""
    ends_s = jose.check_times(claims, now_s)
    if ends_s > now_s + entry.max_hours * 3600:
        raise BadToken(f"it holds for longer than the {entry.max_hours:g} hours that are allowed")
    if "*" not in entry.audience:
        jose.check_audience(claims, entry.audience)
    jose.check_required(claims, entry.require)
    return ends_s


def _name(claims: Claims, names: Iterable[str], assumed: str, what: str) -> str:
    """What a token calls something that it must name. Raises `BadToken`."""
    said = next((value for name in names if (value := claim(claims, name)) is not None), None)
    if said is None and assumed:
        return assumed
    if not isinstance(said, str) or not said:
        raise BadToken(f"it names no {what} ({' or '.join(names)})")
    return said


def _scopes(issuer: Issuer, claims: Claims) -> frozenset[str]:
    """What a token may do: what it asks for, as far as its issuer's may. Raises `BadToken` when it asks for nothing."""
    said = next((value for name in issuer.entry.claims.scopes if (value := claim(claims, name)) is not None), None)
    if isinstance(said, str):
        said = said.split()
    if said is None:
        said = issuer.entry.assume.scopes
    if not isinstance(said, list) or not said or not all(isinstance(each, str) for each in said):
        raise BadToken(f"it names no scopes ({' or '.join(issuer.entry.claims.scopes)})")
    asked = frozenset(each.removeprefix("portkey.") for each in said)
    return issuer.scopes if EVERYTHING in asked & issuer.scopes else asked & issuer.scopes


def _id(*parts: str) -> str:
    """What a token's limits and records go by: the same for all of one issuer's tokens for one user in one place."""
    whole = b"".join(len(data := part.encode()).to_bytes(4, "big") + data for part in parts)
    return f"jwt:{parts[0]}:{sha256(whole).hexdigest()}"
