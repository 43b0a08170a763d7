"""People: who is in an organisation, with which role and places, and with which password. Whoever manages people uses this: the
command line, the admin API, a login that provisions, and SCIM when it comes.

What takes something from a person ends their sessions: another password, another role, being disabled or removed. The last two
end the invitations as well that they have made: who leaves does not come back by one of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from lockgate.control.identity.sessions import end_all
from lockgate.control.vault import Vault
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import ApiKey, Invite, Membership, OrganisationRole, Seat, Tenant, User, new_id
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

#: The field of the vault that holds the hash of a person's password.
PASSWORD = "password"  # noqa: S105 - a name

_EMAIL = re.compile(r"[^\s@<>\"(),:;\[\]\\]{1,64}@[^\s@<>\"(),:;\[\]\\.]+(?:\.[^\s@<>\"(),:;\[\]\\.]+)*")


def email_of(text: str) -> str:
    """An e-mail address as it is kept. Upper and lower case are not told apart. Raises `Refusal` 400."""
    email = text.strip().lower()
    if len(email) > 254 or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Refusal(400, "invalid_email", "This is no e-mail address.", param="email")
    return email


def add(
    change: Change,
    vault: Vault,
    tenant: Tenant,
    *,
    email: str,
    name: str = "",
    role: OrganisationRole = "member",
    subject: str = "",
    hashed: str = "",
    seats: Iterable[Seat] = (),
) -> User:
    """A new person; without the hash of a password (`passwords.hashed`) they cannot log in with one. Raises `Refusal` 400,
    `Taken`."""
    email = email_of(email)
    user = change.add(User(id=new_id(), organisation=tenant.organisation, email=email, name=name, role=role, subject=subject))
    if hashed:
        keep_hash(change, vault, user, hashed)
    for seat in seats:
        change.add(
            Membership(id=new_id(), organisation=user.organisation, workspace=seat.workspace, user=user.id, role=seat.role)
        )
    return user


def by_email(store: ControlStore, organisation: str, email: str) -> User:
    """The person with an address. Raises `Refusal` 404."""
    try:
        return store.find(Tenant(organisation), User, email=email.strip().lower())
    except Absent:
        raise unknown(email) from None


def set_password(change: Change, vault: Vault, user: User, hashed: str) -> None:
    """Another password, by its hash; the person is logged out everywhere."""
    keep_hash(change, vault, user, hashed)
    end_all(change, user.id)


def keep_hash(change: Change, vault: Vault, user: User, hashed: str) -> None:
    """Keep a hash in the place of the one that was kept."""
    number = 0
    for old in change.all(Sealed, owner=user.id, field=PASSWORD):
        number = max(number, old.number)
        change.remove(old)
    sealed = vault.seal(user.organisation, user.id, PASSWORD, hashed, number + 1)
    change.add(msgspec.structs.replace(sealed, hint=""))


def kept_hash(store: ControlStore, user: User) -> Sealed | None:
    """The hash of a person's password, as the vault has it; None when they have none."""
    kept = store.page(Tenant(user.organisation), Sealed, owner=user.id, field=PASSWORD).rows
    return max(kept, key=lambda each: each.number, default=None)


def set_role(change: Change, user: User, role: OrganisationRole, but: str = "") -> User:
    """Another role in the organisation. Raises `Refusal` 409 for the last owner."""
    if user.role == role:
        return user
    if user.role == "owner":
        _check_another_owner(change, user)
    end_all(change, user.id, but)
    return change.put(msgspec.structs.replace(user, role=role))


def disable(change: Change, user: User) -> User:
    """Let someone in no longer: sessions end, and their own keys are refused (`control.stored`). Raises `Refusal` 409 for the
    last owner."""
    if user.role == "owner" and user.status == "active":
        _check_another_owner(change, user)
    end_all(change, user.id)
    _withdraw(change, user)
    return user if user.status == "disabled" else change.put(msgspec.structs.replace(user, status="disabled"))


def enable(change: Change, user: User) -> User:
    """Let someone in again."""
    return user if user.status == "active" else change.put(msgspec.structs.replace(user, status="active"))


def remove(change: Change, user: User) -> None:
    """Remove someone, with their sessions, places, password and keys. Raises `Refusal` 409 for the last owner."""
    if user.role == "owner" and user.status == "active":
        _check_another_owner(change, user)
    end_all(change, user.id)
    _withdraw(change, user)
    for noun in (Membership, ApiKey):
        for row in change.all(noun, user=user.id):
            change.remove(row)
    change.remove(user)


def unknown(email: str) -> Refusal:
    """There is no such person."""
    return Refusal(404, "user_not_found", f"Nobody has the address '{email}'. `lockgate users list` shows who is here.")


def _withdraw(change: Change, user: User) -> None:
    """Cancel the invitations of someone that nobody has accepted yet."""
    for invite in change.all(Invite):
        if invite.inviter == user.id and invite.status == "pending":
            change.put(msgspec.structs.replace(invite, status="cancelled"))


def _check_another_owner(change: Change, user: User) -> None:
    """An organisation that has owners keeps one."""
    others = (each for each in change.all(User) if each.id != user.id)
    if not any(each.role == "owner" and each.status == "active" for each in others):
        raise Refusal(409, "last_owner", "This is the last owner of the organisation: make someone else one first.")
