"""Invitations: a link that makes a person of whoever holds it, once, within a week. Of its token nothing is kept but a digest.

The token begins with the organisation's id, so that also this one lookup, made for somebody unknown, is made within a tenant.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal

import msgspec

from lockgate.control import keys
from lockgate.control.identity import passwords, users
from lockgate.control.secrets import derive
from lockgate.control.vault import Vault
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Invite, OrganisationRole, Seat, Tenant, User, Workspace, new_id
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

#: µs that a link holds.
HOLDS_US = 7 * 86_400 * 1_000_000


class Accepted(msgspec.Struct, frozen=True):
    """An invitation that was accepted: who that is now, and their keys, with the texts that are shown once."""

    user: User
    keys: list[tuple[ApiKey, str]]


def create(
    change: Change,
    root: bytes,
    tenant: Tenant,
    now_us: int,
    *,
    email: str,
    role: OrganisationRole = "member",
    seats: Iterable[Seat] = (),
    scopes: Iterable[str] = (),
    inviter: str = "",
) -> tuple[Invite, str]:
    """An invitation, and the token of its link. `root` is the house's identity key. Raises `Refusal` 400, and 409 for someone
    who is here or has a link that holds."""
    email = users.email_of(email)
    if change.all(User, email=email):
        raise Refusal(409, "already_here", f"{email} is in the organisation already.", param="email")
    if any(status(each, now_us) == "pending" for each in change.all(Invite, email=email)):
        raise Refusal(
            409, "already_invited", f"{email} is invited already: resend that invitation, or delete it.", param="email"
        )
    token, digest = _token(root, tenant.organisation)
    invite = Invite(
        id=new_id(),
        organisation=tenant.organisation,
        email=email,
        digest=digest,
        role=role,
        seats=list(seats),
        scopes=sorted(set(scopes)),
        inviter=inviter,
        expires_us=now_us + HOLDS_US,
    )
    return change.add(invite), token


def named(change: Change, id: str) -> Invite:
    """The invitation of an id. Raises `Refusal` 404."""
    try:
        return change.get(Invite, id)
    except Absent:
        raise unknown_invite(id) from None


def status(invite: Invite, now_us: int) -> Literal["pending", "accepted", "cancelled", "expired"]:
    """What has become of it."""
    return "expired" if invite.status == "pending" and invite.expires_us <= now_us else invite.status


def resend(change: Change, root: bytes, invite: Invite, now_us: int) -> tuple[Invite, str]:
    """Another link for it, which holds for as long; the old one is worth nothing any more. Raises `Refusal` 409."""
    _check_open(invite)
    token, digest = _token(root, invite.organisation)
    return change.put(msgspec.structs.replace(invite, digest=digest, expires_us=now_us + HOLDS_US), "rotate"), token


def cancel(change: Change, invite: Invite) -> None:
    """End it; its link is worth nothing any more. Raises `Refusal` 409."""
    _check_open(invite)
    change.put(msgspec.structs.replace(invite, status="cancelled"))


def accept(
    store: ControlStore,
    vault: Vault,
    root: bytes,
    pepper: bytes,
    actor: Actor,
    now_us: int,
    *,
    token: str,
    name: str,
    password: str,
) -> Accepted:
    """Become a person of the organisation, with a password. It blocks. Raises `Refusal`: 404 for a link that does not hold, 400
    for a password that will not do."""
    tenant = Tenant(token.partition(".")[0])
    digest = _digest(root, token)
    try:
        seen = store.find(tenant, Invite, digest=digest)
    except Absent:
        raise _worthless() from None
    if status(seen, now_us) != "pending":
        raise _worthless()
    hashed = passwords.hashed(password, seen.email)
    with store.change(tenant, msgspec.structs.replace(actor, name=seen.email), now_us) as change:
        invite = named(change, seen.id)
        if invite.digest != digest or status(invite, now_us) != "pending":  # taken, resent or cancelled meanwhile
            raise _worthless()
        if change.all(User, email=invite.email):
            raise Refusal(409, "already_here", "You are in the organisation already: log in.")
        return _take(change, vault, pepper, invite, now_us, name, hashed)


def unknown_invite(id: str) -> Refusal:
    """There is no such invitation."""
    return Refusal(404, "invite_not_found", f"There is no invitation '{id[:100]}' here.", param="invite_id")


def _take(change: Change, vault: Vault, pepper: bytes, invite: Invite, now_us: int, name: str, hashed: str) -> Accepted:
    """Make a person of an invitation that holds."""
    user = users.add(
        change,
        vault,
        Tenant(invite.organisation),
        email=invite.email,
        name=name,
        role=invite.role,
        hashed=hashed,
        seats=invite.seats,
    )
    made: list[tuple[ApiKey, str]] = []
    for seat in invite.seats if invite.scopes else ():
        place = change.get(Workspace, seat.workspace)
        key, text = keys.draft(
            pepper,
            Tenant(invite.organisation, place.id),
            name=f"{place.name}: {user.email}"[:255],
            scopes=invite.scopes,
            mode="auto",
            kind="user",
            user=user.id,
        )
        made.append((change.add(key), text))
    change.put(msgspec.structs.replace(invite, status="accepted", accepted_us=now_us))
    return Accepted(user, made)


def _check_open(invite: Invite) -> None:
    if invite.status != "pending":
        raise Refusal(409, "invite_over", f"This invitation was {invite.status}: make another one.")


def _worthless() -> Refusal:
    return Refusal(
        404, "invite_not_found", "This invitation does not hold, or not any more. Ask for another one.", param="token"
    )


def _token(root: bytes, organisation: str) -> tuple[str, bytes]:
    """256 random bits, and where they are good; with the digest."""
    token = f"{organisation}.{secrets.token_urlsafe(32)}"
    return token, _digest(root, token)


def _digest(root: bytes, token: str) -> bytes:
    """What a token is known by. Who can write to the database, and has not the house's key, makes no invitation."""
    return hmac.digest(derive(root, "identity/invite"), token.encode("utf-8", "replace"), sha256)
