"""A world to think in, without a gateway: the configuration as it is written, the keys as they are stored, and nothing that
sends, keeps or counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import Config
from lockgate.control.house import CONTROL_URL
from lockgate.control.stored import Stored
from lockgate.core.call import Principal
from lockgate.core.record import Record
from lockgate.core.redact import Redactor
from lockgate.pipeline.runtime import Runtime, now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.prices_file import NAME
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.spool import Spool


def thought_of(config: Config, data: Path, environment: Mapping[str, str], scopes: frozenset[str]) -> Snapshot:
    """The world that a configuration would make, with the keys and the price list of a data directory, if there is one. Raises
    `BadConfig`, `StoreError`. No key is admitted by it: it has none of the house's secrets."""
    return compile_snapshot(
        config,
        environment=environment,
        stored=_stored(environment.get(CONTROL_URL, ""), data / "control.db", scopes),
        pepper=b"offline",
        scopes=scopes,
        price_list=data / NAME,
    )


def idle() -> Runtime:
    """A runtime that nothing runs in."""
    return Runtime({}, _Unkept(), Redactor())


def principal_of(name: str, snapshot: Snapshot) -> Principal | None:
    """The key of an id or a name."""
    known = list(snapshot.keys.values())
    return next((each for each in known if each.id == name), None) or next((each for each in known if each.name == name), None)


def _stored(url: str, path: Path, scopes: frozenset[str]) -> Stored:
    """What is stored, without its secrets."""
    stored = Stored()
    if not url and not path.is_file():
        return stored
    store = open_control(url or sqlite_url(path), now_us())
    try:
        stored.follow(store, None, scopes, now_us())
    finally:
        store.close()
    return stored


class _Unkept(Spool):
    """A spool that keeps nothing, and has no file."""

    def __init__(self) -> None:
        pass

    def __repr__(self) -> str:
        return "Unkept()"

    def append(self, record: Record) -> bool:
        """See `Spool.append`."""
        return False
