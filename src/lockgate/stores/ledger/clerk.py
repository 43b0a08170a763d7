"""The clerk: where a worker's wants and news wait for the ledger, and are sent to it in batches, in their order.

Whoever has something puts it in with what to call when it is known what became of it; one thread makes the steps. A batch
that broke off while it was committed is in doubt until the ledger can be asked, and nothing else is sent before: so each is
applied once, whatever breaks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from lockgate.policy.teller import Flush
from lockgate.stores.ledger.book import Answer, Book, Doubt
from lockgate.stores.ledger.change import Heard, Op, Result
from lockgate.stores.ledger.ports import Fenced
from lockgate.stores.ports import StoreError

#: Operations in one batch: the transaction holds others up for as long as it takes.
BATCH = 1000

#: What became of an operation. `StoreError`: nothing, it was not applied; `Fenced`: nothing ever will.
Done = Callable[[Result | StoreError | Fenced], None]


class Clerk:
    """One epoch's. `hear` is told what the ledger says of leases, and its time (µs since the epoch); `over`, why the epoch is
    over."""

    def __init__(
        self, book: Book, epoch: int, hear: Callable[[Sequence[Heard], int], None], over: Callable[[str], None]
    ) -> None:
        self.epoch = epoch
        self._book = book
        self._hear = hear
        self._over = over
        self._batch = 0
        self._waiting: deque[tuple[Op, Done]] = deque()
        self._beat: tuple[int, ...] | None = None
        self._doubt: tuple[list[tuple[Op, Done]], Answer | None, str] | None = None
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return (
            f"Clerk(epoch {self.epoch}, batch {self._batch}, {len(self._waiting)} waiting{', in doubt' if self._doubt else ''})"
        )

    def put(self, op: Op, done: Done) -> None:
        """Something to be sent; `done` is called by whoever makes the step."""
        self._waiting.append((op, done))

    def beat(self, leases: Sequence[int]) -> None:
        """Tell that the worker lives, with the next batch, and ask how these leases stand."""
        self._beat = tuple(leases)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to be sent."""
        return not self._waiting and self._beat is None and self._doubt is None

    def step(self) -> None:
        """Send what there is. What fails is told, and not tried again here."""
        with self._turn:
            if self._doubt is not None and not self._resolve():
                return
            waiting = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            batch = self._quick(waiting)
            beat, self._beat = self._beat, None
            if not batch and beat is None:
                return
            try:
                answer = self._book.transact(self.epoch, self._batch + 1, [op for op, _ in batch], beat or ())
            except Doubt as doubt:
                self._doubt = batch, doubt.answer, str(doubt)
                self._resolve()
            except (StoreError, Fenced) as error:
                self._tell(batch, error)
            else:
                self._batch += 1
                self._deliver(batch, answer)

    def _quick(self, waiting: list[tuple[Op, Done]]) -> list[tuple[Op, Done]]:
        """Answer what can be without asking the ledger; those that are left."""
        asked = [(op, done) for op, done in waiting if not isinstance(op, Flush)]
        answers = self._book.quick(self.epoch, [op for op, _ in asked]) if asked else {}
        if not answers:
            return waiting
        for index, granted in answers.items():
            asked[index][1](granted)
        answered = {id(asked[index][0]) for index in answers}
        return [each for each in waiting if id(each[0]) not in answered]

    def _resolve(self) -> bool:
        """Ask whether the last batch was applied; False: nobody knows yet."""
        assert self._doubt is not None
        batch, answer, why = self._doubt
        try:
            row = self._book.epoch(self.epoch)
        except StoreError:
            return False
        self._doubt = None
        if row is not None and row.batch > self._batch:
            assert answer is not None, "a batch was applied that was never made"
            self._batch += 1
            self._deliver(batch, answer)
        elif row is None or row.state != "open":
            self._tell(batch, Fenced(f"epoch {self.epoch} was silent for too long"))
        else:
            self._tell(batch, StoreError(f"the ledger broke off: {why}"))
        return True

    def _deliver(self, batch: Sequence[tuple[Op, Done]], answer: Answer) -> None:
        for (_, done), result in zip(batch, answer.results, strict=True):
            done(result)
        self._hear(answer.heard, answer.now_us)

    def _tell(self, batch: Sequence[tuple[Op, Done]], error: StoreError | Fenced) -> None:
        over = isinstance(error, Fenced)
        for _, done in [*batch, *self._waiting] if over else batch:
            done(error)
        if over:
            self._waiting.clear()
            self._over(str(error))
