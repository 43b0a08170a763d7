"""Cohere's streams: read at every cut, watched by the tap, and written."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.content import Citation, Media, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.events import Broken, Cited, Finished, PartDelta, PartEnded, PartStarted, Sampled, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Finish, Usage
from lockgate.core.request import Request
from lockgate.dialects.codec import Voice
from lockgate.dialects.cohere.chat import CODEC
from lockgate.wire.sse import frames
from support.canonical import GOLDEN, check_grammar, fold, read_stream, shape
from support.mutation import mutated

FOLDER = GOLDEN / "cohere_chat"
STREAMS = {path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*.sse"))}
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "cohere.chat"
WHOLE = ("text", "thinking", "tools", "cited")

every_stream = pytest.mark.parametrize("name", STREAMS)


def events(data):
    return [json.loads(frame.data) for frame in frames(data)]


def write(*told):
    writer = CODEC.writer(VOICE)
    return events(b"".join(writer.feed([event]) for event in told) + writer.end())


def stream(*told):
    return b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in told)


class TestReader:
    @every_stream
    def test_every_split_into_two_gives_the_same_events(self, name):
        data = STREAMS[name]
        whole = read_stream(CODEC, data)
        for cut in range(1, len(data)):
            reader = CODEC.reader()
            assert reader.feed(data[:cut]) + reader.feed(data[cut:]) + reader.end() == whole, cut

    @every_stream
    @pytest.mark.parametrize("size", (1, 2, 3, 7))
    def test_pieces_of_any_size_give_the_same_events(self, name, size):
        assert read_stream(CODEC, STREAMS[name], size) == read_stream(CODEC, STREAMS[name])

    @every_stream
    def test_line_ends_do_not_matter(self, name):
        data = STREAMS[name]
        assert read_stream(CODEC, data.replace(b"\n", b"\r\n")) == read_stream(CODEC, data)

    @every_stream
    def test_comments_do_not_matter(self, name):
        data = STREAMS[name]
        assert read_stream(CODEC, b": alive\n\n" + data.replace(b"\n\n", b"\n\n: alive\n\n")) == read_stream(CODEC, data)

    @every_stream
    def test_events_follow_the_grammar(self, name):
        check_grammar(read_stream(CODEC, STREAMS[name]))

    @pytest.mark.parametrize("name", WHOLE)
    def test_a_stream_tells_what_the_whole_answer_tells(self, name):
        streamed = fold(read_stream(CODEC, STREAMS[name]))
        assert shape(streamed) == shape(CODEC.read_reply((FOLDER / f"{name}.json").read_bytes()))

    @pytest.mark.parametrize("name", WHOLE)
    def test_only_the_end_of_the_message_completes_it(self, name):
        data = STREAMS[name]
        end = data.index(b"event: message-end")
        reader = CODEC.reader()
        told = reader.feed(data[:end]) + reader.end()
        assert not reader.complete and Finished not in map(type, told)
        reader = CODEC.reader()
        reader.feed(data)
        assert reader.complete

    def test_a_last_event_without_its_blank_line_counts_when_it_is_whole(self):
        data = STREAMS["thinking"]
        reader = CODEC.reader()
        reader.feed(data.rstrip(b"\n"))
        assert not reader.complete
        reader.end()
        assert reader.complete
        reader = CODEC.reader()
        reader.feed(data[:-10])
        assert reader.end() == [] and not reader.complete

    def test_an_answer_that_fails_is_broken_with_the_providers_words(self):
        told = read_stream(CODEC, STREAMS["failed"])
        assert isinstance(told[-1], Broken)
        assert (told[-1].failure.kind, told[-1].failure.message) == ("server", "the model crashed")

    @pytest.mark.parametrize("data", [{"message": "slow down"}, {"type": "error", "error": {"message": "slow down"}}])
    def test_an_error_in_the_stream_is_broken(self, data):
        (told,) = read_stream(CODEC, stream(data))
        assert told.failure.message == "slow down"

    def test_what_cannot_be_read_is_broken_once(self):
        told = read_stream(CODEC, b"data: {nonsense\n\ndata: {nonsense\n\n")
        assert [type(event) for event in told] == [Broken] and told[0].failure.kind == "malformed"

    def test_blocks_may_come_without_being_announced(self):
        told = read_stream(
            CODEC,
            stream(
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "Hm."}}}},
                {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Yes."}}}},
                {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": [{"function": {"name": "f"}}]}}},
                {"type": "tool-call-delta", "index": 3, "delta": {"message": {"tool_calls": {"function": {"arguments": "x"}}}}},
                {"type": "debug", "prompt": "…"},
                {"type": "something-new"},
                {"type": "message-end", "delta": {}},
            ),
        )
        check_grammar(told)
        choice = fold(told).choices[0]
        assert choice.parts == [Thinking("Hm.", dialect=NAME), Text("Yes."), ToolCall("", "f")]
        assert choice.finish == Finish("tool_calls", "")

    def test_sampled_tokens_come_with_their_text(self):
        content = {"message": {"content": {"text": "Yes."}}}
        told = read_stream(
            CODEC,
            stream(
                {"type": "content-delta", "delta": content, "logprobs": {"text": "Yes.", "token_ids": [1], "logprobs": [-1]}}
            ),
        )
        assert told[-1] == Sampled([TokenLogprob("Yes.", -1.0)])

    @given(st.data())
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_odd_events_never_raise(self, data):
        told = events(STREAMS[data.draw(st.sampled_from(("thinking", "tools", "cited", "failed")))])
        check_grammar(read_stream(CODEC, stream(*mutated(told, data))))


class TestTap:
    @every_stream
    @pytest.mark.parametrize("size", (1, 7, None))
    def test_the_bytes_pass(self, name, size):
        data, tap, out = STREAMS[name], CODEC.tap(True), b""
        for start in range(0, len(data), size or len(data)):
            out += tap.feed(data[start : start + (size or len(data))])
        assert out + tap.end() == data

    @pytest.mark.parametrize("name", WHOLE)
    def test_it_learns_what_the_whole_answer_says(self, name):
        tap = CODEC.tap(False)
        tap.feed(STREAMS[name])
        seen, meant = tap.outcome, Outcome.of(CODEC.read_reply((FOLDER / f"{name}.json").read_bytes()))
        assert shape(seen.usage) == shape(meant.usage)
        seen.usage = meant.usage = None
        assert seen == meant

    def test_the_first_event_says_nothing_yet(self):
        first, rest = STREAMS["text"].split(b"\n\n", 1)
        tap = CODEC.tap(False)
        tap.feed(first + b"\n\n")
        assert not tap.outcome.begun and tap.outcome.id == "3f-text"
        tap.feed(rest)
        assert tap.outcome.begun and tap.outcome.complete

    def test_a_failed_answer_is_not_complete(self):
        tap = CODEC.tap(False)
        tap.feed(STREAMS["failed"])
        assert tap.outcome.failure.message == "the model crashed" and not tap.outcome.complete

    def test_a_cut_event_does_not_pass(self):
        data = STREAMS["thinking"]
        tap = CODEC.tap(False)
        assert data.startswith(tap.feed(data[:-10])) and tap.end() == b"" and not tap.outcome.complete

    def test_what_it_cannot_read_passes(self):
        tap = CODEC.tap(False)
        assert tap.feed(b"data: {nonsense\n\n") == b"data: {nonsense\n\n" and tap.outcome == Outcome()


class TestWriter:
    @pytest.mark.parametrize("name", WHOLE)
    def test_read_again_it_tells_the_same(self, name):
        told = read_stream(CODEC, STREAMS[name])
        writer = CODEC.writer(VOICE)
        again = fold(read_stream(CODEC, writer.feed(told) + writer.end()))
        meant = fold(told)
        again.usage.raw = meant.usage.raw
        assert shape(again) == shape(meant)

    @pytest.mark.parametrize("name", ("text", "thinking", "tools"))
    def test_it_writes_what_the_api_writes(self, name):
        told = read_stream(CODEC, STREAMS[name])
        writer = CODEC.writer(VOICE)
        made, own = events(writer.feed(told) + writer.end()), events(STREAMS[name].replace(b"data: [DONE]\n\n", b""))
        counted = {"input_tokens": 21, "output_tokens": 9}
        own[-1]["delta"]["usage"] = {"billed_units": counted, "tokens": counted}
        assert made == own

    def test_overlapping_parts_go_out_one_after_the_other(self):
        made = write(
            Started("", "m"),
            PartStarted(0, Text("")),
            PartStarted(1, ToolCall("c1", "f")),
            PartDelta(1, "{}"),
            PartDelta(0, "Hi"),
            Cited(0, Citation("https://x.org")),
            PartEnded(0),
            PartEnded(1),
            Finished(Finish("stop", "end_turn")),
            Used(Usage(1, 2)),
        )
        assert [event["type"] for event in made] == [
            "message-start",
            "content-start",
            "content-delta",
            "citation-start",
            "citation-end",
            "content-end",
            "tool-call-start",
            "tool-call-delta",
            "tool-call-end",
            "message-end",
        ]
        assert made[-1]["delta"]["finish_reason"] == "TOOL_CALL"

    def test_what_has_no_place_is_left_out(self):
        made = write(Started(), PartStarted(0, Media("image", data="iVBO")), PartEnded(0), Finished(Finish("length")))
        assert [event["type"] for event in made] == ["message-start", "message-end"]
        assert made[-1]["delta"] == {"finish_reason": "MAX_TOKENS"}

    def test_sampled_tokens_go_with_the_next_text(self):
        tokens = Sampled([TokenLogprob("Y", -1.0), TokenLogprob("es", -2.0)])
        made = write(Started(), PartStarted(0, Text("")), tokens, PartDelta(0, "Yes"), Finished(Finish("stop")))
        assert made[2]["logprobs"] == {"text": "Yes", "token_ids": [], "logprobs": [-1.0, -2.0]}

    def test_free_text_is_json_when_it_is_whole(self):
        made = write(PartStarted(0, ToolCall("c", "draw", custom=True)), PartDelta(0, 'a "'), PartDelta(0, 'o"'), PartEnded(0))
        assert json.loads(made[2]["delta"]["message"]["tool_calls"]["function"]["arguments"]) == {"input": 'a "o"'}

    def test_a_broken_stream_ends_with_the_error_and_is_read_as_one(self):
        writer = CODEC.writer(VOICE)
        data = writer.feed([Started("a"), PartStarted(0, Text("")), PartDelta(0, "Hi")])
        told = read_stream(CODEC, data + writer.broken(Failure("cut", 502, "It broke off.")))
        assert isinstance(told[-1], Broken) and told[-1].failure.message == "It broke off."
