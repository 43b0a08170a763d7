"""`Session`: one epoch of a worker: its teller, its journal, and the clerk through whom it talks to the ledger.

The teller belongs to the event loop, the database to the hand. What the hand finds out is put on a pile, which the loop works
off after each step.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lockgate.policy.ledger import Allotment, Short, Want
from lockgate.policy.teller import Flush, Teller
from lockgate.stores.ledger.book import Book, Finding
from lockgate.stores.ledger.change import Heard, Result
from lockgate.stores.ledger.clerk import Clerk
from lockgate.stores.ledger.hand import Hand
from lockgate.stores.ledger.journal import FileJournal, NoJournal
from lockgate.stores.ledger.ports import Fenced
from lockgate.stores.ports import StoreError

#: What became of a question.
Reply = tuple[Allotment, ...] | Short | StoreError | Fenced


class Session:
    """One epoch. `hear` is told the ledger's time (µs since the epoch) with each answer, `over` that the epoch is
    and why, `say` in words what went wrong. News that could not be told are told again `again_s` later."""

    def __init__(
        self,
        book: Book,
        journal: FileJournal,
        epoch: int,
        hand: Hand,
        numbers: Iterator[int],
        *,
        hear: Callable[[int], None],
        over: Callable[[Session, str], None],
        say: Callable[[str], None],
        again_s: float,
    ) -> None:
        self.epoch = epoch
        self.teller = Teller(journal, numbers)
        self.journal = journal
        self._book = book
        self._hand = hand
        self._hear = hear
        self._over = over
        self._say = say
        self._again_s = again_s
        self._loop = asyncio.get_running_loop()
        self._pile: deque[Callable[[], None]] = deque()
        self._clerk = Clerk(book, epoch, partial(self._lay, self._heard), partial(self._lay, self._fenced))
        self._flush: Flush | None = None
        self._stepping = self._fenced_off = False

    def __repr__(self) -> str:
        return f"Session({self._clerk}, {self.teller})"

    @property
    def at_rest(self) -> bool:
        """Whether nothing is open, and the ledger knows everything."""
        return self._flush is None and not self._stepping and self.teller.at_rest

    def ask(self, wants: Sequence[Want], reply: Callable[[Reply], None]) -> None:
        """Ask the ledger for leases; `reply` is called in the loop."""

        def done(result: Result | StoreError | Fenced) -> None:
            assert result is not None, "no answer to a question"
            self._pile.append(partial(reply, result))

        self._clerk.put(tuple(wants), done)
        self._step()

    def send_news(self, now_us: int) -> None:
        """Tell the ledger what was spent, unless it is being told something."""
        if self._flush is None:
            self._flush = self.teller.flush(now_us)
            self._send()

    def beat(self) -> None:
        """Tell that the worker lives, and hear how its budgets stand."""
        self._clerk.beat(self.teller.leases)
        self._step()

    def end(self) -> None:
        """The epoch's end, when nothing is open any more. What cannot be told now the journal tells, to whoever looks for the
        dead."""
        self._hand.do(self._end)

    def leave(self) -> None:
        """As `end`, while there is something open: whoever settles it later says so to nobody."""
        self.teller.journal = NoJournal()
        if not self.journal.closed:
            self.journal.close(gone=False)

    # --- in the loop

    def _send(self) -> None:
        flush = self._flush
        if flush is not None and not self._fenced_off:
            self._clerk.put(flush, lambda result: self._pile.append(partial(self._told, flush, result)))
            self._step()

    def _told(self, flush: Flush, result: Result | StoreError | Fenced) -> None:
        """The ledger has the news; or has not, yet. (Where it never will, `_fenced` has them back.)"""
        if isinstance(result, StoreError):
            self._say(str(result))
            self._loop.call_later(self._again_s, self._send)
        elif not isinstance(result, Fenced):
            self.teller.flushed(flush.seq)
            self._flush = None

    def _heard(self, heard: Sequence[Heard], now_us: int) -> None:
        self._hear(now_us)
        for each in heard:
            self.teller.hear(each.number, each.share, each.hard)

    def _fenced(self, why: str) -> None:
        if self._fenced_off:
            return
        self._fenced_off = True
        if self._flush is not None:
            self.teller.unflush(self._flush)
            self._flush = None
        self._over(self, why)

    def _step(self) -> None:
        """Let the clerk send what there is, if he is not about to."""
        if not self._stepping:
            self._stepping = True
            self._hand.do(self._make_step)

    def _stepped(self) -> None:
        self._stepping = False
        while self._pile:
            self._pile.popleft()()
        if not self._clerk.idle:
            self._step()

    # --- in the hand

    def _make_step(self) -> None:
        self._clerk.step()
        self._loop.call_soon_threadsafe(self._stepped)

    def _lay(self, call: Callable[..., None], *values: object) -> None:
        self._pile.append(partial(call, *values))

    def _end(self) -> None:
        try:
            self._book.end(self.epoch, Finding(self.teller.beyond()))
            self.journal.close(gone=True)
        except StoreError as error:
            self.journal.close(gone=False)
            self._say(str(error))
