"""Messages streams: read at every cut, watched as they pass, and written as the official SDK wants them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, Tool, ToolCall
from lockgate.core.events import (
    Broken,
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnded,
    PartStarted,
    Sampled,
    Signed,
    Started,
    Used,
)
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import raw
from lockgate.core.reply import Finish, Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic import messages
from lockgate.dialects.anthropic.messages import CODEC
from lockgate.dialects.codec import Tap, Voice
from lockgate.dialects.openai import chat
from support.canonical import GOLDEN, check_grammar, fold, read_stream, shape
from support.sdk import message, payloads

NAME = "anthropic.messages"
STREAMS = {path.stem: path.read_bytes() for path in sorted((GOLDEN / "anthropic_messages").glob("*.sse"))}
WHOLE = sorted(STREAMS.keys() - {"error"})
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
STOP = Finished(Finish("stop"))

every_stream = pytest.mark.parametrize("name", STREAMS)


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in events)


START = {"type": "message_start", "message": {"id": "m1", "model": "c", "usage": {"input_tokens": 1, "output_tokens": 1}}}


class TestReader:
    @every_stream
    def test_every_split_into_two_gives_the_same_events(self, name: str) -> None:
        data = STREAMS[name]
        whole = shape(read_stream(CODEC, data))
        for cut in range(1, len(data)):
            reader = CODEC.reader()
            events = reader.feed(data[:cut]) + reader.feed(data[cut:])
            assert shape(events + reader.end()) == whole, cut

    @every_stream
    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
    def test_pieces_and_line_ends_do_not_matter(self, name: str, size: int, end: bytes) -> None:
        plain = STREAMS[name].replace(b"\r\n", b"\n")
        assert shape(read_stream(CODEC, plain.replace(b"\n", end), size)) == shape(read_stream(CODEC, plain))

    @every_stream
    def test_the_events_follow_their_grammar(self, name: str) -> None:
        check_grammar(read_stream(CODEC, STREAMS[name]))

    @pytest.mark.parametrize("name", WHOLE)
    def test_only_message_stop_ends_an_answer(self, name: str) -> None:
        data = STREAMS[name]
        reader = CODEC.reader()
        events = reader.feed(data[: data.rindex(b"event: message_stop")]) + reader.end()
        assert not reader.complete
        assert not any(type(event) is Finished for event in events)
        assert [type(event) for event in reader.feed(data[data.rindex(b"event: message_stop") :])] == [Finished]
        assert reader.complete
        assert reader.feed(sse(START)) == []

    def test_text_usage_and_stop_sequence_are_read(self) -> None:
        reply = fold(read_stream(CODEC, STREAMS["text"]))
        assert (reply.id, reply.model) == ("msg_01A", "claude-sonnet-4-5-20250929")
        assert reply.choices[0].parts == [Text("Grüße aus 東京")]
        assert reply.choices[0].finish == Finish("stop", "stop_sequence", "###")
        usage = reply.usage
        assert usage is not None
        assert (usage.input, usage.output, usage.cached, usage.cache_write, usage.cache_write_1h) == (150, 9, 100, 30, 20)
        assert usage.service_tier == "standard"
        assert json.loads(bytes(usage.raw or b""))["cache_creation"]["ephemeral_5m_input_tokens"] == 10

    def test_thinking_and_calls_are_read(self) -> None:
        reply = fold(read_stream(CODEC, STREAMS["tools"]))
        assert reply.choices[0].parts == [
            Thinking("Two calls then.", "RXFvQg==", dialect=NAME),
            Text("Looking."),
            ToolCall("toolu_1", "get_weather", '{"city": "Zürich"}'),
            ToolCall("toolu_2", "now", ""),
        ]
        assert reply.choices[0].finish == Finish("tool_calls", "tool_use")
        assert reply.usage is not None
        assert reply.usage.reasoning == 20

    def test_redacted_thinking_is_read(self) -> None:
        assert fold(read_stream(CODEC, STREAMS["redacted"])).choices[0].parts == [
            Thinking(redacted="RW5jcnlwdGVk", dialect=NAME),
            Text("Fine."),
        ]

    def test_server_tools_stay_as_they_are_and_citations_are_read(self) -> None:
        reply = fold(read_stream(CODEC, STREAMS["search"]))
        use, result, *texts = reply.choices[0].parts
        assert isinstance(use, Native)
        assert json.loads(bytes(use.raw)) == {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "rain"},
        }
        assert isinstance(result, Native)
        assert (result.kind, json.loads(bytes(result.raw))["tool_use_id"]) == ("web_search_tool_result", "srvtoolu_1")
        assert [part.text for part in texts] == ["It will ", "rain", "."]
        (citation,) = texts[1].citations
        assert (citation.url, citation.title, citation.quote, citation.start) == (
            "https://w.example",
            "Weather",
            "rain all day",
            0,
        )
        assert reply.usage is not None
        assert (reply.usage.input, reply.usage.searches) == (900, 1)

    @pytest.mark.parametrize(("name", "reason"), [("refusal", "content_filter"), ("pause", "pause")])
    def test_other_endings_are_read(self, name: str, reason: str) -> None:
        finish = fold(read_stream(CODEC, STREAMS[name])).choices[0].finish
        assert finish is not None
        assert finish.reason == reason

    def test_an_error_event_breaks_the_stream(self) -> None:
        reader = CODEC.reader()
        assert reader.feed(STREAMS["error"])[-1] == Broken(Failure("overloaded", 529, "Overloaded", type="overloaded_error"))
        assert not reader.complete
        assert reader.feed(sse(START)) == []

    @pytest.mark.parametrize("event", [b"data: {oops\n\n", b"data: 5\n\n", b"data: \xff\n\n", b'data: {"type":{}}\n\n'])
    def test_an_event_that_cannot_be_read_is_a_broken_stream(self, event: bytes) -> None:
        events = CODEC.reader().feed(sse(START) + event)
        if event != b'data: {"type":{}}\n\n':  # a member of an odd type is as good as absent
            assert type(events[-1]) is Broken
            assert events[-1].failure.kind == "malformed"

    def test_events_to_come_are_ignored(self) -> None:
        events = CODEC.reader().feed(sse(START, {"type": "brand_new", "x": 1}, {"type": "ping"}))
        assert [type(event) for event in events] == [Started, Used]

    def test_input_that_comes_with_the_beginning_counts(self) -> None:
        block = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
        events = CODEC.reader().feed(sse(START, {"type": "content_block_start", "index": 0, "content_block": block}))
        assert fold(events).choices[0].parts == [ToolCall("t", "f", '{"a": 1}')]

    def test_deltas_of_a_block_that_is_not_open_are_dropped(self) -> None:
        delta = {"type": "content_block_delta", "index": 3, "delta": {"type": "text_delta", "text": "x"}}
        assert [type(event) for event in CODEC.reader().feed(sse(START, delta))] == [Started, Used]


def passed(data: bytes, size: int = 1_000_000) -> tuple[bytes, Tap]:
    tap = CODEC.tap(True)
    out = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + tap.end(), tap


class TestTap:
    @every_stream
    @pytest.mark.parametrize("size", [1, 7, 1_000_000])
    def test_a_stream_passes_unchanged_and_is_learnt_from(self, name: str, size: int) -> None:
        out, tap = passed(STREAMS[name], size)
        assert out == STREAMS[name]
        assert shape(tap.outcome) == shape(passed(STREAMS[name])[1].outcome)
        assert tap.outcome.complete is (name != "error")

    @pytest.mark.parametrize("name", WHOLE)
    def test_it_learns_what_the_reader_reads(self, name: str) -> None:
        outcome, reply = passed(STREAMS[name])[1].outcome, fold(read_stream(CODEC, STREAMS[name]))
        assert (outcome.id, outcome.model, outcome.finish) == (reply.id, reply.model, reply.choices[0].finish)
        assert shape(outcome.usage) == shape(reply.usage)

    def test_the_start_alone_is_no_beginning(self) -> None:
        tap = CODEC.tap(False)
        tap.feed(sse(START, {"type": "ping"}))
        assert (tap.outcome.begun, tap.outcome.id) == (False, "m1")
        tap.feed(sse({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}))
        assert tap.outcome.begun

    def test_an_error_passes_and_is_known(self) -> None:
        failure = passed(STREAMS["error"])[1].outcome.failure
        assert failure is not None
        assert (failure.kind, failure.status) == ("overloaded", 529)

    @pytest.mark.parametrize("event", [b"data: {oops\n\n", b"data: 5\n\n", b"event: x\ndata: \xff\n\n"])
    def test_an_event_that_cannot_be_read_passes(self, event: bytes) -> None:
        out, tap = passed(event + STREAMS["text"])
        assert out == event + STREAMS["text"]
        assert tap.outcome.complete

    def test_a_last_event_passes_without_its_blank_line_only_when_it_is_whole(self) -> None:
        data = STREAMS["text"].rstrip()
        out, tap = passed(data)
        assert out == STREAMS["text"]
        assert tap.outcome.complete
        out, tap = passed(data[:-2])
        assert out == data[: data.rindex(b"event:")]
        assert not tap.outcome.complete


def part(index: int, what: Any, *texts: str) -> list[Event]:
    return [PartStarted(index, what), *(PartDelta(index, text) for text in texts), PartEnded(index)]


def write(events: list[Event], voice: Voice = VOICE, *, at_once: bool = True) -> bytes:
    writer = CODEC.writer(voice)
    out = writer.feed(events) if at_once else b"".join(writer.feed([event]) for event in events)
    return out + writer.end()


def said(events: list[Event], voice: Voice = VOICE) -> dict[str, Any]:
    data = write(events, voice)
    one_by_one = message(write(events, voice, at_once=False))
    check_order(data)
    made = message(data)
    assert made["content"] == one_by_one["content"]
    return made


def check_order(data: bytes) -> None:
    """Assert that blocks follow one another without gaps and every event stands where the API puts it."""
    kinds = [payload["type"] for payload in payloads(data)]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("message_start") == kinds.count("message_delta") == kinds.count("message_stop") == 1
    index, inside = 0, False
    for payload in payloads(data)[1:-2]:
        assert payload["index"] == index
        match payload["type"]:
            case "content_block_start":
                assert not inside
                inside = True
            case "content_block_delta":
                assert inside
            case "content_block_stop":
                assert inside
                inside, index = False, index + 1
    assert not inside


class TestWriter:
    def test_a_text_is_written(self) -> None:
        made = said(
            [Started("x1", "model-1"), *part(0, Text(""), "Hel", "lo"), STOP, Used(Usage(10, 2, cached=3, cache_write=4))]
        )
        assert (made["id"], made["model"], made["role"], made["stop_reason"]) == ("x1", "model-1", "assistant", "end_turn")
        assert [block["text"] for block in made["content"]] == ["Hello"]
        usage = made["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == (3, 2)
        assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (3, 4)

    def test_what_the_provider_does_not_say_the_voice_does(self) -> None:
        made = said([*part(0, Text("Hi")), STOP])
        assert (made["id"], made["model"]) == ("msg_01JX", "asked-model")

    def test_event_names_are_their_types(self) -> None:
        for event in write([*part(0, Text("Hi")), STOP]).split(b"\n\n")[:-1]:
            name, data = event.split(b"\n")
            assert json.loads(data.removeprefix(b"data: "))["type"] == name.removeprefix(b"event: ").decode()

    def test_usage_known_at_the_beginning_is_said_there(self) -> None:
        data = write([Used(Usage(7)), Started(), *part(0, Text("Hi")), STOP, Used(Usage(7, 5, reasoning=2))])
        assert payloads(data)[0]["message"]["usage"]["input_tokens"] == 7
        assert payloads(data)[-2]["usage"]["output_tokens_details"] == {"thinking_tokens": 2}

    def test_overlapping_parts_are_written_one_after_the_other(self) -> None:
        events: list[Event] = [
            Started(),
            PartStarted(0, ToolCall("a", "first")),
            PartStarted(1, ToolCall("", "second")),
            PartDelta(1, '{"b":'),
            PartDelta(0, '{"a":1}'),
            PartDelta(1, "2}"),
            PartStarted(2, Text("")),
            PartDelta(2, "Hi"),
            PartEnded(1),
            PartEnded(0),
            PartEnded(2),
            STOP,
        ]
        made = said(events)
        blocks = [(b.get("id"), b.get("name"), b.get("input"), b.get("text")) for b in made["content"]]
        assert blocks == [
            ("a", "first", {"a": 1}, None),
            ("toolu_01JX_1", "second", {"b": 2}, None),
            (None, None, None, "Hi"),
        ]
        assert made["stop_reason"] == "tool_use"

    def test_the_part_that_is_first_is_streamed_at_once(self) -> None:
        writer = CODEC.writer(VOICE)
        writer.feed([Started(), PartStarted(0, Text(""))])
        assert b'"text":"Hi"' in writer.feed([PartDelta(0, "Hi")])
        assert writer.feed([PartStarted(1, Text("")), PartDelta(1, "later")]) == b""
        out = writer.feed([PartEnded(0)])
        assert out.index(b"content_block_stop") < out.index(b'"text":"later"')

    def test_parts_that_say_nothing_are_left_out(self) -> None:
        events = [*part(0, Text("")), *part(1, Thinking()), *part(2, Declined("")), *part(3, Text(""), "a"), STOP]
        assert [block["type"] for block in said(events)["content"]] == ["text"]

    def test_thinking_is_written_with_its_signature(self) -> None:
        events: list[Event] = [
            Started(),
            PartStarted(0, Thinking(dialect=NAME)),
            PartDelta(0, "Hm."),
            Signed(0, "c2ln", NAME),
            PartEnded(0),
            *part(1, Thinking("So.", "c2lnMg==", dialect=NAME)),
            *part(2, Thinking("", "c2lnMw==", dialect=NAME)),
            *part(3, Thinking(redacted="ZGF0YQ==", dialect=NAME)),
            STOP,
        ]
        assert said(events)["content"] == [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "thinking", "thinking": "So.", "signature": "c2lnMg=="},
            {"type": "thinking", "thinking": "", "signature": "c2lnMw=="},
            {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        ]

    def test_other_dialects_signatures_ride_in_thinking_blocks_and_come_back(self) -> None:
        events: list[Event] = [
            Started(),
            PartStarted(0, Thinking(dialect="openai.responses", id="rs_1")),
            PartDelta(0, "Hm."),
            Signed(0, "ZW5j", "openai.responses"),
            PartEnded(0),
            *part(1, Thinking(signature="R29v", dialect="gemini.generate")),
            *part(2, ToolCall("a", "f"), "{}"),
            *part(3, Thinking("Deep.", dialect="openai.chat", id="reasoning_content")),
            *part(4, Thinking(redacted="eHh4", dialect="bedrock.converse")),
            STOP,
        ]
        content = said(events)["content"]
        body = {"model": "m", "max_tokens": 1, "messages": [{"role": "assistant", "content": content}]}
        request = CODEC.read_request(Sheet.open(json.dumps(body).encode()))
        assert request.turns[0].parts == [
            Thinking("Hm.", "ZW5j", dialect="openai.responses", id="rs_1"),
            Thinking("", "R29v", dialect="gemini.generate"),
            ToolCall("a", "f", "{}"),
            Thinking("Deep.", dialect="openai.chat", id="reasoning_content"),
            Thinking(redacted="eHh4", dialect="bedrock.converse"),
        ]

    def test_citations_are_written(self) -> None:
        native = {"type": "char_location", "cited_text": "q", "document_index": 0, "start_char_index": 0, "end_char_index": 1}
        events: list[Event] = [
            PartStarted(0, Text("")),
            PartDelta(0, "rain"),
            Cited(0, Citation("https://a.b", "A", "quoted")),
            Cited(0, Citation(native=raw(native), dialect=NAME)),
            Cited(0, Citation(title="no page")),
            PartEnded(0),
            STOP,
        ]
        first, second = said(events)["content"][0]["citations"]
        assert (first["type"], first["url"], first["cited_text"]) == ("web_search_result_location", "https://a.b", "quoted")
        assert second.items() >= native.items()

    def test_blocks_of_its_own_and_pictures_by_url_are_written(self) -> None:
        block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
        other = Native("openai.responses", "web_search_call", raw({}))
        events = [
            *part(0, Native(NAME, "server_tool_use", raw(block))),
            *part(1, other),
            *part(2, Media("image", url="https://a.b/c.png")),
            *part(3, Media("image", data="AAAA")),
            Sampled([]),
            STOP,
        ]
        first, second = said(events)["content"]
        assert first.items() >= block.items()
        assert second["text"] == "https://a.b/c.png"

    def test_a_tool_is_called_by_the_name_that_its_caller_gave_it(self) -> None:
        voice = Voice("v", 1, Request("m", tools=[Tool("my.tool")]))
        assert said([*part(0, ToolCall("a", "my_tool"), "{}"), STOP], voice)["content"][0]["name"] == "my.tool"

    def test_free_text_becomes_an_object(self) -> None:
        content = said([*part(0, ToolCall("a", "sh", custom=True), "ls", " -l"), STOP])["content"]
        assert content[0]["input"] == {"input": "ls -l"}

    def test_the_first_choice_is_the_answer(self) -> None:
        events: list[Event] = [
            *part(0, Text("A")),
            PartStarted(0, Text("B"), 1),
            PartEnded(0, 1),
            STOP,
            Finished(Finish("length"), 1),
        ]
        made = said(events)
        assert ([block["text"] for block in made["content"]], made["stop_reason"]) == (["A"], "end_turn")

    @pytest.mark.parametrize(
        ("finish", "reason", "sequence"),
        [
            (Finish("stop", stop_sequence="###"), "stop_sequence", "###"),
            (Finish("length"), "max_tokens", None),
            (Finish("tool_calls"), "tool_use", None),
            (Finish("content_filter"), "refusal", None),
            (Finish("pause"), "pause_turn", None),
            (Finish("unknown"), "end_turn", None),
        ],
    )
    def test_endings_are_written(self, finish: Finish, reason: str, sequence: str | None) -> None:
        made = said([*part(0, Text("a")), Finished(finish)])
        assert (made["stop_reason"], made["stop_sequence"]) == (reason, sequence)

    @pytest.mark.parametrize("error", [Failure("rate_limit", 429, "Slow down."), Refusal(403, "no", "Not allowed.")])
    def test_a_broken_stream_ends_with_an_error_event_and_no_stop(self, error: Failure | Refusal) -> None:
        writer = CODEC.writer(VOICE)
        writer.feed([Started(), PartStarted(0, Text("")), PartDelta(0, "Half")])
        out = writer.broken(error)
        assert out.startswith(b"event: error\ndata: ")
        (payload,) = payloads(out)
        assert (payload["type"], payload["error"]["message"]) == ("error", error.message)

    @pytest.mark.parametrize("path", sorted((GOLDEN / "openai_chat").glob("*.messages")), ids=lambda path: path.stem)
    def test_a_chat_stream_reads_in_messages_whatever_its_pieces(self, path: Path) -> None:
        data = path.with_suffix(".sse").read_bytes()
        outs = []
        for size in (len(data), 1, 7):
            reader, writer = chat.CODEC.reader(), messages.CODEC.writer(VOICE)
            out = b"".join(writer.feed(reader.feed(data[at : at + size])) for at in range(0, len(data), size))
            assert reader.complete
            outs.append(out + writer.end())
        assert outs[0] == path.read_bytes()
        check_order(outs[0])
        whole = message(outs[0])
        for out in outs[1:]:
            check_order(out)
            assert message(out)["content"] == whole["content"]

    def test_a_stream_that_never_started_can_still_end(self) -> None:
        assert message(write([]))["content"] == []
