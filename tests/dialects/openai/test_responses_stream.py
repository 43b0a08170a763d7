"""Responses streams: read at every cut, watched by the tap, and written with their whole grammar."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, TokenLogprob, Tool, ToolCall
from lockgate.core.events import (
    Broken,
    Cited,
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
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Finish, Usage
from lockgate.core.request import Request
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.responses import CODEC
from lockgate.dialects.signature import wrap
from lockgate.wire.sse import payloads
from support.canonical import GOLDEN, check_grammar, fold, read_stream, shape
from support.mutation import mutated

FOLDER = GOLDEN / "openai_responses"
STREAMS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.sse"))}
BROKEN = ("failed", "error")
WHOLE = ("text", "tools", "search", "cut_short", "declined")
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
EVENT = TypeAdapter(ResponseStreamEvent)

every_stream = pytest.mark.parametrize("name", STREAMS)


def sse(data: bytes) -> list[dict]:
    """The events of a written stream; the name of each is the type in its data."""
    events = []
    for block in data.decode().split("\n\n")[:-1]:
        first, second = block.split("\n")
        event = json.loads(second.removeprefix("data: "))
        assert first == f"event: {event['type']}"
        events.append(event)
    return events


def write(*events, voice=VOICE, end=True) -> list[dict]:
    """A written stream, valid by the official types, numbered without a gap."""
    writer = CODEC.writer(voice)
    data = b"".join(writer.feed([event]) for event in events) + (writer.end() if end else b"")
    written = sse(data)
    assert [event["sequence_number"] for event in written] == list(range(len(written)))
    for event in written:
        EVENT.validate_python(event)
    return written


def said(parts, finish="stop"):
    """Events that tell these parts, each text in two deltas."""
    events = [Started("up-1", "served-model", 1767225601)]
    for index, part in enumerate(parts):
        text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        bare = msgspec.structs.replace(part)
        if isinstance(bare, ToolCall):
            bare.arguments = ""
        elif hasattr(bare, "text"):
            bare.text = ""
        if isinstance(bare, Thinking):
            bare.signature = ""
        events.append(PartStarted(index, bare))
        events += [PartDelta(index, piece) for piece in (text[:3], text[3:]) if piece]
        if isinstance(part, Thinking) and part.signature:
            events.append(Signed(index, part.signature, part.dialect))
        events.append(PartEnded(index))
    return [*events, Finished(Finish(finish)), Used(Usage(input=7, output=5, cached=3, reasoning=2))]


class TestReader:
    @every_stream
    def test_every_split_into_two_gives_the_same_events(self, name):
        data = STREAMS[name]
        whole = read_stream(CODEC, data)
        for cut in range(1, len(data)):
            reader = CODEC.reader()
            events = reader.feed(data[:cut]) + reader.feed(data[cut:])
            assert events + reader.end() == whole, cut

    @every_stream
    @pytest.mark.parametrize("size", (1, 2, 3, 7))
    def test_pieces_of_any_size_give_the_same_events(self, name, size):
        assert read_stream(CODEC, STREAMS[name], size) == read_stream(CODEC, STREAMS[name])

    @every_stream
    def test_events_follow_the_grammar(self, name):
        events = read_stream(CODEC, STREAMS[name])
        if name not in BROKEN:
            check_grammar(events)

    @pytest.mark.parametrize("name", [path.stem for path in FOLDER.glob("*.json") if path.with_suffix(".sse").exists()])
    def test_a_stream_tells_what_the_whole_answer_tells(self, name):
        reply = CODEC.read_reply((FOLDER / f"{name}.json").read_bytes())
        assert shape(fold(read_stream(CODEC, STREAMS[name]))) == shape(reply)

    @every_stream
    def test_a_cut_stream_is_not_complete(self, name):
        data = STREAMS[name]
        last = data.rstrip().rfind(b"event: ") if b"event: " in data else data.rfind(b'data: {"type": "response.completed"')
        reader = CODEC.reader()
        events = reader.feed(data[:last]) + reader.end()
        assert not reader.complete
        assert not any(isinstance(event, Finished) for event in events)

    def test_a_cut_inside_the_last_event_invents_nothing(self):
        data = STREAMS["text"].rstrip()
        for cut in range(data.rfind(b"event: "), len(data)):
            reader = CODEC.reader()
            events = reader.feed(data[:cut]) + reader.end()
            assert not reader.complete and not any(isinstance(event, (Finished, Broken)) for event in events)

    def test_a_last_event_without_its_blank_line_counts_when_it_is_whole(self):
        reader = CODEC.reader()
        events = reader.feed(STREAMS["text"].rstrip(b"\n")) + reader.end()
        assert reader.complete and isinstance(events[-1], Finished)

    def test_reasoning_calls_and_signatures_are_read(self):
        parts = fold(read_stream(CODEC, STREAMS["tools"])).choices[0].parts
        text = "**Weather**\n\nI look up Paris.\n\n**Then**\n\nI patch the file."
        signature = "gAAAAABpW+whole/signature=="
        assert parts[0] == Thinking(text, signature, dialect="openai.responses", id="rs_1111aaaa")
        assert parts[1] == ToolCall("call_weather", "get_weather", '{"city":"Paris","unit":"°C"}')
        assert parts[2] == ToolCall("call_time", "get_time", "{}")
        assert parts[3].custom and parts[3].arguments.startswith("*** Begin Patch\n")

    def test_a_sparse_host_is_understood(self):
        reply = fold(read_stream(CODEC, STREAMS["sparse_host"]))
        thought, text, call = reply.choices[0].parts
        assert (thought.text, thought.summary, text.text) == ("The user wants a greeting.", False, "Hello")
        assert (call.id, call.name, json.loads(call.arguments)) == ("call_1", "wave", {"hands": 2})
        assert reply.choices[0].finish.reason == "tool_calls"
        assert reply.usage.output == 7

    def test_an_answer_that_only_its_last_event_tells_is_read_from_there(self):
        response = json.loads((FOLDER / "tools.json").read_text())
        data = b"data: " + json.dumps({"type": "response.completed", "response": response}).encode() + b"\n\n"
        events = read_stream(CODEC, data)
        assert shape(fold(events).choices) == shape(fold(read_stream(CODEC, STREAMS["tools"])).choices)

    def test_a_failed_response_breaks_the_stream(self):
        events = read_stream(CODEC, STREAMS["failed"])
        assert events[-1].failure.kind == "server"
        assert events[-1].failure.message == "The server had an error while processing your request."

    def test_an_error_event_breaks_the_stream(self):
        events = read_stream(CODEC, STREAMS["error"])
        assert (events[-1].failure.kind, events[-1].failure.status) == ("rate_limit", 429)

    def test_a_flat_error_event_breaks_the_stream(self):
        data = b'event: error\ndata: {"type":"error","code":"server_error","message":"Oh no.","param":null}\n\n'
        (broken,) = read_stream(CODEC, data)
        assert (broken.failure.message, broken.failure.code) == ("Oh no.", "server_error")

    def test_a_malformed_event_breaks_the_stream_and_ends_it(self):
        reader = CODEC.reader()
        events = reader.feed(b"data: {nonsense\n\n" + STREAMS["text"])
        assert [type(event) for event in events] == [Broken] and events[0].failure.kind == "malformed"
        assert reader.feed(STREAMS["text"]) == [] and not reader.complete

    def test_an_event_of_an_unknown_kind_may_have_any_shape(self):
        odd = b'data: {"type":"response.dance.delta","delta":{"step":1},"output_index":"two"}\n\ndata: {"type":"keepalive"}\n\n'
        assert shape(read_stream(CODEC, odd + STREAMS["text"])) == shape(read_stream(CODEC, STREAMS["text"]))

    def test_an_odd_member_is_as_good_as_absent(self):
        data = STREAMS["text"].replace(b'"logprobs":[],"obf', b'"logprobs":7,"obf').replace(b'"usage":{', b'"usage":{"odd":[],')
        data = data.replace(b'"cached_tokens":16', b'"cached_tokens":"16"').replace(b'"created_at":', b'"created_at":null,"c":')
        reply, usual = fold(read_stream(CODEC, data)), fold(read_stream(CODEC, STREAMS["text"]))
        assert reply.choices == usual.choices and reply.usage.cached == 16

    def test_unknown_members_do_not_matter(self):
        data = STREAMS["text"].replace(b'"sequence_number":', b'"new_member":{"deep":[1]},"sequence_number":')
        assert shape(read_stream(CODEC, data)) == shape(read_stream(CODEC, STREAMS["text"]))

    def test_an_event_beyond_the_limit_breaks_the_stream(self):
        reader = CODEC.reader()
        events = reader.feed(b"data: " + b"x" * (9 * 1024 * 1024))
        assert events[-1].failure.kind == "malformed"

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_a_mutated_event_is_read_or_breaks_the_stream(self, data):
        events = [json.loads(piece) for piece in payloads(STREAMS[data.draw(st.sampled_from(WHOLE))])]
        index = data.draw(st.integers(0, len(events) - 1))
        events[index] = mutated(events[index], data)
        body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
        reader, writer, tap = CODEC.reader(), CODEC.writer(VOICE), CODEC.tap(False)
        told = reader.feed(body) + reader.end()
        writer.feed([event for event in told if not isinstance(event, Broken)])
        assert tap.feed(body) + tap.end() == body
        assert not (reader.complete and any(isinstance(event, Broken) for event in told))


class TestTap:
    @every_stream
    def test_the_bytes_pass_whatever_the_cut(self, name):
        data = STREAMS[name]
        for size in (1, 5, 64, len(data)):
            tap = CODEC.tap(False)
            out = b"".join(tap.feed(data[start : start + size]) for start in range(0, len(data), size)) + tap.end()
            assert out == data

    @every_stream
    def test_it_learns_what_the_reader_learns(self, name):
        data = STREAMS[name]
        outcome, reader = Outcome(), CODEC.reader()
        outcome.note(reader.feed(data))
        outcome.complete = reader.complete
        for size in (7, len(data)):
            tap = CODEC.tap(True)
            for start in range(0, len(data), size):
                tap.feed(data[start : start + size])
            assert shape(tap.outcome) == shape(outcome)

    def test_nothing_is_begun_by_a_response_that_has_only_failed(self):
        tap = CODEC.tap(False)
        response = {"id": "r", "status": "failed", "error": {"code": "server_is_overloaded", "message": "m"}, "output": []}
        begun = {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}}
        for event in (begun, {"type": "response.failed", "response": response}):
            tap.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
        assert (tap.outcome.begun, tap.outcome.failure.kind) == (False, "overloaded")

    def test_nothing_is_begun_before_the_model_speaks(self):
        tap = CODEC.tap(False)
        first, second, third = STREAMS["text"].split(b"\n\n")[:3]
        tap.feed(first + b"\n\n" + second + b"\n\n")
        assert not tap.outcome.begun and tap.outcome.model == "gpt-5.4-2026-03-05"
        tap.feed(third + b"\n\n")
        assert tap.outcome.begun

    def test_only_whole_events_go_out(self):
        tap = CODEC.tap(False)
        assert tap.feed(STREAMS["text"][:-1]).endswith(b"}\n\n")
        assert not tap.outcome.complete

    def test_a_text_that_names_events_deceives_nobody(self):
        text = '"response.completed" "error" {"type":"response.failed"}'
        delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text}
        tap = CODEC.tap(False)
        tap.feed(b"data: " + json.dumps(delta).encode() + b"\n\n")
        tap.feed(b"data: " + json.dumps(delta).encode() + b"\n\n")
        assert tap.outcome == Outcome(begun=True)


class TestWriter:
    def test_a_text_has_the_whole_grammar(self):
        written = write(*said([Text('Hello, "you" ☀️\n')]))
        assert [event["type"].removeprefix("response.") for event in written] == [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
        response = written[-1]["response"]
        assert response["output"][0]["content"][0]["text"] == 'Hello, "you" ☀️\n'
        assert "".join(event["delta"] for event in written if event["type"].endswith("delta")) == 'Hello, "you" ☀️\n'
        assert response["usage"] == {
            "input_tokens": 7,
            "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 12,
        }
        assert (response["id"], response["model"], response["created_at"]) == ("resp_01JX", "served-model", 1767225601)

    def test_reasoning_is_a_summary_with_its_proof_wrapped(self):
        written = write(*said([Thinking("I think.", "Eo/sig", dialect="anthropic.messages")]))
        kinds = [event["type"].removeprefix("response.") for event in written[2:-1]]
        assert kinds == [
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
        ]
        (item,) = written[-1]["response"]["output"]
        assert item["summary"] == [{"type": "summary_text", "text": "I think."}]
        assert item["encrypted_content"] == wrap("Eo/sig", "anthropic.messages", "")

    def test_reasoning_itself_is_content(self):
        written = write(*said([Thinking("Raw.", dialect="openai.chat", id="reasoning", summary=False)]))
        assert "response.reasoning_text.delta" in [event["type"] for event in written]
        assert written[-1]["response"]["output"][0]["content"] == [{"type": "reasoning_text", "text": "Raw."}]

    def test_a_call_tells_its_arguments_in_deltas_and_whole(self):
        written = write(*said([ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "g", "")], "tool_calls"))
        done = [event["arguments"] for event in written if event["type"] == "response.function_call_arguments.done"]
        deltas = [event["delta"] for event in written if event["type"] == "response.function_call_arguments.delta"]
        output = written[-1]["response"]["output"]
        assert done == ['{"a":1}', "{}"] == [item["arguments"] for item in output]
        assert "".join(deltas) == '{"a":1}{}'
        assert [item["call_id"] for item in output] == ["call_1", "call_2"]

    def test_a_free_text_tool_called_as_a_function_gets_its_text(self):
        voice = Voice("01JX", 1, Request("m", tools=[Tool("apply_patch", custom=True)]))
        written = write(*said([ToolCall("call_1", "apply_patch", '{"input":"*** Begin\\n"}')], "tool_calls"), voice=voice)
        kinds = [event["type"] for event in written]
        assert "response.custom_tool_call_input.done" in kinds and "response.function_call_arguments.delta" not in kinds
        (item,) = written[-1]["response"]["output"]
        assert (item["type"], item["input"]) == ("custom_tool_call", "*** Begin\n")

    @pytest.mark.parametrize("called", ["lab__weigh", "weigh"])
    def test_a_namespace_goes_back_into_its_own_member(self, called):
        voice = Voice("01JX", 1, Request("m", tools=[Tool("lab__weigh", namespace="lab")]))
        written = write(*said([ToolCall("call_1", called, "{}")], "tool_calls"), voice=voice)
        (item,) = written[-1]["response"]["output"]
        assert (item["name"], item["namespace"]) == ("weigh", "lab")

    def test_texts_that_follow_one_another_share_a_message(self):
        written = write(*said([Text("One. "), Declined("No."), ToolCall("c", "f", "{}"), Text("Two.")]))
        output = written[-1]["response"]["output"]
        assert [item["type"] for item in output] == ["message", "function_call", "message"]
        assert [part["type"] for part in output[0]["content"]] == ["output_text", "refusal"]
        added = [event["item"]["id"] for event in written if event["type"] == "response.output_item.added"]
        assert added == [item["id"] for item in output]

    def test_a_text_that_goes_on_beside_a_call_keeps_its_message(self):
        written = write(
            Started(),
            PartStarted(0, Text("")),
            PartDelta(0, "Before"),
            PartStarted(1, ToolCall("c", "f")),
            PartDelta(0, " and after."),
            PartDelta(1, "{}"),
            PartEnded(1),
            PartEnded(0),
            Finished(Finish("tool_calls")),
        )
        output = written[-1]["response"]["output"]
        assert output[0]["content"][0]["text"] == "Before and after."
        assert [event["type"] for event in written].count("response.output_item.done") == 2

    def test_citations_and_log_probabilities_stand_with_the_text(self):
        token = TokenLogprob("Hi", -0.1, top=[TokenLogprob("Ho", -2.0)])
        citation = Citation("https://example.org", "Example", start=0, end=2)
        writer = CODEC.writer(VOICE)
        data = writer.feed(
            [Started(), PartStarted(0, Text("")), PartDelta(0, "Hi"), Sampled([token]), Cited(0, citation), PartEnded(0)]
        )
        written = sse(data + writer.feed([Finished(Finish("stop"))]) + writer.end())
        delta = next(event for event in written if event["type"] == "response.output_text.delta")
        whole = written[-1]["response"]["output"][0]["content"][0]
        annotation = {
            "type": "url_citation",
            "url": "https://example.org",
            "title": "Example",
            "start_index": 0,
            "end_index": 2,
        }
        assert delta["logprobs"] == whole["logprobs"] and delta["logprobs"][0]["top_logprobs"][0]["token"] == "Ho"
        assert whole["annotations"] == [annotation]
        assert [e["annotation"] for e in written if e["type"] == "response.output_text.annotation.added"] == [annotation]
        for event in written:
            EVENT.validate_python(event)

    def test_an_image_is_an_image_generation_call(self):
        written = write(*said([Media("image", data="iVBO", mime="image/png")]))
        assert written[-1]["response"]["output"][0]["result"] == "iVBO"

    def test_a_foreign_native_part_is_left_out_and_an_own_one_kept(self):
        item = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}
        parts = [Native("gemini.generate", "toolCall", raw({})), Native("openai.responses", "web_search_call", raw(item))]
        assert write(*said(parts))[-1]["response"]["output"] == [item]

    @pytest.mark.parametrize(
        ("reason", "status", "told"),
        [
            ("length", "incomplete", "max_output_tokens"),
            ("content_filter", "incomplete", "content_filter"),
            ("pause", "completed", None),
        ],
    )
    def test_the_end_tells_why(self, reason, status, told):
        last = write(*said([Text("Half")], reason))[-1]
        assert last["type"] == f"response.{status}" and last["response"]["status"] == status
        assert (last["response"]["incomplete_details"] or {}).get("reason") == told

    def test_an_answer_that_says_nothing_is_complete(self):
        written = write(Started(), Finished(Finish("stop")))
        assert written[-1]["response"]["output"] == []

    def test_other_choices_are_left_out(self):
        events = [PartStarted(0, Text(""), 1), PartDelta(0, "other", 1), PartEnded(0, 1), Finished(Finish("length"), 1)]
        written = write(Started(), *events, *said([Text("first")])[1:])
        assert written[-1]["response"]["output"][0]["content"][0]["text"] == "first"
        assert written[-1]["type"] == "response.completed"

    def test_a_broken_stream_ends_in_an_error_and_a_failed_response(self):
        writer = CODEC.writer(VOICE)
        data = writer.feed([Started(), PartStarted(0, Text("")), PartDelta(0, "Half")])
        data += writer.broken(Failure("overloaded", 529, "Overloaded.", type="overloaded_error"))
        written = sse(data)
        error, failed = written[-2:]
        assert error["error"]["message"] == error["message"] == "Overloaded."
        assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
        assert failed["response"]["error"]["message"] == "Overloaded."
        assert "response.completed" not in [event["type"] for event in written]

    def test_a_stream_that_never_began_breaks_with_the_error_alone(self):
        written = sse(CODEC.writer(VOICE).broken(Refusal(429, "over_budget", "The budget is spent.")))
        assert [event["type"] for event in written] == ["error"] and written[0]["code"] == "over_budget"

    @pytest.mark.parametrize("name", [name for name in STREAMS if name not in BROKEN])
    def test_what_is_read_is_written_again(self, name):
        events = read_stream(CODEC, STREAMS[name])
        writer = CODEC.writer(VOICE)
        again = read_stream(CODEC, writer.feed(events) + writer.end())
        first, second = fold(events), fold(again)
        assert shape(second.choices[0].finish) == shape(first.choices[0].finish)
        assert [part.text for part in second.choices[0].parts if isinstance(part, Text)] == [
            part.text for part in first.choices[0].parts if isinstance(part, Text)
        ]
        assert [part for part in second.choices[0].parts if isinstance(part, ToolCall)] == [
            part for part in first.choices[0].parts if isinstance(part, ToolCall)
        ]
        assert shape(second.choices[0].logprobs) == shape(first.choices[0].logprobs)

    def test_the_last_object_is_a_response_of_the_official_type(self):
        for name in ("text", "tools", "search", "declined", "cut_short"):
            writer = CODEC.writer(VOICE)
            data = writer.feed(read_stream(CODEC, STREAMS[name])) + writer.end()
            TypeAdapter(Response).validate_python(sse(data)[-1]["response"])
