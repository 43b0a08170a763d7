"""Reranking in every spelling, and from each into each other one."""

import json

import pytest

from lockgate.core.failure import Failure, Refusal
from lockgate.core.query import Ranking
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.registry import RERANKS as ALL

#: The spellings that callers use too; what only a provider speaks is tried elsewhere.
RERANKS = {name: codec for name, codec in ALL.items() if isinstance(codec, WholeCodec)}
DOCUMENTS = ["one", "two", "three"]

REQUESTS = {
    "jina.rerank": {"model": "m", "query": "q", "documents": DOCUMENTS, "top_n": 2, "return_documents": True},
    "cohere.rerank": {"model": "m", "query": "q", "documents": DOCUMENTS, "top_n": 2},
    "voyage.rerank": {"model": "m", "query": "q", "documents": DOCUMENTS, "top_k": 2, "return_documents": True},
    "fireworks.rerank": {"model": "m", "query": "q", "documents": DOCUMENTS, "top_n": 2, "return_documents": True},
    "mixedbread.rerank": {"model": "m", "query": "q", "input": DOCUMENTS, "top_k": 2, "return_input": True},
    "pinecone.rerank": {
        "model": "m",
        "query": "q",
        "documents": [{"text": text} for text in DOCUMENTS],
        "top_n": 2,
        "return_documents": True,
    },
    "tei.rerank": {"model": "m", "query": "q", "texts": DOCUMENTS, "return_text": True},
}
ANSWERS = {
    "jina.rerank": {"model": "m1", "usage": {"total_tokens": 9}, "results": [{"index": 2, "relevance_score": 0.9, "document": {"text": "three"}}, {"index": 0, "relevance_score": 0.5}]},
    "cohere.rerank": {"id": "i", "results": [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.5}], "meta": {"billed_units": {"search_units": 1}}},
    "voyage.rerank": {"object": "list", "model": "m1", "data": [{"index": 2, "relevance_score": 0.9, "document": "three"}, {"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 9}},
    "fireworks.rerank": {"object": "list", "model": "m1", "data": [{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.5}], "usage": {"prompt_tokens": 9}},
    "mixedbread.rerank": {"model": "m1", "data": [{"index": 2, "score": 0.9, "input": "three"}, {"index": 0, "score": 0.5}], "usage": {"prompt_tokens": 9, "total_tokens": 9}},
    "pinecone.rerank": {"model": "m1", "data": [{"index": 2, "score": 0.9, "document": {"text": "three"}}, {"index": 0, "score": 0.5}], "usage": {"rerank_units": 1}},
    "tei.rerank": [{"index": 0, "score": 0.5}, {"index": 2, "score": 0.9, "text": "three"}, {"index": 1, "score": 0.1}],
}  # fmt: skip

every = pytest.mark.parametrize("name", RERANKS)


def sheet(body):
    return Sheet.open(json.dumps(body).encode())


def read(name, body):
    return RERANKS[name].read_request(sheet(body))


def written(name, query):
    return json.loads(RERANKS[name].write_request(query).bytes())


def test_every_spelling_is_tried():
    assert set(REQUESTS) == set(ANSWERS) == set(RERANKS)


@every
def test_a_request_says_the_same_in_every_spelling(name):
    query = read(name, REQUESTS[name])
    assert (query.model, query.text, query.documents) == ("m", "q", DOCUMENTS)
    assert (query.top, query.shown) == (None if name == "tei.rerank" else 2, name != "cohere.rerank")


@every
def test_a_request_is_written_without_what_we_do_ourselves(name):
    query = read("jina.rerank", REQUESTS["jina.rerank"])
    body = {key: value for key, value in REQUESTS[name].items() if not key.startswith("return")}
    assert written(name, query) == body
    assert query.losses == []


@every
def test_an_answer_says_the_same_in_every_spelling(name):
    body = json.dumps(ANSWERS[name]).encode()
    result = RERANKS[name].read_reply(body, Ranking(top=2))
    assert [(rank.index, rank.score) for rank in result.ranks] == [(2, 0.9), (0, 0.5)]
    outcome = RERANKS[name].observe(body)
    assert (outcome.complete, outcome.usage, outcome.model) == (True, result.usage, result.model)
    if name == "tei.rerank":
        assert result.usage is None
    else:
        assert (result.usage.input, result.usage.searches) in ((9, 0), (0, 1))


@every
@pytest.mark.parametrize("shown", [True, False])
def test_an_answer_is_written_as_its_own_spelling_reads_it(name, shown):
    asked = Ranking(model="m", text="q", documents=DOCUMENTS, shown=shown)
    result = RERANKS["jina.rerank"].read_reply(json.dumps(ANSWERS["jina.rerank"]).encode(), asked)
    body = RERANKS[name].write_reply(result, asked)
    again = RERANKS[name].read_reply(body, asked)
    assert [(rank.index, rank.score) for rank in again.ranks] == [(2, 0.9), (0, 0.5)]
    assert (b"three" in body) is shown


def test_documents_are_shown_as_the_caller_gave_them():
    documents = ["one", {"text": "two"}, {"title": "x", "text": "three"}]
    query = read("jina.rerank", {"query": "q", "documents": documents, "return_documents": True})
    result = RERANKS["cohere.rerank"].read_reply(
        json.dumps({"results": [{"index": n, "relevance_score": 1 - n / 9} for n in (0, 1, 2)]}).encode(), query
    )
    rows = json.loads(RERANKS["jina.rerank"].write_reply(result, query))["results"]
    assert [row["document"] for row in rows] == [{"text": "one"}, {"text": "two"}, {"title": "x", "text": "three"}]
    rows = json.loads(RERANKS["voyage.rerank"].write_reply(result, query))["data"]
    assert [row["document"] for row in rows[:2]] == ["one", "two"]


def test_an_index_out_of_range_shows_what_the_provider_says():
    result = RERANKS["jina.rerank"].read_reply(
        b'{"results": [{"index": 7, "relevance_score": 1, "document": {"text": "t"}}]}', Ranking()
    )
    body = RERANKS["jina.rerank"].write_reply(result, Ranking(documents=["a"], shown=True))
    assert json.loads(body)["results"][0]["document"] == {"text": "t"}


@pytest.mark.parametrize(
    ("fields", "text"),
    [([], "t"), (["text"], "t"), (["title"], '{"title":"x"}'), (["title", "text"], '{"title":"x","text":"t"}')],
)
def test_objects_become_texts_where_only_texts_are_taken(fields, text):
    document = {"title": "x", "text": "t"}
    query = read("jina.rerank", {"query": "q", "documents": [document], "rank_fields": fields})
    assert written("cohere.rerank", query)["documents"] == [text]
    assert written("pinecone.rerank", query)["documents"] == [document]
    assert query.losses == []


def test_objects_without_a_text_are_said_whole():
    query = read("jina.rerank", {"query": "q", "documents": [{"image": "u", "n": 1}]})
    assert written("voyage.rerank", query)["documents"] == ['{"image":"u","n":1}']


def test_more_that_some_can_say():
    body = {"query": "q", "documents": ["a"], "max_tokens_per_doc": 9, "truncation": False, "x": 1}
    query = read("jina.rerank", body)
    assert (query.document_tokens, query.truncate, list(query.extra)) == (9, False, ["x"])
    assert written("cohere.rerank", query)["max_tokens_per_doc"] == 9
    assert query.losses == ["truncate"]
    assert written("voyage.rerank", query)["truncation"] is False
    assert written("voyage.rerank", query)["x"] == 1
    assert query.losses == ["truncate", "document_tokens"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"documents": ["a"]}, "query"),
        ({"query": "q"}, "documents"),
        ({"query": "q", "documents": []}, "documents"),
        ({"query": "q", "documents": ["a", 1]}, "documents[1]"),
        ({"query": "q", "documents": [{"text": 1}]}, "documents[0].text"),
        ({"query": 1, "documents": ["a"]}, "query"),
        ({"query": "q", "documents": ["a"], "top_n": "all"}, "top_n"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(body, param):
    with pytest.raises(Refusal) as raised:
        read("jina.rerank", body)
    assert (raised.value.status, raised.value.param) == (400, param)


@every
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\xff", b'"x"', b'{"results": [{}], "data": [{}]}', b"[{}]", b'[{"index": "a", "score": 1}]']
)
def test_an_answer_that_cannot_be_read_is_a_failure(name, body):
    failure = RERANKS[name].read_reply(body, Ranking())
    assert isinstance(failure, Failure)
    assert failure.kind == "malformed"


def test_an_error_said_with_success_is_a_failure():
    body = json.dumps({"error": {"message": "no", "code": 429}}).encode()
    assert RERANKS["jina.rerank"].read_reply(body, Ranking()).message == "no"
    assert RERANKS["jina.rerank"].observe(body).failure.message == "no"
    assert RERANKS["jina.rerank"].observe(b"\xff").failure.kind == "malformed"


def test_errors_of_cohere_s_are_cohere_s():
    refusal = Refusal(400, "c", "no")
    assert json.loads(RERANKS["cohere.rerank"].write_error(refusal)) == {"message": "no"}
    assert json.loads(RERANKS["jina.rerank"].write_error(refusal))["error"]["message"] == "no"
