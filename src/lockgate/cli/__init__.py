"""The `lockgate` command."""

from __future__ import annotations

import logging
import os
import sys

import click

from lockgate import __version__
from lockgate.cli.alerts import alerts
from lockgate.cli.backtest import backtest
from lockgate.cli.config import check, print_schema
from lockgate.cli.explain import explain
from lockgate.cli.imports import imports
from lockgate.cli.keys import keys
from lockgate.cli.lists import models
from lockgate.cli.logs import logs
from lockgate.cli.prices import prices
from lockgate.cli.providers import providers
from lockgate.cli.serve import serve
from lockgate.cli.status import status
from lockgate.cli.users import users
from lockgate.cli.vault import audit, vault
from lockgate.cli.workspaces import workspaces


def main() -> None:
    """The entry point."""
    try:
        cli.main(prog_name="lockgate", standalone_mode=True)
    except BrokenPipeError:  # `lockgate logs | head`
        os._exit(0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lockgate", message="%(prog)s %(version)s")
def cli() -> None:
    """Lockgate: one self-hosted API in front of every LLM provider."""
    logging.basicConfig(
        level=os.environ.get("LOCKGATE_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


for command in (
    serve,
    status,
    check,
    print_schema,
    providers,
    models,
    prices,
    logs,
    explain,
    backtest,
    alerts,
    keys,
    users,
    workspaces,
    imports,
    vault,
    audit,
):
    cli.add_command(command)
