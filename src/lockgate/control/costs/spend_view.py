"""A report of spend for people, as JSON, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lockgate.control.costs.names import NAMED, Names
from lockgate.control.costs.spend import Spend, Step, Sums
from lockgate.control.costs.tables import csv_of, usd

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Title in CSV → what stands below it.
_SUMS = ("requests", "input", "output", "cached", "unpriced")
_NONE = "(none)"


def as_told(spend: Spend, names: Names) -> dict[str, Any]:
    """The report for programs. Costs are USD as texts, exact, and nano-USD. Raises `StoreError`."""
    return {
        "object": "spend",
        "currency": "USD",
        "since": _text(spend.since_us),
        "until": _text(spend.until_us),
        "step": spend.step,
        "by": list(spend.by),
        "rows": [
            {
                "start": _text(row.start_us),
                **dict(zip(spend.by, row.values, strict=True)),
                **_called(spend.by, row.values, names),
                **_sums(row.sums),
            }
            for row in spend.rows
        ],
        "total": _sums(spend.total),
        "unpriced": [
            {"provider": each.provider, "model": each.model, "requests": each.requests, "tokens": each.tokens}
            for each in spend.unpriced
        ],
    }


def as_csv(spend: Spend, names: Names) -> str:
    """The rows for programs that read tables. Raises `StoreError`."""
    named = [name for name in spend.by if name in NAMED]
    head = ("start", *spend.by, *(f"{name}_name" for name in named), "cost_usd", *_SUMS, "saved_usd")
    return csv_of(
        head,
        (
            (
                _text(row.start_us),
                *row.values,
                *(names.of(name, row.values[spend.by.index(name)]) for name in named),
                usd(row.sums.cost_nusd),
                *(str(getattr(row.sums, name)) for name in _SUMS),
                usd(row.sums.saved_nusd),
            )
            for row in spend.rows
        ),
    )


def table(spend: Spend, names: Names) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(head, rows) for a terminal, whose texts are those of strangers. Raises `StoreError`."""
    stepped = spend.step != "all"
    titles = (*(("FROM",) if stepped else ()), *(name.upper() for name in spend.by))
    head = (*titles, "COST", "REQUESTS", "INPUT", "OUTPUT", "UNPRICED")

    def line(start: str, values: tuple[str, ...], sums: Sums) -> tuple[str, ...]:
        numbers = (f"${usd(sums.cost_nusd)}", *(f"{each:,}" for each in (sums.requests, sums.input, sums.output)))
        return (*((start,) if stepped else ()), *values, *numbers, f"{sums.unpriced:,}" if sums.unpriced else "")

    rows = [
        line(
            _date(row.start_us, spend.step),
            tuple(names.of(name, value) or value or _NONE for name, value in zip(spend.by, row.values, strict=True)),
            row.sums,
        )
        for row in spend.rows
    ]
    if len(rows) != 1:
        rows.append(line("in all", tuple("" if stepped or at else "in all" for at in range(len(spend.by))), spend.total))
    return head, rows


def warning(spend: Spend) -> Iterator[str]:
    """What no sum has, in sentences; nothing when all has its price."""
    if not spend.unpriced:
        return
    requests, tokens = (sum(getattr(each, name) for each in spend.unpriced) for name in ("requests", "tokens"))
    yield f"The cost of {requests:,} requests with {tokens:,} tokens is not known, and in none of these sums:"
    for each in spend.unpriced:
        yield f"  {each.provider or _NONE}/{each.model or _NONE}: {each.requests:,} requests, {each.tokens:,} tokens"
    yield "`lockgate prices missing` says what to write for them; `lockgate reprice` then sets what they cost."


def _called(by: tuple[str, ...], values: tuple[str, ...], names: Names) -> dict[str, str]:
    return {f"{name}_name": names.of(name, value) for name, value in zip(by, values, strict=True) if name in NAMED}


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "cost_usd": usd(sums.cost_nusd),
        "cost_nusd": sums.cost_nusd,
        "requests": sums.requests,
        "input_tokens": sums.input,
        "output_tokens": sums.output,
        "cached_tokens": sums.cached,
        "unpriced": sums.unpriced,
        "saved_usd": usd(sums.saved_nusd),
    }


def _text(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _date(us: int, step: Step) -> str:
    return (_EPOCH + timedelta(microseconds=us)).strftime("%Y-%m" if step == "month" else "%Y-%m-%d")
