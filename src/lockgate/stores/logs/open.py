"""Opening the log by its URL: "" for SQLite in the data directory, or the URL of a server.

Nothing is connected here: a server that is away when a process starts is asked again until it answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

import msgspec

from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.logs.s3 import S3Bodies, S3Place, open_bodies
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError

#: The variable that says where the log is, before what a file says: it may hold a password, which a command line must not.
LOG_URL = "LOCKGATE_LOG_URL"
#: The variables that say where bodies are, if not in the log itself, before what a file says; and the one by which
#: one of our processes tells another all of it.
BODIES_URL, BODIES_ENDPOINT, BODIES_PLACE = "LOCKGATE_LOG_BODIES", "LOCKGATE_LOG_BODIES_ENDPOINT", "LOCKGATE_LOG_BODIES_PLACE"
#: How long is waited for somebody else who writes, in seconds.
BUSY_S = 5.0


class Opening(msgspec.Struct, frozen=True):
    """What a store is opened with. `url` is its own, `data` the data directory, `report` is told in words of what is lost.
    `busy_s`: how long to wait for somebody else who writes. With `text`, what is appended can be searched by its words.
    `bodies` is where they are kept, if not in the log itself."""

    url: str
    data: Path
    report: Callable[[str], None]
    busy_s: float = BUSY_S
    text: bool = True
    bodies: S3Place | None = None


def open_log(
    url: str,
    data: Path,
    *,
    report: Callable[[str], None],
    busy_s: float = BUSY_S,
    text: bool = True,
    bodies: S3Place | None = None,
) -> LogStore:
    """The log at a URL, or that of a data directory. Raises `StoreError` for a URL that names none."""
    if wrong := wrong_with(url) or (bodies is not None and wrong_with_bodies(url)):
        raise StoreError(wrong)
    return _OPENERS[_scheme(url)](Opening(url, data, report, busy_s, text, bodies))


def told(environment: Mapping[str, str] = os.environ) -> S3Place | None:
    """Where bodies are, as one of our processes tells another (see `tell`)."""
    said = environment.get(BODIES_PLACE, "")
    return msgspec.json.decode(said, type=S3Place) if said else None


def tell(bodies: S3Place | None) -> dict[str, str]:
    """Variables for the environment of another of our processes, which only its owner can read."""
    return {} if bodies is None else {BODIES_PLACE: msgspec.json.encode(bodies).decode()}


def wrong_with(url: str) -> str:
    """What is wrong with a URL, as a sentence that does not show it; "" when it names a kind of store."""
    if _scheme(url) in _OPENERS:
        return ""
    schemes = " or ".join(f"{scheme}://" for scheme in _OPENERS if scheme)
    return f"The log's URL begins with {schemes}." if schemes else "The log has no URL: it is kept in the data directory."


def wrong_with_bodies(url: str) -> str:
    """Why the bodies of the log at a URL cannot be kept elsewhere, as a sentence; "" when they can."""
    if _scheme(url) in _APART:
        return ""
    return "Bodies are kept elsewhere for a log at a server (log.store: postgresql://…); others keep them themselves."


def _scheme(url: str) -> str:
    return url.partition("://")[0] or url


def _sqlite(asked: Opening) -> LogStore:
    return SqliteLog(asked.data / "log", report=asked.report, busy_s=asked.busy_s, text=asked.text)


def _clickhouse(asked: Opening) -> LogStore:
    # HTTP and TLS are some milliseconds and megabytes that only who asks for it has.
    clickhouse = import_module("lockgate.stores.logs.clickhouse.store")
    return clickhouse.ClickHouseLog.at(asked.url, text=asked.text)


def _postgres(asked: Opening) -> LogStore:
    try:
        # 25 MB and a quarter of a second to import, so only who asks for it has it.
        log = import_module("lockgate.stores.logs.postgres.log")
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise StoreError("A log in PostgreSQL needs psycopg: pip install 'lockgate[postgres]'.") from None
    if asked.bodies is None:
        return log.PostgresLog(asked.url, busy_s=asked.busy_s, text=asked.text)
    bodies = _open_bodies(asked.bodies, asked.report)
    return log.PostgresLog(asked.url, busy_s=asked.busy_s, text=asked.text, open_blocks=bodies, close_blocks=bodies.close)


def _open_bodies(bodies: S3Place, report: Callable[[str], None]) -> S3Bodies:
    try:
        return open_bodies(bodies, os.environ, report)
    except Refusal as refusal:
        raise StoreError(f"log.{refusal.param}: {refusal.message}") from None


#: A URL's scheme → what opens it.
_OPENERS: dict[str, Callable[[Opening], LogStore]] = {
    "": _sqlite,
    "postgresql": _postgres,
    "postgres": _postgres,
    "clickhouse": _clickhouse,
    "clickhouses": _clickhouse,
}
#: The schemes of those whose bodies may be elsewhere.
_APART = ("postgresql", "postgres")
