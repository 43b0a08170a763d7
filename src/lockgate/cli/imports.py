"""`lockgate import`: the configuration of another gateway, made into a lockgate.yaml."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lockgate.cli.desk import Stop
from lockgate.control.imports import litellm, portkey
from lockgate.control.imports.draft import Draft, write
from lockgate.control.imports.findings import Findings, report
from lockgate.control.imports.source import BadSource, Source, read
from lockgate.providers.table import TABLE

Convert = Callable[[Source, bool, Findings], Draft]


_FILE: click.Path = click.Path(dir_okay=False, path_type=Path)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every import."""
    for option in reversed(
        (
            click.argument("source", type=_FILE),
            click.option(
                "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="File to write  [default: stdout]"
            ),
            click.option("--force", is_flag=True, help="Overwrite the file if it exists."),
            click.option("--keep-secrets", is_flag=True, help="Copy keys in the clear instead of naming variables for them."),
            click.option(
                "--json", "as_json", is_flag=True, help="Print the findings as JSON; without --output, the file in it."
            ),
        )
    ):
        command = option(command)
    return command


@click.group("import")
def imports() -> None:
    """Make a lockgate.yaml of another gateway's configuration, with a report of what became of it."""


@imports.command("litellm")
@_options
def from_litellm(source: Path, **options: Any) -> None:
    """Import the config.yaml of LiteLLM's proxy."""
    _run("LiteLLM", litellm.convert, source, **options)


@imports.command("portkey")
@_options
@click.option("--provider", "providers", multiple=True, help="SLUG=NAME: which provider a virtual key is for; repeatable.")
def from_portkey(source: Path, providers: tuple[str, ...], **options: Any) -> None:
    """Import a conf.json, configs, or lists of virtual keys, providers and integrations of Portkey's."""
    known: dict[str, str] = {}
    for said in providers:
        slug, _, name = said.partition("=")
        if name not in TABLE:
            raise Stop(f"--provider {said}: give SLUG=NAME, with a name that `lockgate providers` lists.")
        known[slug] = name
    _run("Portkey", lambda tree, keep, findings: portkey.convert(tree, keep, findings, known), source, **options)


def _run(
    whose: str, convert: Convert, source: Path, *, output: Path | None, force: bool, keep_secrets: bool, as_json: bool
) -> None:
    if output is not None and output.exists() and not force:
        raise Stop(f"{output} exists; name another file, or --force to overwrite it.")
    findings = Findings()
    try:
        draft = convert(read(source), keep_secrets, findings)
    except BadSource as error:
        raise Stop(str(error)) from None
    found, variables = findings.all(), draft.variables()
    text = write(draft, f"Imported from {whose}'s {source.name}. `lockgate check` tells what is still missing.", found)
    if output is not None:
        _save(output, text, force)
    if as_json:
        told = {
            "source": str(source),
            "output": None if output is None else str(output),
            "variables": variables,
            "findings": [{"kind": finding.kind, "at": finding.at, "says": finding.says} for finding in found],
        }
        click.echo(json.dumps(told if output is not None else {**told, "config": text}, indent=2, ensure_ascii=False))
        return
    if output is None:
        click.echo(text, nl=False)
    for line in report(found):
        click.echo(line, err=True)
    click.echo(f"\nEnvironment variables that it needs: {', '.join(variables) or 'none'}.", err=True)
    if output is not None:
        click.echo(f"{output} is written. Next: lockgate check --config {output}", err=True)


def _save(path: Path, text: str, force: bool) -> None:
    """Write a file that only its owner can read, since it may hold keys; one that is there stays, unless by force."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Stop(f"{path} exists; name another file, or --force to overwrite it.") from None
    except OSError as error:
        raise Stop(f"{path} cannot be written: {error.strerror or error}") from None
