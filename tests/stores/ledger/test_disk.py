"""The ledger on a disk that fails: each call in turn that writes, syncs or opens a file; and on one whose machine loses power."""

from __future__ import annotations

import os
import shutil
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from lockgate.policy.ledger import Budget, Short
from lockgate.policy.purse import Reservation
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.journal import MOVES
from lockgate.stores.ledger.ports import Fenced
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.ledger.sqlite import SqliteLedger
from lockgate.stores.ledger.tier import TieredBook
from lockgate.stores.ports import StoreError
from support.disk import Disk, can_fail
from support.ledger import SECOND, Clock, Desk
from support.pool import FakePool

pytestmark = pytest.mark.skipif(not can_fail(), reason="this Python's SQLite does not let its files be replaced")

ORG = Budget("org", 40_000, alerts=(100,))
ROUNDS = 2
#: What becomes of both workers.
ENDS = ("leave", "die")
#: With time, each call fails with each end. Else ends take turns; of all places where the disk is full from then on every third
#: will do; and with a pool it is the calls that are not SQLite's, for those are the same.
LONG = bool(os.environ.get("LEDGER_STEPS"))


class Story:
    """What two workers do, each attempt once or not at all; `charged` is what the provider has charged for it."""

    def __init__(self, folder: Path, disk: Disk, tiered: bool) -> None:
        self.folder, self.disk, self.clock = folder, disk, Clock()
        self.pool = FakePool(self.clock) if tiered else None
        self.key = Budget("key", 4500 if tiered else 450)  # near the cap are no pools; without one it is reached
        self.charged: dict[tuple[str, int], int] = {}
        self.said: list[str] = []
        self.books: list[Book] = []
        self.desks: list[Desk] = []
        self.warden: Book | None = None

    def book(self) -> Book:
        database = SqliteLedger(self.folder / "ledger.db", clock=self.clock)
        if self.pool is None:
            made = Book(database)
        else:
            made = TieredBook(database, self.pool.view(), self.folder / "journals", monotonic=lambda: self.clock.us / SECOND)
        self.books.append(made)
        return made

    def hears(self, error: object) -> object:
        if isinstance(error, StoreError | Fenced):
            self.said.append(str(error))
        return error

    def tries(self, what, *with_):
        """Do it, or be told why not."""
        try:
            return self.hears(what(*with_))
        except StoreError as error:
            return self.hears(error)

    def insists(self, what, *with_):
        """Do it as often as it takes; somebody makes room after a while."""
        for turn in range(6):
            if turn == 5:
                self.disk.mend()
            got = self.tries(what, *with_)
            if not isinstance(got, StoreError):
                return got
        raise AssertionError("it never works again")

    def spend(self) -> None:
        for name in ("one", "two"):
            book = self.book()
            self.insists(book.define, [ORG, self.key])
            self.desks.append(self.insists(Desk, book, self.folder / "journals", self.clock, name))
            self.tries(self.desks[-1].beat)
        for number in range(ROUNDS):
            for desk in self.desks:
                self.attempt(desk, number)
        self.tries(self.desks[0].book.fold)
        self.tries(self.desks[0].book.tend)
        self.tries(self.desks[0].book.define, [Budget("key", self.key.cap - 50, revision=1)])
        self.attempt(self.desks[1], ROUNDS)

    def attempt(self, desk: Desk, number: int) -> None:
        self.clock.us += SECOND // 2
        key = desk.name, number
        got = self.tries(desk.reserve, [ORG, self.key], desk.name, number, (100 + number, 0, 1))
        assert got is None or isinstance(got, Reservation | Short | StoreError | Fenced)
        if isinstance(got, Reservation):
            got.dispatch()
            self.charged[key] = 60 + number if number % 3 else 100 + number
            if number != ROUNDS - 1:  # some are under way in the end
                got.teller.settle(got, (self.charged[key], 0, 1), self.clock())
        self.tries(desk.flush)

    def leave(self) -> None:
        """All come to their end: what was under way is charged in full. Who cannot tell the ledger leaves his journal to others."""
        for desk in self.desks:
            if self.disk.full:
                self.disk.mend()  # or he would try until there is room
            for teller in [desk.teller, *(teller for _, teller, _ in desk.draining)]:
                for each in teller.overdue(2**62):
                    teller.settle(each, (self.charged[each.id, each.attempt], 0, 1), self.clock())
            if isinstance(self.tries(desk.leave), StoreError):
                self.disk.mend()
                self.kill(desk)
        self.disk.mend()

    def kill(self, desk: Desk) -> None:
        desk.die()
        for own in getattr(desk.book, "_own", {}).values():
            own.moves.close(gone=False)

    def die(self) -> None:
        """All are killed; what they had under way is charged by estimate, until it is known."""
        for desk in self.desks:
            self.kill(desk)
        book = self.warden = self.book()
        self.tries(partial(recover, boot="one"), book, self.folder / "journals")
        self.disk.mend()
        recover(book, self.folder / "journals", boot="one")
        assert book.balance(ORG).spent >= sum(self.charged.values())
        for id, attempt in book.doubtful():
            assert book.correct(id, attempt, (self.charged[id, attempt], 0, 1))

    def check(self) -> None:
        """Nothing is overspent, lost, or left."""
        book = self.warden or self.book()
        self.clock.us += 100 * SECOND
        recover(book, self.folder / "journals", boot="one")  # who enrolled, and could not make a journal
        book.tend()
        total = sum(self.charged.values())
        assert book.audit() == []
        for budget in (ORG, self.key):
            balance = book.balance(budget)
            assert (balance.spent, balance.reserved, balance.overage) == (total, 0, 0)
        assert total <= self.key.cap
        assert [each.state for each in book.epochs() if not each.is_pool] == []
        left = [each.suffix for each in (self.folder / "journals").glob("*")]
        assert left == [] or (left == [MOVES] and self.disk.failed == ["unlink"])  # the next of its name deletes it

    def close(self) -> None:
        for book in self.books:
            book.shut()


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path)
    disk.enter()
    yield disk
    disk.leave()


@pytest.mark.parametrize("tiered", [False, True], ids=["ledger", "with a pool"])
@pytest.mark.parametrize("full", [False, True], ids=["an error", "full"])
def test_whichever_call_fails_nothing_is_overspent_and_nothing_is_lost(disk, tmp_path, full, tiered):
    kinds, at = set(), 0
    for at in count(1, 1 if LONG or tiered or not full else 3):
        ends = ENDS if LONG else (ENDS[at % 2],)
        failed = [tell(tmp_path / f"{at}-{end}", disk, at, full, tiered, end) for end in ends]
        if not any(failed):
            break
        kinds.update(*failed)
    assert kinds >= ({"open", "write", "pwrite"} if tiered else {"sqlite write", "sqlite map", "posix_fallocate"})
    assert full or kinds >= ({"rename", "unlink", "ftruncate"} if tiered else {"sqlite open", "sqlite sync"})
    assert at > (12 if tiered else 100)


def tell(folder, disk, at, full, tiered, end):
    """One story, in which the call `at` fails; the kinds of those that did."""
    folder.mkdir()
    story = Story(folder, disk, tiered)
    disk.fail(at, full=full, sqlite=LONG or not tiered)
    story.spend()
    getattr(story, end)()
    failed = disk.failed
    story.check()
    story.close()
    assert all(str(folder) in said for said in story.said), "the error does not say where"
    return failed


@pytest.mark.parametrize("kept", [lambda n: False, lambda n: n % 2 == 0], ids=["nothing", "every other write"])
def test_whenever_power_is_lost_all_that_was_charged_is_known(disk, tmp_path, kept):
    """All that was not synced is lost, or (`kept`) a part of it; what a worker had under way nobody believes then."""
    story = Story(tmp_path / "story", disk, tiered=False)
    story.folder.mkdir()
    calls, found = count(), []

    def lose_power():
        number = next(calls)
        if LONG or number % 4 == 0:
            disk.watch = None
            folder = tmp_path / f"{number}"
            shutil.copytree(story.folder, folder, ignore=shutil.ignore_patterns("ledger.db*"))
            for path, data in disk.after_power_loss(kept).items():
                (folder / Path(path).name).write_bytes(data)
            found.append((folder, sum(story.charged.values())))
            disk.watch = lose_power

    disk.fail(0, full=False)
    disk.watch = lose_power
    story.spend()
    story.leave()
    disk.watch = None
    story.check()
    story.close()
    assert next(calls) > 100
    for folder, charged in found:
        book = Book(SqliteLedger(folder / "ledger.db", clock=story.clock))
        recover(book, folder / "journals", boot="two")
        for budget in (ORG, story.key):
            balance = book.balance(budget)
            assert charged <= balance.spent <= budget.cap
            assert balance.reserved == 0
        assert book.epochs() == []
        assert book.audit() == []
        book.shut()
    assert {charged for _, charged in found} > {0}
