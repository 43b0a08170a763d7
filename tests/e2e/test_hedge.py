"""A hedged request over real connections: the loser's is closed at once, and the official SDK hears of the winner alone."""

import json

import openai
import pytest

from support.house import KEY
from support.process import Gateway, until
from support.replay import Replay

CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
ROLE = {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]}
WORD = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "pong"}, "finish_reason": None}]}
LAST = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
REPLY = {
    **CHUNK,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def events(*payloads):
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in payloads)


@pytest.fixture(scope="module")
def replay():
    replay = Replay()
    yield replay
    replay.close()


@pytest.fixture(scope="module")
def oai(replay, tmp_path_factory):
    config = "providers:\n" + "".join(
        f'  {name}: {{provider: openai, api_key: sk-upstream, base_url: "http://127.0.0.1:{replay.port}/{name}/v1"}}\n'
        for name in ("slow", "quick")
    )
    gateway = Gateway(tmp_path_factory.mktemp("hedge"), config).ready()
    hedged = {
        "strategy": {"mode": "fallback"},
        "hedge": {"after": 20, "max_percentage": 100},
        "targets": [{"provider": "@slow"}, {"provider": "@quick"}],
    }
    headers = {"x-portkey-config": json.dumps(hedged)}
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0, default_headers=headers) as client:
        yield client
    gateway.stop()


def test_who_never_answers_is_left_for_who_does(oai, replay):
    replay.left.clear()
    replay.put("slow", b"", hang=True)
    replay.put("quick", json.dumps(REPLY).encode(), kind=b"application/json")
    answer = oai.chat.completions.with_raw_response.create(model="gpt-x", messages=[{"role": "user", "content": "ping"}])
    assert answer.parse().choices[0].message.content == "pong"
    assert answer.headers["x-portkey-provider"] == "quick"
    until(lambda: replay.left == ["slow"])


def test_a_stream_that_only_says_who_speaks_is_left_too(oai, replay):
    replay.left.clear()
    replay.put("slow", events({**ROLE, "id": "slow"}), hang=True)
    replay.put("quick", events(ROLE, WORD, LAST) + b"data: [DONE]\n\n", piece=50)
    with oai.chat.completions.create(model="gpt-x", messages=[{"role": "user", "content": "ping"}], stream=True) as stream:
        chunks = list(stream)
    assert {each.id for each in chunks} == {"c1"}
    assert "".join(each.choices[0].delta.content or "" for each in chunks) == "pong"
    until(lambda: replay.left == ["slow"])
