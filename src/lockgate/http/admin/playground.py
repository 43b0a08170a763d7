"""/v1/playground: a person asks a model from the dashboard, and the answer streams back.

No cookie opens the data plane, and none does here: this is the admin API, where a session brings its token with each change
(`caller.who`). The person names a key that pays, which the gateway knows and the browser never sees; the request goes through
the pipeline in that key's name, so that its models, limits, budgets and guards hold, and is on record as the key's, with the
person in its metadata (`PLAYED_BY`). Whose key may be named, `control.playing` says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from lockgate.control.playing import payer, world_with
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.http.admin.answers import HEADERS
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.route import MANAGERS
from lockgate.http.admin.shapes import Text
from lockgate.http.exchange import LineCaller, Scope, too_large
from lockgate.pipeline.catalogue import models_for
from lockgate.pipeline.ports import Headers
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.within import pass_within

#: Where it is sent: an API that every model for conversations is asked by, whoever its provider is.
PATH = "/v1/chat/completions"
#: The member of a request's metadata that names who was at the dashboard.
PLAYED_BY = "_playground"
_SAFE = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_SAFE_NAMES = {name for name, _ in _SAFE}


class PlayedTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that was said, as a text."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Meta(max_length=500_000)]


class PlayAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked of which model. `key`, by its id, pays for it: who comes with a key of their own pays with that. What is
    null is left to the model."""

    key: Text = ""
    model: Text
    messages: Annotated[list[PlayedTurn], Meta(min_length=1, max_length=200)]
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None


class PlayQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The key that would pay, by its id."""

    key: Text = ""


class PlayModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a request names it."""

    id: str
    provider: str
    name: str


class PlayModels(msgspec.Struct, frozen=True, kw_only=True):
    """The models that a key may use, as far as they are known by name."""

    object: Literal["list"] = "list"
    data: list[PlayModel]


def create(ask: Ask, body: PlayAsked) -> Response:
    """Ask a model, as the dashboard's playground does. The answer is that of `POST /v1/chat/completions`, streamed; it is
    charged and on record like any other, and the cache is left alone."""
    runtime = ask.office.runtime
    if runtime is None:
        raise Refusal(503, "not_serving", "No requests are served here now.", retry_after=5.0)
    snapshot = world_with(ask.office, ask.tenant, body.key)
    principal = _payer(ask, snapshot, body.key)
    said: dict[str, Any] = {
        "model": body.model,
        "messages": body.messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    for name in ("temperature", "max_tokens"):
        if (value := getattr(body, name)) is not None:
            said[name] = value
    headers = {
        b"cache-control": b"no-store",  # models are compared here: what another request was answered says nothing of them
        b"x-lockgate-metadata": encode({PLAYED_BY: ask.caller.name}),
    }
    return _Passed(_Play(encode(said), headers, principal, snapshot, runtime))


def models(ask: Ask, query: PlayQuery) -> PlayModels:
    """List the models that a key may use."""
    snapshot = world_with(ask.office, ask.tenant, query.key)
    principal = _payer(ask, snapshot, query.key)
    found = models_for(principal, snapshot.seen_by(principal))
    return PlayModels(data=[PlayModel(id=each.id, provider=each.provider, name=each.display_name) for each in found])


def _payer(ask: Ask, snapshot: Snapshot, key: str) -> Principal:
    caller = ask.caller
    manages = caller.role_in(ask.tenant.workspace) in MANAGERS
    person = "" if caller.person is None else caller.person.id
    return payer(snapshot, ask.tenant, key, caller.principal, person, manages=manages)


class _Play(msgspec.Struct):
    """What is to be passed on, in the loop that serves requests."""

    body: bytes
    headers: dict[bytes, bytes]
    principal: Principal
    snapshot: Snapshot
    runtime: Runtime


class _Passed(Response):
    """An answer that the pipeline gives, to the caller's own line."""

    def __init__(self, play: _Play) -> None:
        super().__init__(b"", 200, media_type="text/event-stream")
        self._play = play

    async def __call__(
        self,
        scope: Scope,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """See `starlette.responses.Response`."""
        play = self._play
        caller = _Onlooker(scope, receive, play.body)
        await pass_within(PATH, play.headers, play.principal, play.snapshot, play.runtime, caller)


class _Onlooker(LineCaller):
    """The browser that asked: it has sent what the request is made of, and is told what the admin API tells browsers. When it
    leaves, the request ends, as with any other caller."""

    __slots__ = ("_body",)

    def __init__(self, scope: Scope, receive: Callable[[], Awaitable[MutableMapping[str, Any]]], body: bytes) -> None:
        super().__init__(scope, receive)
        self._body = body

    async def body(self, limit: int) -> bytes:
        """See the port."""
        if len(self._body) > limit:
            raise too_large(limit)
        return self._body

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """See the port."""
        super().reply(status, _guarded(headers), body)

    def start(self, status: int, headers: Headers) -> None:
        """See the port."""
        super().start(status, _guarded(headers))


def _guarded(headers: Headers) -> Headers:
    return [*((name, value) for name, value in headers if name.lower() not in _SAFE_NAMES), *_SAFE]
