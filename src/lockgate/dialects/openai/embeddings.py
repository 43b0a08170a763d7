"""The Embeddings API, which OpenAI defined and most hosts speak: https://platform.openai.com/docs/api-reference/embeddings.

`input_type` and `truncate`, `title` are no members of OpenAI's: callers of other hosts' models say by them what those want to
know, and most hosts spell them so.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, given
from lockgate.core.outcome import Outcome
from lockgate.core.query import Embedding, Purpose, Vectors
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import aside, refusing, shaped
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.error import native_error, read_error, write_error
from lockgate.dialects.vectors import packed, unpacked

NAME = "openai.embeddings"

_Input = str | list[str | int | list[int]]
_KNOWN = frozenset(("model", "input", "dimensions", "encoding_format", "user", "input_type", "title", "truncate"))
#: What other hosts call what vectors are for.
_PURPOSE: dict[str, Purpose] = {
    "query": "query",
    "search_query": "query",
    "document": "document",
    "passage": "document",
    "search_document": "document",
    "classification": "classification",
    "clustering": "clustering",
    "semantic_similarity": "similarity",
}


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Glance(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Vector(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _Answer(_Glance):
    data: list[_Vector] | None = None


@refusing
def read_request(sheet: Sheet) -> Embedding:
    """A caller's request; raises `Refusal`."""
    said = sheet.get("input_type", str) or ""
    truncate = sheet.raw("truncate")
    query = Embedding(
        model=sheet.get("model", str) or "",
        inputs=_inputs(sheet),
        dimensions=sheet.get("dimensions", int),
        packed=sheet.get("encoding_format", str) == "base64",
        purpose=_PURPOSE.get(said.lower(), ""),
        title=sheet.get("title", str) or "",
        truncate=None if truncate is None else bytes(truncate).upper() not in (b"FALSE", b'"NONE"', b"NULL"),
        user=sheet.get("user", str) or "",
        extra={name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None},
    )
    if said and not query.purpose:
        query.lose("input_type")
    return query


def _inputs(sheet: Sheet) -> list[str | list[int]]:
    """One text, a list of texts, the token ids of one text, or a list of such lists."""
    said = sheet.get("input", cast("type[_Input]", _Input))
    if not said:
        raise Refusal(400, "missing_input", "The request has nothing to embed; set 'input'.", param="input")
    if isinstance(said, str):
        return [said]
    ids = [each for each in said if isinstance(each, int)]
    if len(ids) == len(said):
        return [ids]
    if ids:
        raise Refusal(400, "invalid_type", "'input' mixes numbers and texts.", param="input")
    return [each for each in said if not isinstance(each, int)]


def write_request(query: Embedding) -> Sheet:
    """The body for a host of this dialect."""
    sheet = Sheet()
    sheet.set("model", query.model)
    sheet.set("input", query.inputs)
    if query.dimensions is not None:
        sheet.set("dimensions", query.dimensions)
    if query.packed:
        sheet.set("encoding_format", "base64")
    if query.user:
        sheet.set("user", query.user)
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
        if given(shape.error):
            return failure_of(msgspec.json.decode(body), body=body)
        if shape.data is None:
            return unreadable("it has no data", body)
        rows = sorted(enumerate(shape.data), key=lambda row: row[0] if row[1].index is None else row[1].index)
        vectors = [unpacked(row.embedding) if isinstance(row.embedding, str) else row.embedding for _, row in rows]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return unreadable(str(error), body)
    return Vectors(id=shape.id or "", model=shape.model or "", usage=usage_of(shape.usage), vectors=vectors)


def write_reply(result: Vectors, query: Embedding) -> bytes:
    """The caller's answer."""
    rows = [
        {"object": "embedding", "index": index, "embedding": packed(vector) if query.packed else vector}
        for index, vector in enumerate(result.vectors)
    ]
    used = 0 if result.usage is None else result.usage.input
    made: dict[str, Any] = {"object": "list", "data": rows, "model": result.model or query.model}
    return encode({**made, "usage": {"prompt_tokens": used, "total_tokens": used}})


def observe(body: bytes) -> Outcome:
    """What an answer that passes says of itself."""
    try:
        shape = shaped(body, _Glance)
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    if given(shape.error):
        return Outcome(failure=failure_of(msgspec.json.decode(body), body=body))
    return Outcome(shape.id or "", shape.model or "", usage_of(shape.usage), begun=True, complete=True)


def usage_of(raw: msgspec.Raw) -> Usage | None:
    """Tokens used; some hosts state their total alone, which is all input."""
    shape = aside(raw, _Usage)
    if shape is None or (shape.prompt_tokens is None and shape.total_tokens is None):
        return None
    return Usage(input=shape.total_tokens or 0 if shape.prompt_tokens is None else shape.prompt_tokens, raw=raw.copy())


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
    passes=(b"openai-organization", b"openai-project", b"openai-beta"),
)
