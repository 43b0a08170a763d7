"""`lockgate cache`: answers that are kept: what they save, which there are, who was given one; and to forget them."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from lockgate.cli.desk import Stop, columns, config_option, control_of, data_option, house_at, log_of, me, when
from lockgate.control import cache as answers
from lockgate.control import logs_view
from lockgate.control.analytics.lookups import lookups
from lockgate.control.analytics.shapes import percent
from lockgate.control.config import BadConfig, CacheEntry
from lockgate.control.house import House
from lockgate.control.logs import moment
from lockgate.control.search import Search
from lockgate.control.shadow import shadow
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Tenant, Workspace
from lockgate.pipeline.runtime import now_us
from lockgate.stores.cache.port import Meant
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.ports import StoreError

F = TypeVar("F", bound=Callable[..., Any])

_FILTERS = (
    click.option("--organisation", default="", help="An organisation, by its id  [default: the first one]"),
    click.option("--workspace", default="", help="A workspace, by its slug or id."),
    click.option("--namespace", default=None, help="A namespace; '' is none."),
    click.option("--provider", default="", help="A provider's slug."),
    click.option("--model", default="", help="A model, as it was sent."),
    click.option("--id", "id", default="", help="The request whose answer it is."),
    click.option("--older-than", "before", default="", help="Kept before: 15m, 2h, 7d ago, or a date and time."),
)


def filter_options(command: F) -> F:
    """Give a command the options that say which entries are meant; `_meant` takes them."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.option("--since", default="7d", show_default=True, help="Count requests from then on: 15m, 2h, 7d, or a date and time.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@config_option
@data_option
@click.pass_context
def cache(ctx: click.Context, since: str, as_json: bool, config_path: Path | None, data: Path) -> None:
    """Show what is kept to be answered again, and what that has saved; list entries, forget them."""
    if ctx.invoked_subcommand is not None:
        return
    house = _house(data, config_path)
    asked, now = _asked(house), now_us()
    with _stopping(), _log(data, config_path) as store:
        since_us = moment("since", since, now)
        found = lookups(store, Filter(since_us=since_us or 1, until_us=now + 1))
        size = None if answers.kind_of(asked) == "memory" else answers.shelf_of(asked, data).size(Meant())
    told = {
        "store": answers.kind_of(asked),
        "entries": None if size is None else size[0],
        "bytes": None if size is None else size[1],
        "max_bytes": asked.max_bytes,
        **{name: value for name, value in msgspec.structs.asdict(found).items() if isinstance(value, int)},
        "hit_rate": percent(found.answered, found.looked_up),
        "saved_us": found.saved_us,
        "hit_us": round(found.hit_us),
        "miss_us": round(found.miss_us),
    }
    if as_json:
        click.echo(json.dumps(told))
        return
    kept = "in the memory of each worker" if size is None else f"{size[0]:,} answers, {_bytes(size[1])}"
    click.echo(f"{answers.kind_of(asked)}: {kept} (at most {_bytes(asked.max_bytes)})")
    semantic = f" ({found.semantic_hits:,} in other words)" if found.semantic_hits else ""
    click.echo(f"since {since}: {found.answered:,} hits{semantic} of {found.looked_up:,} looked up, {told['hit_rate']:.1f}%")
    if found.refreshes:
        click.echo(f"{found.refreshes:,} asked anew by their callers")
    if found.answered:
        compared = f", {found.hit_us / 1000:.1f} ms in place of {found.miss_us / 1000:.0f} ms each" if found.miss_us else ""
        click.echo(f"saved ${found.saved_nusd / 1e9:.6f} and {found.saved_us / 1e6:.1f} s{compared}")


@cache.command("shadow")
@click.option("--since", default="7d", show_default=True, help="Count requests from then on: 15m, 2h, 7d, or a date and time.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@config_option
@data_option
def show_shadow(since: str, as_json: bool, config_path: Path | None, data: Path) -> None:
    """Show what a semantic cache in the shadow would have given, and how that compares with what providers answered."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    with _stopping(), _log(data, config_path) as store:
        found = shadow(store, Filter(since_us=moment("since", since, now_us()) or 1))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    click.echo(f"since {since}: {found.missed:,} requests were looked up and not found")
    for each in found.levels:
        share = percent(each.would_hit, found.missed)
        click.echo(f"{each.level}: {each.would_hit:,} ({share:.1f}%) would have been given, for ${each.saved_nusd / 1e9:.6f}")
        near = "" if each.alike is None else f", with a cosine of {each.alike:.2f} on the average"
        click.echo(
            f"  of {each.compared:,} compared: {each.equal:,} equal, {each.canonical:,} but for spelling, "
            f"{each.other:,} otherwise{near}"
        )
        for pair in each.worst:
            alike = "" if pair.alike is None else f"  {pair.alike:.2f}"
            click.echo(f"  {pair.id}  answered otherwise than  {pair.of}{alike}")


@cache.command("ls")
@filter_options
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@config_option
@data_option
def list_entries(limit: int, as_json: bool, config_path: Path | None, data: Path, **said: Any) -> None:
    """Show answers that are kept, newest first."""
    house = _house(data, config_path)
    with _stopping(), control_of(house) as store:
        meant = _meant(store, **said)
        found = answers.shelf_of(_asked(house), data).entries(meant, limit)
        slugs = {row.id: row.slug for row in store.page(Tenant(meant.organisation), Workspace, limit=10_000).rows}
    if as_json:
        for each in found:
            click.echo(json.dumps(msgspec.structs.asdict(each)))
        return
    columns(
        ("KEPT", "UNTIL", "USED", "SIZE", "WORKSPACE", "NAMESPACE", "MODEL", "ID"),
        [
            (
                when(each.time_us),
                when(each.expires_us),
                when(each.used_us)[:-3],
                _bytes(each.size),
                slugs.get(each.workspace, each.workspace) or "-",
                logs_view.printable(each.namespace) or "-",
                logs_view.printable(f"@{each.provider}/{each.model}"),
                each.id,
            )
            for each in found
        ],
    )


@cache.command("served")
@click.argument("id")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@config_option
@data_option
def show_served(id: str, limit: int, as_json: bool, config_path: Path | None, data: Path) -> None:
    """Show the requests that were given an answer. ID is the request whose answer it is, or one that was given it."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    with _stopping(), _log(data, config_path) as store:
        found = answers.served(Search(data, store), Filter(), id, limit=limit)
    if found.source is None and not found.page.records:
        raise Stop(f"no answer of a request '{id}' is in the log.")
    show = logs_view.json_line if as_json else logs_view.line
    if not as_json:
        click.echo(f"The answer of {logs_view.printable(found.id)}, {'given to' if found.page.records else 'given to nobody'}")
        if found.source is not None:
            click.echo(logs_view.header())
            click.echo(show(found.source))
    for record in found.page.records:
        click.echo(show(record))


@cache.command("purge")
@filter_options
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
@data_option
def purge_entries(everything: bool, yes: bool, config_path: Path | None, data: Path, **said: Any) -> None:
    """Forget answers: those that all options mean, or --all. It stands in the audit log."""
    house = _house(data, config_path)
    with _stopping(), control_of(house) as store:
        meant = _meant(store, **said)
        if (answers.is_narrow(meant) or bool(meant.workspace)) == everything:
            raise Stop("say which answers are meant (see --help), or --all.")
        shelf = answers.shelf_of(_asked(house), data)
        count, size = shelf.size(meant)
        if not count:
            click.echo("There is nothing of that kind.")
            return
        if not yes:
            click.confirm(f"Forget {count:,} answers ({_bytes(size)})?", abort=True)
        tenant = Tenant(meant.organisation, meant.workspace)
        click.echo(f"Forgotten: {answers.purge(shelf, store, tenant, me(), now_us(), meant):,}.")


def _house(data: Path, config_path: Path | None) -> House:
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    return house_at(data, config_path)


def _asked(house: House) -> CacheEntry:
    try:
        return house.config().cache
    except BadConfig as bad:
        raise Stop(f"the configuration cannot be used ({house.config_path}):\n{bad}") from None


@contextmanager
def _stopping() -> Generator[None, None, None]:
    """Refusals and trouble stop the command with their sentence."""
    try:
        yield
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    except (ValueError, StoreError) as error:
        raise Stop(str(error)) from None


@contextmanager
def _log(data: Path, config_path: Path | None) -> Generator[LogStore, None, None]:
    store = log_of(data, config_path)
    try:
        yield store
    finally:
        store.close()


def _meant(
    store: ControlStore,
    organisation: str,
    workspace: str,
    namespace: str | None,
    provider: str,
    model: str,
    id: str,
    before: str,
) -> Meant:
    """What the options say. Raises `Stop`, `ValueError`."""
    organisation = organisation or store.house().home.organisation
    return Meant(
        organisation=organisation,
        workspace=_workspace(store, Tenant(organisation), workspace) if workspace else "",
        namespace=namespace,
        model=model,
        provider=provider.removeprefix("@"),
        id=id,
        before_us=moment("older-than", before, now_us()),
    )


def _workspace(store: ControlStore, tenant: Tenant, named: str) -> str:
    """The id of a workspace; one that is gone is known by its id alone. Raises `Stop`."""
    try:
        return store.find(tenant, Workspace, slug=named).id
    except Absent:
        if len(named) == 36:
            return named
        raise Stop(f"there is no workspace '{named}'.") from None


def _bytes(size: int) -> str:
    """A size for people."""
    for unit, bytes in (("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
        if size >= bytes:
            return f"{size / bytes:.1f} {unit}"
    return f"{size} B"
