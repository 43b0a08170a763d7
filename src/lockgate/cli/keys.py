"""`lockgate keys`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lockgate.cli.budget import budget_of, budget_options
from lockgate.cli.desk import (
    Stop,
    capture_option,
    columns,
    control_of,
    data_option,
    house_at,
    me,
    opened,
    redact_options,
    redaction_of,
    tenant_of,
    when,
    workspace_option,
)
from lockgate.control import keys as key_case
from lockgate.control.scopes import EVERYTHING
from lockgate.core.tenancy import ApiKey, Tenant
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us


@click.group()
def keys() -> None:
    """Make, list and revoke gateway keys."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="What the key may do; repeatable. Left out: ask models.")
@click.option("--model", "models", multiple=True, help='Models it may use, as "@slug/pattern"; repeatable. All when left out.')
@click.option("--hash", "hash_only", is_flag=True, help="Store nothing; print the key and the hash for lockgate.yaml.")
@capture_option
@redact_options
@budget_options
@workspace_option
@data_option
def create_key(
    name: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    hash_only: bool,
    capture: str,
    redact: tuple[str, ...],
    redact_field: tuple[str, ...],
    workspace: str,
    data: Path,
    **budget: Any,
) -> None:
    """Make a key. It is shown once."""
    known = SCOPES | {EVERYTHING}
    if unknown := set(scopes) - known:
        raise Stop(f"unknown scope: {', '.join(sorted(unknown))}. There are {', '.join(sorted(known))}.")
    if hash_only:
        text = key_case.new_key()[1]
        click.echo(f"key:  {text}\nhash: sha256:{key_case.sha256(text).hex()}")
        return
    limit, redaction = budget_of(**budget), redaction_of(redact, redact_field)
    house = opened(house_at(data, None))
    with control_of(house) as store:
        key, text = key_case.create(
            store,
            house.pepper,
            tenant_of(store, workspace),
            me(),
            now_us(),
            name=name,
            scopes=scopes,
            models=models,
            usage_limits=limit,
            capture=capture,
            redact=redaction,
        )
    click.echo(text)
    click.echo(f"Made the key '{name}' (id {key.id}). It is not shown again.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@data_option
def list_keys(as_json: bool, data: Path) -> None:
    """List the keys that were made here."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        stored = store.page(Tenant(store.house().organisation), ApiKey, limit=1_000_000).rows[::-1]
    now = now_us()
    if as_json:
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "scopes": key.scopes,
                "models": key.models,
                "created": when(key.created_us),
                "expires": when(key.expires_us) if key.expires_us else None,
                "revoked": when(key.revoked_us) if key.revoked_us else None,
            }
            for key in stored
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("ID", "NAME", "SCOPES", "CREATED", "STATE"),
        [
            (key.id, key.name, " ".join(key.scopes) or "data plane", when(key.created_us), _STATES[key.status(now)])
            for key in stored
        ],
    )


_STATES = {"active": "in force", "revoked": "revoked", "expired": "expired"}


@keys.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option(
    "--transition", default=30.0, show_default=True, type=click.FloatRange(0), help="Minutes that the old text holds."
)
@data_option
def rotate_key(key_id: str, transition: float, data: Path) -> None:
    """Give a key a new text, which is shown once. The old one holds for a while longer."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        tenant = Tenant(store.house().organisation)
        _, text = key_case.rotate(store, house.pepper, tenant, me(), now_us(), key_id, int(transition * 60_000))
    click.echo(text)
    click.echo(f"Rotated {key_id}. The new text is not shown again.", err=True)


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@data_option
def revoke_key(key_id: str, data: Path) -> None:
    """Revoke a key by its id. Running workers refuse it within a second."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        key_case.revoke(store, Tenant(store.house().organisation), me(), now_us(), key_id)
    click.echo(f"Revoked {key_id}.")
