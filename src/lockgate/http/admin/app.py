"""The admin API as an ordinary ASGI application: for each row of the table a Starlette route, and around each handler the same
way.

1. who asks (`caller.who`), and whether a key has a scope for it  2. the body, if it is not too long  3. where it works
(`caller.place`), and whether a person's role allows it there  4. the handler, in a thread  5. its answer, or what went wrong.

Who asks for a page and leaves it takes the place of nobody else: what waits for a thread then, and changes nothing, is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from lockgate.control.insight import Insight
from lockgate.control.office import Office
from lockgate.core.audit import Actor
from lockgate.core.failure import Refusal
from lockgate.core.record import new_id
from lockgate.http.admin.answers import HEADERS, TROUBLE, answer, refusal_of, refuse
from lockgate.http.admin.ask import Ask, Guest
from lockgate.http.admin.caller import Caller, address_of, check_role, permit, place, who
from lockgate.http.admin.login import login_methods, login_routes
from lockgate.http.admin.openapi import describe
from lockgate.http.admin.operations import Operation, bind, members_of, named_in
from lockgate.http.admin.routes import OPENAPI, AdminTable
from lockgate.http.exchange import LINE, Line, too_large
from lockgate.pipeline.keys import OWN, SHARED

log = logging.getLogger("lockgate")

#: Bytes of a body.
BODY_LIMIT = 1024 * 1024
#: What stands for an answer that nobody waits for.
LEFT = 499
#: Headers that may come once.
_ONCE = frozenset((*OWN, *SHARED, b"content-length", b"host", b"if-match", b"cookie"))


def make_app(table: AdminTable, office: Office) -> Starlette:
    """The application. Raises `UnguardedRoute`, `StoreError`."""
    insight = Insight(office, office.house.open_log(log.warning))
    operations = [bind(route) for route in table.routes]
    described = cache(lambda: describe(operations))  # a fifth of a second, for those alone who ask for it

    async def openapi(request: Request) -> Response:
        return Response(await asyncio.to_thread(described), headers=HEADERS, media_type="application/json")

    async def refused(request: Request, error: Exception) -> Response:
        """What Starlette's router says no to."""
        assert isinstance(error, HTTPException)
        id = _new_id(office)
        path = request.scope["path"]
        if error.status_code == 405:
            methods = ["GET"] if path == OPENAPI else table.methods(path) or login_methods(path)
            message = f"{path[:200]} is asked with {' or '.join(methods)}, not with {request.method[:16]}."
            return refuse(Refusal(405, "method_not_allowed", message), id, {"allow": ", ".join(methods)})
        return refuse(Refusal(404, "not_found", f"There is nothing at {path[:200]}. {OPENAPI} says what there is."), id)

    routes = [Route(OPENAPI, openapi, methods=["GET"])]
    routes += [
        Route(_path(each), _endpoint(each, office, insight), methods=[each.route.method], name=each.route.handler)
        for each in operations
    ]
    routes += login_routes(office)
    app = Starlette(routes=routes, exception_handlers={HTTPException: refused})
    app.router.redirect_slashes = False  # a redirect would be written with the Host that the caller made up
    return app


def _path(operation: Operation) -> str:
    """Its path, as Starlette writes it."""
    deep = operation.route.deep
    return operation.route.path.replace(f"{{{deep}}}", f"{{{deep}:path}}") if deep else operation.route.path


def _endpoint(operation: Operation, office: Office, insight: Insight) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        id = _new_id(office)
        # What was asked for is changed also when nobody waits for the answer any more; what was only looked for is not read.
        response = await (awaited if operation.route.method == "GET" else answered)(request, id)
        if any(name.startswith(b"x-portkey-") for name, _ in request.scope["headers"]):
            response.headers["x-portkey-request-id"] = id  # without it, Portkey's SDK asks again after a failure of ours
        return response

    async def awaited(request: Request, id: str) -> Response:
        line: Line | None = request.scope.get(LINE)
        task = asyncio.current_task()
        if line is None or task is None:
            return await answered(request, id)

        def leave() -> None:
            task.cancel()

        line.when_lost = leave
        try:
            return await answered(request, id)
        except asyncio.CancelledError:
            if not line.lost:
                raise
            task.uncancel()
            return Response(status_code=LEFT)  # to nobody
        finally:
            line.when_lost = None

    async def answered(request: Request, id: str) -> Response:
        try:
            return await _respond(request, operation, office, insight, id)
        except Refusal as refusal:
            return refuse(refusal, id)
        except TROUBLE as trouble:
            return refuse(refusal_of(trouble, id), id)
        except ClientDisconnect:
            return refuse(Refusal(400, "incomplete_body", "The connection closed before the whole body had come."), id)
        except Exception:  # the border: what gets here is our bug, answered as one and logged with the request's id
            log.exception("admin request %s failed inside the gateway", id)
            bug = Refusal(500, "internal_error", f"The gateway failed. Its log has the reason under the request id {id}.")
            return refuse(bug, id)

    return endpoint


async def _respond(request: Request, operation: Operation, office: Office, insight: Insight, id: str) -> Response:
    raw: list[tuple[bytes, bytes]] = request.scope["headers"]
    headers = dict(raw)
    _check_head(raw)
    caller: Caller | None = None
    if not operation.route.open:
        caller = await office.do(lambda: _admit(headers, operation, office))
    query, common = operation.read_query(request.query_params.multi_items())
    body = operation.read_body(await _body(request, headers, operation.route.most or BODY_LIMIT))

    def work() -> tuple[object, int]:
        if caller is None:
            ask = Guest(office, _actor(request, office, "user", "", "", id), dict(request.path_params), insight)
        else:
            ask = _ask(request, operation, office, insight, caller, id, common, body)
        more = {name: value for name, value in (("body", body), ("query", query)) if value is not None}
        return operation.function(ask, **more), ask.version

    said, version = await (insight.readers.do(work) if operation.route.reads_log else office.do(work))
    if isinstance(said, Response):
        for name, value in (*HEADERS.items(), ("x-lockgate-request-id", id)):
            said.headers.setdefault(name, value)
        return said
    return answer(said, id, version)


def _admit(headers: dict[bytes, bytes], operation: Operation, office: Office) -> Caller:
    caller = who(headers, office, operation.route.method)
    if caller.scopes is not None:
        permit(caller, operation.route, caller.scopes)
    return caller


def _ask(
    request: Request,
    operation: Operation,
    office: Office,
    insight: Insight,
    caller: Caller,
    id: str,
    common: dict[str, str],
    body: object,
) -> Ask:
    """The request, once it is certain that the caller may make it."""
    route = operation.route
    params = request.path_params
    if named_in("organisation_id", body, common, params) not in ("", caller.organisation):
        raise Refusal(404, "organisation_not_found", "There is no such organisation here.", param="organisation_id")
    tenant = place(caller, route, named_in("workspace_id", body, common, params), office)
    check_role(caller, route, tenant, members_of(body))
    actor = _actor(request, office, caller.kind, caller.id, caller.name, id)
    ask = Ask(
        route,
        caller,
        tenant,
        office,
        actor,
        dict(params),
        request.headers.get("host", ""),
        request.headers.get("if-match", ""),
        insight,
    )
    permit(caller, route, ask.scopes)
    return ask


def _actor(request: Request, office: Office, kind: Literal["api_key", "user"], who: str, name: str, id: str) -> Actor:
    query = request.scope["query_string"].decode("latin-1")
    uri = request.scope["path"] + (f"?{query}" if query else "")
    return Actor(kind, who, name, request.method, uri, id, address_of(request.scope, office))


def _check_head(raw: list[tuple[bytes, bytes]]) -> None:
    """Raises `Refusal` for a header twice that may come once, and for a body that is not read here."""
    seen: set[bytes] = set()
    for name, value in raw:
        if name in seen and name in _ONCE:
            raise Refusal(400, "repeated_header", f"The header '{name.decode('latin-1')}' is given twice.")
        seen.add(name)
        if name == b"content-type" and value.split(b";")[0].strip().lower() != b"application/json":
            raise Refusal(415, "unsupported_media_type", "Send the body as application/json.")
        if name == b"content-encoding" and value != b"identity":
            raise Refusal(415, "unsupported_encoding", "Send the body without content-encoding.")


async def _body(request: Request, headers: dict[bytes, bytes], limit: int) -> bytes:
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise too_large(limit)
    pieces, size = list[bytes](), 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)


def _new_id(office: Office) -> str:
    return new_id(office.clock(), random.getrandbits(62))
