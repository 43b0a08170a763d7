"""The `lockgate` command."""

from __future__ import annotations

import gc
import os
from importlib import import_module

import click

from lockgate import __version__
from lockgate.core.process_log import speak

#: Command → the module that it is in, and its name there.
_COMMANDS = {
    "serve": ("serve", "serve"),
    "status": ("status", "status"),
    "check": ("config", "check"),
    "schema": ("config", "print_schema"),
    "providers": ("providers", "providers"),
    "models": ("lists", "models"),
    "prices": ("prices", "prices"),
    "logs": ("logs", "logs"),
    "trace": ("trace", "trace"),
    "export": ("export", "export"),
    "spend": ("spend", "spend"),
    "reprice": ("reprice", "reprice"),
    "replay": ("replay", "replay"),
    "explain": ("explain", "explain"),
    "backtest": ("backtest", "backtest"),
    "alerts": ("alerts", "alerts"),
    "cache": ("cache", "cache"),
    "keys": ("keys", "keys"),
    "users": ("users", "users"),
    "workspaces": ("workspaces", "workspaces"),
    "import": ("imports", "imports"),
    "vault": ("vault", "vault"),
    "audit": ("vault", "audit"),
}


class Commands(click.Group):
    """The commands, each imported when it is asked for: what one needs is no other's start, and no memory of a gateway that
    runs for weeks."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group`."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group`."""
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        # Modules stay. The collector would meanwhile walk through all of them again and again (an eighth of the time).
        gc.disable()
        try:
            command: click.Command = getattr(import_module(f"lockgate.cli.{module}"), name)
        finally:
            gc.freeze()
            gc.enable()
        return command


def main() -> None:
    """The entry point."""
    try:
        cli.main(prog_name="lockgate", standalone_mode=True)
    except BrokenPipeError:  # `lockgate logs | head`
        os._exit(0)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lockgate", message="%(prog)s %(version)s")
def cli() -> None:
    """Lockgate: one self-hosted API in front of every LLM provider."""
    speak()
