"""The one ASGI callable: lifespan, the few pages, the dashboard, and the data plane's way to the door."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_to_bytes

import msgspec

from lockgate.core.call import Call, Family
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import new_id
from lockgate.dialects.conventions import PLAIN
from lockgate.dialects.registry import CODECS
from lockgate.http.admin.door import LOGIN, AdminDoor
from lockgate.http.dashboard.site import Dashboard
from lockgate.http.exchange import LineCaller, Receive, Scope, Send, too_large
from lockgate.http.metrics import Metrics
from lockgate.http.pages import OPEN, lay_out_pages
from lockgate.http.routes import Found, Table, lay_out
from lockgate.pipeline.admit import admit, permit
from lockgate.pipeline.door import enter
from lockgate.pipeline.keys import OWN, SHARED
from lockgate.pipeline.render import JSON
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.wire.trace_context import read_traceparent

_ONCE = frozenset((*OWN, *SHARED, b"content-length", b"host"))
_OURS = (b"x-lockgate-", b"x-portkey-")
#: Headers that name a provider.
_NAMES = frozenset(prefix + name for prefix in _OURS for name in (b"config", b"provider", b"virtual-key"))
#: Headers of ours that say something of a request's place in a trace.
_SPANS = frozenset(prefix + name for prefix in _OURS for name in (b"trace-id", b"span-id", b"parent-span-id", b"span-name"))
_TRACE = re.compile(rb"[\x21-\x7e]{1,128}")
#: Characters of a span's name.
_SPAN_NAME = 256

#: What is said where the dashboard would be.
UNBUILT = "It is not built: run `make web`, or install the released package, which has it."

Raw = list[tuple[bytes, bytes]]
#: A page: status, content type, body.
Shown = tuple[int, tuple[bytes, bytes], bytes]


class World:
    """The holder of the current Snapshot: a reload swaps it, a request reads it once."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.draining = False


class Gateway:
    """The application. Built with a routing table, so that a route without a policy stops the start-up here."""

    def __init__(
        self,
        world: World,
        runtime: Runtime,
        *,
        table: Table | None = None,
        admin: AdminDoor | None = None,
        metrics: Metrics | None = None,
        dashboard: Dashboard | None = None,
    ) -> None:
        self._world = world
        self._runtime = runtime
        self._admin = admin
        self._table = lay_out() if table is None else table
        runtime.address = self._table.address
        self._metrics = metrics
        self._policies = lay_out_pages()
        taken = (*self._table.known(), *self._policies, LOGIN)
        self._dashboard = Dashboard(taken) if dashboard is None else dashboard
        self._pages: dict[str, Callable[[Raw], Awaitable[Shown]]] = {
            "/": self._front,
            "/healthz": self._health,
            "/readyz": self._ready,
        }
        if metrics is not None:
            self._pages["/metrics"] = self._measure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _refuse_other(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        if scope["raw_path"] != path.encode("utf-8", "surrogateescape"):
            path = scope["raw_path"].decode("ascii", "replace")  # no second spelling of a route passes the table
        found = self._table.find(method, path)
        headers: Raw = scope["headers"]
        if found is None or found.route.named:
            if self._admin is not None and self._admin.owns(path):
                await self._admin(scope, receive, send)
                return
            if found is None or not any(name in _NAMES for name, _ in headers):
                await self._show(method, path, headers, LineCaller(scope, receive))
                return
        caller = LineCaller(scope, receive)
        snapshot = self._world.snapshot
        route = found.route
        call = self._call(scope, path, found, dict(headers))
        flaw = find_flaw(headers, call, route.takes, snapshot.limits.request)
        if route.key_query is not None:
            take_key(call, *route.key_query)
        await enter(call, route.scope, snapshot, self._runtime, caller, flaw)

    def _call(self, scope: Scope, path: str, found: Found, headers: dict[bytes, bytes]) -> Call:
        """The request as a Call."""
        runtime, route = self._runtime, found.route
        family: Family = "lockgate"
        steered = False
        for name in headers:
            if name.startswith(_OURS):
                steered = True
                if name.startswith(b"x-lockgate-"):
                    family = "lockgate"
                    break
                family = "portkey"
        time_us = runtime.time_us()
        id = new_id(time_us, runtime.draw(62))
        span = find_span(headers, id, steered=steered)
        return Call(
            id=id,
            trace_id=span.trace_id,
            time_us=time_us,
            clock=runtime.clock(),
            method=scope["method"],
            path=path,
            query=scope["query_string"],
            headers=headers,
            operation=route.operation,
            dialect=route.dialect,
            family=family,
            steered=steered,
            params=found.params,
            streams=route.streams,
            span_id=span.span_id,
            parent_span_id=span.parent_id,
            span_name=span.name,
        )

    async def _show(self, method: str, path: str, headers: Raw, caller: LineCaller) -> None:
        """A page, for whom it is; or the answer to a wrong address."""
        if method in ("GET", "HEAD") and (served := self._dashboard.find(path, headers)) is not None:
            caller.reply(*served)
            return
        page = self._pages.get(path)
        if page is not None and method in ("GET", "HEAD"):
            try:
                self._permit(self._policies[path].scope, headers)
                status, kind, body = await page(headers)
            except Refusal as refusal:
                _answer(caller, refusal, "")
            else:
                caller.reply(status, [kind], body)
        elif (methods := self._table.methods(path)) and method not in methods:
            refusal = Refusal(
                405, "method_not_allowed", f"{path} is asked with {' or '.join(methods)}, not with {method[:16]}."
            )
            _answer(caller, refusal, "")
        else:
            known = ", ".join(self._table.known())
            message = (
                f"There is nothing at {path[:200]}. The gateway answers at {known}; what else is below /v1 is passed on to a "
            )
            refusal = Refusal(404, "not_found", message + "provider that x-lockgate-provider names.")
            _answer(caller, refusal, "")

    def _permit(self, scope: str, headers: Raw) -> None:
        """Raises `Refusal` where a page needs a key, and this is none that may see it."""
        if scope == OPEN:
            return
        known = dict(headers)
        if (flaw := _repeated(headers, known)) is not None:
            raise flaw
        principal, _ = admit(known, self._world.snapshot)
        permit(principal, scope)

    async def _front(self, headers: Raw) -> Shown:
        if self._dashboard.is_built:
            return 200, JSON, encode({"name": "Lockgate"})
        return 200, JSON, encode({"name": "Lockgate", "dashboard": UNBUILT})

    async def _health(self, headers: Raw) -> Shown:
        return 200, JSON, encode({"status": "ok"})

    async def _ready(self, headers: Raw) -> Shown:
        if self._world.draining:
            return 503, JSON, encode({"status": "draining"})
        return 200, JSON, encode({"status": "ready", "revision": self._world.snapshot.revision})

    async def _measure(self, headers: Raw) -> Shown:
        assert self._metrics is not None
        kind, body = await self._metrics.page(dict(headers).get(b"accept", b""))
        return 200, (b"content-type", kind), body


class Span(msgspec.Struct):
    """A request's place in a trace."""

    trace_id: str
    span_id: str
    parent_id: str = ""
    name: str = ""


def find_span(headers: dict[bytes, bytes], id: str, *, steered: bool) -> Span:
    """The span that a request is: by our headers or Portkey's, which come first, then by its W3C traceparent; else a trace of
    its own, whose ids are made of the request's. What is strange is taken for not said."""
    own = id.replace("-", "")
    span = Span(own, own[16:])
    parent = headers.get(b"traceparent")
    steered = steered and not _SPANS.isdisjoint(headers)
    if not steered and parent is None:
        return span
    said = {name: _said(headers, name) for name in (b"trace-id", b"span-id", b"parent-span-id")} if steered else {}
    context = read_traceparent(parent)
    if trace_id := said.get(b"trace-id"):
        span.trace_id = trace_id
    if context is not None and span.trace_id in (own, context.trace_id):
        span.trace_id, span.parent_id = context.trace_id, context.span_id
    span.span_id = said.get(b"span-id") or span.span_id
    span.parent_id = said.get(b"parent-span-id") or span.parent_id
    if steered and (name := _ours(headers, b"span-name")):
        span.name = name[:_SPAN_NAME].decode("utf-8", "replace")
    return span


def _ours(headers: dict[bytes, bytes], name: bytes) -> bytes | None:
    return headers.get(b"x-lockgate-" + name) or headers.get(b"x-portkey-" + name)


def _said(headers: dict[bytes, bytes], name: bytes) -> str:
    """An id in a header of ours; "" for none or a strange one."""
    said = _ours(headers, name)
    return said.decode("ascii") if said and _TRACE.fullmatch(said) else ""


def take_key(call: Call, name: bytes, header: bytes) -> None:
    """Read a key in the query as the header that it stands for. The query itself is never kept."""
    for pair in call.query.split(b"&"):
        said, _, value = pair.partition(b"=")
        if said == name and value:
            call.headers.setdefault(header, unquote_to_bytes(value))
            return


def _repeated(raw: Raw, headers: dict[bytes, bytes]) -> Refusal | None:
    """What is wrong with a header that may come once and is there twice."""
    if len(headers) != len(raw):
        seen: set[bytes] = set()
        for name, _ in raw:
            if name in seen and name in _ONCE:
                return Refusal(400, "repeated_header", f"The header '{name.decode('latin-1')}' is given twice.")
            seen.add(name)
    return None


def find_flaw(raw: Raw, call: Call, takes: str, limit: int) -> Refusal | None:
    """What is wrong with a request before its body is read: a header twice that may come once, a length over the limit, a
    type or encoding that is not read here."""
    headers = call.headers
    if (flaw := _repeated(raw, headers)) is not None:
        return flaw
    if call.method != "POST":
        return None
    length = headers.get(b"content-length", b"")
    if length.isdigit() and len(length) < 20 and int(length) > limit:
        return too_large(limit)
    if takes == "any":
        return None
    kind = headers.get(b"content-type", b"application/json")
    if kind != b"application/json":
        kind = kind.split(b";")[0].strip().lower()
        if kind != b"application/json" and not (takes == "form" and kind == b"multipart/form-data"):
            either = "application/json or multipart/form-data" if takes == "form" else "application/json"
            return Refusal(415, "unsupported_media_type", f"Send the body as {either}.")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        return Refusal(415, "unsupported_encoding", "Send the body without content-encoding.")
    return None


def _answer(caller: LineCaller, refusal: Refusal, dialect: str) -> None:
    caller.reply(refusal.status, [JSON], CODECS[dialect or PLAIN].write_error(refusal))


async def _refuse_other(scope: Scope, receive: Receive, send: Send) -> None:
    """Lifespan events are acknowledged; WebSockets are not spoken yet."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
