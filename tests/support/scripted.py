"""A scripted upstream client: each send gets the next answer of the script."""

from __future__ import annotations

import asyncio
import json

from lockgate.core.failure import Failure
from lockgate.transport.exchange import CUT, SLOW


class ScriptedExchange:
    def __init__(self, status, pieces, headers=(), hang=False):
        self.status = status
        self.headers = [(b"content-type", b"application/json"), *headers]
        self.bytes_in = 0
        self.closed = False
        self._pieces = [pieces] if isinstance(pieces, bytes | Failure) else list(pieces)
        self._hang = hang
        self._wake = None

    def __repr__(self):
        return f"ScriptedExchange({self.status})"  # the same in every process: tests are named by it

    def header(self, name):
        return next((value for key, value in reversed(self.headers) if key == name), b"")

    async def chunk(self):
        if self.closed:
            return CUT
        if self._pieces:
            return self._pieces.pop(0)
        if self._hang:
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
            return CUT
        return b""

    async def pour(self, take):
        while piece := await self.chunk():
            if isinstance(piece, Failure):
                return piece
            if not take(piece):
                return SLOW
        return None

    async def read(self, limit):
        body = b""
        while True:
            piece = await self.chunk()
            if isinstance(piece, Failure) or not piece:
                return piece if isinstance(piece, Failure) else body
            body += piece

    def hurry(self, seconds):
        self.hurried = seconds
        if self._hang:
            self._hang = False
            self._pieces.append(Failure("timeout", 504, "the end did not come"))

    def close(self):
        self.closed = True
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def events(*payloads, hang=False, end=()):
    """An SSE answer; a payload is an object, a (name, object) pair, bytes as they are, or a Failure."""
    return ScriptedExchange(200, [*map(event, payloads), *end], [(b"content-type", b"text/event-stream")], hang)


def event(payload):
    if isinstance(payload, bytes | Failure):
        return payload
    if isinstance(payload, tuple):
        name, data = payload
        return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
    return f"data: {json.dumps(payload)}\n\n".encode()


class ScriptedClient:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []

    async def send(self, destination, outgoing, deadlines, slot=None):
        self.sent.append((destination, outgoing))
        answer = self.answers.pop(0)
        if slot is not None and not isinstance(answer, Failure):
            slot.holds = answer
        return answer

    @property
    def body(self):
        return json.loads(self.sent[-1][1].body)

    @property
    def headers(self):
        return dict(self.sent[-1][1].headers)
