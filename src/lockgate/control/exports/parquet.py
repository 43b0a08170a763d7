"""Parquet (https://parquet.apache.org), for which pyarrow is needed: `pip install 'lockgate[parquet]'`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow  # pyright: ignore[reportMissingImports]
from pyarrow import parquet  # pyright: ignore[reportMissingImports]

from lockgate.control.exports.columns import NUMBERS
from lockgate.core.json import encode

_BOOLEANS = frozenset(("is_success",))


class Parquet:
    """Rows in groups of a thousand or so. Numbers are numbers; what is no text is JSON."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._columns = columns
        self._schema = pyarrow.schema([(name, _type(name)) for name in columns])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, rows: Sequence[Sequence[Any]]) -> int:
        """See `writers.Writer`."""
        cells = [[_cell(name, row[n]) for row in rows] for n, name in enumerate(self._columns)]
        arrays = [pyarrow.array(cells[n], field.type) for n, field in enumerate(self._schema)]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))
        return self._path.stat().st_size

    def close(self) -> None:
        """See `writers.Writer`."""
        self._writer.close()


def _type(name: str) -> Any:
    if name in NUMBERS:
        return pyarrow.float64()
    return pyarrow.bool_() if name in _BOOLEANS else pyarrow.string()


def _cell(name: str, value: Any) -> Any:
    if value is None or name in _BOOLEANS or name in NUMBERS or isinstance(value, str):
        return value
    return encode(value).decode()
