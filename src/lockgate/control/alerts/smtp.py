"""One letter by SMTP (RFC 5321), with `smtplib` in a thread of its own making; the connection is made like all others: the
egress policy judges every address of the server, and the connection goes to one that was judged.

A server may be slow, silent or endless: each step has a deadline and the whole has one, after which the connection is broken
off under the thread's hands; what is read of it is bounded.
"""

from __future__ import annotations

import asyncio
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.message import EmailMessage
from typing import Any, BinaryIO, cast

from lockgate.control.alerts.channel import Means, Trouble
from lockgate.control.alerts.mail_server import Server
from lockgate.core.failure import Failure, Refusal
from lockgate.transport.addresses import literal
from lockgate.transport.destination import Destination

#: In seconds: until a connection is there, and for each step; for all of it.
STEP_S, TOTAL_S = 30.0, 60.0
#: Bytes that a server may say in one session.
HEARD = 256 * 1024
_UNSEEN = re.compile(r"[^ -~]+")
_SHOWN = 200


async def send(
    server: Server, letter: EmailMessage, sender: str, to: str, means: Means, total_s: float = TOTAL_S
) -> Trouble | None:
    """Hand a letter to the server, for one address; None: it has taken it."""
    place = Destination("smtp", server.host, server.port, trusted=True)
    session: Session | None = None
    try:
        async with asyncio.timeout(total_s):
            addresses = (server.host,) if literal(server.host) else await means.resolver.resolve(server.host)
            if isinstance(addresses, Failure):
                return Trouble(addresses.message)
            means.egress().admit(place, addresses)
            session = Session(server, addresses)
            try:
                return await asyncio.to_thread(session.send, letter, sender, to)
            finally:
                session.abort()
    except Refusal as refusal:
        return Trouble(refusal.message)
    except TimeoutError:
        if session is not None and session.taken:
            return None
        return Trouble(f"{server} did not take the letter within {total_s:g} s.")


class Session:
    """One connection, for one letter. `abort` may be called from another thread, at any time."""

    def __init__(self, server: Server, addresses: Sequence[str], step_s: float = STEP_S) -> None:
        self._server = server
        self._addresses = addresses
        self._step_s = step_s
        self._line: socket.socket | None = None
        self._aborted = False
        self.taken = False  # the server has the letter, whatever comes then

    def __repr__(self) -> str:
        return f"Session({self._server!r})"

    def send(self, letter: EmailMessage, sender: str, to: str) -> Trouble | None:
        """Blocks. See `send` of the module."""
        server = self._server
        try:
            speech = _Speech(self._connected, server.host, self._step_s)
            try:
                code, words = speech.connect(server.host, server.port)
                if code != 220:
                    return Trouble(f"{server} answered: {code} {_shown(words)}")
                _begin(speech, server)
                speech.send_message(letter, sender, [to])
                self.taken = True
                with suppress(OSError):
                    speech.quit()
            finally:
                speech.close()
        except smtplib.SMTPAuthenticationError as error:
            return Trouble(f"{server} does not accept the user and password (status {error.smtp_code}).")
        except smtplib.SMTPResponseException as error:
            return Trouble(f"{server} answered: {error.smtp_code} {_shown(error.smtp_error)}")
        except smtplib.SMTPRecipientsRefused as error:
            code, words = error.recipients[to]
            return Trouble(f"{server} does not take mail for {to}: {code} {_shown(words)}")
        except (OSError, ValueError) as error:  # smtplib's own errors are OSErrors
            return Trouble(f"{server} cannot be used: {_in_words(error)}.")
        return None

    def abort(self) -> None:
        """Break the connection off, if there is one."""
        self._aborted = True
        line, self._line = self._line, None
        if line is not None:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself
            line.close()

    def _connected(self) -> socket.socket:
        """A connection to the first of the judged addresses that answers."""
        trouble: OSError = OSError("it has no addresses")
        for address in self._addresses:
            if self._aborted:
                raise OSError("it was broken off")
            try:
                sock = socket.create_connection((address, self._server.port), self._step_s)
            except OSError as error:
                trouble = error
                continue
            self._line = sock.dup()  # another handle: this one stays ours when TLS takes the other
            if self._aborted:
                sock.close()
                self.abort()
                raise OSError("it was broken off")
            if self._server.security == "tls":
                return _context(self._server).wrap_socket(sock, server_hostname=self._server.host)
            return sock
        raise trouble


class _Speech(smtplib.SMTP):
    """`smtplib.SMTP` on a connection that was made elsewhere."""

    def __init__(self, connect: Callable[[], socket.socket], host: str, timeout_s: float) -> None:
        self._connect = connect
        # Its own name for the greeting costs smtplib a lookup that may hang; an address is what it says without a name.
        name = socket.gethostname()
        super().__init__(local_hostname=name if "." in name else "[127.0.0.1]", timeout=timeout_s)
        self._host = host  # as which STARTTLS verifies the server

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._connect()

    def getreply(self) -> tuple[int, bytes]:
        """See `smtplib.SMTP`."""
        if self.file is None and self.sock is not None:
            self.file = cast("Any", _Bounded(self.sock.makefile("rb")))
        return super().getreply()


class _Bounded:
    """What a server says, and no more of it than there is sense in."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = HEARD

    def readline(self, size: int) -> bytes:
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("it does not stop talking")
        return line

    def close(self) -> None:
        self._file.close()


def _begin(speech: smtplib.SMTP, server: Server) -> None:
    """Greet, secure the line, log in. A server that cannot secure it is not talked to further."""
    if server.security == "starttls":
        speech.starttls(context=_context(server))
    speech.ehlo_or_helo_if_needed()
    if server.username:
        speech.login(server.username, server.password)


def _context(server: Server) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _shown(words: bytes | str) -> str:
    """What a server said, on one line."""
    text = words.decode("ascii", "replace") if isinstance(words, bytes) else words
    return " ".join(_UNSEEN.sub(" ", text).split())[:_SHOWN]


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it did not answer"
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _shown(words).rstrip(".") or "the connection ended"
