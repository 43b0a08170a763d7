"""One HTTP/1.1 connection to an upstream: an asyncio protocol around llhttp, one exchange at a time.

llhttp (by httptools) reads the bytes and is strict by itself: line ends, header characters, chunk sizes, repeated or
conflicting lengths. Here stands what it leaves to its user: where an answer may end, what may be reused, how long things
may take. Whatever is not exactly right ends the connection; there is no repairing. Source: RFC 9112.

Deadlines live in `due`, asked by the wheel; nothing here makes a timer, a task or a future.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from typing import Protocol, cast

import httptools
import msgspec

from lockgate.core.failure import Failure
from lockgate.transport import framing
from lockgate.transport.answer import Answer, malformed
from lockgate.transport.exchange import CUT, Deadlines, Headers, Pieces
from lockgate.transport.framing import HEAD_LIMIT
from lockgate.transport.wheel import NEVER, Wheel

#: A body up to this size goes out in one write with its head; a larger one in slices of it, as the socket takes them.
SLICE = 64 * 1024
#: The most seconds after a request was written within which a reused connection that dies unheard was dead before.
STALE_WITHIN = 5.0


class Owner(Protocol):
    """Whom a connection belongs to: its pool."""

    def freed(self, connection: Connection) -> None:
        """Its exchange is complete, and it may serve another one."""
        ...

    def lost(self, connection: Connection) -> None:
        """It is closed. Called once."""
        ...


class _Stop(Exception):
    """Raised through the parser to stop it; the reason is noted on the connection."""


class Connection(asyncio.Protocol):
    """`open` once connected; `begin` starts an exchange on an idle one. `idle_s` is how long it may idle by our own rule."""

    __slots__ = (
        "_answer",
        "_bodiless",
        "_body_ends_with_connection",
        "_complete",
        "_conflict",
        "_deadlines",
        "_headed",
        "_headers",
        "_idle_s",
        "_idle_until",
        "_keep",
        "_moved",
        "_owner",
        "_parser",
        "_paused",
        "_quiet",
        "_total_at",
        "_transport",
        "_unsent",
        "_wheel",
        "_write_paused",
        "check_at",
        "closed",
        "served",
        "upstream",
    )

    def __init__(self, owner: Owner, upstream: str, wheel: Wheel, idle_s: float) -> None:
        self.check_at = NEVER  # the wheel's
        self.closed = False
        self.served = 0  # exchanges begun
        self._owner = owner
        self.upstream = upstream  # host and port, for messages
        self._wheel = wheel
        self._idle_s = idle_s
        self._idle_until = 0.0
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._deadlines = Deadlines()
        self._total_at = 0.0
        self._moved = 0.0  # when the connection last came forward in what it is waiting for
        self._unsent: Iterator[bytes | memoryview] | None = None  # the rest of the request's body
        self._write_paused = False
        self._paused = False
        self._headers: Headers = []
        self._quiet = 0  # bytes since the last one of a body
        self._headed = False  # the final answer's headers have come
        self._bodiless = False  # a HEAD was sent, or a 204 claims a body
        self._body_ends_with_connection = False
        self._complete = False
        self._keep = False
        self._conflict = ""

    # --- what the pool and the client ask

    def begin(
        self,
        answer: Answer,
        head: bytes,
        body: bytes | Pieces,
        is_head: bool,
        deadlines: Deadlines,
        total_at: float,
        now: float,
    ) -> None:
        """Send a request; what comes back goes to `answer`."""
        transport = self._transport
        assert transport is not None and self._answer is None and not self.closed
        self.served += 1
        self._answer = answer
        self._deadlines = deadlines
        self._total_at = total_at
        self._moved = now
        self._bodiless = is_head
        self._headed = self._complete = self._keep = self._body_ends_with_connection = False
        self._quiet = 0
        if type(body) is bytes and len(body) <= SLICE:
            transport.write(head + body if body else head)
            at = now + deadlines.first_byte
        else:
            self._unsent = _slices(body)
            transport.write(head)
            self._pump()
            at = now + deadlines.idle
        if total_at < at:
            at = total_at
        if at < self.check_at:
            self._wheel.watch(self, at)

    def rest(self, now: float) -> None:
        """Idle from now on."""
        self._idle_until = until = now + self._idle_s
        if until < self.check_at:
            self._wheel.watch(self, until)

    def pause(self) -> None:
        """Stop reading; silence is ours while it lasts."""
        assert self._transport is not None
        self._paused = True
        self._transport.pause_reading()

    def resume(self) -> None:
        """Read on; the upstream's silence counts from now."""
        assert self._transport is not None
        self._paused = False
        self._moved = now = self._wheel.now()
        self._wheel.watch(self, now + self._deadlines.idle)
        self._transport.resume_reading()

    def hurry(self, seconds: float) -> None:
        """From now on the answer may not be silent for longer than that."""
        if seconds < self._deadlines.idle:
            self._deadlines = msgspec.structs.replace(self._deadlines, idle=seconds)
            self._moved = now = self._wheel.now()
            self._wheel.watch(self, now + seconds)

    def kill(self) -> None:
        """Close at once, without a word to the exchange, which has left."""
        if self.closed:
            return
        self.closed = True
        self._answer = None
        self._unsent = None
        self._wheel.forget(self)
        if self._transport is not None:
            self._transport.abort()
        self._owner.lost(self)

    def close(self) -> None:
        """End it, and tell the exchange."""
        self._fail(CUT)

    # --- deadlines

    def due(self, now: float) -> float:
        """See `Watched`: close an idle connection, or fail an exchange, whose time is up."""
        answer = self._answer
        if answer is None:
            if now < self._idle_until:
                return self._idle_until
            self.kill()
            return NEVER
        limits = self._deadlines
        if self._unsent is not None:
            seconds, doing = limits.idle, "did not read the request for"
        elif not self._headed:
            seconds, doing = limits.first_byte, "sent no answer within"
        else:
            seconds, doing = limits.idle, "sent nothing in the middle of its answer for"
        at = NEVER if self._paused else self._moved + seconds
        if self._total_at <= at:
            at, seconds, doing = self._total_at, limits.total, "did not complete its answer within"
        if now < at:
            return at
        self._fail(Failure("timeout", 504, f"The upstream {self.upstream} {doing} {seconds:g} s."))
        return NEVER

    # --- asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.closed:  # given up while it was being opened
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if answer is None:
            self.kill()  # idle, and spoken to: nothing it says now can be an answer to us
            return
        before = answer.bytes_in
        self._quiet += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._stopped(error)
            return
        if self._complete:
            self._finish(answer)
            return
        if answer.bytes_in != before:
            self._quiet = 0
            self._moved = self._wheel.now()
        elif self._quiet > HEAD_LIMIT:
            self._fail(malformed(self.upstream, f"more than {HEAD_LIMIT} bytes of headers or framing"))

    def eof_received(self) -> None:
        if self._answer is None:
            self.kill()
        elif self._body_ends_with_connection and self._ended_properly():
            self._complete = True
            self._keep = False
            self._finish(self._answer)
        else:
            self._broken_off()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed:
            self._broken_off()

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._unsent is not None:
            self._pump()

    # --- the parser's callbacks

    def on_message_begin(self) -> None:
        if self._complete:
            raise _Stop
        if self._headers:
            self._headers = []  # the trailers of the answer before

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        parser, answer = self._parser, self._answer
        assert answer is not None
        status = parser.get_status_code()
        headers, self._headers = self._headers, []
        fields = dict(headers)
        if status < 200:
            self._judge(framing.interim(status, fields))
            return
        self._judge(framing.size(status, headers, self._quiet))
        self._keep = keep = parser.should_keep_alive()
        chunked = b"transfer-encoding" in fields
        if not keep or chunked:
            self._judge(framing.transfer(parser.get_http_version(), headers))
        if status == 204 and (chunked or b"content-length" in fields):
            self._bodiless = True  # RFC 9112, section 6.3: no body, whatever it says; what comes after is not an answer
        has_body = status not in (204, 304) and not self._bodiless
        self._body_ends_with_connection = has_body and not chunked and b"content-length" not in fields
        if b"keep-alive" in fields:
            seconds, spent = framing.keep_alive(fields[b"keep-alive"])
            self._idle_s = min(self._idle_s, seconds)
            if spent:
                self._keep = False
        if status >= 400 and self._unsent is not None:
            # RFC 9112, section 9.5: an error while we still send means that the rest is not wanted.
            self._unsent = None
            self._keep = False
        self._headed = True
        self._moved = now = self._wheel.now()
        at = now + self._deadlines.idle
        if at < self.check_at:
            self._wheel.watch(self, at)
        if not answer.begin(status, headers, fields, has_body):
            self._judge("its body is in a coding that was not asked for")
        if self._bodiless:
            self._complete = True
            self._keep = False  # the parser cannot be told that no body follows, so it is of no further use
            raise _Stop

    def on_body(self, piece: bytes) -> None:
        assert self._answer is not None
        self._answer.arrived(piece)

    def on_message_complete(self) -> None:
        if self._headed:
            self._complete = True

    # --- and what follows from them

    def _judge(self, conflict: str) -> None:
        """Stop the parser if there is one."""
        if conflict:
            self._conflict = conflict
            raise _Stop

    def _stopped(self, error: Exception) -> None:
        """The parser gave up, or was stopped: at the end of what a HEAD has, or at something that must not be."""
        cause = error.__context__  # what a callback raised
        if cause is not None and not isinstance(cause, _Stop):
            raise cause  # our own bug, which is not the upstream's fault
        if self._complete and self._bodiless:
            assert self._answer is not None
            self._finish(self._answer)
            return
        if self._conflict:
            why = self._conflict
        elif self._complete:
            why = "more bytes came than it has"
        else:
            why = f"it is not HTTP/1.1 ({error})"
        self._fail(malformed(self.upstream, why))

    def _finish(self, answer: Answer) -> None:
        """The answer is complete; the connection goes back to its pool if all of it was as it should be."""
        answer.end()
        self._answer = None
        if not self._keep or self._unsent is not None or self._idle_s <= 0:
            self.kill()
            return
        if self._paused:
            self._paused = False
            assert self._transport is not None
            self._transport.resume_reading()
        self._owner.freed(self)

    def _fail(self, failure: Failure, *, untouched: bool = False) -> None:
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.fail(failure, untouched=untouched)
        self.kill()

    def _broken_off(self) -> None:
        """The connection ended where no answer ends."""
        if self._headed:
            self._fail(Failure("cut", 502, f"The answer of {self.upstream} broke off before it was complete."))
            return
        unheard = self._quiet == 0 and self.served > 1 and self._wheel.now() - self._moved <= STALE_WITHIN
        failure = Failure("cut", 502, f"The upstream {self.upstream} closed the connection without an answer.")
        self._fail(failure, untouched=unheard)

    def _ended_properly(self) -> bool:
        """Whether a TLS stream ended with its own end, not only the TCP connection's, which anyone on the way can send."""
        assert self._transport is not None
        tls = self._transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:
            return tls.read(1) == b""
        except ssl.SSLError:
            return False

    def _pump(self) -> None:
        """Write the body as the socket takes it; called again when it takes more."""
        transport = self._transport
        unsent = self._unsent
        assert transport is not None and unsent is not None
        self._moved = self._wheel.now()
        while not self._write_paused:
            piece = next(unsent, None)
            if piece is None:
                self._unsent = None
                self._wheel.watch(self, self._moved + self._deadlines.first_byte)
                return
            transport.write(piece)

    def __repr__(self) -> str:
        state = "closed" if self.closed else "busy" if self._answer else "idle" if self._transport else "new"
        return f"Connection({self.upstream}, {state}, {self.served} served)"


def _slices(body: bytes | Pieces) -> Iterator[bytes | memoryview]:
    """A body in pieces that are no larger than a slice."""
    for piece in (body,) if isinstance(body, bytes) else body:
        if len(piece) <= SLICE:
            yield piece
        else:
            view = memoryview(piece)
            for at in range(0, len(view), SLICE):
                yield view[at : at + SLICE]
