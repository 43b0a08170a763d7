"""A back-test for people, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator

import msgspec

from lockgate.control.backtest import Report, Shift
from lockgate.control.logs_view import printable
from lockgate.core.json import encode


def lines(report: Report, config: str) -> Iterator[str]:
    """The report for people."""
    if report.since_us is None or report.until_us is None:
        yield "No requests are on record in this time."
        return
    share = report.moved / report.replayed if report.replayed else 0.0
    yield f"{config} on {report.records:,} requests from {_when(report.since_us)} to {_when(report.until_us)} UTC"
    yield f"{report.replayed:,} could be planned anew; {_count(report.moved)} of them ({share:.1%}) would go elsewhere."
    yield ""
    yield from _table(report)
    for title, refused in (("Would be refused:", report.refused), ("Would hit a limit:", report.limits)):
        if refused:
            yield ""
            yield title
            yield from (f"{_count(each.requests):>10}  {each.code}: {each.message}" for each in refused)
    if report.fates:
        yield ""
        yield "What was no answer then, or would be none:"
        for fate in report.fates:
            yield f"{_count(fate.requests):>10}  {fate.then}, {fate.before}  ->  {fate.now}, {fate.after}"
    if report.undecided:
        yield ""
        yield "Not decided, because no record tells:"
        yield from (f"{count:>10,}  {names}" for names, count in report.undecided.items())
    if report.skipped:
        yield ""
        yield "Left out:"
        yield from (f"{count:>10,}  {why}" for why, count in report.skipped.items())


def _table(report: Report) -> Iterator[str]:
    rows = [("REQUESTS", "WENT TO", "WOULD GO TO", "COST", "NEW COST", "CHANGE")]
    for shift in report.shifts:
        after = shift.after if shift.changed else "the same"
        rows.append((_count(shift.requests), shift.before, after, *_costs(shift)))
    total = _total(report)
    if len(rows) > 2:
        rows.append((_count(total.requests), "in all", "", *_costs(total)))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if n in (1, 2) else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
    if total.unpriced:
        yield f"Of {_count(total.unpriced)} requests the cost is not known, then or now; they are in none of these sums."


def _total(report: Report) -> Shift:
    total = Shift("", "")
    for shift in report.shifts:
        for name in ("requests", "recorded_nusd", "new_nusd", "unpriced"):
            setattr(total, name, getattr(total, name) + getattr(shift, name))
    return total


def _costs(shift: Shift) -> tuple[str, str, str]:
    change = ""
    if shift.recorded_nusd:
        change = f"{(shift.new_nusd - shift.recorded_nusd) / shift.recorded_nusd:+.1%}"
    return _usd(shift.recorded_nusd), _usd(shift.new_nusd), change


def as_json(report: Report) -> str:
    """The report for machines, with its sums."""
    total = _total(report)
    told = {
        **msgspec.structs.asdict(report),
        "moved": report.moved,
        "recorded_nusd": total.recorded_nusd,
        "new_nusd": total.new_nusd,
        "unpriced": total.unpriced,
    }
    return msgspec.json.format(encode(told), indent=2).decode()


def as_csv(report: Report) -> str:
    """Where requests went and would go, as a table for machines. Names begin with no sign that a spreadsheet takes for a
    formula's (OWASP, CSV injection): "slug/model"."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("before", "after", "requests", "recorded_usd", "new_usd", "unpriced"))
    for shift in report.shifts:
        costs = (f"{each / 1e9:.9f}" for each in (shift.recorded_nusd, shift.new_nusd))
        names = (printable(name).removeprefix("@") for name in (shift.before, shift.after))
        writer.writerow((*names, f"{shift.requests:.6g}", *costs, f"{shift.unpriced:.6g}"))
    return out.getvalue()


def _count(number: float) -> str:
    return f"{number:,.0f}" if abs(number - round(number)) < 1e-6 else f"{number:,.1f}"


def _usd(nusd: float) -> str:
    return f"${nusd / 1e9:,.4f}"


def _when(us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(us / 1e6))
