"""`lockgate prices`."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import click
import msgspec

from lockgate.cli.desk import CONFIG, Stop, columns, config_option, data_option, house_at, log_of, opened
from lockgate.cli.lists import price_of
from lockgate.control.config import BadConfig, Config
from lockgate.control.costs.missing import as_yaml
from lockgate.control.costs.missing import missing as missing_of
from lockgate.control.house import House
from lockgate.control.logs import parse_filter
from lockgate.control.logs_view import printable
from lockgate.control.offline import thought_of
from lockgate.control.price_list import NoPriceList, fetch, refresh_of, take
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from lockgate.pipeline.snapshot import Refresh
from lockgate.providers.prices import Prices
from lockgate.providers.table import TABLE
from lockgate.stores.ports import StoreError
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import TlsIdentity
from lockgate.transport.egress import Egress


@click.group()
def prices() -> None:
    """Show prices, and take a new list of them."""


@prices.command()
@click.option("--url", help="Fetch it from here, not from where the configuration says.")
@click.option(
    "--file", type=click.Path(dir_okay=False, exists=True, path_type=Path), help="Take this file; nothing leaves the machine."
)
@config_option
@data_option
def refresh(url: str | None, file: Path | None, config_path: Path | None, data: Path) -> None:
    """Take the list that genai-prices publishes now. A running gateway uses it within a second, without a restart."""
    if url and file:
        raise Stop("give either --url or --file")
    house = opened(house_at(data, config_path))
    try:
        if file is not None:
            source, published = str(file), file.read_bytes()
        else:
            source, published = _fetched(_config(house), url)
        head = take(house.price_list, published, source, now_us())
    except (NoPriceList, OSError) as why:
        raise Stop(str(why)) from None
    click.echo(f"The price list is {head.version}, from {head.source}.")


@prices.command()
@click.argument("name", metavar="PROVIDER/MODEL")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@config_option
@data_option
def show(name: str, as_json: bool, config_path: Path | None, data: Path) -> None:
    """Show what a model costs now: by your own prices, else by the list."""
    house = house_at(data, config_path)
    config = _config(house)
    slug, slash, model = name.removeprefix("@").partition("/")
    entry = config.providers.get(slug)
    row = TABLE.get(entry.provider or slug if entry is not None else slug)
    if row is None or not slash or not model:
        raise Stop(f"'{name}' is no provider/model. `lockgate providers` lists the providers, `lockgate models` the models.")
    try:
        flat = Prices(config.prices, file=house.price_list).flat(row.prices, row.named(model), now_us(), slug)
    except ValueError as error:
        raise Stop(f"prices: {error}") from None
    if flat is None:
        raise Stop(f"no price is known of '{name}'. Set one in `prices` of the configuration.")
    price = price_of(flat)
    if as_json:
        click.echo(json.dumps(price, indent=2))
        return
    for member, value in price.items():
        if value is not None:
            click.echo(f"{member:16}{value if isinstance(value, str | float | int) else json.dumps(value)}")


@prices.command()
@click.option("--since", default="30d", show_default=True, help="Used from when on: 7d, 4w, or a date and time.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@config_option
@data_option
def missing(since: str, as_json: bool, config_path: Path | None, data: Path) -> None:
    """Show the models that were used and have no price, and what to write into the configuration."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    house = house_at(data, config_path)
    config = _config(house)
    now = now_us()
    store = log_of(data, config_path)
    try:
        meant = msgspec.structs.replace(parse_filter(now_us=now, since=since), until_us=now)
        found = missing_of(store, meant, thought_of(config, data, os.environ, SCOPES))
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None
    except (ValueError, StoreError) as error:
        raise Stop(str(error)) from None
    finally:
        store.close()
    if as_json:
        click.echo(msgspec.json.format(encode(found), indent=2))
        return
    if not found:
        click.echo("All models that were used have a price.")
        return
    rows = [(each.provider, each.model, f"{each.requests:,}", f"{each.tokens:,}", "now" * each.priced_now) for each in found]
    columns(("PROVIDER", "MODEL", "REQUESTS", "TOKENS", "PRICED"), [tuple(map(printable, row)) for row in rows])
    if lines := as_yaml(found):
        click.echo(f"\nWrite into {config_path or CONFIG}, and fill in the prices:\n\n{lines}")
    click.echo(f"\n`lockgate reprice --since {since}` sets what these requests cost, as soon as there are prices.")


def _config(house: House) -> Config:
    try:
        return house.config()
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None


def _fetched(config: Config, url: str | None) -> tuple[str, bytes]:
    """Where the published data are from, and the data."""
    entry = config.catalogue
    tls = (
        None
        if entry.tls == type(entry.tls)()
        else TlsIdentity(entry.tls.ca_file, entry.tls.cert_file, entry.tls.key_file, entry.tls.server_name)
    )
    try:
        where = refresh_of(url or entry.url, 0, tls, entry.proxy)
        egress = Egress.compile(config.egress.allow)
    except (Refusal, ValueError) as why:
        raise Stop(str(why)) from None
    return where.url, asyncio.run(_fetch(where, egress))


async def _fetch(where: Refresh, egress: Egress) -> bytes:
    client = HttpClient(egress)
    try:
        return await fetch(client, where)
    finally:
        client.close()
