"""`lockgate keys`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lockgate.cli.desk import Stop, columns, data_option, house_at, key_store_of, opened, when
from lockgate.control import keys as key_case
from lockgate.core.failure import Refusal
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us


@click.group()
def keys() -> None:
    """Make, list and revoke gateway keys."""


@keys.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, help="What the key may do; repeatable. All but proxy.write when left out.")
@click.option("--model", "models", multiple=True, help='Models it may use, as "@slug/pattern"; repeatable. All when left out.')
@click.option("--hash", "hash_only", is_flag=True, help="Store nothing; print the key and the hash for lockgate.yaml.")
@data_option
def create_key(name: str, scopes: tuple[str, ...], models: tuple[str, ...], hash_only: bool, data: Path) -> None:
    """Make a key. It is shown once."""
    known = SCOPES | {key_case.EVERYTHING}
    if unknown := set(scopes) - known:
        raise Stop(f"unknown scope: {', '.join(sorted(unknown))}. There are {', '.join(sorted(known))}.")
    if hash_only:
        text = key_case.new_key()[1]
        click.echo(f"key:  {text}\nhash: sha256:{key_case.sha256(text).hex()}")
        return
    house = opened(house_at(data, None))
    store = key_store_of(house)
    key, text = key_case.create(store, house.pepper, name, scopes, models, now_us())
    store.close()
    click.echo(text)
    click.echo(f"Made the key '{name}' (id {key.id}). It is not shown again.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@data_option
def list_keys(as_json: bool, data: Path) -> None:
    """List the keys that were made here."""
    house = opened(house_at(data, None))
    store = key_store_of(house)
    stored = store.all()
    store.close()
    if as_json:
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "scopes": key.scopes,
                "models": key.models,
                "created": when(key.created_us),
                "revoked": when(key.revoked_us) if key.revoked_us else None,
            }
            for key in stored
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("ID", "NAME", "SCOPES", "CREATED", "STATE"),
        [
            (
                key.id,
                key.name,
                " ".join(key.scopes) or "data plane",
                when(key.created_us),
                "revoked" if key.revoked_us else "in force",
            )
            for key in stored
        ],
    )


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
@data_option
def revoke_key(key_id: str, data: Path) -> None:
    """Revoke a key by its id. Running workers refuse it within a second."""
    house = opened(house_at(data, None))
    store = key_store_of(house)
    try:
        key_case.revoke(store, key_id, now_us())
    except Refusal as refusal:
        raise Stop(refusal.message) from None
    finally:
        store.close()
    click.echo(f"Revoked {key_id}.")
