"""`Desk`: one request to log in or out as its handler sees it: what was sent, whose site it is, and ways to answer."""

from __future__ import annotations

from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from lockgate.control.identity.login import Browser
from lockgate.control.identity.sessions import Visit
from lockgate.control.identity.site import Site, cookies_of
from lockgate.control.office import Office
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.json import encode, readable
from lockgate.core.tenancy import Session, User
from lockgate.http.admin.answers import HEADERS
from lockgate.http.admin.caller import address_of
from lockgate.http.exchange import too_large

T = TypeVar("T")
#: Bytes of a body.
BODY_LIMIT = 16 * 1024


class Desk:
    """One request to log in or out, with what all of them need. `visit`: of whoever is logged in."""

    def __init__(self, request: Request, site: Site, office: Office, id: str) -> None:
        self.request = request
        self.site = site
        self.office = office
        self.reception = office.reception
        self.id = id
        self.now_us = office.clock()
        self.visit: Visit | None = None

    def __repr__(self) -> str:
        return f"Desk({self.request.method} {self.request.url.path})"

    @property
    def guest(self) -> Visit:
        """Who is logged in, where nobody else gets to."""
        assert self.visit is not None
        return self.visit

    @property
    def actor(self) -> Actor:
        """Who asks, for the audit log; without the query, in which a code may be."""
        visit = self.visit
        who = ("", "") if visit is None else (visit.user.id, visit.user.email)
        address = address_of(self.request.scope, self.office)
        return Actor("user", *who, self.request.method, self.request.scope["path"], self.id, address)

    def browser(self) -> Browser:
        """Where a login comes from, and the session that the browser has. It blocks."""
        text = cookies_of(self.request.headers.get("cookie", "")).get(self.site.cookie("session"), "")
        before = self.office.store.session(self.reception.keys.digest(text)) if text else None
        return Browser(self.actor, self.request.headers.get("user-agent", ""), before)

    async def read(self, kind: type[T]) -> T:
        """The body. Raises `Refusal` 400, 413, 415."""
        if self.request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            raise Refusal(415, "unsupported_media_type", "Send the body as application/json.")
        pieces, size = list[bytes](), 0
        async for piece in self.request.stream():
            size += len(piece)
            if size > BODY_LIMIT:
                raise too_large(BODY_LIMIT)
            pieces.append(piece)
        return readable(b"".join(pieces), kind)

    def answer(self, said: object, *cookies: str) -> Response:
        """An answer for a script."""
        return self._with(Response(encode(said), 200, HEADERS, "application/json"), cookies)

    def page(self, status: int, text: str, head: str = "", *cookies: str) -> Response:
        """A page of one sentence, for a person."""
        body = f"<!doctype html><meta charset=utf-8>{head}<title>Lockgate</title><p>{text}"
        return self._with(Response(body, status, HEADERS, "text/html; charset=utf-8"), cookies)

    def onward(self, url: str, *cookies: str) -> Response:
        """Send the browser to another site."""
        return self._with(Response(b"", 302, {**HEADERS, "location": url}), cookies)

    def begun(self, user: User, session: Session, cookie: str) -> Response:
        """Someone is logged in."""
        csrf = self.reception.keys.csrf_token(session.digest)
        return self.answer({"user": user_shown(user), "csrf": csrf}, self.site.keep("session", cookie))

    def _with(self, response: Response, cookies: tuple[str, ...]) -> Response:
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        response.headers["x-lockgate-request-id"] = self.id
        return response


def user_shown(user: User) -> dict[str, str]:
    """A person as their own browser is told."""
    return {"id": user.id, "email": user.email, "name": user.name, "role": user.role}
