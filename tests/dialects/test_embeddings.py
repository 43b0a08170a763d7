"""Embeddings in every dialect, and from each into each other one."""

import json

import msgspec
import pytest

from lockgate.core.failure import Failure, Refusal
from lockgate.core.query import Embedding, Vectors
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.registry import EMBEDDINGS
from lockgate.dialects.vectors import packed, unpacked

TEXTS = ["Hello", "Welt"]
VECTORS = [[0.5, -0.25, 1.0], [0.0, 2.0, -1.5]]
RESULT = Vectors(id="r1", model="m1", usage=Usage(input=7), vectors=VECTORS)

REQUESTS = {
    "openai.embeddings": {"model": "m", "input": TEXTS, "dimensions": 3, "input_type": "query"},
    "gemini.batch_embed": {
        "requests": [
            {
                "model": "models/m",
                "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_QUERY",
                "outputDimensionality": 3,
            }
            for text in TEXTS
        ]
    },
    "cohere.embed": {"model": "m", "texts": TEXTS, "input_type": "search_query", "output_dimension": 3},
    "gemini.predict": {
        "instances": [{"content": text, "task_type": "RETRIEVAL_QUERY"} for text in TEXTS],
        "parameters": {"outputDimensionality": 3},
    },
}
ANSWERS = {
    "openai.embeddings": {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 1, "embedding": VECTORS[1]},
            {"object": "embedding", "index": 0, "embedding": VECTORS[0]},
        ],
        "model": "m1",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    },
    "gemini.batch_embed": {"embeddings": [{"values": vector} for vector in VECTORS], "usageMetadata": {"promptTokenCount": 7}},
    "gemini.predict": {
        "predictions": [
            {"embeddings": {"values": vector, "statistics": {"token_count": count, "truncated": False}}}
            for vector, count in zip(VECTORS, (3, 4), strict=True)
        ],
        "metadata": {"billableCharacterCount": 9},
    },
    "bedrock.titan_embed": {"embedding": VECTORS[0], "inputTextTokenCount": 7},
    "gemini.embed": {"embedding": {"values": VECTORS[0]}, "usageMetadata": {"promptTokenCount": 7}},
    "cohere.embed": {
        "id": "r1",
        "embeddings": {"float": VECTORS},
        "texts": TEXTS,
        "meta": {"billed_units": {"input_tokens": 7}},
    },
}


def sheet(body):
    return Sheet.open(json.dumps(body).encode())


def written(codec, query):
    return json.loads(codec.write_request(query).bytes())


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_says_the_same_in_every_dialect(name):
    query = EMBEDDINGS[name].read_request(sheet(REQUESTS[name]))
    assert (query.inputs, query.dimensions, query.purpose, query.packed) == (TEXTS, 3, "query", False)
    assert query.losses == []


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_written_as_its_own_dialect_reads_it(name):
    query = EMBEDDINGS[name].read_request(sheet(REQUESTS[name]))
    query.model = "m"
    body = written(EMBEDDINGS[name], query)
    expected = dict(REQUESTS[name])
    expected.pop("input_type", None) if name == "openai.embeddings" else None
    assert body == ({**expected, "embedding_types": ["float"]} if name == "cohere.embed" else expected)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_says_the_same_in_every_dialect(name):
    result = EMBEDDINGS[name].read_reply(json.dumps(ANSWERS[name]).encode(), Embedding())
    assert result.vectors == VECTORS[: len(result.vectors)]
    assert result.usage.input == 7
    outcome = EMBEDDINGS[name].observe(json.dumps(ANSWERS[name]).encode())
    assert (outcome.usage.input, outcome.model, outcome.complete, outcome.begun) == (7, result.model, True, True)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_written_as_its_own_dialect_reads_it(name):
    body = EMBEDDINGS[name].write_reply(RESULT, Embedding(model="m", inputs=TEXTS))
    again = EMBEDDINGS[name].read_reply(body, Embedding())
    assert again.vectors == VECTORS[: len(again.vectors)]
    assert again.usage.input == 7


@pytest.mark.parametrize("name", ["openai.embeddings", "cohere.embed"])
def test_vectors_are_packed_when_the_caller_wants_them_so(name):
    codec = EMBEDDINGS[name]
    body = codec.write_reply(RESULT, Embedding(inputs=TEXTS, packed=True))
    assert packed(VECTORS[0]).encode() in body
    assert codec.read_reply(body, Embedding()).vectors == VECTORS


def test_packed_and_unpacked():
    assert unpacked(packed([0.5, -1.0])) == [0.5, -1.0]
    for wrong in ("!", "AAA=", "é"):
        with pytest.raises(ValueError, match="no base64"):
            unpacked(wrong)


@pytest.mark.parametrize(
    ("said", "meant"),
    [("x", ["x"]), (["x", "y"], ["x", "y"]), ([1, 2], [[1, 2]]), ([[1], [2, 3]], [[1], [2, 3]]), (["x", [1]], ["x", [1]])],
)
def test_inputs_of_openai_callers(said, meant):
    codec = EMBEDDINGS["openai.embeddings"]
    query = codec.read_request(sheet({"model": "m", "input": said, "encoding_format": "base64", "user": "u", "x": 1}))
    assert (query.inputs, query.packed, query.user, list(query.extra)) == (meant, True, "u", ["x"])
    assert written(codec, query) == {"model": "m", "input": meant, "encoding_format": "base64", "user": "u", "x": 1}


@pytest.mark.parametrize(
    ("name", "body", "param"),
    [
        ("openai.embeddings", {"model": "m"}, "input"),
        ("openai.embeddings", {"model": "m", "input": []}, "input"),
        ("openai.embeddings", {"model": "m", "input": ["a", 1]}, "input"),
        ("openai.embeddings", {"model": "m", "input": {"a": 1}}, "input"),
        ("openai.embeddings", {"model": "m", "input": "a", "dimensions": "many"}, "dimensions"),
        ("gemini.batch_embed", {"requests": []}, "requests"),
        ("gemini.batch_embed", {"requests": [{"content": {"parts": [{"text": "a"}]}, "taskType": "CLUSTERING"}, {"content": {"parts": [{"text": "b"}]}}]}, "requests"),
        ("gemini.batch_embed", {"requests": [{"content": {"parts": [{"text": "a"}]}}, {"content": {"parts": [{"inlineData": {}}]}}]}, "requests[1].content.parts"),
        ("gemini.embed", {"content": {"parts": []}}, "content.parts"),
        ("gemini.embed", {}, "content.parts"),
        ("gemini.predict", {"instances": []}, "instances"),
        ("gemini.predict", {"instances": [{}]}, "instances[0]"),
        ("bedrock.titan_embed", {"dimensions": 3}, ""),
        ("cohere.embed", {"model": "m", "images": ["data:"]}, "texts"),
        ("cohere.embed", {"model": "m", "texts": ["a"], "embedding_types": ["int8"]}, "embedding_types"),
        ("cohere.embed", {"model": "m", "texts": ["a"], "embedding_types": ["float", "base64"]}, "embedding_types"),
        ("cohere.embed", {"model": "m", "texts": [1]}, "texts[0]"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_place(name, body, param):
    with pytest.raises(Refusal) as raised:
        EMBEDDINGS[name].read_request(sheet(body))
    assert (raised.value.status, raised.value.param) == (400, param)


@pytest.mark.parametrize("name", ["gemini.batch_embed", "gemini.predict", "cohere.embed"])
def test_token_ids_are_refused_where_they_mean_nothing(name):
    with pytest.raises(Refusal, match=r"'input\[1\]' is token ids"):
        EMBEDDINGS[name].write_request(Embedding(model="m", inputs=["a", [1, 2]]))


def test_one_input_a_request():
    one = EMBEDDINGS["gemini.embed"]
    query = one.read_request(sheet({"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "title": "t"}))
    assert (query.inputs, query.title) == (["a\nb"], "t")
    query.model = "m"
    assert written(one, query) == {"model": "models/m", "title": "t", "content": {"parts": [{"text": "a\nb"}]}}
    with pytest.raises(Refusal, match="one input"):
        one.write_request(Embedding(inputs=TEXTS))
    assert json.loads(one.write_reply(Vectors(), Embedding())) == {"embedding": {"values": []}}


def test_google_s_newer_place_for_what_the_vectors_are_for():
    config = {"taskType": "RETRIEVAL_DOCUMENT", "title": "t", "outputDimensionality": 3}
    query = EMBEDDINGS["gemini.embed"].read_request(
        sheet({"content": {"parts": [{"text": "a"}]}, "embedContentConfig": config})
    )
    assert (query.purpose, query.title, query.dimensions) == ("document", "t", 3)


def test_losses_are_named():
    extra = {"x": msgspec.Raw(b"1")}
    for name, lost in (
        ("gemini.batch_embed", ["x", "truncate"]),
        ("gemini.predict", ["x"]),
        ("bedrock.titan_embed", ["purpose", "title", "truncate"]),
        ("cohere.embed", ["title"]),
        ("openai.embeddings", ["purpose", "title", "truncate"]),
    ):
        query = Embedding(inputs=["a"], title="t", truncate=True, purpose="query", extra=extra)
        EMBEDDINGS[name].write_request(query)
        assert query.losses == lost, name


@pytest.mark.parametrize(("said", "meant"), [(True, True), (False, False), ("END", True), ("NONE", False), (None, False)])
def test_whether_long_inputs_are_cut(said, meant):
    query = EMBEDDINGS["openai.embeddings"].read_request(sheet({"input": "a", "truncate": said}))
    assert query.truncate is meant
    assert written(EMBEDDINGS["cohere.embed"], query)["truncate"] == ("END" if meant else "NONE")


def test_a_purpose_that_nobody_knows_is_a_loss():
    query = EMBEDDINGS["openai.embeddings"].read_request(sheet({"input": "a", "input_type": "weather"}))
    assert query.losses == ["input_type"]


@pytest.mark.parametrize("name", EMBEDDINGS)
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"\xff", b'{"embeddings": 1, "data": 1, "embedding": 1}', b'{"data": [{"embedding": "!"}]}']
)
def test_an_answer_that_cannot_be_read_is_a_failure(name, body):
    failure = EMBEDDINGS[name].read_reply(body, Embedding())
    assert isinstance(failure, Failure)
    assert failure.kind == "malformed"


@pytest.mark.parametrize("name", ["openai.embeddings", "gemini.batch_embed", "gemini.predict"])
def test_an_error_said_with_success_is_a_failure(name):
    body = json.dumps({"error": {"message": "no", "code": 429}}).encode()
    assert EMBEDDINGS[name].read_reply(body, Embedding()).message == "no"
    assert EMBEDDINGS[name].observe(body).failure.message == "no"
    assert EMBEDDINGS[name].observe(b"\xff").failure.kind == "malformed"


def test_cohere_s_older_answers():
    codec = EMBEDDINGS["cohere.embed"]
    assert codec.read_reply(json.dumps({"embeddings": VECTORS}).encode(), Embedding()).vectors == VECTORS
    assert codec.observe(b"[").failure.kind == "malformed"
    assert codec.observe(b"{}").usage is None


def test_hosts_that_state_a_total_alone():
    codec = EMBEDDINGS["openai.embeddings"]
    assert codec.observe(b'{"usage": {"total_tokens": 9}}').usage.input == 9
    assert codec.observe(b'{"usage": {}}').usage is None
    assert codec.observe(b'{"usage": "many"}').usage is None


def test_a_model_is_named_where_the_body_names_one():
    asked = sheet({"requests": [{"model": "models/@x/m", "content": {}}, {"content": {}}]})
    EMBEDDINGS["gemini.batch_embed"].name_model(asked, "m")
    assert json.loads(asked.bytes()) == {
        "requests": [{"model": "models/m", "content": {}}, {"content": {}, "model": "models/m"}]
    }
    for body, named in (({"model": "models/@x/m"}, {"model": "models/m"}), ({"a": 1}, {"a": 1})):
        asked = sheet(body)
        EMBEDDINGS["gemini.embed"].name_model(asked, "m")
        assert json.loads(asked.bytes()) == named


def test_titan_takes_one_text_a_request():
    codec = EMBEDDINGS["bedrock.titan_embed"]
    query = codec.read_request(sheet({"inputText": "a", "dimensions": 3, "normalize": True}))
    assert (query.inputs, query.dimensions) == (["a"], 3)
    assert written(codec, query) == {"inputText": "a", "dimensions": 3, "normalize": True}
    with pytest.raises(Refusal, match="one text"):
        codec.write_request(Embedding(inputs=TEXTS))
    with pytest.raises(Refusal, match="token ids"):
        codec.write_request(Embedding(inputs=[[1]]))
    assert json.loads(codec.write_reply(Vectors(), Embedding())) == {"embedding": [], "inputTextTokenCount": 0}
    assert codec.observe(b"{}").failure.kind == "malformed"
    assert codec.observe(b'{"embedding": []}').usage is None


def test_predictions_say_more_of_what_they_are():
    codec = EMBEDDINGS["gemini.predict"]
    query = codec.read_request(sheet({"instances": [{"content": "a", "title": "t"}], "parameters": {"autoTruncate": False}}))
    assert (query.title, query.truncate) == ("t", False)
    assert written(codec, query) == {"instances": [{"content": "a", "title": "t"}], "parameters": {"autoTruncate": False}}
    assert codec.observe(b'{"predictions": [{}]}').usage is None
