"""Chat streams as we write them: what the official SDK makes of them, and their order."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.core.content import Citation, Declined, Media, Text, Thinking, TokenLogprob, Tool, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Sampled, Signed, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.reply import Finish, Usage
from lockgate.core.request import Request
from lockgate.dialects.anthropic import messages
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai import chat
from support.canonical import GOLDEN, read_stream
from support.sdk import chat_completion, payloads

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
STOP = Finished(Finish("stop"))


def part(index: int, what: Any, *texts: str, choice: int = 0) -> list[Event]:
    return [
        PartStarted(index, what, choice),
        *(PartDelta(index, text, choice) for text in texts),
        PartEnded(index, choice),
    ]


def write(events: list[Event], voice: Voice = VOICE, *, at_once: bool = True) -> bytes:
    writer = chat.CODEC.writer(voice)
    out = writer.feed(events) if at_once else b"".join(writer.feed([event]) for event in events)
    return out + writer.end()


def said(events: list[Event], voice: Voice = VOICE) -> dict[str, Any]:
    assert write(events, voice) == write(events, voice, at_once=False)
    return chat_completion(write(events, voice))["choices"][0]["message"]


def deltas(data: bytes) -> list[dict[str, Any]]:
    return [choice["delta"] for chunk in payloads(data) if chunk != "[DONE]" for choice in chunk["choices"]]


def test_a_text_is_written_in_the_order_of_the_api() -> None:
    data = write([Started("x1", "model-1", 5), *part(0, Text(""), "Hel", "lo"), STOP, Used(Usage(3, 2, cached=1))])
    chunks = payloads(data)
    assert chunks[-1] == "[DONE]"
    assert deltas(data) == [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, {}]
    assert [choice["finish_reason"] for chunk in chunks[:-1] for choice in chunk["choices"]] == [None, None, None, "stop"]
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"]["prompt_tokens_details"]["cached_tokens"] == 1
    assert {(chunk["id"], chunk["model"], chunk["created"], chunk["object"]) for chunk in chunks[:-1]} == {
        ("x1", "model-1", 5, "chat.completion.chunk")
    }


def test_what_the_provider_does_not_say_the_voice_does() -> None:
    chunk = payloads(write([Started(), *part(0, Text("Hi")), STOP]))[0]
    assert (chunk["id"], chunk["model"], chunk["created"]) == ("chatcmpl-01JX", "asked-model", 1767225600)


def test_usage_that_nobody_asked_for_is_not_written() -> None:
    voice = Voice("01JX", 1, Request("m"), usage_asked=False)
    assert all("usage" not in chunk for chunk in payloads(write([*part(0, Text("Hi")), STOP, Used(Usage(1, 1))], voice))[:-1])


def test_the_last_usage_counts_wherever_it_comes() -> None:
    data = write([Started(), Used(Usage(1)), *part(0, Text("a")), STOP, Used(Usage(9, 4, reasoning=2))])
    usage = payloads(data)[-2]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (9, 4, 13)
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 2


def test_calls_are_numbered_and_overlapping_ones_kept_apart() -> None:
    events: list[Event] = [
        Started(),
        *part(0, Text(""), "Looking."),
        PartStarted(1, ToolCall("call_a", "first")),
        PartStarted(2, ToolCall("", "second")),
        PartDelta(2, "{}"),
        PartDelta(1, '{"a":'),
        PartDelta(1, "1}"),
        PartEnded(1),
        PartEnded(2),
        Finished(Finish("tool_calls")),
    ]
    calls = said(events)["tool_calls"]
    assert [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls] == [
        ("call_a", "first", '{"a":1}'),
        ("call_01JX_1", "second", "{}"),
    ]


def test_an_answer_that_calls_tools_and_stopped_says_so() -> None:
    data = write([Started(), *part(0, ToolCall("a", "f"), "{}"), STOP])
    assert payloads(data)[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_tool_is_called_by_the_name_and_in_the_form_that_its_caller_gave_it() -> None:
    request = Request("m", tools=[Tool("my.tool"), Tool("shell", custom=True)])
    events = [*part(0, ToolCall("a", "my_tool"), "{}"), *part(1, ToolCall("b", "shell"), '{"inp', 'ut":"ls"}'), STOP]
    calls = [delta["tool_calls"][0] for delta in deltas(write(events, Voice("v", 1, request))) if delta.get("tool_calls")]
    assert calls[0] == {"index": 0, "id": "a", "type": "function", "function": {"name": "my.tool", "arguments": ""}}
    assert calls[-1] == {"index": 1, "id": "b", "type": "custom", "custom": {"name": "shell", "input": "ls"}}


def test_reasoning_goes_into_the_member_that_clients_know() -> None:
    message = said([Started(), *part(0, Thinking(), "Hm", "."), *part(1, Thinking(), "So."), *part(2, Text(""), "Hi"), STOP])
    assert (message["reasoning_content"], message["content"]) == ("Hm.\n\nSo.", "Hi")
    assert "reasoning_details" not in message


def test_a_signature_goes_out_with_its_own_text() -> None:
    events: list[Event] = [
        Started(),
        PartStarted(0, Thinking(dialect="anthropic.messages")),
        PartDelta(0, "One"),
        PartDelta(0, "."),
        Signed(0, "c2ln", "anthropic.messages"),
        PartEnded(0),
        *part(1, Thinking("Two.", "c2lnMg==", dialect="anthropic.messages")),
        *part(2, Text("Hi")),
        STOP,
    ]
    message = said(events)
    assert message["reasoning_content"] == "One.\n\nTwo."
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "One.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "Two.", "signature": "c2lnMg==", "format": "anthropic-claude-v1", "index": 1},
    ]


def test_a_signature_of_a_call_names_the_call() -> None:
    events: list[Event] = [
        Started(),
        *part(0, Thinking(signature="U2ln", dialect="gemini.generate")),
        *part(1, ToolCall("c1", "f"), "{}"),
        *part(2, Thinking(redacted="ZGF0YQ==", dialect="anthropic.messages")),
        STOP,
    ]
    assert said(events)["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": "U2ln", "format": "google-gemini-v1", "id": "c1", "index": 0},
        {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "format": "anthropic-claude-v1", "index": 1},
    ]


def test_texts_with_something_between_them_are_parted() -> None:
    apart = [*part(0, Text(""), "a"), *part(1, ToolCall("c", "f")), *part(2, Text(""), "b", "c"), STOP]
    assert said(apart)["content"] == "a\n\nbc"
    assert said([*part(0, Text(""), "a"), *part(1, Text(""), "b"), STOP])["content"] == "ab"


def test_citations_are_placed_in_the_whole_text() -> None:
    citation = Citation("https://a.b", "A", "quoted", start=0)
    events: list[Event] = [
        *part(0, Text(""), "It will "),
        PartStarted(1, Text("")),
        Cited(1, citation),
        PartDelta(1, "rain"),
        PartEnded(1),
        STOP,
    ]
    page = {"start_index": 8, "end_index": 12, "title": "A", "url": "https://a.b", "content": "quoted"}
    assert said(events)["annotations"] == [{"type": "url_citation", "url_citation": page}]


def test_logprobs_and_declining_words_and_pictures_are_written() -> None:
    token = TokenLogprob("a", -0.5, [97], [TokenLogprob("b", -1.0)])
    events: list[Event] = [
        Started(),
        *part(0, Text(""), "a"),
        Sampled([token]),
        *part(1, Declined(""), "No."),
        *part(2, Media("image", data="iVBORw0KGgo=", mime="image/png")),
        STOP,
    ]
    data = write(events)
    logprobs = [chunk["choices"][0]["logprobs"] for chunk in payloads(data)[:-1]]
    top = {"token": "b", "logprob": -1.0, "bytes": None}
    assert [each for each in logprobs if each] == [
        {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [top]}], "refusal": None}
    ]
    message = chat_completion(data)["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("a", "No.")
    assert {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]} in deltas(data)


def test_several_choices_each_have_their_role_and_end() -> None:
    data = write([Started(), *part(0, Text("A")), *part(0, Text("B"), choice=1), STOP, Finished(Finish("length"), 1)])
    choices = chat_completion(data)["choices"]
    assert [(c["index"], c["message"]["content"], c["finish_reason"]) for c in choices] == [
        (0, "A", "stop"),
        (1, "B", "length"),
    ]


@pytest.mark.parametrize("error", [Failure("overloaded", 529, "Busy."), Refusal(429, "budget", "Spent.")])
def test_a_broken_stream_ends_with_an_error_and_no_done(error: Failure | Refusal) -> None:
    writer = chat.CODEC.writer(VOICE)
    writer.feed([Started(), PartStarted(0, Text("")), PartDelta(0, "Half")])
    assert writer.broken(error) == chat.CODEC.stream_error(error)
    (payload,) = payloads(writer.broken(error))
    assert payload["error"]["message"] == error.message


@pytest.mark.parametrize("path", sorted((GOLDEN / "anthropic_messages").glob("*.sse")), ids=lambda path: path.stem)
def test_a_messages_stream_reads_in_chat_whatever_its_pieces(path: Any) -> None:
    data = path.read_bytes()
    if path.stem == "error":
        return
    outs = []
    for size in (len(data), 1, 7):
        reader, writer = messages.CODEC.reader(), chat.CODEC.writer(VOICE)
        out = b"".join(writer.feed(reader.feed(data[at : at + size])) for at in range(0, len(data), size))
        assert reader.complete
        outs.append(out + writer.end())
    assert outs[0] == outs[1] == outs[2]
    chat_completion(outs[0])
    expected = path.with_suffix(".chat")
    assert outs[0].decode() == expected.read_text()


def test_a_stream_that_never_started_can_still_end() -> None:
    assert payloads(write([Used(Usage(1, 2))]))[0]["usage"]["total_tokens"] == 3
    assert write(read_stream(messages.CODEC, b"")) == b"data: [DONE]\n\n"
