"""Whom an identity provider's word is about, and what they are here. OpenID Connect ends in an `Assertion`; so would SAML.

Someone is known by the provider's subject. Else by a verified e-mail address, and from then on by the subject: an address that
is given to another person later is not the same person. Else they are new, if they are invited (the verified address is as good
as the link), or if the operator lets people of that domain in.
"""

from __future__ import annotations

import logging

import msgspec

from lockgate.control import invites
from lockgate.control.identity import users
from lockgate.control.identity.settings import OidcEntry
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Invite, Membership, OrganisationRole, Tenant, User, Workspace, WorkspaceRole, new_id
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

log = logging.getLogger("lockgate")

_RANK: dict[str, int] = {"member": 0, "manager": 1, "admin": 2}


class Assertion(msgspec.Struct, frozen=True):
    """What a provider says of someone, once it is certain that it has said it. `email` "": it is not known, or not verified."""

    issuer: str
    subject: str
    email: str = ""
    name: str = ""
    groups: frozenset[str] = frozenset()


def subject_of(issuer: str, subject: str) -> str:
    """What a person is known by who is called so by that provider (`User.subject`)."""
    return f"{issuer}|{subject}"


def organisation_of(store: ControlStore, entry: OidcEntry) -> Tenant:
    """Whose people a provider's are. Raises `Refusal` 500 when the configuration names an organisation that there is not."""
    if not entry.organisation:
        return Tenant(store.house().organisation)
    found = store.organisation(entry.organisation)
    if found is None:
        raise Refusal(
            500, "unknown_organisation", f"There is no organisation '{entry.organisation}', which identity.oidc names."
        )
    return Tenant(found.id)


def provision(change: Change, tenant: Tenant, entry: OidcEntry, said: Assertion, now_us: int) -> User:
    """The person, with the role and places that their groups give. Raises `Refusal` 403 for someone who may not come in."""
    user, is_new = _found(change, entry, said) or _invited(change, said, now_us), False
    if user is None:
        user, is_new = _new(change, tenant, entry, said), True
    if user.status != "active":
        raise Refusal(403, "person_disabled", "You may not come in here any more. Ask an administrator.")
    user = _follow_name(change, user, said)
    if any(not group.workspace for group in entry.groups) and user.role != "owner":
        user = users.set_role(change, user, _organisation_role(entry, said))
    _follow_places(change, user, entry, said, is_new)
    return user


def _found(change: Change, entry: OidcEntry, said: Assertion) -> User | None:
    """The person, if they are here; from now on known by the subject."""
    subject = subject_of(said.issuer, said.subject)
    try:
        return change.find(User, subject=subject)
    except Absent:
        pass
    if not said.email:
        return None
    try:
        user = change.find(User, email=said.email)
    except Absent:
        return None
    if user.subject:
        log.warning("%r was said to be %s, who is known to another provider, or by another name", subject, user.id)
        raise Refusal(
            403,
            "person_known_otherwise",
            "Someone with this e-mail address is here, and logs in otherwise. Ask an administrator.",
        )
    return change.put(msgspec.structs.replace(user, subject=subject))


def _invited(change: Change, said: Assertion, now_us: int) -> User | None:
    """Someone new, by the invitation that they have. It makes no keys: there is nobody to show their texts to."""
    pending = change.all(Invite, email=said.email) if said.email else []
    invite = next((each for each in pending if invites.status(each, now_us) == "pending"), None)
    if invite is None:
        return None
    user = change.add(
        User(
            id=new_id(),
            organisation=invite.organisation,
            email=invite.email,
            name=said.name,
            role=invite.role,
            subject=subject_of(said.issuer, said.subject),
        )
    )
    for seat in invite.seats:
        change.add(
            Membership(id=new_id(), organisation=user.organisation, workspace=seat.workspace, user=user.id, role=seat.role)
        )
    change.put(msgspec.structs.replace(invite, status="accepted", accepted_us=now_us))
    return user


def _new(change: Change, tenant: Tenant, entry: OidcEntry, said: Assertion) -> User:
    domain = said.email.rpartition("@")[2]
    if not said.email or not any(each == "*" or each.lower() == domain for each in entry.allowed_domains):
        raise Refusal(
            403,
            "person_unknown",
            "Nobody here is known by this login. Ask an administrator to add you"
            + ("." if said.email else "; your identity provider does not say that your e-mail address is verified."),
        )
    row = User(
        id=new_id(),
        organisation=tenant.organisation,
        email=users.email_of(said.email),
        name=said.name,
        role=entry.role,
        subject=subject_of(said.issuer, said.subject),
    )
    return change.add(row)


def _follow_name(change: Change, user: User, said: Assertion) -> User:
    """The name and address that the provider knows now; an address that someone else has here stays with them."""
    email = said.email or user.email
    if email != user.email and change.all(User, email=email):
        email = user.email
    followed = msgspec.structs.replace(user, email=email, name=said.name or user.name)
    return user if followed == user else change.put(followed)


def _organisation_role(entry: OidcEntry, said: Assertion) -> OrganisationRole:
    """What the groups make of someone in the organisation; `entry.role` without any."""
    given = {group.role for group in entry.groups if not group.workspace and group.group in said.groups}
    return "admin" if "admin" in given else "member" if given else entry.role


def _follow_places(change: Change, user: User, entry: OidcEntry, said: Assertion, is_new: bool) -> None:
    """Places in workspaces: as the groups have it where groups speak of a workspace, and those of new people."""
    places: dict[str, WorkspaceRole | None] = {group.workspace: None for group in entry.groups if group.workspace}
    if is_new:
        places |= entry.workspaces
    for group in entry.groups:
        if group.workspace and group.group in said.groups:
            before = places[group.workspace]
            if before is None or _RANK[group.role] > _RANK[before]:
                places[group.workspace] = group.role
    for slug, role in places.items():
        try:
            workspace = change.find(Workspace, slug=slug).id
        except Absent:
            log.error("identity.oidc gives places in the workspace '%s', which there is not", slug)
            continue
        _take_place(change, user, workspace, role)


def _take_place(change: Change, user: User, workspace: str, role: WorkspaceRole | None) -> None:
    held = change.all(Membership, workspace=workspace, user=user.id)
    if role is None:
        for each in held:
            change.remove(each)
    elif not held:
        change.add(Membership(id=new_id(), organisation=user.organisation, workspace=workspace, user=user.id, role=role))
    elif held[0].role != role:
        change.put(msgspec.structs.replace(held[0], role=role))
