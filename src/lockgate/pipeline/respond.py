"""A whole answer to the caller, whatever it says: kept, closed into the record, then sent. In this order."""

from __future__ import annotations

from lockgate.core.call import Call
from lockgate.core.failure import Failure, Refusal
from lockgate.core.record import End
from lockgate.pipeline.account import Account
from lockgate.pipeline.ports import Caller, Headers
from lockgate.pipeline.render import JSON, answer_headers, passed_headers


def respond(
    call: Call,
    account: Account,
    caller: Caller,
    status: int,
    body: bytes,
    *,
    upstream: Headers | None = None,
    extra: Headers | None = None,
    end: End = "ok",
    error: Failure | Refusal | None = None,
    verbatim: bool = False,
) -> None:
    """`upstream` are the headers of the provider's answer, `extra` those that this answer adds; `verbatim`: it passes as it
    came, with all its headers that may."""
    account.keep(body)
    account.record.bytes_out = len(body)
    account.close("client_left" if caller.left else end, status, error)
    if verbatim:
        headers = passed_headers(call, account.record, upstream or [], account.headers())
    else:
        headers = answer_headers(call, account.record, JSON, upstream or [], account.headers())
    if extra:
        headers += extra
    caller.reply(status, headers, body)
