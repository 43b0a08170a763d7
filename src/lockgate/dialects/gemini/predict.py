"""Embeddings by Vertex AI's `predict`, which the text embedding models and gemini-embedding-001 are asked by.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, given, readable
from lockgate.core.outcome import Outcome
from lockgate.core.query import Embedding, Vectors
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.embeddings import PURPOSE, TASK
from lockgate.dialects.gemini.generate.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.lenient import refusing, shaped
from lockgate.dialects.vectors import no_tokens

NAME = "gemini.predict"


class _Instance(msgspec.Struct):
    content: str
    task_type: str | None = None
    title: str | None = None


class _Parameters(msgspec.Struct, rename="camel"):
    auto_truncate: bool | None = None
    output_dimensionality: int | None = None


class _Body(msgspec.Struct):
    instances: list[_Instance]
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class _Statistics(msgspec.Struct):
    token_count: float | None = None


class _Values(msgspec.Struct):
    values: list[float] | None = None
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Values = msgspec.field(default_factory=_Values)


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | None = None
    error: msgspec.Raw = msgspec.Raw()


@refusing
def read_request(sheet: Sheet) -> Embedding:
    """A caller's request; raises `Refusal`."""
    body = readable(sheet.bytes(), _Body)
    if not body.instances:
        raise Refusal(400, "missing_input", "The request has nothing to embed; set 'instances'.", param="instances")
    first = body.instances[0]
    return Embedding(
        inputs=[each.content for each in body.instances],
        dimensions=body.parameters.output_dimensionality,
        truncate=body.parameters.auto_truncate,
        purpose=PURPOSE.get(first.task_type or "", ""),
        title=first.title or "",
    )


def write_request(query: Embedding) -> Sheet:
    """The body for a provider."""
    instances: list[dict[str, Any]] = []
    for index, each in enumerate(query.inputs):
        if not isinstance(each, str):
            raise no_tokens(index)
        instance: dict[str, Any] = {"content": each}
        if query.purpose:
            instance["task_type"] = TASK[query.purpose]
        if query.title:
            instance["title"] = query.title
        instances.append(instance)
    parameters: dict[str, Any] = {}
    if query.dimensions is not None:
        parameters["outputDimensionality"] = query.dimensions
    if query.truncate is not None:
        parameters["autoTruncate"] = query.truncate
    sheet = Sheet()
    sheet.set("instances", instances)
    if parameters:
        sheet.set("parameters", parameters)
    for name in query.extra:
        query.lose(name)
    return sheet


def read_reply(body: bytes, query: Embedding) -> Vectors | Failure:
    """A provider's answer."""
    shape = _read(body)
    if isinstance(shape, Failure):
        return shape
    vectors = [each.embeddings.values or [] for each in shape.predictions or ()]
    return Vectors(usage=_used(shape), vectors=vectors)


def write_reply(result: Vectors, query: Embedding) -> bytes:
    """The caller's answer. What was used is told with the first vector, since it is known of all together."""
    predictions: list[Any] = [{"embeddings": {"values": vector}} for vector in result.vectors]
    if predictions and result.usage is not None:
        predictions[0]["embeddings"]["statistics"] = {"token_count": result.usage.input, "truncated": False}
    return encode({"predictions": predictions})


def observe(body: bytes) -> Outcome:
    """What an answer that passes says of itself. The API names no model."""
    shape = _read(body)
    if isinstance(shape, Failure):
        return Outcome(failure=shape)
    return Outcome(usage=_used(shape), begun=True, complete=True)


def _read(body: bytes) -> _Answer | Failure:
    try:
        shape = shaped(body, _Answer)
        if given(shape.error):
            return failure_of(msgspec.json.decode(body), body=body)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    return unreadable("it has no predictions", body) if shape.predictions is None else shape


def _used(shape: _Answer) -> Usage | None:
    counts = [told.token_count for each in shape.predictions or () if (told := each.embeddings.statistics) is not None]
    known = [count for count in counts if count is not None]
    return Usage(input=int(sum(known))) if known else None


CODEC = WholeCodec[Embedding, Vectors](
    name=NAME,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    write_reply=write_reply,
    observe=observe,
    tap=None,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    passes=(b"x-goog-user-project", b"x-goog-api-client"),
    name_model=None,
)
