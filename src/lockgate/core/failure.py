"""What can go wrong, as values: `Failure` is the upstream's fault, `Refusal` is our own no. Anything else is our bug."""

from __future__ import annotations

from typing import Literal

import msgspec

FailureKind = Literal[
    "connect",  # no connection: refused, unreachable, DNS, TLS
    "timeout",  # a deadline passed: connect, first event, between events, total
    "cut",  # the answer broke off before it was complete
    "malformed",  # the answer cannot be read
    "rate_limit",
    "overloaded",
    "server",
    "auth",
    "billing",
    "content_policy",
    "context_window",
    "not_found",
    "bad_request",
]


class Failure(msgspec.Struct, frozen=True):
    """The upstream's fault. Fallback weighs it, so it is a value and never raised.

    `status` is the HTTP status the caller sees: the upstream's own, or 502/504 when it never gave one.
    `message` is the upstream's sentence, or ours about it. `code` and `type` are the upstream's words, kept as they came.
    `retry_after` is in seconds. `body` is the upstream's error body, capped, for relaying within one dialect.
    """

    kind: FailureKind
    status: int
    message: str
    type: str = ""
    code: str = ""
    param: str = ""
    retry_after: float | None = None
    body: bytes = b""


class Refusal(Exception):
    """Our own no, raised anywhere in the pipeline and rendered once, in the caller's dialect.

    `status` is the HTTP status, `code` a stable machine word, `param` the path of the member at fault ("messages[0].role"),
    `scope` and `rule` name what decided (a key, a limit), `retry_after` is in seconds. The message says what to do.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str = "",
        scope: str = "",
        rule: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.scope = scope
        self.rule = rule
        self.retry_after = retry_after

    def __repr__(self) -> str:
        return f"Refusal({self.status}, {self.code!r}, {self.message!r})"


#: HTTP status → failure kind, where the body says nothing better.
KIND_OF_STATUS: dict[int, FailureKind] = {
    400: "bad_request",
    401: "auth",
    402: "billing",
    403: "auth",
    404: "not_found",
    408: "timeout",
    413: "bad_request",
    422: "bad_request",
    429: "rate_limit",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}


def kind_of_status(status: int) -> FailureKind:
    """The failure kind that an HTTP error status stands for."""
    return KIND_OF_STATUS.get(status, "server" if status >= 500 else "bad_request")
