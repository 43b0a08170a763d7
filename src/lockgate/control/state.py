"""The gateway of this machine as it is now: workers, circuits, parked keys, targets. Read from the data directory, by anybody
who may read there: the workers need not be asked.

The admin API, `lockgate status` and `/metrics` show what this says.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec

from lockgate.stores import roster
from lockgate.stores.board_layout import Post, View, is_shared, look
from lockgate.stores.emptying import cursors
from lockgate.stores.ports import StoreError
from lockgate.stores.roster import Life, lives
from lockgate.stores.sinks import state as sinks
from lockgate.stores.sinks.state import read_states
from lockgate.stores.spool import segments

#: The circuit board's name in the data directory.
CIRCUITS = "circuits"

_Standing = Literal["closed", "open", "half-open"]
#: From well to worst.
STANDINGS: tuple[_Standing, ...] = ("closed", "half-open", "open")


class Circuit(msgspec.Struct, kw_only=True):
    """One target's circuit under one policy (a text; the same target may have several). `place` is the workspace whose own the
    provider is ("": everybody's). `since_s`: how long it has been so; `left_s`: how long no request passes, 0: one may."""

    place: str
    provider: str
    model: str
    policy: str
    state: _Standing
    since_s: float
    left_s: float


class Parked(msgspec.Struct, kw_only=True):
    """A key that is left alone, for one model or ("") for all, by so many workers, for so long at most."""

    place: str
    provider: str
    model: str
    why: str
    left_s: float
    workers: int


class Target(msgspec.Struct, kw_only=True):
    """A target as the workers know it: requests under way in all of them; the time to the answer's headers where it is longest;
    and the least that is left of its rate limits, from 0 to 1, None: nobody was told."""

    place: str
    provider: str
    model: str
    in_flight: int
    latency_s: float
    quota: float | None


class Worker(msgspec.Struct, kw_only=True):
    """One worker. `revision` is of the configuration that it lives in; `stale`: it cannot read what is stored; `dropped`:
    records that the spool had no room for; `stripped`: those that it took without bodies."""

    pid: int
    started_us: int
    in_flight: int
    served: int
    failed: int
    dropped: int
    stripped: int
    memory_bytes: int
    revision: str
    stale: bool
    draining: bool


class Sink(msgspec.Struct, kw_only=True):
    """One sink: where records go besides the log. Counts of records since ever (`stores.sinks.state`); `waiting_bytes` of
    the spool; `sent_us` is when it last took some, `trouble` why it does not since `trouble_us` ("": it does)."""

    name: str
    kind: str
    sent: int
    refused: int
    dropped: int
    retries: int
    waiting_bytes: int
    sent_us: int
    trouble: str
    trouble_us: int


class State(msgspec.Struct, kw_only=True):
    """All of it. `shared`: circuits are shared with other machines; `trouble`: why they are not, when they should be.
    `spool_bytes`: records on their way to the log; `backlog_bytes`: those of them that are not there yet."""

    workers: list[Worker]
    circuits: list[Circuit]
    parked: list[Parked]
    targets: list[Target]
    shared: bool
    trouble: str
    spool_bytes: int
    backlog_bytes: int
    sinks: list[Sink] = []

    @property
    def runs(self) -> bool:
        """Whether a gateway runs here."""
        return bool(self.workers)


def read_state(data: Path, now: float | None = None) -> State:
    """The state of a data directory; `now` by the clock of the workers, which is the machine's. It takes some milliseconds."""
    now = time.perf_counter() if now is None else now
    there = lives(data / roster.NAME, now)
    try:
        view = look(data / CIRCUITS) if there else View([], 0.0)  # what nobody lives by means nothing any more
    except StoreError:
        view = View([], 0.0)
    spool_bytes, backlog_bytes = _measure(data / "spool")
    return State(
        workers=[msgspec.convert(life, Worker, from_attributes=True) for life in there],
        circuits=sorted(
            (_circuit(name, post, now) for name, post in view.circuits),
            key=lambda each: (each.place, each.provider, each.model, each.policy),
        ),
        parked=_parked(there),
        targets=_targets(there),
        shared=is_shared(view.shared_until, now),
        trouble=next((life.trouble for life in there if life.trouble), ""),
        spool_bytes=spool_bytes,
        backlog_bytes=backlog_bytes,
        sinks=[_sink(name, each) for name, each in read_states(data).items()],
    )


def _sink(name: str, state: sinks.State) -> Sink:
    return Sink(
        name=name,
        kind=state.kind,
        sent=state.sent,
        refused=state.refused,
        dropped=state.dropped,
        retries=state.retries,
        waiting_bytes=state.backlog_bytes,
        sent_us=state.sent_us,
        trouble=state.trouble,
        trouble_us=state.trouble_us,
    )


def _circuit(name: str, post: Post, now: float) -> Circuit:
    provider, model, policy = (*name.split("\t"), "", "", "")[:3]
    place, _, slug = provider.rpartition("/")
    # A gate further away than any is set is damage, which no breaker heeds; the policy's cool-down is a day at most.
    left = abs(post.until) - now
    bars = post.until != 0.0 and 0 < left <= 2 * 86_400
    state = "closed" if post.until == 0.0 else "open" if post.until > 0 and bars else "half-open"
    since_s = max(0.0, now - post.since)
    return Circuit(
        place=place, provider=slug, model=model, policy=policy, state=state, since_s=since_s, left_s=left if bars else 0.0
    )


def _parked(there: list[Life]) -> list[Parked]:
    found: dict[tuple[str, str, str, str], Parked] = {}
    for life in there:
        for each in life.parked:
            key = (each.place, each.provider, each.model, each.why)
            known = found.get(key)
            if known is None:
                found[key] = Parked(
                    place=each.place, provider=each.provider, model=each.model, why=each.why, left_s=each.left_s, workers=1
                )
            else:
                known.workers += 1
                known.left_s = max(known.left_s, each.left_s)
    return [found[key] for key in sorted(found)]


def _targets(there: list[Life]) -> list[Target]:
    found: dict[tuple[str, str, str], Target] = {}
    for life in there:
        for each in life.pulses:
            key = (each.place, each.provider, each.model)
            known = found.get(key)
            if known is None:
                known = found[key] = Target(
                    place=each.place, provider=each.provider, model=each.model, in_flight=0, latency_s=0.0, quota=None
                )
            known.in_flight += each.in_flight
            known.latency_s = max(known.latency_s, each.latency_s)
            if each.quota is not None:
                known.quota = each.quota if known.quota is None else min(known.quota, each.quota)
    return [found[key] for key in sorted(found)]


def _measure(spool: Path) -> tuple[int, int]:
    """Bytes in the spool, and those that are not in the log yet."""
    total = backlog = 0
    kept = cursors(spool)
    for path in segments(spool):
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue  # deleted in this moment
        total += size
        backlog += max(0, size - kept.get(path.name, 0))
    return total, backlog
