"""Cohere's Embed API, version 2: https://docs.cohere.com/reference/embed. Token ids cannot be said here."""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, readable
from lockgate.core.outcome import Outcome
from lockgate.core.query import Embedding, Purpose, Vectors
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.cohere.chat.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.cohere.meta import usage_of
from lockgate.dialects.error import unreadable
from lockgate.dialects.lenient import refusing, shaped
from lockgate.dialects.vectors import no_tokens, packed, unpacked

NAME = "cohere.embed"

#: Models since version 3 want to know; what is stored and searched is what most vectors are made for.
_USUAL = "search_document"
_TYPE: dict[Purpose, str] = {
    "query": "search_query",
    "question": "search_query",
    "code": "search_query",
    "document": "search_document",
    "fact": "search_document",
    "classification": "classification",
    "clustering": "clustering",
    "similarity": "clustering",
}
_PURPOSE: dict[str, Purpose] = {
    "search_query": "query",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
}
_FORMS = ("float", "base64")


class _Body(msgspec.Struct):
    model: str = ""
    texts: list[str] | None = None
    input_type: str | None = None
    embedding_types: list[str] | None = None
    output_dimension: int | None = None
    truncate: str | None = None


_KNOWN = frozenset(field.encode_name for field in msgspec.structs.fields(_Body))


class _Glance(msgspec.Struct):
    id: str | None = None
    meta: msgspec.Raw = msgspec.Raw()


class _ByType(msgspec.Struct, rename={"floats": "float"}):
    floats: list[list[float]] | None = None
    base64: list[str] | None = None


class _Answer(_Glance):
    embeddings: _ByType | list[list[float]] | None = None


@refusing
def read_request(sheet: Sheet) -> Embedding:
    """A caller's request; raises `Refusal`."""
    body = readable(sheet.bytes(), _Body)
    if not body.texts:
        raise Refusal(400, "missing_input", "The request has no texts to embed; set 'texts'.", param="texts")
    form = (body.embedding_types or ["float"])[0]
    if form not in _FORMS or len(body.embedding_types or ()) > 1:
        at = "embedding_types"
        raise Refusal(400, "unsupported_value", f'\'{at}\' may be ["float"] or ["base64"] for another provider.', param=at)
    return Embedding(
        model=body.model,
        inputs=[*body.texts],
        dimensions=body.output_dimension,
        packed=form == "base64",
        purpose=_PURPOSE.get(body.input_type or "", ""),
        truncate=None if body.truncate is None else body.truncate.upper() != "NONE",
        extra={name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None},
    )


def write_request(query: Embedding) -> Sheet:
    """The body for a provider."""
    texts: list[str] = []
    for index, each in enumerate(query.inputs):
        if not isinstance(each, str):
            raise no_tokens(index)
        texts.append(each)
    sheet = Sheet()
    sheet.set("model", query.model)
    sheet.set("texts", texts)
    sheet.set("input_type", _TYPE.get(query.purpose, _USUAL))
    sheet.set("embedding_types", ["float"])
    if query.dimensions is not None:
        sheet.set("output_dimension", query.dimensions)
    if query.truncate is not None:
        sheet.set("truncate", "END" if query.truncate else "NONE")
    if query.title:
        query.lose("title")
    for name, value in query.extra.items():
        sheet.set(name, value)
    return sheet


def read_reply(body: bytes, query: Embedding) -> Vectors | Failure:
    """A provider's answer; older models answer with the vectors alone."""
    try:
        shape = shaped(body, _Answer)
        found = shape.embeddings
        if isinstance(found, _ByType):
            vectors = found.floats if found.floats is not None else [unpacked(each) for each in found.base64 or ()]
        elif found is None:
            return unreadable("it has no embeddings", body)
        else:
            vectors = found
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return unreadable(str(error), body)
    return Vectors(id=shape.id or "", usage=usage_of(shape.meta), vectors=vectors)


def write_reply(result: Vectors, query: Embedding) -> bytes:
    """The caller's answer."""
    vectors: dict[str, Any] = (
        {"base64": [packed(vector) for vector in result.vectors]} if query.packed else {"float": result.vectors}
    )
    made: dict[str, Any] = {"id": result.id, "embeddings": vectors, "texts": query.inputs}
    if result.usage is not None:
        made["meta"] = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": result.usage.input}}
    return encode(made)


def observe(body: bytes) -> Outcome:
    """What an answer that passes says of itself. The API names no model."""
    try:
        shape = shaped(body, _Glance)
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    return Outcome(shape.id or "", usage=usage_of(shape.meta), begun=True, complete=True)


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
)
