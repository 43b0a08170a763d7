"""`lockgate trace`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from lockgate.cli.desk import Stop, config_option, data_option, log_of
from lockgate.control.logs_view import printable
from lockgate.control.search import SPANS, Search
from lockgate.control.traces import Span, Tree, tree_of
from lockgate.core.record import Record
from lockgate.stores.logs.ports import Filter
from lockgate.stores.ports import StoreError


@click.command()
@click.argument("trace_id", metavar="ID")
@config_option
@data_option
def trace(trace_id: str, config_path: Path | None, data: Path) -> None:
    """Show a trace: what was asked within it, under what began it, with times, tokens and costs."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    store = log_of(data, config_path)
    try:
        records = Search(data, store).trace(Filter(traces=(trace_id,)))
    except StoreError as error:
        raise Stop(str(error)) from None
    finally:
        store.close()
    if not records:
        raise Stop(f"no request is recorded of the trace '{trace_id}'.")
    tree = tree_of(records)
    click.echo(_summary(tree))
    for line in _lines(tree.roots, tree.since_us):
        click.echo(line)
    if len(records) >= SPANS:
        click.echo(f"There is more: these are the newest {SPANS}.")


def _summary(tree: Tree) -> str:
    parts = [
        f"{tree.spans} requests",
        _seconds(tree.until_us - tree.since_us),
        f"{tree.input} tokens in, {tree.output} out",
        _dollars(tree.cost_nusd),
        f"{tree.unpriced} of unknown cost" if tree.unpriced else "",
        f"{tree.errors} errors" if tree.errors else "",
    ]
    return ", ".join(part for part in parts if part)


def _lines(spans: list[Span], since_us: int) -> Iterator[str]:
    """A line a span, those that it began indented below it; without recursion, since a trace may be deep."""
    waiting = [(span, 0) for span in reversed(spans)]
    while waiting:
        span, depth = waiting.pop()
        record = span.record
        name = (
            record.span_name or f"{record.operation} {record.model_served or record.model_sent or record.model_asked}".strip()
        )
        start, took = _seconds(record.time_us - since_us), _seconds(record.latency_us)
        yield f"+{start:>8}  {took:>8}  {'  ' * depth}{printable(name)}  {_result(record)}  {record.id}"
        waiting += [(child, depth + 1) for child in reversed(span.children)]


def _result(record: Record) -> str:
    if record.outcome != "ok":
        return printable(f"{record.outcome} {record.status} {record.error_code}".rstrip())
    return _dollars(record.cost_nusd) if record.cost_nusd is not None else "?" if record.usage is not None else "ok"


def _seconds(us: int) -> str:
    return f"{us / 1e6:.3f}s"


def _dollars(nusd: int) -> str:
    return f"${nusd / 1e9:.6f}"
