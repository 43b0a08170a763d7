"""A world to think in, without a gateway: the configuration as it is written, the keys as they are stored, and nothing that
sends, keeps or counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import Config
from lockgate.core.call import Principal
from lockgate.core.record import Record
from lockgate.core.redact import Redactor
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.prices_file import NAME
from lockgate.stores.keys import KeyStore, StoredKey
from lockgate.stores.spool import Spool


def thought_of(config: Config, data: Path, environment: Mapping[str, str], scopes: frozenset[str]) -> Snapshot:
    """The world that a configuration would make, with the keys and the price list of a data directory, if there is one. Raises
    `BadConfig`, `StoreError`. No key is admitted by it: it has none of the house's secrets."""
    return compile_snapshot(
        config,
        environment=environment,
        stored=_stored(data / "control.db"),
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


def _stored(path: Path) -> list[StoredKey]:
    if not path.is_file():
        return []
    store = KeyStore(path)
    try:
        return store.all()
    finally:
        store.close()


class _Unkept(Spool):
    """A spool that keeps nothing, and has no file."""

    def __init__(self) -> None:
        pass

    def __repr__(self) -> str:
        return "Unkept()"

    def append(self, record: Record) -> bool:
        """See `Spool.append`."""
        return False
