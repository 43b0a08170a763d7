"""The front: uvicorn's httptools protocol with the limits it lacks, and a line that tells at once when a caller leaves.

uvicorn bounds neither the size of a request's head nor the time it takes to come (slow loris); both are bounded here. One
sweep a second looks after all connections, so that no request pays for a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lockgate.core.failure import Refusal
from lockgate.dialects.openai.error import write_error
from lockgate.http.exchange import LINE

#: Bytes of a request's head (request line and headers together), and how many headers it may have.
HEAD_LIMIT = 64 * 1024
HEADER_COUNT = 100
URL_LIMIT = 8 * 1024
#: Seconds for a head to come whole, counted from its first byte (or from the connection); and for a body to go on coming.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0


class Line:
    """What our protocol shares with the exchange on it: whether the caller is gone, and whom to tell."""

    __slots__ = ("lost", "when_lost")

    def __init__(self) -> None:
        self.lost = False
        self.when_lost: Callable[[], None] | None = None

    def lose(self) -> None:
        """The caller is gone."""
        self.lost = True
        tell, self.when_lost = self.when_lost, None
        if tell is not None:
            tell()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_size = 0
        self._waiting_since = 0.0  # a head or body is awaited since then; 0: nothing is
        self._reading_body = False
        self._lines: list[Line] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waiting_since = monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        lines, self._lines = self._lines, []
        for line in lines:
            line.lose()

    def data_received(self, data: bytes) -> None:
        if self._waiting_since and self._reading_body:
            self._waiting_since = monotonic()  # a body may be long, not silent
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_size = 0
        self._reading_body = False
        if not self._waiting_since:
            self._waiting_since = monotonic()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._head_size += len(url)
        if len(self.url) > URL_LIMIT:
            self._refuse(414, "url_too_long", f"The URL is longer than {URL_LIMIT} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_LIMIT or len(self.headers) > HEADER_COUNT:
            self._refuse(
                431,
                "headers_too_large",
                f"The headers exceed {HEADER_COUNT} fields or {HEAD_LIMIT // 1024} KiB, the limits here.",
            )

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            return
        line = Line()
        self._lines = [old for old in self._lines if old.when_lost is not None]
        self._lines.append(line)
        self.scope[LINE] = line  # type: ignore[typeddict-unknown-key]
        self._reading_body = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._waiting_since = 0.0
        if self.cycle is not None:
            super().on_message_complete()

    def sweep(self, now: float) -> None:
        """Called once a second: end a connection whose head or body does not come."""
        if not self._waiting_since:
            return
        allowed = BODY_SECONDS if self._reading_body else HEAD_SECONDS
        if now - self._waiting_since > allowed and not self.flow.read_paused:
            what = "body" if self._reading_body else "headers"
            self._refuse(408, "request_timeout", f"The request's {what} did not come within {allowed:.0f} seconds.")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer without the application, and close."""
        if self.transport.is_closing():
            return
        if not self._reading_body:
            body = write_error(Refusal(status, code, message))
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
                + body
            )
        self.transport.close()
