"""Logging in, with a password or by an identity provider. Whoever tries a password learns one thing: that it was not right.

Nobody, and a person without a password, cost the same work as a wrong password; a hash that was made with old parameters is
made anew when the password is there to make it from.
"""

from __future__ import annotations

import logging

import msgspec

from lockgate.control.identity import passwords, users
from lockgate.control.identity.provision import Assertion, organisation_of, provision, subject_of
from lockgate.control.identity.secrets import Keys
from lockgate.control.identity.sessions import Visit, begin, end, end_all, no_session
from lockgate.control.identity.settings import OidcEntry
from lockgate.control.identity.throttle import Throttle
from lockgate.control.vault import Vault
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import Session, Tenant, User
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

log = logging.getLogger("lockgate")


class Browser(msgspec.Struct, frozen=True):
    """Where a login comes from. `actor` has the request's method, path, id and address for the audit log; `before` is the
    session that the browser has already, which the new one takes the place of."""

    actor: Actor
    user_agent: str = ""
    before: Session | None = None

    @property
    def address(self) -> str:
        """Its network address."""
        return self.actor.client_ip

    def actor_for(self, user: User) -> Actor:
        """The actor, once it is known who that is."""
        return msgspec.structs.replace(self.actor, kind="user", id=user.id, name=user.email)


def log_in(
    store: ControlStore,
    vault: Vault,
    keys: Keys,
    throttle: Throttle,
    browser: Browser,
    now_us: int,
    *,
    organisation: str,
    email: str,
    password: str,
) -> tuple[User, Session, str]:
    """Who that is, their new session, and its cookie. It blocks. Raises `Refusal` 401, 429 or 503, `StoreError`,
    `VaultError`."""
    email = email.strip().lower()[:254]
    account = f"{organisation}/{email}"
    throttle.enter(account, browser.address)
    try:
        user = store.find(Tenant(organisation), User, email=email)
    except Absent:
        user = None
    sealed = users.kept_hash(store, user) if user is not None and user.status == "active" else None
    kept = "" if sealed is None else vault.reveal(sealed)
    if not passwords.matches(kept, password) or user is None or sealed is None:
        raise _refused(email, browser)
    fresh = passwords.rehashed(password) if passwords.outdated(kept) else ""
    with store.change(Tenant(user.organisation), browser.actor_for(user), now_us) as change:
        user = change.get(User, user.id)
        if user.status != "active" or not change.all(Sealed, id=sealed.id):  # that has changed while we looked at the password
            raise _refused(email, browser)
        if fresh:
            users.keep_hash(change, vault, user, fresh)
        session, cookie = welcome(change, keys, browser, user, now_us)
    throttle.succeeded(account)
    return user, session, cookie


def log_in_as(
    store: ControlStore, keys: Keys, browser: Browser, now_us: int, entry: OidcEntry, said: Assertion
) -> tuple[User, Session, str]:
    """Who an identity provider says that is, their new session, and its cookie. It blocks. Raises `Refusal` 403,
    `StoreError`."""
    tenant = organisation_of(store, entry)
    actor = msgspec.structs.replace(browser.actor, kind="user", name=said.email or subject_of(said.issuer, said.subject))
    with store.change(tenant, actor, now_us) as change:
        user = provision(change, tenant, entry, said, now_us)
        return user, *welcome(change, keys, browser, user, now_us)


def welcome(change: Change, keys: Keys, browser: Browser, user: User, now_us: int) -> tuple[Session, str]:
    """Begin the session of someone who has been told apart, however that was, and end the one that the browser had."""
    if browser.before is not None:
        end(change, browser.before)
    return begin(change, keys, user, now_us, client_ip=browser.address, user_agent=browser.user_agent)


def change_password(
    store: ControlStore,
    vault: Vault,
    keys: Keys,
    throttle: Throttle,
    visit: Visit,
    browser: Browser,
    now_us: int,
    *,
    old: str,
    new: str,
) -> tuple[Session, str]:
    """Give oneself another password, by the old one: a new session here, with its cookie, and none elsewhere. It blocks. Raises
    as `log_in`, `Refusal` 403 for a wrong old one and 400 for a new one that will not do."""
    user = visit.user
    account = f"{user.organisation}/{user.email}"
    throttle.enter(account, browser.address)
    sealed = users.kept_hash(store, user)
    if not passwords.matches("" if sealed is None else vault.reveal(sealed), old):
        raise Refusal(403, "wrong_password", "The old password is not right.", param="old")
    throttle.succeeded(account)
    hashed = passwords.hashed(new, user.email)
    with store.change(visit.tenant, browser.actor_for(user), now_us) as change:
        if not change.all(Session, id=visit.session.id):  # logged out meanwhile, perhaps since someone else has set a password
            raise no_session()
        users.keep_hash(change, vault, user, hashed)
        end_all(change, user.id)
        return begin(change, keys, user, now_us, client_ip=browser.address, user_agent=browser.user_agent)


def _refused(email: str, browser: Browser) -> Refusal:
    log.warning("a login of %r from %s was refused", email, browser.address or "somewhere")
    return Refusal(401, "login_failed", "The e-mail address or the password is not right.")
