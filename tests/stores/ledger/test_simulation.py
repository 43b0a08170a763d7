"""The whole ledger in a simulation: workers, callers, a provider, a pool, and everything that can go wrong, by a seed.

`LEDGER_SEEDS=10000` makes it long (from `LEDGER_FIRST_SEED` on), `LEDGER_SEED=123` tells one story again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from lockgate.core.failure import Refusal
from lockgate.policy.ledger import Budget, Short
from lockgate.policy.purse import HELD
from lockgate.policy.window import Period
from lockgate.stores.ledger import ledger as ledger_module
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.journal import FileJournal
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.ledger.memory import MemoryLedger
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.ledger.tier import TieredBook
from support.ledger import Breaking
from support.pool import FakePool
from support.simulated import Hand, World

#: Seconds before midnight at which stories begin (µs since the epoch), and how many seconds they last.
START_US, LENGTH_S = 1_795_046_400_000_000 - 2_000_000, 6.0
#: Nano-USD.
MOST = 10_000
BOOT = "one start of the machine"


class Fate:
    """What can go wrong in one story, and how often: each story is of its own kind."""

    def __init__(self, rng):
        often = rng.choice((0.0, 0.01, 0.05, 0.2))
        self.store = often * rng.random()
        self.hang = 0.1 * often * rng.random()
        self.latency_s = rng.choice((0.001, 0.005, 0.05, 0.3))
        self.tiered = rng.random() < 0.5
        self.pool = rng.choice((0.0, 0.02, 0.2)) if self.tiered else 0.0
        self.kills = rng.choice((0, 0, 1, 2, 4))
        self.pauses = rng.choice((0, 0, 1, 2))
        self.cancels = rng.choice((0.0, 0.05, 0.3))
        self.unsent = rng.choice((0.0, 0.1))
        self.away = rng.random() < 0.2
        self.reboots = rng.random() < 0.1
        self.clock = rng.random() < 0.2
        self.caps = rng.random() < 0.3
        self.workers = rng.choice((1, 2, 3))
        self.callers = rng.choice((1, 4, 10))
        self.answer_s = rng.choice((0.01, 0.1, 0.5))
        self.cap = rng.choice((20, 100, 400)) * MOST


class Buggy(Breaking):
    """A database that fails by chance, and while it is `away`."""

    def __init__(self, database, story):
        super().__init__(database)
        self.story = story
        self.hand = None

    def transaction(self):
        story = self.story
        if not self.trouble:
            if story.away:
                self.trouble = "before"
            elif story.rng.random() < story.fate.store:
                self.trouble = story.rng.choice(("before", "after", "lost"))
        return super().transaction()

    def interrupt(self):
        if self.hand is not None:
            self.hand.interrupt()

    def close(self):
        pass


class BuggyPool(FakePool):
    """A pool that fails by chance."""

    def __init__(self, clock, story):
        super().__init__(clock)
        self.story = story

    def view(self):
        view = BuggyPool(self.clock, self.story)
        view.__dict__ = self.__dict__
        return view

    def _call(self, work, generation=None):
        rng = self.story.rng
        if rng.random() < self.story.fate.pool:
            loss = rng.choice(("before", "after", "forget", "copy", "restore"))
            if loss in ("before", "after"):
                self.trouble = loss
            else:
                getattr(self, loss)()
        return super()._call(work, generation)


class Attempt:
    """What is true of one attempt."""

    def __init__(self, most):
        self.most = most
        self.actual = 0  # what the provider has charged
        self.charged = None  # what its worker has said


class Story:
    """One seed, from the beginning to the end."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.fate = Fate(self.rng)
        self.world = World(self.rng)
        self.folder = Path(tempfile.mkdtemp(prefix="story", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.step_us = 0
        self.memory = MemoryLedger(self.now_us)
        self.book = Book(self.memory)
        self.pool = BuggyPool(self.now_us, self)
        self.away = False
        self.budgets = [Budget("org", self.fate.cap), Budget("key", 3 * self.fate.cap, period=Period("day"))]
        self.highest = self.fate.cap
        self.attempts = {}
        self.told = Counter()
        self.truth = 0
        self.blurred = False
        self.over = False
        self.trace = hashlib.sha256()
        self.started = 0
        self.longest = 0.0

    def now_us(self):
        return START_US + self.step_us + int(self.world.clock.now * 1e6)

    def note(self, *what):
        """Something that must happen again in the same story."""
        self.trace.update(repr((round(self.world.clock.now, 9), *what)).encode())

    # --- workers

    def start(self):
        """A process with a ledger, and callers."""
        self.started += 1
        process = self.world.process(f"w{self.started}")
        process.latency = partial(self.latency, process)
        process.tasks, process.journals = {}, []
        process.spawn(self.live(process))
        return process

    def latency(self, process):
        if self.rng.random() < self.fate.hang:
            return 20.0
        return self.rng.expovariate(1 / self.fate.latency_s)

    async def live(self, process):
        database = Buggy(self.memory, self)
        book = Book(database, silent_us=1_500_000)
        if self.fate.tiered:
            book = TieredBook(database, self.pool.view(), self.folder, silent_us=1_500_000, monotonic=self.world.clock)
        process.ledger = ledger = Ledger(
            book,
            self.folder,
            process.name,
            report=lambda text: self.note(process.name, text.partition(":")[0]),
            monotonic_ns=lambda: int(self.world.clock.now * 1e9),
        )
        await ledger.start()
        database.hand = ledger._hand
        for number in range(self.fate.callers):
            self.call(process, number)

    def call(self, process, number):
        """A caller, who comes again when he was cut off."""
        task = process.tasks[number] = process.spawn(self.caller(process, number))
        task.add_done_callback(partial(self.hung_up, process, number))

    def hung_up(self, process, number, task):
        if not task.cancelled():
            if task.exception() is not None:
                process.loop.broken.append(task.exception())
        elif not self.over:
            self.call(process, number)

    async def caller(self, process, number):
        rng = self.rng
        turn = 0
        while not self.over:
            turn += 1
            id = f"{process.name}-{number}-{turn}-{rng.randrange(10**9)}"
            accounts = [process.ledger.account(budget) for budget in self.budgets]
            most = rng.randrange(1, MOST)
            began = self.world.clock.now
            try:
                got = await process.ledger.hold(accounts, id, 0, (most, 0, 1))
            except Refusal as refusal:
                self.told[refusal.code] += 1
                await asyncio.sleep(rng.random() * 0.2)
                continue
            finally:
                if process.stood <= began:
                    self.longest = max(self.longest, self.world.clock.now - began)
            if isinstance(got, Short):
                self.told[got.why] += 1
                await asyncio.sleep(rng.random() * 0.3)
                continue
            attempt = self.attempts[id] = Attempt(most)
            self.note("got", id, most)
            try:
                if rng.random() < self.fate.unsent:
                    continue
                got.dispatch()
                if rng.random() >= self.fate.unsent:  # it may be killed between the two, or not get through
                    attempt.actual = rng.randrange(0, most + 1)
                    self.truth += attempt.actual
                    assert self.truth <= self.highest, f"spent {self.truth} of {self.highest}"
                await asyncio.sleep(rng.random() * self.fate.answer_s)
                if rng.random() < 0.9:
                    attempt.charged = attempt.actual
                    assert process.ledger.settle(got, (attempt.actual, 0, 1))
                    self.told["settled"] += 1
            finally:
                if not process.dead:
                    if attempt.charged is None:
                        attempt.charged = 0 if got.state == HELD else most
                    process.ledger.release(got)

    # --- what befalls them

    async def fates(self):
        """What happens from outside, at its times."""
        rng, fate = self.rng, self.fate
        happenings = [(rng.uniform(0.3, LENGTH_S), what) for what in ("kill",) * fate.kills + ("pause",) * fate.pauses]
        happenings += [(rng.uniform(0, LENGTH_S), "clock")] * fate.clock + [(rng.uniform(0.2, LENGTH_S), "cap")] * (
            3 * fate.caps
        )
        if fate.away:
            at = rng.uniform(0, LENGTH_S)
            happenings += [(at, "leave"), (at + rng.expovariate(1.0), "come_back")]
        if fate.cancels:
            happenings += [(rng.uniform(0.1, LENGTH_S), "cancel") for _ in range(int(fate.cancels * 100))]
        if fate.reboots:
            happenings.append((rng.uniform(1.0, LENGTH_S), "reboot"))
        loop = asyncio.get_running_loop()
        for at, what in sorted(happenings):
            await asyncio.sleep(max(0.0, at - loop.time()))
            self.note(what)
            getattr(self, what)()
        await asyncio.sleep(max(0.0, LENGTH_S - loop.time()))
        self.over = True

    @property
    def living(self):
        return [process for process in self.world.processes if not process.dead and hasattr(process, "ledger")]

    def kill(self):
        if self.living:
            self.bury(self.rng.choice(self.living))
            self.start()

    def bury(self, process):
        """The kernel lets go of its files."""
        process.kill()
        ledger = process.ledger
        for each in process.journals:
            if not each.closed:
                each.close(gone=False)
        ledger._turn.end()
        if isinstance(ledger._book, TieredBook):
            for own in ledger._book._own.values():
                own.moves.close(gone=False)

    def reboot(self):
        """The machine goes down with all that is on it, and nothing that was not synced is believed."""
        global_boot[0] += "+"
        self.blurred = True
        for process in self.living:
            self.bury(process)
            self.start()

    def pause(self):
        if self.living:
            self.rng.choice(self.living).pause(self.rng.choice((0.05, 0.5, 3.0)))

    def clock(self):
        self.step_us += self.rng.choice((-3_600_000_000, -1_000_000, 500_000, 86_400_000_000))

    def cap(self):
        self.highest = max(self.highest, cap := self.fate.cap * self.rng.choice((1, 2, 4)) // 2)
        org = self.budgets[0]
        self.budgets[0] = Budget("org", cap, revision=org.revision + 1)
        self.book.define(self.budgets)

    def leave(self):
        self.away = True

    def come_back(self):
        self.away = False

    def cancel(self):
        tasks = [task for process in self.living for task in process.tasks.values() if not task.done()]
        if tasks:
            task = self.rng.choice(tasks)
            task.get_loop().call_soon(task.cancel)

    # --- the end

    def tell(self):
        """The story; raises what must not be."""
        fates = self.world.process("fates")
        for _ in range(self.fate.workers):
            self.start()
        fates.spawn(self.fates())
        self.world.run(LENGTH_S + 60, lambda: self.over)
        assert self.book.audit() == []
        self.fate.store = self.fate.hang = self.fate.pool = 0.0
        self.away = False
        for process in self.living:
            process.still_until = 0.0
        self.world.run(self.world.clock.now + 3)
        ends = [process.spawn(process.ledger.close()) for process in self.living]
        self.world.run(self.world.clock.now + 10, lambda: all(task.done() for task in ends))
        for process in self.world.processes:
            assert not process.loop.broken, process.loop.broken
        for task in ends:
            task.result()
        self.settle_up()
        assert self.longest < 1.6, f"somebody waited for {self.longest} s"
        return self.trace.hexdigest()

    def settle_up(self):
        """Nobody is left: now the ledger says what is true."""
        self.step_us += 100_000_000  # whoever is silent is taken for lost now
        book = self.book
        if self.fate.tiered:
            book = TieredBook(self.memory, self.pool.view(), self.folder, monotonic=self.world.clock)
        recover(book, self.folder, boot=global_boot[0])
        recover(book, self.folder, boot=global_boot[0])
        if self.fate.tiered:
            book._anew()
        book.tend()
        for id, attempt in list(self.attempts.items()):
            if self.book.correct(id, 0, (attempt.actual, 0, 1)):
                self.told["corrected"] += 1
                attempt.charged = attempt.actual
        with self.memory.transaction() as tables:
            balances, leases, _ = tables.everything()
        assert self.book.audit() == []
        assert [lease for lease in leases if lease.state == "open"] == []
        assert not list(self.folder.glob("*.journal"))
        charged = sum(attempt.charged or 0 for attempt in self.attempts.values())
        for budget in self.budgets:
            spent = sum(each.spent for each in balances if each.budget == budget.id)
            if self.blurred:
                assert spent >= self.truth, f"{budget.id}: {spent} of {self.truth}"
            else:
                assert spent == charged >= self.truth, (
                    f"{budget.id}: the ledger has {spent}, callers {charged}, the provider {self.truth}"
                )
        assert all(each.overage == 0 and each.reserved == 0 for each in balances)
        self.note("end", charged, self.truth, sorted(self.told.items()))

    def close(self):
        for process in self.living:
            self.bury(process)
        self.world.end()
        shutil.rmtree(self.folder, ignore_errors=True)


global_boot = [BOOT]


@pytest.fixture(autouse=True)
def simulated(monkeypatch):
    simulate(monkeypatch.setattr)


def simulate(patch):
    """Let ledgers run in simulated processes."""
    patch(ledger_module, "Hand", Hand)
    patch(ledger_module, "FileJournal", journal)
    patch(ledger_module, "recover", lambda book, directory: recover(book, directory, boot=global_boot[0]))


def journal(directory, epoch, token):
    """A small one, which its process takes with it."""
    made = FileJournal(directory, epoch, token, slots=256, boot=global_boot[0])
    asyncio.get_running_loop().process.journals.append(made)
    return made


def tell(seed):
    """One story; (what it came to, what was told in it)."""
    global_boot[0] = BOOT
    story = Story(seed)
    try:
        return story.tell(), story.told
    except BaseException as error:
        error.add_note(f"LEDGER_SEED={seed} tells this story again")
        raise
    finally:
        story.close()


FIRST = int(os.environ.get("LEDGER_SEED", os.environ.get("LEDGER_FIRST_SEED", "0")))
SEEDS = 1 if "LEDGER_SEED" in os.environ else int(os.environ.get("LEDGER_SEEDS", "30"))


def test_no_story_ends_with_a_nano_dollar_too_much_or_too_little():
    told = Counter()
    for seed in range(FIRST, FIRST + SEEDS):
        told += tell(seed)[1]
    print(f"{SEEDS} stories from {FIRST} on: {dict(sorted(told.items()))}")
    if SEEDS >= 30:
        assert told["settled"] > 10 * SEEDS
        assert all(told[each] for each in ("corrected", "contended", "exhausted", "budget_unavailable"))


def test_a_seed_tells_the_same_story_again():
    found = {seed: tell(seed)[0] for seed in (3, 4, 5)}
    assert {seed: tell(seed)[0] for seed in found} == found
    again = [
        subprocess.run(
            [sys.executable, __file__, *map(str, found)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=True, timeout=100,
        ).stdout.split()
        for hash_seed in ("1", "2")
    ]  # fmt: skip
    assert again == [list(found.values())] * 2


if __name__ == "__main__":
    simulate(setattr)
    for seed in map(int, sys.argv[1:]):
        print(tell(seed)[0])
