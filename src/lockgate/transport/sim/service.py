"""The simulator as a service: method, path and body to a response, with no I/O. The client in front of it does the waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.json import encode, readable
from lockgate.transport.sim import ask as chat_ask
from lockgate.transport.sim import models, render, vectors
from lockgate.transport.sim.answer import answer
from lockgate.transport.sim.models import Chosen

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"

#: What the model `error` says, where the bare status does not say it.
_ERRORS = {
    400: "invalid_value",
    401: "invalid_api_key",
    402: "insufficient_quota",
    403: "permission_denied",
    404: "not_found",
    429: "rate_limit_exceeded",
    503: "overloaded",
    529: "overloaded",
}
_TRY_AGAIN = {429, 503, 529}  # statuses that come with a `retry-after`


class Response(msgspec.Struct, frozen=True):
    """What the simulator answers: `pieces` are the parts of the body in order, `pause_s` is the wait before each."""

    status: int
    content_type: bytes
    pieces: Iterator[bytes]
    pause_s: float = 0.0
    retry_after_s: int | None = None


def respond(method: str, target: bytes, body: bytes, created: int) -> Response:
    """The response to a request; `target` is path and query, `created` in seconds since the epoch."""
    path = target.partition(b"?")[0]
    serve = _SERVED.get((method, path))
    try:
        if serve is not None:
            return serve(body, created)
        if method == "GET" and path.startswith(b"/v1/models/"):
            return _one_model(path.removeprefix(b"/v1/models/").decode("utf-8", "replace"), created)
        if any(path == known for _, known in _SERVED):
            raise Refusal(405, "method_not_allowed", f"{_shown(path)} cannot be asked with {method}.")
        raise Refusal(404, "unknown_url", f"The simulator has nothing at {method} {_shown(path)}.")
    except Refusal as refusal:
        return _refused(refusal)


class _Named(msgspec.Struct):
    model: str


def _chosen(body: bytes, embeds: bool) -> Chosen:
    """The model asked for, before anything else is looked at: one that shall fail does so whatever it is asked."""
    chosen = models.choose(readable(body, _Named).model, embeds)
    if chosen.model.name == "error":
        code = _ERRORS.get(chosen.number, "server_error" if chosen.number >= 500 else "invalid_request")
        retry_after = 1.0 if chosen.number in _TRY_AGAIN else None
        message = f"The simulator was asked to fail with status {chosen.number}."
        raise Refusal(chosen.number, code, message, retry_after=retry_after)
    return chosen


def _chat(body: bytes, created: int) -> Response:
    chosen = _chosen(body, embeds=False)
    ask = chat_ask.read(body)
    said = answer(ask, chosen, body)
    pause_s = chosen.number / 1000 if chosen.model.name == "slow" else 0.0
    if ask.stream:
        return Response(200, EVENTS, render.events(said, created), pause_s)
    return Response(200, JSON, iter((render.whole(said, created),)), pause_s)


def _embeddings(body: bytes, created: int) -> Response:
    _chosen(body, embeds=True)
    return Response(200, JSON, iter((vectors.embedded(vectors.read(body)),)))


def _models(body: bytes, created: int) -> Response:
    return Response(200, JSON, iter((encode({"object": "list", "data": list(models.rows(created))}),)))


def _one_model(name: str, created: int) -> Response:
    row = next((row for row in models.rows(created) if row["id"] == name), None)
    if row is None:
        raise Refusal(404, "model_not_found", f"The model '{name}' does not exist.", param="model")
    return Response(200, JSON, iter((encode(row),)))


def _refused(refusal: Refusal) -> Response:
    retry_after_s = None if refusal.retry_after is None else int(refusal.retry_after)
    return Response(refusal.status, JSON, iter((render.error(refusal),)), retry_after_s=retry_after_s)


def _shown(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace")


_SERVED: dict[tuple[str, bytes], Callable[[bytes, int], Response]] = {
    ("POST", b"/v1/chat/completions"): _chat,
    ("POST", b"/v1/embeddings"): _embeddings,
    ("GET", b"/v1/models"): _models,
}
