"""Sessions: who is logged in at the dashboard. The browser holds a random cookie, the control store its digest and nothing
else.

Every request looks its session up in the control store, so one that was ended is over at once, on every worker, and so are a
role that was taken and a person who was disabled. That reads three rows; nothing is written but, once a minute, that the
session is in use. A login, or another password or role, gives a new cookie: nobody keeps one from before.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from lockgate.control.identity.secrets import Keys, new_cookie
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Membership, OrganisationRole, Session, Tenant, User, WorkspaceRole, new_id
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore
from lockgate.stores.ports import StoreError

_S = 1_000_000
#: µs from the login until a session ends in any case, and of silence until it ends.
ABSOLUTE_US = 12 * 3600 * _S
IDLE_US = 3600 * _S
#: How exactly it is known when a session was last used, in µs: so much sooner may silence end it.
COARSE_US = 60 * _S
#: Sessions of one person. One more ends the oldest.
MOST = 20
#: Characters that are kept of what a browser calls itself.
_AGENT = 256


class Visit(msgspec.Struct, frozen=True):
    """A request of someone who is logged in. `seats`: workspace → what one is there. `csrf`: what a change must bring."""

    session: Session
    user: User
    seats: dict[str, WorkspaceRole]
    csrf: str

    @property
    def role(self) -> OrganisationRole:
        """What one is in the organisation."""
        return self.user.role

    @property
    def tenant(self) -> Tenant:
        """The organisation."""
        return Tenant(self.user.organisation)

    def __repr__(self) -> str:
        return f"Visit({self.user.id})"


def begin(
    change: Change, keys: Keys, user: User, now_us: int, *, client_ip: str = "", user_agent: str = ""
) -> tuple[Session, str]:
    """A new session, and its cookie. What of the person's has run out goes."""
    held = sorted(change.all(Session, user=user.id), key=lambda each: (not over(each, now_us), each.seen_us, each.id))
    kept = [each for each in held if not over(each, now_us)][-(MOST - 1) :]
    for each in held[: len(held) - len(kept)]:
        change.remove(each)
    cookie = new_cookie()
    session = Session(
        id=new_id(),
        organisation=user.organisation,
        user=user.id,
        digest=keys.digest(cookie),
        expires_us=now_us + ABSOLUTE_US,
        seen_us=now_us,
        client_ip=client_ip[:64],
        user_agent=user_agent[:_AGENT],
    )
    return change.add(session), cookie


def visit(store: ControlStore, keys: Keys, cookie: str, now_us: int) -> Visit:
    """The visit of whoever holds this cookie. Raises `Refusal` 401: without a session that holds there is nobody."""
    session = store.session(keys.digest(cookie)) if cookie else None
    if session is None or over(session, now_us):
        raise no_session()
    tenant = Tenant(session.organisation)
    try:
        user = store.get(tenant, User, session.user)
    except Absent:  # removed in this moment: a person's sessions go with them
        raise no_session() from None
    if user.status != "active":
        raise no_session()
    if now_us - session.seen_us >= COARSE_US:
        with suppress(StoreError):  # somebody else writes, or the disk is full: whoever only looks is not refused for that
            store.see(session, now_us)
    seats = store.page(tenant, Membership, limit=1_000_000, user=user.id).rows
    return Visit(session, user, {seat.workspace: seat.role for seat in seats}, keys.csrf_token(session.digest))


def renew(change: Change, keys: Keys, session: Session) -> tuple[Session, str]:
    """The same session under another cookie; the old one is worth nothing from then on. It ends when it would have."""
    cookie = new_cookie()
    session = change.get(Session, session.id)
    return change.put(msgspec.structs.replace(session, digest=keys.digest(cookie)), "rotate"), cookie


def end(change: Change, session: Session) -> None:
    """Log out here. A session that is over already is no trouble."""
    for each in change.all(Session, id=session.id):
        change.remove(each)


def end_all(change: Change, user: str, but: str = "") -> int:
    """Log a person out everywhere, `but` for one session; how many that were."""
    found = [each for each in change.all(Session, user=user) if each.id != but]
    for each in found:
        change.remove(each)
    return len(found)


def log_out(store: ControlStore, actor: Actor, now_us: int, visit: Visit, *, everywhere: bool = False) -> None:
    """End the visit's session, or all of the person's."""
    with store.change(visit.tenant, actor, now_us) as change:
        if everywhere:
            end_all(change, visit.user.id)
        else:
            end(change, visit.session)


def over(session: Session, now_us: int) -> bool:
    """Whether a session has run out."""
    return now_us >= session.expires_us or now_us - session.seen_us >= IDLE_US


def shown(session: Session, current: Session) -> dict[str, Any]:
    """A session as its owner may see it in a list."""
    return {
        "id": session.id,
        "current": session.id == current.id,
        "created_us": session.created_us,
        "seen_us": session.seen_us,
        "expires_us": session.expires_us,
        "client_ip": session.client_ip,
        "user_agent": session.user_agent,
    }


def no_session() -> Refusal:
    """Nobody is logged in, and nobody is what one gets."""
    return Refusal(401, "no_session", "You are not logged in, or have been logged out. Log in again.")
