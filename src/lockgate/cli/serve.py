"""`lockgate serve`."""

from __future__ import annotations

import logging
import os
import socket
import sys
from functools import partial
from pathlib import Path

import click

from lockgate import __version__
from lockgate.app import redactor_of
from lockgate.cli.desk import CONFIG, Stop, config_option, data_option, house_at, opened, snapshot_of
from lockgate.control.config import BadConfig, log_bodies
from lockgate.control.house import House
from lockgate.control.sinks.declared import outlets_of
from lockgate.core.process_log import FORMAT, hide, speak
from lockgate.core.structs import resolve_structs
from lockgate.pipeline.runtime import now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.shelf import Shelf
from lockgate.providers.stock import missing
from lockgate.scribe import scribe
from lockgate.stores.ports import StoreError
from lockgate.supervisor import Role, Supervisor, aside
from lockgate.worker import work

log = logging.getLogger("lockgate")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8787, show_default=True, type=click.IntRange(0, 65535), help="Port to listen at (0: any free one)."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes, about one a core."
)
@click.option(
    "--drain", default=30.0, show_default=True, type=click.FloatRange(0, 3600), help="Seconds for running requests to end."
)
@click.option(
    "--log-format",
    envvar=FORMAT,
    default="text",
    show_default=True,
    type=click.Choice(["text", "json"]),
    help="How the processes speak on stderr.",
)
@config_option
@data_option
def serve(host: str, port: int, workers: int, drain: float, log_format: str, config_path: Path | None, data: Path) -> None:
    """Start the gateway."""
    os.environ[FORMAT] = log_format  # of those too that are no forks of this process
    speak()
    house = opened(house_at(data, config_path))
    # At the first start price lists are put on the shelf by children: what these import is in nobody's memory afterwards.
    stocking = [aside(job) for job in missing(Shelf(house.shelf))]
    snapshot = snapshot_of(house)
    listener = _bind(host, port)
    admin_key = house.first_admin_key(now_us())
    if admin_key:
        snapshot = snapshot_of(house)
    if not stocking or _is_budgeted(snapshot):  # then no request may be sent before its price is known
        for done in stocking:
            done()
        snapshot.prices.load()  # for all workers
    resolve_structs()
    hide(redactor_of(snapshot))
    _greet(house, snapshot, listener, admin_key, quiet=log_format == "json")
    roles = [
        Role(f"worker {n + 1}", lambda lifeline: work(house, _current(house, snapshot), listener, lifeline, drain, workers))
        for n in range(workers)
    ]
    said = house.log
    writes = partial(
        scribe,
        house.data,
        retention_days=said.retention_days,
        outlets=partial(outlets_of, house),
        url=house.log_url,
        text=said.text,
        bodies=log_bodies(said, house.environment),
        prices=() if house.config_path is None else ("--config", str(house.config_path)),
    )
    roles.append(Role("scribe", lambda lifeline: writes(lifeline=lifeline), listens=False, first_to_go=False, vital=False))
    sys.exit(Supervisor(roles, listener, drain).run())


def _current(house: House, fallback: Snapshot) -> Snapshot:
    """The world as it is now, for a worker that may replace a dead one; the one from the start if it has gone bad since."""
    try:
        return house.current(fallback)
    except (BadConfig, StoreError):
        return fallback


def _is_budgeted(snapshot: Snapshot) -> bool:
    return snapshot.allowances is not None and snapshot.allowances.budgeted


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise Stop(f"cannot listen at {host}:{port}: {error.strerror or error}") from None
    listener.set_inheritable(True)
    return listener


def _greet(house: House, snapshot: Snapshot, listener: socket.socket, admin_key: str, *, quiet: bool) -> None:
    """Say where it is. `quiet`: in the log, for those who read that alone; a new admin key is not for a log."""
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    if quiet:
        log.info("Lockgate %s at http://%s:%d", __version__, shown, port)
    else:
        click.echo(f"Lockgate {__version__} at http://{shown}:{port}")
        click.echo(f"  providers  {', '.join(f'@{slug}' for slug in sorted(snapshot.providers))}")
        click.echo(f"  config     {house.config_path or f'none ({CONFIG} would be read)'}")
        click.echo(f"  data       {house.data}")
    if admin_key:
        click.echo(f"\n  admin key  {admin_key}\n             It is not shown again.\n")
    sys.stdout.flush()
