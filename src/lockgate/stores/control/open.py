"""Opening a control store, or what is kept of alerts in it, by its URL: `sqlite:///FILE` (four slashes for an absolute
path), or `postgresql://…`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lockgate.stores.alert_states import AlertStates
from lockgate.stores.control.driver import Driver
from lockgate.stores.control.schema import migrate
from lockgate.stores.control.sqlite import SqliteDriver
from lockgate.stores.control.store import ControlStore
from lockgate.stores.outbox import Outbox
from lockgate.stores.ports import StoreError


def open_control(url: str, now_us: int) -> ControlStore:
    """The control store at a URL, brought to this version's schema. Raises `StoreError`, also for a URL that names none."""
    return ControlStore(_driver(url), now_us)


def open_outbox(url: str, now_us: int) -> Outbox:
    """The outbox in the control store at a URL, brought to this version's schema. Raises `StoreError`."""
    return Outbox(_migrated(url, now_us))


def open_alert_states(url: str, now_us: int) -> AlertStates:
    """How alert rules stand, in the control store at a URL, brought to this version's schema. Raises `StoreError`."""
    return AlertStates(_migrated(url, now_us))


def _migrated(url: str, now_us: int) -> Driver:
    driver = _driver(url)
    try:
        migrate(driver, now_us)
    except BaseException:
        driver.close()
        raise
    return driver


def _driver(url: str) -> Driver:
    make = _SCHEMES.get(urlsplit(url).scheme)
    if make is None:
        raise StoreError(f"A control store's URL begins with {' or '.join(f'{scheme}://' for scheme in _SCHEMES)}.")
    return make(url)


def sqlite_url(path: Path) -> str:
    """The URL of a file."""
    return f"sqlite:///{path}"


def _sqlite(url: str) -> Driver:
    path = unquote(url.removeprefix("sqlite://").removeprefix("/"))
    if not url.startswith("sqlite:///") or not path:
        raise StoreError("sqlite:/// is followed by the path of a file.")
    return SqliteDriver(Path(path))


def _postgres(url: str) -> Driver:
    try:
        # 25 MB and a quarter of a second to import, so only who asks for it has it.
        postgres = import_module("lockgate.stores.control.postgres")
    except ModuleNotFoundError:
        raise StoreError("PostgreSQL needs psycopg: pip install 'lockgate[postgres]'.") from None
    return postgres.PostgresDriver(url)


_SCHEMES: dict[str, Callable[[str], Driver]] = {"sqlite": _sqlite, "postgresql": _postgres, "postgres": _postgres}
