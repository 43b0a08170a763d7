"""Answers to callers who asked for more than OpenAI's shape, or for nothing else; and what the former give back.

The goldens are the transcripts of other dialects in the two manners: `{dialect}-{transcript}.{manner}.sse` and `.json`.
"""

from __future__ import annotations

import json
from typing import Any

import openai.types.chat
import openai.types.completion_usage
import pydantic
import pytest

from lockgate.core.content import Citation, Declined, Media, Part, Text, Thinking, Tool, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic import messages
from lockgate.dialects.bedrock import converse
from lockgate.dialects.codec import Codec, Manner, Voice
from lockgate.dialects.gemini import generate
from lockgate.dialects.openai import chat
from support.canonical import GOLDEN, fold, read_stream
from support.sdk import chat_completion, payloads

CODECS = {"anthropic_messages": messages.CODEC, "gemini_generate": generate.CODEC}
STREAMS = [
    path
    for dialect in CODECS
    for path in sorted((GOLDEN / dialect).glob("*.sse"))
    if path.stem not in ("error", "blocked")
]  # fmt: skip
GOLDENS = pytest.mark.parametrize("path", STREAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
MANNERS = pytest.mark.parametrize("manner", ["extended", "strict"])
USER = {"role": "user", "content": "Hi"}
STOP = Finished(Finish("stop"))


def voice(manner: Manner, *tools: Tool) -> Voice:
    return Voice("01JX", 1767225600, Request("asked-model", tools=list(tools)), manner=manner)


def expected(path: Any, manner: str, kind: str) -> str:
    return (GOLDEN / "chat_manners" / f"{path.parent.name}-{path.stem}.{manner}.{kind}").read_text()


def streamed(events: list[Event], manner: Manner, *tools: Tool) -> bytes:
    outs = []
    for batches in ([events], [[event] for event in events]):
        writer = chat.CODEC.writer(voice(manner, *tools))
        outs.append(b"".join(map(writer.feed, batches)) + writer.end())
    assert outs[0] == outs[1]
    return outs[0]


def whole(reply: Reply, manner: Manner) -> dict[str, Any]:
    return json.loads(chat.CODEC.write_reply(reply, voice(manner)))


def answer(*parts: Part, finish: Finish | None = None) -> Reply:
    return Reply("x1", "m1", 5, [Choice(list(parts), finish or Finish("stop"))])


def told(reply: Reply) -> list[Event]:
    """The reply as a provider streams it."""
    events: list[Event] = [Started(reply.id, reply.model, reply.created)]
    for number, choice in enumerate(reply.choices):
        for index, part in enumerate(choice.parts):
            match part:
                case Text(text):
                    events += [PartStarted(index, Text(""), number), PartDelta(index, text, number)]
                    events += [Cited(index, citation, number) for citation in part.citations]
                case ToolCall(call_id, name, arguments):
                    events += [PartStarted(index, ToolCall(call_id, name), number), PartDelta(index, arguments, number)]
                case Thinking(text, signature, "", dialect, item):
                    events.append(PartStarted(index, Thinking(dialect=dialect, id=item), number))
                    events += [PartDelta(index, text[:2], number), PartDelta(index, text[2:], number)] if text else []
                    events += [Signed(index, signature, dialect, number)] if signature else []
                case _:
                    events.append(PartStarted(index, part, number))
            events.append(PartEnded(index, number))
        events.append(Finished(choice.finish or Finish("stop"), number))
    return [*events, Used(reply.usage)] if reply.usage else events


def gathered(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of a stream as a client has them in the end, less their types."""
    assert [block["index"] for block in blocks] == list(range(len(blocks)))
    return [block["delta"] for block in blocks]


def untyped(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain = ("text", "thinking", "redacted_thinking")
    return [{name: block[name] for name in block if name != "type" or block["type"] not in plain} for block in blocks]


@GOLDENS
@MANNERS
def test_a_stream_reads_as_recorded_whatever_its_pieces(path: Any, manner: Manner) -> None:
    data = path.read_bytes()
    golden = expected(path, manner, "sse")
    for size in (None, 1, 7, 64):
        step = size or len(data)
        reader, writer = CODECS[path.parent.name].reader(), chat.CODEC.writer(voice(manner))
        out = b"".join(writer.feed(reader.feed(data[at : at + step])) for at in range(0, len(data), step))
        out += writer.feed(reader.end()) + writer.end()
        assert out.decode() == golden


@MANNERS
@pytest.mark.parametrize("name", ["anthropic_messages/tools", "gemini_generate/tools"])
def test_a_stream_reads_as_recorded_wherever_it_is_cut(name: str, manner: Manner) -> None:
    path = GOLDEN / f"{name}.sse"
    data, golden = path.read_bytes(), expected(path, manner, "sse").encode()
    for at in range(len(data)):
        reader, writer = CODECS[path.parent.name].reader(), chat.CODEC.writer(voice(manner))
        out = writer.feed(reader.feed(data[:at])) + writer.feed(reader.feed(data[at:]))
        assert out + writer.feed(reader.end()) + writer.end() == golden, at


@GOLDENS
@MANNERS
def test_a_whole_answer_reads_as_recorded(path: Any, manner: Manner) -> None:
    reply = fold(read_stream(CODECS[path.parent.name], path.read_bytes()))
    assert whole(reply, manner) == json.loads(expected(path, manner, "json"))


@GOLDENS
def test_a_stream_and_a_whole_answer_hold_the_same_blocks(path: Any) -> None:
    events = read_stream(CODECS[path.parent.name], path.read_bytes())
    message = chat_completion(streamed(events, "extended"))["choices"][0]["message"]
    blocks = untyped(whole(fold(events), "extended")["choices"][0]["message"].get("content_blocks", []))
    for block in blocks:
        block.update({"citation": block.pop("citations")[0]} if "citations" in block else {})  # one each, in these transcripts
    assert gathered(message.get("content_blocks") or []) == blocks


@GOLDENS
def test_extended_adds_and_takes_nothing_away(path: Any) -> None:
    reply = fold(read_stream(CODECS[path.parent.name], path.read_bytes()))
    plain, more = whole(reply, ""), whole(reply, "extended")
    assert _less(more, plain) == plain


def _less(more: Any, plain: Any) -> Any:
    """What is in both."""
    if isinstance(plain, dict):
        return {name: _less(more[name], plain[name]) for name in plain}
    return [_less(*pair) for pair in zip(more, plain, strict=True)] if isinstance(plain, list) else more


def _foreign(model: Any, at: str = "") -> list[str]:
    """The members that a model of the SDK does not know."""
    if isinstance(model, list):
        return [each for item in model for each in _foreign(item, at)]
    if not isinstance(model, pydantic.BaseModel):
        return []
    found = [f"{at}.{name}" for name in model.__pydantic_extra__ or ()]
    return found + [each for name in type(model).model_fields for each in _foreign(getattr(model, name), f"{at}.{name}")]


#: As much as an answer can hold that OpenAI's cannot.
RICH = Reply(
    "x1",
    "m1",
    5,
    [
        Choice(
            [
                Thinking("One.", "c2ln", dialect="anthropic.messages"),
                Thinking(redacted="ZGF0YQ==", dialect="anthropic.messages"),
                Text("It rains", citations=[Citation("https://a.b", "A", "rain", 0)]),
                Media("image", data="iVBORw0KGgo=", mime="image/png"),
                Text("a lot."),
                Declined("No more."),
                Thinking(signature="U2ln", dialect="gemini.generate"),
                ToolCall("c1", "f", "{}"),
            ],
            Finish("pause", raw="pause_turn"),
        )
    ],
    Usage(9, 4, cached=2, cache_write=3, reasoning=1),
)


def test_a_strict_answer_is_one_that_openai_could_have_given() -> None:
    body = whole(RICH, "strict")
    model = openai.types.chat.ChatCompletion.model_validate(body, strict=True)
    assert _foreign(model) == []
    message = body["choices"][0]["message"]
    assert set(message) == {"role", "content", "refusal", "annotations", "tool_calls"}
    assert (message["content"], message["refusal"]) == ("It rains\n\na lot.", "No more.")
    assert body["choices"][0]["finish_reason"] == "stop"
    page = {"start_index": 0, "end_index": 8, "title": "A", "url": "https://a.b"}
    assert message["annotations"] == [{"type": "url_citation", "url_citation": page}]
    assert _foreign(openai.types.chat.ChatCompletion.model_validate(whole(RICH, ""))) != []


def test_a_strict_stream_is_one_that_openai_could_have_sent() -> None:
    chunks = payloads(streamed(told(RICH), "strict"))[:-1]
    foreign = {
        each for chunk in chunks for each in _foreign(openai.types.chat.ChatCompletionChunk.model_validate(chunk, strict=True))
    }
    assert foreign == {".choices.delta.annotations"}  # the API sends them; the type has not got them
    message = chat_completion(streamed(told(RICH), "strict"))["choices"][0]["message"]
    said = whole(RICH, "strict")["choices"][0]["message"]
    assert {name: message[name] for name in ("content", "refusal", "annotations")} == {
        name: said[name] for name in ("content", "refusal", "annotations")
    }


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter", "pause", "unknown"])
def test_a_strict_finish_reason_is_openai_s(reason: Any) -> None:
    reply = answer(Text("a"), finish=Finish(reason, raw="whatever"))
    known = ("stop", "length", "tool_calls", "content_filter", "function_call")
    assert whole(reply, "strict")["choices"][0]["finish_reason"] in known
    assert payloads(streamed(told(reply), "strict"))[-2]["choices"][0]["finish_reason"] in known


def test_the_provider_s_own_word_for_the_end_stands_beside_openai_s() -> None:
    reply = answer(Text("a"), finish=Finish("pause", raw="pause_turn"))
    for choice in (whole(reply, "extended")["choices"][0], payloads(streamed(told(reply), "extended"))[-2]["choices"][0]):
        assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", "pause_turn")
    assert "native_finish_reason" not in whole(answer(Text("a")), "extended")["choices"][0]


def test_what_a_prompt_cache_did_is_told_in_anthropic_s_members_too() -> None:
    for usage in (whole(RICH, "extended")["usage"], payloads(streamed(told(RICH), "extended"))[-2]["usage"]):
        assert (usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (2, 3)


def test_a_picture_is_a_block() -> None:
    block = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    reply = answer(Text("See"), Media("image", data="iVBORw0KGgo=", mime="image/png"))
    assert whole(reply, "extended")["choices"][0]["message"]["content_blocks"][1] == block
    assert gathered(chat_completion(streamed(told(reply), "extended"))["choices"][0]["message"]["content_blocks"])[1] == block


def test_texts_are_parted_in_the_message_and_not_in_the_blocks() -> None:
    reply = answer(Text("a"), ToolCall("c", "f", "{}"), Text("b"))
    for message in (
        whole(reply, "extended")["choices"][0]["message"],
        chat_completion(streamed(told(reply), "extended"))["choices"][0]["message"],
    ):
        assert message["content"] == "a\n\nb"
    assert gathered(message["content_blocks"]) == [{"text": "a"}, {"text": "b"}]


def test_a_part_that_says_nothing_takes_no_place_among_the_blocks() -> None:
    events: list[Event] = [PartStarted(0, Text("")), PartEnded(0), PartStarted(1, Thinking()), PartEnded(1)]
    events += [PartStarted(2, Text("a")), PartEnded(2), STOP]
    assert gathered(chat_completion(streamed(events, "extended"))["choices"][0]["message"]["content_blocks"]) == [{"text": "a"}]


def test_choices_have_blocks_of_their_own() -> None:
    reply = Reply(choices=[Choice([Text("A")], Finish("stop")), Choice([Thinking("B"), Text("C")], Finish("length"))])
    blocks = [
        gathered(choice["message"]["content_blocks"])
        for choice in chat_completion(streamed(told(reply), "extended"))["choices"]
    ]  # fmt: skip
    assert blocks == [[{"text": "A"}], [{"thinking": "B"}, {"text": "C"}]]
    assert [untyped(choice["message"]["content_blocks"]) for choice in whole(reply, "extended")["choices"]] == blocks


def test_a_custom_tool_is_called_as_openai_has_it() -> None:
    events: list[Event] = [
        Started(),
        PartStarted(0, Thinking(signature="U2ln", dialect="gemini.generate")),
        PartEnded(0),
        PartStarted(1, ToolCall("a", "shell")),
        PartDelta(1, '{"input":"ls"}'),
        PartEnded(1),
        STOP,
    ]
    last = payloads(streamed(events, "extended", Tool("shell", custom=True)))[-3]
    call = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "shell", "input": "ls"}}
    assert last["choices"][0]["delta"] == {"tool_calls": [call]}


def test_grounding_and_addresses_are_told_at_the_end() -> None:
    cited = [Citation("https://a.b", "A", start=1, end=3, dialect="gemini.generate"), Citation("https://c.d", dialect="x.y")]
    reply = answer(Thinking("Hm", dialect="gemini.generate"), Text("«é»!", citations=cited))
    body, last = whole(reply, "extended"), payloads(streamed(told(reply), "extended"))[-2]
    segment = {"partIndex": 1, "startIndex": 2, "endIndex": 6, "text": "é»"}
    for made in (body, last):
        assert made["citations"] == ["https://a.b", "https://c.d"]
        assert made["choices"][0]["groundingMetadata"] == {
            "groundingChunks": [{"web": {"uri": "https://a.b", "title": "A"}}],
            "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]}],
        }


@MANNERS
def test_a_broken_stream_ends_with_an_error_and_no_done(manner: Manner) -> None:
    writer = chat.CODEC.writer(voice(manner))
    writer.feed([Started(), PartStarted(0, Thinking(dialect="anthropic.messages")), PartDelta(0, "Half")])
    assert payloads(writer.broken(Failure("overloaded", 529, "Busy.")))[0]["error"]["message"] == "Busy."


# What callers give back.

CLAUDE: list[Part] = [
    Thinking("One.", "c2lnMQ==", dialect="anthropic.messages"),
    Thinking("", "c2lnMg==", dialect="anthropic.messages"),
    Thinking(redacted="ZGF0YQ==", dialect="anthropic.messages"),
    Thinking("Two.", "c2lnMw==", dialect="anthropic.messages"),
    Text("Looking."),
    ToolCall("call_1", "look", '{"at":"sky"}'),
]
RESPONSES: list[Part] = [
    Thinking("**Plan**", "Z0FBQUFB", dialect="openai.responses", id="rs_1"),
    Thinking("", "Z0FBQUFC", dialect="openai.responses", id="rs_2"),
    Text("Looking."),
    ToolCall("call_1", "look", '{"at":"sky"}'),
]
GEMINI: list[Part] = [
    Thinking("Hm.", dialect="gemini.generate"),
    Text("Looking."),
    Thinking(signature="R29v", dialect="gemini.generate"),
    ToolCall("call_1", "look", '{"at":"sky"}'),
]
CONVERSE: list[Part] = [
    Thinking("Hm.", "YmVk", dialect="bedrock.converse"),
    Thinking(redacted="ZGF0YQ==", dialect="bedrock.converse"),
    Text("Looking."),
    ToolCall("call_1", "look", '{"at":"sky"}'),
]
ANSWERS = pytest.mark.parametrize(
    "parts", [CLAUDE, RESPONSES, GEMINI, CONVERSE], ids=["claude", "responses", "gemini", "converse"]
)


def read(said: dict[str, Any], *more: dict[str, Any]) -> Request:
    body = {"model": "m", "messages": [USER, {"role": "assistant", **said}, *more]}
    return chat.CODEC.read_request(Sheet.open(json.dumps(body).encode()))


def echoed(said: dict[str, Any]) -> list[Part]:
    return read(said).turns[1].parts


def sent(codec: Codec, said: dict[str, Any], model: str = "m") -> dict[str, Any]:
    """The provider's body when the caller goes on after an answer that it gives back."""
    request = read(said, {"role": "tool", "tool_call_id": "call_1", "content": "blue"})
    request.model = model
    return json.loads(codec.write_request(request).bytes())


def proofs(parts: list[Part]) -> list[tuple[str, ...]]:
    return [
        (part.text if part.signature else "", part.signature, part.redacted, part.dialect, part.id)
        for part in parts
        if isinstance(part, Thinking) and (part.signature or part.redacted)
    ]


PORTKEY_MEMBERS = ("role", "content", "content_blocks", "tool_calls")


@ANSWERS
@pytest.mark.parametrize("kept", [None, PORTKEY_MEMBERS], ids=["everything", "what_portkey_knows"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_caller_who_gives_the_message_back_gives_back_every_proof(parts: list[Part], kept: Any, stream: bool) -> None:
    reply = answer(*parts, finish=Finish("tool_calls"))
    body = chat_completion(streamed(told(reply), "extended")) if stream else whole(reply, "extended")
    said = {name: value for name, value in body["choices"][0]["message"].items() if kept is None or name in kept}
    back = echoed(said)
    assert proofs(back) == proofs(parts)
    texts = [part for part in back if not isinstance(part, Thinking)]
    assert texts == [part for part in parts if not isinstance(part, Thinking)]
    assert [part.text for part in back if isinstance(part, Thinking) and part.text] == [
        part.text for part in parts if isinstance(part, Thinking) and part.text
    ]


def test_claude_gets_back_the_blocks_that_it_wrote() -> None:
    message = whole(answer(*CLAUDE), "extended")["choices"][0]["message"]
    assert message["content_blocks"] == [
        {"type": "thinking", "thinking": "One.", "signature": "c2lnMQ=="},
        {"type": "thinking", "thinking": "", "signature": "c2lnMg=="},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "thinking", "thinking": "Two.", "signature": "c2lnMw=="},
        {"type": "text", "text": "Looking."},
    ]
    call = {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "sky"}}
    assert sent(messages.CODEC, message, "claude-sonnet-4-5")["messages"][1]["content"] == [*message["content_blocks"], call]


def test_claude_s_own_tools_come_back_with_what_cites_them() -> None:
    events = read_stream(messages.CODEC, (GOLDEN / "anthropic_messages" / "search.sse").read_bytes())
    blocks = whole(fold(events), "extended")["choices"][0]["message"]["content_blocks"]
    assert [block["type"] for block in blocks[:2]] == ["server_tool_use", "web_search_tool_result"]
    said = {"content": "It will rain.", "content_blocks": blocks}
    assert sent(messages.CODEC, said, "claude-sonnet-4-5")["messages"][1]["content"] == blocks


def test_gemini_gets_its_signature_back_on_the_call() -> None:
    message = whole(answer(*GEMINI), "extended")["choices"][0]["message"]
    assert message["tool_calls"][0]["function"]["thought_signature"] == "R29v"
    said = {name: message[name] for name in PORTKEY_MEMBERS}
    calls = [part for part in sent(generate.CODEC, said)["contents"][1]["parts"] if "functionCall" in part]
    assert [part["thoughtSignature"] for part in calls] == ["R29v"]


def test_bedrock_gets_back_what_claude_signed_there() -> None:
    message = whole(answer(*CONVERSE), "extended")["choices"][0]["message"]
    content = sent(converse.CODEC, message, "anthropic.claude-sonnet-4-5-20250929-v1:0")["messages"][1]["content"]
    assert content[0]["reasoningContent"] == {"reasoningText": {"text": "Hm.", "signature": "YmVk"}}
    assert content[1]["reasoningContent"] == {"redactedContent": "ZGF0YQ=="}


def test_reasoning_in_the_content_keeps_its_signature_as_portkey_s_pages_show_it() -> None:
    content = [
        {"type": "thinking", "thinking": "One.", "signature": "c2lnMQ=="},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "text", "text": "Hi"},
    ]
    assert sent(messages.CODEC, {"content": content}, "claude-sonnet-4-5")["messages"][1]["content"] == content


def test_the_content_is_read_when_the_blocks_hold_no_text() -> None:
    block = {"type": "thinking", "thinking": "One.", "signature": "c2ln"}
    parts: list[Part] = [Thinking("One.", "c2ln", dialect="anthropic.messages"), Text("Hi")]
    assert echoed({"content": "Hi", "content_blocks": [block]}) == parts
    assert echoed({"content": None, "content_blocks": [block, {"type": "text", "text": "Hi"}]}) == parts
    assert echoed({"content": "Hi", "content_blocks": [{"type": "text", "text": "Hi"}], "reasoning_content": "Hm."}) == [
        Thinking("Hm.", dialect="openai.chat", id="reasoning_content"),
        Text("Hi"),
    ]


def test_a_call_among_the_blocks_is_not_made_twice() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    blocks = [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "call_1", "name": "look", "input": {}}]
    assert echoed({"content": "Hi", "content_blocks": blocks, "tool_calls": [call]}) == [
        Text("Hi"),
        ToolCall("call_1", "look", "{}"),
    ]


@pytest.mark.parametrize(
    "blocks", [None, [], "x", 5, [5, None, {}, {"type": 5}, {"delta": {}}, {"delta": {"type": 5}}, {"delta": 5}]]
)
def test_what_are_no_blocks_say_nothing(blocks: Any) -> None:
    assert echoed({"content": "Hi", "content_blocks": blocks}) == [Text("Hi")]


def test_what_a_block_cites_oddly_is_not_cited() -> None:
    block = {"type": "text", "text": "Hi", "citations": [{"type": 5}]}
    assert echoed({"content": None, "content_blocks": [block]}) == [Text("Hi")]
    assert echoed({"content": None, "content_blocks": [{**block, "citations": 5}]}) == [Text("Hi")]
