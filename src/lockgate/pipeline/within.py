"""A request of the gateway's own, sent through its pipeline in the name of a key: admitted, limited, charged and on record like
any other.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from copy import copy
from hashlib import sha256

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.record import Record, new_id
from lockgate.pipeline.door import enter
from lockgate.pipeline.ports import Caller, Headers
from lockgate.pipeline.runtime import Runtime, Sent
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.spool import Spool


async def ask_within(
    path: str,
    body: bytes,
    headers: Mapping[bytes, bytes],
    principal: Principal,
    snapshot: Snapshot,
    runtime: Runtime,
    *,
    parent: Call | None = None,
    name: str = "",
) -> Sent:
    """Send it, and wait for the answer; what the gateway or a provider says to it is an answer. `path` must be one of those
    that are answered (`runtime.address`); `headers` come beside the key's. `parent` is the request for which it
    is sent, in whose trace it is the span `name`."""
    listener = _Listener(body)
    record = await pass_within(path, headers, principal, snapshot, runtime, listener, parent=parent, name=name)
    redactor = runtime.redactor.under(snapshot.mask_of(principal, record.workspace))
    return Sent(record, redactor(b"".join(listener.pieces)))


async def pass_within(
    path: str,
    headers: Mapping[bytes, bytes],
    principal: Principal,
    snapshot: Snapshot,
    runtime: Runtime,
    caller: Caller,
    *,
    parent: Call | None = None,
    name: str = "",
) -> Record:
    """Send what a caller's port gives as the body, and let the caller have the answer as it comes, with nothing redacted: it
    was they who asked. Gives its record. The rest is as of `ask_within`."""
    address = runtime.address(path)
    assert address is not None, path
    time_us = runtime.time_us()
    id = new_id(time_us, runtime.draw(62))
    # It is admitted by a header that nobody else can know, in a world of its own, which knows it as the key's.
    token = b"Bearer " + secrets.token_hex(32).encode()
    world = msgspec.structs.replace(snapshot, seen={sha256(token).digest(): principal})
    spool = _Noting(runtime.spool)
    call = Call(
        id,
        id.replace("-", ""),
        time_us,
        runtime.clock(),
        "POST",
        path,
        b"",
        {b"authorization": token, b"content-type": b"application/json", **headers},
        address.operation,
        address.dialect,
        params=address.params,
        streams=address.streams,
    )
    call.span_id, call.span_name = call.trace_id[16:], name
    if parent is not None:
        call.trace_id, call.parent_span_id = parent.trace_id, parent.span_id
    once = copy(runtime)
    once.spool = spool
    await enter(call, address.scope, world, once, caller)
    assert spool.record is not None, "the door closes every account"
    return spool.record


class _Noting(Spool):
    """A spool that remembers the record that was last put into it."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.record: Record | None = None

    def __repr__(self) -> str:
        return f"Noting({self._spool})"

    def append(self, record: Record) -> bool:
        """See `Spool.append`."""
        self.record = record
        return self._spool.append(record)


class _Listener:
    """A caller (`pipeline.ports.Caller`) who waits for all of the answer and never leaves."""

    def __init__(self, body: bytes) -> None:
        self.left = False
        self.bytes_out = 0
        self.pieces: list[bytes] = []
        self._body = body

    async def body(self, limit: int) -> bytes:
        """See the port."""
        if len(self._body) > limit:
            raise Refusal(413, "body_too_large", f"The request body is larger than {limit} bytes, the limit here.")
        return self._body

    async def pour(self, limit: int, take: Callable[[bytes], object]) -> int:
        """See the port."""
        body = await self.body(limit)
        take(body)
        return len(body)

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """See the port."""
        if not self.pieces:
            self.send(body)

    def start(self, status: int, headers: Headers) -> None:
        """See the port."""

    def send(self, data: bytes) -> bool:
        """See the port."""
        self.bytes_out += len(data)
        self.pieces.append(data)
        return True

    async def drain(self) -> None:
        """See the port."""

    def finish(self, data: bytes) -> None:
        """See the port."""
        self.send(data)

    def cut(self) -> None:
        """See the port."""

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """See the port."""
