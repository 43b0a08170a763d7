"""Google's Ranking API, as far as we ask it.

Source: https://cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1/projects.locations.rankingConfigs/rank
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure
from lockgate.core.query import Rank, Ranking, Ranks
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeTarget
from lockgate.dialects.error import unreadable
from lockgate.dialects.gemini.generate.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.lenient import refusing, shaped
from lockgate.dialects.observing import observer
from lockgate.dialects.reranking import as_text

NAME = "google.rank"


class _Record(msgspec.Struct):
    id: str
    score: float = 0.0


class _Answer(msgspec.Struct):
    records: list[_Record] | None = None


@refusing
def write_request(query: Ranking) -> Sheet:
    """The body for the provider: a document is a record, known by its index. Texts come back from what the caller sent."""
    sheet = Sheet()
    sheet.set("model", query.model)
    sheet.set("query", query.text)
    documents = [as_text(each, query.fields) for each in query.documents]
    sheet.set("records", [{"id": str(index), "content": text} for index, text in enumerate(documents)])
    if query.top is not None:
        sheet.set("topN", query.top)
    sheet.set("ignoreRecordDetailsInResponse", True)
    for name, value in query.extra.items():
        sheet.set(name, value)
    for name in ("document_tokens", "truncate"):
        if getattr(query, name) is not None:
            query.lose(name)
    return sheet


def read_reply(body: bytes, query: Ranking) -> Ranks | Failure:
    """The provider's answer, the best first. It does not say what it used."""
    try:
        shape = shaped(body, _Answer)
        ranks = [Rank(int(each.id), each.score) for each in shape.records or ()]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return unreadable(str(error), body)
    return unreadable("it has no records", body) if shape.records is None else Ranks(ranks=ranks)


CODEC = WholeTarget[Ranking, Ranks](
    name=NAME,
    write_request=write_request,
    read_reply=read_reply,
    observe=observer(read_reply, Ranking()),
    tap=None,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    passes=(b"x-goog-user-project",),
)
