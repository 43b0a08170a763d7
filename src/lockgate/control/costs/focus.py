"""A report of spend in FOCUS, the FinOps Open Cost and Usage Specification 1.2 (https://focus.finops.org).

One row for each model at each provider, in each workspace and step. All columns that are mandatory are there, and those of
usage; what the specification has no column for begins with `x_`. A cost here is what the prices say of the usage that was
recorded: no invoice, and before taxes, credits and commitments, so that the four costs are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from lockgate.control.costs.names import Names
from lockgate.control.costs.spend import Row, Spend, Step, following
from lockgate.control.costs.tables import csv_of, usd
from lockgate.core.json import encode

VERSION = "1.2"
#: What a report must be told apart by to be told in FOCUS; what else it is told apart by becomes tags.
BY = ("workspace", "provider", "model")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLION = Decimal(10**6)

#: What a provider is called, by its slug.
Called = Callable[[str], str]

COLUMNS = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
    "ConsumedQuantity", "ConsumedUnit", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingCategory",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "ServiceSubcategory",
    "SkuId", "SubAccountId", "SubAccountName", "Tags", "x_CachedInputTokens", "x_InputTokens", "x_OutputTokens", "x_Requests",
    "x_UnpricedRequests",
)  # fmt: skip


def as_focus(spend: Spend, names: Names, provider_name: Called) -> str:
    """A report by `BY` and more, in days or months, as CSV. `provider_name` is what a provider is called, by its slug. Raises
    `StoreError`."""
    rows = (_columns(row, spend, names, provider_name) for row in spend.rows)
    return csv_of(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def _columns(row: Row, spend: Spend, names: Names, provider_name: Called) -> dict[str, str]:
    said = dict(zip(spend.by, row.values, strict=True))
    workspace, slug, model = (said.pop(name) for name in BY)
    sums = row.sums
    start, end = _span(row.start_us, spend.step)
    month = start.replace(day=1)
    cost = usd(sums.cost_nusd)
    provider = provider_name(slug)
    tokens = sums.input + sums.output
    quantity, unit = (f"{tokens / _MILLION:f}", "1000000 Tokens") if tokens else (str(sums.requests), "Requests")
    tags = {name.removeprefix("metadata."): names.of(name, value) or value for name, value in said.items() if value}
    return {
        "BilledCost": cost,
        "BillingAccountId": slug,
        "BillingAccountName": slug,
        "BillingCurrency": "USD",
        "BillingPeriodEnd": _text(following(month, "month")),
        "BillingPeriodStart": _text(month),
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargeDescription": _description(row, model, provider),
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": _text(end),
        "ChargePeriodStart": _text(start),
        "ConsumedQuantity": str(tokens or sums.requests),
        "ConsumedUnit": "Tokens" if tokens else "Requests",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceIssuerName": provider,
        "ListCost": cost,
        "PricingCategory": "Standard",
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "ProviderName": provider,
        "PublisherName": provider,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": f"{provider} API",
        "ServiceSubcategory": "Generative AI",
        "SkuId": f"{slug}/{model}",
        "SubAccountId": workspace,
        "SubAccountName": names.of("workspace", workspace),
        "Tags": encode(tags).decode() if tags else "",
        "x_CachedInputTokens": str(sums.cached),
        "x_InputTokens": str(sums.input),
        "x_OutputTokens": str(sums.output),
        "x_Requests": str(sums.requests),
        "x_UnpricedRequests": str(sums.unpriced),
    }


def _description(row: Row, model: str, provider: str) -> str:
    """What the charge is for. One that lacks something says so: the specification has no cost that is not known."""
    said = f"{model or 'Requests'} at {provider}"
    if not row.sums.unpriced:
        return said
    return f"{said}; the price of {row.sums.unpriced} of {row.sums.requests} requests is not known, and their cost not included"


def _span(start_us: int, step: Step) -> tuple[datetime, datetime]:
    start = _EPOCH + timedelta(microseconds=start_us)
    return start, following(start, step)


def _text(moment: datetime) -> str:
    """As the specification writes times: in UTC, to the second."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
