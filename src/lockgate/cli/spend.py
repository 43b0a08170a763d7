"""`lockgate spend`."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from lockgate.cli.desk import Stop, columns, config_option, data_option, house_at, log_of
from lockgate.control.config import BadConfig
from lockgate.control.costs import focus, spend_view
from lockgate.control.costs.names import Names
from lockgate.control.costs.spend import Step, spent
from lockgate.control.house import CONTROL_URL, House
from lockgate.control.logs import parse_filter
from lockgate.control.logs_view import printable
from lockgate.control.offline import thought_of
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.tenancy import Tenant
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from lockgate.providers.table import TABLE
from lockgate.stores.control.open import open_control
from lockgate.stores.logs.ports import Filter
from lockgate.stores.ports import StoreError

_STEPS = click.Choice(["all", "day", "month"])


@click.command()
@click.option("--since", default="30d", show_default=True, help="From when on: 7d, 4w, or a date and time.")
@click.option("--until", default="", help="Until when, likewise  [default: now]")
@click.option(
    "--by",
    default="model",
    show_default=True,
    help="By what, with commas: model, provider, key, user, workspace, organisation, route, operation, metadata.NAME.",
)
@click.option("--step", type=_STEPS, help="In days or months (of UTC)  [default: all together; with --focus: day]")
@click.option("--model", multiple=True, help="Only a model, as asked, sent or served.")
@click.option("--provider", multiple=True, help="Only a provider's slug.")
@click.option("--key", multiple=True, help="Only a key, by id or name.")
@click.option("--user", multiple=True, help="Only a person, by the id.")
@click.option("--workspace", multiple=True, help="Only a workspace, by its id.")
@click.option("--metadata", multiple=True, help="Only requests with NAME=VALUE.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print as CSV.")
@click.option("--focus", "as_focus", is_flag=True, help="Print as CSV in FOCUS 1.2 (FinOps Open Cost and Usage Specification).")
@config_option
@data_option
def spend(
    since: str,
    until: str,
    by: str,
    step: Step | None,
    as_json: bool,
    as_csv: bool,
    as_focus: bool,
    config_path: Path | None,
    data: Path,
    **meant: Any,
) -> None:
    """Show what was spent, by any dimensions, from the log.

    What has no price is never counted as nothing: it is listed beside the sums.
    """
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    if as_json + as_csv + as_focus > 1:
        raise Stop("give one of --json, --csv and --focus.")
    told_apart = tuple(each.strip() for each in by.split(",") if each.strip())
    if as_focus:
        told_apart = (*focus.BY, *(each for each in told_apart if each not in focus.BY))
        step = step or "day"
        if step == "all":
            raise Stop("FOCUS tells charges by --step day or month.")
    now = now_us()
    store = log_of(data, config_path)
    try:
        wanted = parse_filter(now_us=now, since=since, until=until, **meant)
        wanted = msgspec.structs.replace(wanted, until_us=now if wanted.until_us is None else wanted.until_us)
        report = spent(store, _bounded(wanted), told_apart, step or "all")
        house = house_at(data, config_path)
        with _names(house) as names:
            if as_focus:
                click.echo(focus.as_focus(report, names, _providers(house)), nl=False)
            elif as_csv:
                click.echo(spend_view.as_csv(report, names), nl=False)
            elif as_json:
                click.echo(msgspec.json.format(encode(spend_view.as_told(report, names)), indent=2))
            elif not report.rows:
                click.echo("No requests are on record in this time.")
            else:
                head, rows = spend_view.table(report, names)
                columns(head, [tuple(map(printable, row)) for row in rows])
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    except (ValueError, StoreError) as error:
        raise Stop(str(error)) from None
    finally:
        store.close()
    for line in spend_view.warning(report):
        click.echo(printable(line), err=True)


def _bounded(meant: Filter) -> Filter:
    if meant.since_us is None:
        raise ValueError("--since: say from when on, like 30d")
    return meant


@contextmanager
def _names(house: House) -> Generator[Names, None, None]:
    """What ids stand for, if there is a control store to tell it."""
    if not house.environment.get(CONTROL_URL) and not (house.data / "control.db").is_file():
        yield Names(None, Tenant(""))
        return
    store = open_control(house.control_url, now_us())
    try:
        yield Names(store, Tenant(store.house().home.organisation))
    finally:
        store.close()


def _providers(house: House) -> Callable[[str], str]:
    """What providers are called, by their slugs."""
    try:
        world = thought_of(house.config(), house.data, os.environ, SCOPES)
        known = {provider.slug: provider.row.name for provider in world.everywhere()}
    except BadConfig:  # names are no reason to stop a report
        known = {}
    return lambda slug: known.get(slug) or (TABLE[slug].name if slug in TABLE else slug) or "(none)"
