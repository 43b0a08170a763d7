"""The front: uvicorn's httptools protocol with the limits it lacks, and a line that tells at once when a caller leaves.

uvicorn bounds neither the size of a request's head nor the time it takes to come (slow loris); both are bounded here. One
sweep a second looks after all connections, so that no request pays for a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from lockgate.core.failure import Refusal
from lockgate.dialects.openai.error import write_error
from lockgate.http.exchange import LINE
from lockgate.pipeline.ports import Headers

#: Bytes of a request's head (request line and headers together), and how many headers it may have.
HEAD_LIMIT = 64 * 1024
HEADER_COUNT = 100
URL_LIMIT = 8 * 1024
#: Seconds for a head to come whole, counted from its first byte (or from the connection); and for a body to go on coming.
HEAD_SECONDS = 10.0
BODY_SECONDS = 30.0
#: Statuses whose answers have no body, and say no length (RFC 9110, section 8.6).
_BODILESS = frozenset((204, 304))
#: Seconds that a connection may idle between two requests.
IDLE_SECONDS = 75.0


class Line:
    """One request's connection, as our exchange uses it: written to directly, and telling at once when the caller is gone.

    ASGI's `send` costs a coroutine, two regular expressions a header and a system call for the head alone; all of that is
    measurable in a request that costs 100 µs. What uvicorn's cycle keeps account of is kept here as it does it.
    """

    __slots__ = ("_cycle", "lost", "when_lost")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self.lost = False
        self.when_lost: Callable[[], None] | None = None

    def lose(self) -> None:
        """The caller is gone."""
        self.lost = True
        tell, self.when_lost = self.when_lost, None
        if tell is not None:
            tell()

    def body(self) -> bytes | None:
        """The request's body, if all of it has come already, as it nearly always has."""
        cycle = self._cycle
        return None if cycle.more_body or cycle.disconnected else bytes(cycle.body)

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer in one write."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        if status not in _BODILESS and (body or cycle.scope["method"] != "HEAD"):
            headers.append((b"content-length", b"%d" % len(body)))
        head = self._head(status, headers)
        cycle.transport.write(head if cycle.scope["method"] == "HEAD" else head + body)
        self._complete()

    def begin(self, status: int, headers: Headers) -> None:
        """The head of a streamed answer. HTTP/1.0 has no chunks: there the connection's end is the answer's."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        cycle.chunked_encoding = cycle.scope["http_version"] != "1.0"
        if cycle.chunked_encoding:
            headers.append((b"transfer-encoding", b"chunked"))
        cycle.transport.write(self._head(status, headers))

    def push(self, data: bytes) -> bool:
        """More of a streamed answer; False when the caller does not read as fast."""
        cycle = self._cycle
        if data and not cycle.disconnected:
            cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if cycle.chunked_encoding else data)
            return not cycle.flow.write_paused
        return True

    async def drain(self) -> None:
        """Wait until the caller has read enough, or is gone."""
        cycle = self._cycle
        if cycle.flow.write_paused and not cycle.disconnected:
            await cycle.flow.drain()

    def end(self, data: bytes) -> None:
        """The last of a streamed answer."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        if cycle.chunked_encoding:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        if data:
            cycle.transport.write(data)
        self._complete()

    def cut(self) -> None:
        """Close without the end that an answer has: the last chunk is missing, or, without chunks, the connection is reset."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        cycle.response_complete = True
        cycle.keep_alive = False
        cycle.message_event.set()
        if cycle.chunked_encoding:
            cycle.transport.close()
        else:
            cycle.transport.abort()

    def _head(self, status: int, headers: Headers) -> bytes:
        cycle = self._cycle
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        lines = [b"%b: %b" % pair for pair in cycle.default_headers]
        lines += [b"%b: %b" % pair for pair in headers]
        if not cycle.keep_alive:
            lines.append(b"connection: close")
        head = STATUS_LINE[status] + b"\r\n".join(lines) + b"\r\n\r\n"
        if head.count(b"\n") != len(lines) + 2 or head.count(b"\r") != len(lines) + 2 or b"\0" in head:
            raise ValueError("a header of the answer has a line break")
        return head

    def _complete(self) -> None:
        cycle = self._cycle
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits. What it does for each header, and its timer for each answer, are done here once a head
    and once a second."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_size = 0  # bytes of a head that has not come whole
        self._large = False  # the piece being read is larger than a head may be
        self._refused = False
        self._reading_body = False
        self._waiting_since = 0.0  # a head or body is awaited since then; 0: nothing is
        self._idle_since = 0.0  # the last answer was complete then; 0: none was, or another request has begun
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
        self._idle_since = 0.0
        if self._reading_body and self._waiting_since:
            self._waiting_since = monotonic()  # a body may be long, not silent
        self._large = len(data) > HEAD_LIMIT
        super().data_received(data)
        if self._waiting_since and not self._reading_body:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_size = 0
        self._reading_body = False
        if not self._waiting_since:
            self._waiting_since = monotonic()

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            self._refused = True
            return
        if len(self.url) > URL_LIMIT:
            self._refuse(414, "url_too_long", f"The URL is longer than {URL_LIMIT} bytes.")
            return
        headers = self.headers
        if len(headers) > HEADER_COUNT or (self._large and sum(len(name) + len(value) for name, value in headers) > HEAD_LIMIT):
            self._refuse_head()
            return
        self._reading_body = True
        super().on_headers_complete()
        line = Line(self.cycle)
        lines = self._lines
        if lines and (len(lines) > 1 or lines[0].when_lost is None):  # those that are answered need not be told
            lines[:] = [old for old in lines if old.when_lost is not None]
        lines.append(line)
        self.scope[LINE] = line  # type: ignore[typeddict-unknown-key]

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._waiting_since = 0.0
        if not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's, with the sweep for the timer of an idle connection."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._idle_since = monotonic()

    def sweep(self, now: float) -> None:
        """Called once a second: end a connection that idles, or whose head or body does not come."""
        if self._idle_since and now - self._idle_since > IDLE_SECONDS:
            self.transport.close()
        elif self._waiting_since:
            allowed = BODY_SECONDS if self._reading_body else HEAD_SECONDS
            if now - self._waiting_since > allowed and not self.flow.read_paused:
                what = "body" if self._reading_body else "headers"
                self._refuse(408, "request_timeout", f"The request's {what} did not come within {allowed:.0f} seconds.")

    def _refuse_head(self) -> None:
        limits = f"{HEADER_COUNT} fields or {HEAD_LIMIT // 1024} KiB"
        self._refuse(431, "headers_too_large", f"The headers exceed {limits}, the limits here.")

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer without the application, and close."""
        self._refused = True
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
