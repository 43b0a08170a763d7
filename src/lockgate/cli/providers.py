"""`lockgate providers`: those that Lockgate knows, and those that are stored here with their keys in the vault."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from lockgate.cli.desk import (
    Stop,
    columns,
    control_of,
    data_option,
    house_at,
    me,
    opened,
    tenant_of,
    when,
    workspace_option,
)
from lockgate.control import providers as case
from lockgate.core.holdings import Integration, Sealed, VirtualKey
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.runtime import now_us
from lockgate.providers.table import TABLE


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.pass_context
def providers(context: click.Context, as_json: bool) -> None:
    """List the providers that Lockgate knows, and which of them have a key in the environment; or set up your own."""
    if context.invoked_subcommand is not None:
        return
    rows = [
        {
            "provider": row.slug,
            "name": row.name,
            "kind": row.kind,
            "ready": row.builtin or any(os.environ.get(name) for name in row.env),
            "dialects": list(row.speaks) or ["proxy"],
            "env": row.env,
            "params": list(row.slots),
            "base_url": row.base_url,
            "docs": row.docs,
        }
        for row in sorted(TABLE.values(), key=lambda row: row.slug)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("PROVIDER", "READY", "KEY", "DIALECTS"),
        [
            (row["provider"], "yes" if row["ready"] else "", " ".join(row["env"]) or "-", " ".join(row["dialects"]))
            for row in rows
        ],
    )


def _key(from_stdin: bool) -> str:
    """A provider's key, from the standard input or asked for without showing it; never from the command line, which others on
    the machine can read."""
    text = sys.stdin.read() if from_stdin else click.prompt("API key", hide_input=True, default="", show_default=False)
    return text.strip()


key_option = click.option("--api-key-stdin", "from_stdin", is_flag=True, help="Read the key from the standard input.")


@providers.command("add")
@click.argument("slug")
@click.option("--provider", "name", default="", help="Its name in `lockgate providers`  [default: the slug]")
@key_option
@click.option("--no-key", is_flag=True, help="It needs none, or has it by --set.")
@click.option("--base-url", default="", help="Where it is, when that is not its usual address.")
@click.option("--set", "members", multiple=True, metavar="NAME=VALUE", help="What else the account is known by; repeatable.")
@workspace_option
@data_option
def add_provider(
    slug: str,
    name: str,
    from_stdin: bool,
    no_key: bool,
    base_url: str,
    members: tuple[str, ...],
    workspace: str,
    data: Path,
) -> None:
    """Set up a provider as @SLUG. Its key is sealed and is not shown again."""
    configurations: dict[str, str] = {}
    for member in members:
        said, equals, value = member.partition("=")
        if not equals:
            raise Stop(f"--set {member}: write NAME=VALUE.")
        configurations[said] = value
    if base_url:
        configurations["custom_host"] = base_url
    house = opened(house_at(data, None))
    key = "" if no_key else _key(from_stdin)
    with control_of(house) as store:
        case.add_provider(
            store,
            house.vault(store),
            tenant_of(store, workspace),
            me(),
            now_us(),
            slug,
            provider=name or slug,
            key=key,
            configurations=configurations,
            own_identity=True,  # whoever can use the command line on this machine is its operator
        )
    click.echo(f"@{slug} is set up. Running workers know it within a second.")


@providers.command("stored")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@workspace_option
@data_option
def list_stored(as_json: bool, workspace: str, data: Path) -> None:
    """List the providers that are set up in the control store, with the last letters of their keys."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        tenant = tenant_of(store, workspace)
        whole = Tenant(tenant.organisation)
        rows = []
        for key in store.page(tenant, VirtualKey, limit=1_000_000).rows[::-1]:
            account = store.get(whole, Integration, key.integration)
            hints = [sealed.hint for sealed in store.page(whole, Sealed, owner=account.id, field=case.KEY).rows]
            rows.append(
                {
                    "slug": key.slug,
                    "provider": account.provider,
                    "key": f"…{hints[0]}" if hints and hints[0] else "sealed" if hints else "",
                    "created": when(key.created_us),
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("SLUG", "PROVIDER", "KEY", "CREATED"),
        [(f"@{row['slug']}", row["provider"], row["key"] or "-", row["created"]) for row in rows],
    )


@providers.command("rotate")
@click.argument("slug")
@key_option
@workspace_option
@data_option
def rotate_provider(slug: str, from_stdin: bool, workspace: str, data: Path) -> None:
    """Give a stored provider another key."""
    house = opened(house_at(data, None))
    key = _key(from_stdin)
    if not key:
        raise Stop("no key was given.")
    with control_of(house) as store:
        case.rotate_provider(store, house.vault(store), tenant_of(store, workspace), me(), now_us(), slug, key)
    click.echo(f"@{slug} has another key. Running workers use it within a second.")


@providers.command("remove")
@click.argument("slug")
@workspace_option
@data_option
def remove_provider(slug: str, workspace: str, data: Path) -> None:
    """Remove a stored provider, and its key with it."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        case.remove_provider(store, tenant_of(store, workspace), me(), now_us(), slug)
    click.echo(f"Removed @{slug}.")
