"""`lockgate workspaces`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lockgate.cli.desk import (
    capture_option,
    columns,
    control_of,
    data_option,
    house_at,
    me,
    opened,
    redact_options,
    redaction_of,
    when,
)
from lockgate.control import workspaces as workspace_case
from lockgate.core.call import Capture
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Membership, Tenant, Workspace
from lockgate.pipeline.runtime import now_us
from lockgate.stores.control.query import Taken

_MANY = 1_000_000


@click.group()
def workspaces() -> None:
    """Manage workspaces: parts of the organisation with keys, providers and configs of their own."""


@workspaces.command("add")
@click.argument("name")
@click.option("--slug", default="", help="What requests and commands call it  [default: made of the name]")
@click.option("--description", default="", help="What it is for.")
@capture_option
@redact_options
@data_option
def add_workspace(
    name: str,
    slug: str,
    description: str,
    capture: Capture,
    redact: tuple[str, ...],
    redact_field: tuple[str, ...],
    data: Path,
) -> None:
    """Add a workspace."""
    said = {"capture": capture, "redact": redaction_of(redact, redact_field)}
    house = opened(house_at(data, None))
    with control_of(house) as store:
        tenant = Tenant(store.house().organisation)
        try:
            with store.change(tenant, me(), now_us()) as change:
                made = workspace_case.create(change, tenant, name=name, slug=slug, description=description, **said)
        except Taken:
            raise Refusal(409, "taken", f"there is a workspace '{slug}' already.") from None
    click.echo(f"Added {made.name} (slug {made.slug}, id {made.id}).")


@workspaces.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@data_option
def list_workspaces(as_json: bool, data: Path) -> None:
    """List the workspaces, with how many people and keys they have."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        home = store.house().home
        whole = Tenant(home.organisation)
        rows = [
            {
                "id": row.id,
                "slug": row.slug,
                "name": row.name,
                "description": row.description or None,
                "default": row.id == home.workspace,
                "people": store.page(whole, Membership, limit=0, workspace=row.id).total,
                "keys": store.page(whole, ApiKey, limit=0, workspace=row.id).total,
                "created": when(row.created_us),
            }
            for row in store.page(whole, Workspace, limit=_MANY).rows[::-1]
        ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("SLUG", "NAME", "PEOPLE", "KEYS", "CREATED"),
        [tuple(str(row[name]) for name in ("slug", "name", "people", "keys", "created")) for row in rows],
    )


@workspaces.command("remove")
@click.argument("slug")
@click.option("--force", is_flag=True, help="With its keys, providers, integrations, configs and policies.")
@data_option
def remove_workspace(slug: str, force: bool, data: Path) -> None:
    """Remove a workspace, by its slug or id. Its people stay in the organisation."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        home = store.house().home
        with store.change(Tenant(home.organisation), me(), now_us()) as change:
            row = workspace_case.named(change, slug)
            if row.id == home.workspace:
                raise workspace_case.stays(row)
            workspace_case.remove(change, row, force=force)
    click.echo(f"Removed {row.name}.")
