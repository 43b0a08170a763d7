"""`lockgate logs`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from lockgate.cli.desk import Stop, config_option, data_option, log_of
from lockgate.control import logs_view
from lockgate.control.logs import Logs, parse_filter
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ports import StoreError


@click.command()
@click.argument("record_id", metavar="[ID]", required=False)
@click.option("--follow", "-f", is_flag=True, help="Show requests as they are completed.")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="How many, newest first.")
@click.option("--since", default="", help="From when on: 15m, 2h, 7d, or a date and time.")
@click.option("--until", default="", help="Until when, likewise.")
@click.option("--status", multiple=True, help="404, 5xx, 400-499 or >=400.")
@click.option("--outcome", multiple=True, help="ok, refused, failed, broken or client_left.")
@click.option("--operation", multiple=True, help="chat, embed, …")
@click.option("--model", multiple=True, help="A model, as asked, sent or served; * and ? stand for anything.")
@click.option("--provider", multiple=True, help="A provider's slug.")
@click.option("--key", multiple=True, help="A key, by id or name.")
@click.option("--user", multiple=True, help="Whose key it was.")
@click.option("--workspace", multiple=True, help="A workspace.")
@click.option("--organisation", default="", help="An organisation.")
@click.option("--route", multiple=True, help="A config's slug, or inline.")
@click.option("--cache", multiple=True, help="hit, semantic_hit, miss, semantic_miss, refresh or disabled.")
@click.option("--error", multiple=True, help="An error's code.")
@click.option("--trace", multiple=True, help="A trace id.")
@click.option("--span", multiple=True, help="A span id.")
@click.option("--cached", multiple=True, help="The request whose answer was given again.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="A value of metadata; * and ? stand for anything.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="cost>=0.01, latency<2s, tokens=100..200, ttft, input, output, feedback.",
)
@click.option("--text", default="", help="Words that stand in what was asked or answered.")
@click.option("--slower", default="", help="Requests that took longer: 500ms, 2s.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@config_option
@data_option
def logs(
    record_id: str | None,
    follow: bool,
    limit: int,
    as_json: bool,
    config_path: Path | None,
    data: Path,
    **meant: Any,
) -> None:
    """Show recorded requests, or one of them, by its ID, with its bodies.

    Several values of one option, with commas or by giving it again, mean any of them; several options mean all of them.
    """
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    try:
        wanted = parse_filter(now_us=now_us(), **meant)
        log = Logs(data / "spool", log_of(data, config_path))
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
