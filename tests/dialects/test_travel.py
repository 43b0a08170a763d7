"""Reasoning goes out in the caller's dialect, is echoed by the caller, and comes back to its model as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lockgate.core.content import Part, Text, Thinking, ToolCall
from lockgate.core.events import Event, Finished, PartDelta, PartEnded, PartStarted, Signed, Started
from lockgate.core.reply import Choice, Finish, Reply
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic import messages
from lockgate.dialects.codec import Codec, Voice
from lockgate.dialects.openai import chat
from support.canonical import GOLDEN, fold, read_stream
from support.sdk import chat_completion, message

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
USER = {"role": "user", "content": "Hi"}

#: What providers answer, in their own terms: a signature of text, of a call, of nothing that is shown, and encrypted.
CLAUDE: list[Part] = [
    Thinking("One.", "c2lnMQ==", dialect="anthropic.messages"),
    Thinking("", "c2lnMg==", dialect="anthropic.messages"),
    Thinking(redacted="ZGF0YQ==", dialect="anthropic.messages"),
    Thinking("Two.", "c2lnMw==", dialect="anthropic.messages"),
]
RESPONSES: list[Part] = [
    Thinking("**Plan**", "Z0FBQUFB", dialect="openai.responses", id="rs_1"),
    Thinking("", "Z0FBQUFC", dialect="openai.responses", id="rs_2"),
]
GEMINI: list[Part] = [Thinking("Hm.", dialect="gemini.generate"), Thinking(signature="R29v", dialect="gemini.generate")]
CONVERSE: list[Part] = [Thinking("Hm.", "YmVk", dialect="bedrock.converse")]
CALL: list[Part] = [Text("Looking."), ToolCall("call_1", "look", '{"at":"sky"}')]
SIGNED_CALL: list[Part] = [ToolCall("call_1", "look", '{"at":"sky"}')]

ANSWERS = pytest.mark.parametrize(
    "parts",
    [CLAUDE + CALL, RESPONSES + CALL, GEMINI + SIGNED_CALL, CONVERSE + CALL],
    ids=["claude", "responses", "gemini", "converse"],
)


def streamed(codec: Codec, parts: list[Part]) -> bytes:
    """An answer as a provider's stream would have it, written for a caller of `codec`."""
    events: list[Event] = [Started()]
    for index, part in enumerate(parts):
        match part:
            case Text(text):
                events += [PartStarted(index, Text("")), PartDelta(index, text)]
            case ToolCall(call_id, name, arguments):
                events += [PartStarted(index, ToolCall(call_id, name)), PartDelta(index, arguments)]
            case Thinking() if part.text:
                begun = Thinking(dialect=part.dialect, id=part.id)
                events += [PartStarted(index, begun), PartDelta(index, part.text[:2]), PartDelta(index, part.text[2:])]
                events += [Signed(index, part.signature, part.dialect)] if part.signature else []
            case _:
                events.append(PartStarted(index, part))
        events.append(PartEnded(index))
    writer = codec.writer(VOICE)
    return writer.feed([*events, Finished(Finish("tool_calls"))]) + writer.end()


def echoed(codec: Codec, said: dict[str, Any]) -> list[Part]:
    """What a caller's next request holds of the answer that it echoes."""
    body = {"model": "m", "max_tokens": 1, "messages": [USER, said]}
    return codec.read_request(Sheet.open(json.dumps(body).encode())).turns[1].parts


def thoughts(parts: list[Part]) -> list[tuple[str, ...]]:
    """What matters of reasoning to the model that gets it back: proofs, and the text that they prove."""
    return [
        (part.text if part.signature else "", part.signature, part.redacted, part.dialect, part.id)
        for part in parts
        if isinstance(part, Thinking) and (part.signature or part.redacted)
    ]


def whole(codec: Codec, parts: list[Part]) -> dict[str, Any]:
    return json.loads(codec.write_reply(Reply(choices=[Choice(parts, Finish("tool_calls"))]), VOICE))


@ANSWERS
def test_a_chat_caller_who_echoes_the_message_gives_back_every_proof(parts: list[Part]) -> None:
    for said in (
        whole(chat.CODEC, parts)["choices"][0]["message"],
        chat_completion(streamed(chat.CODEC, parts))["choices"][0]["message"],
    ):
        back = echoed(chat.CODEC, said)
        assert thoughts(back) == thoughts(parts)
        assert back[-1] == parts[-1]


@ANSWERS
def test_a_messages_caller_who_echoes_the_content_gives_back_every_proof(parts: list[Part]) -> None:
    for content in (whole(messages.CODEC, parts)["content"], message(streamed(messages.CODEC, parts))["content"]):
        back = echoed(messages.CODEC, {"role": "assistant", "content": content})
        assert thoughts(back) == thoughts(parts)
        assert [type(part) for part in back if not isinstance(part, Thinking)] == [
            type(part) for part in parts if not isinstance(part, Thinking)
        ]


def test_claude_gets_back_the_blocks_that_it_wrote() -> None:
    said = chat_completion(streamed(chat.CODEC, CLAUDE + CALL))["choices"][0]["message"]
    answer = {"role": "tool", "tool_call_id": "call_1", "content": "blue"}
    body = {"model": "claude-sonnet-4-5", "messages": [USER, said, answer]}
    request = chat.CODEC.read_request(Sheet.open(json.dumps(body).encode()))
    sent = json.loads(messages.CODEC.write_request(request).bytes())["messages"][1]["content"]
    assert sent == [
        {"type": "thinking", "thinking": "One.", "signature": "c2lnMQ=="},
        {"type": "thinking", "thinking": "", "signature": "c2lnMg=="},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "thinking", "thinking": "Two.", "signature": "c2lnMw=="},
        {"type": "text", "text": "Looking."},
        {"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": "sky"}},
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deepseek", {"reasoning_content": "Two and two.", "content": "4"}),
        ("groq", {"reasoning": "Easy sum.", "content": "4"}),
        (
            "mistral",
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Which tool?"}]},
                    {"type": "text", "text": "This one."},
                ]
            },
        ),
        (
            "openrouter",
            {
                "content": "Done",
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "text": "Let me think.",
                        "signature": "c2lnbmF0dXJl",
                        "format": "anthropic-claude-v1",
                        "index": 0,
                    }
                ],
            },
        ),
        (
            "openrouter_encrypted",
            {
                "content": "Hi",
                "reasoning_details": [
                    {"type": "reasoning.summary", "summary": "**Plan**", "format": "openai-responses-v1", "index": 0},
                    {
                        "type": "reasoning.encrypted",
                        "data": "Z0FBQUFB",
                        "format": "openai-responses-v1",
                        "id": "rs_1",
                        "index": 1,
                    },
                ],
            },
        ),
    ],
)
def test_a_chat_host_gets_its_reasoning_back_in_its_own_carrier(name: str, expected: dict[str, Any]) -> None:
    events = read_stream(chat.CODEC, (GOLDEN / "openai_chat" / f"{name}.sse").read_bytes())
    writer = messages.CODEC.writer(VOICE)
    content = message(writer.feed(events) + writer.end())["content"]
    body = {"model": "m", "max_tokens": 1, "messages": [USER, {"role": "assistant", "content": content}, USER]}
    request = messages.CODEC.read_request(Sheet.open(json.dumps(body).encode()))
    sent = json.loads(chat.CODEC.write_request(request).bytes())["messages"][1]
    assert {key: sent[key] for key in sent if key not in ("role", "tool_calls")} == expected


def test_google_gets_its_signature_back_on_the_call() -> None:
    reply = fold(read_stream(chat.CODEC, (GOLDEN / "openai_chat" / "google.sse").read_bytes()))
    content = json.loads(messages.CODEC.write_reply(reply, VOICE))["content"]
    body = {"model": "m", "max_tokens": 1, "messages": [USER, {"role": "assistant", "content": content}]}
    request = messages.CODEC.read_request(Sheet.open(json.dumps(body).encode()))
    first, second = json.loads(chat.CODEC.write_request(request).bytes())["messages"][1]["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "U2lnQQ=="}}
    assert "extra_content" not in second
