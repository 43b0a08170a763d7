"""A few connections on which the loop asks a server for answers, and nobody who asks is held up.

Connections are made beside the requests and take their time; a request does not: after some ticks it goes on without an
answer. When nobody had an answer meanwhile the server is in trouble: all others that wait go on as well, and it is left alone
for a while. Ticks are the loop's, so that time in which this process itself does not get on is not held against the server.
What comes while all connections are busy is asked in one round trip with what else has come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from lockgate.stores.cache.trouble import Trouble
from lockgate.stores.ports import StoreError

#: What a request waits at most: so many ticks of so many seconds.
TICKS, TICK_S = 5, 0.01
#: Connections, and keys that are asked for at once on one.
_LANES, _BATCH = 4, 32
#: How long making a connection may take, in seconds.
CONNECT_S = 3.0

T = TypeVar("T")


class Line(Protocol[T]):
    """A connection."""

    async def read(self, keys: Sequence[bytes]) -> dict[bytes, T]:
        """What stands at these keys, as far as there is something. Raises `StoreError`. Once cancelled, it is only closed."""
        ...

    async def close(self) -> None:
        """Let go of it; there is nothing to wait for."""
        ...


class _Question(msgspec.Struct, eq=False):
    key: bytes
    late: int  # the tick at which it is
    answer: asyncio.Future[Any]


class Lanes(Generic[T]):
    """The connections to a server that is called `where`; `connect` makes one, or raises `StoreError`. `batch` is how many keys
    one is asked for at once."""

    def __init__(self, where: str, connect: Callable[[], Awaitable[Line[T]]], trouble: Trouble, *, batch: int = _BATCH) -> None:
        self._where = where
        self._batch = batch
        self._connect = connect
        self._trouble = trouble
        self._open: dict[_Question, None] = {}  # all that wait, the eldest first
        self._queue: deque[_Question] = deque()  # those of them that nobody has asked yet
        self._lanes: set[asyncio.Task[None]] = set()
        self._reading: dict[asyncio.Task[None], int] = {}  # lanes that wait for the server, and since which tick
        self._idle: deque[asyncio.Future[None]] = deque()
        self._tick = 0
        self._answered = -TICKS  # the tick of the last answer
        self._ticking: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Lanes({self._where}, {len(self._lanes)} connections, {len(self._open)} wait)"

    async def find(self, key: bytes) -> T | None:
        """What stands at a key; None: nothing, or nobody knows in time."""
        if not self._trouble.may_ask():
            return None
        loop = asyncio.get_running_loop()
        question = _Question(key, self._tick + TICKS, loop.create_future())
        self._open[question] = None
        self._queue.append(question)
        if self._ticking is None:
            self._ticking = loop.call_later(TICK_S, self._on_tick)
        self._put_to_work(loop)
        try:
            return await question.answer
        finally:
            self._open.pop(question, None)

    async def close(self) -> None:
        """Let go of all connections; who still waits has no answer."""
        self._give_up()
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        lanes = list(self._lanes)
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)

    def _put_to_work(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return
        if len(self._lanes) < _LANES:
            lane = loop.create_task(self._serve())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    def _on_tick(self) -> None:
        self._ticking = None
        self._tick += 1
        for lane, since in self._reading.items():
            if since + TICKS <= self._tick:
                lane.cancel()
        late = [question for question in self._open if question.late <= self._tick]
        if late and self._answered + TICKS <= self._tick:
            self._fail(f"{self._where} does not answer within {TICKS * TICK_S * 1000:.0f} ms")
        for question in late:
            self._settle(question, None)
        if self._open or self._reading:
            self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._on_tick)

    def _fail(self, sentence: str) -> None:
        self._trouble.happened(sentence)
        self._give_up()

    def _give_up(self) -> None:
        for question in list(self._open):
            self._settle(question, None)
        self._queue.clear()

    def _settle(self, question: _Question, answer: T | None) -> None:
        self._open.pop(question, None)
        if not question.answer.done():
            question.answer.set_result(answer)

    # --- a lane

    async def _serve(self) -> None:
        """One connection after another, until there is trouble. One that has served before and fails is replaced at once: the
        server may just have closed what was idle, or have started anew. A client's library may swallow a cancellation."""
        lane = asyncio.current_task()
        assert lane is not None
        batch: list[_Question] = []
        while True:
            line: Line[T] | None = None
            fresh = True
            try:
                async with asyncio.timeout(CONNECT_S):
                    line = await self._connect()
                while not lane.cancelling():
                    batch = [each for each in batch or await self._next() if not each.answer.done()]
                    if batch:
                        self._answer(batch, await self._read(lane, line, [each.key for each in batch]))
                        batch, fresh = [], False
                return
            except StoreError as error:
                if fresh:
                    self._fail(str(error))
                    return
            except TimeoutError:
                self._fail(f"{self._where} cannot be connected to within {CONNECT_S:.0f} s")
                return
            finally:
                if line is not None:
                    await line.close()

    async def _next(self) -> list[_Question]:
        """What there is to ask."""
        while not self._queue:
            idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle
        return [self._queue.popleft() for _ in range(min(len(self._queue), self._batch))]

    async def _read(self, lane: asyncio.Task[None], line: Line[T], keys: Sequence[bytes]) -> dict[bytes, T]:
        self._reading[lane] = self._tick
        try:
            return await line.read(keys)
        finally:
            del self._reading[lane]

    def _answer(self, batch: Sequence[_Question], found: dict[bytes, T]) -> None:
        self._trouble.over()
        self._answered = self._tick
        for question in batch:
            self._settle(question, found.get(question.key))
