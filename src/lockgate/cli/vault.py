"""`lockgate vault` and `lockgate audit`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lockgate.cli.desk import Stop, columns, control_of, data_option, house_at, me, opened, when
from lockgate.control.kms.roots import VARIABLE
from lockgate.control.rotation import rotate_root
from lockgate.core.audit import BrokenChain, verify
from lockgate.core.tenancy import Tenant
from lockgate.pipeline.runtime import now_us


@click.group()
def vault() -> None:
    """Look after the key that stands behind all stored secrets."""


@vault.command("rotate")
@data_option
def rotate(data: Path) -> None:
    """Replace the root key, while the gateway runs. Call it again when it was stopped."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        done = rotate_root(house, store, me(), now_us())
    click.echo(f"The root key was replaced; {done} secrets were wrapped anew.")
    if house.environment.get(VARIABLE):
        click.echo(f"The old key may be taken out of {VARIABLE} now.")
    else:
        click.echo(f"Back up {house.data / 'root.secret'}: without it nothing that is stored can be read.")


@click.group()
def audit() -> None:
    """Read the audit log, and prove that it is whole."""


@audit.command("list")
@click.option("--limit", "-n", default=50, show_default=True, type=click.IntRange(1, 1_000_000), help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@data_option
def list_entries(limit: int, as_json: bool, data: Path) -> None:
    """Show what was changed, and by whom."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        entries = store.audit(Tenant(store.house().organisation), limit=limit)
    if as_json:
        for entry in entries:
            said = {"actor": entry.actor.name or entry.actor.id, "by": entry.actor.kind, "detail": entry.detail}
            what = {"action": entry.action, "resource_type": entry.resource_type, "resource_id": entry.resource_id}
            click.echo(json.dumps({"seq": entry.seq, "time": when(entry.time_us), **what, **said}))
        return
    columns(
        ("SEQ", "TIME", "WHO", "WHAT", "WHICH"),
        [
            (
                str(entry.seq),
                when(entry.time_us),
                entry.actor.name or entry.actor.id or entry.actor.kind,
                f"{entry.action} {entry.resource_type}",
                entry.resource_id,
            )
            for entry in entries
        ],
    )


@audit.command("verify")
@data_option
def verify_log(data: Path) -> None:
    """Follow the chain from the first entry to the last. Keep what it prints elsewhere: entries that are cut off its end later
    show by it alone."""
    house = opened(house_at(data, None))
    with control_of(house) as store:
        try:
            seq, head = verify(store.audit_key, store.chain())
        except BrokenChain as broken:
            raise Stop(str(broken)) from None
    click.echo(f"{seq} entries, head {head.hex()}")
