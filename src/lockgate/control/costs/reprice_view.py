"""What repricing has found, for people, as JSON, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.control.costs.repriced import Line, Repriced
from lockgate.control.costs.tables import csv_of, usd
from lockgate.core.json import encode

_COUNTS = ("requests", "changed", "newly_priced", "unpriced", "estimated", "kept")


def table(report: Repriced) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(head, rows) for a terminal, whose texts are those of strangers."""
    head = (
        "PROVIDER",
        "MODEL",
        "BEFORE",
        "AFTER",
        "DIFFERENCE",
        "REQUESTS",
        "CHANGED",
        "NEWLY PRICED",
        "UNPRICED",
        "ESTIMATED",
    )
    rows = [_row(line.provider or "(none)", line.model or "(none)", line) for line in report.lines]
    if len(rows) > 1:
        rows.append(_row("in all", "", report.total))
    return head, rows


def closing(report: Repriced, dry_run: bool) -> Iterator[str]:
    """What is said below the table."""
    total = report.total
    for why, count in sorted(report.kept.items(), key=lambda each: -each[1]):
        yield f"{count:,} requests stay as they are: {why}."
    if total.unpriced:
        yield f"{total.unpriced:,} requests still have no price: `lockgate prices missing` says what to write."
    if dry_run:
        yield "Nothing was written (--dry-run)."
        return
    resumed = " It went on where an earlier run had ended." if report.resumed else ""
    yield f"{report.written:,} requests were written anew. Budgets are as they were.{resumed}"


def as_json(report: Repriced, dry_run: bool) -> str:
    """The report for programs. Amounts are USD as texts, exact."""
    told = {
        "object": "repricing",
        "dry_run": dry_run,
        "written": report.written,
        "resumed": report.resumed,
        "rows": [{"provider": line.provider, "model": line.model, **_numbers(line)} for line in report.lines],
        "total": _numbers(report.total),
        "kept": report.kept,
    }
    return msgspec.json.format(encode(told), indent=2).decode()


def as_csv(report: Repriced) -> str:
    """The lines for programs that read tables."""
    head = ("provider", "model", "before_usd", "after_usd", "difference_usd", *_COUNTS)
    return csv_of(
        head,
        (
            (
                line.provider,
                line.model,
                *map(usd, (line.before_nusd, line.after_nusd, line.difference_nusd)),
                *(str(getattr(line, name)) for name in _COUNTS),
            )
            for line in report.lines
        ),
    )


def _numbers(line: Line) -> dict[str, Any]:
    return {
        "before_usd": usd(line.before_nusd),
        "after_usd": usd(line.after_nusd),
        "difference_usd": usd(line.difference_nusd),
        **{name: getattr(line, name) for name in _COUNTS},
    }


def _row(provider: str, model: str, line: Line) -> tuple[str, ...]:
    sign = "+" if line.difference_nusd > 0 else ""
    return (
        provider,
        model,
        f"${usd(line.before_nusd)}",
        f"${usd(line.after_nusd)}",
        f"{sign}{usd(line.difference_nusd)}" if line.difference_nusd else "",
        *(
            f"{count:,}" if count or at == 0 else ""
            for at, count in enumerate((line.requests, line.changed, line.newly_priced, line.unpriced, line.estimated))
        ),
    )
