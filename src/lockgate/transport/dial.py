"""Opening a connection: resolve once, judge every address, connect to a judged one, through the proxy if there is one,
TLS on top. A dial runs in a task of its own (one per connection, never per request) and ends when that is cancelled.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Protocol

from lockgate.core.failure import Failure
from lockgate.transport.addresses import literal
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress
from lockgate.transport.proxy import ConnectAnswer, Proxy
from lockgate.transport.resolve import Addresses, Resolver
from lockgate.transport.tls import Contexts, TlsFilesError

#: The most seconds for one address while there is another one to try. A lost first packet is sent again after 1 s.
ADDRESS_SHARE = 1.2
#: The most addresses of a name that are tried (all are judged).
ADDRESSES = 8

_WORDS = {
    errno.ECONNREFUSED: "it refused the connection",
    errno.ECONNRESET: "it reset the connection",
    errno.EHOSTUNREACH: "it cannot be reached",
    errno.ENETUNREACH: "its network cannot be reached",
    errno.ETIMEDOUT: "it did not answer",
    errno.EMFILE: "the gateway has too many open files",
    errno.ENFILE: "the gateway's machine has too many open files",
}

#: Options for long silences: an idle TCP connection is probed, so that a dead path is noticed and a NAT keeps its entry.
_KEEPALIVE = [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4))
    if hasattr(socket, name)
]


class Connector(Protocol):
    """Opens TCP connections; the port that tests of forbidden places replace."""

    async def connect(self, address: str, port: int) -> socket.socket:
        """A connected, non-blocking socket; raises `OSError`."""
        ...


class TcpConnector:
    """The system's TCP."""

    async def connect(self, address: str, port: int) -> socket.socket:
        """See `Connector`."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for level, option, value in _KEEPALIVE:
                sock.setsockopt(level, option, value)
            await asyncio.get_running_loop().sock_connect(sock, (address, port))
        except BaseException:
            sock.close()
            raise
        return sock


class Dialer:
    """Opens connections for the pools. `egress` may be exchanged; the next dial is judged by the new one."""

    __slots__ = ("_connector", "_contexts", "_resolver", "egress")

    def __init__(self, egress: Egress, resolver: Resolver, connector: Connector) -> None:
        self.egress = egress
        self._resolver = resolver
        self._connector = connector
        self._contexts = Contexts()

    async def dial(self, destination: Destination, protocol: asyncio.Protocol, seconds: float) -> Failure | None:
        """Connect `protocol`; raises `Refusal` where the policy says no. `seconds` is shared out over the addresses."""
        self.egress.check(destination)
        via = Proxy.parse(destination.proxy) if destination.proxy else None
        place = via.destination() if via else destination
        addresses = await self._addresses(place)
        if isinstance(addresses, Failure):
            return addresses
        self.egress.admit(place, addresses)
        sock = await self._connect(place, addresses[:ADDRESSES], seconds)
        if isinstance(sock, Failure):
            return sock
        if via and (failed := await _open_tunnel(sock, via, destination)):
            return failed
        return await self._hand_over(sock, destination, protocol)

    async def _addresses(self, place: Destination) -> Addresses | Failure:
        if literal(place.host):
            return (place.host,)
        return await self._resolver.resolve(place.host)

    async def _connect(self, place: Destination, addresses: Sequence[str], seconds: float) -> socket.socket | Failure:
        """The first address that answers, in order, each with a share of the time."""
        why = ""
        share: float | None = min(seconds / len(addresses), ADDRESS_SHARE)
        for number, address in enumerate(addresses, start=1):
            if number == len(addresses):
                share = None  # the dial's own deadline ends it
            try:
                async with asyncio.timeout(share):
                    return await self._connector.connect(address, place.port)
            except TimeoutError:
                why = "it did not answer"
            except OSError as error:
                why = _in_words(error)
        return _failed(place, why)

    async def _hand_over(self, sock: socket.socket, destination: Destination, protocol: asyncio.Protocol) -> Failure | None:
        """Give the socket to the protocol, with TLS for https."""
        context: ssl.SSLContext | None = None
        name = None
        try:
            if destination.scheme == "https":
                context = self._contexts.of(destination.tls)
                name = (destination.tls.server_name if destination.tls else "") or destination.host
            await asyncio.get_running_loop().create_connection(lambda: protocol, sock=sock, ssl=context, server_hostname=name)
        except TlsFilesError as error:
            sock.close()
            return _failed(destination, f"{error}, which the gateway's config names for it")
        except ssl.SSLCertVerificationError as error:
            return _failed(destination, f"its certificate was not accepted ({error.verify_message})")
        except ssl.SSLError as error:
            return _failed(destination, f"the TLS handshake failed ({_reason(error)})")
        except OSError as error:
            words = _in_words(error) if error.errno else "it closed the connection"
            return _failed(destination, f"{words} in the TLS handshake")
        return None


async def _open_tunnel(sock: socket.socket, via: Proxy, destination: Destination) -> Failure | None:
    """CONNECT; on a failure the socket is closed."""
    loop = asyncio.get_running_loop()
    answer = ConnectAnswer(via)
    try:
        await loop.sock_sendall(sock, via.connect_request(destination))
        while not answer.feed(await loop.sock_recv(sock, 4096)):
            pass
    except OSError as error:
        sock.close()
        return _failed(via.destination(), _in_words(error))
    except BaseException:
        sock.close()
        raise
    if answer.failure:
        sock.close()
    return answer.failure


def _in_words(error: OSError) -> str:
    return _WORDS.get(error.errno or 0) or (error.strerror or "the connection failed").lower()


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").replace("_", " ").lower()


def _failed(place: Destination, why: str) -> Failure:
    return Failure("connect", 502, f"No connection to {place.authority}: {why}.")
