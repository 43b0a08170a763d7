"""Answers that are given again, as the official SDKs get them from a real gateway: unmodified, and counted by the upstream."""

import asyncio
import re
from contextlib import contextmanager

import anthropic
import httpx
import openai
import portkey_ai
import pytest

from support.counting import Counting
from support.house import KEY
from support.process import Gateway, until

APP, LONE = "app-key-0123456789-abcdefgh", "lone-key-0123456789-abcdefg"
FILE = """
providers:
  up: {{provider: openai, api_key: sk-upstream, base_url: "{url}/v1"}}
  claude: {{provider: anthropic, api_key: sk-upstream, base_url: "{url}/v1"}}
prices:
  openai/gpt-a: {{input: 100, output: 100}}
keys:
  - {{name: app, key: "{app}", config: pc-cached, scopes: [completions.write, logs.list, logs.view]}}
  - {{name: lone, key: "{lone}", config: pc-alone}}
configs:
  pc-cached: {{provider: "@up", cache: {{mode: simple, max_age: 3600}}}}
  pc-alone: {{provider: "@up", cache: {{mode: simple, scope: key}}}}
  pc-claude: {{provider: "@claude", cache: true}}
"""


def says(text):
    return [{"role": "user", "content": text}]


@pytest.fixture(scope="module")
def upstream():
    upstream = Counting()
    yield upstream
    upstream.close()


@contextmanager
def counted(upstream, new):
    """Whatever is done, the upstream is asked so often."""
    before = len(upstream.asked)
    yield
    assert len(upstream.asked) - before == new


def started(folder, upstream, *arguments):
    return Gateway(folder, FILE.format(url=upstream.url, app=APP, lone=LONE), *arguments).ready()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream):
    gateway = started(tmp_path_factory.mktemp("caching"), upstream)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def oai(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=APP, max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def ant(gateway):
    headers = {"x-lockgate-config": "pc-claude"}
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=30, default_headers=headers) as client:
        yield client


@pytest.fixture(scope="module")
def http():
    with httpx.Client() as client:
        yield client


@pytest.fixture(scope="module")
def portkey(gateway, http):
    return lambda **more: portkey_ai.Portkey(base_url=gateway.url + "/v1", api_key=APP, http_client=http, **more)


def chat(client, text, **more):
    """(text, headers) of an answer."""
    raw = client.chat.completions.with_raw_response.create(model="gpt-a", messages=says(text), **more)
    return raw.parse().choices[0].message.content, raw.headers


def streamed(client, text, **more):
    """(all bytes, headers) of a stream."""
    create = client.chat.completions.with_streaming_response.create
    with create(model="gpt-a", messages=says(text), stream=True, **more) as answer:
        return b"".join(answer.iter_bytes()), answer.headers


def test_the_same_question_has_the_same_answer(oai, upstream):
    with counted(upstream, 1):
        first, head = chat(oai, "once")
        again, headers = chat(oai, "once")
    assert first == again
    assert (head["x-lockgate-cache-status"], headers["x-lockgate-cache-status"]) == ("MISS", "HIT")
    assert headers["x-lockgate-cache-from"] == head["x-lockgate-request-id"]
    assert int(headers["age"]) < 60 and "age" not in head
    with counted(upstream, 2):
        assert chat(oai, "another")[0] != first
        assert chat(oai, "once", temperature=0.5)[0] != first


def test_a_stream_is_given_again_byte_for_byte(oai, upstream):
    with counted(upstream, 1):
        first, head = streamed(oai, "stream")
        again, headers = streamed(oai, "stream")
        chunks = list(oai.chat.completions.create(model="gpt-a", messages=says("stream"), stream=True))
    assert first == again and first.endswith(b"data: [DONE]\n\n")
    assert (head["x-lockgate-cache-status"], headers["x-lockgate-cache-status"]) == ("MISS", "HIT")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text.strip() == f"answer {len(upstream.asked)}"


def test_claude_s_own_sdk_is_given_its_events_again(ant, upstream):
    def ask(**more):
        return ant.messages.with_raw_response.create(model="claude-x", max_tokens=99, messages=says("claude"), **more)

    with counted(upstream, 1):
        first, second = ask(), ask()
    assert first.parse().content == second.parse().content
    assert [each.headers["x-lockgate-cache-status"] for each in (first, second)] == ["MISS", "HIT"]

    def events():
        with ant.messages.stream(model="claude-x", max_tokens=99, messages=says("claude streams")) as stream:
            return [event.type for event in stream], stream.get_final_message()

    with counted(upstream, 1):
        one, other = events(), events()
    assert one == other and one[1].stop_reason == "end_turn" and one[0][-1] == "message_stop"


def test_what_one_dialect_asked_another_is_given(ant, gateway, upstream):
    """The same question of Claude, in Anthropic's words and in OpenAI's: what the provider would be sent is the same."""
    headers = {"x-lockgate-config": "pc-claude"}
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0, timeout=30, default_headers=headers) as oai:
        with counted(upstream, 1):
            version = {"anthropic-version": "2023-06-01"}  # of another one, an answer may be another
            whole = ant.messages.create(model="claude-x", max_tokens=99, messages=says("both"), extra_headers=version)
            answer = oai.chat.completions.create(model="claude-x", max_tokens=99, messages=says("both"))
            again = oai.chat.completions.create(model="claude-x", max_tokens=99, messages=says("both"))
        assert whole.content[0].text == answer.choices[0].message.content == again.choices[0].message.content


def test_portkey_s_sdk_refreshes_and_has_namespaces(portkey, upstream):
    def ask(text, **more):
        """Text, and the status as Portkey's users read it."""
        answer = portkey(**more).chat.completions.create(model="gpt-a", messages=says(text))
        return answer.choices[0].message.content, answer.get_headers()["cache-status"]

    with counted(upstream, 1):
        (first, _), (second, status) = ask("pk"), ask("pk")
        assert (second, status) == (first, "HIT")
    with counted(upstream, 1):
        fresh, status = ask("pk", cache_force_refresh=True)
        assert fresh != first and status == "REFRESH"
        assert ask("pk") == (fresh, "HIT")  # from then on it is what others are given
    with counted(upstream, 1):
        blue, status = ask("pk", cache_namespace="blue")
        assert (blue != fresh, status) == (True, "MISS")
        assert ask("pk", cache_namespace="blue") == (blue, "HIT")
        assert ask("pk") == (fresh, "HIT")


def test_http_s_own_headers_are_heard(oai, upstream):
    def ask(control):
        text, headers = chat(oai, "control", extra_headers={"cache-control": control} if control else {})
        return text, headers["x-lockgate-cache-status"]

    with counted(upstream, 1):
        assert ask("no-store")[1] == "DISABLED"
    with counted(upstream, 1):
        first, status = ask("")
        assert status == "MISS", "what wanted not to be kept was not kept"
    with counted(upstream, 1):
        fresh, status = ask("no-cache")
        assert (fresh != first, status) == (True, "REFRESH")
    with counted(upstream, 1):
        assert ask("max-age=0")[1] == "MISS"


def test_a_key_s_own_answers_are_its_own(gateway, oai, upstream):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=LONE, max_retries=0, timeout=30) as lone, counted(upstream, 2):
        assert chat(lone, "mine")[0] != chat(oai, "mine")[0]
        assert chat(lone, "mine")[1]["x-lockgate-cache-status"] == "HIT"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_hundred_who_ask_at_once_make_one_request(gateway, upstream, stream):
    async def play():
        async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key=APP, max_retries=0, timeout=60) as client:

            async def ask():
                answer = await client.chat.completions.create(model="gpt-a", messages=says(f"crowd {stream}"), stream=stream)
                if not stream:
                    return answer.choices[0].message.content
                return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices]).strip()

            asking = [asyncio.ensure_future(ask()) for _ in range(100)]
            await asyncio.to_thread(until, lambda: in_flight(gateway) >= 100)
            upstream.gate.set()
            return await asyncio.gather(*asking)

    upstream.gate.clear()
    with counted(upstream, 1):
        assert set(asyncio.run(play())) == {f"answer {len(upstream.asked)}"}
    statuses = [row["cache"] for row in gateway.records()[:100]]
    assert (statuses.count("miss"), statuses.count("hit")) == (1, 99)


def in_flight(gateway):
    return number(gateway, "lockgate_requests_in_flight")


def number(gateway, name, **labels):
    """The sum of a metric's numbers with these labels."""
    text = httpx.get(gateway.url + "/metrics", headers={"authorization": f"Bearer {KEY}"}).text
    found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(float(value) for said, value in found if all(each in said for each in wanted))


def test_another_workspace_is_never_given_it(gateway, oai, upstream):
    _, made = gateway.ask("POST", "/v1/admin/workspaces", {"name": "Team B"})
    body = {"name": "b", "workspace_id": made["id"], "scopes": ["completions.write"], "defaults": {"config_id": "pc-cached"}}
    status, key = gateway.ask("POST", "/v1/api-keys/workspace/service", body)
    assert status == 200, key
    headers = {"x-lockgate-config": "pc-cached"}
    with openai.OpenAI(
        base_url=gateway.url + "/v1", api_key=key["key"], max_retries=0, timeout=30, default_headers=headers
    ) as b:

        def lives():
            try:
                return chat(b, "is it there yet")
            except openai.APIStatusError:
                return None

        until(lives)
        with counted(upstream, 2):
            assert chat(oai, "secret of A")[0] != chat(b, "secret of A")[0]
            assert chat(b, "secret of A")[1]["x-lockgate-cache-status"] == "HIT"
    until(lambda: gateway.get(f"/v1/cache/entries?workspace_id={made['id']}")[1]["total"] == 2)


def test_the_operator_sees_purges_and_counts(gateway, oai, upstream, portkey):
    first, head = chat(oai, "operator", extra_headers={"x-lockgate-cache-namespace": "op"})
    id = head["x-lockgate-request-id"]
    _, headers = chat(oai, "operator", extra_headers={"x-lockgate-cache-namespace": "op"})
    until(lambda: gateway.get("/v1/cache/entries?namespace=op")[1]["total"] == 1)
    served = gateway.get(f"/v1/cache/entries/{id}/served")[1]
    assert (served["entry"]["id"], served["source"]["id"]) == (id, id)
    (hit,) = served["data"]
    assert (hit["id"], hit["cached_id"], hit["cost"]) == (headers["x-lockgate-request-id"], id, 0)
    assert hit["saved"] == pytest.approx(110 * 100 / 1e6 * 100)  # US cents
    assert id in gateway.lockgate("cache", "ls", "--namespace", "op")
    assert hit["id"] in until(lambda: gateway.lockgate("cache", "served", id))
    assert "hits of" in gateway.lockgate("cache")
    until(lambda: number(gateway, "lockgate_cache_saved_usd_total") > 0)
    assert number(gateway, "lockgate_cache_requests_total", status="hit") >= 1
    assert gateway.get("/v1/cache")[1]["saved"] > 0
    asked = {"body": {"model": "gpt-a", "messages": says("operator")}, "headers": {"x-lockgate-cache-namespace": "op"}}
    (target,) = gateway.ask("POST", "/v1/explain", asked, APP)[1]["targets"]
    assert target["cache"]["found"] == id
    assert gateway.ask("DELETE", "/v1/cache/entries?namespace=op")[1]["purged"] == 1
    with counted(upstream, 1):
        assert chat(oai, "operator", extra_headers={"x-lockgate-cache-namespace": "op"})[0] != first


def test_workers_share_and_a_restart_keeps(tmp_path, upstream):
    gateway = started(tmp_path, upstream, "--workers", "2")

    def ask(gateway):
        """Over a connection of its own, so that any worker may take it."""
        with openai.OpenAI(base_url=gateway.url + "/v1", api_key=APP, max_retries=0, timeout=30) as client:
            return chat(client, "shared")

    try:
        with counted(upstream, 1):
            first, _ = ask(gateway)
            until(lambda: gateway.get("/v1/cache/entries")[1]["total"] == 1)
            for _ in range(20):
                assert ask(gateway)[0] == first
    finally:
        gateway.stop()
    again = started(tmp_path, upstream)
    try:
        with counted(upstream, 0):
            text, headers = ask(again)
        assert (text, headers["x-lockgate-cache-status"]) == (first, "HIT")
        again.config.write_text(again.config.read_text().replace("cache: {mode: simple, max_age: 3600}", "cache: false"))
        with counted(upstream, 1):
            until(lambda: "x-lockgate-cache-status" not in ask(again)[1])
    finally:
        again.stop()
