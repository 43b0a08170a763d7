"""The `lockgate` command."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from lockgate import __version__
from lockgate.control import keys as key_case
from lockgate.control import logs_view
from lockgate.control.compile import compile_snapshot
from lockgate.control.config import BadConfig, read_file, schema
from lockgate.control.house import House
from lockgate.control.logs import Logs, parse_filter
from lockgate.control.secrets import WeakSecret
from lockgate.core.failure import Refusal
from lockgate.http.routes import SCOPES, UnguardedRoute
from lockgate.pipeline.runtime import now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.providers.table import TABLE
from lockgate.scribe import scribe
from lockgate.stores.ports import StoreError
from lockgate.supervisor import Role, Supervisor
from lockgate.worker import work

CONFIG = "lockgate.yaml"

_data = click.option(
    "--data",
    envvar="LOCKGATE_DATA",
    default="lockgate-data",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory of keys and logs.",
)
_config = click.option(
    "--config",
    "config_path",
    envvar="LOCKGATE_CONFIG",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Configuration file  [default: {CONFIG}, if there is one]",
)


class Stop(click.ClickException):
    """What stops a command: one sentence on stderr, status 1."""

    def show(self, file: object = None) -> None:
        click.echo(f"lockgate: {self.message}", err=True)


def main() -> None:
    """The entry point."""
    try:
        cli.main(prog_name="lockgate", standalone_mode=True)
    except BrokenPipeError:  # `lockgate logs | head`
        os._exit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lockgate", message="%(prog)s %(version)s")
def cli() -> None:
    """Lockgate: one self-hosted API in front of every LLM provider."""
    logging.basicConfig(
        level=os.environ.get("LOCKGATE_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


@cli.command()
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
@_config
@_data
def serve(host: str, port: int, workers: int, drain: float, config_path: Path | None, data: Path) -> None:
    """Start the gateway."""
    house = _house(data, config_path)
    snapshot = _opened(house)
    listener = _bind(host, port)
    admin_key = house.first_admin_key(now_us())
    if admin_key:
        snapshot = _snapshot(house)
    _greet(house, snapshot, listener, admin_key)
    roles = [
        Role(f"worker {n + 1}", lambda lifeline: work(house, _current(house, snapshot), listener, lifeline, drain))
        for n in range(workers)
    ]
    retention = house.config().log.retention_days
    roles.append(Role("scribe", lambda lifeline: scribe(house.data, lifeline, retention), first_to_go=False))
    sys.exit(Supervisor(roles, listener, drain).run())


@cli.command()
@_config
@click.option("--json", "as_json", is_flag=True, help="Print mistakes as JSON.")
def check(config_path: Path | None, as_json: bool) -> None:
    """Check a configuration: every mistake, with its path."""
    path = config_path or Path(CONFIG)
    try:
        snapshot = compile_snapshot(read_file(path), environment=os.environ, stored=[], pepper=b"check", scopes=SCOPES)
    except BadConfig as bad:
        if as_json:
            click.echo(json.dumps([{"path": mistake.path, "message": mistake.message} for mistake in bad.mistakes], indent=2))
        else:
            for mistake in bad.mistakes:
                click.echo(f"{path}: {mistake}", err=True)
        sys.exit(1)
    if as_json:
        click.echo("[]")
    else:
        providers = ", ".join(f"@{slug}" for slug in sorted(snapshot.providers))
        click.echo(f"{path} is good. Providers: {providers}. Keys: {len(snapshot.keys)}. Configs: {len(snapshot.configs)}.")


@cli.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of lockgate.yaml, for editors."""
    click.echo(json.dumps(schema(), indent=2))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def providers(as_json: bool) -> None:
    """List the providers that Lockgate knows, and which of them have a key in the environment."""
    rows = [
        {
            "provider": row.slug,
            "name": row.name,
            "ready": row.builtin or any(os.environ.get(name) for name in row.env),
            "dialects": list(row.speaks),
            "env": row.env,
            "base_url": row.base_url,
            "docs": row.docs,
        }
        for row in sorted(TABLE.values(), key=lambda row: row.slug)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    _columns(
        ("PROVIDER", "READY", "KEY", "DIALECTS"),
        [
            (row["provider"], "yes" if row["ready"] else "", " ".join(row["env"]) or "-", " ".join(row["dialects"]))
            for row in rows
        ],
    )


@cli.command()
@click.argument("record_id", metavar="[ID]", required=False)
@click.option("--follow", "-f", is_flag=True, help="Show requests as they are completed.")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="How many, newest first.")
@click.option("--since", default="", help="From when on: 15m, 2h, 7d, or a date and time.")
@click.option("--until", default="", help="Until when, likewise.")
@click.option("--status", default="", help="404, 5xx, 400-499 or >=400.")
@click.option("--outcome", default="", help="ok, refused, failed, broken or client_left.")
@click.option("--model", default="", help="A model, as asked, sent or served.")
@click.option("--provider", default="", help="A provider's slug.")
@click.option("--key", default="", help="A key, by id or name.")
@click.option("--trace", default="", help="A trace id.")
@click.option("--slower", default="", help="Requests that took longer: 500ms, 2s.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@_data
def logs(record_id: str | None, follow: bool, limit: int, as_json: bool, data: Path, **meant: Any) -> None:
    """Show recorded requests, or one of them, by its ID, with its bodies."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    try:
        wanted = parse_filter(now_us=now_us(), **meant)
        log = Logs.of(data, lambda sentence: click.echo(sentence, err=True))
        if record_id:
            record = log.get(record_id)
            if record is None:
                raise Stop(f"no request is recorded under the id '{record_id}'.")
            click.echo(logs_view.json_line(record))
            return
        show = logs_view.json_line if as_json else logs_view.line
        if not as_json:
            click.echo(logs_view.header())
        if follow:
            for record in log.follow(wanted, _half_a_second):
                click.echo(show(record))
        else:
            for record in log.newest(wanted, limit):
                click.echo(show(record))
    except (ValueError, StoreError) as error:
        raise Stop(str(error)) from None


def _half_a_second() -> bool:
    time.sleep(0.5)
    return True


@cli.group()
def keys() -> None:
    """Make, list and revoke gateway keys."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="What the key may do; repeatable. All of the data plane when left out.")
@click.option("--model", "models", multiple=True, help='Models it may use, as "@slug/pattern"; repeatable. All when left out.')
@click.option("--hash", "hash_only", is_flag=True, help="Store nothing; print the key and the hash for lockgate.yaml.")
@_data
def create_key(name: str, scopes: tuple[str, ...], models: tuple[str, ...], hash_only: bool, data: Path) -> None:
    """Make a key. It is shown once."""
    known = SCOPES | {key_case.EVERYTHING}
    if unknown := set(scopes) - known:
        raise Stop(f"unknown scope: {', '.join(sorted(unknown))}. There are {', '.join(sorted(known))}.")
    if hash_only:
        text = key_case.new_key()[1]
        click.echo(f"key:  {text}\nhash: sha256:{key_case.sha256(text).hex()}")
        return
    house = _house(data, None)
    _open(house)
    store = house.key_store()
    key, text = key_case.create(store, house.pepper, name, scopes, models, now_us())
    store.close()
    click.echo(text)
    click.echo(f"Made the key '{name}' (id {key.id}). It is not shown again.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@_data
def list_keys(as_json: bool, data: Path) -> None:
    """List the keys that were made here."""
    house = _house(data, None)
    _open(house)
    store = house.key_store()
    stored = store.all()
    store.close()
    if as_json:
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "scopes": key.scopes,
                "models": key.models,
                "created": _when(key.created_us),
                "revoked": _when(key.revoked_us) if key.revoked_us else None,
            }
            for key in stored
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    _columns(
        ("ID", "NAME", "SCOPES", "CREATED", "STATE"),
        [
            (
                key.id,
                key.name,
                " ".join(key.scopes) or "data plane",
                _when(key.created_us),
                "revoked" if key.revoked_us else "in force",
            )
            for key in stored
        ],
    )


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@_data
def revoke_key(key_id: str, data: Path) -> None:
    """Revoke a key by its id. Running workers refuse it within a second."""
    house = _house(data, None)
    _open(house)
    store = house.key_store()
    try:
        key_case.revoke(store, key_id, now_us())
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    finally:
        store.close()
    click.echo(f"Revoked {key_id}.")


def _house(data: Path, config_path: Path | None) -> House:
    if config_path is None and Path(CONFIG).is_file():
        config_path = Path(CONFIG)
    return House(data, config_path, SCOPES)


def _open(house: House) -> None:
    try:
        house.open()
    except (OSError, WeakSecret) as error:
        raise Stop(str(error)) from None


def _opened(house: House) -> Snapshot:
    _open(house)
    return _snapshot(house)


def _snapshot(house: House) -> Snapshot:
    try:
        return house.snapshot()
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None
    except UnguardedRoute as error:
        raise Stop(f"the gateway does not start: {error}") from None


def _current(house: House, fallback: Snapshot) -> Snapshot:
    """The world as it is now, for a worker that replaces a dead one; the one from the start if it has gone bad since."""
    try:
        return house.snapshot()
    except BadConfig:
        return fallback


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


def _greet(house: House, snapshot: Snapshot, listener: socket.socket, admin_key: str) -> None:
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in ("127.0.0.1", "::1", "0.0.0.0", "::") else host  # noqa: S104 - compared, not bound
    click.echo(f"Lockgate {__version__} at http://{shown}:{port}")
    click.echo(f"  providers  {', '.join(f'@{slug}' for slug in sorted(snapshot.providers))}")
    click.echo(f"  config     {house.config_path or f'none ({CONFIG} would be read)'}")
    click.echo(f"  data       {house.data}")
    if admin_key:
        click.echo(f"\n  admin key  {admin_key}\n             It is not shown again.\n")
    sys.stdout.flush()


def _columns(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    for row in [head, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _when(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
