"""Reranking, which everyone does alike and spells otherwise: one codec, and a row of spellings for each API.

Sources: https://docs.cohere.com/reference/rerank, https://jina.ai/reranker (also vLLM, Together, SiliconFlow and others),
https://docs.voyageai.com/reference/reranker-api, https://docs.fireworks.ai/api-reference/rerank,
https://www.mixedbread.com/api-reference/endpoints/reranking, https://docs.pinecone.io/reference/api/latest/inference/rerank,
https://huggingface.github.io/text-embeddings-inference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, given, readable
from lockgate.core.outcome import Outcome
from lockgate.core.query import Rank, Ranking, Ranks
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.cohere import meta
from lockgate.dialects.cohere.chat import error as cohere_error
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import aside, refusing, shaped
from lockgate.dialects.openai import error as openai_error
from lockgate.dialects.openai.chat.error import stream_error


class Spelling(msgspec.Struct, frozen=True):
    """How one API says it. "" for what it cannot say; `results` "": the answer is the bare list.

    The API repeats documents when `shown` is asked, in `document` of each result. `objects`: a document is always an object,
    or always a text; None: either.
    """

    name: str
    documents: str = "documents"
    top: str = "top_n"
    shown: str = "return_documents"
    fields: str = ""
    document_tokens: str = ""
    truncate: str = ""
    results: str = "results"
    score: str = "relevance_score"
    document: str = "document"
    objects: bool | None = None


SPELLINGS: tuple[Spelling, ...] = (
    Spelling("jina.rerank", fields="rank_fields", document_tokens="max_tokens_per_doc", truncate="truncation"),
    Spelling("cohere.rerank", shown="", document_tokens="max_tokens_per_doc", objects=False),
    Spelling("voyage.rerank", top="top_k", truncate="truncation", results="data", objects=False),
    Spelling("fireworks.rerank", results="data"),
    Spelling(
        "mixedbread.rerank",
        documents="input",
        top="top_k",
        shown="return_input",
        fields="rank_fields",
        results="data",
        score="score",
        document="input",
    ),
    Spelling("pinecone.rerank", fields="rank_fields", results="data", score="score", objects=True),
    Spelling(
        "tei.rerank",
        documents="texts",
        top="",
        shown="return_text",
        truncate="truncate",
        results="",
        score="score",
        document="text",
        objects=False,
    ),
)


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    total_tokens: int | None = None
    rerank_units: int | None = None


class _Glance(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Codec:
    """The functions of one spelling's codec."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling
        known = ("documents", "top", "shown", "fields", "document_tokens", "truncate")
        self._known = frozenset(("model", "query", *(getattr(spelling, name) for name in known)))

    def read_request(self, sheet: Sheet) -> Ranking:
        """A caller's request; raises `Refusal`."""
        say = self.spelling
        text = sheet.get("query", str)
        documents = sheet.get(say.documents, list[msgspec.Raw])
        if not text or not documents:
            at = say.documents if text else "query"
            raise Refusal(400, "missing_member", f"'{at}' is missing: a query and documents are needed.", param=at)
        truncate = sheet.raw(say.truncate) if say.truncate else None
        return Ranking(
            model=sheet.get("model", str) or "",
            text=text,
            documents=[_document(raw, f"{say.documents}[{index}]") for index, raw in enumerate(documents)],
            top=sheet.get(say.top, int) if say.top else None,
            shown=bool(say.shown and sheet.get(say.shown, bool)),
            fields=(sheet.get(say.fields, list[str]) or []) if say.fields else [],
            document_tokens=sheet.get(say.document_tokens, int) if say.document_tokens else None,
            truncate=None if truncate is None or not given(truncate) else bytes(truncate) != b"false",
            extra={name: value for name in sheet if name not in self._known and (value := sheet.raw(name)) is not None},
        )

    def write_request(self, query: Ranking) -> Sheet:
        """The body for a provider."""
        say = self.spelling
        documents = query.documents
        if say.objects is not None:
            change: Callable[[Any, list[str]], Any] = _as_object if say.objects else as_text
            documents = [change(each, query.fields) for each in documents]
        sheet = Sheet()
        sheet.set("model", query.model)
        sheet.set("query", query.text)
        sheet.set(say.documents, documents)
        for name in ("top", "fields", "document_tokens", "truncate"):
            value, spelt = getattr(query, name), getattr(say, name)
            if value is None or value == []:
                continue
            if spelt:
                sheet.set(spelt, value)
            elif name not in ("top", "fields"):  # what is not cut there is cut here, and fields are in the texts
                query.lose(name)
        for name, value in query.extra.items():
            sheet.set(name, value)
        return sheet

    def read_reply(self, body: bytes, query: Ranking) -> Ranks | Failure:
        """A provider's answer, cut to as many as were asked for."""
        say = self.spelling
        try:
            if say.results:
                shape = shaped(body, _Glance)
                if given(shape.error):
                    return failure_of(msgspec.json.decode(body), body=body)
                listed = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get(say.results, msgspec.Raw())
            else:
                shape, listed = _Glance(), msgspec.Raw(body)
            rows = msgspec.json.decode(listed, type=list[dict[str, msgspec.Raw]])
            ranks = [self._rank(row) for row in rows]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError) as error:
            return unreadable(str(error) or "it has no results", body)
        if not say.top:
            ranks.sort(key=lambda rank: -rank.score)
        return Ranks(id=shape.id or "", model=shape.model or "", usage=_used(shape), ranks=ranks[: query.top])

    def _rank(self, row: dict[str, msgspec.Raw]) -> Rank:
        document = row.get(self.spelling.document, msgspec.Raw())
        return Rank(
            msgspec.json.decode(row["index"], type=int),
            msgspec.json.decode(row[self.spelling.score], type=float),
            document if given(document) else None,
        )

    def write_reply(self, result: Ranks, query: Ranking) -> bytes:
        """The caller's answer."""
        say = self.spelling
        rows: list[dict[str, Any]] = []
        for rank in result.ranks:
            row: dict[str, Any] = {"index": rank.index, say.score: rank.score}
            if query.shown:
                row[say.document] = self._shown(rank, query)
            rows.append(row)
        if not say.results:
            return encode(rows)
        made: dict[str, Any] = {"id": result.id} if result.id else {}
        made |= {"model": result.model or query.model, say.results: rows}
        usage = result.usage
        if usage is not None and (usage.input or not usage.searches):
            made["usage"] = {"prompt_tokens": usage.input, "total_tokens": usage.input}
        if usage is not None and usage.searches:
            made["meta"] = {"billed_units": {"search_units": usage.searches}}
        return encode(made)

    def _shown(self, rank: Rank, query: Ranking) -> Any:
        """A document as the caller gave it."""
        said = query.documents[rank.index] if rank.index < len(query.documents) else rank.document
        if isinstance(said, str):
            return said if self.spelling.objects is False else {"text": said}
        return said


def _document(raw: msgspec.Raw, at: str) -> str | msgspec.Raw:
    """A text, or an object; one with a text alone is that text."""
    said = bytes(raw)
    if said.startswith(b'"'):
        return readable(raw, str, at)
    if not said.startswith(b"{"):
        raise Refusal(400, "invalid_type", f"'{at}' must be a text or an object.", param=at)
    members = readable(raw, dict[str, msgspec.Raw], at)
    if list(members) == ["text"]:
        return readable(members["text"], str, f"{at}.text")
    return raw


def as_text(document: str | msgspec.Raw, fields: list[str]) -> str:
    """A document as one text: of an object, its `text`, or the fields that are looked at, as JSON."""
    if isinstance(document, str):
        return document
    members = msgspec.json.decode(document, type=dict[str, Any])
    wanted = {name: members[name] for name in fields if name in members} if fields else members
    text = wanted.get("text")
    if isinstance(text, str) and (fields in ([], ["text"])):
        return text
    return encode(wanted).decode()


def _as_object(document: str | msgspec.Raw, fields: list[str]) -> Any:
    return {"text": document} if isinstance(document, str) else document


def observe(body: bytes) -> Outcome:
    """What an answer that passes says of itself."""
    if body.lstrip().startswith(b"["):
        return Outcome(begun=True, complete=True)
    try:
        shape = shaped(body, _Glance)
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    if given(shape.error):
        return Outcome(failure=failure_of(msgspec.json.decode(body), body=body))
    return Outcome(shape.id or "", shape.model or "", _used(shape), begun=True, complete=True)


def _used(shape: _Glance) -> Usage | None:
    """Tokens, or the units that some charge by."""
    said = aside(shape.usage, _Usage)
    if said is not None:
        tokens = said.total_tokens if said.total_tokens is not None else said.prompt_tokens
        if tokens is not None or said.rerank_units is not None:
            return Usage(input=tokens or 0, searches=said.rerank_units or 0, raw=shape.usage.copy())
    return meta.usage_of(shape.meta)


def _build(spelling: Spelling) -> WholeCodec[Ranking, Ranks]:
    functions = _Codec(spelling)
    error = cast("Any", cohere_error if spelling.name == "cohere.rerank" else openai_error)
    return WholeCodec[Ranking, Ranks](
        name=spelling.name,
        read_request=refusing(functions.read_request),
        write_request=functions.write_request,
        read_reply=functions.read_reply,
        write_reply=functions.write_reply,
        observe=observe,
        tap=None,
        read_error=openai_error.read_error,
        write_error=error.write_error,
        stream_error=stream_error,
        native_error=error.native_error,
    )


CODECS: tuple[WholeCodec[Ranking, Ranks], ...] = tuple(map(_build, SPELLINGS))
