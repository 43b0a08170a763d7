"""What budgets cost a request: `python -m bench.ledger`.

One thread, within a lease: nothing here waits for a database. Told is the least of many rounds, in microseconds: the journal is
the real one, a file that is mapped; the ledger is told between the rounds.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter

from lockgate.policy.bound import Ask, Capacity, bound, ceiling
from lockgate.policy.ledger import Budget
from lockgate.policy.price import Flat
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.ledger.memory import MemoryLedger

ROUNDS, TIMES = 400, 100
ID = "019ac0de-0000-7000-8000-000000000000"
PRICE = ceiling(Flat(1_000_000_000, 2_000_000_000, 0, 0, 0, "bench"))
ASK, CAPACITY = Ask(text_bytes=800, turns=2, max_output=500), Capacity(context=128_000, max_output=16_384)
BUDGETS = [Budget(f"scope {number}", 10**15, "tokens" if number % 4 == 3 else "cost") for number in range(8)]


async def best_us(work: Callable[[], object], between: Callable[[], Awaitable[object]]) -> float:
    """The best round of a piece of work."""
    least = float("inf")
    for _ in range(ROUNDS):
        begin = perf_counter()
        for _ in range(TIMES):
            work()
        least = min(least, perf_counter() - begin)
        await between()
    return least / TIMES * 1e6


def tell(what: str, us: float) -> None:
    """One line."""
    print(f"{what:<58} {us:6.2f} µs", flush=True)


async def whole(folder: Path) -> None:
    """All of it, in a worker that nobody else shares a ledger with."""
    ledger = Ledger(Book(MemoryLedger(lambda: time.time_ns() // 1000)), folder, "bench", report=print)
    await ledger.start()
    accounts = [ledger.account(budget) for budget in BUDGETS]
    session = ledger._session
    assert session is not None

    async def told() -> None:
        session.send_news(ledger.now_us())
        while session._flush is not None:
            await asyncio.sleep(0)

    def attempt(number: int) -> None:
        reservation = ledger.reserve(accounts[:number], ID, 0, (1000, 20, 1))
        assert reservation is not None
        reservation.dispatch()
        ledger.settle(reservation, (700, 15, 1))
        ledger.release(reservation)

    def admitted(number: int) -> None:
        coroutine = ledger.admit(accounts[:number], ID, 0, ASK, CAPACITY, PRICE)
        try:
            coroutine.send(None)
        except StopIteration as done:
            reservation = done.value.reservation
            reservation.dispatch()
            ledger.settle(reservation, (700, 15, 1))
            ledger.release(reservation)

    for number in range(40):  # leases grow
        got = await ledger.hold(accounts, ID, number, (10**12 // 8, 10**11, 1))
        ledger.release(got)  # pyright: ignore[reportArgumentType]
    tell("the bound of a request", await best_us(lambda: bound(ASK, CAPACITY, PRICE), told))
    for number in (1, 3, 5, 8):
        us = await best_us(lambda number=number: attempt(number), told)
        tell(f"{number} budgets: reserve, dispatch, settle, release", us)
    tell("5 budgets: the same with its bound, by `admit`", await best_us(lambda: admitted(5), told))
    await ledger.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(whole(Path(name)))
