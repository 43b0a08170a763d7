"""A growing conversation of the official SDK's, through a gateway that marks it: the upstream keeps prefixes as Anthropic's API does,
at marks alone, and says what it has read and written."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlencode

import anthropic
import pytest

from support.house import KEY
from support.process import Gateway, until
from support.replay import Replay

MODEL = "claude-sonnet-5"
LONG = "Be brief. " * 600
TOOL = {"name": "look", "description": LONG, "input_schema": {"type": "object"}}


class Caching(Replay):
    """An upstream with a prompt cache: a prefix is kept when a mark stands at its end, and read when it is kept."""

    def __init__(self):
        super().__init__()
        self.kept = set()
        self.asked["claude"] = _Answering(self)

    def usage(self, body):
        size, written = len(json.dumps(_bare(body))) // 4, 0
        prefixes = list(_marked(body))
        read = max((length for length, prefix in prefixes if prefix in self.kept), default=0)
        for length, prefix in prefixes:
            self.kept.add(prefix)
            written = max(written, length - read)
        return {
            "input_tokens": max(0, size - read - written),
            "output_tokens": 1,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": written,
        }


class _Answering(list):
    """What was asked; each question puts its answer there."""

    def __init__(self, upstream):
        super().__init__()
        self.upstream = upstream

    def append(self, body):
        super().append(body)
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": [{"type": "text", "text": f"answer {len(self)}"}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": self.upstream.usage(json.loads(body)),
        }
        self.upstream.put("claude", json.dumps(message).encode(), kind=b"application/json")


def _blocks(body):
    yield from body.get("tools", ())
    for content in (body.get("system", []), *(message["content"] for message in body["messages"])):
        yield from [{"type": "text", "text": content}] if isinstance(content, str) else content


def _bare(body):
    return [{name: value for name, value in block.items() if name != "cache_control"} for block in _blocks(body)]


def _marked(body):
    """(tokens, text) of each prefix with a mark at its end."""
    bare = _bare(body)
    for end, block in enumerate(_blocks(body), 1):
        if "cache_control" in block:
            text = json.dumps(bare[:end])
            yield len(text) // 4, text


@pytest.fixture(scope="module")
def upstream():
    upstream = Caching()
    yield upstream
    upstream.close()


@pytest.fixture(scope="module")
def gateway(upstream, tmp_path_factory):
    config = f"""
providers:
  claude: {{provider: anthropic, api_key: sk-ant-secret-1234567890, base_url: "http://127.0.0.1:{upstream.port}/claude/v1"}}
prices:
  claude/{MODEL}: {{input: 3.0, output: 15.0, cache_read: 0.3, cache_write: 3.75}}
"""
    gateway = Gateway(tmp_path_factory.mktemp("marked"), config).ready()
    yield gateway
    gateway.stop()


def test_each_turn_reads_what_the_one_before_it_wrote(gateway, upstream):
    config = {"x-lockgate-config": json.dumps({"provider": "@claude", "prompt_cache": "auto"})}
    messages, used = [], []
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0, default_headers=config) as client:
        for n in range(5):
            messages.append({"role": "user", "content": f"question {n}"})
            said = client.messages.create(model=MODEL, max_tokens=9, system=LONG, tools=[TOOL], messages=messages)
            messages.append({"role": "assistant", "content": said.content[0].text})
            used.append(said.usage)
    assert used[0].cache_read_input_tokens == 0
    for before, after in pairwise(used):
        assert after.cache_read_input_tokens == before.cache_read_input_tokens + before.cache_creation_input_tokens
        assert after.input_tokens + after.cache_creation_input_tokens < 100
    sent = [json.loads(each) for each in upstream.asked["claude"]]
    assert {str(each).count("cache_control") for each in sent} == {3, 4}
    assert [message["content"] for message in messages[::2]] == [f"question {n}" for n in range(5)]

    def told():
        now, hour = datetime.now(UTC), timedelta(hours=1)
        span = {"time_of_generation_min": (now - hour).isoformat(), "time_of_generation_max": (now + hour).isoformat()}
        status, answer = gateway.get(f"/v1/analytics/summary/prompt-cache?{urlencode(span)}")
        assert status == 200, answer
        return next((row for row in answer["data"] if row["requests"] == 5), None)

    row = until(told)
    read = sum(each.cache_read_input_tokens for each in used)
    written = sum(each.cache_creation_input_tokens for each in used)
    assert (row["provider"], row["ai_model"], row["cached_tokens"]) == ("claude", MODEL, read)
    assert row["read_savings"] == pytest.approx(read * 2.7e-4, rel=0.01)
    assert row["write_surcharge"] == pytest.approx(written * 0.75e-4, rel=0.01)
