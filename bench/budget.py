"""The budget race: workers spend one budget as fast as they can while they are killed and paused. Nothing may be overspent, and
nothing may be lost.

    python -m bench.budget [--stores sqlite,postgresql,redis] [--workers 4] [--concurrency 1000] [--kills 8] [--pauses 2]
                           [--flushes 2] [--json]

"redis" is a pool in Redis in front of PostgreSQL: Redis is flushed between the kills, and killed once.

What is true is what the provider says: it writes each charge into a file of its own (O_APPEND) in the moment that the request
reaches it, and answers later. The ledger is held against that file at the end: overspent is what the provider charged above the
cap, undercounted what it charged and the ledger does not know, overcounted what the ledger charged and the provider did not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.postgres import started
from redis import Redis

from lockgate.policy.ledger import Budget, Short
from lockgate.policy.purse import Reservation
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.ledger.open import open_book
from lockgate.stores.ledger.recovery import recover

#: Nano-USD: what an attempt may cost; it costs anything from nothing to that.
MOST = 10_000_000
#: Who is silent for so long, in µs, is taken for lost; a pause is longer.
SILENT_US, PAUSE_S = 1_500_000, 3.0
#: Three scopes, as a request has: the organisation's budget is the one that binds.
SCOPES = ("org", "team", "key")


def budgets(cap: int) -> list[Budget]:
    """The organisation's budget, and two that have room enough."""
    return [Budget(scope, cap * (1 if scope == "org" else 3), scope=scope) for scope in SCOPES]


class Store:
    """An empty ledger, and what can be done to it while it is used."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.flushes = 0
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self._redis: subprocess.Popen[bytes] | None = None
        if name != "sqlite":
            self.url = started()
        if name == "redis":
            self._socket = folder / "redis.sock"
            self.url = f"unix://{self._socket},{self.url}"
            self.restart()
            self.flushes = 0

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        if self._redis is not None:
            self._redis.kill()
            self._redis.wait()

    def flush(self) -> None:
        """Let Redis forget everything."""
        if self._redis is not None:
            self.flushes += 1
            Redis(unix_socket_path=str(self._socket)).flushall()

    def restart(self) -> None:
        """Kill Redis, and start it with nothing in it."""
        if self.name == "redis":
            self.__exit__()
            self.flushes += 1
            command = [
                "redis-server",
                "--port",
                "0",
                "--unixsocket",
                str(self._socket),
                "--save",
                "",
                "--dir",
                str(self.folder),
            ]
            self._redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)


# --- one worker


class Provider:
    """Charges in the moment that it is asked, and answers after a while."""

    def __init__(self, path: Path, latency_s: tuple[float, float]) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._latency_s = latency_s

    async def ask(self, id: str) -> int:
        actual = random.randint(0, MOST)
        os.write(self._file, f"{id} {actual}\n".encode())
        await asyncio.sleep(random.uniform(*self._latency_s))
        return actual


async def spend(ledger: Ledger, accounts: list[Any], provider: Provider, name: str, told: Counter[str]) -> None:
    """Ask until the budget is used up."""
    while True:
        told["asked"] += 1
        id = f"{name}-{told['asked']}"
        try:
            got = await ledger.hold(accounts, id, 0, (MOST, 0, 1))
        except Exception as error:  # a refusal: the ledger does not answer
            told[getattr(error, "code", type(error).__name__)] += 1
            await asyncio.sleep(0.2)
            continue
        if isinstance(got, Short):
            told[got.why] += 1
            if told[got.why] == 1:
                print(json.dumps({"first": got.why, "at": time.time()}), flush=True)
            if got.why == "exhausted":
                return
            await asyncio.sleep(random.uniform(0.5, 1.0))  # as Retry-After says
            continue
        assert isinstance(got, Reservation)
        got.dispatch()
        try:
            actual = await provider.ask(id)
            ledger.settle(got, (actual, 0, 1))
        finally:
            ledger.release(got)
        told["served"] += 1


async def work(args: argparse.Namespace) -> None:
    """One worker, to the end of the budget."""
    random.seed(args.name)
    ledger = Ledger(
        open_book(args.url, Path(args.journals), silent_us=SILENT_US),
        Path(args.journals),
        args.name,
        report=lambda text: print(json.dumps({"report": text}), flush=True),
    )
    await ledger.start()
    accounts = [ledger.account(budget) for budget in budgets(args.cap)]
    provider = Provider(Path(args.truth), (args.fast, args.slow))
    told: Counter[str] = Counter()
    began = time.perf_counter()
    await asyncio.gather(*(spend(ledger, accounts, provider, args.name, told) for _ in range(args.concurrency)))
    seconds = time.perf_counter() - began
    await ledger.close()
    quick = getattr(ledger._book, "quickly", 0)
    print(json.dumps({"told": told, "seconds": seconds, "late": ledger.late, "quick": quick}), flush=True)


# --- the race


class Race:
    """Starts workers, kills and pauses some, starts others in their place."""

    def __init__(self, args: argparse.Namespace, store: Store, folder: Path) -> None:
        self.args, self.store, self.folder = args, store, folder
        self.truth = folder / "truth"
        self.started = 0
        self.workers: list[subprocess.Popen[bytes]] = []
        self.logs: list[Path] = []

    def start(self) -> None:
        self.started += 1
        log = self.folder / f"worker-{self.started}.log"
        self.logs.append(log)
        args = self.args
        command = [sys.executable, "-m", "bench.budget", "--work", "--url", self.store.url, "--name", f"w{self.started}"]
        command += ["--journals", str(self.folder / "journals"), "--truth", str(self.truth), "--cap", str(args.cap)]
        command += ["--concurrency", str(args.concurrency), "--fast", str(args.fast), "--slow", str(args.slow)]
        with log.open("wb") as out:
            self.workers.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))

    def run(self) -> float:
        began = time.perf_counter()
        for _ in range(self.args.workers):
            self.start()
        for number in range(self.args.kills):
            self.wait_for((number + 1) / (self.args.kills + 2))
            live = [each for each in self.workers if each.poll() is None]
            if number < self.args.pauses:
                paused = random.choice(live)
                paused.send_signal(signal.SIGSTOP)
                time.sleep(PAUSE_S)
                paused.send_signal(signal.SIGCONT)
            if number < self.args.flushes:
                self.store.flush()
            elif number == self.args.flushes:
                self.store.restart()
            victim = random.choice(live)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
            self.workers.remove(victim)
            self.start()
        for worker in self.workers:
            worker.wait(timeout=self.args.patience)
        return time.perf_counter() - began

    def wait_for(self, share: float) -> None:
        """Until about this share of the budget is spent, so that the kills come while there is something to be lost."""
        enough = share * self.args.cap / (MOST / 2)
        until = time.monotonic() + self.args.patience
        while not self.truth.exists() or self.truth.read_bytes().count(b"\n") < enough:
            if time.monotonic() > until:
                raise TimeoutError("nobody spends")
            time.sleep(0.02)

    def said(self, member: str) -> list[Any]:
        lines = [line for log in self.logs for line in log.read_text().splitlines() if line.startswith("{")]
        return [found[member] for line in lines if member in (found := json.loads(line))]


def race(args: argparse.Namespace, store: Store, folder: Path) -> dict[str, Any]:
    """One race; what came of it."""
    running = Race(args, store, folder)
    book = open_book(store.url, folder / "journals", silent_us=SILENT_US)
    book.define(budgets(args.cap))
    seconds = running.run()
    time.sleep(SILENT_US / 1e6)
    buried = recover(book, folder / "journals")
    book.tend()
    truth = {id: int(actual) for id, actual in map(str.split, running.truth.read_text().splitlines())}
    charged = sum(truth.values())
    balance = book.balance(budgets(args.cap)[0])
    # An attempt that was killed on its way to the provider cost nothing.
    corrected = 0
    while found := book.doubtful():
        corrected += sum(book.correct(id, attempt, (truth.get(id, 0), 0, 1)) for id, attempt in found)
    after = book.balance(budgets(args.cap)[0])
    told: Counter[str] = sum((Counter(each) for each in running.said("told")), Counter())
    others = [book.balance(each) for each in budgets(args.cap)[1:]]
    result = {
        "store": store.name,
        "workers": args.workers,
        "concurrency": args.concurrency,
        "kills": running.started - args.workers,
        "pauses": min(args.kills, args.pauses),
        "flushes": store.flushes,
        "cap_usd": args.cap / 1e9,
        "served": len(truth),
        "seconds": round(seconds, 2),
        "overspent_usd": max(0, charged - args.cap) / 1e9,
        "undercounted_usd": max(0, charged - balance.spent) / 1e9,
        "overcounted_usd": max(0, balance.spent - charged) / 1e9,
        "orphans": corrected,
        "overcounted_after_usd": (after.spent - charged) / 1e9,
        "leaked_usd": balance.reserved / 1e9,
        "journals_left": len(list((folder / "journals").glob("*.journal"))),
        "buried": buried,
        "used_percent": round(100 * balance.spent / args.cap, 3),
        "agree": all(each.spent == after.spent for each in others),
        "contended": told["contended"],
        "late": sum(running.said("late")),
        "quick": sum(running.said("quick")),
        "unavailable": told["budget_unavailable"],
        "overage": after.overage,
        "audit": book.audit(),
        "reports": running.said("report"),
    }
    book.shut()
    return result


COLUMNS = {
    "store": "store",
    "kills": "kill -9",
    "pauses": "pauses",
    "flushes": "flushes",
    "served": "served",
    "seconds": "s",
    "overspent_usd": "overspent $",
    "undercounted_usd": "undercounted $",
    "leaked_usd": "leaked $",
    "used_percent": "used %",
    "orphans": "orphans",
    "overcounted_usd": "overcounted $",
    "overcounted_after_usd": "corrected $",
    "contended": "contended",
}


def table(results: list[dict[str, Any]]) -> str:
    """The results for people."""
    lines = ["| " + " | ".join(COLUMNS.values()) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(str(result[name]) for name in COLUMNS) + " |" for result in results]
    return "\n".join(lines)


def holds(result: dict[str, Any]) -> bool:
    """Whether the race went as it must."""
    exact = ("overspent_usd", "undercounted_usd", "leaked_usd", "overcounted_after_usd", "overage", "journals_left")
    return not any(result[name] for name in exact) and not result["audit"] and result["used_percent"] >= 99 and result["agree"]


def main() -> int:
    """The command; 1 when a race did not go as it must."""
    parser = argparse.ArgumentParser("bench.budget", description="Workers race for one budget while they are killed.")
    parser.add_argument("--stores", default="sqlite,postgresql,redis")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--concurrency", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--pauses", type=int, default=2)
    parser.add_argument("--flushes", type=int, default=2, help="of Redis, which is killed once besides")
    parser.add_argument("--cap", type=int, default=400 * 10**9, help="nano-USD")
    parser.add_argument("--fast", type=float, default=0.02, help="the provider's fastest answer, in seconds")
    parser.add_argument("--slow", type=float, default=0.3, help="its slowest")
    parser.add_argument("--patience", type=float, default=180.0, help="seconds until a race has to be over")
    parser.add_argument("--only-kills", action="store_true", help="no race without kills before")
    parser.add_argument("--json", action="store_true", help="one line of JSON a race, and no table")
    for name in ("url", "name", "journals", "truth"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        asyncio.run(work(args))
        return 0
    results: list[dict[str, Any]] = []
    kills = args.kills
    for store in args.stores.split(","):
        for number in (kills,) if args.only_kills or not kills else (0, kills):
            args.kills = number
            with tempfile.TemporaryDirectory() as folder, Store(store, Path(folder)) as opened:
                results.append(race(args, opened, Path(folder)))
            if args.json:
                print(json.dumps(results[-1]), flush=True)
    if not args.json:
        print(table(results))
        for result in results:
            if result["reports"]:
                print(result["store"], Counter(result["reports"]).most_common(5))
    return 0 if all(map(holds, results)) else 1


if __name__ == "__main__":
    sys.exit(main())
