"""One house: its data directory, secrets, configuration and control store, and the Snapshot that they make together.

What is stored is followed change by change (`stored`); whoever forks hands on what is known already, and no connection.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lockgate.control import keys as key_case
from lockgate.control.compile import compile_snapshot
from lockgate.control.config import BadConfig, Config, LogEntry, Mistake, log_bodies, log_url, read_file, read_log
from lockgate.control.identity.jwks import KeySets
from lockgate.control.kms.local import LocalRoot
from lockgate.control.kms.port import Ring, VaultError
from lockgate.control.kms.roots import root_secrets
from lockgate.control.managers import managers_of
from lockgate.control.references import Resolver
from lockgate.control.scopes import EVERYTHING
from lockgate.control.secrets import check_strength, derive
from lockgate.control.stored import Stored
from lockgate.control.vault import Vault, open_house
from lockgate.core.audit import Actor
from lockgate.core.tenancy import ApiKey, Tenant
from lockgate.pipeline.runtime import now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.prices_file import NAME
from lockgate.providers.shelf import FOLDER
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.control.store import ControlStore
from lockgate.stores.logs.open import BUSY_S, open_log
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.ports import StoreError
from lockgate.transport.egress import Egress

log = logging.getLogger("lockgate")

#: Where the control store is, when it is not in the data directory.
CONTROL_URL = "LOCKGATE_CONTROL_URL"
#: Where the ledger is, when it is not there either.
LEDGER_URL = "LOCKGATE_LEDGER_URL"
SYSTEM = Actor("system", name="lockgate")


#: Time, size and inode of a file, None: it is not there. An editor that replaces a file keeps neither time nor inode.
Stamp = tuple[int, int, int] | None


def _stamp(path: Path | None) -> Stamp:
    if path is None:
        return None
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class House:
    """Where a gateway lives. `config_path` None: no file, everything by default."""

    def __init__(
        self, data: Path, config_path: Path | None, scopes: frozenset[str], environment: Mapping[str, str] = os.environ
    ) -> None:
        self.data = data
        self.config_path = config_path
        self.scopes = scopes
        self.environment = environment
        self.stored = Stored()
        self.taken: tuple[Stamp, Stamp] = (None, None)  # what the files were when the last Snapshot was made
        self.resolver = Resolver(managers_of(environment, lambda: self._egress), time.monotonic)
        self.key_sets = KeySets(time.monotonic)
        self._egress = Egress.compile(())
        self._pepper = self._identity_key = b""
        self._told: list[Mistake] = []
        self._good: Config | None = None  # the last configuration that could be used
        self._log: LogEntry | None = None
        self._unseen = False  # something stored has changed since the last Snapshot
        self._turn = threading.Lock()

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
    def shelf(self) -> Path:
        """Where what takes long to read lies in a form that does not."""
        return self.data / FOLDER

    @property
    def circuits(self) -> Path:
        """Where the workers share what they know of targets that fail."""
        return self.data / "circuits"

    @property
    def limits(self) -> Path:
        """Where the workers count together."""
        return self.data / "limits"

    @property
    def ledger_url(self) -> str:
        """Where money is kept: beside the control store, if nobody says otherwise."""
        if said := self.environment.get(LEDGER_URL):
            return said
        control = self.environment.get(CONTROL_URL, "")
        return control if control.startswith("postgres") else sqlite_url(self.data / "ledger.db")

    @property
    def journals(self) -> Path:
        """Where workers write what they have under way of the ledger."""
        return self.data / "journals"

    @property
    def control_url(self) -> str:
        """Where the control store is."""
        return self.environment.get(CONTROL_URL) or sqlite_url(self.data / "control.db")

    @property
    def log(self) -> LogEntry:
        """What is said of the log; as long as the house lives what was said when this was first asked, since several processes
        must mean the same. Raises `BadConfig`."""
        if self._log is None:
            if self._good is not None:
                self._log = self._good.log
            else:
                self._log = LogEntry() if self.config_path is None else read_log(self.config_path, self.environment)
        return self._log

    @property
    def log_url(self) -> str:
        """Where the log is kept; "": in the data directory. Raises `BadConfig`."""
        return log_url(self.log, self.environment)

    def open_log(self, report: Callable[[str], None], *, busy_s: float = BUSY_S) -> LogStore:
        """The log, to be closed by whoever asked. Raises `StoreError`, `BadConfig`."""
        said = self.log
        return open_log(
            log_url(said, self.environment),
            self.data,
            report=report,
            busy_s=busy_s,
            text=said.text,
            bodies=log_bodies(said, self.environment),
        )

    @property
    def pepper(self) -> bytes:
        """What the digests of gateway keys are made with. Raises `StoreError`."""
        if not self._pepper:
            with self.control():
                pass
        return self._pepper

    @property
    def identity_key(self) -> bytes:
        """What the keys of sessions are derived from (`identity.secrets.Keys`). Raises `StoreError`."""
        if not self._identity_key:
            with self.control():
                pass
        return self._identity_key

    def open(self) -> None:
        """Make what is missing, check what is there. Raises `OSError`, `WeakSecret`."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.spool.mkdir(mode=0o700, exist_ok=True)
        root_secrets(self.data, self.environment)
        if admin := self.environment.get(key_case.ADMIN):
            check_strength(admin, key_case.ADMIN)

    def ring(self, in_use: str = "") -> Ring:
        """The root keys as they are now. Raises `OSError`, `WeakSecret`."""
        return Ring([LocalRoot(secret) for secret in root_secrets(self.data, self.environment)], in_use)

    def vault(self, store: ControlStore) -> Vault:
        """The vault for what is done now; not to be kept, since root keys are replaced. Raises `OSError`, `WeakSecret`."""
        return Vault(self.ring(store.house().root))

    @contextmanager
    def control(self) -> Generator[ControlStore, None, None]:
        """The control store while the block lasts, ready for changes. Raises `StoreError`, also when its keys cannot be had."""
        store = self.open_control()
        try:
            yield store
        finally:
            store.close()

    def open_control(self) -> ControlStore:
        """The control store, to be closed by whoever asked. Raises `StoreError`."""
        roots = root_secrets(self.data, self.environment)
        store = open_control(self.control_url, now_us())
        try:
            keys = open_house(store, self.ring(), lambda purpose: derive(roots[-1], purpose))
        except VaultError as trouble:
            store.close()
            raise StoreError(str(trouble)) from None
        except BaseException:
            store.close()
            raise
        self._pepper, self._identity_key, store.audit_key = keys["gateway-keys"], keys["identity"], keys["audit"]
        return store

    def first_admin_key(self, now_us: int) -> str:
        """The admin key of a new house, to be shown once; "" when there is one already."""
        if self.environment.get(key_case.ADMIN):
            return ""
        with self.control() as store:
            tenant = Tenant(store.house().organisation)
            keys = store.page(tenant, ApiKey, limit=1_000_000, workspace="").rows
            if any(EVERYTHING in key.scopes for key in keys):
                return ""
            return key_case.create(store, self.pepper, tenant, SYSTEM, now_us, name="admin", scopes=[EVERYTHING], mode="auto")[
                1
            ]

    def config(self) -> Config:
        """The configuration; raises `BadConfig`."""
        return Config() if self.config_path is None else read_file(self.config_path, self.environment)

    @property
    def in_force(self) -> Config:
        """The configuration that the last Snapshot was made of."""
        return self._good or Config()

    def stamps(self) -> tuple[Stamp, Stamp]:
        """What tells the configuration and the price list from what they were."""
        return _stamp(self.config_path), _stamp(self.price_list)

    def snapshot(self) -> Snapshot:
        """The world as it is written and stored now; raises `BadConfig`, `StoreError`."""
        with self._turn:
            self.taken = self.stamps()  # before they are read: what changes meanwhile is noticed
            try:
                config = self.config()
                self._egress = Egress.compile(config.egress.allow)
            except (BadConfig, ValueError):
                config = None  # told when what is stored has been taken in: that must not wait for it
            self._follow()
            return self._compiled(self.config() if config is None else config)

    def current(self, snapshot: Snapshot) -> Snapshot:
        """The last Snapshot, which the caller has, if nothing has changed since it was made; else a new one. Raises as
        `snapshot`."""
        if self.stamps() == self.taken and not 0 < self.stored.due_us <= now_us():
            with self.control() as store:
                if store.house().revision == self.stored.revision:
                    return snapshot
        return self.snapshot()

    def snapshot_without_file(self) -> Snapshot | None:
        """The world as it is stored now, and as the last good configuration had it: a key that is revoked is refused also while
        the file is spoilt. None when nothing stored has changed since the last Snapshot. Raises `BadConfig`, `StoreError`."""
        with self._turn:
            self._follow()
            return self._compiled(self._good) if self._unseen and self._good is not None else None

    @property
    def declared_us(self) -> int:
        """When the file was last changed, also by being put back: budgets as they were written last hold."""
        try:
            return 0 if self.config_path is None else self.config_path.stat().st_ctime_ns // 1000
        except OSError:
            return 0

    def _follow(self) -> None:
        with self.control() as store:
            if self.stored.follow(store, self.vault(store), self.scopes, now_us(), self.resolver):
                self._unseen = True

    def _compiled(self, config: Config) -> Snapshot:
        snapshot = compile_snapshot(
            config,
            environment=self.environment,
            stored=self.stored,
            pepper=self._pepper,
            scopes=self.scopes,
            price_list=self.price_list,
            key_sets=self.key_sets,
            declared_us=self.declared_us,
        )
        for flaw in self.stored.flaws:
            if flaw not in self._told:
                log.error("%s: left out", flaw)
        self._told, self._good, self._unseen = list(self.stored.flaws), config, False
        return snapshot
