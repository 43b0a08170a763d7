"""`lockgate backtest`."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import click

from lockgate.cli.backtest_view import as_csv as csv_of
from lockgate.cli.backtest_view import as_json as json_of
from lockgate.cli.backtest_view import lines
from lockgate.cli.desk import CONFIG, Stop, data_option, log_of
from lockgate.cli.progress import progress
from lockgate.control.backtest import back_test
from lockgate.control.config import BadConfig, read_file
from lockgate.control.logs import Logs, parse_filter
from lockgate.control.logs_view import printable
from lockgate.control.offline import idle, thought_of
from lockgate.control.replay import Replay, wants_bodies
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.ports import StoreError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--config", "config_path", required=True, type=_FILE, help="The proposed lockgate.yaml.")
@click.option(
    "--current",
    type=_FILE,
    help="The one that the requests met, which tells what their headers must have said  [default: lockgate.yaml]",
)
@click.option("--since", default="7d", show_default=True, help="From when on: 15m, 2h, 7d, or a date and time.")
@click.option("--until", default="", help="Until when, likewise.")
@click.option("--model", default="", help="Only a model, as asked, sent or served.")
@click.option("--provider", default="", help="Only a provider's slug.")
@click.option("--key", default="", help="Only a key, by id or name.")
@click.option("--limit", "-n", type=click.IntRange(1), help="At most so many requests, the newest ones.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print as CSV: where requests went and would go, with costs.")
@data_option
def backtest(
    config_path: Path,
    current: Path | None,
    since: str,
    until: str,
    model: str,
    provider: str,
    key: str,
    limit: int | None,
    as_json: bool,
    as_csv: bool,
    data: Path,
) -> None:
    """Try a proposed configuration on the requests that are on record.

    Shows what would go elsewhere, what it would cost, what would be refused, and which failures it would have got over.
    Nothing is sent. Where a route draws, the numbers are what is to be expected.
    """
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    if as_json and as_csv:
        raise Stop("give either --json or --csv.")
    try:
        meant = parse_filter(now_us=now_us(), since=since, until=until, model=model, provider=provider, key=key)
        new = _world(config_path, data)
        file = current or Path(os.environ.get("LOCKGATE_CONFIG") or CONFIG)
        old = _world(file, data) if current is not None or file.is_file() else new
        log = Logs(data / "spool", log_of(data, file if file.is_file() else None))
        records = islice(log.scan(meant, bodies=wants_bodies(new)), limit)
        show, done = progress()
        report = back_test(records, Replay(new, old, idle()), new, None, show)
        done()
    except (ValueError, StoreError) as error:
        raise Stop(str(error)) from None
    if as_json:
        click.echo(json_of(report))
    elif as_csv:
        click.echo(csv_of(report), nl=False)
    else:
        for line in lines(report, str(config_path)):
            click.echo(printable(line))


def _world(path: Path, data: Path) -> Snapshot:
    try:
        return thought_of(read_file(path), data, os.environ, SCOPES)
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({path}):\n{bad}") from None
