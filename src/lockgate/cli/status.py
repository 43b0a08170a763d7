"""`lockgate status`."""

from __future__ import annotations

from pathlib import Path

import click

from lockgate.cli.desk import Stop, columns, data_option, when
from lockgate.control.state import State, read_state
from lockgate.core.json import encode


@click.command()
@click.option("--all", "-a", "every", is_flag=True, help="Also circuits that are closed.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@data_option
def status(every: bool, as_json: bool, data: Path) -> None:
    """Show what the gateway of this machine is doing: workers, circuits, parked keys, targets. Status 1 when none runs."""
    if not data.is_dir():
        raise Stop(f"there is no data directory at {data}; name it with --data.")
    try:
        state = read_state(data)
    except OSError as error:
        raise Stop(f"{data} cannot be read: {error.strerror}") from None
    if as_json:
        click.echo(encode(state).decode())
    else:
        _show(state, every)
    if not state.runs:
        raise click.exceptions.Exit(1)


def _show(state: State, every: bool) -> None:
    if not state.runs:
        click.echo("No gateway runs here.")
    else:
        _show_workers(state)
    click.echo(f"\nspool  {_size(state.spool_bytes)}, of which {_size(state.backlog_bytes)} are not in the log yet")
    if state.sinks:
        click.echo("\nsinks")
        rows = [
            (
                each.name,
                each.kind,
                str(each.sent),
                str(each.refused),
                str(each.dropped),
                _size(each.waiting_bytes),
                when(each.sent_us) if each.sent_us else "-",
                each.trouble or "-",
            )
            for each in state.sinks
        ]
        columns(("SINK", "KIND", "SENT", "REFUSED", "DROPPED", "WAITING", "LAST (UTC)", "TROUBLE"), rows)
    circuits = [each for each in state.circuits if every or each.state != "closed"]
    closed = len(state.circuits) - len(circuits)
    where = "shared with other machines" if state.shared else "of this machine"
    click.echo(
        f"\ncircuits {where}{f' ({state.trouble})' if state.trouble else ''}: {len(circuits)} shown, {closed} more closed"
    )
    if circuits:
        rows = [
            (_target(each.place, each.provider, each.model), each.state, _time(each.since_s), _time(each.left_s), each.policy)
            for each in circuits
        ]
        columns(("TARGET", "STATE", "SINCE", "FOR", "POLICY"), rows)
    if state.parked:
        click.echo("\nparked keys")
        rows = [
            (_target(each.place, each.provider, each.model or "*"), _time(each.left_s), str(each.workers), each.why)
            for each in state.parked
        ]
        columns(("TARGET", "FOR", "WORKERS", "WHY"), rows)
    if state.targets:
        click.echo("\ntargets")
        rows = [
            (
                _target(each.place, each.provider, each.model),
                str(each.in_flight),
                _time(each.latency_s),
                "-" if each.quota is None else f"{each.quota:.0%}",
            )
            for each in state.targets
        ]
        columns(("TARGET", "IN FLIGHT", "LATENCY", "QUOTA LEFT"), rows)


def _show_workers(state: State) -> None:
    rows = [
        (
            str(each.pid),
            when(each.started_us),
            str(each.in_flight),
            str(each.served),
            str(each.failed),
            _size(each.memory_bytes),
            each.revision,
            ", ".join(word for word, said in (("stale", each.stale), ("draining", each.draining)) if said),
        )
        for each in state.workers
    ]
    columns(("WORKER", "SINCE (UTC)", "IN FLIGHT", "SERVED", "FAILED", "MEMORY", "CONFIGURATION", ""), rows)


def _target(place: str, provider: str, model: str) -> str:
    return f"@{provider}/{model}" + (f" in {place}" if place else "")


def _time(seconds: float) -> str:
    if seconds <= 0:
        return "-"
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
