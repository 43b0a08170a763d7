"""The request log under faults: a real gateway answers callers while its processes are killed, or while its log stands still.
Then every answer that a caller got whole must be on record once, as it was, and all ways to ask the log must agree.

    python -m bench.log_faults [--kills 100] [--workers 2] [--connections 8] [--seed 1] [--json]
    python -m bench.log_faults --stall 600 [--by stop|lock] [--spool-bytes 50000000] [--json]

Killed (kill -9), at random moments and never at rest: a worker, the scribe, or all processes of the house at once, which is
then started again. Stalled: the scribe is stopped (SIGSTOP), or the log's files are locked by somebody else.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import secrets
import signal
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.callers import Answer, Callers
from bench.governed.process import Tree
from bench.log_check import Findings, check

from lockgate.control.state import read_state

PATIENCE_S = 60.0
#: Between two kills, in seconds; and what is killed, how often.
PAUSE_S = (0.1, 1.2)
VICTIMS = {"worker": 5, "scribe": 3, "house": 2}
#: How long the traffic before and after a stall is looked at, at most.
CALM_S = 60.0


def until(truth: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What comes true before long. Raises `TimeoutError`."""
    end = time.monotonic() + patience_s
    while not (found := truth()):
        if time.monotonic() > end:
            raise TimeoutError("it does not come true")
        time.sleep(0.01)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """A gateway in `folder` in front of an upstream of its own on loopback; a sink of JSON lines besides the log."""

    def __init__(self, folder: Path, workers: int, spool_bytes: int) -> None:
        self.data, self.sink, self.said = folder / "data", folder / "sink", folder / "serve.log"
        self.port, self.workers, self.starts = free_port(), workers, 0
        self.key = f"lg-{secrets.token_hex(24)}"
        self._config = folder / "lockgate.yaml"
        upstream = free_port()
        self._upstream = Tree([sys.executable, "-m", "bench.upstream", "--port", str(upstream)], folder / "upstream.log", None)
        self._config.write_text(
            f"providers: {{up: {{provider: openai, api_key: sk-up, base_url: 'http://127.0.0.1:{upstream}/v1'}}}}\n"
            f"egress: {{allow: [127.0.0.0/8]}}\n"
            f"log: {{spool_bytes: {spool_bytes}}}\n"
            f"sinks: {{lines: {{type: jsonl, directory: '{self.sink}', compression: none, privacy: full}}}}\n"
        )
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.starts += 1
        command = [sys.executable, "-m", "lockgate", "serve", "--port", str(self.port), "--workers", str(self.workers)]
        command += ["--config", str(self._config), "--data", str(self.data)]
        self.tree = Tree(command, self.said, None, env={"LOCKGATE_ADMIN_KEY": self.key})
        until(self._answers)

    def _answers(self) -> bool:
        if not self.tree.alive():
            raise ChildProcessError(self.tree.last_words())
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
            return answer.status == 200
        return False

    def children(self, name: str) -> list[int]:
        """The workers, or the scribe: a worker has sockets, and has said that it lives."""
        found: list[int] = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                state, parent = path.read_text().rsplit(") ", 1)[1].split()[:2]
                if int(parent) != self.tree.pid or state == "Z":
                    continue
                files = [os.readlink(each) for each in (path.parent / "fd").iterdir()]
                if (name == "worker") is any(file.startswith("socket:") for file in files):
                    found.append(int(path.parent.name))
        return found

    def kill(self, victim: str, draw: random.Random) -> None:
        """kill -9 one process, or all of them at once."""
        if victim == "house":
            os.killpg(self.tree.pid, signal.SIGKILL)
            self.tree.wait()
            self.start()
        else:
            with suppress(ProcessLookupError):
                os.kill(draw.choice(until(lambda: self.children(victim))), signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator does: the log has all that there is."""
        self.tree.stop(PATIENCE_S)
        self._upstream.stop()

    def metrics(self) -> dict[str, float]:
        """What `/metrics` says, without labels."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics")
        request.add_header("authorization", f"Bearer {self.key}")
        with urllib.request.urlopen(request, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, _, value in (line.partition(" ") for line in lines) if re.fullmatch(r"\w+", name)}


# --- kills


def race(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Kill so often; what came of it."""
    draw = random.Random(args.seed)
    house = House(folder, args.workers, args.spool_bytes)
    callers = _callers(args, house)
    killed: Counter[str] = Counter()
    began = time.monotonic()
    try:
        callers.start()
        for number in range(args.kills):
            # The first ones are one of each; later ones by chance.
            victim = [*VICTIMS][number] if number < len(VICTIMS) else draw.choices([*VICTIMS], [*VICTIMS.values()])[0]
            enough = len(callers.answers) + 5
            until(lambda enough=enough: len(callers.answers) >= enough)
            time.sleep(draw.uniform(*PAUSE_S))
            house.kill(victim, draw)
            killed[victim] += 1
        enough = len(callers.answers) + 20
        until(lambda: len(callers.answers) >= enough)
    finally:
        callers.stop()
        house.stop()
    found = check(house.data, callers.answers, callers.broken, house.sink, house.said)
    seconds = time.monotonic() - began
    statuses = Counter(answer.status for answer in callers.answers)
    told = {"kills": sum(killed.values()), "killed": dict(killed), "starts": house.starts, "seconds": round(seconds, 1)}
    return {**told, "statuses": dict(statuses), **_as_dict(found), "wrong": found.wrong()}


# --- a log that stands still


@contextmanager
def stalled(house: House, by: str) -> Iterator[None]:
    """The log takes nothing: its process is stopped, or its files are locked."""
    if by == "stop":
        (scribe,) = until(lambda: house.children("scribe"))
        os.kill(scribe, signal.SIGSTOP)
        yield
        os.kill(scribe, signal.SIGCONT)
        return
    locks = [
        sqlite3.connect(path, isolation_level=None, timeout=30)
        for path in [*(house.data / "log").glob("*.db"), house.data / "log" / "feedback.sqlite"]
    ]
    for lock in locks:
        lock.execute("BEGIN IMMEDIATE")
    yield
    for lock in locks:
        lock.execute("ROLLBACK")
        lock.close()


def stall(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Traffic before, while the log stands still, and after; what came of it."""
    house = House(folder, args.workers, args.spool_bytes)
    callers = _callers(args, house)
    calm_s = min(CALM_S, args.stall)
    spans: list[tuple[str, float, float]] = []
    memory: dict[str, list[float]] = {}
    waiting: dict[str, int] = {}  # bytes that the log has not read, at most

    def watch(name: str, seconds: float) -> None:
        begun, sizes = time.monotonic(), memory.setdefault(name, [])
        while time.monotonic() < begun + seconds:
            time.sleep(min(1.0, seconds / 10))
            state = read_state(house.data)
            sizes.append(max((each.memory_bytes for each in state.workers), default=0) / 1e6)
            waiting[name] = max(waiting.get(name, 0), state.backlog_bytes)
        spans.append((name, begun, time.monotonic()))

    try:
        callers.start()
        until(lambda: len(callers.answers) > 100)
        watch("before", calm_s)
        with stalled(house, args.by):
            watch("during", args.stall)
            most = read_state(house.data)
        resumed = time.monotonic()
        caught_up = max(waiting["before"], most.backlog_bytes // 100)
        until(lambda: read_state(house.data).backlog_bytes <= caught_up, 600.0)
        recovered = time.monotonic() - resumed
        watch("after", calm_s)
        callers.stop()
        time.sleep(3.0)  # workers say once a second what they have left out, and the scribe writes it down as often
        numbers = house.metrics()
    finally:
        callers.stop()
        house.stop()
    found = check(house.data, callers.answers, callers.broken, house.sink, house.said)
    dropped, stripped = (int(numbers.get(f"lockgate_records_{what}_total", 0)) for what in ("dropped", "stripped"))
    told = {name: _latency(callers.answers, begun, ended) | {"rss_mb": _sizes(memory[name])} for name, begun, ended in spans}
    # What was left out, and nothing else, is missing; and each one of it is told.
    wrong = found.wrong("bodiless", "missing", "uncounted")
    wrong += ["dropped"] if dropped != found.missing else []
    wrong += ["stripped"] if stripped != found.bodiless else []
    return {
        "stall_s": args.stall,
        "by": args.by,
        **told,
        "spool_mb": round(most.spool_bytes / 1e6, 1),
        "recovered_s": round(recovered, 1),
        "dropped": dropped,
        "stripped": stripped,
        **_as_dict(found),
        "wrong": wrong,
    }


def _callers(args: argparse.Namespace, house: House) -> Callers:
    headers = {"authorization": f"Bearer {house.key}"}
    return Callers(house.port, headers, connections=args.connections, pause_s=args.pause, padding=args.padding, seed=args.seed)


def _latency(answers: Sequence[Answer], begun: float, ended: float) -> dict[str, Any]:
    ms = sorted(answer.seconds * 1000 for answer in answers if begun <= answer.at < ended)
    if len(ms) < 2:
        return {"requests": len(ms)}
    cuts = statistics.quantiles(ms, n=1000)
    names = {"p50_ms": cuts[499], "p99_ms": cuts[989], "most_ms": ms[-1]}
    return {"requests": len(ms), "a_second": round(len(ms) / (ended - begun), 1), **{k: round(v, 2) for k, v in names.items()}}


def _sizes(sizes: Sequence[float]) -> list[float]:
    """At first, at most, at last."""
    return [round(each, 1) for each in (sizes[0], max(sizes), sizes[-1])] if sizes else []


def _as_dict(found: Findings) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = ["| | |", "| --- | ---: |"]
    for name, value in result.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        lines.append(f"| {name.replace('_', ' ')} | {shown if shown != [] else 'nothing'} |")
    return "\n".join(lines)


def main() -> int:
    """The command; 1 when something is missing, doubled or does not agree."""
    parser = argparse.ArgumentParser(
        "bench.log_faults", description="The request log while processes are killed or stand still."
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between two requests of a connection")
    parser.add_argument("--padding", type=int, default=300, help="bytes of each turn of a conversation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spool-bytes", type=int, default=2 * 1024**3, help="log.spool_bytes")
    parser.add_argument(
        "--stall", type=float, default=0.0, metavar="SECONDS", help="instead of kills: so long the log stands still"
    )
    parser.add_argument("--by", choices=("stop", "lock"), default="stop", help="the scribe is stopped, or its files are locked")
    parser.add_argument("--json", action="store_true", help="one line of JSON, and no table")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with it
    with tempfile.TemporaryDirectory() as folder:
        result = stall(args, Path(folder)) if args.stall else race(args, Path(folder))
    print(json.dumps(result) if args.json else table(result), flush=True)
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
