"""Many who ask the same at once, of a gateway of one worker and of two: one upstream call, whole answers and streams.

`CACHE_CROWD` says how many; a thousand take some seconds more.
"""

import asyncio
import os
import time

import httpx
import pytest

from lockgate.stores.roster import NAME, lives
from support.counting import Counting
from support.process import Gateway, until

CROWD = int(os.environ.get("CACHE_CROWD", "60"))
APP = "app-key-0123456789-abcdefgh"
FILE = """
providers:
  up: {{provider: openai, api_key: sk-upstream, base_url: "{url}/v1"}}
keys:
  - {{name: app, key: "{app}", config: pc-cached}}
configs:
  pc-cached: {{provider: "@up", cache: {{mode: simple, max_age: 3600}}}}
"""


@pytest.fixture(scope="module")
def upstream():
    upstream = Counting()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(request, tmp_path_factory, upstream):
    folder = tmp_path_factory.mktemp("crowd")
    gateway = Gateway(folder, FILE.format(url=upstream.url, app=APP), "--workers", str(request.param)).ready()
    gateway.workers = request.param
    yield gateway
    gateway.stop()


def asked_by_all(gateway, upstream, body):
    """Each on a connection of its own, all there before the provider answers; what they got: (status, cache status, bytes)."""

    async def ask(client):
        headers = {"authorization": f"Bearer {APP}"}
        answer = await client.post(gateway.url + "/v1/chat/completions", json=body, headers=headers)
        return answer.status_code, answer.headers["x-lockgate-cache-status"], answer.content

    async def play():
        limits = httpx.Limits(max_connections=CROWD, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=120) as client:
            asking = [asyncio.ensure_future(ask(client)) for _ in range(CROWD)]
            there = await asyncio.to_thread(until, lambda: all_there(gateway), 90)
            assert len([each for each in there if each]) == gateway.workers
            upstream.gate.set()
            return await asyncio.gather(*asking)

    upstream.gate.clear()
    try:
        return asyncio.run(play())
    finally:
        upstream.gate.set()


def all_there(gateway):
    """The requests in flight, worker by worker; none until they are all of the crowd."""
    in_flight = [each.in_flight for each in lives(gateway.data / NAME, time.monotonic())]
    return in_flight if sum(in_flight) >= CROWD else []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streams"])
def test_of_many_who_ask_the_same_at_once_one_asks_the_provider(gateway, upstream, stream):
    before = len(upstream.asked)
    body = {"model": "gpt-a", "stream": stream, "messages": [{"role": "user", "content": f"crowd of {gateway.workers}"}]}
    answers = asked_by_all(gateway, upstream, body)
    assert len(upstream.asked) - before == 1
    assert {status for status, _, _ in answers} == {200}
    assert len({content for _, _, content in answers}) == 1
    assert sorted(status for _, status, _ in answers) == ["HIT"] * (CROWD - 1) + ["MISS"]
