"""The first person of a new house, made in the browser: whoever holds a key that may do everything becomes its owner, while
there is nobody else. On the machine itself, `lockgate users add --role owner` does the same.

    GET    /auth/first      whether there is nobody yet {needed}
    POST   /auth/first      {key, email, password, name?}

Such a key makes no owner once there are people (docs/admin.md: nobody gives more than they have): then the organisation is
somebody's.
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from lockgate.control.identity import passwords, users
from lockgate.control.identity.login import welcome
from lockgate.control.scopes import EVERYTHING
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Seat, Session, Tenant, User
from lockgate.http.admin.caller import by_key
from lockgate.http.admin.desk import Desk
from lockgate.pipeline.keys import OWN


class FirstPerson(msgspec.Struct, forbid_unknown_fields=True):
    """Who it will be, and the key that proves whose gateway this is."""

    key: str
    email: str
    password: str
    name: str = ""

    def __repr__(self) -> str:
        return "FirstPerson()"


async def ask(desk: Desk) -> Response:
    """Whether there is nobody yet who could log in."""

    def work() -> bool:
        store = desk.office.store
        return not store.page(Tenant(store.house().organisation), User, limit=1).rows

    return desk.answer({"needed": await desk.office.do(work)})


async def begin(desk: Desk) -> Response:
    """Become the first owner, and be logged in. Raises `Refusal`: 401, 403 for a key that may not do everything, 409 when there
    are people, 400 for an address or a password that will not do, 429."""
    said = await desk.read(FirstPerson)
    if not desk.reception.entry.passwords:
        raise Refusal(403, "passwords_off", "People do not log in with passwords here: use an identity provider.")

    def work() -> tuple[User, Session, str]:
        office, browser = desk.office, desk.browser()
        home, store, vault, keys = office.house.stored.home, office.store, office.vault, desk.reception.keys
        tenant = Tenant(home.organisation)
        desk.reception.throttle.enter("first", browser.address)
        _check_key(desk, said.key, home.organisation)
        _check_nobody(bool(store.page(tenant, User, limit=1).rows))
        email = users.email_of(said.email)
        hashed = passwords.hashed(said.password, email)
        actor = msgspec.structs.replace(browser.actor, name=email)
        with store.change(tenant, actor, desk.now_us) as change:
            _check_nobody(bool(change.all(User)))
            seat = Seat(home.workspace, "admin")
            user = users.add(
                change, vault, tenant, email=email, name=said.name[:255], role="owner", hashed=hashed, seats=[seat]
            )
            return user, *welcome(change, keys, browser, user, desk.now_us)

    return desk.begun(*await desk.reception.do(work))


def _check_key(desk: Desk, key: str, organisation: str) -> None:
    """Raises `Refusal` 401 for a key that nobody knows, 403 for one that may not do everything in the organisation."""
    caller = by_key({OWN[0]: key.strip().encode("utf-8", "replace")}, desk.office)
    is_theirs = caller.person is not None or not caller.is_whole or caller.organisation != organisation
    if is_theirs or EVERYTHING not in (caller.scopes or ()):
        message = "The first owner is made with the admin key: the one that the first start printed, or LOCKGATE_ADMIN_KEY."
        raise Refusal(403, "no_admin_key", message, param="key")


def _check_nobody(is_somebody: bool) -> None:
    """Raises `Refusal` 409."""
    if is_somebody:
        raise Refusal(409, "people_exist", "There are people here already: log in, or have an administrator invite you.")
