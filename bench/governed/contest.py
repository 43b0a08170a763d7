"""One run: rivals are started, then measured in turn, round after round, so that a noisy minute hurts them all alike."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.driver import written
from bench.governed.process import Tree
from bench.governed.rivals import Launch, Missing, Rival, Site
from bench.governed.workloads import JSON, WORKLOADS, Workload

SETTLE_S = 0.7  # after the load: work that a gateway put off (its log) still counts


@dataclass(frozen=True)
class Plan:
    """How long and how often: rounds, the seconds of each load in one round, and how much of each rival's warming up."""

    rounds: int
    seconds: float
    calm_seconds: float
    warmth: float


FULL = Plan(rounds=5, seconds=4.0, calm_seconds=1.5, warmth=1.0)
QUICK = Plan(rounds=2, seconds=1.5, calm_seconds=0.7, warmth=0.2)


@dataclass(frozen=True)
class Sample:
    """One load on one rival: CPU µs per unit, latencies in ms, answers per second."""

    cpu_us: float
    first_p50_ms: float
    whole_p50_ms: float
    whole_p99_ms: float
    rate: float


@dataclass
class Entry:
    """A rival in the run, and what is known of it. Samples are by load ("json", "json calm": one connection) and round."""

    rival: Rival
    launch: Launch
    port: int
    tree: Tree | None
    start_s: list[float] = field(default_factory=list)
    samples: dict[str, dict[int, Sample]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    rss_before: list[tuple[str, float]] = field(default_factory=list)
    rss_loaded: list[tuple[str, float]] = field(default_factory=list)
    rss_after: list[tuple[str, float]] = field(default_factory=list)

    def workloads(self) -> list[Workload]:
        """What it is asked."""
        return [workload for workload in WORKLOADS if self.rival.translates or not workload.foreign]


@dataclass
class Outcome:
    """All entries in order, why others are not among them, and the plan they were measured by."""

    plan: Plan
    entries: list[Entry]
    missing: dict[str, str]
    pinned: bool


class Contest:
    """Starts, measures and ends the rivals. The upstream and the load have one core, the rivals the other."""

    def __init__(self, plan: Plan, site: Callable[[int, int, Path], Site], say: Callable[[str], None]) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self._ours = {cores[0]} if len(cores) > 1 else None
        self._theirs = {cores[1]} if len(cores) > 1 else None
        self._plan = plan
        self._site = site
        self._say = say

    def run(self, rivals: list[Rival]) -> Outcome:
        """The whole contest."""
        outcome = Outcome(self._plan, [], {}, pinned=self._ours is not None)
        with tempfile.TemporaryDirectory(prefix="lockgate-bench-", ignore_cleanup_errors=True) as scratch:
            root = Path(scratch)
            port = _free_port()
            upstream = Tree([sys.executable, "-m", "bench.upstream", "--port", str(port)], root / "upstream.log", self._ours)
            trees = [upstream]
            try:
                _first_answer(port, _request(JSON, Launch([], "")), upstream, 10)
                for rival in rivals:
                    entry = self._entered(rival, root, port, outcome.missing)
                    if entry is not None:
                        outcome.entries.append(entry)
                        trees += [entry.tree] if entry.tree else []
                self._measure(outcome.entries, root)
            finally:
                for tree in trees:
                    tree.stop()
        return outcome

    def _entered(self, rival: Rival, root: Path, upstream: int, missing: dict[str, str]) -> Entry | None:
        """The rival, started and answering; None when it cannot take part."""
        directory = root / rival.name
        directory.mkdir()
        port = _free_port() if rival.name != "direct" else upstream
        try:
            self._say(f"{rival.name}: preparing")
            entry = Entry(rival, rival.prepare(self._site(upstream, port, directory)), port, None)
            for left in range(rival.starts, 0, -1) if entry.launch.command else ():
                entry.start_s.append(self._start(entry, directory / "log"))
                if left > 1 and entry.tree:
                    entry.tree.stop()
        except Missing as why:
            missing[rival.name] = str(why)
            self._say(f"{rival.name}: missing: {why}")
            return None
        for workload in entry.workloads():
            if not workload.like:
                self._try(entry, workload, root)
            elif workload.like in entry.faults:
                entry.faults[workload.name] = entry.faults[workload.like]
        if "json" in entry.faults and "stream" in entry.faults:
            missing[rival.name] = f"it does not answer: {entry.faults['json']}"
            self._say(f"{rival.name}: {missing[rival.name]}")
            if entry.tree:
                entry.tree.stop()
            return None
        return entry

    def _start(self, entry: Entry, log: Path) -> float:
        """Start it; seconds until its first good answer."""
        started = time.perf_counter()
        entry.tree = Tree(entry.launch.command, log, self._theirs, entry.launch.env)
        try:
            _first_answer(entry.port, _request(JSON, entry.launch), entry.tree, entry.rival.start_patience_s)
        except TimeoutError as error:
            words = entry.tree.last_words()
            entry.tree.stop()
            raise Missing(f"it did not answer: {error}; its last words: {words}") from None
        return time.perf_counter() - started

    def _try(self, entry: Entry, workload: Workload, root: Path) -> None:
        """See that a workload is answered as it should be, and warm everything up: compilers in it, pools, caches."""
        report = self._load(entry, workload, root, 8, entry.rival.warm_s * self._plan.warmth)
        if report["wrong"] or not report["answers"]:
            entry.faults[workload.name] = " ".join(report["example"].split())[-160:] or "no answer"
            self._say(f"{entry.rival.name}: {workload.name} fails: {entry.faults[workload.name]}")

    def _measure(self, entries: list[Entry], root: Path) -> None:
        plan = self._plan
        time.sleep(SETTLE_S)
        for entry in entries:
            entry.rss_before = entry.tree.rss_mb() if entry.tree else []
        for number in range(plan.rounds):
            for workload in WORKLOADS:
                for entry in entries:
                    if workload in entry.workloads() and workload.name not in entry.faults:
                        many = entry.rival.streams if workload.stream else entry.rival.connections
                        self._sample(number, entry, workload, root, many)
                        if not workload.like:
                            self._sample(number, entry, workload, root, 1)
            self._say(f"round {number + 1} of {plan.rounds} done")
        time.sleep(5 * SETTLE_S)
        for entry in entries:
            entry.rss_after = entry.tree.rss_mb() if entry.tree else []

    def _sample(self, number: int, entry: Entry, workload: Workload, root: Path, connections: int) -> None:
        """Load it and note what that took, as round `number`."""
        calm = connections == 1
        load = f"{workload.name} calm" if calm else workload.name
        seconds = self._plan.calm_seconds if calm else self._plan.seconds
        before = entry.tree.cpu_s() if entry.tree else 0.0
        started = time.perf_counter()
        report = self._load(entry, workload, root, connections, seconds, watch=not calm)
        took = time.perf_counter() - started
        time.sleep(SETTLE_S)
        spent = (entry.tree.cpu_s() if entry.tree else 0.0) - before
        if report["wrong"] or not report["answers"]:
            entry.faults[load] = f"{report['wrong']} wrong answers: {' '.join(report['example'].split())[-160:]}"
            self._say(f"{entry.rival.name}: {load}: {entry.faults[load]}")
            return
        units = report["answers"] * workload.units
        whole, first = report["whole_ms"], report["first_ms"]
        sample = Sample(1e6 * spent / units, first["p50"], whole["p50"], whole["p99"], report["answers"] / took)
        entry.samples.setdefault(load, {})[number] = sample

    def _load(
        self, entry: Entry, workload: Workload, root: Path, connections: int, seconds: float, *, watch: bool = False
    ) -> dict[str, Any]:
        """Drive one load; with `watch`, memory is read near its end. Gives the driver's report."""
        body = root / f"{entry.rival.name}-{workload.name}.json"
        body.write_bytes(workload.body(entry.launch.model))
        command = [sys.executable, "-m", "bench.driver", "--port", str(entry.port), "--path", workload.path]
        command += ["--body", str(body), "--ends", workload.ends]
        command += ["--connections", str(connections), "--seconds", str(seconds)]
        headers = entry.launch.headers + (entry.launch.foreign_headers if workload.foreign else [])
        command += [word for header in headers for word in ("--header", header)]
        ours = self._ours

        def pin() -> None:
            if ours:
                os.sched_setaffinity(0, ours)

        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin) as driver:
            if watch and entry.tree:
                time.sleep(seconds)  # the driver needs some time to start, so the load still runs
                loaded = entry.tree.rss_mb()
                if sum(size for _, size in loaded) > sum(size for _, size in entry.rss_loaded):
                    entry.rss_loaded = loaded
            out, _ = driver.communicate()
        if driver.returncode:
            return {"answers": 0, "wrong": 1, "example": "the load driver could not connect"}
        return json.loads(out)


def _request(workload: Workload, launch: Launch) -> bytes:
    return written(workload.path, [*launch.headers, "connection: close"], workload.body(launch.model))


def _first_answer(port: int, request: bytes, tree: Tree, patience_s: float) -> None:
    """Ask until there is an answer with status 200; raises `TimeoutError` with what was seen instead."""
    end = time.perf_counter() + patience_s
    seen = "nothing listens"
    while time.perf_counter() < end and tree.alive():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(request)
                answer = connection.recv(65536)
        except OSError:
            time.sleep(0.002)
            continue
        if answer.startswith(b"HTTP/1.1 200"):
            return
        seen = f"it says {answer[:200].decode('latin-1', 'replace')!r}"
        time.sleep(0.02)
    raise TimeoutError(seen if tree.alive() else "it ended")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
