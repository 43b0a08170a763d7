"""A gateway whose upstream answers as the test says, and whose time passes when the test says so."""

from __future__ import annotations

import asyncio
import json

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.exchange import CUT, SLOW
from support.asgi import Line, ask_soon
from support.house import AUTH, records
from support.scripted import event

ASK = {"model": "m", "messages": [{"role": "user", "content": "x" * 400}]}
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
DOWN = Failure("connect", 502, "Connection refused.")


class Try:
    """One request to an upstream, and its answer as far as the test has given it."""

    def __init__(self, outgoing, deadlines):
        self.body, self.deadlines = json.loads(outgoing.body), deadlines
        self.model = self.body.get("model", "")
        self.status, self.headers, self.bytes_in = 0, [], 0
        self.closed = False
        self._pieces, self._failure, self._ended = [], None, False
        self._waiter = None

    def head(self, status=200, kind=b"application/json"):
        self.status, self.headers = status, [(b"content-type", kind)]
        self._wake()
        return self

    def says(self, *pieces):
        self._pieces += [event(piece) for piece in pieces]
        self._wake()
        return self

    def ends(self):
        self._ended = True
        self._wake()

    def fails(self, failure=DOWN):
        self._failure = failure
        self._wake()

    def answers(self, body=REPLY, status=200):
        self.head(status)
        self._pieces.append(json.dumps(body).encode())
        self.ends()

    def streams(self, *pieces):
        return self.head(kind=b"text/event-stream").says(*pieces)

    async def headed(self):
        while not self.status and self._failure is None:
            await self._wait()
        if isinstance(self._failure, Refusal):
            raise self._failure
        return self if self._failure is None else self._failure

    def header(self, name):
        return dict(self.headers).get(name, b"")

    async def chunk(self):
        while True:
            if self._pieces:
                return self._pieces.pop(0)
            if self._failure is not None or self._ended:
                return b"" if self._failure is None else self._failure
            await self._wait()

    async def read(self, limit):
        body = b""
        while piece := await self.chunk():
            if isinstance(piece, Failure):
                return piece
            body += piece
        return body

    async def pour(self, take):
        while piece := await self.chunk():
            if isinstance(piece, Failure):
                return piece
            if not take(piece):
                return SLOW
        return None

    def hurry(self, seconds):
        self.ends()

    def close(self):
        if not self.closed:
            self.closed = True
            if not self._ended:
                self._failure = self._failure or CUT
            self._wake()

    async def _wait(self):
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self):
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Timer:
    def __init__(self, at, call):
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self):
        self.cancelled = True


class Stage:
    """The gateway with an upstream that answers as the test says, and its clock."""

    def __init__(self, app, tmp_path):
        self.app, self.tmp = app, tmp_path
        self.now = 1024.0
        self.timers, self.tries = [], []
        self.line = Line()
        runtime = app.runtime
        runtime.clock, runtime.later, runtime.chance = (lambda: self.now), self.later, (lambda: 0.5)
        runtime.clients["https"] = self

    async def send(self, destination, outgoing, deadlines, slot):
        if slot.aborted:
            return CUT
        made = Try(outgoing, deadlines)
        self.tries.append(made)
        slot.holds = made
        return await made.headed()

    def later(self, seconds, call):
        timer = Timer(self.now + seconds, call)
        self.timers.append(timer)
        return timer

    async def passes(self, seconds):
        self.now += seconds
        for timer in self.timers:
            if timer.at <= self.now and not timer.cancelled:
                timer.cancel()
                timer.call()
        await quiet()

    async def asks(self, config, body=ASK, path="/v1/chat/completions", headers=()):
        """A request is under way; what it comes to is the task's."""
        self.line = Line()
        headers = [*AUTH, ("x-portkey-config", json.dumps(config)), *headers]
        task = asyncio.ensure_future(ask_soon(self.app.gateway, "POST", path, body=body, headers=headers, line=self.line))
        await quiet()
        return task

    @property
    def record(self):
        return records(self.tmp)[-1]

    @property
    def attempts(self):
        return [(each.target[-10:], each.status, each.kind) for each in self.record.attempts]

    @property
    def went(self):
        return [(each.at[-10:], each.what, each.why) for each in self.record.decisions]

    def pulse(self, slug, model):
        return self.app.runtime.health.pulse((slug, model))


async def quiet():
    """Until everybody waits for something that only the test gives."""
    for _ in range(30):
        await asyncio.sleep(0)


def scene(play):
    """A test that is a play of the stage."""

    def test(stage):
        asyncio.run(play(stage))

    test.__name__, test.__doc__ = play.__name__, play.__doc__
    return test
