"""The forms of an export: lines of JSON, CSV, Parquet. A writer takes rows, in the order of the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from lockgate.control.exports.job import Format
from lockgate.core.json import encode

#: What makes a cell a formula, for programs that show tables (OWASP, CSV injection): a quote before it makes it a text again.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

Row = Sequence[Any]


class Writer(Protocol):
    """Writes rows to a file."""

    def write(self, rows: Sequence[Row]) -> int:
        """Write some; how many bytes the file has now, about. Raises `OSError`."""
        ...

    def close(self) -> None:
        """Finish the file, and have it on the disk. Raises `OSError`."""
        ...


class JsonLines:
    """A JSON object a line."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._columns = columns
        self._file = path.open("wb")

    def write(self, rows: Sequence[Row]) -> int:
        """See `Writer`."""
        lines = [encode(dict(zip(self._columns, row, strict=True))) for row in rows]
        self._file.write(b"\n".join((*lines, b"")))
        return self._file.tell()

    def close(self) -> None:
        """See `Writer`."""
        self._file.close()


class Csv:
    """RFC 4180, with a line of titles. What is no text or number is JSON."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file = path.open("wb")
        self._write([columns])

    def write(self, rows: Sequence[Row]) -> int:
        """See `Writer`."""
        self._write([[cell(value) for value in row] for row in rows])
        return self._file.tell()

    def close(self) -> None:
        """See `Writer`."""
        self._file.close()

    def _write(self, rows: Sequence[Row]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode("utf-8", "backslashreplace"))


def cell(value: Any) -> Any:
    """A value as a cell that no program takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else encode(value).decode()
    return f"'{text}" if text.startswith(_FORMULAS) else text


def can_write(format: Format) -> bool:
    """Whether this form can be written here."""
    return format != "parquet" or find_spec("pyarrow") is not None


#: What to do where it cannot.
INSTALL = "Parquet needs pyarrow: install it with `pip install 'lockgate[parquet]'`, or ask for jsonl or csv."


def open_writer(format: Format, path: Path, columns: Sequence[str]) -> Writer:
    """A writer for a new file. Raises `OSError`, and `ModuleNotFoundError` for what cannot be written here."""
    if format == "jsonl":
        return JsonLines(path, columns)
    if format == "csv":
        return Csv(path, columns)
    # A hundred MB of code, which is imported where a file is written, and nowhere else.
    return import_module("lockgate.control.exports.parquet").Parquet(path, columns)
