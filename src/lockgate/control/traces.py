"""A trace as a tree: spans under those that began them, with what all of them together took, used and cost.

A span whose parent is not there (it went past the gateway, or is not in the log yet) stands at the top, and so does the first
of a circle: nothing is left out, and nothing is shown twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockgate.core.record import Record


class Span(msgspec.Struct):
    """One record in its place."""

    record: Record
    children: list[Span] = []


class Tree(msgspec.Struct, frozen=True):
    """`roots` are in the order in which they began. Times in µs: from when until when; `cost_nusd` lacks the `unpriced`."""

    roots: list[Span]
    spans: int
    since_us: int
    until_us: int
    input: int
    output: int
    cost_nusd: int
    unpriced: int
    errors: int


def tree_of(records: Sequence[Record]) -> Tree:
    """The tree of a trace's records."""
    ordered = sorted(records, key=lambda record: (record.time_us, record.id))
    spans = [Span(record, []) for record in ordered]
    by_id: dict[str, Span] = {}
    for span in spans:  # where an id is given twice, children are the first one's
        if span.record.span_id:
            by_id.setdefault(span.record.span_id, span)
    parents: dict[int, Span] = {}
    roots = list[Span]()
    for span in spans:
        parent = by_id.get(span.record.parent_span_id) if span.record.parent_span_id else None
        if parent is None or _is_within(parent, span, parents):
            roots.append(span)
        else:
            parents[id(span)] = parent
            parent.children.append(span)
    usages = [record.usage for record in ordered if record.usage is not None]
    return Tree(
        roots,
        len(ordered),
        min((record.time_us for record in ordered), default=0),
        max((record.time_us + record.latency_us for record in ordered), default=0),
        sum(usage.input for usage in usages),
        sum(usage.output for usage in usages),
        sum(record.cost_nusd or 0 for record in ordered),
        sum(record.usage is not None and record.cost_nusd is None for record in ordered),
        sum(record.outcome not in ("ok", "client_left") for record in ordered),
    )


def _is_within(span: Span, other: Span, parents: dict[int, Span]) -> bool:
    """Whether a span is the other one, or stands somewhere below it."""
    at: Span | None = span
    while at is not None:
        if at is other:
            return True
        at = parents.get(id(at))
    return False
