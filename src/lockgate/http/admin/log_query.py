"""What records are asked for, as Portkey's users write it (§ time_of_generation_min and so on), and what we know beyond that.

Costs are US cents here, and nano-USD within; times are RFC 3339; latencies ms; lists have commas between. The same names are
the members of an export's filters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Tenant
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.shapes import LongText, Text, micros
from lockgate.pipeline.metadata import as_text
from lockgate.stores.logs.ports import Filter, Range

Count = Annotated[int, Meta(ge=0, le=2**53)]
Number = Annotated[float, Meta(ge=0, le=1e12)]
Score = Annotated[float, Meta(ge=-10, le=10)]

_NUSD_IN_CENT = 10**7
_STATUS = re.compile(r"(?P<class>[1-5])xx|(?P<low>\d{3})(?:-(?P<high>\d{3}))?", re.IGNORECASE)
#: Entries of a list.
_MOST = 100


class LogQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which records: those of which all that is said holds. `status_code`, `virtual_keys`, `configs`, `api_key_ids`,
    `ai_org_model`, `trace_id`, `span_id`, `cached_id`, `cache_status`, `outcome`, `operation`, `error_code`, `model`,
    `provider`, `user` are lists, with commas between, any of which holds; a status may be 4xx or 400-499; `ai_org_model`
    are provider__model; a model may have * and ?. `metadata` is a JSON object. Costs are US cents, latencies ms, feedback
    is the mean of what was said of the trace. `text` are words of what was asked or answered."""

    time_of_generation_min: Text = ""
    time_of_generation_max: Text = ""
    status_code: LongText = ""
    total_units_min: Count | None = None
    total_units_max: Count | None = None
    prompt_token_min: Count | None = None
    prompt_token_max: Count | None = None
    completion_token_min: Count | None = None
    completion_token_max: Count | None = None
    cost_min: Number | None = None
    cost_max: Number | None = None
    latency_min: Number | None = None
    latency_max: Number | None = None
    time_to_first_token_min: Number | None = None
    time_to_first_token_max: Number | None = None
    weighted_feedback_min: Score | None = None
    weighted_feedback_max: Score | None = None
    virtual_keys: LongText = ""
    provider: LongText = ""
    model: LongText = ""
    ai_org_model: LongText = ""
    configs: LongText = ""
    api_key_ids: LongText = ""
    user: LongText = ""
    outcome: LongText = ""
    operation: LongText = ""
    error_code: LongText = ""
    cache_status: LongText = ""
    trace_id: LongText = ""
    span_id: LongText = ""
    cached_id: LongText = ""
    prompt_slug: Text = ""
    metadata: LongText = ""
    text: LongText = ""


class SpanQuery(LogQuery, frozen=True, kw_only=True):
    """Which records: of a span of time, which must be said."""

    time_of_generation_min: Text  # pyright: ignore[reportGeneralTypeIssues] - what has no default in a subclass must be said
    time_of_generation_max: Text  # pyright: ignore[reportGeneralTypeIssues]


def filter_of(ask: Ask, said: LogQuery) -> Filter:
    """What is meant, of what the caller may see. Raises `Refusal` 400 naming what is wrong."""
    scope = within(ask.tenant)
    providers, models = _pairs(ask, said)
    return msgspec.structs.replace(
        scope,
        since_us=_time(said, "time_of_generation_min"),
        until_us=_time(said, "time_of_generation_max"),
        status=_statuses(said.status_code),
        outcomes=_list(said, "outcome"),
        operations=_list(said, "operation"),
        models=(*_list(said, "model"), *models),
        providers=(*(each.removeprefix("@") for each in (*_list(said, "virtual_keys"), *_list(said, "provider"))), *providers),
        keys=_list(said, "api_key_ids"),
        users=_list(said, "user"),
        routes=_list(said, "configs"),
        caches=tuple(each.lower() for each in _list(said, "cache_status")),
        errors=_list(said, "error_code"),
        traces=_list(said, "trace_id"),
        spans=_list(said, "span_id"),
        cached=_list(said, "cached_id"),
        metadata=_metadata(said),
        text=said.text,
        **{name: range_ for name, low, high, scale in _RANGES if (range_ := _range(said, low, high, scale)) is not None},
    )


def within(tenant: Tenant) -> Filter:
    """All that belongs to a tenant."""
    return Filter(organisation=tenant.organisation, workspaces=(tenant.workspace,) if tenant.workspace else None)


def _nusd(cents: float) -> int:
    return int(Decimal(repr(cents)) * _NUSD_IN_CENT)


def _us(ms: float) -> int:
    return int(ms * 1000)


def _thousandths(score: float) -> int:
    return round(score * 1000)


#: Member of a filter, what says its ends, and how it is kept.
_RANGES: tuple[tuple[str, str, str, Callable[[Any], int]], ...] = (
    ("tokens", "total_units_min", "total_units_max", int),
    ("input", "prompt_token_min", "prompt_token_max", int),
    ("output", "completion_token_min", "completion_token_max", int),
    ("cost_nusd", "cost_min", "cost_max", _nusd),
    ("latency_us", "latency_min", "latency_max", _us),
    ("ttft_us", "time_to_first_token_min", "time_to_first_token_max", _us),
    ("feedback", "weighted_feedback_min", "weighted_feedback_max", _thousandths),
)


def _range(said: LogQuery, low: str, high: str, scale: Callable[[Any], int]) -> Range | None:
    least, most = getattr(said, low), getattr(said, high)
    if least is None and most is None:
        return None
    return Range(None if least is None else scale(least), None if most is None else scale(most))


def _time(said: LogQuery, name: str) -> int | None:
    text: str = getattr(said, name)
    return micros(text.replace(" ", "+"), name) if text else None  # a + in a query that is not escaped is a space


def _list(said: LogQuery, name: str) -> tuple[str, ...]:
    return _entries(getattr(said, name), name)


def _entries(text: str, name: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in text.split(",") if each.strip())
    if len(found) > _MOST:
        raise Refusal(400, "invalid_value", f"'{name}' may list at most {_MOST}.", param=name)
    return found


def _statuses(text: str) -> tuple[tuple[int, int], ...]:
    found = list[tuple[int, int]]()
    for each in _entries(text, "status_code"):
        match = _STATUS.fullmatch(each)
        if match is None:
            message = f"'{each[:20]}' is no status: write 404, 4xx or 400-499."
            raise Refusal(400, "invalid_value", message, param="status_code")
        if match["class"]:
            found.append((int(match["class"]) * 100, int(match["class"]) * 100 + 99))
        else:
            found.append((int(match["low"]), int(match["high"] or match["low"])))
    return tuple(found)


def _pairs(ask: Ask, said: LogQuery) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Providers and models of `ai_org_model`. A provider is meant by its slug, or by what it is in the provider table."""
    providers, models = list[str](), list[str]()
    for each in _list(said, "ai_org_model"):
        provider, pair, model = each.partition("__")
        if not pair or not model:
            message = f"'{each[:100]}' is no provider and model: write openai__gpt-4o."
            raise Refusal(400, "invalid_value", message, param="ai_org_model")
        models.append(model)
        if provider:
            own = [known.slug for known in ask.office.snapshot().everywhere() if known.row.slug == provider]
            providers += [provider, *own]
    return tuple(dict.fromkeys(providers)), tuple(models)


def _metadata(said: LogQuery) -> tuple[tuple[str, str], ...]:
    pairs = list[tuple[str, str]]()
    if said.metadata:
        try:
            members = msgspec.json.decode(said.metadata, type=dict[str, str | int | float | bool | None])
        except (msgspec.DecodeError, RecursionError):
            message = "'metadata' is a JSON object of texts and numbers."
            raise Refusal(400, "invalid_value", message, param="metadata") from None
        pairs += [(name, as_text(value)) for name, value in members.items()]
    if said.prompt_slug:
        pairs.append(("_prompt", said.prompt_slug))
    return tuple(pairs)
