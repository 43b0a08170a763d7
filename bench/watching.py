"""What it costs to be watched, and to share circuits: `python -m bench.watching [REDIS-URL]`. CPU of this process, the best of
several rounds.

None of it is on the request path. In the scribe: counting a record, writing down the numbers once a second. In a worker: its
word for itself once a second; a scrape. In one worker of a machine: looking at the board, and a round with Redis.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from lockgate.control.presence import Presence
from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.redact import Redactor
from lockgate.core.reply import Usage
from lockgate.http.metrics import write_page
from lockgate.pipeline.runtime import Runtime, now_us
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.breaker import BreakerPolicy
from lockgate.stores.board import Board
from lockgate.stores.circuits.messenger import Messenger
from lockgate.stores.circuits.redis import RedisExchange
from lockgate.stores.metrics.counting import Counting
from lockgate.stores.roster import NAME, Roster
from lockgate.stores.spool import Spool

RECORDS, ROUNDS = 5000, 5
BODY = b"x" * 2500


def best(work: Callable[[], object], times: int) -> float:
    """µs of CPU that one takes."""
    found: list[float] = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(times):
            work()
        found.append((time.process_time() - begun) / times * 1e6)
    return min(found)


def record(number: int, models: int) -> Record:
    model = f"vendor/model-{number % models}"
    time_us = now_us()
    return Record(
        new_id(time_us, number),
        time_us,
        provider=f"provider-{number % models % 20}",
        operation="chat",
        model_sent=model,
        stream=number % 2 == 0,
        status=200,
        ttft_us=300_000 + number,
        latency_us=1_000_000 + number,
        gateway_us=500,
        usage=Usage(input=900, output=200, cached=300, reasoning=50),
        cost_nusd=123_456,
        attempts=[Attempt(target="config", provider=f"provider-{number % models % 20}", model=model, status=200)],
        request=BODY,
    )


def count(data: Path, models: int) -> None:
    """Counting, writing down and showing, with so many models."""
    spool = Spool(data / "spool", clock=now_us, report=print)
    for number in range(RECORDS):
        spool.append(record(number, models))
    found: list[float] = []
    counting = Counting(data / "spool", data / "metrics", report=print)
    for _ in range(ROUNDS):
        counting = Counting(data / "spool", data / "metrics", report=print)
        begun = time.process_time()
        while counting.step():
            pass
        found.append((time.process_time() - begun) / RECORDS * 1e6)

    def save() -> None:
        counting._changed = True  # as after a second of traffic
        counting.save()

    written = best(save, 10)
    series = sum(len(each.numbers) for each in counting._tally.series.values())
    page = best(lambda: write_page(data, openmetrics=False), 10)
    size, file = len(write_page(data, openmetrics=False)), (data / "metrics").stat().st_size
    print(f"{models} models, {series} sets of labels")
    print(f"  counting a record of {len(BODY)} bytes   {min(found):8.1f} µs")
    print(f"  writing the numbers down ({file / 1e3:.0f} kB)  {written:8.0f} µs, once a second while there is traffic")
    print(f"  a scrape ({size / 1e3:.0f} kB)                 {page:8.0f} µs")
    spool.close()


def speak(data: Path) -> None:
    """A worker's word for itself, with 256 targets."""
    runtime = Runtime({}, Spool(data / "spool", clock=now_us, report=print), Redactor([]))
    now = runtime.clock()
    for number in range(256):
        runtime.health.answered((f"provider-{number % 20}", f"model-{number}"), None, now, now + 1.0)
    snapshot = cast(Snapshot, SimpleNamespace(revision="r", stale=False))
    presence, roster = Presence(data, runtime, lambda: snapshot), Roster(data / NAME)
    print(f"a worker's word for itself, 256 targets  {best(lambda: roster.write(presence.life()), 20):8.0f} µs, once a second")


async def share(data: Path, url: str) -> None:
    """The messenger, with a board of 512 circuits."""
    board = Board(data / "circuits", clock=time.perf_counter)
    policy = BreakerPolicy()
    runtime = Runtime({}, None, Redactor([]), cells=board.cell)  # type: ignore[arg-type]
    now = runtime.clock()
    for number in range(512):
        runtime.health.succeeded((f"provider-{number % 20}", f"model-{number}"), policy, now, now)
    messenger = Messenger(board, RedisExchange(url), clock=time.perf_counter)
    for _ in range(3):
        messenger._due = 0.0
        await messenger.step()
    messenger._due = 1e12
    looks = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(1000):
            await messenger.step()
        looks.append((time.process_time() - begun) / 1000 * 1e6)
    rounds, waits = [], []
    for _ in range(ROUNDS):
        begun, since = time.process_time(), time.perf_counter()
        for _ in range(100):
            messenger._due = 0.0
            await messenger.step()
        rounds.append((time.process_time() - begun) / 100 * 1e6)
        waits.append((time.perf_counter() - since) / 100 * 1e6)
    print(f"a look at a board of 512 circuits        {min(looks):8.1f} µs, twenty times a second")
    told = f"{min(rounds):8.0f} µs ({min(waits):.0f} µs on the clock)"
    print(f"a round with Redis                       {told}, four times a second")
    breaker = runtime.health.breaker(("provider-0", "model-0"), policy)
    passed = best(lambda: (breaker.allows(now), breaker.begin(now), breaker.report(now, None, now)), 20_000)
    print(f"a request's own look at its circuit      {passed:8.2f} µs, as without sharing")
    await messenger._exchange.close()
    board.close()


def main() -> None:
    """All of it."""
    for models in (5, 100):
        with tempfile.TemporaryDirectory() as folder:
            count(Path(folder), models)
    with tempfile.TemporaryDirectory() as folder:
        speak(Path(folder))
        if len(sys.argv) > 1:
            asyncio.run(share(Path(folder), sys.argv[1]))


if __name__ == "__main__":
    main()
