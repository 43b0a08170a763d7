"""/v1/traces: the requests and steps of one trace, as a tree."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.analytics.shapes import cents, ms, stamp
from lockgate.control.search import SPANS
from lockgate.control.traces import Span, tree_of
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import within
from lockgate.http.admin.log_shapes import LogRow, ShownFeedback, row_of, shown_feedback


class ShownSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A record, how long after the trace's beginning it began (ms), and those that it began."""

    log: LogRow
    started_after: float
    children: list[ShownSpan]


class ShownTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace, and what all of it comes to. Costs are US cents and lack what is `unpriced`; times ms. `is_truncated`: it has
    more spans than are shown."""

    object: Literal["trace"] = "trace"
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
    feedback: list[ShownFeedback]
    spans: list[ShownSpan]


def read(ask: Ask) -> ShownTrace:
    """Read a trace: its spans as a tree, with what they took, used and cost."""
    id = ask.params["trace_id"]
    search = ask.insight.search
    records = search.trace(msgspec.structs.replace(within(ask.tenant), traces=(id,)))
    if not records:
        raise Refusal(404, "not_found", f"There is no trace '{id[:100]}' here.")
    tree = tree_of(records)
    return ShownTrace(
        trace_id=id,
        created_at=stamp(tree.since_us),
        duration=ms(tree.until_us - tree.since_us),
        span_count=tree.spans,
        error_count=tree.errors,
        input_tokens=tree.input,
        output_tokens=tree.output,
        cost=cents(tree.cost_nusd),
        unpriced=tree.unpriced,
        is_truncated=len(records) >= SPANS,
        feedback=[shown_feedback(each) for each in search.feedback([id], ask.tenant.organisation, ask.tenant.workspace)],
        spans=[_shown(each, tree.since_us) for each in tree.roots],
    )


def _shown(span: Span, since_us: int) -> ShownSpan:
    return ShownSpan(
        log=row_of(span.record),
        started_after=ms(span.record.time_us - since_us),
        children=[_shown(each, since_us) for each in span.children],
    )
