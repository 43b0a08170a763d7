"""Opening connections. Names and far addresses are fakes: the connector notes where it should go and goes to loopback."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator

import pytest

from lockgate.core.failure import Failure, Refusal
from lockgate.transport import dial
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import Destination
from lockgate.transport.dial import ADDRESSES, TcpConnector
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Deadlines, Outgoing
from lockgate.transport.pool import Limits
from lockgate.transport.wheel import Wheel
from transport.upstream import Upstream, Wire, repeat, response

GET = Outgoing("GET", b"/")
CLOSE = response(b"ok", b"connection: close")


class Names:
    """A resolver that answers from a table; a list is answered one by one."""

    def __init__(self, **names: tuple[str, ...] | list[tuple[str, ...]] | Failure) -> None:
        self.names = names
        self.asked: list[str] = []

    async def resolve(self, host: str) -> tuple[str, ...] | Failure:
        self.asked.append(host)
        found = self.names[host.split(".")[0]]
        return found.pop(0) if isinstance(found, list) else found


class Loopback:
    """A connector for which every address leads to one port of loopback, but for those that fail or hang."""

    def __init__(self, port: int = 0, **ways: str | OSError) -> None:
        self.port = port
        self.gone_to: list[tuple[str, int]] = []
        self.ways = ways

    async def connect(self, address: str, port: int) -> socket.socket:
        self.gone_to.append((address, port))
        way = self.ways.get("ip_" + address.replace(".", "_"))
        if isinstance(way, OSError):
            raise way
        if way == "hangs":
            await asyncio.Event().wait()
        return await TcpConnector().connect("127.0.0.1", self.port)


@contextlib.asynccontextmanager
async def client(names: Names, loopback: Loopback, *allow: str, limits: Limits | None = None) -> AsyncIterator[HttpClient]:
    wheel = Wheel(asyncio.get_running_loop(), tick=0.002)
    made = HttpClient(Egress.compile(allow), resolver=names, connector=loopback, wheel=wheel, limits=limits)
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0)


def to(host: str = "api.example", *, port: int = 80, trusted: bool = True, proxy: str = "") -> Destination:
    return Destination("http", host, port, trusted=trusted, proxy=proxy)


async def ask(made: HttpClient, destination: Destination, deadlines: Deadlines | None = None) -> bytes | Failure:
    answer = await made.send(destination, GET, deadlines or Deadlines())
    if isinstance(answer, Failure):
        return answer
    body = await answer.read(1000)
    answer.close()
    return body


# --- resolve once, judge all, go to what was judged


def test_the_connection_goes_to_the_address_that_was_judged(run):
    async def main():
        async with Upstream(repeat(response(b"ok"))) as upstream:
            names, loopback = Names(api=("8.8.8.8",)), Loopback(upstream.port)
            async with client(names, loopback) as made:
                assert await ask(made, to()) == b"ok"
                assert (names.asked, loopback.gone_to) == (["api.example"], [("8.8.8.8", 80)])
                assert upstream.requests[0].headers[b"host"] == b"api.example"

    run(main())


def test_each_new_connection_is_resolved_and_judged_again(run):
    async def main():
        async with Upstream(repeat(CLOSE)) as upstream:
            names, loopback = Names(api=[("8.8.8.8",), ("169.254.169.254",), ("8.8.4.4",)]), Loopback(upstream.port)
            async with client(names, loopback) as made:
                assert await ask(made, to()) == b"ok"
                with pytest.raises(Refusal, match=r"metadata address 169\.254\.169\.254"):
                    await ask(made, to())
                assert await ask(made, to()) == b"ok"
                assert loopback.gone_to == [("8.8.8.8", 80), ("8.8.4.4", 80)]

    run(main())


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_name_with_one_forbidden_address_is_not_connected_to_at_all(run, address, trusted):
    async def main():
        names, loopback = Names(api=("8.8.8.8", address)), Loopback()
        async with client(names, loopback, "api.example") as made:
            with pytest.raises(Refusal) as refusal:
                await ask(made, Destination("https", "api.example", 443, trusted=trusted))
            assert refusal.value.code == "egress_denied"
            assert loopback.gone_to == []
            assert repr(made) == "HttpClient([])"

    run(main())


def test_everyone_who_waits_hears_the_refusal(run):
    async def main():
        async with client(Names(api=("10.0.0.1",)), Loopback(), limits=Limits(connections=1)) as made:
            got = await asyncio.gather(*(ask(made, to()) for _ in range(5)), return_exceptions=True)
            assert [type(one) for one in got] == [Refusal] * 5

    run(main())


def test_an_address_is_not_resolved(run):
    async def main():
        async with Upstream(repeat(response(b"ok"))) as upstream:
            names, loopback = Names(), Loopback(upstream.port)
            async with client(names, loopback) as made:
                assert await ask(made, to("8.8.8.8")) == b"ok"
                assert await ask(made, to("127.0.0.1")) == b"ok"
                assert (names.asked, loopback.gone_to) == ([], [("8.8.8.8", 80), ("127.0.0.1", 80)])

    run(main())


def test_a_name_that_is_not_resolved_is_a_failure(run):
    async def main():
        gone = Failure("connect", 502, "The host name api.example could not be resolved: gone.")
        async with client(Names(api=gone), Loopback()) as made:
            assert await ask(made, to()) == gone

    run(main())


# --- several addresses


def test_addresses_are_tried_in_order_until_one_answers(run, monkeypatch):
    async def main():
        monkeypatch.setattr(dial, "ADDRESS_SHARE", 0.01)
        async with Upstream(repeat(response(b"ok"))) as upstream:
            refused = OSError(errno.ECONNREFUSED, "Connection refused")
            loopback = Loopback(upstream.port, ip_1_1_1_1=refused, ip_2_2_2_2="hangs")
            async with client(Names(api=("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4")), loopback) as made:
                assert await ask(made, to()) == b"ok"
                assert [address for address, _ in loopback.gone_to] == ["1.1.1.1", "2.2.2.2", "3.3.3.3"]

    run(main())


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(errno.ECONNREFUSED, "Connection refused"), "it refused the connection"),
        (OSError(errno.ENETUNREACH, "x"), "its network cannot be reached"),
        (OSError(errno.EMFILE, "x"), "the gateway has too many open files"),
        (OSError(errno.EPERM, "Operation not permitted"), "operation not permitted"),
        (OSError("odd"), "the connection failed"),
    ],
)
def test_when_no_address_answers_the_last_reason_is_given(run, error, why):
    async def main():
        addresses = tuple(f"1.1.1.{number}" for number in range(20))
        loopback = Loopback(**{f"ip_1_1_1_{number}": error for number in range(20)})
        async with client(Names(api=addresses), loopback) as made:
            assert await ask(made, to()) == Failure("connect", 502, f"No connection to api.example:80: {why}.")
            assert len(loopback.gone_to) == ADDRESSES

    run(main())


def test_addresses_that_hang_end_with_the_connect_deadline(run, monkeypatch):
    async def main():
        monkeypatch.setattr(dial, "ADDRESS_SHARE", 0.001)
        loopback = Loopback(ip_1_1_1_1="hangs", ip_2_2_2_2="hangs")
        async with client(Names(api=("1.1.1.1", "2.2.2.2")), loopback) as made:
            got = await ask(made, to(), Deadlines(connect=0.2))
            assert got == Failure("timeout", 504, "No connection to api.example:80 within 0.2 s.")
            assert len(loopback.gone_to) == 2

    run(main())


def test_a_bug_in_a_port_is_raised_to_who_waits_and_leaves_nothing(run):
    async def main():
        async with client(Names(), Loopback()) as made:
            with pytest.raises(KeyError):
                await ask(made, to())
            assert repr(made) == "HttpClient([])"

    run(main())


def test_a_dial_that_outlives_its_caller_serves_the_next(run):
    async def main():
        async with Upstream(repeat(response(b"ok"))) as upstream:
            loopback = Loopback(upstream.port)
            async with client(Names(api=("1.1.1.1",)), loopback) as made:
                first, second = (asyncio.ensure_future(ask(made, to())) for _ in range(2))
                await asyncio.sleep(0)
                first.cancel()
                assert await second == b"ok"

    run(main())


def test_sockets_are_set_for_small_writes_and_long_silences(run):
    async def main():
        async with Upstream(repeat(response(b"ok"))) as upstream:
            with await TcpConnector().connect("127.0.0.1", upstream.port) as sock:
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert not sock.getblocking()

    run(main())


# --- proxies


async def proxy(wire: Wire) -> None:
    """A proxy that opens the tunnel and then is the upstream itself."""
    await wire.answer(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await repeat(response(b"ok"))(wire)


def test_through_a_proxy_the_proxy_is_judged_and_resolves_the_rest(run):
    async def main():
        async with Upstream(proxy) as upstream:
            names, loopback = Names(proxy=("10.0.0.5",)), Loopback(upstream.port)
            there = to(proxy="http://user:pass@proxy.corp.example:3128")
            async with client(names, loopback) as made:
                with pytest.raises(Refusal, match=r"proxy\.corp\.example:3128.*add 10\.0\.0\.0/24"):
                    await ask(made, there)
            async with client(names, loopback, "10.0.0.0/24:3128") as made:
                assert await ask(made, there) == b"ok"
                assert await ask(made, there) == b"ok"
            assert set(names.asked) == {"proxy.corp.example"}
            assert loopback.gone_to == [("10.0.0.5", 3128)]
            connect, first, _second = upstream.requests
            assert connect.head == (
                b"CONNECT api.example:80 HTTP/1.1\r\nhost: api.example:80\r\nproxy-authorization: Basic dXNlcjpwYXNz"
            )
            assert first.line == b"GET / HTTP/1.1"
            assert b"proxy-authorization" not in first.headers

    run(main())


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "did not accept our credentials (407)"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered 502 to CONNECT"),
        (b"HTTP/1.1 200 OK", "closed the connection"),
    ],
)
def test_a_proxy_that_says_no_is_a_failure_without_its_credentials(run, answer, how):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.answer(answer)

        async with Upstream(script) as upstream, client(Names(), Loopback(upstream.port)) as made:
            got = await ask(made, to(proxy="http://user:secret@127.0.0.1:3128"))
            assert got == Failure("connect", 502, f"The proxy 127.0.0.1:3128 {how}.")

    run(main())


def test_a_proxy_that_resets_or_stalls_is_a_failure(run):
    async def main():
        async def resets(wire: Wire) -> None:
            await wire.request()
            wire.reset()

        async def stalls(wire: Wire) -> None:
            await wire.gone()

        async with Upstream(resets, stalls) as upstream, client(Names(), Loopback(upstream.port)) as made:
            there = to(proxy="http://127.0.0.1:3128")
            assert await ask(made, there) == Failure(
                "connect", 502, "No connection to 127.0.0.1:3128: it reset the connection."
            )
            got = await ask(made, there, Deadlines(connect=0.03))
            assert got == Failure("timeout", 504, "No connection to api.example:80 within 0.03 s.")
            await upstream.ends()  # the proxy saw us leave

    run(main())


def test_a_proxy_url_that_is_wrong_is_refused(run):
    async def main():
        async with client(Names(), Loopback()) as made:
            with pytest.raises(Refusal, match="proxy's URL"):
                await ask(made, to(proxy="socks5://user:secret@127.0.0.1"))

    run(main())


def test_the_environments_proxies_are_not_read(run, monkeypatch):
    async def main():
        async with Upstream(repeat(response(b"ok"))) as upstream, client(Names(), Loopback(upstream.port)) as made:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"):
                monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
            assert await ask(made, to("8.8.8.8")) == b"ok"

    run(main())
