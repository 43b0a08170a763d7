"""Real Bedrock traffic: requests survive a round trip, answers say the same whole, streamed and watched."""

import base64
import json

import pytest

from lockgate.core.content import Media, ToolCall
from lockgate.core.reply import Reply
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse import CODEC
from lockgate.dialects.codec import Voice
from support.aws import parsed_answer, parsed_stream, request_errors
from support.canonical import RECORDINGS, check_grammar, fold, read_stream, shape

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
PATH = RECORDINGS / "bedrock.jsonl"
RECORDS = [json.loads(line) for line in PATH.read_bytes().split(b"\n") if line] if PATH.is_file() else []
WHOLE = [each for each in RECORDS if each["path"].endswith("/converse") and each["status"] == 200]
STREAMED = [each for each in RECORDS if each["path"].endswith("/converse-stream") and each["status"] == 200]

pytestmark = pytest.mark.skipif(not RECORDS, reason="no recordings beside this working copy")


def ids(records):
    return [each["id"] for each in records]


@pytest.mark.parametrize("record", WHOLE + STREAMED, ids=ids(WHOLE + STREAMED))
def test_a_request_survives_being_read_and_written(record):
    sent = record["request"] if isinstance(record["request"], dict) else json.loads(record["request"])
    request = CODEC.read_request(Sheet.open(json.dumps(sent).encode()))
    for part in [part for turn in request.turns for part in turn.parts if isinstance(part, Media)]:
        part.mime = part.mime or "video/mp4"  # one film calls itself a picture
    before = shape(request.turns)
    request.model = record["path"].split("/")[2].replace("%3A", ":")
    body = json.loads(CODEC.write_request(request).bytes())
    assert request_errors(body) == ""
    again = CODEC.read_request(Sheet.open(json.dumps(body).encode()))
    if "llama" not in request.model and "mistral" not in request.model:  # their results stand alone, as objects
        assert shape(again.turns) == before
    assert shape(again.tools) == shape(request.tools)
    assert again.sampling.temperature == request.sampling.temperature


@pytest.mark.parametrize("record", WHOLE, ids=ids(WHOLE))
def test_an_answer_survives_being_read_and_written(record):
    answer = record["response"]
    body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
    reply = CODEC.read_reply(body)
    assert isinstance(reply, Reply)
    made = CODEC.write_reply(reply, VOICE)
    assert blocks(made) == blocks(body)
    again = CODEC.read_reply(made)
    again.usage.raw = reply.usage.raw
    for part in [part for each in (again, reply) for part in each.choices[0].parts if isinstance(part, ToolCall)]:
        part.arguments = json.loads(part.arguments)  # characters may be escaped or not
    assert shape(again) == shape(reply)


def blocks(body):
    """What botocore reads; the type that ordinary calls have begun to say of themselves says nothing."""
    content = parsed_answer(body)["output"]["message"]["content"]
    for block in content:
        if block.get("toolUse", {}).get("type") == "tool_use":
            del block["toolUse"]["type"]
    return content


@pytest.mark.parametrize("record", STREAMED, ids=ids(STREAMED))
def test_a_stream_is_read_in_any_pieces_watched_and_written(record):
    data = base64.b64decode(record["response"])
    events = read_stream(CODEC, data)
    check_grammar(events)
    assert read_stream(CODEC, data, 97) == events
    tap = CODEC.tap(False)
    assert tap.feed(data) == data and tap.outcome.complete
    writer = CODEC.writer(VOICE)
    made = writer.feed(events) + writer.end()
    again, before = fold(read_stream(CODEC, made)), fold(events)
    again.usage.raw = before.usage.raw
    assert shape(again) == shape(before)
    assert [next(iter(each)) for each in parsed_stream(made)][-2:] == ["messageStop", "metadata"]
