"""`lockgate reprice`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lockgate.cli.desk import Stop, columns, config_option, data_option, house_at, log_of
from lockgate.cli.progress import progress
from lockgate.control.config import BadConfig
from lockgate.control.costs.reprice import NAME, Mark
from lockgate.control.costs.reprice import reprice as run
from lockgate.control.costs.reprice_view import as_csv as csv_of
from lockgate.control.costs.reprice_view import as_json as json_of
from lockgate.control.costs.reprice_view import closing, table
from lockgate.control.logs import parse_filter
from lockgate.control.logs_view import printable
from lockgate.control.offline import thought_of
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ports import StoreError


@click.command()
@click.option("--since", required=True, help="From when on: 30d, 4w, or a date and time.")
@click.option("--until", default="", help="Until when, likewise  [default: now]")
@click.option("--provider", multiple=True, help="Only a provider's slug.")
@click.option("--model", multiple=True, help="Only a model, as asked, sent or served.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print as CSV.")
@config_option
@data_option
def reprice(
    since: str,
    until: str,
    provider: tuple[str, ...],
    model: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    as_csv: bool,
    config_path: Path | None,
    data: Path,
) -> None:
    """Compute anew what recorded requests cost, by the prices that hold now for their time.

    The log says it from then on: lists, details and sums. Budgets are not changed by it: what was charged was charged. It may
    run beside a gateway; killed, it goes on where it was when it is asked the same again.
    """
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    if as_json and as_csv:
        raise Stop("give either --json or --csv.")
    house = house_at(data, config_path)
    show, done = progress()
    now = now_us()
    store = log_of(data, config_path, busy_s=30.0)
    try:
        meant = parse_filter(now_us=now, since=since, until=until, provider=provider, model=model)
        world = thought_of(house.config(), data, os.environ, SCOPES)
        asked = "\n".join((str(since), str(until), *provider, "", *model))
        mark = None if dry_run else Mark(data / NAME)
        report = run(store, meant, world, now_us=now, mark=mark, progress=show, asked=asked)
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None
    except (ValueError, StoreError) as error:
        raise Stop(str(error)) from None
    finally:
        done()
        store.close()
    if as_json:
        click.echo(json_of(report, dry_run))
    elif as_csv:
        click.echo(csv_of(report), nl=False)
    elif not report.lines:
        click.echo("No requests are on record in this time.")
    else:
        head, rows = table(report)
        columns(head, [tuple(map(printable, row)) for row in rows])
        for line in closing(report, dry_run):
            click.echo(printable(line))
