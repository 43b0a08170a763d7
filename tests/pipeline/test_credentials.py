"""Credentials are fetched once, kept, and renewed before they end."""

import asyncio

import pytest

from lockgate.core.failure import Failure
from lockgate.pipeline.credentials import AGAIN_S, IDLE_S, RENEW_AGAIN_S, Credentials
from lockgate.providers.auth.port import Asked, Bearer, Issued
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Outgoing
from support.house import make_app
from support.scripted import ScriptedClient, ScriptedExchange

FAILURE = Failure("auth", 401, "The token could not be had. Check the_setting.")


class Source:
    """Issues what it is told to, when it is let."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0
        self.gate = None

    def __repr__(self):
        return "Source()"

    async def issue(self, fetch, now_s):
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class World:
    def __init__(self, *answers):
        self.now = 1000.0
        self.client = ScriptedClient(*answers)
        self.credentials = Credentials(lambda scheme: self.client, lambda: self.now)

    async def after(self, seconds):
        self.now += seconds
        self.credentials.tick()
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def world():
    return World()


def token(name, seconds, now=1000.0):
    return Issued(name, now + seconds)


def test_requests_that_come_together_wait_for_one_fetch(world):
    source = Source(token("a", 3600))

    async def main():
        source.gate = asyncio.Event()
        waiting = [asyncio.ensure_future(world.credentials.obtain(source)) for _ in range(5)]
        await asyncio.sleep(0)
        source.gate.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(main()) == ["a"] * 5
    assert source.asked == 1


def test_one_that_leaves_does_not_end_the_fetch_of_the_others(world):
    source = Source(token("a", 3600))

    async def main():
        source.gate = asyncio.Event()
        first, second = (asyncio.ensure_future(world.credentials.obtain(source)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        source.gate.set()
        return await second

    assert asyncio.run(main()) == "a"


def test_a_token_in_use_is_renewed_before_its_end_and_nobody_waits(world):
    source = Source(token("a", 3600), token("b", 7200))

    async def main():
        assert await world.credentials.obtain(source) == "a"
        await world.after(800)
        assert await world.credentials.obtain(source) == "a"
        await world.after(800)
        await world.credentials.obtain(source)
        await world.after(800)
        await world.credentials.obtain(source)
        await world.after(800)
        await world.credentials.obtain(source)
        await world.after(99)  # 301 s before its end
        assert source.asked == 1
        await world.after(2)
        assert source.asked == 2
        assert await world.credentials.obtain(source) == "b"

    asyncio.run(main())


def test_a_token_of_a_short_life_is_renewed_when_a_quarter_is_left(world):
    source = Source(token("a", 100), token("b", 300))

    async def main():
        await world.credentials.obtain(source)
        await world.after(74)
        assert source.asked == 1
        await world.after(2)
        assert source.asked == 2

    asyncio.run(main())


def test_while_renewing_fails_the_old_token_serves_until_its_end(world):
    source = Source(token("a", 100), FAILURE, FAILURE, FAILURE)

    async def main():
        await world.credentials.obtain(source)
        await world.after(80)
        assert source.asked == 2
        assert await world.credentials.obtain(source) == "a"
        await world.after(RENEW_AGAIN_S - 1)
        assert source.asked == 2
        await world.after(1)
        assert source.asked == 3
        assert await world.credentials.obtain(source) == "a"
        world.now = 1100
        assert await world.credentials.obtain(source) is FAILURE

    asyncio.run(main())


def test_a_failure_answers_those_of_the_next_second_too(world):
    source = Source(FAILURE, token("a", 3600))

    async def main():
        assert await world.credentials.obtain(source) is FAILURE
        assert await world.credentials.obtain(source) is FAILURE
        assert source.asked == 1
        world.now += AGAIN_S
        assert await world.credentials.obtain(source) == "a"

    asyncio.run(main())


def test_a_bug_in_a_source_is_not_swallowed_and_does_not_block_it(world):
    source = Source(ValueError("our bug"), token("a", 3600))

    async def main():
        with pytest.raises(ValueError, match="our bug"):
            await world.credentials.obtain(source)
        assert await world.credentials.obtain(source) == "a"

    asyncio.run(main())


def test_what_is_configured_is_fetched_before_anyone_asks_and_kept_over_a_reload(world):
    source, other = Source(token("a", 3600)), Source(token("x", 3600))

    async def main():
        world.credentials.pin([source])
        await world.after(0)
        assert source.asked == 1
        world.credentials.pin([source, other])
        await world.after(0)
        assert (source.asked, other.asked) == (1, 1)
        assert await world.credentials.obtain(source) == "a"
        await world.after(IDLE_S + 1)
        assert repr(world.credentials) == "Credentials(2 kept, 2 configured)"

    asyncio.run(main())


def test_the_operator_is_told_once_what_a_configured_source_lacks(world, caplog):
    source = Source(FAILURE, FAILURE, token("a", 3600, 1031))

    async def main():
        world.credentials.pin([source])
        await world.after(0)
        await world.after(RENEW_AGAIN_S)
        assert source.asked == 2
        await world.after(RENEW_AGAIN_S)
        assert await world.credentials.obtain(source) == "a"

    asyncio.run(main())
    assert [record.message for record in caplog.records] == [FAILURE.message]


def test_what_nobody_uses_is_forgotten(world):
    source = Source(token("a", 86400))

    async def main():
        await world.credentials.obtain(source)
        await world.after(IDLE_S)
        assert repr(world.credentials) == "Credentials(1 kept, 0 configured)"
        await world.after(1)
        assert repr(world.credentials) == "Credentials(0 kept, 0 configured)"

    asyncio.run(main())


def test_signing_replaces_headers_and_leaves_the_request_as_it_is(world):
    outgoing = Outgoing("POST", b"/x", [(b"authorization", b"old"), (b"accept", b"*/*")], b"{}")

    async def main():
        return await world.credentials.sign(Bearer(Source(token("tok", 3600))), outgoing, "host")

    signed = asyncio.run(main())
    assert signed.headers == [(b"accept", b"*/*"), (b"authorization", b"Bearer tok")]
    assert (signed.method, signed.target, signed.body) == ("POST", b"/x", b"{}")
    assert outgoing.headers[0] == (b"authorization", b"old")


def test_a_request_without_its_credential_is_a_failure(world):
    async def main():
        return await world.credentials.sign(Bearer(Source(FAILURE)), Outgoing("POST", b"/"), "host")

    assert asyncio.run(main()) is FAILURE


class Asking:
    """A source that passes on what it was told."""

    def __init__(self, asked):
        self.asked = asked

    async def issue(self, fetch, now_s):
        told = await fetch(self.asked)
        return told if isinstance(told, Failure) else Issued((told.status, told.body))


def fetched(url, *answers, **more):
    world = World(*answers)
    found = asyncio.run(world.credentials.obtain(Asking(Asked("POST", url, **more))))
    return found, world.client.sent


def test_a_source_reaches_the_network_through_the_client():
    answer = ScriptedExchange(201, b"told")
    found, ((destination, outgoing),) = fetched(
        "http://169.254.169.254/latest/a?b=c&d", answer, headers=(("X-Y", "z"),), body=b"body"
    )
    assert found == (201, b"told")
    assert answer.closed
    assert (destination.scheme, destination.authority, destination.trusted) == ("http", "169.254.169.254:80", True)
    assert (outgoing.method, outgoing.target, outgoing.body) == ("POST", b"/latest/a?b=c&d", b"body")
    assert (b"x-y", b"z") in outgoing.headers


def test_a_source_asks_the_very_address_that_it_names_over_the_real_client():
    requests = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        requests.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntoken")
        writer.close()
        await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = HttpClient(Egress.compile([]))
        credentials = Credentials(lambda scheme: client, lambda: 1000.0)
        found = await credentials.obtain(Asking(Asked("PUT", f"http://127.0.0.1:{port}/latest/api/token", (("X-TTL", "300"),))))
        client.close()
        server.close()
        await server.wait_closed()
        return found

    assert asyncio.run(main()) == (200, b"token")
    assert requests[0].startswith(b"PUT /latest/api/token HTTP/1.1\r\n")
    assert b"x-ttl: 300\r\n" in requests[0]


def test_a_configured_account_is_asked_for_its_token_when_the_gateway_starts(tmp_path):
    config = "providers: {bedrock: {aws_auth_type: instance, aws_region: us-east-1}}"
    app = make_app(tmp_path, config)
    keys = b'{"AccessKeyId":"A","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}'

    async def main():
        app.start()
        client = app.runtime.clients["http"] = ScriptedClient(
            *(ScriptedExchange(200, each) for each in (b"session", b"role", keys))
        )
        (source,) = app.runtime.credentials._kept
        found = await app.runtime.credentials.obtain(source)
        await app.stop()
        return client, found

    client, found = asyncio.run(main())
    assert len(client.sent) == 3
    assert found.id == "A"


def test_the_root_of_a_host_is_a_path():
    _, ((_, outgoing),) = fetched("https://sts.us-east-1.amazonaws.com/", ScriptedExchange(200, b""))
    assert outgoing.target == b"/"


@pytest.mark.parametrize("url", ["ftp://x/", "https://user@x/", "https://x/../y"])
def test_an_address_that_cannot_be_used_is_a_failure(url):
    found, sent = fetched(url)
    assert (found.kind, found.status) == ("auth", 502)
    assert not sent


def test_a_place_that_cannot_be_reached_is_a_failure():
    down = Failure("connect", 502, "No route.")
    assert fetched("https://x/", down)[0] is down
