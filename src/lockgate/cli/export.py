"""`lockgate export`: the log into a file, on the machine itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import click

from lockgate.cli.desk import Stop, config_option, data_option, log_of
from lockgate.control.exports.carry_out import rows_of
from lockgate.control.exports.columns import COLUMNS, USUAL
from lockgate.control.exports.job import Format
from lockgate.control.exports.writers import INSTALL, can_write, open_writer
from lockgate.control.logs import parse_filter
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ports import StoreError

#: Seconds between two words on how far it is.
_TELL_S = 5.0
_BATCH = 500
_FORMATS: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--columns", default="", help="What is told of each request, with commas  [default: all but bodies; `list` shows all]"
)
@click.option("--limit", "-n", default=0, type=click.IntRange(0), help="At most so many, the newest  [default: all]")
@click.option("--since", default="", help="From when on: 15m, 2h, 7d, or a date and time.")
@click.option("--until", default="", help="Until when, likewise.")
@click.option("--status", multiple=True, help="404, 5xx, 400-499 or >=400.")
@click.option("--outcome", multiple=True, help="ok, refused, failed, broken or client_left.")
@click.option("--model", multiple=True, help="A model, as asked, sent or served; * and ? stand for anything.")
@click.option("--provider", multiple=True, help="A provider's slug.")
@click.option("--key", multiple=True, help="A key, by id or name.")
@click.option("--user", multiple=True, help="Whose key it was.")
@click.option("--workspace", multiple=True, help="A workspace, by its id.")
@click.option("--trace", multiple=True, help="A trace id.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="A value of metadata; * and ? stand for anything.")
@click.option("--where", multiple=True, metavar="CONDITION", help="cost>=0.01, latency<2s, tokens=100..200, …")
@click.option("--text", default="", help="Words that stand in what was asked or answered.")
@config_option
@data_option
def export(file: Path, columns: str, limit: int, config_path: Path | None, data: Path, **meant: Any) -> None:
    """Write recorded requests into FILE, newest first: .jsonl, .csv or .parquet, as its name says.

    In a .csv, texts that a spreadsheet would take for formulas have a quote before them.
    """
    if columns == "list":
        click.echo("\n".join(COLUMNS))
        return
    format = _FORMATS.get(file.suffix.lower())
    if format is None:
        raise Stop(f"'{file.name}' does not say how to write it: end its name with {', '.join(_FORMATS)}.")
    if not can_write(format):
        raise Stop(INSTALL)
    names = tuple(name.strip() for name in columns.split(",")) if columns else USUAL
    if unknown := [name for name in names if name not in COLUMNS]:
        raise Stop(f"there is no column '{unknown[0]}'; `--columns list` shows which there are.")
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    store = log_of(data, config_path)
    try:
        wanted = parse_filter(now_us=now_us(), **cast("dict[str, Any]", meant))
        writer = open_writer(format, file, names)
        written, tell_at, batch = 0, time.monotonic() + _TELL_S, list[Any]()
        try:
            for row in rows_of(wanted, names, store, limit or None):
                batch.append(row)
                if len(batch) == _BATCH:
                    writer.write(batch)
                    written += len(batch)
                    batch.clear()
                    if time.monotonic() >= tell_at:
                        tell_at = time.monotonic() + _TELL_S
                        click.echo(f"{written} …", err=True)
            writer.write(batch)
        finally:
            writer.close()
    except (ValueError, StoreError, OSError) as error:
        raise Stop(str(error)) from None
    finally:
        store.close()
    click.echo(f"{written + len(batch)} requests in {file}", err=True)
