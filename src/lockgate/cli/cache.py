"""`lockgate cache`: the answers that are kept to be given again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec

from lockgate.cli.desk import Stop, columns, data_option, when
from lockgate.stores.cache.open import NAME, open_shelf
from lockgate.stores.cache.port import CacheShelf, Meant
from lockgate.stores.ports import StoreError

_FILTERS = (
    click.option("--id", "id", default="", help="The request whose answer it is: `cached_id` of a hit."),
    click.option("--workspace", default="", help="Of this workspace, by its id."),
    click.option("--namespace", help='Of this namespace; "" for none.'),
    click.option("--provider", default="", help="Of this provider."),
    click.option("--model", default="", help="Of this model, as it was sent."),
)


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group()
def cache() -> None:
    """Answers that are kept to be given again."""


@cache.command("ls")
@_filtered
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON: one list.")
@data_option
def ls(limit: int, as_json: bool, data: Path, **said: Any) -> None:
    """List what is kept, the newest first, with what it comes to."""
    with _shelf(data) as shelf:
        entries, (count, size) = shelf.entries(Meant(**said), limit), shelf.size(Meant(**said))
    if as_json:
        click.echo(json.dumps([msgspec.structs.asdict(entry) for entry in entries]))
        return
    rows = [
        (
            when(each.time_us),
            when(each.expires_us),
            f"{each.provider}/{each.model}",
            each.namespace or "-",
            str(each.size),
            each.id,
        )
        for each in entries
    ]
    columns(("kept", "until", "model", "namespace", "bytes", "request"), rows)
    click.echo(f"{count:,} answers, {size:,} bytes")


@cache.command("purge")
@_filtered
@click.option("--all", "everything", is_flag=True, help="All that is kept.")
@data_option
def purge(everything: bool, data: Path, **said: Any) -> None:
    """Forget what is kept. Workers that run find nothing of it from then on."""
    meant = Meant(**said)
    if meant == Meant() and not everything:
        raise Stop("say which answers: --id, --workspace, --namespace, --provider, --model, or --all.")
    with _shelf(data) as shelf:
        click.echo(f"{shelf.purge(meant):,} answers forgotten")


@contextmanager
def _shelf(data: Path) -> Iterator[CacheShelf]:
    if not (data / NAME).is_file():
        raise Stop(f"no answers are kept in {data}: name the data directory with --data, or see docs/caching.md.")
    try:
        yield open_shelf("sqlite:", data)
    except StoreError as error:
        raise Stop(str(error)) from None
