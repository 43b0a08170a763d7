"""ConverseStream: read at every cut, watched by the tap, and written so that botocore reads it."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.content import Citation, Media, Native, Text, Thinking, Tool, ToolCall
from lockgate.core.events import Broken, Cited, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import raw
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Finish, Usage
from lockgate.core.request import Request
from lockgate.dialects.bedrock.converse import CODEC
from lockgate.dialects.codec import Voice
from support.aws import frames, parsed_stream, transcripts
from support.canonical import GOLDEN, check_grammar, fold, read_stream, shape
from support.mutation import mutated

FOLDER = GOLDEN / "bedrock_converse"
STREAMS = transcripts(FOLDER)
WHOLE = ("text", "tools", "code")
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "bedrock.converse"

every_stream = pytest.mark.parametrize("name", STREAMS)
every_whole_stream = pytest.mark.parametrize("name", WHOLE)


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

    @every_whole_stream
    def test_a_stream_tells_what_the_whole_answer_tells(self, name):
        events = read_stream(CODEC, STREAMS[name])
        check_grammar(events)
        streamed, reply = fold(events), CODEC.read_reply((FOLDER / f"{name}.json").read_bytes())
        streamed.service_tier, streamed.usage.raw = reply.service_tier, reply.usage.raw
        assert shape(streamed) == shape(reply)

    @every_whole_stream
    def test_the_answer_is_complete_with_its_reason_and_not_before(self, name):
        kinds = [line.split(" ")[0] for line in (FOLDER / f"{name}.events").read_text("utf-8").splitlines()]
        reader = CODEC.reader()
        for kind, line in zip(kinds, (FOLDER / f"{name}.events").read_text("utf-8").splitlines(), strict=True):
            reader.feed(frames(line))
            assert reader.complete == (kind in ("messageStop", "metadata"))

    def test_an_exception_breaks_the_answer_with_what_it_says(self):
        events = read_stream(CODEC, STREAMS["failed"])
        failure = events[-1].failure
        assert (failure.kind, failure.status) == ("rate_limit", 429)
        assert failure.message == "Too many tokens, please wait before trying again."
        assert events[-2] == PartDelta(0, "Once upon")

    @pytest.mark.parametrize(
        ("exception", "kind", "status"),
        [
            ("internalServerException", "server", 502),
            ("modelStreamErrorException", "server", 502),
            ("serviceUnavailableException", "overloaded", 529),
            ("validationException", "bad_request", 400),
        ],
    )
    def test_exceptions_by_their_names(self, exception, kind, status):
        (broken,) = read_stream(CODEC, frames(f'{exception}! {{"message":"So."}}'))
        assert (broken.failure.kind, broken.failure.status, broken.failure.message) == (kind, status, "So.")

    def test_an_error_that_is_not_modelled_stands_in_headers(self):
        from lockgate.wire import eventstream

        headers = {":message-type": "error", ":error-code": "ThrottlingException", ":error-message": "Slow."}
        (broken,) = read_stream(CODEC, eventstream.write(headers, b""))
        assert (broken.failure.kind, broken.failure.message) == ("rate_limit", "Slow.")

    def test_a_frame_that_is_none_breaks_the_answer_once(self):
        reader = CODEC.reader()
        first = reader.feed(STREAMS["text"][:100] + b"x" + STREAMS["text"][100:])
        assert type(first[-1]) is Broken and first[-1].failure.kind == "malformed"
        assert reader.feed(STREAMS["text"]) == []
        assert not reader.complete

    def test_a_cut_stream_is_not_complete(self):
        data = STREAMS["tools"]
        reader = CODEC.reader()
        reader.feed(data[: data.rindex(b"messageStop") - 40])
        assert reader.end() == []
        assert not reader.complete

    def test_what_comes_after_the_end_is_dropped_and_the_usage_is_not(self):
        reader = CODEC.reader()
        reader.feed(frames('messageStart {}\nmessageStop {"stopReason":"end_turn"}'))
        late = frames('contentBlockDelta {"contentBlockIndex":0,"delta":{"text":"x"}}\nthrottlingException! {"message":"x"}')
        assert reader.feed(late) == []
        (used,) = reader.feed(frames('metadata {"usage":{"inputTokens":1,"outputTokens":2}}'))
        assert (used.usage.input, used.usage.output) == (1, 2)

    def test_blocks_that_nobody_ends_end_with_the_answer(self):
        data = frames(
            'messageStart {}\ncontentBlockDelta {"contentBlockIndex":0,"delta":{"text":"x"}}\nmessageStop {"stopReason":"max_tokens"}'
        )
        events = read_stream(CODEC, data)
        check_grammar(events)
        assert events[-2:] == [PartEnded(0), Finished(Finish("length", "max_tokens"))]

    def test_an_event_of_a_kind_to_come_is_passed_over(self):
        assert read_stream(CODEC, frames('surprise {"a":1}')) == []

    @every_whole_stream
    @given(data=st.data())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors])
    def test_a_mutated_stream_is_read_or_breaks(self, name, data):
        lines = [line.split(" ", 1) for line in (FOLDER / f"{name}.events").read_text("utf-8").splitlines()]
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at][1] = json.dumps(mutated(json.loads(lines[at][1]), data))
        read_stream(CODEC, frames("\n".join(" ".join(line) for line in lines)))


class TestTap:
    @every_stream
    @pytest.mark.parametrize("size", (1, 7, 10_000))
    def test_every_byte_passes_and_the_outcome_is_learnt(self, name, size):
        tap, data = CODEC.tap(False), STREAMS[name]
        passed = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size)) + tap.end()
        assert passed == data
        expected = Outcome(begun=True)
        expected.note(read_stream(CODEC, data))
        expected.complete = name in WHOLE
        assert tap.outcome == expected

    def test_a_cut_frame_does_not_pass(self):
        tap, data = CODEC.tap(False), STREAMS["text"]
        assert data.startswith(tap.feed(data[:-1])) and not data.endswith(tap.feed(b"") or b"?")
        assert tap.end() == b""

    def test_broken_bytes_are_a_failure(self):
        tap = CODEC.tap(False)
        assert tap.feed(b"HTTP/1.1 200 OK and so on") == b""
        assert tap.outcome.failure.kind == "malformed"


def written(*events, request=None):
    writer = CODEC.writer(Voice("01JX", 1, request or Request("m")))
    return b"".join(writer.feed([event]) for event in events) + writer.end()


class TestWriter:
    @every_whole_stream
    def test_a_stream_survives_being_read_and_written(self, name):
        events = read_stream(CODEC, STREAMS[name])
        again, before = fold(read_stream(CODEC, written(*events))), fold(events)
        again.usage.raw = before.usage.raw
        again.usage.service_tier = before.usage.service_tier
        assert shape(again) == shape(before)

    @every_whole_stream
    def test_botocore_reads_it(self, name):
        ours, theirs = (
            [next(iter(event)) for event in parsed_stream(data)]
            for data in (written(*read_stream(CODEC, STREAMS[name])), STREAMS[name])
        )
        assert set(ours) == set(theirs)
        assert (ours[0], ours[-2:]) == ("messageStart", ["messageStop", "metadata"])

    def test_pieces_go_out_as_they_come(self):
        writer = CODEC.writer(VOICE)
        out = writer.feed([Started(), PartStarted(0, Text(""))])
        assert [next(iter(event)) for event in parsed_stream(out)] == ["messageStart"]
        (event,) = parsed_stream(writer.feed([PartDelta(0, "Hi")]))
        assert event == {"contentBlockDelta": {"delta": {"text": "Hi"}, "contentBlockIndex": 0}}

    def test_foreign_proofs_ride_along_and_come_back(self):
        events = [
            PartStarted(0, Thinking(dialect="openai.responses", id="rs_1")),
            PartDelta(0, "Hm."),
            Signed(0, "Z0FB", "openai.responses"),
            PartEnded(0),
            PartStarted(1, Thinking(redacted="cmVk", dialect="anthropic.messages")),
            PartEnded(1),
        ]
        data = written(Started(), *events, Finished(Finish("stop")))
        told = [
            event["contentBlockDelta"]["delta"]["reasoningContent"]
            for event in parsed_stream(data)
            if "contentBlockDelta" in event
        ]
        words = "".join(each.get("text", "") for each in told)
        signature = "".join(each.get("signature", "") for each in told)
        redacted = json.loads(json.dumps(fold(read_stream(CODEC, data)).choices[0].parts[1].redacted))
        content = [
            {"reasoningContent": {"reasoningText": {"text": words, "signature": signature}}},
            {"reasoningContent": {"redactedContent": redacted}},
        ]
        from lockgate.core.sheet import Sheet

        body = json.dumps({"messages": [{"role": "assistant", "content": content}]}).encode()
        assert CODEC.carries(body)
        assert CODEC.read_request(Sheet.open(body)).turns[0].parts == [
            Thinking("Hm.", "Z0FB", dialect="openai.responses", id="rs_1"),
            Thinking(redacted="cmVk", dialect="anthropic.messages"),
        ]

    def test_calls_by_the_caller_s_names_and_free_text_as_an_object(self):
        request = Request("m", tools=[Tool("my.tool"), Tool("shell")])
        data = written(
            PartStarted(0, ToolCall("", "my_tool", '{"a":')),
            PartDelta(0, "1}"),
            PartEnded(0),
            PartStarted(1, ToolCall("c", "shell", "", custom=True)),
            PartDelta(1, "ls -l"),
            PartEnded(1),
            Finished(Finish("tool_calls")),
            request=request,
        )
        first, second = fold(read_stream(CODEC, data)).choices[0].parts
        assert (first.id, first.name, first.arguments) == ("tooluse_01JX_0", "my.tool", '{"a":1}')
        assert json.loads(second.arguments) == {"input": "ls -l"}

    def test_citations_natives_and_what_the_end_says(self):
        own = Native(
            NAME, "toolUse", raw({"toolUse": {"toolUseId": "s", "name": "n", "type": "server_tool_use", "input": {"a": 1}}})
        )
        data = written(
            PartStarted(0, Text("", citations=[Citation("https://a", "A")])),
            PartDelta(0, "x"),
            Cited(0, Citation("https://b", "B", "quoted")),
            PartEnded(0),
            PartStarted(1, own),
            PartEnded(1),
            PartStarted(2, Native("anthropic.messages", "x", raw({}))),
            PartEnded(2),
            PartStarted(3, Media("image", data="iVBORw0KGgo=", mime="image/png")),
            PartEnded(3),
            PartStarted(0, Text("of another choice"), choice=1),
            Used(Usage(10, 4, 3)),
            Finished(Finish("stop", "end_turn", "END")),
        )
        reply = fold(read_stream(CODEC, data))
        text, native, image = reply.choices[0].parts
        assert [citation.url for citation in text.citations] == ["https://a", "https://b"]
        assert shape(native) == shape(own)
        assert image.data == "iVBORw0KGgo="
        assert reply.choices[0].finish == Finish("stop", "stop_sequence", "END")
        assert parsed_stream(data)[-1]["metadata"]["usage"]["inputTokens"] == 7

    def test_an_answer_without_words_still_begins_and_ends(self):
        kinds = [next(iter(event)) for event in parsed_stream(written(Started(), Finished(Finish("content_filter"))))]
        assert kinds == ["messageStart", "messageStop", "metadata"]

    @pytest.mark.parametrize(
        ("error", "exception"),
        [
            (Failure("rate_limit", 429, "Slow."), "throttlingException"),
            (Failure("overloaded", 529, "Slow."), "serviceUnavailableException"),
            (Failure("cut", 502, "Slow."), "internalServerException"),
            (Refusal(400, "x", "Slow."), "validationException"),
        ],
    )
    def test_an_error_is_an_exception_of_the_service(self, error, exception):
        (event,) = parsed_stream(CODEC.writer(VOICE).broken(error))
        assert event["Error"] == {"Code": exception, "Message": "Slow."}
        assert CODEC.stream_error(error) == CODEC.writer(VOICE).broken(error)
