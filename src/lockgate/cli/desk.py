"""What the commands share: the options of all, the house they work on, how they stop and how they print."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click

from lockgate.control.config import BadConfig
from lockgate.control.house import House
from lockgate.control.kms.port import VaultError
from lockgate.control.secrets import WeakSecret
from lockgate.core.audit import Actor
from lockgate.core.call import Capture
from lockgate.core.failure import Refusal
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import Tenant, Workspace
from lockgate.http.routes import SCOPES, UnguardedRoute
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.control.query import Absent, InUse, Stale, Taken
from lockgate.stores.control.store import ControlStore
from lockgate.stores.logs.open import BUSY_S
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.ports import StoreError

CONFIG = "lockgate.yaml"

data_option = click.option(
    "--data",
    envvar="LOCKGATE_DATA",
    default="lockgate-data",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of keys and logs.",
)
config_option = click.option(
    "--config",
    "config_path",
    envvar="LOCKGATE_CONFIG",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Configuration file  [default: {CONFIG}, if there is one]",
)


class Stop(click.ClickException):
    """What stops a command: one sentence on stderr, status 1."""

    def show(self, file: object = None) -> None:
        """See `click.ClickException`."""
        click.echo(f"lockgate: {self.message}", err=True)


def house_at(data: Path, config_path: Path | None) -> House:
    """The house of a data directory, with the configuration that is named or that lies here."""
    if config_path is None and Path(CONFIG).is_file():
        config_path = Path(CONFIG)
    return House(data, config_path, SCOPES)


def opened(house: House) -> House:
    """The house, ready to be used."""
    try:
        house.open()
    except (OSError, WeakSecret) as error:
        raise Stop(str(error)) from None
    return house


def snapshot_of(house: House) -> Snapshot:
    """The world that its configuration describes."""
    try:
        return house.snapshot()
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None
    except (UnguardedRoute, StoreError) as error:
        raise Stop(f"the gateway does not start: {error}") from None


def log_of(data: Path, config_path: Path | None, *, busy_s: float = BUSY_S) -> LogStore:
    """The log of a data directory, wherever the configuration says that it is; to be closed. What cannot be read is told."""
    house = house_at(data, config_path)
    try:
        return house.open_log(lambda sentence: click.echo(sentence, err=True), busy_s=busy_s)
    except BadConfig as bad:
        raise Stop(f"the configuration does not say where the log is ({house.config_path}):\n{bad}") from None
    except StoreError as error:
        raise Stop(str(error)) from None


@contextmanager
def control_of(house: House) -> Generator[ControlStore, None, None]:
    """The control store of a house, while the block lasts. Refusals and trouble stop the command with their sentence."""
    try:
        with house.control() as store:
            yield store
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    except (StoreError, OSError, WeakSecret, VaultError, Absent, Stale, Taken, InUse) as error:
        raise Stop(str(error)) from None


def me() -> Actor:
    """Who uses the command line, for the audit log."""
    return Actor("cli", name=getpass.getuser())


def tenant_of(store: ControlStore, workspace: str) -> Tenant:
    """The workspace of that slug; "": the first one."""
    home = store.house().home
    if not workspace:
        return home
    try:
        found = store.find(Tenant(home.organisation), Workspace, slug=workspace)
    except Absent:
        raise Stop(f"there is no workspace '{workspace}'.") from None
    return Tenant(home.organisation, found.id)


capture_option = click.option(
    "--capture",
    type=click.Choice(get_args(Capture)),
    default="full",
    show_default=True,
    help="The most that is kept of its requests.",
)


def redact_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--redact` and `--redact-field`: see `redaction_of`."""
    for option in (
        click.option("--redact-field", multiple=True, help="A member of JSON taken out of it, as messages.*.name; repeatable."),
        click.option("--redact", multiple=True, help="What is taken out of that: an expression of RE2; repeatable."),
    ):
        command = option(command)
    return command


def redaction_of(redact: tuple[str, ...], redact_field: tuple[str, ...]) -> Redaction:
    """What is to be taken out of the log besides. Raises `Stop`."""
    redaction = Redaction(list(redact), list(redact_field))
    for _, why in redaction.flaws():
        raise Stop(why)
    return redaction


workspace_option = click.option("--workspace", default="", help="A workspace, by its slug  [default: the first one]")


def columns(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table."""
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    for row in [head, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def when(us: int) -> str:
    """A time (µs since the epoch) for people."""
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
