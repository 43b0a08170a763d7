"""`lockgate replay`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from lockgate.app import App
from lockgate.cli.desk import Stop, columns, data_option, house_at, log_of, opened, snapshot_of
from lockgate.control.config import BadConfig
from lockgate.control.explain import read_config
from lockgate.control.house import House
from lockgate.control.logs import Logs
from lockgate.control.logs_view import printable
from lockgate.control.offline import principal_of
from lockgate.control.resend import view
from lockgate.control.resend.ask import NoAnswer, ask_there
from lockgate.control.resend.compare import Comparison, compare, side_of
from lockgate.control.resend.send import MOST, Wish, check, send_again
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.ports import StoreError
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress


@click.command()
@click.argument("record_id", metavar="ID")
@click.option(
    "--config",
    "configs",
    multiple=True,
    help="A config by its slug, as a file, or as JSON; or a lockgate.yaml  [default: lockgate.yaml]. Both may be given.",
)
@click.option("--model", default="", help="The model to ask for, in place of the one that was asked for.")
@click.option("--key", default="", help="The gateway key that pays, by name or id. With --url: the key itself.")
@click.option("--times", default=1, show_default=True, type=click.IntRange(1, MOST), help="How often it is sent.")
@click.option("--url", default="", help="Let a gateway that runs send it (key: --key, or LOCKGATE_API_KEY).")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@data_option
def replay(
    record_id: str, configs: tuple[str, ...], model: str, key: str, times: int, url: str, as_json: bool, data: Path
) -> None:
    """Send a recorded request again, and compare the answers.

    It goes the way it went, or another one. It costs what it costs: the key that you name pays, within its limits and budgets,
    and the new request is on record too. Only a request whose body was kept whole can be sent again.
    """
    try:
        config, file = _configs(configs)
        wish = Wish(config, model)
        told = (
            asyncio.run(_there(record_id, wish, key, times, url, file))
            if url
            else _here(record_id, wish, key, times, file, data)
        )
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used:\n{bad}") from None
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    except (NoAnswer, StoreError) as why:
        raise Stop(str(why)) from None
    if as_json:
        click.echo(msgspec.json.format(encode(told), indent=2))
        return
    head, rows = view.table(told)
    columns(head, [tuple(map(printable, row)) for row in rows])
    for line in view.texts(told):
        click.echo(printable(line))


def _here(id: str, wish: Wish, key: str, times: int, file: Path | None, data: Path) -> Comparison:
    """Without a gateway: with the pipeline that one would have."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    record = Logs(data / "spool", log_of(data, file)).get(id)
    if record is None:
        raise Stop(f"no request is recorded under the id '{id}'.")
    check(record, wish)
    house = opened(house_at(data, file))
    snapshot = snapshot_of(house)
    principal = principal_of(key, snapshot) if key else None
    if principal is None:
        known = ", ".join(sorted({each.name for each in snapshot.keys.values()})) or "none"
        raise Stop(f"{f'no key is called {key!r}' if key else 'say which key pays: --key'}. Keys here: {known}.")
    return asyncio.run(_sent(house, snapshot, record, wish, principal, times, _say))


async def _sent(
    house: House,
    snapshot: Snapshot,
    record: Record,
    wish: Wish,
    principal: Principal,
    times: int,
    say: Callable[[str], None],
) -> Comparison:
    app = App(house, snapshot)
    client = HttpClient(snapshot.egress)
    app.runtime.clients.update(http=client, https=client)
    try:
        await app.open()
        sides = []
        for number in range(1, times + 1):
            say(f"sending it, {number} of {times} …")
            sent = await send_again(record, wish, principal, snapshot, app.runtime)
            sides.append(side_of(sent.record, sent.body))
        return compare(side_of(record, record.response, whole=not record.truncated), sides)
    finally:
        client.close()
        await app.stop()


async def _there(id: str, wish: Wish, key: str, times: int, url: str, file: Path | None) -> Comparison:
    """By a gateway that runs."""
    key = key or os.environ.get("LOCKGATE_API_KEY", "")
    if not key:
        raise Stop("a gateway that runs wants a key: --key, or LOCKGATE_API_KEY.")
    if file is not None:
        raise Stop(f"the gateway at {url} has a configuration of its own: leave {file} out.")
    client = HttpClient(Egress.compile(["0.0.0.0/0", "::/0"]))  # the operator's own word where it is
    try:
        return await ask_there(id, wish, times, url, key, client)
    finally:
        client.close()


def _configs(said: tuple[str, ...]) -> tuple[str, Path | None]:
    """(the config of the request, the configuration)."""
    config, file = "", None
    for each in said:
        inline, path = read_config(each, os.environ)
        config, file = inline or config, path or file
    return config, file


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)
