"""The race of a hedged request: a second attempt beside the first one, while that has not begun its answer.

Whichever begins first (`opening.py`) is the answer, and is taken as any attempt's is; the other one is broken off at once, and
is on record with what it cost. Until then nothing has reached the caller. A failure while the other one is under way is no
answer: that one goes on alone. `policy.hedge` says when a second attempt goes out, and how many may.
"""

from __future__ import annotations

import asyncio

from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.attempt import Make, Take, afford, begin, end, read_failure, ready, send
from lockgate.pipeline.hold import Hold
from lockgate.pipeline.opening import Opening
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import Plan
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.target import Target
from lockgate.policy.hedge import Hedge
from lockgate.transport.exchange import Abort


async def race(
    passing: Passing, plan: Plan, prepared: Prepared, hold: Hold | None, hedge: Hedge, make: Make, take: Take
) -> tuple[Prepared, Failure | None]:
    """One try, begun already (`begin`), and one more beside it if it is slow. None when the caller has been answered, else why
    another may be tried; and whose word that is. The plan stands there."""
    account, caller = passing.account, passing.caller
    contest = _Race(passing, plan, prepared, hold, hedge, make)
    winner = await contest.run()
    if winner is None:
        return contest.lost()
    account.sending(winner.prepared, winner.hold, winner.sent)
    caller.on_leave(passing.leaving(winner.abort.abort))
    exchange = winner.exchange
    assert exchange is not None
    try:
        failure = await take(passing, winner.prepared, exchange)
        if failure is not None:
            account.attempted(exchange.status, failure)
        return winner.prepared, failure
    finally:
        caller.on_leave(None)
        exchange.close()
        if winner.hold is not None:
            winner.hold.release()
        end(passing, winner.prepared.target, exchange, winner.sent, account.failed, told=not account.trying)


class _Runner:
    """One of the two. What became of it: `exchange`, an answer that has begun; or `failure`; or `refusal`, our own no."""

    __slots__ = ("abort", "ended", "exchange", "failure", "hold", "out", "prepared", "refusal", "sent", "status", "task")

    def __init__(self, prepared: Prepared, hold: Hold | None, now: float) -> None:
        self.prepared = prepared
        self.hold = hold  # what it has reserved
        self.out = False  # whether the request has gone out
        self.sent = now
        self.abort = Abort()
        self.ended = False
        self.status = 0
        self.exchange: Opening | None = None
        self.failure: Failure | None = None
        self.refusal: Refusal | None = None
        self.task: asyncio.Task[None] | None = None

    async def run(self, passing: Passing, make: Make | None) -> None:
        """Until the answer begins, or does not. `make`: for the second one, which has to reserve first."""
        late = make is not None
        try:
            if make is not None:
                self.prepared, self.hold = await afford(passing, self.prepared, make)
            self.out = True
            exchange = await send(passing, self.prepared, self.abort, self.hold, late=late)
        except Refusal as refusal:
            self.refusal = refusal
            return
        if isinstance(exchange, Failure):
            self.failure = exchange
            return
        self.status = exchange.status
        self.exchange = Opening(exchange)
        if 200 <= exchange.status < 300:
            self.failure = await self.exchange.begin(self.prepared)
        else:
            self.failure = await read_failure(passing, self.prepared, exchange)


class _Race:
    """One race. Each runner is a task of its own, so that neither waits for what only holds up the other (a credential)."""

    def __init__(self, passing: Passing, plan: Plan, prepared: Prepared, hold: Hold | None, hedge: Hedge, make: Make) -> None:
        self._passing = passing
        self._plan = plan
        self._hedge = hedge
        self._make = make
        self._first = _Runner(prepared, hold, passing.runtime.clock())
        self._second: _Runner | None = None
        self._winner: _Runner | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pace = passing.runtime.health.pace(prepared.target.key, hedge, prepared.stream)

    async def run(self) -> _Runner | None:
        """The one that has begun its answer; None when none does."""
        runtime, caller = self._passing.runtime, self._passing.caller
        self._passing.account.sending(self._first.prepared, hold=self._first.hold)
        self._pace.asked()
        wait_s = self._pace.wait_s()
        timer = None if wait_s is None else runtime.later(wait_s, self._send_second)
        self._start(self._first)
        caller.on_leave(self._break_off)
        try:
            await self._over
        finally:
            if timer is not None:
                timer.cancel()
            caller.on_leave(None)
            self._break_off()
        if self._winner is self._second is not None and not self._hedge.same:
            self._plan.move()
        return self._winner

    def lost(self) -> tuple[Prepared, Failure]:
        """Why nobody has answered: the word of the second, where it has one. Raises the `Refusal` of the first."""
        first, second, account = self._first, self._second, self._passing.account
        if second is None or second.failure is None:
            if first.failure is None:
                assert first.refusal is not None
                raise first.refusal
            return first.prepared, first.failure
        account.sending(second.prepared, second.hold, second.sent)
        if not self._hedge.same:
            if first.failure is not None:
                self._plan.note(first.prepared.target.path, "left", f"{first.failure.kind} ({first.failure.status})")
            self._plan.move()
        return second.prepared, second.failure

    def _send_second(self) -> None:
        """The wait is over."""
        passing, target = self._passing, self._first.prepared.target
        if self._over.done() or passing.caller.left or not self._pace.spend():
            return
        waited_s = passing.runtime.clock() - self._first.sent
        self._plan.note(target.path, "hedged", f"no answer after {waited_s:.3g} s")
        prepared: Prepared | None = self._first.prepared
        if self._hedge.same:
            passing.runtime.health.begin_anyway(target.key)
        else:
            try:
                prepared = self._plan.beside(self._ready)
            except Refusal as refusal:  # no condition of a choice holds
                self._plan.note(target.path, "hedged", refusal.message)
                return
        if prepared is not None:
            self._second = _Runner(prepared, None, passing.runtime.clock())
            self._start(self._second)

    def _ready(self, target: Target) -> Prepared | None:
        prepared = ready(self._make, target)
        if begin(self._passing, target, self._plan.blind):
            return prepared
        self._plan.note(target.path, "skipped", "its circuit is half open, and another request is probing it")
        return None

    def _start(self, runner: _Runner) -> None:
        runner.task = asyncio.get_running_loop().create_task(self._run(runner))
        runner.task.add_done_callback(self._done)

    async def _run(self, runner: _Runner) -> None:
        failure = None
        try:
            await runner.run(self._passing, None if runner is self._first else self._make)
            if not self._over.done():
                failure = runner.failure
                self._ended(runner)
        finally:
            if runner is not self._winner:
                end(self._passing, runner.prepared.target, runner.exchange, runner.sent, failure, told=failure is not None)
                if runner.exchange is not None:
                    runner.exchange.close()
                if runner.hold is not None:
                    runner.hold.release()

    def _done(self, task: asyncio.Task[None]) -> None:
        """What nobody expected ends the race. After it, it is the loop's to tell."""
        if self._over.done():
            return
        if task.cancelled():
            self._over.cancel()
        elif (error := task.exception()) is not None:
            self._over.set_exception(error)

    def _ended(self, runner: _Runner) -> None:
        """A runner has come to its end: the first to begin an answer wins."""
        runner.ended = True
        passing, target = self._passing, runner.prepared.target
        if runner.exchange is not None and runner.failure is None:
            self._win(runner)
            return
        if runner.failure is not None:
            passing.account.sending(runner.prepared, runner.hold, runner.sent)
            passing.account.heard()
            passing.account.attempted(runner.status, runner.failure)
        elif runner.refusal is not None:
            self._plan.note(target.path, "skipped", runner.refusal.message)
        if self._first.ended and (self._second is None or self._second.ended):
            self._over.set_result(None)

    def _win(self, winner: _Runner) -> None:
        """The other one is broken off and charged. How long it took counts where it was the first, by what is known of it."""
        passing, now = self._passing, self._passing.runtime.clock()
        health = passing.runtime.health
        self._winner = winner
        for runner in (self._first, self._second):
            if runner is None or (runner is not winner and runner.ended):
                continue
            target = runner.prepared.target
            if runner is not winner and runner.out:
                passing.account.beaten(runner.prepared, runner.hold, runner.sent, runner.status)
                self._plan.note(target.path, "left", "the one beside it was faster")
            if runner is self._first:
                self._pace.began(now - runner.sent)
                if runner is not winner:
                    health.answered(target.key, None, runner.sent, now)
            elif runner is winner and target.hedge is not None:
                health.pace(target.key, target.hedge, runner.prepared.stream).began(now - runner.sent)
        self._over.set_result(None)
        self._break_off()

    def _break_off(self) -> None:
        """End what is under way, but for the winner."""
        for runner in (self._first, self._second):
            if runner is not None and runner is not self._winner:
                runner.abort.abort()
