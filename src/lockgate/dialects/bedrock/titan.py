"""Amazon's Titan embeddings by Bedrock's `invoke`: one text a request.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html and …-embed-mm.html, the
model of texts and pictures, which says the length of a vector elsewhere.
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, readable
from lockgate.core.query import Embedding, Vectors
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.error import unreadable
from lockgate.dialects.lenient import refusing, shaped
from lockgate.dialects.observing import observer
from lockgate.dialects.vectors import no_tokens

NAME = "bedrock.titan_embed"

_OF_PICTURES = "titan-embed-image"


class _Body(msgspec.Struct, rename="camel"):
    input_text: str
    dimensions: int | None = None


class _Answer(msgspec.Struct, rename="camel"):
    embedding: list[float] | None = None
    input_text_token_count: int | None = None


@refusing
def read_request(sheet: Sheet) -> Embedding:
    """A caller's request; raises `Refusal`."""
    body = readable(sheet.bytes(), _Body)
    extra = {
        name: value for name in sheet if name not in ("inputText", "dimensions") and (value := sheet.raw(name)) is not None
    }
    return Embedding(inputs=[body.input_text], dimensions=body.dimensions, extra=extra)


def write_request(query: Embedding) -> Sheet:
    """The body for a provider; raises `Refusal` for more than one text."""
    if len(query.inputs) != 1:
        raise Refusal(400, "one_input", "This model embeds one text a request: ask once for each.", param="input")
    (text,) = query.inputs
    if not isinstance(text, str):
        raise no_tokens(0)
    sheet = Sheet()
    sheet.set("inputText", text)
    if query.dimensions is not None and _OF_PICTURES in query.model:
        sheet.set("embeddingConfig", {"outputEmbeddingLength": query.dimensions})
    elif query.dimensions is not None:
        sheet.set("dimensions", query.dimensions)
    for name, value in query.extra.items():
        sheet.set(name, value)
    for name in ("purpose", "title", "truncate"):
        if getattr(query, name):
            query.lose(name)
    return sheet


def read_reply(body: bytes, query: Embedding) -> Vectors | Failure:
    """A provider's answer."""
    try:
        shape = shaped(body, _Answer)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if shape.embedding is None:
        return unreadable("it has no embedding", body)
    return Vectors(usage=_used(shape), vectors=[shape.embedding])


def write_reply(result: Vectors, query: Embedding) -> bytes:
    """The caller's answer."""
    used = 0 if result.usage is None else result.usage.input
    return encode({"embedding": result.vectors[0] if result.vectors else [], "inputTextTokenCount": used})


def _used(shape: _Answer) -> Usage | None:
    return None if shape.input_text_token_count is None else Usage(input=shape.input_text_token_count)


CODEC = WholeCodec[Embedding, Vectors](
    name=NAME,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    write_reply=write_reply,
    observe=observer(read_reply, Embedding()),
    tap=None,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    name_model=None,
)
