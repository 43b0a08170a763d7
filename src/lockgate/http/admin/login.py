"""The routes by which people log in and out, beside the admin API and not of it: they set cookies and send browsers on.

    GET    /auth/methods                     how one can log in here
    POST   /auth/login                       with a password {email, password, organisation?}
    GET    /auth/oidc/{name}?return_to=      to an identity provider, and
    GET    /auth/oidc/{name}/callback        back from it
    GET    /auth/session                     who one is, and the token that changes must bring
    POST   /auth/logout                      {everywhere?}
    POST   /auth/password                    {old, new}
    GET    /auth/sessions, DELETE /auth/sessions/{id}
    GET    /auth/first, POST /auth/first     the first person of a new house (`first`)

The table says for each who may ask: anyone ("open"), or who is logged in ("session"); there is nothing else. A change is made
from our own pages only. The session's cookie is SameSite=Strict, which no browser sends while it follows another site's
redirect: so the way back from a provider ends in a page of ours, and that leads on.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable
from html import escape
from typing import Literal

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, compile_path

from lockgate.control.identity import login, sessions
from lockgate.control.identity.oidc import FLOW_S
from lockgate.control.identity.sessions import no_session
from lockgate.control.identity.site import CSRF_HEADER, SAFE, cookies_of
from lockgate.control.office import Office
from lockgate.core.failure import Refusal
from lockgate.core.record import new_id
from lockgate.core.tenancy import Session, User
from lockgate.http.admin import first
from lockgate.http.admin.answers import HEADERS, TROUBLE, refusal_of, refuse
from lockgate.http.admin.desk import Desk, user_shown
from lockgate.http.admin.door import LOGIN
from lockgate.stores.control.store import ControlStore

log = logging.getLogger("lockgate")

#: Headers that may come once.
_ONCE = frozenset(("host", "cookie", "origin", "sec-fetch-site", CSRF_HEADER, "content-type", "content-length"))


class Password(msgspec.Struct, forbid_unknown_fields=True):
    """What logs someone in. `organisation`: its slug; "": the first one."""

    email: str
    password: str
    organisation: str = ""

    def __repr__(self) -> str:
        return "Password()"


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """Another password, by the one that one has."""

    old: str
    new: str

    def __repr__(self) -> str:
        return "NewPassword()"


class Leave(msgspec.Struct, forbid_unknown_fields=True):
    """Which sessions end."""

    everywhere: bool = False


class LoginRoute(msgspec.Struct, frozen=True):
    """One of the routes, and who may ask. `is_page`: a person looks at the answer, and not a script."""

    method: str
    path: str
    policy: Literal["open", "session"]
    handler: Callable[[Desk], Awaitable[Response]]
    is_page: bool = False


async def methods(desk: Desk) -> Response:
    """How one can log in here."""
    entry = desk.reception.entry
    providers = [
        {"name": name, "title": each.title or name, "path": f"{LOGIN}oidc/{name}"} for name, each in entry.oidc.items()
    ]
    return desk.answer({"password": entry.passwords, "oidc": providers})


async def log_in(desk: Desk) -> Response:
    """With a password."""
    said = await desk.read(Password)
    if not desk.reception.entry.passwords:
        raise Refusal(403, "passwords_off", "People do not log in with passwords here: use an identity provider.")

    def work() -> tuple[User, Session, str]:
        store = desk.office.store
        return login.log_in(
            store,
            desk.office.vault,
            desk.reception.keys,
            desk.reception.throttle,
            desk.browser(),
            desk.now_us,
            organisation=_organisation(store, said.organisation),
            email=said.email,
            password=said.password,
        )

    return desk.begun(*await desk.reception.do(work))


async def to_provider(desk: Desk) -> Response:
    """To an identity provider."""
    reception = desk.reception
    provider = reception.provider(desk.request.path_params["name"])
    keys = await desk.office.do(lambda: reception.keys)
    return_to = desk.request.query_params.get("return_to", "/")
    url, cookie = await provider.begin(reception.client, keys, desk.site, return_to, desk.now_us / 1e6)
    return desk.onward(url, desk.site.keep("login", cookie, same_site="Lax", max_age_s=FLOW_S))


async def from_provider(desk: Desk) -> Response:
    """Back from it."""
    reception = desk.reception
    provider = reception.provider(desk.request.path_params["name"])
    cookie = cookies_of(desk.request.headers.get("cookie", "")).get(desk.site.cookie("login"), "")
    keys = await desk.office.do(lambda: reception.keys)
    query = dict(desk.request.query_params)
    said, return_to = await provider.finish(reception.client, keys, desk.site, cookie, query, desk.now_us / 1e6)
    _, _, cookie = await desk.office.do(
        lambda: login.log_in_as(desk.office.store, keys, desk.browser(), desk.now_us, provider.entry, said)
    )
    where = escape(return_to, quote=True)
    return desk.page(
        200,
        f'You are logged in. <a href="{where}">Go on</a>',
        f'<meta http-equiv=refresh content="0;url={where}">',
        desk.site.keep("session", cookie),
        desk.site.drop("login", same_site="Lax"),
    )


async def show(desk: Desk) -> Response:
    """Who one is."""
    visit = desk.guest
    return desk.answer(
        {
            "user": user_shown(visit.user),
            "organisation_id": visit.user.organisation,
            "workspaces": visit.seats,
            "csrf": visit.csrf,
            "session": sessions.shown(visit.session, visit.session),
        }
    )


async def log_out(desk: Desk) -> Response:
    """End the session, or all of them."""
    leave, visit = await desk.read(Leave), desk.guest
    await desk.office.do(
        lambda: sessions.log_out(desk.office.store, desk.actor, desk.now_us, visit, everywhere=leave.everywhere)
    )
    return desk.answer({}, desk.site.drop("session"))


async def change_password(desk: Desk) -> Response:
    """Another password."""
    said, visit = await desk.read(NewPassword), desk.guest
    if not desk.reception.entry.passwords:
        raise Refusal(403, "passwords_off", "People do not log in with passwords here: use an identity provider.")
    session, cookie = await desk.reception.do(
        lambda: login.change_password(
            desk.office.store,
            desk.office.vault,
            desk.reception.keys,
            desk.reception.throttle,
            visit,
            desk.browser(),
            desk.now_us,
            old=said.old,
            new=said.new,
        )
    )
    return desk.begun(visit.user, session, cookie)


async def index(desk: Desk) -> Response:
    """One's sessions."""
    visit = desk.guest

    def work() -> list[Session]:
        found = desk.office.store.page(visit.tenant, Session, limit=1000, user=visit.user.id).rows
        return [each for each in found if not sessions.over(each, desk.now_us)]

    return desk.answer({"data": [sessions.shown(each, visit.session) for each in await desk.office.do(work)]})


async def end(desk: Desk) -> Response:
    """End one of one's sessions."""
    visit, id = desk.guest, desk.request.path_params["id"]

    def work() -> None:
        with desk.office.store.change(visit.tenant, desk.actor, desk.now_us) as change:
            mine = [each for each in change.all(Session, id=id) if each.user == visit.user.id]
            if not mine:
                raise Refusal(404, "session_not_found", "You have no such session.")
            sessions.end(change, mine[0])

    await desk.office.do(work)
    return desk.answer({})


ROUTES = (
    LoginRoute("GET", f"{LOGIN}methods", "open", methods),
    LoginRoute("GET", f"{LOGIN}first", "open", first.ask),
    LoginRoute("POST", f"{LOGIN}first", "open", first.begin),
    LoginRoute("POST", f"{LOGIN}login", "open", log_in),
    LoginRoute("GET", f"{LOGIN}oidc/{{name}}", "open", to_provider, is_page=True),
    LoginRoute("GET", f"{LOGIN}oidc/{{name}}/callback", "open", from_provider, is_page=True),
    LoginRoute("GET", f"{LOGIN}session", "session", show),
    LoginRoute("POST", f"{LOGIN}logout", "session", log_out),
    LoginRoute("POST", f"{LOGIN}password", "session", change_password),
    LoginRoute("GET", f"{LOGIN}sessions", "session", index),
    LoginRoute("DELETE", f"{LOGIN}sessions/{{id}}", "session", end),
)


def login_routes(office: Office) -> list[Route]:
    """The routes, for the application that they are part of."""
    return [Route(each.path, _endpoint(each, office), methods=[each.method], name=f"login {each.path}") for each in ROUTES]


def login_methods(path: str) -> list[str]:
    """What a path can be asked with."""
    return sorted({each.method for each in ROUTES if compile_path(each.path)[0].fullmatch(path)})


def _endpoint(route: LoginRoute, office: Office) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        id = new_id(office.clock(), random.getrandbits(62))
        try:
            return await _respond(request, route, office, id)
        except Refusal as refusal:
            no = refusal
        except TROUBLE as trouble:
            no = refusal_of(trouble, id)
        except ClientDisconnect:
            no = Refusal(400, "incomplete_body", "The connection closed before the whole body had come.")
        except Exception:  # the border: what gets here is our bug, answered as one and logged with the request's id
            log.exception("login request %s failed inside the gateway", id)
            no = Refusal(500, "internal_error", f"The gateway failed. Its log has the reason under the request id {id}.")
        if route.is_page:
            body = f"<!doctype html><meta charset=utf-8><title>Lockgate</title><p>{escape(no.message)} <a href=/>Back</a>"
            return Response(body, no.status, {**HEADERS, "x-lockgate-request-id": id}, "text/html; charset=utf-8")
        return refuse(no, id)

    return endpoint


async def _respond(request: Request, route: LoginRoute, office: Office, id: str) -> Response:
    headers = dict(request.headers)
    if any(name in _ONCE and len(request.headers.getlist(name)) > 1 for name in headers):
        raise Refusal(400, "repeated_header", "A header that may come once is given twice.")
    reception = office.reception
    desk = Desk(request, reception.site(headers.get("host", "")), office, id)
    if route.policy == "session":
        desk.visit = await office.do(lambda: reception.visit(office.store, request.method, headers, desk.now_us))
        if desk.visit is None:
            raise no_session()
    elif request.method not in SAFE:
        desk.site.check_origin(request.method, headers)
    return await route.handler(desk)


def _organisation(store: ControlStore, slug: str) -> str:
    """The id of an organisation. One that there is not is looked into all the same, as is a person who is not there."""
    if not slug:
        return store.house().organisation
    found = store.organisation(slug)
    return "nowhere" if found is None else found.id
