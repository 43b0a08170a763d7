"""How far a walk through the log is, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click


def progress() -> tuple[Callable[[int], None], Callable[[], None]]:
    """What shows how many records were read, and what takes that away; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return lambda count: None, lambda: None
    start = time.monotonic()

    def show(count: int) -> None:
        rate = count / max(0.001, time.monotonic() - start)
        click.echo(f"\r{count:,} records, {rate:,.0f} a second", err=True, nl=False)

    return show, lambda: click.echo("\r\x1b[K", err=True, nl=False)
