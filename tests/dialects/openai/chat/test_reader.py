"""Chat streams of many hosts, read at every cut into the same events."""

from __future__ import annotations

import json

import pytest

from lockgate.core.content import Citation, Declined, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.events import Broken, Finished, PartDelta, PartEnded, PartStarted, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.reply import Finish
from lockgate.dialects.openai.chat import CODEC
from support.canonical import GOLDEN, check_grammar, fold, read_stream, shape

STREAMS = {path.stem: path.read_bytes() for path in sorted((GOLDEN / "openai_chat").glob("*.sse"))}
FAILING = {"error", "named_error"}
NAME = "openai.chat"

every_stream = pytest.mark.parametrize("name", STREAMS)


def parts(name: str, choice: int = 0) -> list[object]:
    return fold(read_stream(CODEC, STREAMS[name])).choices[choice].parts


def sse(*chunks: object) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def delta(**members: object) -> dict[str, object]:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": members, "finish_reason": None}]}


FINISH = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}


@every_stream
def test_every_split_into_two_gives_the_same_events(name: str) -> None:
    data = STREAMS[name]
    whole = shape(read_stream(CODEC, data))
    for cut in range(1, len(data)):
        reader = CODEC.reader()
        events = reader.feed(data[:cut]) + reader.feed(data[cut:])
        assert shape(events + reader.end()) == whole, cut


@every_stream
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_of_any_size_give_the_same_events(name: str, size: int) -> None:
    assert shape(read_stream(CODEC, STREAMS[name], size)) == shape(read_stream(CODEC, STREAMS[name]))


@every_stream
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_do_not_matter(name: str, end: bytes) -> None:
    plain = STREAMS[name].replace(b"\r\n", b"\n")
    assert shape(read_stream(CODEC, plain.replace(b"\n", end))) == shape(read_stream(CODEC, plain))


@every_stream
def test_the_events_follow_their_grammar(name: str) -> None:
    events = read_stream(CODEC, STREAMS[name])
    check_grammar(events)
    assert isinstance(events[0], Started)


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - FAILING))
def test_a_stream_cut_before_its_finish_reason_is_not_complete(name: str) -> None:
    data = STREAMS[name]
    reader = CODEC.reader()
    events = reader.feed(data[: data.index(b'"finish_reason":"')]) + reader.end()
    assert not any(type(event) is Finished for event in events)
    assert not reader.complete
    whole = CODEC.reader()
    whole.feed(data)
    assert whole.complete


def test_a_stream_is_not_complete_while_one_of_its_choices_goes_on() -> None:
    data = STREAMS["two_choices"]
    reader = CODEC.reader()
    reader.feed(data[: data.rindex(b'"finish_reason":"')])
    assert not reader.complete


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - FAILING - {"silent_finish"}))
def test_a_body_that_ends_after_the_finish_reason_is_complete_without_done(name: str) -> None:
    reader = CODEC.reader()
    events = reader.feed(STREAMS[name].replace(b"data: [DONE]", b""))
    assert reader.complete
    assert sum(type(event) is Finished for event in events + reader.end()) == (2 if name == "two_choices" else 1)


def test_the_last_event_counts_without_its_blank_line() -> None:
    reader = CODEC.reader()
    reader.feed(sse(delta(content="a")))
    assert reader.feed(sse(FINISH).rstrip()) == []
    assert [type(event) for event in reader.end()] == [PartEnded, Finished]
    assert reader.complete


def test_text_finish_and_usage_are_read() -> None:
    reply = fold(read_stream(CODEC, STREAMS["text"]))
    assert (reply.id, reply.model, reply.created) == ("chatcmpl-B1", "gpt-4o-2024-08-06", 1760000000)
    assert reply.choices[0].parts == [Text("Grüße from 東京 🗼")]
    assert reply.choices[0].finish == Finish("stop", raw="stop")
    usage = reply.usage
    assert usage is not None
    assert (usage.input, usage.output, usage.cached, usage.reasoning) == (19, 6, 12, 2)
    assert json.loads(bytes(usage.raw or b""))["total_tokens"] == 25


def test_parallel_calls_are_read() -> None:
    assert parts("tools") == [
        Text("Looking."),
        ToolCall("call_a", "get_weather", '{"city":"Zürich"}'),
        ToolCall("call_b", "get_time", '{"zone":"CET"}'),
    ]


def test_calls_whose_pieces_take_turns_are_kept_apart() -> None:
    assert parts("interleaved_tools") == [ToolCall("call_a", "first", '{"a":1}'), ToolCall("call_b", "second", '{"b":2}')]


def test_a_call_of_2023_is_a_tool_call() -> None:
    reply = fold(read_stream(CODEC, STREAMS["function_call"]))
    assert reply.choices[0].parts == [ToolCall("", "look", '{"at":1}')]
    assert reply.choices[0].finish == Finish("tool_calls", raw="function_call")


def test_a_custom_tools_text_is_read() -> None:
    assert parts("custom_tool") == [ToolCall("call_c", "shell", "ls -l", custom=True)]


def test_logprobs_are_read() -> None:
    choice = fold(read_stream(CODEC, STREAMS["logprobs"])).choices[0]
    top = [TokenLogprob("Yes", -0.1, [89, 101, 115]), TokenLogprob("No", -2.5)]
    assert choice.logprobs == [TokenLogprob("Yes", -0.1, [89, 101, 115], top)]
    assert choice.finish == Finish("length", raw="length")


def test_a_refusal_is_what_the_model_declined_with() -> None:
    assert parts("refusal") == [Declined("I cannot help.")]


def test_two_choices_are_told_apart() -> None:
    assert (parts("two_choices", 0), parts("two_choices", 1)) == ([Text("Aa")], [Text("Bb")])


def test_deepseeks_reasoning_is_read_from_its_carrier() -> None:
    reply = fold(read_stream(CODEC, STREAMS["deepseek"]))
    assert reply.choices[0].parts == [Thinking("Two and two.", dialect=NAME, id="reasoning_content"), Text("4")]
    assert reply.usage is not None
    assert (reply.usage.cached, reply.usage.reasoning) == (8, 6)


def test_groqs_reasoning_and_usage_are_read_from_their_carriers() -> None:
    reply = fold(read_stream(CODEC, STREAMS["groq"]))
    assert reply.choices[0].parts == [Thinking("Easy sum.", dialect=NAME, id="reasoning"), Text("4")]
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output) == (11, 7)


def test_mistrals_parts_and_whole_calls_are_read() -> None:
    reply = fold(read_stream(CODEC, STREAMS["mistral"]))
    assert reply.choices[0].parts == [
        Thinking("Which tool?", dialect=NAME, id="thinking"),
        Text("This one."),
        ToolCall("AbCdEf123", "look", '{"at": "sky"}'),
        ToolCall("GhIjKl456", "touch", '{"what":"grass"}'),
    ]
    assert reply.usage is not None
    assert reply.usage.cached == 4


def test_openrouters_reasoning_is_read_once_with_its_signature() -> None:
    reply = fold(read_stream(CODEC, STREAMS["openrouter"]))
    carrier = "reasoning_details/text/anthropic-claude-v1/"
    assert reply.choices[0].parts == [
        Thinking("Let me think.", "c2lnbmF0dXJl", dialect=NAME, id=carrier, summary=False),
        Text("Done", citations=[Citation("https://a.example", "A", "quoted", 0, 4, dialect=NAME)]),
    ]
    assert reply.usage is not None
    assert (reply.usage.cached, reply.usage.cache_write, reply.usage.reasoning) == (5, 20, 4)


def test_encrypted_reasoning_is_kept_beside_its_summary() -> None:
    summary, encrypted, said = parts("openrouter_encrypted")
    assert summary == Thinking("**Plan**", dialect=NAME, id="reasoning_details/summary/openai-responses-v1/")
    carrier = "reasoning_details/encrypted/openai-responses-v1/rs_1"
    assert encrypted == Thinking(redacted="Z0FBQUFB", dialect=NAME, id=carrier, summary=False)
    assert said == Text("Hi")


def test_googles_calls_that_share_an_index_are_told_apart_and_signed() -> None:
    assert parts("google") == [
        Thinking(signature="U2lnQQ==", dialect=NAME, id="google"),
        ToolCall("function-call-1", "look", '{"at":"sky"}'),
        ToolCall("function-call-2", "touch", '{"what":"grass"}'),
    ]


def test_a_finish_reason_left_empty_ends_as_unknown_when_the_host_says_done() -> None:
    reply = fold(read_stream(CODEC, STREAMS["silent_finish"]))
    assert reply.choices[0].parts == [Text("Hi there")]
    assert reply.choices[0].finish == Finish("unknown")


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("error", Failure("server", 502, "Provider disconnected", code="502")),
        ("named_error", Failure("server", 500, "Model crashed", type="internal_server_error", code="500")),
    ],
)
def test_an_error_in_the_stream_breaks_it(name: str, failure: Failure) -> None:
    reader = CODEC.reader()
    events = reader.feed(STREAMS[name])
    assert events[-1] == Broken(failure)
    assert PartDelta(0, "Half") in events
    assert not reader.complete
    assert reader.feed(sse(delta(content="more"))) == []


@pytest.mark.parametrize(
    "chunk", [b"data: {oops\n\n", b"data: 5\n\n", b"data: [1]\n\n", b'data: {"choices":"no"}\n\n', b'data: {"id":"\xff"}\n\n']
)
def test_an_event_that_cannot_be_read_is_a_broken_stream(chunk: bytes) -> None:
    reader = CODEC.reader()
    events = reader.feed(sse(delta(content="a")) + chunk)
    if chunk != b'data: {"choices":"no"}\n\n':  # a member of an odd type is as good as absent
        assert type(events[-1]) is Broken
        assert events[-1].failure.kind == "malformed"
    assert not reader.complete


def test_a_plain_text_error_event_is_quoted() -> None:
    events = CODEC.reader().feed(b"event: error\ndata: upstream exploded\n\n")
    assert events == [Broken(Failure("server", 502, "upstream exploded"))]


def test_an_event_past_the_limit_is_a_broken_stream() -> None:
    reader = CODEC.reader()
    events = reader.feed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert type(events[0]) is Broken
    assert reader.feed(b"x") == []


@pytest.mark.parametrize(
    "odd",
    [
        {"created": "yesterday"},
        {"usage": []},
        {"service_tier": 5},
        {"choices": [{"index": 0, "delta": {"content": "a", "reasoning": {"x": 1}}, "logprobs": 3}]},
        {"choices": [{"index": "0", "delta": {"content": "a", "tool_calls": {}, "annotations": 7, "audio": "x"}}]},
    ],
)
def test_a_member_of_an_odd_type_spoils_no_event(odd: dict[str, object]) -> None:
    events = CODEC.reader().feed(sse({**delta(content="a"), **odd}))
    assert [type(event) for event in events] == [Started, PartStarted, PartDelta]


def test_a_name_that_comes_after_its_calls_id_begins_the_call() -> None:
    late = [
        delta(tool_calls=[{"index": 0, "id": "c1", "type": "function"}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]),
        delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "}"}}]),
    ]
    assert fold(CODEC.reader().feed(sse(*late))).choices[0].parts == [ToolCall("c1", "f", "{}")]


@pytest.mark.parametrize("ids", [("", ""), ("a", "b")])
def test_whole_calls_without_an_index_are_told_apart(ids: tuple[str, str]) -> None:
    calls = [{"id": call_id, "function": {"name": "f", "arguments": "{}"}} for call_id in ids]
    both = fold(CODEC.reader().feed(sse(delta(tool_calls=calls)))).choices[0].parts
    one_by_one = fold(CODEC.reader().feed(sse(*(delta(tool_calls=[call]) for call in calls)))).choices[0].parts
    assert both == one_by_one == [ToolCall(call_id, "f", "{}") for call_id in ids]


def test_pieces_without_index_or_id_belong_to_the_last_call() -> None:
    pieces = [
        delta(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": '{"a"'}}]),
        delta(tool_calls=[{"function": {"arguments": ":1}"}}]),
    ]
    assert fold(CODEC.reader().feed(sse(*pieces))).choices[0].parts == [ToolCall("a", "f", '{"a":1}')]


def test_an_id_repeated_with_each_piece_is_still_one_call() -> None:
    pieces = [delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": text}}]) for text in ("{", "}")]
    assert fold(CODEC.reader().feed(sse(*pieces))).choices[0].parts == [ToolCall("a", "f", "{}")]


def test_what_comes_after_the_end_of_a_choice_is_dropped_but_its_usage_counts() -> None:
    reader = CODEC.reader()
    reader.feed(sse(delta(content="a"), FINISH))
    late = {**delta(content="more"), "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    events = reader.feed(sse(late))
    assert [type(event) for event in events] == [Used]
    assert reader.feed(b"data: [DONE]\n\n" + sse(delta(content="more"))) == []


def test_the_same_reasoning_in_two_members_is_read_once() -> None:
    both = delta(reasoning_content="Hm.", reasoning="Hm.")
    assert fold(CODEC.reader().feed(sse(both))).choices[0].parts == [Thinking("Hm.", dialect=NAME, id="reasoning_content")]


def test_a_spoken_answer_is_told_by_its_transcript() -> None:
    spoken = delta(audio={"id": "a", "transcript": "Hel"}), delta(audio={"transcript": "lo", "data": "AAAA"})
    assert fold(CODEC.reader().feed(sse(*spoken))).choices[0].parts == [Text("Hello")]
