"""Tables as CSV, which whoever opens them in a spreadsheet is safe with, and amounts as texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from lockgate.control.logs_view import printable

#: What makes a cell a formula (OWASP, CSV injection): a quote before it makes it a text again.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, its head first. Cells are texts of strangers, or numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([cell(each) for each in row] for row in rows)
    return out.getvalue()


def cell(text: str) -> str:
    """A text as a cell: printable, and nothing that a program takes for a formula. Numbers stay what they are."""
    text = printable(text)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def usd(nusd: int) -> str:
    """An amount in USD, exact: nine decimals, "-" before what is less than nothing."""
    whole, nano = divmod(abs(nusd), 10**9)
    return f"{'-' if nusd < 0 else ''}{whole}.{nano:09d}"


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit() and text.isascii()
