import json

import pytest

from lockgate.core.content import Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.events import Broken, Finished, PartDelta, PartEnded, PartStarted, Sampled, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.completions import CODEC
from support.canonical import check_grammar, fold, read_stream

VOICE = Voice("v1", 1700000000, Request("m", []))
WHOLE = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 5,
    "model": "m1",
    "choices": [{"text": " pong", "index": 0, "logprobs": None, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


def read(**body):
    return CODEC.read_request(Sheet.open(json.dumps(body).encode()))


def sse(*payloads):
    return b"".join(b"data: %b\n\n" % (each if isinstance(each, bytes) else json.dumps(each).encode()) for each in payloads)


def chunk(text, finish=None, index=0, **more):
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    return {"id": "cmpl-1", "object": "text_completion", "created": 5, "model": "m1", "choices": [choice], **more}


# --- requests


@pytest.mark.parametrize("prompt", ["Say pong.", ["Say pong."]])
def test_a_prompt_is_what_a_user_says(prompt):
    request = read(model="m", prompt=prompt, max_tokens=9, stop="x", logprobs=2, n=2, user="u", seed=7, stream=True, odd=1)
    (turn,) = request.turns
    assert (turn.role, [part.text for part in turn.parts]) == ("user", ["Say pong."])
    sampling = request.sampling
    assert (sampling.max_tokens, sampling.stop, sampling.logprobs, sampling.top_logprobs, sampling.n, sampling.seed) == (
        9,
        ["x"],
        True,
        2,
        2,
        7,
    )
    assert (request.model, request.user, request.stream, list(request.extra), request.losses) == ("m", "u", True, ["odd"], [])


def test_what_a_conversation_has_no_place_for_is_a_loss():
    assert read(prompt="a", suffix="b", echo=True, best_of=3).losses == ["best_of", "echo", "suffix"]
    assert read(prompt="a", suffix="", echo=False, best_of=1).losses == []


@pytest.mark.parametrize(
    ("prompt", "code"),
    [
        (None, "missing_prompt"),
        (["a", "b"], "unsupported_prompt"),
        ([], "unsupported_prompt"),
        ([1, 2], "unsupported_prompt"),
        ([[1, 2]], "unsupported_prompt"),
        ({"a": 1}, "invalid_type"),
    ],
)
def test_another_prompt_is_refused(prompt, code):
    with pytest.raises(Refusal) as raised:
        read(prompt=prompt)
    assert (raised.value.status, raised.value.code, raised.value.param) == (400, code, "prompt")


def test_a_conversation_is_no_prompt():
    with pytest.raises(Refusal, match="no conversations"):
        CODEC.write_request(Request("m", []))


# --- whole answers


def test_an_answer_is_read_and_looked_over():
    body = json.dumps(WHOLE).encode()
    reply = CODEC.read_reply(body)
    assert (reply.id, reply.model, reply.created, reply.choices[0].parts) == ("cmpl-1", "m1", 5, [Text(" pong")])
    assert (reply.usage.input, reply.usage.output, reply.choices[0].finish.reason) == (3, 2, "stop")
    outcome = CODEC.observe(body)
    assert (outcome.usage.output, outcome.finish.reason, outcome.complete) == (2, "stop", True)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{}", b'{"choices": []}', b'{"error": {"message": "no"}}'])
def test_an_answer_that_is_none_is_a_failure(body):
    assert isinstance(CODEC.read_reply(body), Failure)
    assert CODEC.observe(body).failure is not None


def test_an_answer_is_written():
    parts = [Thinking("hm"), Text("po"), ToolCall("c", "f", "{}"), Text("ng")]
    tokens = [TokenLogprob("po", -0.1, top=[TokenLogprob("po", -0.1), TokenLogprob("pa", -2.0)]), TokenLogprob("ng", -0.2)]
    reply = Reply("i", "m1", 5, [Choice(parts, Finish("tool_calls"), tokens), Choice([], None)], Usage(3, 2))
    made = json.loads(CODEC.write_reply(reply, VOICE))
    assert made == {
        "id": "i",
        "object": "text_completion",
        "created": 5,
        "model": "m1",
        "choices": [
            {
                "text": "pong",
                "index": 0,
                "logprobs": {
                    "tokens": ["po", "ng"],
                    "token_logprobs": [-0.1, -0.2],
                    "top_logprobs": [{"po": -0.1, "pa": -2.0}, {}],
                    "text_offset": [0, 2],
                },
                "finish_reason": "tool_calls",
            },
            {"text": "", "index": 1, "logprobs": None, "finish_reason": "stop"},
        ],
        "usage": {**made["usage"], "prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
    bare = json.loads(CODEC.write_reply(Reply(), VOICE))
    assert bare == {"id": "cmpl-v1", "object": "text_completion", "created": 1700000000, "model": "m", "choices": []}


# --- streams

STREAM = sse(
    chunk("po"),
    chunk("pa", index=1),
    chunk("ng", "stop"),
    chunk("", "length", index=1),
    {**chunk(""), "choices": [], "usage": WHOLE["usage"]},
    b"[DONE]",
)


@pytest.mark.parametrize("size", [1, 2, 7, None])
def test_a_stream_is_read_however_it_is_cut(size):
    events = read_stream(CODEC, STREAM, size)
    check_grammar(events)
    reply = fold(events)
    assert [choice.parts for choice in reply.choices] == [[Text("pong")], [Text("pa")]]
    assert [choice.finish.reason for choice in reply.choices] == ["stop", "length"]
    assert (reply.model, reply.usage.output) == ("m1", 2)


def test_a_stream_is_complete_with_its_last_choice():
    reader = CODEC.reader()
    reader.feed(sse(chunk("po"), chunk("pa", index=1), chunk("", "stop")))
    assert not reader.complete
    reader.feed(sse(chunk("", "stop", index=1)))
    assert reader.complete
    reader = CODEC.reader()
    reader.feed(sse(chunk("po")))
    assert reader.feed(sse(b"[DONE]")) == []
    assert not reader.complete
    assert reader.end() == []


def test_a_last_mark_without_its_blank_line():
    reader = CODEC.reader()
    reader.feed(sse(chunk("po", "stop"))[:-1])
    reader.feed(b"\ndata: [DONE]")
    assert reader.end() == []
    assert reader.complete


@pytest.mark.parametrize("payload", [{"error": {"message": "no"}}, b"{", b'{"choices": 1, "id": {}, "x'])
def test_a_stream_that_fails(payload):
    events = read_stream(CODEC, sse(chunk("po"), payload))
    assert type(events[-1]) is Broken


def test_an_event_without_end():
    reader = CODEC.reader()
    assert type(reader.feed(b"data: " + b"x" * (9 << 20))[-1]) is Broken


EVENTS = [
    Started("i", "m1", 5),
    PartStarted(0, Thinking()),
    PartDelta(0, "hm"),
    PartEnded(0),
    PartStarted(1, Text("")),
    PartDelta(1, "po"),
    Sampled([TokenLogprob("po", -0.1)]),
    PartDelta(1, "ng"),
    Sampled([TokenLogprob("ng", -0.2)]),
    PartEnded(1),
    Finished(Finish("stop")),
    Used(Usage(3, 2)),
]


def payloads(data):
    return [each if each == "[DONE]" else json.loads(each) for each in data.decode().replace("data: ", "").split("\n\n")[:-1]]


@pytest.mark.parametrize("asked", [True, False])
def test_a_stream_is_written(asked):
    writer = CODEC.writer(Voice("v1", 1, Request("m", []), usage_asked=asked))
    made = payloads(writer.feed(EVENTS) + writer.end())
    choices = [each["choices"][0] for each in made[:5]]
    assert "".join(choice["text"] for choice in choices) == "pong"
    assert [choice["logprobs"]["text_offset"] for choice in choices if choice["logprobs"]] == [[0], [2]]
    assert choices[-1]["finish_reason"] == "stop"
    assert all((each["id"], each["model"], each["created"]) == ("i", "m1", 5) for each in made[:5])
    assert made[-1] == "[DONE]"
    assert len(made) == (7 if asked else 6)
    if asked:
        assert made[-2]["usage"]["completion_tokens"] == 2


def test_a_stream_that_broke_says_so():
    writer = CODEC.writer(VOICE)
    assert payloads(writer.broken(Failure("cut", 502, "it broke")))[0]["error"]["message"] == "it broke"
    assert payloads(writer.end()) == ["[DONE]"]


def test_a_stream_that_passes_is_watched():
    tap = CODEC.tap(False)
    assert tap.feed(STREAM) == STREAM
    assert (tap.outcome.begun, tap.outcome.complete, tap.outcome.usage.output, tap.outcome.model) == (True, True, 2, "m1")
    tap = CODEC.tap(False)
    tap.feed(sse(chunk("")))
    assert not tap.outcome.begun
    tap.feed(sse(chunk("po")))
    assert tap.outcome.begun
    assert not tap.outcome.complete
