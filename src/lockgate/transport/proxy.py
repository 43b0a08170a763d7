"""CONNECT through an HTTP proxy (RFC 9110, section 9.3.6): the request, and what its answer means. No I/O.

For https and http destinations alike, so that a proxy never sees a provider key of an https destination, and needs no
second way of speaking for http. Proxies are named in the operator's config only; the environment is not read.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.destination import Destination, parse_authority

#: The largest answer to a CONNECT that is read, in bytes.
HEAD_LIMIT = 16 * 1024

_URL = re.compile(r"http://(?:([^/?#@]*)@)?([^/?#@]+)/?", re.IGNORECASE)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?\r\n")


class Proxy(msgspec.Struct, frozen=True):
    """A proxy, parsed. `authorization` is the value of Proxy-Authorization, or b""."""

    host: str
    port: int
    authorization: bytes = b""

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """A proxy's URL, `http://[user:password@]host[:port]`; raises `Refusal` 400, which does not quote it."""
        match = _URL.fullmatch(url)
        if match is None:
            raise Refusal(400, "invalid_proxy", "The proxy's URL must have the form http://[user:password@]host[:port].")
        userinfo, authority = match.groups()
        host, port = parse_authority(authority)
        authorization = b""
        if userinfo is not None:
            user, _, password = userinfo.partition(":")
            authorization = b"Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode())
        return cls(host, port or 80, authorization)

    def destination(self) -> Destination:
        """The proxy as a place to connect to, for the egress policy: the operator named it."""
        return Destination("http", self.host, self.port, trusted=True)

    def connect_request(self, destination: Destination) -> bytes:
        """The CONNECT for a destination."""
        authority = destination.authority.encode()
        lines = [b"CONNECT " + authority + b" HTTP/1.1", b"host: " + authority]
        if self.authorization:
            lines.append(b"proxy-authorization: " + self.authorization)
        return b"\r\n".join((*lines, b"", b""))

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


class ConnectAnswer:
    """Reads the answer to a CONNECT; `failure` stays None if the tunnel is open."""

    __slots__ = ("_head", "_proxy", "failure")

    def __init__(self, proxy: Proxy) -> None:
        self._head = b""
        self._proxy = proxy
        self.failure: Failure | None = None

    def feed(self, data: bytes) -> bool:
        """Whether the answer has been read; `data` b"" means that the proxy closed."""
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if end:
            self.failure = self._judge(head + b"\r\n", rest)
        elif not data:
            self.failure = self._failed("closed the connection")
        elif len(self._head) > HEAD_LIMIT:
            self.failure = self._failed(f"answered with more than {HEAD_LIMIT} bytes")
        return bool(end) or self.failure is not None

    def _judge(self, head: bytes, rest: bytes) -> Failure | None:
        match = _STATUS.match(head)
        if match is None:
            return self._failed("did not answer as an HTTP proxy")
        status = int(match[1])
        if status == 407:
            return self._failed("did not accept our credentials (407)")
        if not 200 <= status < 300:
            return self._failed(f"answered {status} to CONNECT")
        if rest:  # the far end speaks only when spoken to, so these bytes are the proxy's own
            return self._failed("sent something before the tunnel was used")
        return None

    def _failed(self, how: str) -> Failure:
        return Failure("connect", 502, f"The proxy {self._proxy.host}:{self._proxy.port} {how}.")
