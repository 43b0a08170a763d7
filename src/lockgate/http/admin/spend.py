"""/v1/analytics/spend: what was spent, by any dimensions, as JSON, as CSV, and in FOCUS; and what was used without a price. The
same as `lockgate spend` and `lockgate prices missing`."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from starlette.responses import Response

from lockgate.control.costs import focus, spend_view
from lockgate.control.costs.missing import Missing, as_yaml, missing
from lockgate.control.costs.names import Names
from lockgate.control.costs.spend import Spend, Step, spent
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import SpanQuery, filter_of
from lockgate.http.admin.shapes import LongText
from lockgate.providers.table import TABLE


class SpendQuery(SpanQuery, frozen=True, kw_only=True):
    """Which records, and what to tell apart: `by` names dimensions, with commas (model, provider, key, user, workspace,
    organisation, route, operation, metadata.NAME). Steps are those of UTC, and whole."""

    by: LongText = "model"
    step: Step | None = None


class UnpricedUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Models that were used without a price, the most used first. `yaml`: what to write into `lockgate.yaml`, with the prices
    left to be filled in; "": nothing is missing."""

    data: list[Missing]
    yaml: str
    object: Literal["list"] = "list"


def unpriced(ask: Ask, query: SpanQuery) -> UnpricedUsage:
    """List models that were used without a price."""
    found = missing(ask.insight.search.store, filter_of(ask, query), ask.office.snapshot())
    return UnpricedUsage(data=found, yaml=as_yaml(found))


def read(ask: Ask, query: SpendQuery) -> dict[str, Any]:
    """What was spent. Costs are USD as texts, exact; what has no price is in `unpriced`, and in no sum."""
    return spend_view.as_told(_spent(ask, query, _by(query), query.step or "all"), _names(ask))


def table(ask: Ask, query: SpendQuery) -> Response:
    """The same as a table: `csv`, or `focus` for the columns of FOCUS 1.2 (FinOps Open Cost and Usage Specification)."""
    format = ask.params["format"]
    if format == "csv":
        text = spend_view.as_csv(_spent(ask, query, _by(query), query.step or "all"), _names(ask))
    elif format == "focus":
        if query.step == "all":
            raise Refusal(400, "invalid_value", "FOCUS tells charges by day or month.", param="step")
        by = (*focus.BY, *(each for each in _by(query) if each not in focus.BY))
        text = focus.as_focus(_spent(ask, query, by, query.step or "day"), _names(ask), _providers(ask))
    else:
        raise Refusal(404, "not_found", f"There is no report as '{format[:20]}': ask for csv or focus.")
    return Response(text, 200, {"content-disposition": 'attachment; filename="spend.csv"'}, "text/csv; charset=utf-8")


def _spent(ask: Ask, query: SpendQuery, by: tuple[str, ...], step: Step) -> Spend:
    return spent(ask.insight.search.store, filter_of(ask, query), by, step)


def _by(query: SpendQuery) -> tuple[str, ...]:
    return tuple(each.strip() for each in query.by.split(",") if each.strip())


def _names(ask: Ask) -> Names:
    return Names(ask.store, ask.tenant)


def _providers(ask: Ask) -> focus.Called:
    known = {provider.slug: provider.row.name for provider in ask.office.snapshot().everywhere()}
    return lambda slug: known.get(slug) or (TABLE[slug].name if slug in TABLE else slug) or "(none)"
