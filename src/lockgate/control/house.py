"""One house on disk: its data directory, its secrets, its configuration, and the Snapshot that they make together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lockgate.control import keys as key_case
from lockgate.control.compile import compile_snapshot
from lockgate.control.config import Config, read_file
from lockgate.control.secrets import check_strength, derive, root_secret
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.prices_file import NAME
from lockgate.stores.keys import KeyStore


class House:
    """Where a gateway lives. `config_path` None: no file, everything by default."""

    def __init__(
        self, data: Path, config_path: Path | None, scopes: frozenset[str], environment: Mapping[str, str] = os.environ
    ) -> None:
        self.data = data
        self.config_path = config_path
        self.scopes = scopes
        self.environment = environment
        self.pepper = b""

    def __repr__(self) -> str:
        return f"House({self.data})"

    @property
    def spool(self) -> Path:
        """Where records wait for the log."""
        return self.data / "spool"

    @property
    def price_list(self) -> Path:
        """A price list that was taken, if there is one."""
        return self.data / NAME

    @property
    def circuits(self) -> Path:
        """Where the workers share what they know of targets that fail."""
        return self.data / "circuits"

    def open(self) -> None:
        """Make what is missing, check what is there. Raises `OSError`, `WeakSecret`."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.spool.mkdir(mode=0o700, exist_ok=True)
        self.pepper = derive(root_secret(self.data), "gateway-keys")
        if admin := self.environment.get(key_case.ADMIN):
            check_strength(admin, key_case.ADMIN)

    def key_store(self) -> KeyStore:
        """The stored keys."""
        return KeyStore(self.data / "control.db")

    def first_admin_key(self, now_us: int) -> str:
        """The admin key of a new house, to be shown once; "" when there is one already."""
        if self.environment.get(key_case.ADMIN):
            return ""
        store = self.key_store()
        try:
            if any(key_case.EVERYTHING in key.scopes for key in store.all()):
                return ""
            return key_case.create(store, self.pepper, "admin", [key_case.EVERYTHING], [], now_us)[1]
        finally:
            store.close()

    def config(self) -> Config:
        """The configuration; raises `BadConfig`."""
        return Config() if self.config_path is None else read_file(self.config_path, self.environment)

    def snapshot(self) -> Snapshot:
        """The world as it is written now; raises `BadConfig`."""
        store = self.key_store()
        try:
            stored = store.all()
        finally:
            store.close()
        return compile_snapshot(
            self.config(),
            environment=self.environment,
            stored=stored,
            pepper=self.pepper,
            scopes=self.scopes,
            price_list=self.price_list,
        )
