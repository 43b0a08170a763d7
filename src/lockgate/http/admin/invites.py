"""/v1/admin/users/invites: invitations into an organisation, and their acceptance by whoever holds the link."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.control import invites, workspaces
from lockgate.control.identity.site import Site
from lockgate.control.rights import Rights, check_within
from lockgate.control.roles import check_role, check_seat
from lockgate.control.scopes import EVERYTHING
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Invite, OrganisationRole, Seat
from lockgate.http.admin.ask import Ask, Guest
from lockgate.http.admin.people_shapes import NewSeat, Place
from lockgate.http.admin.shapes import Body, Empty, Listing, Paging, Text, text_of
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent

_Scopes = Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(min_length=1, max_length=500)]
_Seats = Annotated[list[NewSeat], Meta(max_length=1000)]
_Status = Literal["pending", "accepted", "cancelled", "expired"]

#: Where the dashboard takes an invitation. The token stands behind a "#", so that no log and no Referer header has it.
PAGE = "/invite#"


class KeyDetails(Body, frozen=True, kw_only=True):
    """Of the keys that are made when an invitation is accepted: one in each of its workspaces, with these scopes."""

    scopes: _Scopes


class NewInvite(Body, frozen=True, kw_only=True):
    """An invitation to be made. `workspaces` by id or slug, with the role in each."""

    email: Text
    role: OrganisationRole
    workspaces: _Seats = []
    workspace_api_key_details: KeyDetails | None = None


class MadeInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation, and its link, which is shown this once."""

    id: str
    invite_link: str


class ResentInvite(MadeInvite, frozen=True, kw_only=True):
    """The same, in both of Portkey's spellings."""

    inviteLink: str


class ListInvites(Paging, frozen=True, kw_only=True):
    """Which invitations."""

    role: OrganisationRole | None = None
    status: _Status | None = None
    email: Text = ""


class ShownInvite(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation."""

    id: str
    email: str
    role: OrganisationRole
    status: _Status
    created_at: str | None
    expires_at: str | None
    accepted_at: str | None
    invited_by: str | None
    workspaces: list[Place]
    object: Literal["invite"] = "invite"


class TakenInvite(Body, frozen=True, kw_only=True):
    """What the holder of a link brings: its `token`, what they are called, and a password of their own."""

    token: Annotated[str, Meta(max_length=200)]
    name: Text = ""
    password: Annotated[str, Meta(max_length=4096)]

    def __repr__(self) -> str:
        return "TakenInvite()"


class InvitesKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that came with an invitation; `key` is shown this once."""

    id: str
    workspace_id: str
    key: str
    object: Literal["api-key"] = "api-key"


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody is from now on."""

    id: str
    email: str
    name: str
    role: OrganisationRole
    api_keys: list[InvitesKey]
    object: Literal["user"] = "user"


def create(ask: Ask, body: NewInvite) -> MadeInvite:
    """Invite someone. Nobody gives a role above their own, or a key with more than they have."""
    rank, rights = ask.rank(), ask.rights()
    check_role(rank, body.role)
    for n, each in enumerate(body.workspaces):
        check_seat(rank, each.role, f"workspaces[{n}].role")
    details = body.workspace_api_key_details
    scopes = [] if details is None else details.scopes
    _check_key(ask, scopes, rights)
    with ask.change() as change:
        invite, token = invites.create(
            change,
            ask.office.house.identity_key,
            ask.tenant,
            ask.now_us,
            email=body.email,
            role=body.role,
            seats=_seats(change, body.workspaces),
            scopes=scopes,
            inviter=ask.caller.id if ask.caller.person is None else ask.caller.person.id,
        )
    return MadeInvite(id=invite.id, invite_link=_link(ask, token))


def index(ask: Ask, query: ListInvites) -> Listing[ShownInvite]:
    """List the invitations, newest first."""
    where: dict[str, Any] = {"email": query.email.strip().lower()} if query.email else {}
    rows = [_shown(row, ask.now_us) for row in ask.store.page(ask.tenant, Invite, limit=1 << 30, **where).rows]
    rows = [row for row in rows if query.role in (None, row.role) and query.status in (None, row.status)]
    return Listing(total=len(rows), data=rows[query.offset : query.offset + query.page_size])


def read(ask: Ask) -> ShownInvite:
    """Read an invitation."""
    id = ask.params["invite_id"]
    try:
        row = ask.store.get(ask.tenant, Invite, id)
    except Absent:
        raise invites.unknown_invite(id) from None
    ask.version = row.version
    return _shown(row, ask.now_us)


def remove(ask: Ask) -> Empty:
    """Cancel an invitation. Its link is worth nothing any more."""
    with ask.change() as change:
        invite = invites.named(change, ask.params["invite_id"])
        ask.match(invite)
        invites.cancel(change, invite)
    return Empty()


def resend(ask: Ask) -> ResentInvite:
    """Make another link for an invitation; the old one is worth nothing any more."""
    rank, rights = ask.rank(), ask.rights()
    with ask.change() as change:
        invite = invites.named(change, ask.params["invite_id"])
        ask.match(invite)
        # Whoever gets the new link gets what it promises.
        check_role(rank, invite.role)
        for seat in invite.seats:
            check_seat(rank, seat.role)
        _check_key(ask, invite.scopes, rights)
        invite, token = invites.resend(change, ask.office.house.identity_key, invite, ask.now_us)
    link = _link(ask, token)
    return ResentInvite(id=invite.id, invite_link=link, inviteLink=link)


def accept(ask: Guest, body: TakenInvite) -> Joined:
    """Accept an invitation with its token, and a password of one's own. It is a way in, and throttled like the others."""
    office = ask.office
    office.reception.throttle.enter("invite/" + sha256(body.token.encode("utf-8", "replace")).hexdigest(), ask.actor.client_ip)
    if not office.declared.identity.passwords:
        raise Refusal(403, "no_passwords", "People log in by an identity provider here, not with a password.")
    accepted = invites.accept(
        office.store,
        office.vault,
        office.house.identity_key,
        office.pepper,
        ask.actor,
        ask.now_us,
        token=body.token,
        name=body.name,
        password=body.password,
    )
    user = accepted.user
    keys = [InvitesKey(id=key.id, workspace_id=key.workspace, key=text) for key, text in accepted.keys]
    return Joined(id=user.id, email=user.email, name=user.name, role=user.role, api_keys=keys)


def _check_key(ask: Ask, scopes: list[str], rights: Rights) -> None:
    """The keys that come with an invitation have no limits of their own, so who has some gives none away."""
    if EVERYTHING in scopes:
        at = "workspace_api_key_details.scopes"
        raise Refusal(400, "invalid_value", f"'{EVERYTHING}' is for keys of the organisation.", param=at)
    if scopes:
        promised = ApiKey(id="", organisation=ask.tenant.organisation, name="", digest=b"", scopes=scopes)
        check_within(promised, rights, ask.office.house.scopes)


def _seats(change: Change, said: list[NewSeat]) -> list[Seat]:
    """The places that are promised. Raises `Refusal` 404 for a workspace that there is not, 400 for one that is named twice."""
    found: dict[str, Seat] = {}
    for n, each in enumerate(said):
        workspace = workspaces.named(change, each.id, f"workspaces[{n}].id")
        if workspace.id in found:
            raise Refusal(400, "invalid_value", "A workspace is named twice.", param=f"workspaces[{n}].id")
        found[workspace.id] = Seat(workspace.id, each.role)
    return list(found.values())


def _link(ask: Ask, token: str) -> str:
    """Where an invitation is accepted: at the address that the operator says people use; without one, at this machine's, or
    below whatever address the caller knows."""
    try:
        origin = Site.of(ask.office.declared.identity.public_url, ask.host).origin
    except Refusal:
        origin = ""
    return f"{origin}{PAGE}{token}"


def _shown(row: Invite, now_us: int) -> ShownInvite:
    return ShownInvite(
        id=row.id,
        email=row.email,
        role=row.role,
        status=invites.status(row, now_us),
        created_at=text_of(row.created_us),
        expires_at=text_of(row.expires_us),
        accepted_at=text_of(row.accepted_us),
        invited_by=row.inviter or None,
        workspaces=[Place(workspace_id=seat.workspace, role=seat.role) for seat in row.seats],
    )
