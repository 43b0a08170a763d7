"""`identity:` of a configuration, checked; and what of it a Snapshot needs. Everything that is wrong is found at once."""

from __future__ import annotations

import re
import time

import msgspec

from lockgate.control.config import Mistake
from lockgate.control.identity.jwks import Jwks, KeySet, KeySets, VerifyKey, read_keys
from lockgate.control.identity.oidc import discovery_place
from lockgate.control.identity.settings import GroupEntry, IdentityEntry, JwtEntry, OidcEntry
from lockgate.control.identity.site import origin_of
from lockgate.control.identity.tokens import Issuer, Realm, Tokens
from lockgate.control.identity.web import Place, place_of
from lockgate.control.scopes import EVERYTHING
from lockgate.control.stored import Stored, widen
from lockgate.core.failure import Refusal

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


#: Where the keys of each issuer of tokens are, or the keys.
Sources = dict[str, Place | tuple[VerifyKey, ...]]


def check_identity(entry: IdentityEntry, scopes: frozenset[str], mistakes: list[Mistake]) -> Sources:
    """Note what is wrong; `scopes` are all that there are."""
    if entry.public_url:
        try:
            origin_of(entry.public_url)
        except Refusal as refusal:
            mistakes.append(Mistake("identity.public_url", refusal.message))
    for name, provider in entry.oidc.items():
        _check_oidc(name, provider, mistakes)
    for name, issuer in entry.jwt.items():
        _check_jwt(name, issuer, scopes, mistakes)
    return {name: _source(name, issuer, mistakes) for name, issuer in entry.jwt.items()}


def compile_tokens(
    entry: IdentityEntry, sources: Sources, stored: Stored, scopes: frozenset[str], key_sets: KeySets | None
) -> Tokens | None:
    """What knows signed tokens, of a configuration without mistakes; None when none are accepted. `key_sets` are the process's:
    from now on it fetches the keys of these issuers, and no others'."""
    key_sets = KeySets(time.monotonic) if key_sets is None else key_sets
    fetched = key_sets.at([source for source in sources.values() if isinstance(source, Place)])
    if not entry.jwt:
        return None
    realm = Realm(stored.rows, stored.home)
    issuers: list[Issuer] = []
    for name, issuer in entry.jwt.items():
        source = sources[name]
        keys: KeySet = fetched[source] if isinstance(source, Place) else key_sets.written(source)
        issuers.append(Issuer(name, issuer, keys, widen(issuer.scopes, scopes), realm.organisations(issuer.organisations)))
    return Tokens(issuers, realm, time.time)


def _check_oidc(name: str, entry: OidcEntry, mistakes: list[Mistake]) -> None:
    at = f"identity.oidc.{name}"
    _check_name(at, name, mistakes)
    try:
        discovery_place(entry)
    except Refusal as refusal:
        mistakes.append(Mistake(f"{at}.{'proxy' if refusal.param == 'proxy' else 'issuer'}", refusal.message))
    if not entry.client_id:
        mistakes.append(Mistake(f"{at}.client_id", "must be what the provider knows this gateway by"))
    if "openid" not in entry.scopes:
        mistakes.append(Mistake(f"{at}.scopes", "must have 'openid'"))
    for n, domain in enumerate(entry.allowed_domains):
        if domain != "*" and ("@" in domain or "*" in domain or not domain.strip(".")):
            mistakes.append(Mistake(f"{at}.allowed_domains[{n}]", 'is a domain ("example.com"), or "*" for any'))
    for n, group in enumerate(entry.groups):
        if problem := _group_flaw(group):
            mistakes.append(Mistake(f"{at}.groups[{n}]", problem))


def _group_flaw(group: GroupEntry) -> str:
    if not group.group:
        return "must name a group"
    if not group.workspace and group.role == "manager":
        return "there are managers of workspaces only: name one, or give the role admin or member"
    return ""


def _check_jwt(name: str, entry: JwtEntry, scopes: frozenset[str], mistakes: list[Mistake]) -> None:
    at = f"identity.jwt.{name}"
    _check_name(at, name, mistakes)
    if not entry.audience or not all(entry.audience):
        mistakes.append(
            Mistake(f"{at}.audience", 'must say whom tokens are for; ["*"] when its keys sign for this gateway alone')
        )
    if unknown := set(entry.scopes) - scopes - {EVERYTHING}:
        mistakes.append(Mistake(f"{at}.scopes", f"unknown: {', '.join(sorted(unknown))}"))
    if beyond := {each.removeprefix("portkey.") for each in entry.assume.scopes} - widen(entry.scopes, scopes):
        mistakes.append(Mistake(f"{at}.assume.scopes", f"not among the issuer's scopes: {', '.join(sorted(beyond))}"))
    if not entry.max_hours > 0:
        mistakes.append(Mistake(f"{at}.max_hours", "must be a number of hours above 0"))
    for member in ("organisation", "workspace", "scopes", "user"):
        if not all(getattr(entry.claims, member)):
            mistakes.append(Mistake(f"{at}.claims.{member}", "must be names of claims"))


def _source(name: str, entry: JwtEntry, mistakes: list[Mistake]) -> Place | tuple[VerifyKey, ...]:
    """Where an issuer's keys are, or the keys."""
    at = f"identity.jwt.{name}"
    if bool(entry.jwks_url) == bool(entry.jwks):
        mistakes.append(Mistake(at, "give either jwks_url or jwks"))
        return ()
    if entry.jwks_url:
        try:
            return place_of(entry.jwks_url, entry.tls, entry.proxy)
        except Refusal as refusal:
            mistakes.append(Mistake(f"{at}.{'proxy' if refusal.param == 'proxy' else 'jwks_url'}", refusal.message))
            return ()
    try:
        keys = read_keys(msgspec.json.decode(msgspec.json.encode(entry.jwks), type=Jwks))
    except (msgspec.ValidationError, ValueError) as error:
        mistakes.append(Mistake(f"{at}.jwks", f"is no key set: {error}"))
        return ()
    if not keys:
        mistakes.append(Mistake(f"{at}.jwks", "holds no public key for RS256 (RSA, 2048 bits or more) or ES256 (EC, P-256)"))
    return keys


def _check_name(at: str, name: str, mistakes: list[Mistake]) -> None:
    if not _NAME.fullmatch(name):
        mistakes.append(Mistake(at, "a name has 1 to 32 lower-case letters, digits and '-'"))
