"""`lockgate check` and `lockgate schema`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from lockgate.cli.desk import CONFIG, config_option
from lockgate.control.compile import compile_snapshot
from lockgate.control.config import BadConfig, read_file, schema
from lockgate.http.routes import SCOPES


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print mistakes as JSON.")
def check(config_path: Path | None, as_json: bool) -> None:
    """Check a configuration: every mistake, with its path."""
    path = config_path or Path(CONFIG)
    try:
        snapshot = compile_snapshot(read_file(path), environment=os.environ, pepper=b"check", scopes=SCOPES)
    except BadConfig as bad:
        if as_json:
            click.echo(json.dumps([{"path": mistake.path, "message": mistake.message} for mistake in bad.mistakes], indent=2))
        else:
            for mistake in bad.mistakes:
                click.echo(f"{path}: {mistake}", err=True)
        sys.exit(1)
    if as_json:
        click.echo("[]")
    else:
        providers = ", ".join(f"@{slug}" for slug in sorted(snapshot.providers))
        click.echo(f"{path} is good. Providers: {providers}. Keys: {len(snapshot.keys)}. Configs: {len(snapshot.routes)}.")


@click.command("schema")
@click.option("--route", is_flag=True, help="Of one config, as it stands in a header, in the API or in a file of its own.")
def print_schema(route: bool) -> None:
    """Print the JSON Schema of lockgate.yaml, for editors."""
    click.echo(json.dumps(schema(route=route), indent=2))
