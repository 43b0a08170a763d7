"""A filter as a condition on the rows of `lockgate_requests`."""

from __future__ import annotations

from collections.abc import Iterable

from lockgate.stores.logs.clickhouse.literals import like, text, texts
from lockgate.stores.logs.clickhouse.rows import kept_time
from lockgate.stores.logs.clickhouse.schema import FEEDBACK
from lockgate.stores.logs.names import shortened
from lockgate.stores.logs.ports import Cursor, Filter, Range
from lockgate.stores.logs.text import words

_MODELS = ("model_asked", "model_sent", "model_served")
#: Member of a filter → the columns that have any of its values.
_EXACT = {
    "outcomes": ("outcome",), "operations": ("operation",), "providers": ("provider",), "users": ("user",),
    "keys": ("key_id", "key_name"), "routes": ("route",), "caches": ("cache",), "errors": ("error_code",),
    "traces": ("trace_id",), "spans": ("span_id",), "cached": ("cached_id",),
}  # fmt: skip
#: Member of a filter → the number it limits, and what is not negative where that number is known.
_NUMBERS = {
    "cost_nusd": ("cost_nusd", "cost_nusd"), "tokens": ("input + output", "input"), "input": ("input", "input"),
    "output": ("output", "output"), "latency_us": ("latency_us", "latency_us"), "ttft_us": ("ttft_us", "ttft_us"),
}  # fmt: skip


def condition(meant: Filter, after: Cursor | None = None) -> str:
    """The condition that a request is meant, and older than `after`."""
    return " AND ".join(f"({each})" for each in [*_times(meant, after), *_names(meant), *_measures(meant)]) or "1"


def _times(meant: Filter, after: Cursor | None) -> Iterable[str]:
    if meant.since_us is not None:
        yield f"time_us >= {kept_time(meant.since_us)}"
    if meant.until_us is not None:
        yield f"time_us < {kept_time(meant.until_us)}"
    if after is not None:
        time_us = kept_time(after.time_us)
        yield f"time_us <= {time_us}"  # what the index of the table understands
        yield f"time_us < {time_us} OR id < {text(after.id)}"


def _names(meant: Filter) -> Iterable[str]:
    if meant.organisation:
        yield _among(("organisation",), (meant.organisation,))
    if meant.workspaces is not None:
        yield _among(("workspace",), meant.workspaces) if meant.workspaces else "0"
    for member, columns in _EXACT.items():
        if values := getattr(meant, member):
            yield _among(columns, values)
    if meant.models:
        yield " OR ".join(_agrees(column, pattern) for pattern in meant.models for column in _MODELS)
    for name, pattern in meant.metadata:
        yield _agrees(f"metadata[{text(name)}]", pattern)  # without the name is as good as ""
    for word in words(meant.text):
        yield f"hasToken(words, {text(word)})"


def _measures(meant: Filter) -> Iterable[str]:
    if meant.status:
        yield " OR ".join(f"status BETWEEN {int(low)} AND {int(high)}" for low, high in meant.status)
    for member, (number, known) in _NUMBERS.items():
        limits: Range | None = getattr(meant, member)
        if limits is not None:
            yield " AND ".join((f"{known} >= 0", *_within(number, limits)))
    if meant.feedback is not None:
        means = " AND ".join(("weight > 0", *_within("1000 * score", meant.feedback, " * weight")))
        pair, own = "(trace_id, organisation)", f"SELECT trace_id, organisation FROM {FEEDBACK} FINAL"
        yield (
            f"{pair} IN (SELECT trace_id, organisation FROM ({_heard()}) WHERE {means}) OR {pair} NOT IN ({own}) AND "
            f"trace_id IN (SELECT trace_id FROM ({_heard()}) WHERE organisation = '' AND {means})"
        )


def rated() -> str:
    """The query of what people said of each trace, as lists with an entry for each organisation (`places`) that said anything:
    how many, their weight, and the values by their weights."""
    sums = (
        f"SELECT trace_id, organisation, count() AS rated, sum(f.weight) AS weight, sum(f.value * f.weight) AS score "
        f"FROM {FEEDBACK} AS f FINAL WHERE trace_id != '' GROUP BY trace_id, organisation"
    )
    lists = ", ".join(f"groupArray(s.{name}) AS {name}" for name in ("rated", "weight", "score"))
    return f"SELECT trace_id, groupArray(s.organisation) AS places, {lists} FROM ({sums}) AS s GROUP BY trace_id"


def _heard() -> str:
    """The query of what counts with the requests of a trace in each organisation that said anything of it. What no organisation
    said counts with all; where no other said anything, it is the row of ""."""
    places = f"SELECT DISTINCT trace_id, organisation AS place FROM {FEEDBACK} FINAL WHERE trace_id != ''"
    return (
        f"SELECT f.trace_id AS trace_id, p.place AS organisation, sum(f.weight) AS weight, sum(f.value * f.weight) AS score "
        f"FROM (SELECT * FROM {FEEDBACK} FINAL) AS f INNER JOIN ({places}) AS p ON f.trace_id = p.trace_id "
        f"WHERE f.organisation = '' OR f.organisation = p.place GROUP BY f.trace_id, p.place"
    )


def _among(columns: tuple[str, ...], values: Iterable[str]) -> str:
    listed = texts(map(shortened, values))
    return " OR ".join(f"{column} IN ({listed})" for column in columns)


def _agrees(column: str, pattern: str) -> str:
    return like(column, pattern if "*" in pattern or "?" in pattern else shortened(pattern))


def _within(number: str, limits: Range, times: str = "") -> Iterable[str]:
    if limits.least is not None:
        yield f"{number} >= {int(limits.least)}{times}"
    if limits.most is not None:
        yield f"{number} <= {int(limits.most)}{times}"
