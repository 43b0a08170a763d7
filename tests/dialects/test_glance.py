import json

import pytest

from lockgate.core.content import Media, ToolResult
from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet
from lockgate.dialects.glance import GLANCES, has_images, has_tools, user_of
from lockgate.dialects.registry import CODECS, RELAYS

PNG = "iVBORw0KGgo="
URL = f"data:image/png;base64,{PNG}"
FUNCTION = {"type": "object", "properties": {}}

CHAT_PICTURE = {
    "role": "user",
    "content": [{"type": "text", "text": "what?"}, {"type": "image_url", "image_url": {"url": URL}}],
}
CLAUDE_PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}

#: dialect → a request with tools and a picture, as its users send it.
FULL = {
    "openai.chat": {
        "model": "m",
        "messages": [CHAT_PICTURE],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": FUNCTION}}],
        "user": "ann",
    },
    "openai.responses": {
        "model": "m",
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": URL}]}],
        "tools": [{"type": "function", "name": "f", "parameters": FUNCTION}],
        "safety_identifier": "ann",
    },
    "anthropic.messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [CLAUDE_PICTURE]}],
        "tools": [{"name": "f", "input_schema": FUNCTION}],
        "metadata": {"user_id": "ann"},
    },
    "gemini.generate": {
        "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": FUNCTION}]}],
    },
    "cohere.chat": {
        "model": "m",
        "messages": [CHAT_PICTURE],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": FUNCTION}}],
    },
}
#: The same without.
PLAIN = {
    "openai.chat": {"model": "m", "messages": [{"role": "user", "content": "an image_url"}], "tools": []},
    "openai.responses": {"model": "m", "input": "an input_image", "tools": None},
    "anthropic.messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "an image"}]},
    "gemini.generate": {"contents": [{"role": "user", "parts": [{"text": "an image/png"}]}], "tools": []},
    "cohere.chat": {"model": "m", "messages": [{"role": "user", "content": "an image_url"}], "tools": []},
}


def sheet(body):
    return Sheet.open(body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize("dialect", FULL)
def test_a_glance_sees_what_the_reader_reads(dialect):
    for body, there in ((FULL[dialect], True), (PLAIN[dialect], False)):
        request = CODECS[dialect].read_request(sheet(body))
        assert has_tools(dialect, sheet(body)) is bool(request.tools) is there
        pictures = [part for turn in request.turns for part in turn.parts if isinstance(part, Media) and part.kind == "image"]
        assert has_images(dialect, sheet(body)) is bool(pictures) is there
        assert user_of(dialect, sheet(body)) == request.user


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (
            "openai.responses",
            {
                "input": [
                    {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
                    {"type": "function_call_output", "call_id": "1", "output": [{"type": "input_image", "image_url": URL}]},
                ]
            },
        ),
        (
            "anthropic.messages",
            {
                "model": "m",
                "messages": [
                    {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [CLAUDE_PICTURE]}]},
                ],
            },
        ),
    ],
)
def test_a_tool_may_answer_with_a_picture(dialect, body):
    turns = CODECS[dialect].read_request(sheet({"model": "m", "max_tokens": 9, **body})).turns
    results = [part for turn in turns for part in turn.parts if isinstance(part, ToolResult)]
    assert any(isinstance(part, Media) for result in results for part in result.content)
    assert has_images(dialect, sheet(body))


@pytest.mark.parametrize(
    ("dialect", "body", "there"),
    [
        ("openai.responses", {"input": [{"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": URL}}]}, True),
        ("openai.responses", {"input": [{"type": "function_call_output", "output": "image"}]}, False),
        ("gemini.generate", {"contents": [{"parts": [{"inline_data": {"mime_type": "image/png"}}]}]}, True),
        ("gemini.generate", {"contents": [{"parts": [{"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://x"}}]}]}, True),
        ("gemini.generate", {"contents": [{"parts": [{"fileData": {"mimeType": "application/pdf", "displayName": "image"}}]}]}, False),
        ("gemini.generate", {"contents": [{"parts": [{"functionResponse": {"parts": [{"inlineData": {"mimeType": "image/png"}}]}}]}]}, True),
        ("openai.chat", b'{"messages":[{"content":[{"type":"im\\u0061ge_url"}]}]}', True),
        ("openai.chat", {"messages": [{"content": [{"type": "image_url"}]}]}, True),
        ("openai.chat", {"messages": [{"role": "tool", "content": '[{"type": "image_url"}]'}]}, False),
        ("openai.chat", {"messages": [{"content": "hi"}]}, False),
        # odd bodies tell nothing
        ("openai.chat", {"messages": {"content": "image"}}, False),
        ("openai.chat", {"messages": [["image"], None, {"content": {"type": "image_url"}}]}, False),
        ("openai.chat", {"note": "image"}, False),
        ("anthropic.messages", {"messages": [{"content": ["image", {"type": "text"}]}]}, False),
        ("openai.completions", {"prompt": "image"}, False),
        ("openai.moderations", {"input": [{"type": "image_url"}]}, False),
    ],
)  # fmt: skip
def test_pictures(dialect, body, there):
    assert has_images(dialect, sheet(body)) is there


@pytest.mark.parametrize(
    ("dialect", "body", "there"),
    [
        ("openai.chat", b'{"tools": [ ]}', False),
        ("openai.chat", b'{"tools": [ {} ]}', True),
        ("openai.chat", {"tools": {"a": 1}}, False),
        ("openai.chat", {"tools": [], "functions": [{"name": "f"}]}, True),
        ("openai.embeddings", {"tools": [1]}, False),
        ("", {"tools": [1]}, False),
    ],
)
def test_tools(dialect, body, there):
    assert has_tools(dialect, sheet(body)) is there


@pytest.mark.parametrize(
    ("dialect", "body", "user"),
    [
        ("openai.chat", {"user": "ann"}, "ann"),
        ("openai.chat", {"user": "old", "safety_identifier": "new"}, "new"),
        ("openai.chat", {"user": "old", "safety_identifier": ""}, "old"),
        ("openai.chat", {"user": 7}, ""),
        ("openai.embeddings", {"user": "ann"}, "ann"),
        ("anthropic.messages", {"metadata": {"user_id": "ann"}}, "ann"),
        ("anthropic.messages", {"metadata": "ann"}, ""),
        ("anthropic.messages", {}, ""),
        ("gemini.generate", {"user": "ann"}, ""),
        ("mistral.ocr", {"user": "ann"}, ""),
    ],
)
def test_users(dialect, body, user):
    assert user_of(dialect, sheet(body)) == user


def test_json_that_cannot_be_decoded_is_refused():
    deep = b'{"messages":' + b'[{"image":' * 900 + b"1" + b"}]" * 900 + b"}"
    with pytest.raises(Refusal, match="too deeply"):
        has_images("openai.chat", sheet(deep))


def test_every_glance_is_of_a_dialect():
    assert GLANCES.keys() <= RELAYS.keys()
