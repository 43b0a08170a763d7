"""`lockgate alerts`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from lockgate.cli.desk import Stop, columns, config_option, data_option, house_at, opened, when
from lockgate.control.alerts.alert import Alert, title, trial
from lockgate.control.alerts.channel import Channel, Means, Trouble
from lockgate.control.alerts.mail_server import is_address
from lockgate.control.alerts.post import OWN, Post, post_of
from lockgate.control.config import BadConfig, Config
from lockgate.control.house import House
from lockgate.pipeline.runtime import now_us
from lockgate.stores.control.open import open_outbox
from lockgate.stores.outbox import Item
from lockgate.stores.ports import StoreError
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress
from lockgate.transport.resolve import CachedResolver


@click.group()
def alerts() -> None:
    """Try the channels of alerts, and see what became of alerts."""


@alerts.command("test")
@click.argument("channels", nargs=-1, metavar="[CHANNEL]...")
@click.option("--to", help="Try the mail server with a letter to this address.")
@config_option
@data_option
def try_channels(channels: tuple[str, ...], to: str | None, config_path: Path | None, data: Path) -> None:
    """Send a trial alert, by all channels or those that are named, and tell what happened."""
    post, egress = _configured(house_at(data, config_path))
    tries = _tries(post, channels, to)
    troubles = asyncio.run(_tried(tries, egress))
    for (name, _, address), trouble in zip(tries, troubles, strict=True):
        whom = f"{name} to {address}" if address else name
        click.echo(f"{whom}: {'it arrived' if trouble is None else trouble.why}")
    if any(troubles):
        sys.exit(1)


@alerts.command("list")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@data_option
def list_items(limit: int, as_json: bool, data: Path) -> None:
    """Show which alerts were sent, or wait, and why."""
    house = opened(house_at(data, None))
    try:
        outbox = open_outbox(house.control_url, now_us())
        try:
            items = outbox.newest(limit)
        finally:
            outbox.close()
    except StoreError as error:
        raise Stop(str(error)) from None
    if as_json:
        for item in items:
            click.echo(json.dumps({**_said(item), "alert": msgspec.to_builtins(_alert(item))}))
        return
    columns(
        ("TIME", "CHANNEL", "STATE", "TRIES", "WHAT"),
        [
            (
                when(item.made_us),
                item.address or item.channel,
                item.state,
                str(item.tries),
                title(_alert(item)) + (f" — {item.why}" if item.why else ""),
            )
            for item in items
        ],
    )


def _configured(house: House) -> tuple[Post, Egress]:
    try:
        config: Config = house.config()
        egress = Egress.compile(config.egress.allow)
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None
    except ValueError as error:
        raise Stop(f"egress.allow: {error}") from None
    post, wrong = post_of(config.alerts)
    if wrong:
        raise Stop("\n".join(f"alerts.{each.path}: {each.message}" for each in wrong))
    return post, egress


def _tries(post: Post, names: Sequence[str], to: str | None) -> list[tuple[str, Channel, str]]:
    """What is to be tried: (name, channel, address)."""
    found: list[tuple[str, Channel, str]] = []
    for name in names or ([] if to else post.lines):
        line = post.lines.get(name)
        if line is None:
            raise Stop(f"no channel is called '{name}'; there are: {', '.join(post.lines) or 'none'}.")
        found += [(name, line.channel, address) for address in line.channel.addresses]
    if to:
        if post.own is None:
            raise Stop("there is no mail server: set alerts.smtp in the configuration.")
        if not is_address(to):
            raise Stop(f"'{to}' is no e-mail address.")
        found.append(("mail", post.own, to))
    if not found:
        raise Stop("there is no channel to try: set alerts.channels in the configuration.")
    return found


async def _tried(tries: Sequence[tuple[str, Channel, str]], egress: Egress) -> list[Trouble | None]:
    client = HttpClient(egress)
    means = Means(lambda: client, lambda: egress, CachedResolver(), now_us)
    alert = trial(now_us())
    try:
        return [await channel.deliver(alert, address, means) for _, channel, address in tries]
    finally:
        client.close()


def _alert(item: Item) -> Alert:
    return msgspec.json.decode(item.body, type=Alert)


def _said(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "time": when(item.made_us),
        "channel": "" if item.channel == OWN else item.channel,
        "address": item.address,
        "state": item.state,
        "tries": item.tries,
        "trouble": item.why,
    }
