"""generateContent streams: read at every cut, watched by the tap, and written as chunks."""

import json

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.content import Citation, Media, Text, Thinking, ToolCall
from lockgate.core.events import Broken, Cited, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Finish, Usage
from lockgate.core.request import Request
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini.generate import CODEC
from lockgate.wire.sse import payloads
from support.canonical import GOLDEN, check_grammar, fold, read_stream, shape
from support.mutation import mutated

FOLDER = GOLDEN / "gemini_generate"
STREAMS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.sse"))}
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "gemini.generate"
WHOLE = ("text", "tools", "grounded", "code", "blocked")

every_stream = pytest.mark.parametrize("name", STREAMS)


def chunks(data: bytes) -> list[dict]:
    return [json.loads(block.removeprefix(b"data: ")) for block in data.split(b"\n\n") if block]


def write(*events) -> list[dict]:
    writer = CODEC.writer(VOICE)
    return chunks(b"".join(writer.feed([event]) for event in events) + writer.end())


def parts(written: list[dict]) -> list[dict]:
    return [part for chunk in written for part in chunk["candidates"][0]["content"]["parts"]]


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
    def test_line_ends_do_not_matter(self, name):
        plain = STREAMS[name].replace(b"\r\n", b"\n")
        assert shape(read_stream(CODEC, plain.replace(b"\n", b"\r\n"))) == shape(read_stream(CODEC, plain))

    @every_stream
    def test_events_follow_the_grammar(self, name):
        check_grammar(read_stream(CODEC, STREAMS[name])[: -1 if name == "error" else None])

    @pytest.mark.parametrize("name", ["tools", "code", "blocked"])
    def test_a_stream_tells_what_the_whole_answer_tells(self, name):
        streamed = fold(read_stream(CODEC, STREAMS[name]))
        reply = CODEC.read_reply((FOLDER / f"{name}.json").read_bytes())
        streamed.service_tier = reply.service_tier
        if streamed.usage:
            streamed.usage.raw = reply.usage.raw
        told, whole = shape(streamed), shape(reply)
        for choice in told["choices"] + whole["choices"]:
            for part in choice["parts"]:
                if part[""] == "ToolCall" and part["id"] != "fc-own":
                    assert part.pop("id").startswith("call_kq1rZ_0xLd2a7dIP_")
        assert told == whole

    def test_running_text_is_one_part_and_its_signature_stands_behind_it(self):
        reply = fold(read_stream(CODEC, STREAMS["text"]))
        thought, text, proof = reply.choices[0].parts
        assert thought == Thinking("**Greeting**\n\nI greet the south.", dialect=NAME)
        assert text == Text('Grüße aus dem "Süden": ☀️\n\ndata: keine')
        assert proof == Thinking("", "EjQKMgEMOdb3sig+text/A==", dialect=NAME)

    def test_the_last_usage_counts_and_keeps_what_only_the_first_said(self):
        usage = fold(read_stream(CODEC, STREAMS["text"])).usage
        assert (usage.input, usage.output, usage.reasoning, usage.cached) == (8, 42, 31, 4)

    def test_calls_are_signed_named_apart_and_end_the_answer(self):
        reply = fold(read_stream(CODEC, STREAMS["tools"]))
        _text, proof, first, second, third = reply.choices[0].parts
        assert proof.signature == "CallSignature+/AA=" and json.loads(first.arguments)["unit"] == "°C"
        assert first.id == "fc-own" and len({first.id, second.id, third.id}) == 3
        assert reply.choices[0].finish == Finish("tool_calls", "STOP")

    def test_grounding_becomes_citations_once_counted_in_characters(self):
        reply = fold(read_stream(CODEC, STREAMS["grounded"]))
        text = reply.choices[0].parts[0]
        cited = [(citation.url, text.text[citation.start : citation.end]) for citation in text.citations]
        assert cited == [
            ("https://example.org/zugspitze", "Die Höhe ist 2962 m."),
            ("https://example.net/berge", "Die Höhe ist 2962 m."),
            ("https://example.net/berge", "Schön ist’s."),
        ]
        assert (reply.usage.searches, reply.usage.input) == (1, 42)

    def test_a_blocked_prompt_is_a_filtered_answer(self):
        reader = CODEC.reader()
        events = reader.feed(STREAMS["blocked"])
        assert reader.complete and fold(events).choices[0].finish == Finish("content_filter", "PROHIBITED_CONTENT")

    @every_stream
    def test_a_cut_stream_is_not_complete(self, name):
        data = STREAMS[name]
        reader = CODEC.reader()
        events = reader.feed(data[: data.rstrip().rfind(b"data: {")]) + reader.end()
        assert not reader.complete and not any(isinstance(event, Finished) for event in events)

    def test_a_cut_inside_the_last_chunk_invents_nothing(self):
        data = STREAMS["text"].rstrip()
        for cut in range(data.rfind(b"data: {"), len(data)):
            reader = CODEC.reader()
            events = reader.feed(data[:cut]) + reader.end()
            assert not reader.complete and not any(isinstance(event, (Finished, Broken)) for event in events)

    def test_a_last_chunk_without_its_blank_line_counts_when_it_is_whole(self):
        reader = CODEC.reader()
        assert isinstance((reader.feed(STREAMS["text"].rstrip()) + reader.end())[-1], (Finished, Used)) and reader.complete

    def test_an_error_breaks_the_stream(self):
        events = read_stream(CODEC, STREAMS["error"])
        failure = events[-1].failure
        assert (failure.kind, failure.status, failure.type) == ("overloaded", 503, "UNAVAILABLE")

    @pytest.mark.parametrize("bad", [b"nonsense", b"[1]", b'{"candidates": [{"content": {"parts": [5]}}]}'])
    def test_a_malformed_chunk_breaks_the_stream_and_ends_it(self, bad):
        reader = CODEC.reader()
        events = reader.feed(b"data: " + bad + b"\r\n\r\n" + STREAMS["text"])
        assert isinstance(events[-1], Broken) and events[-1].failure.kind == "malformed"
        assert reader.feed(STREAMS["text"]) == [] and not reader.complete

    def test_unknown_members_do_not_matter(self):
        data = STREAMS["tools"].replace(b'"functionCall":{', b'"new":[{}],"functionCall":{"newer":{"a":1},')
        assert shape(read_stream(CODEC, data)) == shape(read_stream(CODEC, STREAMS["tools"]))

    def test_candidates_are_choices_each_with_its_end(self):
        one = {"content": {"parts": [{"text": "A"}]}, "index": 0}
        two = {"content": {"parts": [{"text": "B"}]}, "index": 1}
        reader = CODEC.reader()
        events = reader.feed(b"data: " + json.dumps({"candidates": [one, two]}).encode() + b"\n\n")
        done = {"candidates": [{"index": 1, "finishReason": "STOP"}]}
        events += reader.feed(b"data: " + json.dumps(done).encode() + b"\n\n")
        assert not reader.complete
        events += reader.feed(b'data: {"candidates":[{"index":0,"finishReason":"MAX_TOKENS"}]}\n\n')
        assert reader.complete
        check_grammar(events)
        assert [choice.finish.reason for choice in fold(events).choices] == ["length", "stop"]

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
        outcome, reader = Outcome(), CODEC.reader()
        outcome.note(reader.feed(STREAMS[name]))
        outcome.complete = reader.complete
        tap = CODEC.tap(False)
        tap.feed(STREAMS[name])
        assert shape(tap.outcome) == shape(outcome)


class TestWriter:
    def test_each_piece_is_a_chunk_and_the_last_one_ends_it(self):
        written = write(
            Started("r-1", "gemini-x"),
            PartStarted(0, Text("")),
            PartDelta(0, "Hel"),
            PartDelta(0, 'lo "☀️"'),
            PartEnded(0),
            Finished(Finish("stop")),
            Used(Usage(input=5, output=9, reasoning=4, cached=2)),
        )
        assert [part["text"] for part in parts(written)] == ["Hel", 'lo "☀️"']
        assert {(chunk["responseId"], chunk["modelVersion"]) for chunk in written} == {("r-1", "gemini-x")}
        assert [chunk["candidates"][0].get("finishReason") for chunk in written] == [None, None, "STOP"]
        assert written[-1]["usageMetadata"] == {
            "promptTokenCount": 5,
            "candidatesTokenCount": 5,
            "totalTokenCount": 14,
            "thoughtsTokenCount": 4,
            "cachedContentTokenCount": 2,
        }

    def test_a_signature_goes_onto_the_part_behind_it(self):
        written = write(
            Started(),
            PartStarted(0, Thinking(dialect=NAME)),
            PartDelta(0, "Hm."),
            PartEnded(0),
            PartStarted(1, Thinking(dialect=NAME)),
            Signed(1, "U2ln", NAME),
            PartEnded(1),
            PartStarted(2, ToolCall("c1", "f")),
            PartDelta(2, '{"a":'),
            PartDelta(2, "1}"),
            PartEnded(2),
            Finished(Finish("tool_calls")),
        )
        thought, call = parts(written)
        assert thought == {"text": "Hm.", "thought": True}
        assert call == {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "U2ln"}

    def test_a_signature_with_nothing_behind_it_gets_an_empty_text(self):
        written = write(
            Started(), PartStarted(0, Thinking(dialect=NAME)), Signed(0, "U2ln", NAME), PartEnded(0), Finished(Finish("stop"))
        )
        assert parts(written) == [{"text": "", "thoughtSignature": "U2ln"}]

    def test_citations_become_grounding_counted_in_bytes(self):
        citation = Citation("https://x.org", "X", start=3, end=7)
        written = write(
            Started(),
            PartStarted(0, Text("")),
            PartDelta(0, "Süß: ähm"),
            Cited(0, citation),
            PartEnded(0),
            Finished(Finish("stop")),
        )
        grounding = written[-1]["candidates"][0]["groundingMetadata"]
        assert grounding["groundingChunks"] == [{"web": {"uri": "https://x.org", "title": "X"}}]
        segment = grounding["groundingSupports"][0]["segment"]
        assert "Süß: ähm".encode()[segment["startIndex"] : segment["endIndex"]].decode() == ": äh"

    def test_an_image_is_inline_data(self):
        written = write(Started(), PartStarted(0, Media("image", data="iVBO", mime="image/png")), PartEnded(0))
        assert parts(written) == [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]

    def test_a_broken_stream_ends_in_the_error_alone(self):
        writer = CODEC.writer(VOICE)
        (error,) = chunks(writer.broken(Failure("rate_limit", 429, "Slow down.", retry_after=2.0)))
        assert (error["error"]["code"], error["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert error["error"]["details"][0]["retryDelay"] == "2s"

    @pytest.mark.parametrize("name", ["text", "tools", "grounded", "code", "blocked"])
    def test_what_is_read_is_written_again(self, name):
        events = read_stream(CODEC, STREAMS[name])
        writer = CODEC.writer(VOICE)
        data = writer.feed(events) + writer.end()
        first, second = fold(events), fold(read_stream(CODEC, data))
        assert shape(second.choices) == shape(first.choices)
        assert (second.usage.input, second.usage.output, second.id) == (first.usage.input, first.usage.output, first.id)

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.sampled_from(["text", "thought", "call"]), max_size=8), st.data())
    def test_any_order_of_parts_can_be_written_and_read(self, kinds, data):
        events = [Started("r", "m")]
        for index, kind in enumerate(kinds):
            part = {"text": Text(""), "thought": Thinking(dialect=NAME), "call": ToolCall(f"c{index}", "f")}[kind]
            events.append(PartStarted(index, part))
            pieces = ['{"a"', ":1}"] if kind == "call" else data.draw(st.lists(st.text(max_size=3), max_size=2))
            events += [PartDelta(index, piece) for piece in pieces]
            events.append(PartEnded(index))
        events.append(Finished(Finish("stop")))
        writer = CODEC.writer(VOICE)
        again = read_stream(CODEC, b"".join(writer.feed([event]) for event in events) + writer.end())
        check_grammar(again)

        def told(reply, kind):
            return "".join(getattr(part, "text", "") for part in reply.choices[0].parts if isinstance(part, kind))

        for kind in (Text, Thinking):
            assert told(fold(again), kind) == told(fold(events), kind)
        assert msgspec.json.encode(kinds.count("call")) == msgspec.json.encode(
            sum(isinstance(part, ToolCall) for part in fold(again).choices[0].parts)
        )
