"""Many who ask the same at once, of a gateway of one worker and of two: one upstream call, whole answers and streams.

`CACHE_CROWD` says how many; a thousand take some seconds more.
"""

import asyncio
import os
import signal
import time
from pathlib import Path

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


@pytest.fixture
def mortal(tmp_path, upstream):
    """One of two workers, to be killed."""
    gateway = Gateway(tmp_path, FILE.format(url=upstream.url, app=APP), "--workers", "2").ready()
    yield gateway
    gateway.stop()


async def ask(client, gateway, body):
    """What came: (status, cache status, bytes)."""
    headers = {"authorization": f"Bearer {APP}"}
    answer = await client.post(gateway.url + "/v1/chat/completions", json=body, headers=headers)
    return answer.status_code, answer.headers["x-lockgate-cache-status"], answer.content


def asked_by_all(gateway, upstream, body):
    """Each on a connection of its own, all there before the provider answers; what they got."""

    async def play():
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=120) as client:
            asking = [asyncio.ensure_future(ask(client, gateway, body)) for _ in range(CROWD)]
            there = await asyncio.to_thread(until, lambda: all_there(gateway, len(asking)), 90)
            while len([each for each in there if each]) < gateway.workers and len(asking) < CROWD + 100:
                asking.append(asyncio.ensure_future(ask(client, gateway, body)))  # a worker takes all that come at once
                there = await asyncio.to_thread(until, lambda: all_there(gateway, len(asking)), 90)
            upstream.gate.set()
            return await asyncio.gather(*asking)

    upstream.gate.clear()
    try:
        return asyncio.run(play())
    finally:
        upstream.gate.set()


def in_flight(gateway):
    """The requests in flight, by the worker's pid, of those that live."""
    said = lives(gateway.data / NAME, time.monotonic())
    return {each.pid: each.in_flight for each in said if Path(f"/proc/{each.pid}").exists()}


def all_there(gateway, count):
    """The requests in flight, worker by worker; none until they are so many."""
    there = [*in_flight(gateway).values()]
    return there if sum(there) >= count else []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streams"])
def test_of_many_who_ask_the_same_at_once_one_asks_the_provider(gateway, upstream, stream):
    before = len(upstream.asked)
    body = {"model": "gpt-a", "stream": stream, "messages": [{"role": "user", "content": f"crowd of {gateway.workers}"}]}
    answers = asked_by_all(gateway, upstream, body)
    assert len(upstream.asked) - before == 1
    assert {status for status, _, _ in answers} == {200}
    assert len({content for _, _, content in answers}) == 1
    assert sorted(status for _, status, _ in answers) == ["HIT"] * (len(answers) - 1) + ["MISS"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streams"])
def test_when_the_worker_that_asks_for_all_is_killed_another_one_asks(mortal, upstream, stream):
    before = len(upstream.asked)
    body = {"model": "gpt-a", "stream": stream, "messages": [{"role": "user", "content": "who asks for us?"}]}

    async def play():
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, timeout=60) as client:
            asking = [asyncio.ensure_future(ask(client, mortal, body))]
            await asyncio.to_thread(until, lambda: len(upstream.asked) > before and sum(in_flight(mortal).values()) == 1)
            (leader,) = [pid for pid, number in in_flight(mortal).items() if number]
            for _ in range(100):  # until one of them has come to the other worker
                asking.append(asyncio.ensure_future(ask(client, mortal, body)))
                await asyncio.to_thread(until, lambda: sum(in_flight(mortal).values()) == len(asking))
                if sum(number for pid, number in in_flight(mortal).items() if pid != leader) >= 2:
                    break
            os.kill(leader, signal.SIGKILL)
            await asyncio.to_thread(until, lambda: len(upstream.asked) == before + 2)
            upstream.gate.set()
            return await asyncio.gather(*asking, return_exceptions=True)

    upstream.gate.clear()
    try:
        told = asyncio.run(play())
    finally:
        upstream.gate.set()
    answered = [each for each in told if not isinstance(each, httpx.TransportError)]
    assert 2 <= len(answered) < len(told)  # those of the dead one broke off
    assert {status for status, _, _ in answered} == {200}
    assert len({content for _, _, content in answered}) == 1
    assert len(upstream.asked) == before + 2
