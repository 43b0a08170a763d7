"""A recorded request, sent again through the gateway's own pipeline, in the name of a key: admitted, limited, charged and on
record like any other request.

What a record keeps is sent: body, path, metadata, and the config or provider that the caller must have named. Other headers are
not recorded. A request whose body is not there as it came is not sent again: it would be another one.
"""

from __future__ import annotations

import msgspec

from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.core.redact import MARK
from lockgate.core.sheet import Sheet
from lockgate.pipeline.explain import PLANNED
from lockgate.pipeline.runtime import Runtime, Sent
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.within import ask_within

#: The member of a new request's metadata that names the old one.
ORIGIN = "_replay_of"
#: How often one request is sent again at once.
MOST = 10


class Wish(msgspec.Struct, frozen=True):
    """What shall be otherwise: another config (a slug, or inline JSON), another model. "": as it was."""

    config: str = ""
    model: str = ""


def why_not(record: Record) -> str:
    """Why a request cannot be sent again; "" when it can."""
    if record.source != "gateway":
        return "it went past this gateway, which has only been told of it"
    if record.operation not in PLANNED:
        return f"what it asked for ({record.operation or 'nothing'}) is not sent by a route"
    if not record.request:
        return "its body was not kept (log.capture, the workspace, the key, or the caller said so)"
    if record.truncated and len(record.request) != record.bytes_in:
        return "its body was not kept whole (log.body_limit)"
    if MARK in record.request or len(record.request) != record.bytes_in:
        return "its body was kept without its secrets and what is private in it, so that it is not the one that was sent"
    return ""


def check(record: Record, wish: Wish) -> None:
    """Raises `Refusal` 409 for a request that cannot be sent again so."""
    why = why_not(record)
    if not why and record.route == "inline" and not wish.config:
        why = "it brought a config of its own, which is not on record: name one"
    if why:
        raise Refusal(409, "not_replayable", f"The request {record.id} cannot be sent again: {why}.")


async def send_again(record: Record, wish: Wish, principal: Principal, snapshot: Snapshot, runtime: Runtime) -> Sent:
    """Send it, and wait for the answer. Raises `Refusal` 409 where it cannot be sent; what the gateway or a provider says to
    it is an answer."""
    check(record, wish)
    body, path = _asked(record, wish, runtime)
    if runtime.address(path) is None:
        raise Refusal(409, "not_replayable", f"Nothing is answered at {path[:200]} any more.")
    # It is asked anew: what was answered before is what the answer is to be compared with.
    headers = {b"cache-control": b"no-store"} | _said(record, wish, principal, snapshot.seen_by(principal))
    return await ask_within(path, body, headers, principal, snapshot, runtime)


def _asked(record: Record, wish: Wish, runtime: Runtime) -> tuple[bytes, str]:
    """Body and path."""
    if not wish.model:
        return record.request, record.path
    address = runtime.address(record.path)
    if address is not None and (named := address.params.get("model")):
        return record.request, record.path.replace(named, wish.model, 1)
    sheet = Sheet.open(record.request)
    sheet.set("model", wish.model)
    return sheet.bytes(), record.path


def _said(record: Record, wish: Wish, principal: Principal, seen: Snapshot) -> dict[bytes, bytes]:
    """The headers of the gateway's own that the request must have had, or shall have."""
    metadata = {name: value for name, value in record.metadata.items() if name not in principal.metadata}
    headers = {b"x-lockgate-metadata": encode({**metadata, ORIGIN: record.id})}
    asked = wish.model or record.model_asked
    config, provider = wish.config, ""
    if not config and record.route:
        led = seen.alias_configs.get(asked) or principal.config
        config = "" if led == record.route else record.route
    elif not config and record.provider and not asked.startswith("@") and asked not in seen.aliases:
        provider = "" if asked and seen.homes(asked) == (record.provider,) else f"@{record.provider}"
    if config:
        headers[b"x-lockgate-config"] = config.encode("latin-1", "replace")
    if provider:
        headers[b"x-lockgate-provider"] = provider.encode("latin-1", "replace")
    return headers
