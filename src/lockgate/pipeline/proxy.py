"""Pass-through: a provider's own API, whatever it is, through the same door.

`/proxy/{provider}/…` names the provider in its path, `/v1/…` (what no route has) in a header or a config. Method, path, query
and body pass untouched; of the headers those pass that are known to be harmless or that the caller names; the key is the
provider's own. What an answer used is read where the path is one that a known dialect is spoken at.
"""

from __future__ import annotations

from urllib.parse import unquote, unquote_to_bytes

import msgspec

from lockgate.core.call import Call
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE
from lockgate.core.outcome import Outcome
from lockgate.dialects.codec import Relay
from lockgate.dialects.conventions import OWN_PATHS
from lockgate.dialects.raw import RAW
from lockgate.dialects.registry import RELAYS
from lockgate.pipeline.answer import pass_stream
from lockgate.pipeline.attempt import afford, attempt
from lockgate.pipeline.attempts import deliver_failure
from lockgate.pipeline.choose import Ask, choose, deadlines_of
from lockgate.pipeline.forwarding import named_headers
from lockgate.pipeline.keys import keys_of
from lockgate.pipeline.pass_bytes import pass_bytes
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import route_of
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.respond import respond
from lockgate.pipeline.target import Lane, Provider, Target
from lockgate.providers.table import TABLE, Endpoint, joined
from lockgate.transport.exchange import Exchange, Outgoing, Pieces
from lockgate.wire.hygiene import of_request
from lockgate.wire.path import below

#: Headers of a caller that pass: what its body is, what it wants back, and what the known dialects have of their own.
_PASS = (
    b"content-type",
    b"content-encoding",
    b"content-language",
    b"accept",
    b"accept-language",
    b"idempotency-key",
    b"if-match",
    b"if-none-match",
    b"if-modified-since",
    b"if-unmodified-since",
    b"if-range",
    b"range",
    b"prefer",
    *dict.fromkeys(name for relay in RELAYS.values() for name in relay.passes),
)
#: Bodies that are looked into: for the model's name, and for the record.
_LOOK = 1024 * 1024


#: Statuses whose answers have no body (RFC 9110, sections 15.3.5 and 15.4.5).
_BODILESS = (204, 304)


class _Named(msgspec.Struct):
    model: str = ""


async def proxy(passing: Passing, provider_key: str) -> None:
    """Answer one request by passing it on. Raises `Refusal`, which the door renders."""
    call, account, snapshot = passing.call, passing.account, passing.snapshot
    path = below(call.params["rest"])
    if (said := call.params.get("provider")) is not None:
        _name(call, said, provider_key, passing)
    route, account.record.route = route_of(call, "", passing.principal, snapshot)
    if len(route.branches) != 1:
        raise Refusal(
            400,
            "several_targets",
            "What is passed through goes to one place: name a config with a single target, or a provider.",
            param="config",
        )
    branch = route.branches[0]
    provider, _ = choose(call, Ask("", provider_key), snapshot, branch.config)
    if provider.models or provider.without or provider.granted or passing.principal.models:
        raise Refusal(
            403,
            "pass_through_not_allowed",
            "What is passed through is not looked into, so it needs a key and a provider that may use every model.",
            scope="key" if passing.principal.models else "provider",
            rule=passing.principal.id if passing.principal.models else provider.slug,
        )
    pieces: list[bytes] = []
    account.record.bytes_in = await passing.caller.pour(snapshot.limits.request, pieces.append)
    target_path = joined(provider.base_path, path if said is not None else _root(provider) + path)
    relay, endpoint, model = _dialect(call, provider, target_path)
    call.body = _readable(call, pieces, snapshot.log.body_limit)
    if relay is not RAW:
        call.dialect = account.record.dialect_in = relay.name
        model = model or _model_in(call.body)
    account.record.model_asked = model
    deadlines = deadlines_of(call, provider, branch.config)
    target = Target(provider, Lane(relay, relay, endpoint), model, deadlines, key=(provider.known_by, model))
    body = pieces[0] if len(pieces) == 1 else Pieces(pieces) if pieces else b""
    outgoing = Outgoing(call.method, _target(call, target_path), _headers(call, provider, branch.forward), body)
    prepared = Prepared(target, outgoing, "relay", stream=False, verbatim=True)
    _, hold = await afford(passing, prepared, lambda target, most=None: prepared)
    passing.runtime.health.begin_anyway(target.key)
    failure = await attempt(passing, prepared, pass_on, hold)
    if failure is not None:
        deliver_failure(passing, prepared, failure)


async def pass_on(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    """An answer as it came, errors and redirects too."""
    call, account, kind = passing.call, passing.account, exchange.header(b"content-type").lower()
    relay: Relay = prepared.target.lane.provider
    if exchange.status >= 400:
        return await _pass_error(passing, prepared, exchange)
    if b"event-stream" in kind and relay.tap is not None:
        prepared.stream = account.record.stream = True
        return await pass_stream(passing, prepared, exchange)
    if b"json" in kind and relay is not RAW:
        return await _pass_json(passing, relay, exchange)
    if call.method == "HEAD" or exchange.status in _BODILESS:
        account.heard()
        account.outcome = Outcome(begun=True, complete=True)
        account.attempted(exchange.status, None)
        respond(call, account, passing.caller, exchange.status, b"", upstream=exchange.headers, verbatim=True)
        return None
    return await pass_bytes(passing, exchange, verbatim=True)


async def _pass_json(passing: Passing, relay: Relay, exchange: Exchange) -> Failure | None:
    account = passing.account
    body = await exchange.read(passing.snapshot.limits.answer)
    account.heard()
    if isinstance(body, Failure):
        return body
    outcome = relay.observe(body)
    account.outcome = outcome
    account.first_event()
    account.attempted(exchange.status, outcome.failure)
    end, error = ("ok", None) if outcome.failure is None else ("failed", outcome.failure)
    respond(
        passing.call,
        account,
        passing.caller,
        exchange.status,
        body,
        upstream=exchange.headers,
        verbatim=True,
        end=end,
        error=error,
    )
    return None


async def _pass_error(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    account = passing.account
    body = await exchange.read(passing.snapshot.limits.error)
    account.heard()
    if isinstance(body, Failure):
        return msgspec.structs.replace(body, status=exchange.status)
    failure = prepared.target.lane.provider.read_error(exchange.status, body)
    account.attempted(exchange.status, failure)
    respond(
        passing.call,
        account,
        passing.caller,
        exchange.status,
        body,
        upstream=exchange.headers,
        verbatim=True,
        end="failed",
        error=failure,
    )
    return None


def _name(call: Call, said: str, provider_key: str, passing: Passing) -> None:
    """Name the provider that the path names in the header that the planner reads; no other may be named beside it."""
    slug = said.removeprefix("@")
    if any(call.header(name) for name in ("config", "provider", "virtual-key")):
        raise Refusal(
            400, "two_providers", "The path names the provider; leave out the headers that name another.", param="provider"
        )
    brought = provider_key and slug in TABLE
    at = "@" if slug in passing.snapshot.providers and not brought else ""
    call.headers[b"x-lockgate-provider"] = (at + slug).encode("latin-1", "replace")
    call.steered = True


def _root(provider: Provider) -> str:
    """What `/v1` stands for at a provider, below its base URL: where its conversations are, less their own path."""
    for dialect, own in OWN_PATHS:
        place = provider.row.speaks.get(dialect)
        if place is not None and place.path.endswith(own) and "{" not in place.path:
            return place.path.removesuffix(own)
    return ""


def _dialect(call: Call, provider: Provider, path: str) -> tuple[Relay, Endpoint, str]:
    """The dialect that is spoken at a path, where that is, and the model that the path names."""
    row = provider.row
    for name, place in (*row.speaks.items(), *row.operations.items()) if call.method == "POST" else ():
        for template in (place.path, place.stream) if place.stream else (place.path,):
            head, hole, tail = joined(provider.base_path, template.partition("?")[0]).partition("{model}")
            if not hole and path == head:
                return RELAYS[name], place, ""
            if hole and path.startswith(head) and path.endswith(tail) and len(path) > len(head) + len(tail):
                return RELAYS[name], place, unquote(path[len(head) : len(path) - len(tail)])
    return RAW, Endpoint(path), ""


def _readable(call: Call, pieces: list[bytes], limit: int) -> bytes:
    """As much of a body as is looked at and kept: none of one that no reader could read."""
    kind = call.headers.get(b"content-type", b"application/json").lower()
    if not kind.startswith((b"application/json", b"text/", b"application/x-ndjson")):
        return b""
    wanted, out = max(limit, _LOOK), bytearray()
    for piece in pieces:
        out += piece[: wanted - len(out)]
        if len(out) >= wanted:
            break
    return bytes(out)


def _model_in(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Named).model
    except UNREADABLE:
        return ""


def _target(call: Call, path: str) -> bytes:
    """Path and query as they go out: without a parameter that holds the caller's own key, which some APIs take in the query."""
    own, _ = keys_of(call.headers)
    pairs = [pair for pair in call.query.split(b"&") if pair and unquote_to_bytes(pair.partition(b"=")[2]) != own]
    return path.encode("ascii") + (b"?" + b"&".join(pairs) if pairs else b"")


def _headers(call: Call, provider: Provider, forward: tuple[bytes, ...]) -> list[tuple[bytes, bytes]]:
    """The provider's headers, and those of the caller that pass, each name once."""
    named = named_headers(call) or forward
    held = {name for name, _ in provider.headers}  # what is sent anyway is the operator's to say, but for a dialect's own
    passed = of_request(call.headers, (*_PASS, *(name for name in named if name not in held)))
    names = {name for name, _ in passed}
    return [pair for pair in provider.headers if pair[0] not in names] + passed
