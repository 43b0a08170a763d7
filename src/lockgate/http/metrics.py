"""`GET /metrics`: what the scribe has counted, and what is looked up now, for Prometheus.

Any worker answers for all. Nothing is counted here: the numbers stand ready in the scribe's file. Reading that and the state of
the machine is done aside, so that no request waits for a scrape.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from lockgate import __version__
from lockgate.control.state import STANDINGS, State, read_state
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics import saved
from lockgate.stores.metrics.families import COUNTED, LIVE, Family
from lockgate.stores.metrics.names import Names
from lockgate.stores.metrics.saved import Shown, read_shown
from lockgate.stores.metrics.series import Labels, gauge, head
from lockgate.stores.metrics.tally import MODELS, PROVIDERS

TEXT = b"text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = b"application/openmetrics-text; version=1.0.0; charset=utf-8"


class Metrics:
    """The page. `data` is the data directory."""

    def __init__(self, data: Path) -> None:
        self._data = data

    async def page(self, accept: bytes) -> tuple[bytes, bytes]:
        """Content type and body, as the caller takes it."""
        openmetrics = wants_openmetrics(accept)
        body = await asyncio.to_thread(write_page, self._data, openmetrics=openmetrics)
        return OPENMETRICS if openmetrics else TEXT, body


def write_page(data: Path, *, openmetrics: bool) -> bytes:
    """The whole page."""
    shown = read_shown(data / saved.NAME)
    counted, at = shown if shown is not None else (Shown({}, {}, {}), None)
    parts: list[str] = []
    for family in COUNTED:
        parts += (head(family, openmetrics=openmetrics), counted.samples.get(family.name, ""))
    live = gauges(read_state(data), Names(MODELS, counted.models), Names(PROVIDERS, counted.providers))
    if at is not None:
        live[of.AGE] = {(): max(0.0, time.time() - at)}
    for family in LIVE:
        parts += (head(family, openmetrics=openmetrics), gauge(family, live.get(family, {})))
    if openmetrics:
        parts.append("# EOF\n")
    return "".join(parts).encode()


def gauges(state: State, models: Names, providers: Names) -> dict[Family, dict[Labels, float]]:
    """The gauges of a machine. Names that are no labels are "other", and so are the places whose own a provider is."""
    found: dict[Family, dict[Labels, float]] = {
        of.BUILD: {(__version__,): 1},
        of.WORKERS: {(): len(state.workers)},
        of.IN_FLIGHT: {(): sum(each.in_flight for each in state.workers)},
        of.SHARED: {(): state.shared},
        of.STALE: {(): sum(each.stale for each in state.workers)},
        of.MEMORY: {(): sum(each.memory_bytes for each in state.workers)},
        of.SPOOL: {(): state.spool_bytes},
        of.BACKLOG: {(): state.backlog_bytes},
        of.TARGET_IN_FLIGHT: {},
        of.QUOTA: {},
        of.CIRCUIT: {},
        of.PARKED: {},
    }
    busy, quota, circuits, parked = (found[each] for each in (of.TARGET_IN_FLIGHT, of.QUOTA, of.CIRCUIT, of.PARKED))
    for each in state.targets:
        labels = (providers.label(each.provider), models.label(each.model))
        busy[labels] = busy.get(labels, 0) + each.in_flight
        if each.quota is not None:
            quota[labels] = min(quota.get(labels, 1.0), each.quota)
    for each in state.circuits:
        labels = (providers.label(each.provider), models.label(each.model))
        circuits[labels] = max(circuits.get(labels, 0), STANDINGS.index(each.state))
    found |= {of.SINK_RECORDS: {}, of.SINK_RETRIES: {}, of.SINK_BACKLOG: {}, of.SINK_UP: {}}
    for each in state.sinks:
        for result, number in (("sent", each.sent), ("refused", each.refused), ("dropped", each.dropped)):
            found[of.SINK_RECORDS][each.name, result] = number
        found[of.SINK_RETRIES][each.name,] = each.retries
        found[of.SINK_BACKLOG][each.name,] = each.waiting_bytes
        found[of.SINK_UP][each.name,] = 0 if each.trouble else 1
    for each in state.parked:
        labels = (providers.label(each.provider), models.label(each.model), each.why)
        parked[labels] = max(parked.get(labels, 0), each.workers)
    return found


def wants_openmetrics(accept: bytes) -> bool:
    """Whether an Accept header likes OpenMetrics better than the text format (RFC 9110, 12.5.1)."""
    likes = {"openmetrics": 0.0, "text": 0.0}
    for each in accept.decode("latin-1").lower().split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        said = {name: value for name, _, value in (part.partition("=") for part in parameters)}
        try:
            quality = float(said.get("q", "1"))
        except ValueError:
            continue
        if kind == "application/openmetrics-text" and said.get("version", "1.0.0") == "1.0.0":
            likes["openmetrics"] = max(likes["openmetrics"], quality)
        elif kind in ("text/plain", "text/*", "*/*"):
            likes["text"] = max(likes["text"], quality)
    return likes["openmetrics"] > 0 and likes["openmetrics"] >= likes["text"]
