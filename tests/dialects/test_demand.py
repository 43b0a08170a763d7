"""What bodies ask for at most: never less than they may get."""

import json

import pytest

from lockgate.core.sheet import Sheet
from lockgate.dialects.demand import ANYTHING, DEMANDS, ask_of, hold_output
from lockgate.dialects.registry import CODECS, RELAYS

CHAT = {"model": "m", "messages": [{"role": "user", "content": "ping"}]}
TALKS = {
    "openai.chat": CHAT,
    "openai.completions": {"model": "m", "prompt": "ping"},
    "openai.responses": {"model": "m", "input": "ping"},
    "anthropic.messages": {**CHAT, "max_tokens": 9},
    "gemini.generate": {"contents": [{"role": "user", "parts": [{"text": "ping"}]}]},
    "bedrock.converse": {"messages": [{"role": "user", "content": [{"text": "ping"}]}]},
    "cohere.chat": CHAT,
}
PIXEL = "iVBORw0KGgo="
PICTURES = {
    "openai.chat": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    "anthropic.messages": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
}


def asked(dialect, body):
    text = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return ask_of(RELAYS[dialect], Sheet.open(text), len(text)), len(text)


def talk(dialect, *parts):
    return {**TALKS[dialect], "messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, *parts]}]}


@pytest.mark.parametrize("dialect", TALKS)
def test_a_text_is_its_bytes_and_nothing_else(dialect):
    ask, size = asked(dialect, TALKS[dialect])
    assert size <= ask.text_bytes <= size + 64
    assert not ask.has_media
    assert (ask.calls, ask.searches, ask.answers) == (0, 0, 1)


def test_every_conversation_can_be_asked_what_it_demands():
    assert DEMANDS.keys() == CODECS.keys() == TALKS.keys()


@pytest.mark.parametrize("dialect", DEMANDS)
def test_an_answer_can_be_held_to_a_length_and_says_so(dialect):
    body = {name: value for name, value in TALKS[dialect].items() if name != "max_tokens"}
    sheet = Sheet.open(json.dumps(body).encode())
    assert ask_of(RELAYS[dialect], sheet, 1).max_output is None
    assert hold_output(RELAYS[dialect], sheet, 321)
    grown = len(sheet.bytes()) - len(json.dumps(body))
    assert ask_of(RELAYS[dialect], Sheet.open(sheet.bytes()), 1).max_output == 321
    assert grown < 64


def test_other_settings_of_the_generation_stay():
    sheet = Sheet.open(b'{"contents": [], "generationConfig": {"temperature": 1, "candidateCount": 3}}')
    hold_output(RELAYS["gemini.generate"], sheet, 5)
    assert json.loads(sheet.bytes())["generationConfig"] == {"temperature": 1, "candidateCount": 3, "maxOutputTokens": 5}
    assert ask_of(RELAYS["gemini.generate"], sheet, 1).answers == 3


def test_what_cannot_be_held_is_left_alone():
    sheet = Sheet.open(b'{"input": "ping"}')
    assert not hold_output(RELAYS["openai.embeddings"], sheet, 5)
    assert sheet.bytes() == b'{"input": "ping"}'


@pytest.mark.parametrize("dialect", PICTURES)
def test_pictures_are_counted_and_their_data_are_no_text(dialect):
    ask, size = asked(dialect, talk(dialect, PICTURES[dialect], PICTURES[dialect]))
    assert ask.images == 2
    assert ask.text_bytes <= size + 64 - 2 * len(PIXEL)


def test_a_word_that_is_spelled_in_escapes_hides_nothing():
    body = json.dumps(talk("openai.chat", PICTURES["openai.chat"])).replace("image_url", "im\\u0061ge_url").encode()
    assert asked("openai.chat", body)[0].images == 1
    hidden = json.dumps(talk("openai.chat", PICTURES["openai.chat"])).replace('"type"', '"t\\u0079pe"').encode()
    assert asked("openai.chat", hidden)[0].images == 1


def test_a_text_about_pictures_is_a_text():
    ask, _ = asked("openai.chat", {**CHAT, "messages": [{"role": "user", "content": 'say {"type":"image_url"} é \u00e9'}]})
    assert not ask.has_media


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "sound_ms"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA", "filename": "a.pdf"}}, "pages"),
    ],
)
def test_what_has_a_length_that_nobody_tells_has_none(part, field):
    assert getattr(asked("openai.chat", talk("openai.chat", part))[0], field) is None


def test_what_the_provider_keeps_may_be_anything():
    file = talk("openai.chat", {"type": "file", "file": {"file_id": "file-1"}})
    assert asked("openai.chat", file)[0].recalls
    assert asked("openai.responses", {**TALKS["openai.responses"], "previous_response_id": "r"})[0].recalls
    assert not asked("openai.completions", TALKS["openai.completions"])[0].recalls


FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"url": {}}}}}


@pytest.mark.parametrize(
    ("dialect", "tools", "calls"),
    [
        ("openai.chat", [FUNCTION], 0),
        ("openai.chat", None, 0),
        ("openai.chat", [], 0),
        ("openai.chat", [{"type": "web_search"}], None),
        ("openai.chat", "nonsense", None),
        ("openai.responses", [{"type": "function", "name": "f"}, {"type": "local_shell"}], 0),
        ("openai.responses", [{"type": "code_interpreter", "container": {"type": "auto"}}], None),
        ("anthropic.messages", [{"name": "f", "input_schema": {"type": "object"}}], 0),
        ("anthropic.messages", [{"type": "bash_20250124", "name": "bash"}], 0),
        ("anthropic.messages", [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}], 3),
        ("anthropic.messages", [{"type": "web_search_20250305", "name": "web_search", "max_uses": -3}], None),
        ("anthropic.messages", [{"type": "web_fetch_20250910", "name": "web_fetch"}], None),
        ("gemini.generate", [{"functionDeclarations": [{"name": "f"}]}], 0),
        ("gemini.generate", [{"googleSearch": {}}], None),
        ("gemini.generate", [{"codeExecution": {}}], None),
        ("gemini.generate", [{"functionDeclarations": [{"name": "f"}], "googleSearch": {}}], None),
        ("openai.chat", [{"name": "without a type"}], None),
    ],
)
def test_tools_run_at_the_caller_or_as_often_as_they_like(dialect, tools, calls):
    ask, _ = asked(dialect, {**TALKS[dialect], "tools": tools})
    assert ask.calls == calls
    assert ask.searches == calls


def test_tools_of_converse_stand_in_their_config():
    body = {**TALKS["bedrock.converse"], "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}}}]}}
    assert asked("bedrock.converse", body)[0].calls == 0
    assert asked("bedrock.converse", body)[0].tools
    body["toolConfig"]["tools"].append({"systemTool": {"name": "nova_grounding"}})
    assert asked("bedrock.converse", body)[0].calls is None


@pytest.mark.parametrize(
    ("member", "value", "bounded"),
    [
        ("min_p", 0.1, True),
        ("temperature", 1, True),
        ("web_search_options", {}, False),
        ("enable_search", True, False),
        ("plugins", [{"id": "web"}], False),
        ("something", {"new": 1}, False),
        ("prediction", {"type": "content", "content": "x"}, True),
    ],
)
def test_a_member_that_nobody_knows_may_cost_anything_unless_it_is_a_number(member, value, bounded):
    ask, _ = asked("openai.chat", {**CHAT, member: value})
    assert (ask.calls == 0) == bounded


def test_an_expected_answer_is_charged_too():
    assert asked("openai.chat", {**CHAT, "prediction": {"type": "content", "content": "x" * 99}})[0].predicted_bytes > 99


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        ({"prompt": "ping"}, 1),
        ({"prompt": ["a", "b"]}, 2),
        ({"prompt": ["a", "b"], "n": 3}, 6),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1], [2]]}, 2),
        ({"prompt": [], "n": 2}, 2),
    ],
)
def test_each_prompt_has_its_answers(body, answers):
    found = asked("openai.completions", {"model": "m", "max_tokens": 5, **body})[0]
    assert found.answers == answers


@pytest.mark.parametrize("text", [b"0", b"-1", b"1.5", b'"7"', b"null", b"99999999999999999999"])
def test_a_length_that_is_no_number_is_none(text):
    assert asked("openai.chat", b'{"model":"m","messages":[],"max_tokens":%b}' % text)[0].max_output is None


def test_what_cannot_be_read_may_ask_for_anything():
    assert asked("openai.chat", {**CHAT, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]})[0] == ANYTHING
    assert asked("openai.transcriptions", {"model": "m"})[0] == ANYTHING


@pytest.mark.parametrize(
    ("dialect", "body", "said"),
    [
        ("openai.embeddings", {"input": "ping"}, {"answers": 0}),
        ("openai.speech", {"input": "ping"}, {"characters": 4, "clamps": False}),
        ("openai.images", {"prompt": "a cat", "n": 3}, {"answers": 0, "pictures": 3}),
        ("openai.images", {"prompt": "a cat"}, {"answers": 0, "pictures": 1}),
        ("cohere.rerank", {"query": "q", "documents": ["d"] * 101}, {"answers": 0, "rankings": 2}),
    ],
)
def test_operations_that_are_no_conversation_say_what_they_are_charged_by(dialect, body, said):
    ask, _ = asked(dialect, {"model": "m", **body})
    assert {name: getattr(ask, name) for name in said} == said
