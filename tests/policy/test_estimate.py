import msgspec
import pytest

from lockgate.core.content import Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.events import Finished, PartDelta, PartStarted
from lockgate.core.query import Embedding, Query, Ranking
from lockgate.core.reply import Finish
from lockgate.core.request import Format, Request
from lockgate.policy.estimate import IMAGE, OVERHEAD, input_tokens, output_tokens, query_tokens, text_tokens


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("word", 1), ("four words in here!!", 5)])
def test_english_has_four_characters_a_token(text, tokens):
    assert text_tokens(text) == tokens


def test_other_scripts_have_fewer_characters_a_token():
    assert text_tokens("こんにちは世界") >= 4
    assert text_tokens("Здравствуй") > text_tokens("Zdravstvuy")


@pytest.mark.parametrize(
    "part",
    [
        Text("some text"),
        Declined("no"),
        Thinking("hm", redacted="x" * 40),
        ToolCall("1", "f", '{"a": 1}'),
        ToolResult("1", [Text("done")]),
        Media("image", data="x"),
        Media("file", data="x" * 600),
        Native("d", "k", msgspec.Raw(b'{"a": "long enough"}')),
    ],
)
def test_every_part_counts(part):
    assert input_tokens(Request("m", [Turn("user", [part])])) > OVERHEAD


def test_tools_and_formats_count():
    schema = msgspec.Raw(b'{"type": "object", "properties": {}}')
    bare = Request("m", [Turn("user", [Text("hi")])])
    told = Request("m", bare.turns, tools=[Tool("f", "does it", schema)], format=Format("schema", schema))
    assert input_tokens(told) > input_tokens(bare) + 15


def test_an_image_counts_as_a_megapixel():
    assert input_tokens(Request("m", [Turn("user", [Media("image", url="https://x/y.png")])])) == OVERHEAD + IMAGE


def test_what_a_stream_said_counts():
    events = [PartStarted(0, Text("")), PartDelta(0, "eight ch"), PartDelta(0, "ars"), Finished(Finish("stop"))]
    assert output_tokens(events) == 3


def test_ids_are_counted_and_texts_guessed():
    assert query_tokens(Embedding(inputs=["word", [1, 2, 3]])) == 1 + 3
    assert query_tokens(Ranking(text="word", documents=["word word", msgspec.Raw(b'{"text":"word"}')])) == 1 + 3 + 3
    assert query_tokens(Query()) == 0  # nothing that has tokens
