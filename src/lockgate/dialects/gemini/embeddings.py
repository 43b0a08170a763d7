"""Gemini's embedContent and batchEmbedContents: one input, or a list of them. https://ai.google.dev/api/embeddings.

Translations ask for a batch, of one input if need be. Token ids cannot be said here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, given, readable
from lockgate.core.outcome import Outcome
from lockgate.core.query import Embedding, Purpose, Vectors
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.generate.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.lenient import aside, refusing, shaped
from lockgate.dialects.vectors import no_tokens

ONE, MANY = "gemini.embed", "gemini.batch_embed"

#: What vectors are for, in the words of this API.
TASK: dict[Purpose, str] = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "similarity": "SEMANTIC_SIMILARITY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "code": "CODE_RETRIEVAL_QUERY",
    "question": "QUESTION_ANSWERING",
    "fact": "FACT_VERIFICATION",
}
PURPOSE: dict[str, Purpose] = {task: purpose for purpose, task in TASK.items()}


class _Part(msgspec.Struct):
    text: str | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Config(msgspec.Struct, rename="camel"):
    task_type: str | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class _One(_Config, rename="camel"):
    content: _Content = msgspec.field(default_factory=_Content)
    embed_content_config: _Config | None = None


class _Many(msgspec.Struct):
    requests: list[_One]


class _Values(msgspec.Struct):
    values: list[float] | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None


class _Glance(msgspec.Struct, rename="camel"):
    usage_metadata: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Answer(_Glance, rename="camel"):
    embedding: _Values | None = None
    embeddings: list[_Values] | None = None


@refusing
def read_one(sheet: Sheet) -> Embedding:
    """A caller's request for one vector; raises `Refusal`."""
    return _query([readable(sheet.bytes(), _One)])


@refusing
def read_many(sheet: Sheet) -> Embedding:
    """A caller's request for several; raises `Refusal`."""
    return _query(readable(sheet.bytes(), _Many).requests)


def _query(asked: list[_One]) -> Embedding:
    if not asked:
        raise Refusal(400, "missing_input", "The request has nothing to embed; set 'requests'.", param="requests")
    first = asked[0].embed_content_config or asked[0]
    query = Embedding(
        dimensions=first.output_dimensionality,
        purpose=PURPOSE.get(first.task_type or "", ""),
        title=first.title or "",
    )
    for index, each in enumerate(asked):
        texts = [part.text for part in each.content.parts or () if part.text is not None]
        if len(texts) != len(each.content.parts or ()) or not texts:
            at = f"requests[{index}].content.parts" if len(asked) > 1 else "content.parts"
            raise Refusal(400, "unsupported_part", f"'{at}' must be texts: no other part can be embedded there.", param=at)
        query.inputs.append("\n".join(texts))
        own = each.embed_content_config or each
        if (own.output_dimensionality, own.task_type) != (first.output_dimensionality, first.task_type):
            raise Refusal(
                400, "mixed_requests", "All requests of a batch must ask alike for another provider.", param="requests"
            )
    return query


def write_many(query: Embedding) -> Sheet:
    """The body for a provider."""
    how: dict[str, Any] = {"model": f"models/{query.model}"}
    if query.purpose:
        how["taskType"] = TASK[query.purpose]
    if query.title:
        how["title"] = query.title
    if query.dimensions is not None:
        how["outputDimensionality"] = query.dimensions
    requests: list[Any] = []
    for index, each in enumerate(query.inputs):
        if not isinstance(each, str):
            raise no_tokens(index)
        requests.append({**how, "content": {"parts": [{"text": each}]}})
    sheet = Sheet()
    sheet.set("requests", requests)
    for name in query.extra:
        query.lose(name)
    if query.truncate is not None:
        query.lose("truncate")
    return sheet


def write_one(query: Embedding) -> Sheet:
    """The body for a provider that takes one input a request."""
    if len(query.inputs) != 1:
        raise Refusal(400, "one_input", "This provider embeds one input a request.", param="input")
    (asked,) = msgspec.json.decode(write_many(query).bytes(), type=dict[str, list[dict[str, msgspec.Raw]]])["requests"]
    return Sheet(asked)


def name_one(sheet: Sheet, model: str) -> None:
    """A request names its model once more, if it likes."""
    if "model" in sheet:
        sheet.set("model", f"models/{model}")


def name_many(sheet: Sheet, model: str) -> None:
    """Each request of a batch names its model, which must be the path's."""
    asked = readable(sheet.raw("requests") or b"[]", list[dict[str, msgspec.Raw]], "requests")
    name = msgspec.Raw(encode(f"models/{model}"))
    sheet.set("requests", [{**each, "model": name} for each in asked])


def read_reply(body: bytes, query: Embedding) -> Vectors | Failure:
    """A provider's answer."""
    try:
        shape = shaped(body, _Answer)
        if given(shape.error):
            return failure_of(msgspec.json.decode(body), body=body)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    found = shape.embeddings if shape.embeddings is not None else [shape.embedding] if shape.embedding is not None else None
    if found is None:
        return unreadable("it has no embeddings", body)
    return Vectors(usage=_used(shape.usage_metadata), vectors=[each.values or [] for each in found])


def write_reply_one(result: Vectors, query: Embedding) -> bytes:
    """The caller's answer to a request for one vector."""
    return _answer({"embedding": {"values": result.vectors[0] if result.vectors else []}}, result)


def write_reply_many(result: Vectors, query: Embedding) -> bytes:
    """The caller's answer to a batch."""
    return _answer({"embeddings": [{"values": vector} for vector in result.vectors]}, result)


def _answer(made: dict[str, Any], result: Vectors) -> bytes:
    if result.usage is not None:
        made["usageMetadata"] = {"promptTokenCount": result.usage.input}
    return encode(made)


def observe(body: bytes) -> Outcome:
    """What an answer that passes says of itself. The API names no model."""
    try:
        shape = shaped(body, _Glance)
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    if given(shape.error):
        return Outcome(failure=failure_of(msgspec.json.decode(body), body=body))
    return Outcome(usage=_used(shape.usage_metadata), begun=True, complete=True)


def _used(raw: msgspec.Raw) -> Usage | None:
    shape = aside(raw, _Usage)
    if shape is None or shape.prompt_token_count is None:
        return None
    return Usage(input=shape.prompt_token_count, raw=raw.copy())


_SHARED: dict[str, Any] = {
    "read_reply": read_reply,
    "observe": observe,
    "tap": None,
    "read_error": read_error,
    "write_error": write_error,
    "stream_error": stream_error,
    "native_error": native_error,
    "passes": (b"x-goog-user-project", b"x-goog-api-client"),
}
CODEC_ONE = WholeCodec[Embedding, Vectors](
    name=ONE,
    read_request=read_one,
    write_request=write_one,
    write_reply=write_reply_one,
    name_model=name_one,
    **_SHARED,
)
CODEC_MANY = WholeCodec[Embedding, Vectors](
    name=MANY,
    read_request=read_many,
    write_request=write_many,
    write_reply=write_reply_many,
    name_model=name_many,
    **_SHARED,
)
