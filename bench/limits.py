"""What rate limits cost and how exact they are: `python -m bench.limits [--redis URL]`.

First the hot path, in microseconds of one thread, the reading of the clock included (the best of many rounds). Counting in
memory of one's own is also the least that permits leased to each worker could cost. Then a race: workers that do nothing but
ask, on one machine and, with a Redis to share, on three; told is how much of the limit they were granted, and by how much the
worst of all intervals was above it, which must be nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from time import monotonic_ns, perf_counter

from lockgate.policy.limiter import Limiter
from lockgate.policy.limits import UNITS, Grant, Limit, headers
from lockgate.stores.limits.cluster import ClusterLimits
from lockgate.stores.limits.local import LocalLimits, now_us
from lockgate.stores.limits.redis import RedisCounter
from lockgate.stores.limits.table import SharedTable, Table

ROUNDS, TIMES = 200, 500
WORKERS, SECONDS = 4, 3.0
REQUESTS = [Limit(scope, "one", "requests", 10**6, UNITS["rps"]) for scope in ("key", "workspace", "provider")]
TOKENS = Limit("key", "one", "tokens", 10**9, UNITS["rps"])
AT_ONCE = Limit("key", "one", "concurrent", 100)
RACE = Limit("key", "race", "requests", 2000, UNITS["rps"])


def best_us(work: Callable[[], object]) -> float:
    """The best round of a piece of work."""
    least = float("inf")
    for _ in range(ROUNDS):
        begin = perf_counter()
        for _ in range(TIMES):
            work()
        least = min(least, perf_counter() - begin)
    return least / TIMES * 1e6


def tell(what: str, us: float) -> None:
    """One line."""
    print(f"{what:<58} {us:6.2f} µs")


def hot_path(name: str, limits: Limiter) -> None:
    """What a request pays."""

    def reserve() -> None:
        grant = limits.take((TOKENS,), now_us(), 1000)
        assert isinstance(grant, Grant)
        limits.settle(grant, now_us(), 100)

    def hold() -> None:
        grant = limits.take((AT_ONCE,), now_us())
        assert isinstance(grant, Grant)
        limits.settle(grant, now_us())

    for number in (1, 3):
        tell(f"{name}: {number} limits of requests", best_us(lambda number=number: limits.take(REQUESTS[:number], now_us())))
    tell(f"{name}: reserve tokens and settle them", best_us(reserve))
    tell(f"{name}: take a place and give it back", best_us(hold))
    tell(f"{name}: headers", best_us(lambda: headers(limits.readings(REQUESTS[:1], now_us()))))


class Watched(SharedTable):
    """Knows when it was entered, and so the order in which requests are counted: none counts as earlier than one before it."""

    entered = 0

    def enter(self) -> bool:
        """Lock the others out."""
        entered = super().enter()
        self.entered = monotonic_ns()
        return entered


def crowd(path: str) -> None:
    """A worker of the race: is told until when it lasts, and prints when it was granted."""
    table = Watched(Path(path))
    limits = LocalLimits(table, WORKERS)
    print("in", flush=True)
    until = int(sys.stdin.readline())
    granted: list[tuple[int, int]] = []
    while (now := now_us()) < until:
        if isinstance(limits.take((RACE,), now), Grant):
            granted.append((table.entered, now))
    print(json.dumps(granted))


def judge(what: str, granted: list[int]) -> None:
    """How much was granted, and the worst interval."""
    debt, worst, last = 0, 0, granted[0]
    for now in granted:
        debt = max(0, debt - RACE.value * (now - last)) + RACE.window_us
        last, worst = now, max(worst, debt - RACE.burst * RACE.window_us)
    possible = RACE.burst + RACE.value * (granted[-1] - granted[0]) / RACE.window_us
    print(f"{what:<58} {100 * len(granted) / possible:6.2f} % of the limit, {worst / RACE.window_us:.3f} above it")


def race_of_workers() -> None:
    """Four processes and one table."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.limits", "--crowd", f"{folder}/limits"]
        workers = [subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(WORKERS)]
        for worker in workers:
            assert worker.stdout is not None
            worker.stdout.readline()
        until = now_us() + int(SECONDS * 1e6)
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write(f"{until}\n")
            worker.stdin.flush()
        granted = sorted(each for worker in workers for each in json.loads(worker.communicate()[0]))
    judge(f"{WORKERS} processes, {RACE.text()}", list(accumulate((now for _, now in granted), max)))


async def race_of_machines(url: str) -> None:
    """Three machines in one process, and what is in hand."""
    found = [ClusterLimits(Table(), RedisCounter(url)) for _ in range(3)]
    for each in found:
        await each.start()
    granted: list[int] = []
    asked_us: list[int] = []

    async def user(limits: ClusterLimits, until: int) -> None:
        while (now := now_us()) < until:
            answer = limits.take((RACE,), now)
            if answer is None:
                answer = await limits.ask((RACE,))
                asked_us.append(now_us() - now)
            if isinstance(answer, Grant):
                granted.append(now_us())
            await asyncio.sleep(0.001)

    until = now_us() + int(SECONDS * 1e6)
    await asyncio.gather(*(user(found[number % 3], until) for number in range(30)))
    judge(f"3 machines, {RACE.text()}", sorted(granted))
    asked_us.sort()
    print(f"{'':<58} {len(asked_us)} waited, half of them {asked_us[len(asked_us) // 2]} µs at most")
    for each in found:
        await each.stop()
    await in_hand(url)


async def in_hand(url: str) -> None:
    """The hot path of a machine that shares its limits."""
    wide = Limit("key", "wide", "requests", 10**9, UNITS["rpm"])
    limits = ClusterLimits(Table(), RedisCounter(url))
    await limits.start()
    await limits.ask((wide,))
    for _ in range(12):  # until enough is in hand
        while limits.take((wide,), now_us()) is not None:
            pass
        await limits.ask((wide,))
    least = float("inf")
    for _ in range(ROUNDS):
        await asyncio.sleep(0.001)
        begin = perf_counter()
        times = sum(limits.take((wide,), now_us()) is not None for _ in range(100))
        if times == 100:
            least = min(least, perf_counter() - begin)
    tell("machines, in memory: 1 limit of requests, in hand", least / 100 * 1e6)
    await limits.stop()


def main() -> None:
    """All of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--redis", default="", help="a Redis for three machines to share")
    parser.add_argument("--crowd", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.crowd:
        crowd(options.crowd)
        return
    hot_path("one worker", LocalLimits(Table()))
    with tempfile.TemporaryDirectory() as folder:
        hot_path("shared", LocalLimits(SharedTable(Path(folder) / "limits"), WORKERS))
    race_of_workers()
    if options.redis:
        asyncio.run(race_of_machines(options.redis))


if __name__ == "__main__":
    main()
