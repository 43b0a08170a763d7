"""The official SDKs against transcripts of every provider dialect: whichever SDK asks, it reads the same answer."""

import json
import re
from pathlib import Path

import anthropic
import openai
import pytest

from support.house import KEY
from support.process import Gateway, until
from support.replay import Replay

GOLDEN = Path(__file__).parent.parent / "golden"
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
#: Golden folder → the provider that is asked, the API of its that the transcript is of.
SPOKEN = {
    "openai_chat": ("openai", "chat"),
    "openai_responses": ("openai", "responses"),
    "anthropic_messages": ("anthropic", ""),
    "gemini_generate": ("google", ""),
    "cohere_chat": ("cohere", ""),
}
#: Transcripts that end in the provider's error, or nowhere.
BROKEN = re.compile(r"error|failed|cut$|malformed")
#: Transcripts of hosts that do not keep to their own dialect, and of answers that say nothing.
ODD = ("function_call", "sparse_host")
SILENT = ("blocked", "silent_finish", "search", "code")
CONFIG = "egress: {allow: [127.0.0.0/8]}"
ASK = [{"role": "user", "content": "x"}]


@pytest.fixture(scope="module")
def replay():
    replay = Replay()
    yield replay
    replay.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("replay"), CONFIG).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def asking(gateway):
    own = {"x-lockgate-api-key": KEY}
    oai = openai.OpenAI(base_url=gateway.url + "/v1", api_key="sk-upstream", max_retries=0, default_headers=own)
    ant = anthropic.Anthropic(base_url=gateway.url, api_key="sk-upstream", max_retries=0, default_headers=own)

    def chat(headers):
        text = calls = ""
        for chunk in oai.chat.completions.create(model="m", messages=ASK, stream=True, extra_headers=headers):
            for choice in [choice for choice in chunk.choices if choice.index == 0]:
                text += text_in(choice.delta.content) + (choice.delta.refusal or "")
                for call in choice.delta.tool_calls or []:
                    said = call.function or getattr(call, "custom", None)
                    calls += (said.get("name") if isinstance(said, dict) else said and said.name) or ""
        return text, calls

    def responses(headers):
        final = None
        for event in oai.responses.create(model="m", input="x", stream=True, extra_headers=headers):
            if event.type in ("response.completed", "response.incomplete", "response.failed"):
                final = event.response
        assert final is not None and final.error is None
        parts = [part for item in final.output if item.type == "message" for part in item.content]
        text = "".join(part.text if part.type == "output_text" else part.refusal for part in parts)
        return text, "".join(item.name for item in final.output if item.type in ("function_call", "custom_tool_call"))

    def messages(headers):
        with ant.messages.stream(model="m", max_tokens=9, messages=ASK, extra_headers=headers) as stream:
            final = stream.get_final_message()
        text = "".join(block.text for block in final.content if block.type == "text")
        return text, "".join(block.name for block in final.content if block.type == "tool_use")

    yield {"chat": chat, "responses": responses, "messages": messages}
    oai.close()
    ant.close()


def text_in(content):
    """A delta's text; one host sends parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content)
    return content or ""


def steer(url, provider, api):
    config = {"provider": provider, "api_key": "sk-upstream", "custom_host": url}
    return {"x-lockgate-config": json.dumps(config | ({"upstream_api": api} if api else {}))}


def transcripts():
    return [path for folder in SPOKEN for path in sorted((GOLDEN / folder).glob("*.sse"))]


def name_of(path):
    return f"{path.parent.name}-{path.stem}"


@pytest.mark.parametrize("path", [path for path in transcripts() if not BROKEN.search(path.stem)], ids=name_of)
def test_every_sdk_reads_the_same_answer(replay, asking, path):
    url = replay.put(name_of(path), path.read_bytes(), piece=37)
    provider, api = SPOKEN[path.parent.name]
    seen = {dialect: ask(steer(url, provider, api)) for dialect, ask in asking.items()}
    if path.stem in ODD:
        del seen[api]  # it passes as it came, and says things in ways that its own SDK does not know
    assert any(any(answer) for answer in seen.values()) or path.stem in SILENT
    assert len(set(seen.values())) == 1, seen


@pytest.mark.parametrize("path", [path for path in transcripts() if BROKEN.search(path.stem)], ids=name_of)
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_every_sdk_sees_that_an_answer_failed(replay, asking, path, dialect):
    url = replay.put(name_of(path), path.read_bytes())
    with pytest.raises((openai.OpenAIError, anthropic.AnthropicError, RuntimeError, AssertionError)):
        asking[dialect](steer(url, *SPOKEN[path.parent.name]))


def recorded():
    """Every ninth streamed conversation of the recordings, where they are."""
    hosts = {"api.openai.com": "openai", "api.anthropic.com": "anthropic", "generativelanguage.googleapis.com": "google"}
    found = []
    for file in ("openai", "anthropic", "gemini"):
        for line in (RECORDINGS / f"{file}.jsonl").read_text("utf-8").split("\n")[:-1] if RECORDINGS.is_dir() else ():
            exchange = json.loads(line)
            provider = hosts.get(exchange["host"])
            if (
                provider
                and exchange["status"] == 200
                and exchange["response_kind"] == "text"
                and "data:" in exchange["response"]
            ):
                api = {"/v1/chat/completions": "chat", "/v1/responses": "responses"}.get(exchange["path"], "")
                if api or provider != "openai":
                    found.append((exchange["id"], provider, api, exchange["response"].encode()))
    return found[::9]


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings here")
@pytest.mark.parametrize(
    ("id", "provider", "api", "body"), recorded(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_sdk_reads_the_same_of_a_recording(replay, asking, id, provider, api, body):
    url = replay.put(id, body, piece=211)
    seen = {dialect: ask(steer(url, provider, api)) for dialect, ask in asking.items()}
    assert len(set(seen.values())) == 1, seen


@pytest.mark.parametrize("begun", [True, False], ids=["in the stream", "before an answer"])
def test_the_upstream_is_left_within_a_second_of_the_caller(replay, gateway, begun):
    name = f"hanging-{begun}"
    event = b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "zebra"}, "finish_reason": null}]}\n\n'
    url = replay.put(name, event if begun else b"", hang=True)
    body = json.dumps({"model": "m", "messages": ASK, "stream": begun}).encode()
    config = steer(url, "openai", "chat")["x-lockgate-config"]
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-lockgate-api-key: {KEY}\r\nx-lockgate-config: {config}\r\n"
    head += f"x-lockgate-trace-id: {name}\r\n"
    with gateway.connect() as connection:
        connection.sendall(head.encode() + b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        if begun:
            got = b""
            while b"zebra" not in got:
                got += connection.recv(65536)
        else:
            until(lambda: name in replay.asked)
    until(lambda: name in replay.left, patience=1)
    record = until(lambda: next((each for each in gateway.records() if each["trace_id"] == name), None))
    assert record["outcome"] == "client_left"
    assert record["usage_source"] == "estimated"  # it was asked all the same, and may charge for it
    assert record["usage"]["input"] > 0
    assert (record["usage"].get("output", 0) > 0) is begun
