"""/v1/traces: traces, newest first; and the requests and steps of one of them, as a tree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.control.analytics.shapes import cents, ms, stamp
from lockgate.control.search import SPANS, Search
from lockgate.control.traces import Span, Tree, tree_of
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import LogQuery, filter_of, within
from lockgate.http.admin.log_shapes import LogRow, ShownFeedback, row_of, shown_feedback
from lockgate.http.admin.logs import cursor_of, place_of
from lockgate.http.admin.shapes import Text
from lockgate.stores.logs.ports import Cursor, Filter

#: Records that are looked through for the traces of a page: so many at once, and so many times.
_AT_ONCE, _LOOKS = 200, 5
#: How far from the requests that were meant the other spans of their traces are looked for: an hour, in µs.
_AROUND_US = 3600 * 1_000_000
#: Models and providers that a row names.
_NAMED = 8


class ShownSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A record, how long after the trace's beginning it began (ms), and those that it began."""

    log: LogRow
    started_after: float
    children: list[ShownSpan]


class TraceSums(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace comes to. Costs are US cents and lack what is `unpriced`; times ms. `is_truncated`: it may have more spans
    than these."""

    trace_id: str
    created_at: str
    duration: float
    span_count: int
    error_count: int
    input_tokens: int
    output_tokens: int
    cost: float
    unpriced: int
    is_truncated: bool


class ShownTrace(TraceSums, frozen=True, kw_only=True):
    """A trace, and what all of it comes to."""

    object: Literal["trace"] = "trace"
    feedback: list[ShownFeedback]
    spans: list[ShownSpan]


class ListTraces(LogQuery, frozen=True, kw_only=True):
    """Traces of which some record is meant, and how many: those after `cursor`, which the page before has given as
    `next_cursor`. `span_count_min`: with 2, what was asked alone is left out."""

    page_size: Annotated[int, Meta(ge=1, le=100)] = 50
    cursor: Text = ""
    span_count_min: Annotated[int, Meta(ge=1, le=100)] = 1


class TraceRow(TraceSums, frozen=True, kw_only=True):
    """A trace by its sums, with what it began with: the name of that span (else its operation), its key and user; and the
    models and providers of all."""

    object: Literal["trace_summary"] = "trace_summary"
    name: str | None
    models: list[str]
    providers: list[str]
    api_key_name: str | None
    user: str | None


class TracePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page, newest first by the newest request that is meant. It may be short, or empty, and have a `next_cursor` all the
    same: so far was looked. `next_cursor` null: it is the last."""

    object: Literal["list"] = "list"
    data: list[TraceRow]
    next_cursor: str | None


def index(ask: Ask, query: ListTraces) -> TracePage:
    """List traces, newest first. Each is told once, where its newest request that is meant stands, with all of its spans."""
    meant, after = filter_of(ask, query), place_of(query.cursor)
    rows, search = dict[str, TraceRow](), ask.insight.search.still()
    for _ in range(_LOOKS):
        page = search.page(meant, after, _AT_ONCE)
        newest = dict[str, Record]()
        for record in page.records:
            if record.trace_id:
                newest.setdefault(record.trace_id, record)
        spans, is_truncated = _spans(search, within(ask.tenant), newest.values())
        for id, record in newest.items():
            if len(spans[id]) < query.span_count_min or id in rows:
                continue
            # What a page before has told: there a newer request of this trace was meant.
            if after is not None and any(_place(each) >= _place(after) and meant.admits(each) for each in spans[id]):
                continue
            rows[id] = _row(id, spans[id], is_truncated)
            if len(rows) == query.page_size:
                return TracePage(data=list(rows.values()), next_cursor=cursor_of(Cursor.of(record)))
        after = page.next
        if after is None:
            break
    return TracePage(data=list(rows.values()), next_cursor=None if after is None else cursor_of(after))


def read(ask: Ask) -> ShownTrace:
    """Read a trace: its spans as a tree, with what they took, used and cost."""
    id = ask.params["trace_id"]
    search = ask.insight.search
    records = search.trace(msgspec.structs.replace(within(ask.tenant), traces=(id,)))
    if not records:
        raise Refusal(404, "not_found", f"There is no trace '{id[:100]}' here.")
    tree = tree_of(records)
    return ShownTrace(
        **_sums(id, tree, is_truncated=len(records) >= SPANS),
        feedback=[shown_feedback(each) for each in search.feedback([id], ask.tenant.organisation, ask.tenant.workspace)],
        spans=[_shown(each, tree.since_us) for each in tree.roots],
    )


def _shown(span: Span, since_us: int) -> ShownSpan:
    return ShownSpan(
        log=row_of(span.record),
        started_after=ms(span.record.time_us - since_us),
        children=[_shown(each, since_us) for each in span.children],
    )


def _spans(search: Search, visible: Filter, newest: Collection[Record]) -> tuple[dict[str, list[Record]], bool]:
    """All spans of the traces of these records that are visible, by trace; and whether there may be more."""
    found: dict[str, list[Record]] = {record.trace_id: [record] for record in newest}
    if not found:
        return found, False
    meant = msgspec.structs.replace(
        visible,
        traces=tuple(found),
        since_us=min(record.time_us for record in newest) - _AROUND_US,
        until_us=max(record.time_us for record in newest) + _AROUND_US,
    )
    seen = {record.id for record in newest}
    records = search.trace(meant)
    for record in records:
        if record.id not in seen:
            found[record.trace_id].append(record)
    return found, len(records) >= SPANS


def _row(id: str, records: list[Record], is_truncated: bool) -> TraceRow:
    tree: Tree = tree_of(records)
    first = tree.roots[0].record
    ordered = sorted(records, key=lambda record: record.time_us)
    models = dict.fromkeys(record.model_served or record.model_sent or record.model_asked for record in ordered)
    providers = dict.fromkeys(record.provider for record in ordered)
    return TraceRow(
        **_sums(id, tree, is_truncated=is_truncated),
        name=first.span_name or first.operation or None,
        models=[each for each in models if each][:_NAMED],
        providers=[each for each in providers if each][:_NAMED],
        api_key_name=first.key_name or None,
        user=first.metadata.get("_user") or None,
    )


def _sums(id: str, tree: Tree, *, is_truncated: bool) -> dict[str, Any]:
    return {
        "trace_id": id,
        "created_at": stamp(tree.since_us),
        "duration": ms(tree.until_us - tree.since_us),
        "span_count": tree.spans,
        "error_count": tree.errors,
        "input_tokens": tree.input,
        "output_tokens": tree.output,
        "cost": cents(tree.cost_nusd),
        "unpriced": tree.unpriced,
        "is_truncated": is_truncated,
    }


def _place(of: Record | Cursor) -> tuple[int, str]:
    return of.time_us, of.id
